/*
 * This file checks that bytes are UTF-8; it decodes nothing. The bounds of the
 * second byte are what keeps out overlong forms, surrogates, and what is above
 * U+10FFFF; so all of these show at the first impossible byte.
 */
#include "config.h"

#include "proto/utf8.h"

#include <string.h>

#include "base/attr.h"

enum { TAIL_LOW = 0x80, TAIL_UP = 0xbf };

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Whether all of the 32 bytes are ASCII. */
static inline bool
is_ascii(const uint8_t data[32])
{
	uint64_t a, b, c, d;

	memcpy(&a, data, sizeof(a));
	memcpy(&b, data + 8, sizeof(b));
	memcpy(&c, data + 16, sizeof(c));
	memcpy(&d, data + 24, sizeof(d));
	return ((a | b | c | d) & HIGH_BITS) == 0;
}

/* Bytes at the front that are ASCII, found 32 and eight at a time. */
static size_t
skip_ascii(const uint8_t *data, size_t len)
{
	size_t n = 0;
	uint64_t eight;

	while (len - n >= 32 && is_ascii(data + n))
		n += 32;
	/* what is left is looked at together with what was */
	if (n == len ||
	    (len >= 32 && len - n < 32 && is_ascii(data + len - 32)))
		return len;
	while (len - n >= sizeof(eight)) {
		memcpy(&eight, data + n, sizeof(eight));
		if ((eight & HIGH_BITS) != 0)
			break;
		n += sizeof(eight);
	}
	while (n < len && data[n] < 0x80)
		n++;
	return n;
}

/* The first byte of a character that is not ASCII. */
static bool
begin_character(struct sh_utf8 *utf8, uint8_t byte)
{
	utf8->low = TAIL_LOW;
	utf8->up = TAIL_UP;
	if (byte < 0xc2 || byte > 0xf4)
		return false;
	if (byte < 0xe0) {
		utf8->need = 1;
	} else if (byte < 0xf0) {
		utf8->need = 2;
		if (byte == 0xe0)
			utf8->low = 0xa0; /* else overlong */
		else if (byte == 0xed)
			utf8->up = 0x9f; /* else a surrogate */
	} else {
		utf8->need = 3;
		if (byte == 0xf0)
			utf8->low = 0x90; /* else overlong */
		else if (byte == 0xf4)
			utf8->up = 0x8f; /* else above U+10FFFF */
	}
	return true;
}

bool
sh_utf8_take(struct sh_utf8 *utf8, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	size_t i = 0;

	while (i < len) {
		if (utf8->need != 0) {
			if (bytes[i] < utf8->low || bytes[i] > utf8->up)
				return false;
			utf8->need--;
			utf8->low = TAIL_LOW;
			utf8->up = TAIL_UP;
			i++;
		} else if (bytes[i] < 0x80) {
			i += skip_ascii(bytes + i, len - i);
		} else if (!begin_character(utf8, bytes[i++])) {
			return false;
		}
	}
	return true;
}

bool
sh_utf8_is_complete(const struct sh_utf8 *utf8)
{
	return utf8->need == 0;
}

static bool
is_valid(const uint8_t *data, size_t len)
{
	struct sh_utf8 utf8 = { 0 };

	return sh_utf8_take(&utf8, data, len) && sh_utf8_is_complete(&utf8);
}

bool
sh_utf8_is_valid(const void *data, size_t len)
{
	size_t n = skip_ascii(data, len);

	return SH_LIKELY(n == len) ||
	    is_valid((const uint8_t *)data + n, len - n);
}
