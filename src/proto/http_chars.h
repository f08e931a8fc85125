/*
 * This file is the alphabet of HTTP and URIs: which byte may stand where. It
 * knows no syntax beyond that, and no locale.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sh_http_class {
	/* RFC 9110 5.6.2: methods, names of fields, options */
	SH_HTTP_TOKEN = 1,
	/* RFC 9110 5.5: VCHAR, obs-text, SP, HTAB */
	SH_HTTP_VALUE = 2,
	/* VCHAR but '#'; more than RFC 3986, as browsers are */
	SH_HTTP_TARGET = 4,
	/* RFC 3986 3.2.2: reg-name but for its %XX */
	SH_HTTP_HOST = 8
};

/* The classes of each byte. */
extern const uint8_t sh_http_classes[256];

/** Whether the byte is of the class. */
static inline bool
sh_http_is(enum sh_http_class class, char c)
{
	return (sh_http_classes[(unsigned char)c] & class) != 0;
}
/** How many bytes at the front are of the class, as far as that is seen
 *  quickly: there may be more. For classes whose texts are long. */
size_t sh_http_skip(enum sh_http_class class, const char *data, size_t len);
/** How many bytes at the front are of the class. */
static inline size_t
sh_http_span(enum sh_http_class class, const char *data, size_t len)
{
	bool is_long = class == SH_HTTP_VALUE || class == SH_HTTP_TARGET;
	size_t i = is_long && len >= 4 ? sh_http_skip(class, data, len) : 0;

	while (i < len && sh_http_is(class, data[i]))
		i++;
	return i;
}
/** Value of a hexadecimal digit, -1 when it is none. */
int sh_hex_value(char c);
/** Whether text is word, which is in lower case, but for case. */
bool sh_http_equal(const char *text, size_t len, const char *word);
/** Cut SP and HTAB off both ends. */
void sh_http_trim(const char **text, size_t *len);
/** Take the next element, trimmed, off a list with commas (RFC 9110 5.6.1);
 *  empty ones are passed over. Quoted strings are not understood. Whether
 *  there was one. */
bool sh_http_list_next(
    const char **list, size_t *list_len, const char **item, size_t *item_len);
/** Set *why_out, unless it is NULL, and return the negated status. */
static inline int
sh_http_refuse(const char **why_out, int status, const char *why)
{
	if (why_out != NULL)
		*why_out = why;
	return -status;
}
