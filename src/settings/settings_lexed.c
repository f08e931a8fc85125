/*
 * This file keeps the texts and tokens of a configuration, and shows places in
 * them; it does not make tokens.
 */
#include "config.h"

#include "settings/settings_lex.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
	EXCERPT_MAX = 200, /* bytes of a line that are worth showing */
	REPORT_MAX = 4096
};

uint32_t
sh_lexed_add_file(
    struct sh_lexed *lexed, const char *name, const char *text, size_t len)
{
	struct sh_lexed_file *file;

	lexed->files = sh_xgrow(
	    lexed->files, lexed->file_count + 1, sizeof(*lexed->files));
	file = &lexed->files[lexed->file_count];
	file->name = sh_xstrdup(name);
	file->text = sh_xcalloc(len + 1, 1);
	if (len != 0)
		memcpy(file->text, text, len);
	file->len = len;
	return (uint32_t)lexed->file_count++;
}

void
sh_lexed_add_text(struct sh_lexed *lexed, const char *name, const char *text,
    size_t len, struct sh_diagnostics *diags)
{
	sh_lex_scan(
	    lexed, sh_lexed_add_file(lexed, name, text, len), NULL, diags);
}

void
sh_lexed_fini(struct sh_lexed *lexed)
{
	size_t i;

	for (i = 0; i < lexed->file_count; i++) {
		free(lexed->files[i].name);
		free(lexed->files[i].text);
	}
	free(lexed->files);
	free(lexed->tokens);
	free(lexed->nodes);
	*lexed = (struct sh_lexed){ .follow = lexed->follow };
}

void
sh_lexed_emit(const struct sh_lexed *lexed, struct sh_buf *out)
{
	size_t i;

	for (i = 0; i < lexed->token_count; i++) {
		sh_buf_add(out, lexed->tokens[i].text, lexed->tokens[i].len);
		sh_buf_add(out, "\n", 1);
	}
}

char *
sh_lexed_place(const struct sh_lexed *lexed, struct sh_lex_pos pos)
{
	return sh_xprintf(
	    "%s:%u:%u", lexed->files[pos.file].name, pos.line, pos.column);
}

static bool
is_printable(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (iscntrl((unsigned char)text[i]) && text[i] != '\t')
			return false;
	return true;
}

/* Append the source line and a mark below the column. */
static void
add_excerpt(
    const struct sh_lexed *lexed, struct sh_lex_pos pos, struct sh_buf *out)
{
	const struct sh_lexed_file *file = &lexed->files[pos.file];
	const char *line = file->text, *end = file->text + file->len, *p;
	uint32_t n, column;
	size_t len;

	for (n = 1; n < pos.line && line < end; n++) {
		p = memchr(line, '\n', (size_t)(end - line));
		line = p != NULL ? p + 1 : end;
	}
	p = memchr(line, '\n', (size_t)(end - line));
	len = (size_t)((p != NULL ? p : end) - line);
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len > EXCERPT_MAX || !is_printable(line, len))
		return;
	sh_buf_printf(out, "\n    %.*s\n    ", (int)len, line);
	for (p = line, column = 1; column < pos.column && p < line + len; p++) {
		if (((unsigned char)*p & 0xc0) == 0x80)
			continue;
		sh_buf_add(out, *p == '\t' ? "\t" : " ", 1);
		column++;
	}
	sh_buf_puts(out, "^");
}

void
sh_lexed_report(const struct sh_lexed *lexed, struct sh_lex_pos pos,
    struct sh_diagnostics *diags, const char *format, ...)
{
	struct sh_buf text;
	char *place = sh_lexed_place(lexed, pos);
	char *whole;
	va_list args;

	sh_buf_init(&text, REPORT_MAX);
	va_start(args, format);
	sh_buf_vprintf(&text, format, args);
	va_end(args);
	add_excerpt(lexed, pos, &text);
	whole = sh_buf_take(&text);
	sh_diagnose(diags, place, "%s", whole != NULL ? whole : "syntax error");
	free(whole);
	free(place);
}

static unsigned
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

/* Length of the escape at p and its byte; 0 when it stands for itself. */
static size_t
read_escape(const char *p, const char *end, char *byte_out)
{
	static const char letters[] = "nrtf\\\"", bytes[] = "\n\r\t\f\\\"";
	const char *letter;

	if (end - p < 2 || p[0] != '\\' || p[1] == '\0')
		return 0;
	letter = strchr(letters, p[1]);
	if (letter != NULL) {
		*byte_out = bytes[letter - letters];
		return 2;
	}
	if (end - p < 4 || p[1] != 'x' || !isxdigit((unsigned char)p[2]) ||
	    !isxdigit((unsigned char)p[3]))
		return 0;
	*byte_out = (char)(hex_digit(p[2]) * 16 + hex_digit(p[3]));
	return 4;
}

void
sh_token_unescape(const struct sh_token *token, struct sh_buf *out)
{
	const char *p = token->text + 1, *end = token->text + token->len;

	if (end > p && end[-1] == '"')
		end--;
	while (p < end) {
		char c = *p;
		size_t n = read_escape(p, end, &c);

		sh_buf_add(out, &c, 1);
		p += n != 0 ? n : 1;
	}
}
