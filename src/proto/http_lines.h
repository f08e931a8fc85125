/*
 * This file collects the fields of an answer as they go over the wire: lines
 * of "name: value" CR LF. It refuses what could be read as something else, and
 * sends nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Fields of most answers fit in here; more of them take memory. */
enum { SH_HTTP_LINES_ROOM = 192 };

struct sh_http_lines {
	char *data; /* room, or of its own */
	size_t len, cap;
	char room[SH_HTTP_LINES_ROOM];
};

/** Begin without any; it may not be moved then. */
void sh_http_lines_init(struct sh_http_lines *lines);
/** Free what they hold. */
void sh_http_lines_fini(struct sh_http_lines *lines);
/** Append a field (copies). 0; -SHOAL_EINVAL for a name that is no token, or a
 *  value with a control character other than a tab in it; -SHOAL_ENOMEM. */
int sh_http_lines_add(
    struct sh_http_lines *lines, const char *name, const char *value);
/** Likewise, with a name that is known to be a token. */
int sh_http_lines_add_named(struct sh_http_lines *lines, const char *name,
    size_t name_len, const char *value);
/** Append text that is lines already. 0 or -SHOAL_ENOMEM. */
int sh_http_lines_add_text(
    struct sh_http_lines *lines, const char *text, size_t len);
/** Take away the fields of a name, in any case, that begin in the first end
 *  bytes. */
void
sh_http_lines_remove(struct sh_http_lines *lines, const char *name, size_t end);
/** The value of the first field of a name, in any case; whether there is
 *  one. */
bool sh_http_lines_find(const struct sh_http_lines *lines, const char *name,
    const char **value_out, size_t *len_out);
