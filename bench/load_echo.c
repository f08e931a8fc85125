/*
 * This file is an echo over TCP: each connection sends its own part of the
 * endless stream and has to get it back. It does no I/O.
 */
#include "config.h"

#include "load.h"

static size_t message_size;

static size_t
prepare(struct load_options *options)
{
	return message_size = options->size;
}

/* Where the stream of a connection begins. */
static uint64_t
begin_of(const struct load_talk *talk)
{
	return talk->number * 40503;
}

static const unsigned char *
bytes_at(const struct load_talk *talk, uint64_t place)
{
	return load_loop_at(load_pattern(), begin_of(talk) + place);
}

static int64_t
take(struct load_talk *talk, const void *data, size_t len)
{
	size_t due = talk->partial + len;

	if (!load_loop_is(
		load_pattern(), begin_of(talk) + talk->received, data, len))
		return -1;
	talk->received += len;
	talk->partial = due % message_size;
	return (int64_t)(due / message_size);
}

const struct load_protocol load_echo = {
	.prepare = prepare,
	.bytes_at = bytes_at,
	.take = take,
};
