/*
 * This file finds packets at the front of bytes; it keeps no bytes and does no
 * I/O. The same bytes give the same packets, in whatever portions they come.
 */
#include "config.h"

#include "proto/framing.h"

#include <stdint.h>
#include <string.h>

#include <shoal/error.h>

#include "base/panic.h"

enum { WIDTH_MASK = 15, LITTLE_ENDIAN_BIT = 16 };

static bool
is_field(enum shoal_length_field field)
{
	switch (field) {
	case SHOAL_LENGTH_U8:
	case SHOAL_LENGTH_U16BE:
	case SHOAL_LENGTH_U24BE:
	case SHOAL_LENGTH_U32BE:
	case SHOAL_LENGTH_U64BE:
	case SHOAL_LENGTH_U16LE:
	case SHOAL_LENGTH_U24LE:
	case SHOAL_LENGTH_U32LE:
	case SHOAL_LENGTH_U64LE: return true;
	}
	return false;
}

static size_t
max_of(const struct shoal_framing *framing)
{
	return framing->max != 0 ? framing->max : SHOAL_PACKET_DEFAULT;
}

static size_t
terminator_len_of(const struct shoal_framing *framing)
{
	if (framing->terminator == NULL)
		return 0;
	/* nobody has to end it with a NUL who says how long it is */
	return framing->terminator_len != 0
	    ? framing->terminator_len
	    : strnlen(framing->terminator, SHOAL_TERMINATOR_MAX + 1);
}

/* What is wrong with a framing by terminator, or NULL. */
static const char *
judge_terminator(const struct shoal_framing *framing)
{
	size_t len = terminator_len_of(framing);

	if (len == 0)
		return "it has no terminator";
	if (len > SHOAL_TERMINATOR_MAX)
		return "the terminator has more than 8 bytes";
	if (len > max_of(framing))
		return "max is less than the terminator";
	return NULL;
}

static const char *
judge_length(const struct shoal_framing *framing)
{
	size_t width = framing->field & WIDTH_MASK, max = max_of(framing);

	if (!is_field(framing->field))
		return "there is no such length field";
	/* max is at least 1 and offset arbitrary: no sum before this */
	if (framing->offset > max || width > max - framing->offset)
		return "the length field does not fit into max";
	if (framing->body > max)
		return "body is more than max";
	if (framing->body > framing->offset &&
	    framing->body < framing->offset + width)
		return "body ends inside the length field";
	return NULL;
}

static const char *
judge(const struct shoal_framing *framing)
{
	if (framing->size < sizeof(*framing))
		return "its size is not set";
	if (framing->type == SHOAL_FRAMING_RAW)
		return NULL;
	if (framing->max > SHOAL_PACKET_MAX)
		return "max is more than 1 GiB";
	switch (framing->type) {
	case SHOAL_FRAMING_TERMINATOR: return judge_terminator(framing);
	case SHOAL_FRAMING_LENGTH: return judge_length(framing);
	case SHOAL_FRAMING_FUNCTION:
		return framing->length == NULL ? "it has no function" : NULL;
	default: return "there is no such type";
	}
}

int
sh_framing_check(const struct shoal_framing *framing, const char **why_out)
{
	const char *why = judge(framing);

	if (why == NULL)
		return 0;
	if (why_out != NULL)
		*why_out = why;
	return -SHOAL_EINVAL;
}

struct sh_framing
sh_framing_from_public(const struct shoal_framing *framing)
{
	struct sh_framing flat = { .type = SHOAL_FRAMING_RAW };

	if (framing == NULL)
		return flat;
	sh_assert(sh_framing_check(framing, NULL) == 0);
	flat.type = framing->type;
	flat.max = max_of(framing);
	switch (framing->type) {
	case SHOAL_FRAMING_RAW: break;
	case SHOAL_FRAMING_TERMINATOR:
		flat.terminator_len = terminator_len_of(framing);
		memcpy(
		    flat.terminator, framing->terminator, flat.terminator_len);
		break;
	case SHOAL_FRAMING_LENGTH:
		flat.width = framing->field & WIDTH_MASK;
		flat.little = (framing->field & LITTLE_ENDIAN_BIT) != 0;
		flat.offset = framing->offset;
		flat.body = framing->body;
		break;
	case SHOAL_FRAMING_FUNCTION:
		flat.length = framing->length;
		flat.arg = framing->arg;
		break;
	}
	return flat;
}

/* Here *scanned is the number of bytes that no terminator begins in. */
static int
find_terminator(const struct sh_framing *framing, const char *data, size_t len,
    size_t *scanned, size_t *packet_len_out)
{
	/* what is beyond the limit cannot end a packet within it */
	size_t end = len < framing->max ? len : framing->max;
	const char *found = NULL;

	sh_assert(*scanned <= end);
	if (end > *scanned)
		found = memmem(data + *scanned, end - *scanned,
		    framing->terminator, framing->terminator_len);
	if (found != NULL) {
		*packet_len_out =
		    (size_t)(found - data) + framing->terminator_len;
		return 0;
	}
	if (end == framing->max)
		return -SHOAL_EMSGSIZE;
	/* its first bytes may be there already */
	if (end >= framing->terminator_len)
		*scanned = end - (framing->terminator_len - 1);
	return 0;
}

static uint64_t
read_number(const unsigned char *at, size_t width, bool little)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < width; i++)
		number = number << 8 | at[little ? width - 1 - i : i];
	return number;
}

/* Length of the packet that its field tells, 0 when that is not there yet. */
static int
read_length(const struct sh_framing *framing, const void *data, size_t len,
    size_t *packet_len_out)
{
	size_t header = framing->offset + framing->width;
	uint64_t number;

	if (len < header)
		return 0;
	number = read_number((const unsigned char *)data + framing->offset,
	    framing->width, framing->little);
	if (number > framing->max - framing->body)
		return -SHOAL_EMSGSIZE;
	if (number + framing->body < header)
		return -SHOAL_EPROTO;
	*packet_len_out = (size_t)number + framing->body;
	return 0;
}

/* Here *scanned is the length that the function has told. */
static int
ask_length(const struct sh_framing *framing, const void *data, size_t len,
    size_t *scanned, size_t *packet_len_out)
{
	size_t shown = len < framing->max ? len : framing->max;
	ssize_t told = (ssize_t)*scanned;

	if (told == 0 && shown != 0)
		told = framing->length(data, shown, framing->arg);
	if (told < 0)
		return -SHOAL_EPROTO;
	if ((size_t)told > framing->max || (told == 0 && shown == framing->max))
		return -SHOAL_EMSGSIZE;
	*scanned = *packet_len_out = (size_t)told;
	return 0;
}

int
sh_framing_find(const struct sh_framing *framing, const void *data, size_t len,
    size_t *scanned, size_t *packet_len_out)
{
	int r = 0;

	*packet_len_out = 0;
	switch (framing->type) {
	case SHOAL_FRAMING_RAW: sh_assert(!"raw bytes hold no packets");
	case SHOAL_FRAMING_TERMINATOR:
		r = find_terminator(
		    framing, data, len, scanned, packet_len_out);
		break;
	case SHOAL_FRAMING_LENGTH:
		r = read_length(framing, data, len, packet_len_out);
		break;
	case SHOAL_FRAMING_FUNCTION:
		r = ask_length(framing, data, len, scanned, packet_len_out);
		break;
	}
	if (r < 0)
		return r;
	if (*packet_len_out == 0 || *packet_len_out > len)
		return 0;
	*scanned = 0;
	return 1;
}
