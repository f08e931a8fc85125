/* This file compresses whole buffers in the gzip format, RFC 1952. */
#pragma once

#include <stddef.h>

struct sh_buf;

/* A compressor: its memory is some 260 KiB, so one serves many buffers. */
struct sh_gzip;

/** A compressor. NULL when out of memory. */
struct sh_gzip *sh_gzip_new(void);
void sh_gzip_free(struct sh_gzip **gzip);
/** Append data, compressed with a level from 1, fast, to 9, small. 0;
 *  -SHOAL_EMSGSIZE when it does not fit into out; -SHOAL_ENOMEM. out has
 *  something of it, perhaps, when it failed. */
int sh_gzip_compress(struct sh_gzip *gzip, int level, const void *data,
    size_t len, struct sh_buf *out);
