/*
 * This file cuts arbitrary bytes into packets. Whole, byte by byte and in
 * portions that the input chooses they must give the same packets and the same
 * end. The first bytes choose the framing:
 *
 *	0	type, below 8: terminator, below 16: length, else function
 *	1	length of the terminator, or which length field
 *	2, 3	offset and body
 *	4	limit
 *	5	seed of the portions
 *
 * and, with a terminator, the next 8 are its bytes.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "proto/framing.h"

enum { PARAMETERS = 6, PACKETS_MAX = 4096, INPUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct cut {
	size_t packets[PACKETS_MAX], count;
	int error;
};

/* Bytes that come in portions. */
struct stream {
	struct sh_framing framing;
	const uint8_t *data;
	size_t begin, end, scanned;
	struct cut cut;
};

/* A number of one or two bytes behind a mark, so that there are lengths that
 * take a while to tell, are wrong, and are too long. */
static ssize_t
measure(const void *data, size_t len, void *arg)
{
	const uint8_t *bytes = data;

	sh_assert(len != 0 && len <= *(const size_t *)arg);
	if (bytes[0] < 0x40)
		return 1 + bytes[0];
	if (bytes[0] < 0x80)
		return -SHOAL_EINVAL;
	return len < 3 ? 0 : bytes[1] << 8 | bytes[2];
}

static size_t
choose(struct shoal_framing *framing, const uint8_t *data, size_t size)
{
	static const enum shoal_length_field fields[] = { SHOAL_LENGTH_U8,
		SHOAL_LENGTH_U16BE, SHOAL_LENGTH_U24BE, SHOAL_LENGTH_U32BE,
		SHOAL_LENGTH_U64BE, SHOAL_LENGTH_U16LE, SHOAL_LENGTH_U24LE,
		SHOAL_LENGTH_U32LE, SHOAL_LENGTH_U64LE,
		(enum shoal_length_field)0, (enum shoal_length_field)5 };

	framing->size = sizeof(*framing);
	framing->max = data[4];
	framing->offset = data[2];
	framing->body = data[3];
	if (data[0] >= 16) {
		framing->type = SHOAL_FRAMING_FUNCTION;
		framing->length = measure;
		return PARAMETERS;
	}
	if (data[0] >= 8) {
		framing->type = SHOAL_FRAMING_LENGTH;
		framing->field = fields[data[1] % SH_ARRAY_LEN(fields)];
		return PARAMETERS;
	}
	if (size < PARAMETERS + SHOAL_TERMINATOR_MAX)
		return 0;
	framing->type = SHOAL_FRAMING_TERMINATOR;
	framing->terminator = (const char *)data + PARAMETERS;
	framing->terminator_len = 1 + data[1] % 9;
	return PARAMETERS + SHOAL_TERMINATOR_MAX;
}

/* Cut what has come off the front of the stream. */
static void
come(struct stream *stream, size_t n)
{
	struct cut *cut = &stream->cut;
	size_t len;
	int r = cut->error;

	stream->end += n;
	while (r >= 0) {
		size_t left = stream->end - stream->begin;

		r = sh_framing_find(&stream->framing,
		    stream->data + stream->begin, left, &stream->scanned, &len);
		if (r <= 0) {
			sh_assert(r < 0 || len == 0 || len > left);
			sh_assert(r < 0 || left < stream->framing.max);
			break;
		}
		sh_assert(r == 1 && len != 0 && len <= left);
		sh_assert(len <= stream->framing.max && stream->scanned == 0);
		sh_assert(cut->count < PACKETS_MAX);
		cut->packets[cut->count++] = len;
		stream->begin += len;
	}
	sh_assert(r == 0 || r == -SHOAL_EMSGSIZE || r == -SHOAL_EPROTO);
	cut->error = r;
}

/* A cut in portions of at most so many bytes; 0 is all at once. */
static struct cut *
cut_in_portions(const struct sh_framing *framing, const uint8_t *data,
    size_t size, size_t portion, uint32_t seed)
{
	struct stream *stream = sh_xcalloc(1, sizeof(*stream));
	struct cut *cut = sh_xcalloc(1, sizeof(*cut));

	stream->framing = *framing;
	stream->data = data;
	while (stream->end < size) {
		size_t left = size - stream->end, n = left;

		seed = seed * 1664525 + 1013904223;
		if (portion != 0)
			n = 1 + (seed >> 16) % portion;
		come(stream, n < left ? n : left);
	}
	*cut = stream->cut;
	free(stream);
	return cut;
}

static void
check_same(const struct cut *whole, struct cut *other)
{
	sh_assert(other->error == whole->error);
	sh_assert(other->count == whole->count);
	sh_assert(memcmp(other->packets, whole->packets,
		      whole->count * sizeof(whole->packets[0])) == 0);
	free(other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shoal_framing framing = { 0 };
	struct sh_framing flat;
	struct cut *whole;
	size_t skip;
	uint32_t seed;

	if (size < PARAMETERS || size > INPUT_MAX)
		return 0;
	skip = choose(&framing, data, size);
	if (skip == 0 || sh_framing_check(&framing, NULL) < 0)
		return 0;
	seed = data[5];
	flat = sh_framing_from_public(&framing);
	flat.arg = &flat.max;
	data += skip;
	size -= skip;
	whole = cut_in_portions(&flat, data, size, 0, 0);
	check_same(whole, cut_in_portions(&flat, data, size, 1, 0));
	check_same(whole, cut_in_portions(&flat, data, size, 7, seed));
	check_same(whole, cut_in_portions(&flat, data, size, 64, seed));
	free(whole);
	return 0;
}
