/*
 * This file is the content of messages: an endless stream of bytes that looks
 * random and repeats after a prime number of them, so that an answer that is
 * lost, doubled, or out of place does not go unnoticed. It does no I/O.
 */
#include "config.h"

#include "load.h"

#include <string.h>

enum { PERIOD = 65521 };

static unsigned char table[PERIOD + LOAD_CHUNK];

void
load_pattern_init(void)
{
	uint64_t x = 0x9e3779b97f4a7c15;
	size_t i;

	for (i = 0; i < PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		table[i] = (unsigned char)(x >> 32);
	}
	for (; i < sizeof(table); i++)
		table[i] = table[i - PERIOD];
}

const unsigned char *
load_pattern_at(uint64_t place)
{
	return table + place % PERIOD;
}

uint64_t
load_pattern_begin(uint64_t connection)
{
	return connection * 40503;
}

bool
load_pattern_is(uint64_t place, const void *data, size_t len)
{
	const unsigned char *at = data;

	while (len > 0) {
		size_t part = len < LOAD_CHUNK ? len : LOAD_CHUNK;

		if (memcmp(at, load_pattern_at(place), part) != 0)
			return false;
		at += part;
		place += part;
		len -= part;
	}
	return true;
}
