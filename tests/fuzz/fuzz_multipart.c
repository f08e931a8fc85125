/*
 * This file takes arbitrary bytes for multipart bodies. Whole, byte by byte and
 * in portions they must give the same parts and the same end. The first bytes
 * choose:
 *
 *	0	length of the boundary, whose bytes follow these
 *	1	limit of a part's head, in steps of 4
 *	2	limit of its fields
 *	3	seed of the portions
 *
 * The boundary's parameter is read from a Content-Type, as it would be.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proto/http_parameter.h"
#include "proto/multipart.h"

enum { PARAMETERS = 4, INPUT_MAX = 4096, HEAD_MAX = 4 * 255 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	int r;
	const char *why;
	size_t len;
	char text[4 * INPUT_MAX]; /* all that came, with marks between */
};

static void
add(struct outcome *outcome, const char *text, size_t len)
{
	sh_assert(outcome->len + len <= sizeof(outcome->text));
	memcpy(outcome->text + outcome->len, text, len);
	outcome->len += len;
}

static void
add_text(struct outcome *outcome, const char *text)
{
	if (text != NULL)
		add(outcome, text, strlen(text) + 1);
}

static void
add_event(struct outcome *outcome, const struct sh_multipart_part *part,
    const char *piece, size_t len)
{
	switch (outcome->r) {
	case SH_MULTIPART_PART:
		add_text(outcome, part->name);
		add_text(outcome, part->filename);
		add_text(outcome, part->type);
		sh_assert(part->filename == NULL ||
		    (strpbrk(part->filename, "/\\") == NULL &&
			strcmp(part->filename, "..") != 0));
		break;
	case SH_MULTIPART_DATA:
		sh_assert(len > 0);
		add(outcome, piece, len);
		break;
	case SH_MULTIPART_PART_END: add(outcome, ";", 1); break;
	default: break;
	}
}

/* Some bytes have come. */
static void
come(struct outcome *outcome, struct sh_multipart *multipart, const char *data,
    size_t len)
{
	struct sh_multipart_part part;
	size_t at = 0, used, n;
	const char *piece;
	bool ended = false;

	while (outcome->r >= 0 && at < len) {
		outcome->r = sh_multipart_next(multipart, data + at, len - at,
		    &used, &part, &piece, &n, &outcome->why);
		sh_assert(used <= len - at);
		sh_assert(outcome->r != SH_MULTIPART_MORE || used == len - at);
		sh_assert(!ended || outcome->r == SH_MULTIPART_END);
		ended = outcome->r == SH_MULTIPART_END;
		add_event(outcome, &part, piece, n);
		at += used;
	}
}

static struct outcome *
decode(const struct sh_multipart *begin, const char *data, size_t size,
    size_t portion, uint32_t seed)
{
	struct outcome *outcome = sh_xcalloc(1, sizeof(*outcome));
	struct sh_multipart multipart = *begin;
	size_t at = 0;

	multipart.head = sh_xcalloc(1, begin->head_size + 1);
	while (at < size) {
		size_t left = size - at, n = left;

		seed = seed * 1664525 + 1013904223;
		if (portion != 0)
			n = 1 + (seed >> 16) % portion;
		n = n < left ? n : left;
		come(outcome, &multipart, data + at, n);
		at += n;
	}
	free(multipart.head);
	return outcome;
}

static void
check_same(const struct outcome *whole, struct outcome *other)
{
	sh_assert((other->r < 0) == (whole->r < 0) && other->why == whole->why);
	sh_assert(
	    (other->r == SH_MULTIPART_END) == (whole->r == SH_MULTIPART_END));
	sh_assert(other->len == whole->len);
	sh_assert(memcmp(other->text, whole->text, whole->len) == 0);
	free(other);
}

/* The boundary, out of what stands in front; its length. */
static size_t
read_boundary(const char *text, size_t len, char *out)
{
	struct sh_http_parameter boundary;

	if (sh_http_parameter_find(text, len, "boundary", &boundary) <= 0 ||
	    boundary.value_len > 2 * SH_MULTIPART_BOUNDARY_MAX) {
		memcpy(out, text, len);
		return len;
	}
	return sh_http_parameter_decode(out, &boundary);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + PARAMETERS;
	char boundary[255], head[HEAD_MAX];
	struct sh_multipart multipart;
	struct outcome *whole;
	size_t len;

	if (size < PARAMETERS || size > INPUT_MAX ||
	    size < PARAMETERS + (size_t)data[0])
		return 0;
	len = read_boundary(text, data[0], boundary);
	if (sh_multipart_begin(&multipart, boundary, len, head, 4 * data[1],
		data[2], NULL) < 0)
		return 0;
	text += data[0];
	size -= PARAMETERS + data[0];
	whole = decode(&multipart, text, size, 0, 0);
	sh_assert((whole->r < 0) == (whole->why != NULL));
	check_same(whole, decode(&multipart, text, size, 1, 0));
	check_same(whole, decode(&multipart, text, size, 7, data[3]));
	check_same(whole, decode(&multipart, text, size, 64, data[3]));
	free(whole);
	return 0;
}
