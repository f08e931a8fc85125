/*
 * This file is the alphabet of HTTP and URIs, as a table of bits. It judges
 * single bytes and lists of words; it does not parse messages.
 */
#include "config.h"

#include "proto/http_chars.h"

#include <stdint.h>
#include <string.h>

enum {
	T = SH_HTTP_TOKEN,
	V = SH_HTTP_VALUE,
	G = SH_HTTP_TARGET,
	H = SH_HTTP_HOST,
	ALL = T | V | G | H
};

const uint8_t sh_http_classes[256] = {
	['\t'] = V,
	[' '] = V,
	['!'] = ALL,
	['"'] = V | G,
	['#'] = T | V,
	['$'] = ALL,
	['%'] = T | V | G,
	['&' ... '\''] = ALL,
	['(' ... ')'] = V | G | H,
	['*' ... '+'] = ALL,
	[','] = V | G | H,
	['-' ... '.'] = ALL,
	['/'] = V | G,
	['0' ... '9'] = ALL,
	[':'] = V | G,
	[';'] = V | G | H,
	['<'] = V | G,
	['='] = V | G | H,
	['>' ... '@'] = V | G,
	['A' ... 'Z'] = ALL,
	['[' ... ']'] = V | G,
	['^'] = T | V | G,
	['_'] = ALL,
	['`'] = T | V | G,
	['a' ... 'z'] = ALL,
	['{'] = V | G,
	['|'] = T | V | G,
	['}'] = V | G,
	['~'] = ALL,
	[0x80 ... 0xff] = V,
};

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether one of eight bytes is a control, HTAB included. */
static inline bool
has_control(const char *data)
{
	uint64_t eight, deleted;

	memcpy(&eight, data, sizeof(eight));
	deleted = eight ^ EACH(0x7f);
	/* a top bit is left where a byte is below ' ', or is DEL */
	return ((((eight - EACH(' ')) & ~eight) |
		    ((deleted - EACH(1)) & ~deleted)) &
		   EACH(0x80)) != 0;
}

static size_t
skip_plain(const char *data, size_t len)
{
	size_t n = 0;

	for (; len - n >= 8; n += 8)
		if (has_control(data + n))
			return n;
	/* the last few together with some that have been looked at */
	return n != 0 && !has_control(data + len - 8) ? len : n;
}

size_t
sh_http_skip(enum sh_http_class class, const char *data, size_t len)
{
	const unsigned char *bytes = (const unsigned char *)data;
	const uint8_t *of = sh_http_classes;
	size_t i = 0;

	if (class == SH_HTTP_VALUE)
		return skip_plain(data, len);
	while (len - i >= 4 &&
	    (of[bytes[i]] & of[bytes[i + 1]] & of[bytes[i + 2]] &
		of[bytes[i + 3]] & class) != 0)
		i += 4;
	return i;
}

int
sh_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
sh_http_equal(const char *text, size_t len, const char *word)
{
	size_t i;

	for (i = 0; i < len && word[i] != '\0'; i++) {
		char c = text[i];

		if (c != word[i] &&
		    (c < 'A' || c > 'Z' || c - 'A' + 'a' != word[i]))
			return false;
	}
	return i == len && word[i] == '\0';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void
sh_http_trim(const char **text, size_t *len)
{
	while (*len > 0 && is_blank((*text)[0])) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && is_blank((*text)[*len - 1]))
		(*len)--;
}

bool
sh_http_list_next(
    const char **list, size_t *list_len, const char **item, size_t *item_len)
{
	while (*list_len > 0) {
		const char *comma = memchr(*list, ',', *list_len);
		size_t n = comma != NULL ? (size_t)(comma - *list) : *list_len;
		size_t used = comma != NULL ? n + 1 : n;

		*item = *list;
		*item_len = n;
		*list += used;
		*list_len -= used;
		sh_http_trim(item, item_len);
		if (*item_len > 0)
			return true;
	}
	return false;
}
