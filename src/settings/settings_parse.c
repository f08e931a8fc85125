/*
 * This file checks the structure of a configuration and says where each
 * setting begins; it does not look at names or values. libconfig parses the
 * same grammar afterwards, but calls every mistake a syntax error.
 */
#include "config.h"

#include "settings/settings_lex.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <shoal/error.h>

#include "base/mem.h"

/* Far more than any schema has; keeps the recursion short. */
enum { NESTING_MAX = 32 };

struct parser {
	struct sh_lexed *lexed;
	struct sh_diagnostics *diags;
	size_t next;
	unsigned depth;
	bool failed; /* reported; nothing after it can be trusted */
};

static bool parse_value(struct parser *parser, const char *what);

static const struct sh_token *
peek_token(const struct parser *parser)
{
	static const struct sh_token end = { .type = SH_TOKEN_END };

	return parser->next < parser->lexed->token_count
	    ? &parser->lexed->tokens[parser->next]
	    : &end;
}

static bool
accept_token(struct parser *parser, enum sh_token_type type)
{
	if (peek_token(parser)->type != type)
		return false;
	parser->next++;
	return true;
}

/* Whether the lexer complained about this line already; the structure is then
 * a consequence. */
static bool
is_known_line(const struct parser *parser, struct sh_lex_pos pos)
{
	char *place =
	    sh_xprintf("%s:%u:", parser->lexed->files[pos.file].name, pos.line);
	bool known = false;
	size_t i;

	for (i = 0; i < parser->diags->count && !known; i++) {
		const char *other = parser->diags->list[i].place;

		known =
		    other != NULL && strncmp(other, place, strlen(place)) == 0;
	}
	free(place);
	return known;
}

/* Where the parser is: the next token, or the last one at the end. */
static struct sh_lex_pos
current_position(const struct parser *parser)
{
	const struct sh_lexed *lexed = parser->lexed;
	size_t i = parser->next < lexed->token_count ? parser->next
						     : lexed->token_count - 1;

	return lexed->tokens[i].pos;
}

#define fail(parser, pos, ...)                                                 \
	((parser)->failed = true,                                              \
	    is_known_line(parser, pos) ? (void)0                               \
				       : sh_lexed_report((parser)->lexed, pos, \
					     (parser)->diags, __VA_ARGS__),    \
	    false)

/* What stands at the parser's place, for a message. */
static char *
describe_token(const struct sh_token *token)
{
	enum { SHOWN_MAX = 30 };

	if (token->type == SH_TOKEN_END)
		return sh_xstrdup("the end of the file");
	if (token->type == SH_TOKEN_STRING)
		return sh_xstrdup("a string");
	return sh_xprintf("'%.*s%s'",
	    (int)(token->len < SHOWN_MAX ? token->len : SHOWN_MAX), token->text,
	    token->len <= SHOWN_MAX ? "" : "...");
}

/* Fail with "expected WHAT, found ...". */
static bool
fail_expected(struct parser *parser, const char *what)
{
	char *found = describe_token(peek_token(parser));
	bool ok = fail(parser, current_position(parser),
	    "expected %s, found %s", what, found);

	free(found);
	return ok;
}

static size_t
push_node(struct parser *parser, const struct sh_token *name)
{
	struct sh_lexed *lexed = parser->lexed;

	if (lexed->node_count == lexed->node_cap) {
		lexed->node_cap = lexed->node_cap ? 2 * lexed->node_cap : 64;
		lexed->nodes = sh_xgrow(
		    lexed->nodes, lexed->node_cap, sizeof(*lexed->nodes));
	}
	lexed->nodes[lexed->node_count] =
	    (struct sh_node){ .name = name, .value = peek_token(parser) };
	return lexed->node_count++;
}

/* A word where a value should be is mostly a string without quotes. */
static bool
fail_word(struct parser *parser)
{
	static const char *const truths[] = { "yes", "no", "on", "enabled",
		"disabled" };
	const struct sh_token *token = peek_token(parser);
	int len = (int)(token->len < 40 ? token->len : 40);
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(truths); i++)
		if (token->len == strlen(truths[i]) &&
		    strncasecmp(token->text, truths[i], token->len) == 0)
			return fail(parser, token->pos,
			    "'%.*s' is not a "
			    "value; write true or false, or \"%.*s\" for the "
			    "word",
			    len, token->text, len, token->text);
	return fail(parser, token->pos,
	    "'%.*s' is not a value; a string stands in quotes: \"%.*s\"", len,
	    token->text, len, token->text);
}

