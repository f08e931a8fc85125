/*
 * This file compresses whole buffers in the gzip format, by zlib. It decides
 * nothing about what is worth it. RFC 1952.
 */
#include "config.h"

#include "proto/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include <shoal/error.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/panic.h"

enum {
	WINDOW_BITS = 15,
	GZIP_FORMAT = 16, /* added to it: not zlib's own format */
	MEMORY_LEVEL = 8,
	PORTION = 16384
};

struct sh_gzip {
	z_stream stream;
	int level;
	unsigned char portion[PORTION];
};

struct sh_gzip *
sh_gzip_new(void)
{
	struct sh_gzip *gzip = sh_try_calloc(1, sizeof(*gzip));

	if (gzip == NULL)
		return NULL;
	gzip->level = 1;
	if (deflateInit2(&gzip->stream, gzip->level, Z_DEFLATED,
		WINDOW_BITS + GZIP_FORMAT, MEMORY_LEVEL,
		Z_DEFAULT_STRATEGY) != Z_OK) {
		free(gzip);
		return NULL;
	}
	return gzip;
}

void
sh_gzip_free(struct sh_gzip **gzip)
{
	if (*gzip != NULL)
		deflateEnd(&(*gzip)->stream);
	free(*gzip);
	*gzip = NULL;
}

/* Begin anew, also after a stream that was given up. */
static void
begin(struct sh_gzip *gzip, int level)
{
	z_stream *stream = &gzip->stream;

	sh_assert(level >= 1 && level <= 9);
	sh_assert(deflateReset(stream) == Z_OK);
	stream->avail_in = 0;
	if (level == gzip->level)
		return;
	/* with nothing pending it writes nothing */
	stream->next_out = gzip->portion;
	stream->avail_out = PORTION;
	sh_assert(deflateParams(stream, level, Z_DEFAULT_STRATEGY) == Z_OK);
	sh_assert(stream->avail_out == PORTION);
	gzip->level = level;
}

int
sh_gzip_compress(struct sh_gzip *gzip, int level, const void *data, size_t len,
    struct sh_buf *out)
{
	z_stream *stream = &gzip->stream;
	const unsigned char *next = data;
	int r, ended;

	begin(gzip, level);
	do {
		/* zlib counts with an int */
		if (stream->avail_in == 0) {
			size_t n = len < INT_MAX ? len : INT_MAX;

			stream->next_in = (z_const Bytef *)(uintptr_t)next;
			stream->avail_in = (uInt)n;
			next += n;
			len -= n;
		}
		stream->next_out = gzip->portion;
		stream->avail_out = PORTION;
		ended = deflate(stream, len == 0 ? Z_FINISH : Z_NO_FLUSH);
		sh_assert(ended != Z_STREAM_ERROR);
		r = sh_buf_add(out, gzip->portion, PORTION - stream->avail_out);
	} while (r == 0 && ended != Z_STREAM_END);
	return r;
}
