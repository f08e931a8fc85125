/*
 * This file cuts the text of a configuration into tokens; it does not know
 * which keys there are, and opens no files.
 */
#include "config.h"

#include "settings/settings_lex.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "settings/settings_number.h"

/* After so many in one file it is not a configuration. */
enum { LEX_ERRORS_MAX = 50 };

struct lexer {
	struct sh_lexed *lexed;
	struct sh_diagnostics *diags;
	const struct sh_lex_frame *frame;
	const char *p, *end, *line_start;
	uint32_t file, line;
	unsigned errors;
};

static struct sh_lex_pos
position_of(const struct lexer *lexer, const char *p)
{
	struct sh_lex_pos pos = { lexer->file, lexer->line, 1 };
	const char *c;

	for (c = lexer->line_start; c < p; c++)
		if (((unsigned char)*c & 0xc0) != 0x80) /* UTF-8 */
			pos.column++;
	return pos;
}

static void
push_token(
    struct lexer *lexer, enum sh_token_type type, const char *text, size_t len)
{
	struct sh_lexed *lexed = lexer->lexed;

	if (lexed->token_count == lexed->token_cap) {
		lexed->token_cap = lexed->token_cap ? 2 * lexed->token_cap : 64;
		lexed->tokens = sh_xgrow(
		    lexed->tokens, lexed->token_cap, sizeof(*lexed->tokens));
	}
	lexed->tokens[lexed->token_count++] = (struct sh_token){ .type = type,
		.pos = position_of(lexer, text),
		.text = text,
		.len = len };
}

/* Count an error; the rest of a hopeless file is not read. */
static void
give_up_after_many(struct lexer *lexer)
{
	if (++lexer->errors == LEX_ERRORS_MAX)
		lexer->p = lexer->end;
}

#define complain(lexer, at, ...)                                 \
	(sh_lexed_report((lexer)->lexed, position_of(lexer, at), \
	     (lexer)->diags, __VA_ARGS__),                       \
	    give_up_after_many(lexer))

static void
end_line(struct lexer *lexer)
{
	lexer->p++;
	lexer->line++;
	lexer->line_start = lexer->p;
}

static bool
starts_with(const struct lexer *lexer, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(lexer->end - lexer->p) >= len &&
	    memcmp(lexer->p, text, len) == 0;
}

static void
skip_line_comment(struct lexer *lexer)
{
	while (lexer->p < lexer->end && *lexer->p != '\n')
		lexer->p++;
}

static void
skip_block_comment(struct lexer *lexer)
{
	struct sh_lex_pos opened = position_of(lexer, lexer->p);

	for (lexer->p += 2; lexer->p < lexer->end;) {
		if (starts_with(lexer, "*/")) {
			lexer->p += 2;
			return;
		}
		if (*lexer->p == '\n')
			end_line(lexer);
		else
			lexer->p++;
	}
	sh_lexed_report(lexer->lexed, opened, lexer->diags,
	    "this comment is never closed; expected */");
}

static bool
is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '*';
}

static void
scan_name(struct lexer *lexer)
{
	const char *start = lexer->p;
	size_t len;
	bool truth;

	while (lexer->p < lexer->end && is_name_char(*lexer->p))
		lexer->p++;
	len = (size_t)(lexer->p - start);
	truth = (len == 4 && strncasecmp(start, "true", len) == 0) ||
	    (len == 5 && strncasecmp(start, "false", len) == 0);
	push_token(lexer, truth ? SH_TOKEN_BOOL : SH_TOKEN_NAME, start, len);
}

/* libconfig would cut a string at an escaped NUL. */
static void
check_escape(struct lexer *lexer)
{
	const char *p = lexer->p;

	if (lexer->end - p >= 4 && memcmp(p, "\\x00", 4) == 0)
		complain(lexer, p, "a string cannot hold a NUL byte");
}

static void
scan_string(struct lexer *lexer)
{
	const char *start = lexer->p++;

	while (
	    lexer->p < lexer->end && *lexer->p != '\n' && *lexer->p != '\0') {
		if (*lexer->p == '"') {
			lexer->p++;
			push_token(lexer, SH_TOKEN_STRING, start,
			    (size_t)(lexer->p - start));
			return;
		}
		if (*lexer->p == '\\') {
			check_escape(lexer);
			if (lexer->end - lexer->p > 1 && lexer->p[1] != '\n' &&
			    lexer->p[1] != '\0')
				lexer->p++;
		}
		if (lexer->p < lexer->end)
			lexer->p++;
	}
	/* a token all the same, so that the structure can be checked */
	push_token(lexer, SH_TOKEN_STRING, start, (size_t)(lexer->p - start));
	complain(lexer, start,
	    "this string is not closed on its line; a line "
	    "break in a string is written \\n, and strings side by side join");
}

static void
check_number(
    struct lexer *lexer, const char *start, size_t len, enum sh_token_type type)
{
	char text[64];

	if (type == SH_TOKEN_END) {
		complain(lexer, start,
		    "'%.*s' is not a number; a duration, "
		    "size or address is written in quotes: \"%.*s\"",
		    (int)(len < 40 ? len : 40), start,
		    (int)(len < 40 ? len : 40), start);
		return;
	}
	if (len < sizeof(text)) {
		memcpy(text, start, len);
		text[len] = '\0';
		if (sh_number_fits(text, type))
			return;
	}
	complain(lexer, start, "%.*s%s is too large%s",
	    (int)(len < 40 ? len : 40), start, len < 40 ? "" : "...",
	    type == SH_TOKEN_INT ? " for 32 bits; write L behind it" : "");
}

