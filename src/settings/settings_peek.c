/*
 * This file finds one string in a file that may be broken; it does not check
 * anything, and follows no includes.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "settings/load.h"
#include "settings/settings_lex.h"

static bool
token_is(const struct sh_token *token, const char *text, size_t len)
{
	return token->type == SH_TOKEN_NAME && token->len == len &&
	    memcmp(token->text, text, len) == 0;
}

/* Whether "name = <type>" stands at token i. */
static bool
is_setting(const struct sh_lexed *lexed, size_t i, const char *name, size_t len,
    enum sh_token_type type)
{
	return i + 2 < lexed->token_count &&
	    token_is(&lexed->tokens[i], name, len) &&
	    lexed->tokens[i + 1].type == SH_TOKEN_EQUALS &&
	    lexed->tokens[i + 2].type == type;
}

static int
nesting_of(enum sh_token_type type)
{
	switch (type) {
	case SH_TOKEN_BRACE_OPEN:
	case SH_TOKEN_BRACKET_OPEN:
	case SH_TOKEN_PAREN_OPEN: return 1;
	case SH_TOKEN_BRACE_CLOSE:
	case SH_TOKEN_BRACKET_CLOSE:
	case SH_TOKEN_PAREN_CLOSE: return -1;
	default: return 0;
	}
}

/* Index of the first string token of the setting, 0 when there is none. */
static size_t
find_setting(const struct sh_lexed *lexed, const char *path)
{
	const char *dot = strchr(path, '.');
	const char *name = dot != NULL ? dot + 1 : path;
	int depth = 0, wanted = dot != NULL ? 1 : 0;
	bool inside = dot == NULL;
	size_t i;

	for (i = 0; i < lexed->token_count; i++) {
		if (dot != NULL && depth == 0 &&
		    is_setting(lexed, i, path, (size_t)(dot - path),
			SH_TOKEN_BRACE_OPEN))
			inside = true;
		if (inside && depth == wanted &&
		    is_setting(lexed, i, name, strlen(name), SH_TOKEN_STRING))
			return i + 2;
		depth += nesting_of(lexed->tokens[i].type);
		if (depth < 0)
			depth = 0; /* one bracket too many, further up */
		if (dot != NULL && depth == 0 &&
		    lexed->tokens[i].type == SH_TOKEN_BRACE_CLOSE)
			inside = false;
	}
	return 0;
}

/* Join the strings from token i on. 0 or -SHOAL_EMSGSIZE. */
static int
copy_string(const struct sh_lexed *lexed, size_t i, char *buf, size_t cap)
{
	struct sh_buf text;
	int r = -SHOAL_EMSGSIZE;

	sh_buf_init(&text, cap);
	for (;
	     i < lexed->token_count && lexed->tokens[i].type == SH_TOKEN_STRING;
	     i++)
		sh_token_unescape(&lexed->tokens[i], &text);
	if (sh_buf_add(&text, "", 1) == 0 && !text.failed) {
		memcpy(buf, text.data, text.len);
		r = 0;
	}
	sh_buf_fini(&text);
	return r;
}

int
sh_settings_peek(const char *file, const char *path, char *buf, size_t cap)
{
	struct sh_lexed lexed = { .follow = false };
	struct sh_diagnostics ignored = { 0 };
	size_t at;
	int r = sh_lexed_read(&lexed, file, &ignored);

	if (r == 0) {
		at = find_setting(&lexed, path);
		r = at == 0 ? -SHOAL_ENOENT : copy_string(&lexed, at, buf, cap);
	}
	sh_diagnostics_fini(&ignored);
	sh_lexed_fini(&lexed);
	return r;
}
