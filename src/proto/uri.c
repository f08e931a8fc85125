/*
 * This file decodes paths and forms. What was decoded is never decoded once
 * more. RFC 3986 2.1 and 5.2.4.
 */
#include "config.h"

#include "proto/uri.h"

#include <limits.h>
#include <string.h>

#include "base/panic.h"
#include "proto/http_chars.h"

size_t
sh_uri_path_span(const char *target, size_t len)
{
	const char *mark = len > 0 ? memchr(target, '?', len) : NULL;

	return mark != NULL ? (size_t)(mark - target) : len;
}

/* The byte of "%XX" at the front, -1 when that is not there. */
static int
decode_byte(const char *text, size_t len)
{
	int high, low;

	if (len < 3 || text[0] != '%')
		return -1;
	high = sh_hex_value(text[1]);
	low = sh_hex_value(text[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Length of what was decoded, or -400. */
static int
decode_path(char *out, const char *path, size_t len, const char **why_out)
{
	size_t i = 0, n = 0;
	int byte;

	while (i < len) {
		if (path[i] != '%') {
			if (path[i] == '\0')
				return sh_http_refuse(
				    why_out, 400, "the path has a NUL");
			out[n++] = path[i++];
			continue;
		}
		byte = decode_byte(path + i, len - i);
		if (byte < 0)
			return sh_http_refuse(why_out, 400,
			    "the path has a % without two digits");
		if (byte == '\0' || byte == '/')
			return sh_http_refuse(why_out, 400,
			    "the path has an encoded NUL or slash");
		out[n++] = (char)byte;
		i += 3;
	}
	return (int)n;
}

/* Take the last segment off a path; its slash too. */
static size_t
drop_segment(const char *path, size_t len)
{
	while (len > 0 && path[--len] != '/')
		;
	return len;
}

/* Whether a segment begins with a dot. */
static bool
has_dots(const char *path, size_t len)
{
	size_t i;

	for (i = 1; i < len; i++)
		if (path[i] == '.' && path[i - 1] == '/')
			return true;
	return false;
}

/* In place, as it never grows; but "/" comes of nothing. */
static size_t
remove_dots(char *path, size_t len)
{
	size_t from = 0, to = 0;

	while (from < len) {
		const char *segment = path + from + 1; /* behind its slash */
		const char *slash = memchr(segment, '/', len - from - 1);
		size_t n =
		    slash != NULL ? (size_t)(slash - segment) : len - from - 1;
		bool up = n == 2 && segment[0] == '.' && segment[1] == '.';
		bool stay = n == 1 && segment[0] == '.';

		if (up)
			to = drop_segment(path, to);
		if (!up && !stay) {
			memmove(path + to, path + from, n + 1);
			to += n + 1;
		} else if (slash == NULL) {
			path[to++] = '/';
		}
		from += n + 1;
	}
	return to;
}

int
sh_uri_path_decode(
    char *out, size_t size, const char *path, size_t len, const char **why_out)
{
	int n;

	sh_assert(len < INT_MAX - 2 && size >= len + 2);
	if (len > 0 && path[0] != '/')
		return sh_http_refuse(
		    why_out, 400, "the path does not begin with a slash");
	n = decode_path(out, path, len, why_out);
	if (n < 0)
		return n;
	if (n == 0)
		out[n++] = '/';
	if (has_dots(out, (size_t)n))
		n = (int)remove_dots(out, (size_t)n);
	out[n] = '\0';
	return n;
}

bool
sh_uri_pair_next(
    const char **query, size_t *query_len, struct sh_uri_pair *pair_out)
{
	while (*query_len > 0) {
		const char *text = *query, *equals;
		const char *end = memchr(text, '&', *query_len);
		size_t n = end != NULL ? (size_t)(end - text) : *query_len;
		size_t used = end != NULL ? n + 1 : n;

		*query += used;
		*query_len -= used;
		if (n == 0)
			continue;
		equals = memchr(text, '=', n);
		*pair_out = (struct sh_uri_pair){ .name = text, .name_len = n };
		if (equals != NULL) {
			pair_out->name_len = (size_t)(equals - text);
			pair_out->value = equals + 1;
			pair_out->value_len = n - pair_out->name_len - 1;
		}
		return true;
	}
	return false;
}

size_t
sh_uri_form_decode(char *out, const char *text, size_t len)
{
	size_t i = 0, n = 0;

	while (i < len) {
		int byte = decode_byte(text + i, len - i);

		out[n++] = byte >= 0 ? (char)byte
		    : text[i] == '+' ? ' '
				     : text[i];
		i += byte >= 0 ? 3 : 1;
	}
	return n;
}