static void
scan_number(struct lexer *lexer)
{
	const char *start = lexer->p;
	size_t len = sh_number_measure(start, lexer->end);
	enum sh_token_type type = sh_number_classify(start, start + len);

	lexer->p += len;
	push_token(
	    lexer, type == SH_TOKEN_END ? SH_TOKEN_INT : type, start, len);
	check_number(lexer, start, len, type);
}

static bool
begins_line(const struct lexer *lexer)
{
	const char *p = lexer->line_start;

	while (p < lexer->p && (*p == ' ' || *p == '\t'))
		p++;
	return p == lexer->p;
}

/* @include "file" */
static void
scan_include(struct lexer *lexer)
{
	static const char word[] = "@include";
	const char *start = lexer->p;
	bool first = begins_line(lexer);
	struct sh_token path;

	lexer->p += sizeof(word) - 1;
	while (lexer->p < lexer->end && (*lexer->p == ' ' || *lexer->p == '\t'))
		lexer->p++;
	if (!first) {
		complain(lexer, start,
		    "@include must be the first thing on its line");
		skip_line_comment(lexer);
		return;
	}
	if (lexer->p == lexer->end || *lexer->p != '"') {
		complain(lexer, start,
		    "expected a file name in quotes after @include");
		return;
	}
	scan_string(lexer); /* its token is the name, not a setting's */
	path = lexer->lexed->tokens[--lexer->lexed->token_count];
	if (lexer->lexed->follow && path.len >= 2)
		sh_lex_include(lexer->lexed, lexer->frame, &path, lexer->diags);
}

static enum sh_token_type
find_punctuation(char c)
{
	switch (c) {
	case '=':
	case ':': return SH_TOKEN_EQUALS;
	case ';': return SH_TOKEN_SEMICOLON;
	case ',': return SH_TOKEN_COMMA;
	case '{': return SH_TOKEN_BRACE_OPEN;
	case '}': return SH_TOKEN_BRACE_CLOSE;
	case '[': return SH_TOKEN_BRACKET_OPEN;
	case ']': return SH_TOKEN_BRACKET_CLOSE;
	case '(': return SH_TOKEN_PAREN_OPEN;
	case ')': return SH_TOKEN_PAREN_CLOSE;
	default: return SH_TOKEN_END;
	}
}

/* Say once what a run of strange characters is. */
static void
refuse_characters(struct lexer *lexer)
{
	const char *start = lexer->p;
	unsigned char c = (unsigned char)*start;

	if (c == '\0') {
		complain(lexer, start, "NUL byte; is this a text file?");
		lexer->p = lexer->end;
		return;
	}
	if (c == '\'') {
		lexer->p += 1 + strcspn(start + 1, "'\n");
		if (*lexer->p == '\'')
			lexer->p++;
		push_token(
		    lexer, SH_TOKEN_STRING, start, (size_t)(lexer->p - start));
		complain(lexer, start, "strings stand in double quotes");
		return;
	}
	while (lexer->p < lexer->end && *lexer->p == *start)
		lexer->p++;
	if (c > 0x20 && c < 0x7f)
		complain(lexer, start, "unexpected character '%c'", c);
	else
		complain(lexer, start,
		    "unexpected byte 0x%02x outside of a "
		    "string or comment",
		    c);
}

static bool
starts_number(const struct lexer *lexer)
{
	const char *p = lexer->p;

	if (isdigit((unsigned char)*p))
		return true;
	return (*p == '-' || *p == '+' || *p == '.') && p + 1 < lexer->end &&
	    (isdigit((unsigned char)p[1]) || p[1] == '.');
}

static void
scan_token(struct lexer *lexer)
{
	char c = *lexer->p;
	enum sh_token_type punctuation = find_punctuation(c);

	if (punctuation != SH_TOKEN_END)
		push_token(lexer, punctuation, lexer->p++, 1);
	else if (c == '"')
		scan_string(lexer);
	else if (isalpha((unsigned char)c) || c == '*')
		scan_name(lexer);
	else if (starts_number(lexer))
		scan_number(lexer);
	else if (starts_with(lexer, "@include"))
		scan_include(lexer);
	else
		refuse_characters(lexer);
}

static void
refuse_byte_order_mark(struct lexer *lexer)
{
	if (!starts_with(lexer, "\xef\xbb\xbf"))
		return;
	complain(lexer, lexer->p,
	    "the file begins with a byte-order mark; "
	    "save it as UTF-8 without one");
	lexer->p += 3;
	lexer->line_start = lexer->p;
}

void
sh_lex_scan(struct sh_lexed *lexed, uint32_t file,
    const struct sh_lex_frame *frame, struct sh_diagnostics *diags)
{
	const struct sh_lexed_file *text = &lexed->files[file];
	struct lexer lexer = { .lexed = lexed,
		.diags = diags,
		.frame = frame,
		.file = file,
		.line = 1,
		.p = text->text,
		.end = text->text + text->len,
		.line_start = text->text };

	refuse_byte_order_mark(&lexer);
	while (lexer.p < lexer.end) {
		if (*lexer.p == '\n')
			end_line(&lexer);
		else if (isspace((unsigned char)*lexer.p))
			lexer.p++;
		else if (*lexer.p == '#' || starts_with(&lexer, "//"))
			skip_line_comment(&lexer);
		else if (starts_with(&lexer, "/*"))
			skip_block_comment(&lexer);
		else
			scan_token(&lexer);
	}
}
