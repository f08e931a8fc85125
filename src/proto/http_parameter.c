/*
 * This file reads parameters: RFC 9110 5.6.6. Quoted strings are understood, so
 * a ';' or '=' in one is nothing but a byte.
 */
#include "config.h"

#include "proto/http_parameter.h"

#include <string.h>

#include "proto/http_chars.h"

bool
sh_http_word_take(
    const char **text, size_t *len, const char **word, size_t *word_len)
{
	const char *semicolon = *len > 0 ? memchr(*text, ';', *len) : NULL;
	size_t n = semicolon != NULL ? (size_t)(semicolon - *text) : *len;

	*word = *text;
	*word_len = n;
	*text += n;
	*len -= n;
	sh_http_trim(word, word_len);
	return *word_len > 0;
}

static void
skip(const char **text, size_t *len, size_t n)
{
	*text += n;
	*len -= n;
}

static void
skip_blanks(const char **text, size_t *len)
{
	while (*len > 0 && ((*text)[0] == ' ' || (*text)[0] == '\t'))
		skip(text, len, 1);
}

/* Take a quoted string off, from behind its first quote; -400 when it does not
 * end. */
static int
take_quoted(const char **text, size_t *len, struct sh_http_parameter *out)
{
	const char *begin = *text;

	out->quoted = true;
	while (*len > 0 && (*text)[0] != '"') {
		size_t n = (*text)[0] == '\\' ? 2 : 1;

		if (n > *len || sh_http_span(SH_HTTP_VALUE, *text, n) < n)
			return -400;
		skip(text, len, n);
	}
	if (*len == 0)
		return -400;
	out->value = begin;
	out->value_len = (size_t)(*text - begin);
	skip(text, len, 1);
	return 0;
}

static int
take_value(const char **text, size_t *len, struct sh_http_parameter *out)
{
	size_t n;

	if (*len > 0 && (*text)[0] == '"') {
		skip(text, len, 1);
		return take_quoted(text, len, out);
	}
	n = sh_http_span(SH_HTTP_TOKEN, *text, *len);
	if (n == 0)
		return -400;
	out->quoted = false;
	out->value = *text;
	out->value_len = n;
	skip(text, len, n);
	return 0;
}

int
sh_http_parameter_next(
    const char **text, size_t *len, struct sh_http_parameter *parameter_out)
{
	size_t n;
	int r;

	skip_blanks(text, len);
	while (*len > 0) {
		if ((*text)[0] != ';')
			return -400;
		skip(text, len, 1);
		skip_blanks(text, len);
		if (*len == 0 || (*text)[0] == ';')
			continue;
		n = sh_http_span(SH_HTTP_TOKEN, *text, *len);
		if (n == 0 || n == *len || (*text)[n] != '=')
			return -400;
		parameter_out->name = *text;
		parameter_out->name_len = n;
		skip(text, len, n + 1);
		r = take_value(text, len, parameter_out);
		return r < 0 ? r : 1;
	}
	return 0;
}

int
sh_http_parameter_find(const char *text, size_t len, const char *name,
    struct sh_http_parameter *parameter_out)
{
	struct sh_http_parameter parameter;
	const char *word;
	size_t word_len;
	int r, found = 0;

	sh_http_word_take(&text, &len, &word, &word_len);
	while ((r = sh_http_parameter_next(&text, &len, &parameter)) > 0) {
		if (!sh_http_equal(parameter.name, parameter.name_len, name))
			continue;
		if (found++ > 0)
			return -400;
		*parameter_out = parameter;
	}
	return r < 0 ? r : found;
}

size_t
sh_http_parameter_decode(char *out, const struct sh_http_parameter *parameter)
{
	const char *value = parameter->value;
	size_t i, n = 0;

	for (i = 0; i < parameter->value_len; i++) {
		if (parameter->quoted && value[i] == '\\')
			i++; /* there is a byte behind it */
		out[n++] = value[i];
	}
	return n;
}

bool
sh_http_media_type_is(const char *text, size_t len, const char *type)
{
	const char *word;
	size_t word_len;

	return sh_http_word_take(&text, &len, &word, &word_len) &&
	    sh_http_equal(word, word_len, type);
}
