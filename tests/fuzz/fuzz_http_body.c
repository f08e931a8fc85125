/*
 * This file takes arbitrary bytes for bodies. Whole, byte by byte and in
 * portions they must give the same bytes and the same end. The first bytes
 * choose:
 *
 *	0	0: in chunks; else a length
 *	1	limit of the body; 0 is none
 *	2	limit of trailer bytes; of trailer fields, an eighth of it
 *	3	seed of the portions
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proto/http_body.h"

enum { PARAMETERS = 4, INPUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	int r;
	const char *why;
	size_t used, len;
	char bytes[INPUT_MAX];
};

/* Decode some bytes that have come. */
static void
come(struct outcome *outcome, struct sh_http_body *body, const char *data,
    size_t len)
{
	size_t at = 0, used, n;
	const char *piece;

	while (outcome->r == 0 && at < len) {
		outcome->r = sh_http_body_next(body, data + at, len - at, &used,
		    &piece, &n, &outcome->why);
		sh_assert(used <= len - at && n <= used);
		sh_assert(outcome->r != 0 || used > 0);
		sh_assert(n == 0 || piece == data + at + used - n);
		if (n > 0)
			memcpy(outcome->bytes + outcome->len, piece, n);
		outcome->len += n;
		outcome->used += used;
		at += used;
	}
}

static struct outcome *
decode(const struct sh_http_body *begin, const char *data, size_t size,
    size_t portion, uint32_t seed)
{
	struct outcome *outcome = sh_xcalloc(1, sizeof(*outcome));
	struct sh_http_body body = *begin;
	size_t at = 0;

	while (at < size) {
		size_t left = size - at, n = left;

		seed = seed * 1664525 + 1013904223;
		if (portion != 0)
			n = 1 + (seed >> 16) % portion;
		n = n < left ? n : left;
		come(outcome, &body, data + at, n);
		at += n;
	}
	return outcome;
}

static void
check_same(const struct outcome *whole, struct outcome *other)
{
	sh_assert(other->r == whole->r && other->why == whole->why);
	sh_assert(whole->r < 0 || other->used == whole->used);
	sh_assert(other->len == whole->len);
	sh_assert(memcmp(other->bytes, whole->bytes, whole->len) == 0);
	free(other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_http_body_limits limits = { UINT64_MAX, 0, 0 };
	const char *text = (const char *)data + PARAMETERS;
	struct sh_http_body body;
	struct outcome *whole;
	uint32_t seed;

	if (size < PARAMETERS || size > INPUT_MAX)
		return 0;
	if (data[1] != 0)
		limits.size = data[1];
	limits.trailer_size = data[2];
	limits.trailer_count = data[2] / 8;
	seed = data[3];
	if (sh_http_body_begin(&body,
		data[0] == 0 ? SH_HTTP_BODY_CHUNKED : SH_HTTP_BODY_LENGTH,
		data[0], &limits, NULL) < 0)
		return 0;
	size -= PARAMETERS;
	whole = decode(&body, text, size, 0, 0);
	sh_assert(whole->len <= limits.size);
	sh_assert((whole->r < 0) == (whole->why != NULL));
	check_same(whole, decode(&body, text, size, 1, 0));
	check_same(whole, decode(&body, text, size, 7, seed));
	check_same(whole, decode(&body, text, size, 64, seed));
	free(whole);
	return 0;
}
