/*
 * This file is the content of messages: an endless stream of bytes that looks
 * random and repeats after a prime number of them, so that an answer that is
 * lost, doubled, or out of place does not go unnoticed. It does no I/O.
 */
#include "config.h"

#include "load.h"

#include <stdlib.h>
#include <string.h>

enum { PERIOD = 65521 };

static struct load_loop pattern;

void
load_loop_open(struct load_loop *loop, size_t period)
{
	loop->period = period;
	loop->data = malloc(period + LOAD_CHUNK);
	if (loop->data == NULL)
		load_die("out of memory");
}

void
load_loop_close(struct load_loop *loop)
{
	size_t i;

	for (i = loop->period; i < loop->period + LOAD_CHUNK; i++)
		loop->data[i] = loop->data[i - loop->period];
}

const unsigned char *
load_loop_at(const struct load_loop *loop, uint64_t place)
{
	return loop->data + place % loop->period;
}

bool
load_loop_is(
    const struct load_loop *loop, uint64_t place, const void *data, size_t len)
{
	const unsigned char *at = data;

	while (len > 0) {
		size_t part = len < LOAD_CHUNK ? len : LOAD_CHUNK;

		if (memcmp(at, load_loop_at(loop, place), part) != 0)
			return false;
		at += part;
		place += part;
		len -= part;
	}
	return true;
}

void
load_pattern_init(void)
{
	uint64_t x = 0x9e3779b97f4a7c15;
	size_t i;

	load_loop_open(&pattern, PERIOD);
	for (i = 0; i < PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		pattern.data[i] = (unsigned char)(x >> 32);
	}
	load_loop_close(&pattern);
}

const struct load_loop *
load_pattern(void)
{
	return &pattern;
}
