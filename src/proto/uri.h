/*
 * This file decodes what stands in URIs: paths, queries and bodies of forms.
 * It allocates nothing and knows no resources. RFC 3986 and, for forms, the
 * URL standard of the WHATWG, 5.1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One name and value of a query, still encoded. */
struct sh_uri_pair {
	const char *name, *value; /* value is NULL when there is no '=' */
	size_t name_len, value_len;
};

/** How many bytes are the path of a target; a query, if any, follows behind a
 *  '?'. */
size_t sh_uri_path_span(const char *target, size_t len);
/** Decode %XX in a path and take "." and ".." away, also those that were
 *  encoded; never above the root: "/../a" is "/a". An empty path is "/".
 *  Slashes in a row stay, as do bytes that are no UTF-8. out has to hold len +
 *  2 bytes and gets a NUL; it must not overlap with path.
 *
 *  The length without the NUL; or -400, with *why_out, if not NULL, a constant
 *  sentence, when it does not begin with '/', when a '%' is not followed by two
 *  digits, and for %00 and %2F, which would not be what they were any more. */
int sh_uri_path_decode(
    char *out, size_t size, const char *path, size_t len, const char **why_out);
/** Take the next pair off a query or a form ("a=1&b=2"); empty ones are passed
 *  over. Whether there was one. */
bool sh_uri_pair_next(
    const char **query, size_t *query_len, struct sh_uri_pair *pair_out);
/** Decode a name or value of a form: '+' is a space, %XX a byte (NUL too), and
 *  any other '%' itself. out has to hold len bytes and may be text. The
 *  length; there is no NUL behind it. */
size_t sh_uri_form_decode(char *out, const char *text, size_t len);
