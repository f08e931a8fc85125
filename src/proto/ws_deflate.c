/*
 * This file compresses what a WebSocket server sends, and holds what the
 * connections of a worker share for it. ws_inflate.c is the other direction.
 */
#include "config.h"

#include "proto/ws_deflate.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proto/ws_zlib.h"

enum {
	/* Of a message of 1 KiB the levels make the same within a tenth, and of
	 * 64 KiB the default takes four times the time for a fifth less; the
	 * worker's other connections wait meanwhile. */
	LEVEL = 1,
	SHARED_MEM_LEVEL = 8,
	/* with SH_WS_OWN_WINDOW_BITS, a seventh of the memory */
	OWN_MEM_LEVEL = 5,
	TAIL_LEN = 4,
	MESSAGE_MAX = 1 << 30,
	PACKED_FIRST = 4096,
	PACKED_KEPT = 64 << 10, /* what messages leave behind, at most */
};

struct sh_ws_deflater {
	z_stream stream;
	size_t memory;
};

/* --- compressors ------------------------------------------------------------ */

static struct sh_ws_deflater *
new_deflater(unsigned window_bits, int mem_level)
{
	struct sh_ws_deflater *deflater = sh_try_calloc(1, sizeof(*deflater));

	if (deflater == NULL)
		return NULL;
	sh_ws_zlib_init(&deflater->stream, &deflater->memory);
	if (deflateInit2(&deflater->stream, LEVEL, Z_DEFLATED,
		-(int)window_bits, mem_level, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(deflater);
		return NULL;
	}
	return deflater;
}

void
sh_ws_deflater_free(struct sh_ws_deflater *deflater)
{
	if (deflater == NULL)
		return;
	deflateEnd(&deflater->stream);
	free(deflater);
}

size_t
sh_ws_deflater_memory(const struct sh_ws_deflater *deflater)
{
	return deflater != NULL ? sizeof(*deflater) + deflater->memory : 0;
}

/* Forget the messages that were compressed. */
static void
forget(struct sh_ws_deflater *deflater)
{
	int r = deflateReset(&deflater->stream);

	sh_assert(r == Z_OK);
}

/* The one to compress with, made if need be. */
static struct sh_ws_deflater *
deflater_for(struct sh_ws_deflate *shared, const struct sh_ws_extension *ext,
    struct sh_ws_deflater **own)
{
	struct sh_ws_deflater **place =
	    ext->server_takeover ? own : &shared->deflaters[ext->server_bits];

	if (*place == NULL)
		*place = new_deflater(ext->server_bits,
		    ext->server_takeover ? OWN_MEM_LEVEL : SHARED_MEM_LEVEL);
	return *place;
}

/* --- messages --------------------------------------------------------------- */

/* Room for so many bytes; what one large message took is not kept. */
static bool
make_room(struct sh_ws_deflate *shared, size_t len)
{
	size_t cap = len > PACKED_FIRST ? len : PACKED_FIRST;

	if (shared->packed_cap >= len && shared->packed_cap <= PACKED_KEPT)
		return true;
	free(shared->packed);
	shared->packed = malloc(cap);
	shared->packed_cap = shared->packed != NULL ? cap : 0;
	return shared->packed != NULL;
}

/* Compress with a flush, whose last bytes its receiver adds by itself: 7.2.1.
 * The bytes that are to be sent; 0 when they are not less than the message's. */
static size_t
pack(struct sh_ws_deflater *deflater, const void *data, size_t len,
    uint8_t *packed)
{
	static const uint8_t tail[TAIL_LEN] = { 0x00, 0x00, 0xff, 0xff };
	z_stream *stream = &deflater->stream;
	size_t cap = len + TAIL_LEN, n;
	int r;

	stream->next_in = (z_const Bytef *)data;
	stream->avail_in = (uInt)len;
	stream->next_out = packed;
	stream->avail_out = (uInt)cap;
	r = deflate(stream, Z_SYNC_FLUSH);
	n = cap - stream->avail_out;
	if (r != Z_OK || n == cap)
		return 0;
	sh_assert(stream->avail_in == 0 && n > TAIL_LEN &&
	    memcmp(packed + n - TAIL_LEN, tail, TAIL_LEN) == 0);
	return n - TAIL_LEN;
}

size_t
sh_ws_compress(struct sh_ws_deflate *shared, const struct sh_ws_extension *ext,
    struct sh_ws_deflater **own, const void *data, size_t len,
    const uint8_t **packed_out)
{
	struct sh_ws_deflater *deflater;
	size_t n;

	sh_assert(ext->deflates);
	/* nothing is smaller than an empty message, nor than one byte */
	if (len <= 1 || len > MESSAGE_MAX || !make_room(shared, len + TAIL_LEN))
		return 0;
	deflater = deflater_for(shared, ext, own);
	if (deflater == NULL)
		return 0;
	n = pack(deflater, data, len, shared->packed);
	/* what is not sent must not be referred to */
	if (n == 0 || !ext->server_takeover)
		forget(deflater);
	*packed_out = shared->packed;
	return n;
}

void
sh_ws_deflate_fini(struct sh_ws_deflate *shared)
{
	size_t i;

	for (i = 0; i <= SH_WS_WINDOW_BITS_MAX; i++)
		sh_ws_deflater_free(shared->deflaters[i]);
	sh_ws_inflater_free(shared->spare);
	free(shared->inflated);
	free(shared->packed);
	*shared = (struct sh_ws_deflate){ 0 };
}
