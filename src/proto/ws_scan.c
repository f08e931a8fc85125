/*
 * This file reads the headers of a WebSocket client's frames and takes off the
 * mask; it keeps no bytes and knows nothing of messages.
 */
#include "config.h"

#include "proto/ws_scan.h"

#include <string.h>

#include <shoal/error.h>

enum {
	FIN = 0x80,
	RESERVED = 0x70,
	OPCODE = 0x0f,
	MASKED = 0x80,
	LENGTH = 0x7f,
	LENGTH_16 = 126,
	LENGTH_64 = 127,
	MASK_LEN = 4,
};

static bool
is_opcode(unsigned opcode)
{
	return opcode <= SH_WS_BINARY ||
	    (opcode >= SH_WS_CLOSE && opcode <= SH_WS_PONG);
}

static bool
begins_message(unsigned opcode)
{
	return opcode == SH_WS_TEXT || opcode == SH_WS_BINARY;
}

/* What is wrong with the first byte, or NULL. */
static const char *
judge_first(uint8_t first, bool deflates)
{
	unsigned allowed = deflates ? SH_WS_COMPRESSED : 0;

	if ((first & RESERVED & ~allowed) != 0)
		return "a reserved bit is set";
	if (!is_opcode(first & OPCODE))
		return "there is no such opcode";
	if ((first & SH_WS_COMPRESSED) != 0 && !begins_message(first & OPCODE))
		return "the bit of a compressed message is set where none "
		       "begins";
	if (sh_ws_is_control(first & OPCODE) && (first & FIN) == 0)
		return "a control frame is fragmented";
	return NULL;
}

static const char *
judge_second(uint8_t first, uint8_t second)
{
	if ((second & MASKED) == 0)
		return "a frame is not masked";
	if (sh_ws_is_control(first & OPCODE) &&
	    (second & LENGTH) > SH_WS_CONTROL_MAX)
		return "a control frame has more than 125 bytes";
	return NULL;
}

/* Bytes of the length behind the first two. */
static size_t
width_of(uint8_t second)
{
	switch (second & LENGTH) {
	case LENGTH_16: return 2;
	case LENGTH_64: return 8;
	default: return 0;
	}
}

static uint64_t
read_length(const uint8_t *data, size_t width)
{
	uint64_t number = width != 0 ? 0 : data[1] & LENGTH;
	size_t i;

	for (i = 0; i < width; i++)
		number = number << 8 | data[2 + i];
	return number;
}

static const char *
judge(const uint8_t *data, size_t len, bool deflates)
{
	const char *why = NULL;

	if (len >= 1)
		why = judge_first(data[0], deflates);
	if (why == NULL && len >= 2)
		why = judge_second(data[0], data[1]);
	if (why == NULL && len >= 3 && width_of(data[1]) == 8 &&
	    (data[2] & 0x80) != 0)
		why = "the top bit of a length is set";
	return why;
}

int
sh_ws_scan(const uint8_t *data, size_t len, bool deflates,
    struct sh_ws_scanned *frame_out, const char **why_out)
{
	const char *why = judge(data, len, deflates);
	size_t width, header;

	if (why != NULL) {
		*why_out = why;
		return -SHOAL_EPROTO;
	}
	if (len < 2)
		return 0;
	width = width_of(data[1]);
	header = 2 + width + MASK_LEN;
	if (len < header)
		return 0;
	frame_out->len = read_length(data, width);
	memcpy(frame_out->mask, data + 2 + width, MASK_LEN);
	frame_out->opcode = data[0] & OPCODE;
	frame_out->fin = (data[0] & FIN) != 0;
	frame_out->compressed = (data[0] & SH_WS_COMPRESSED) != 0;
	return (int)header;
}

/* The mask twice, as it falls on payload that begins at an offset. */
static uint64_t
turn_mask(const uint8_t mask[4], uint64_t offset)
{
	uint8_t turned[MASK_LEN];
	uint32_t four;
	size_t i;

	memcpy(&four, mask, sizeof(four));
	if (offset % MASK_LEN != 0) {
		for (i = 0; i < MASK_LEN; i++)
			turned[i] = mask[(offset + i) % MASK_LEN];
		memcpy(&four, turned, sizeof(four));
	}
	return (uint64_t)four << 32 | four;
}

/* All is read before anything is written, so that compilers may take wider
 * registers. */
static inline void
unmask_32(uint8_t *to, const uint8_t *from, uint64_t key)
{
	uint64_t a, b, c, d;

	memcpy(&a, from, sizeof(a));
	memcpy(&b, from + 8, sizeof(b));
	memcpy(&c, from + 16, sizeof(c));
	memcpy(&d, from + 24, sizeof(d));
	a ^= key;
	b ^= key;
	c ^= key;
	d ^= key;
	memcpy(to, &a, sizeof(a));
	memcpy(to + 8, &b, sizeof(b));
	memcpy(to + 16, &c, sizeof(c));
	memcpy(to + 24, &d, sizeof(d));
}

void
sh_ws_unmask(uint8_t *to, const uint8_t *from, size_t len,
    const uint8_t mask[4], uint64_t offset)
{
	uint64_t key = turn_mask(mask, offset), word;
	uint8_t turned[sizeof(key)];
	size_t i, n = 0;

	for (; len - n >= 32; n += 32)
		unmask_32(to + n, from + n, key);
	for (; len - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, from + n, sizeof(word));
		word ^= key;
		memcpy(to + n, &word, sizeof(word));
	}
	memcpy(turned, &key, sizeof(key));
	for (i = 0; n < len; i++, n++)
		to[n] = from[n] ^ turned[i];
}
