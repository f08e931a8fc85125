/*
 * This file is what zlib allocates with, so that the memory of a stream can be
 * told. For ws_deflate.c and ws_inflate.c only.
 */
#pragma once

#include <stdlib.h>

#include <zlib.h>

static inline voidpf
sh_ws_zlib_alloc(voidpf memory, uInt items, uInt size)
{
	/* it asks for constants shifted by window bits and such */
	size_t bytes = (size_t)items * size;
	void *data = malloc(bytes);

	if (data != NULL)
		*(size_t *)memory += bytes;
	return data;
}

/* A stream frees nothing before its end, so there is nothing to subtract. */
static inline void
sh_ws_zlib_free(voidpf memory, voidpf data)
{
	(void)memory;
	free(data);
}

/** Make a stream, which is all 0, count into *memory. */
static inline void
sh_ws_zlib_init(z_stream *stream, size_t *memory)
{
	stream->zalloc = sh_ws_zlib_alloc;
	stream->zfree = sh_ws_zlib_free;
	stream->opaque = memory;
}
