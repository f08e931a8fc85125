/*
 * This file is the alphabet of HTTP and URIs, as tables of bits. It judges
 * single bytes and lists of words; it does not parse messages.
 */
#include "config.h"

#include "proto/http_chars.h"

#include <stdint.h>
#include <string.h>

static const uint32_t classes[][8] = {
	[SH_HTTP_TOKEN] = { 0x00000000, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff },
	[SH_HTTP_VALUE] = { 0x00000200, 0xffffffff, 0xffffffff, 0x7fffffff,
	    0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
	[SH_HTTP_TARGET] = { 0x00000000, 0xfffffff6, 0xffffffff, 0x7fffffff },
	[SH_HTTP_HOST] = { 0x00000000, 0x2bff7fd2, 0x87fffffe, 0x47fffffe },
};

bool
sh_http_is(enum sh_http_class class, char c)
{
	unsigned char at = (unsigned char)c;

	return (classes[class][at >> 5] >> (at & 31) & 1) != 0;
}

size_t
sh_http_span(enum sh_http_class class, const char *data, size_t len)
{
	size_t i = 0;

	while (i < len && sh_http_is(class, data[i]))
		i++;
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

	for (i = 0; i < len; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c != word[i] || c == '\0')
			return false;
	}
	return word[len] == '\0';
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
