/*
 * This file inflates what a WebSocket client has compressed, as its bytes come.
 * The same bytes give the same output, and the same failure behind the same
 * output, in whatever portions they are fed.
 */
#include "config.h"

#include <stdlib.h>

#include <zlib.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proto/ws_deflate.h"
#include "proto/ws_zlib.h"

enum {
	/* of z_stream.data_type: see inflate() in zlib.h */
	UNUSED_BITS = 63,
	BEHIND_BLOCK = 128,
};

struct sh_ws_inflater {
	z_stream stream;
	size_t memory;
	bool full;  /* there was no room: more output may be there */
	bool whole; /* behind a block, and at the begin of a byte */
	int failure;
};

struct sh_ws_inflater *
sh_ws_inflater_new(unsigned window_bits)
{
	struct sh_ws_inflater *inflater = sh_try_calloc(1, sizeof(*inflater));

	if (inflater == NULL)
		return NULL;
	sh_ws_zlib_init(&inflater->stream, &inflater->memory);
	if (inflateInit2(&inflater->stream, -(int)window_bits) != Z_OK) {
		free(inflater);
		return NULL;
	}
	inflater->whole = true;
	return inflater;
}

void
sh_ws_inflater_free(struct sh_ws_inflater *inflater)
{
	if (inflater == NULL)
		return;
	inflateEnd(&inflater->stream);
	free(inflater);
}

size_t
sh_ws_inflater_memory(const struct sh_ws_inflater *inflater)
{
	return inflater != NULL ? sizeof(*inflater) + inflater->memory : 0;
}

static void
begin_anew(struct sh_ws_inflater *inflater)
{
	int r = inflateReset(&inflater->stream);

	sh_assert(r == Z_OK);
	inflater->full = false;
	inflater->whole = true;
}

struct sh_ws_inflater *
sh_ws_inflater_borrow(struct sh_ws_deflate *shared)
{
	struct sh_ws_inflater *inflater = shared->spare;

	shared->spare = NULL;
	return inflater != NULL ? inflater
				: sh_ws_inflater_new(SH_WS_WINDOW_BITS_MAX);
}

void
sh_ws_inflater_return(
    struct sh_ws_deflate *shared, struct sh_ws_inflater *inflater)
{
	if (shared->spare != NULL) {
		sh_ws_inflater_free(inflater);
		return;
	}
	begin_anew(inflater);
	inflater->stream.avail_in = 0;
	inflater->failure = 0;
	shared->spare = inflater;
}

void
sh_ws_inflater_feed(
    struct sh_ws_inflater *inflater, const uint8_t *data, size_t len)
{
	sh_assert(inflater->stream.avail_in == 0 && !inflater->full);
	sh_assert(len <= UINT32_MAX);
	inflater->stream.next_in = (z_const Bytef *)data;
	inflater->stream.avail_in = (uInt)len;
}

/* The end of an empty block, which every flush writes, is not sent. A message
 * without any bytes, and one that ends with a last block, have not begun one:
 * some clients send those. */
void
sh_ws_inflater_feed_end(struct sh_ws_inflater *inflater)
{
	static const uint8_t tail[] = { 0x00, 0x00, 0xff, 0xff };

	if (!inflater->whole)
		sh_ws_inflater_feed(inflater, tail, sizeof(tail));
}

/* Behind a block that says that it is the last (7.2.3.4), others may come. */
static void
inflate_some(struct sh_ws_inflater *inflater)
{
	z_stream *stream = &inflater->stream;
	int r = inflate(stream, Z_SYNC_FLUSH);

	inflater->full = stream->avail_out == 0;
	inflater->whole =
	    (stream->data_type & (UNUSED_BITS | BEHIND_BLOCK)) == BEHIND_BLOCK;
	if (r == Z_STREAM_END)
		begin_anew(inflater);
	else if (r == Z_MEM_ERROR)
		inflater->failure = -SHOAL_ENOMEM;
	else if (r != Z_OK && r != Z_BUF_ERROR)
		inflater->failure = -SHOAL_EPROTO;
}

int
sh_ws_inflater_next(struct sh_ws_inflater *inflater, uint8_t *out, size_t cap)
{
	z_stream *stream = &inflater->stream;
	int n;

	sh_assert(cap != 0 && cap <= SH_WS_INFLATED_MAX);
	stream->next_out = out;
	stream->avail_out = (uInt)cap;
	while (inflater->failure == 0 && stream->avail_out != 0 &&
	    (stream->avail_in != 0 || inflater->full))
		inflate_some(inflater);
	n = (int)(cap - stream->avail_out);
	return n != 0 ? n : inflater->failure;
}

bool
sh_ws_inflater_is_whole(const struct sh_ws_inflater *inflater)
{
	return inflater->whole && inflater->stream.avail_in == 0;
}