/* The elements of a list or array up to the closing token. */
static bool
parse_elements(struct parser *parser, const struct sh_token *open)
{
	bool array = open->type == SH_TOKEN_BRACKET_OPEN;
	enum sh_token_type close =
	    array ? SH_TOKEN_BRACKET_CLOSE : SH_TOKEN_PAREN_CLOSE;
	const struct sh_token *first = peek_token(parser);

	if (accept_token(parser, close))
		return true;
	for (;;) {
		const struct sh_token *value = peek_token(parser);

		if (value->type == SH_TOKEN_END)
			return fail(parser, open->pos,
			    "this '%c' is never closed", *open->text);
		if (array && value->type >= SH_TOKEN_BRACE_OPEN)
			return fail(parser, value->pos,
			    "an array [ ] holds "
			    "single values; use a list ( )");
		if (array && value->type != first->type)
			return fail(parser, value->pos,
			    "the elements of an "
			    "array [ ] have one type; a list ( ) may mix them");
		push_node(parser, NULL);
		if (!parse_value(parser, "a value"))
			return false;
		if (accept_token(parser, close))
			return true;
		value = peek_token(parser);
		if (value->type == SH_TOKEN_END)
			return fail(parser, open->pos,
			    "this '%c' is never closed", *open->text);
		if (!accept_token(parser, SH_TOKEN_COMMA))
			return fail_expected(
			    parser, array ? "',' or ']'" : "',' or ')'");
		if (peek_token(parser)->type == close)
			return fail(parser, value->pos,
			    "remove the comma before the '%c'",
			    array ? ']' : ')');
	}
}

/* A name must be new among its siblings; nothing else depends on it. */
static void
check_duplicate(struct parser *parser, size_t node)
{
	const struct sh_lexed *lexed = parser->lexed;
	const struct sh_token *name = lexed->nodes[node].name;
	size_t elder = lexed->nodes[node].elder;

	for (; elder != 0; elder = lexed->nodes[elder - 1].elder) {
		const struct sh_token *other = lexed->nodes[elder - 1].name;

		if (other->len != name->len ||
		    memcmp(other->text, name->text, name->len) != 0)
			continue;
		parser->failed = true;
		sh_lexed_report(lexed, name->pos, parser->diags,
		    "'%.*s' is set twice; first at %s:%u", (int)name->len,
		    name->text, lexed->files[other->pos.file].name,
		    other->pos.line);
		return;
	}
}

/* name = value, and the separator after it. */
static bool
parse_setting(struct parser *parser, size_t *elder)
{
	const struct sh_token *name = peek_token(parser);
	char *what;
	size_t node;
	bool ok;

	parser->next++;
	if (!accept_token(parser, SH_TOKEN_EQUALS)) {
		what = sh_xprintf("'=' after '%.*s'",
		    (int)(name->len < 60 ? name->len : 60), name->text);
		fail_expected(parser, what);
		free(what);
		return false;
	}
	node = push_node(parser, name);
	parser->lexed->nodes[node].elder = *elder;
	*elder = node + 1;
	check_duplicate(parser, node);
	what = sh_xprintf("a value for '%.*s'",
	    (int)(name->len < 60 ? name->len : 60), name->text);
	ok = parse_value(parser, what);
	free(what);
	if (ok && !accept_token(parser, SH_TOKEN_SEMICOLON))
		accept_token(parser, SH_TOKEN_COMMA);
	return ok;
}

/* The settings of a group; open is NULL for the whole file. */
static bool
parse_settings(struct parser *parser, const struct sh_token *open)
{
	size_t elder = 0;

	for (;;) {
		const struct sh_token *token = peek_token(parser);

		if (token->type == SH_TOKEN_END && open == NULL)
			return true;
		if (token->type == SH_TOKEN_END)
			return fail(
			    parser, open->pos, "this '{' is never closed");
		if (open != NULL && accept_token(parser, SH_TOKEN_BRACE_CLOSE))
			return true;
		if (token->type == SH_TOKEN_SEMICOLON ||
		    token->type == SH_TOKEN_COMMA)
			return fail(parser, token->pos,
			    "one separator is enough; remove this '%c'",
			    *token->text);
		if (token->type != SH_TOKEN_NAME)
			return fail_expected(
			    parser, open == NULL ? "a key" : "a key or '}'");
		if (!parse_setting(parser, &elder))
			return false;
	}
}

static bool
parse_inside(struct parser *parser, const struct sh_token *open)
{
	bool ok;

	if (parser->depth == NESTING_MAX)
		return fail(
		    parser, open->pos, "nested more than %d deep", NESTING_MAX);
	parser->depth++;
	parser->next++;
	ok = open->type == SH_TOKEN_BRACE_OPEN ? parse_settings(parser, open)
					       : parse_elements(parser, open);
	parser->depth--;
	return ok;
}

static bool
parse_value(struct parser *parser, const char *what)
{
	const struct sh_token *token = peek_token(parser);

	switch (token->type) {
	case SH_TOKEN_INT:
	case SH_TOKEN_INT64:
	case SH_TOKEN_FLOAT:
	case SH_TOKEN_BOOL: parser->next++; return true;
	case SH_TOKEN_STRING:
		while (accept_token(parser, SH_TOKEN_STRING))
			;
		return true;
	case SH_TOKEN_BRACE_OPEN:
	case SH_TOKEN_BRACKET_OPEN:
	case SH_TOKEN_PAREN_OPEN: return parse_inside(parser, token);
	case SH_TOKEN_NAME: return fail_word(parser);
	default: return fail_expected(parser, what);
	}
}

int
sh_lexed_parse(struct sh_lexed *lexed, struct sh_diagnostics *diags)
{
	struct parser parser = { .lexed = lexed, .diags = diags };

	lexed->node_count = 0;
	parse_settings(&parser, NULL);
	return parser.failed ? -SHOAL_ECONFIG : 0;
}
