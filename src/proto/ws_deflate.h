/*
 * This file compresses and inflates the payload of WebSocket messages (RFC 7692,
 * section 7.2) with zlib. It knows no frames; what was agreed on is
 * ws_extension.h's.
 *
 * Memory, in bytes, where zlib 1.2.13 is the one that is there:
 *
 *	a worker's compressor		268,300
 *	a connection's own compressor	 38,900
 *	a worker's decompressor		 40,100
 *	a connection's own		 11,400; 40,100 when the client does not
 *					let the server choose its window
 *
 * Each is made when a message needs it first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ws_extension.h"

struct sh_ws_deflater;
struct sh_ws_inflater;

/* bytes that sh_ws_inflater_next() is given room for */
enum { SH_WS_INFLATED_MAX = 16384 };

/* What the connections of a worker share; all 0 to begin with. */
struct sh_ws_deflate {
	/* by window bits, for messages that refer to none before them */
	struct sh_ws_deflater *deflaters[SH_WS_WINDOW_BITS_MAX + 1];
	struct sh_ws_inflater *spare; /* of messages that are done with */
	uint8_t *inflated;            /* SH_WS_INFLATED_MAX */
	uint8_t *packed;
	size_t packed_cap;
};

/** Free what is shared. Who uses it has to be gone. */
void sh_ws_deflate_fini(struct sh_ws_deflate *shared);

/* --- sending --------------------------------------------------------------- */

/** Compress a message.
 *
 *  ext tells what was agreed on with its receiver. *own, NULL to begin with, is
 *  set to the receiver's own compressor if it was agreed that it has one; the
 *  caller frees it.
 *
 *  Bytes of the payload, at *packed_out until the next call with the same
 *  shared: send it with SH_WS_COMPRESSED, or close the connection, as the next
 *  one may refer to it. 0 when the message is to be sent as it is: it does not
 *  get smaller, is over 1 GiB, or there is no memory. */
size_t sh_ws_compress(struct sh_ws_deflate *shared,
    const struct sh_ws_extension *ext, struct sh_ws_deflater **own,
    const void *data, size_t len, const uint8_t **packed_out);
/** Free a compressor; NULL is none. */
void sh_ws_deflater_free(struct sh_ws_deflater *deflater);
/** Bytes of memory that it has; NULL: 0. */
size_t sh_ws_deflater_memory(const struct sh_ws_deflater *deflater);

/* --- receiving ------------------------------------------------------------- */

/** Make a decompressor with a window of 2^window_bits bytes, 9 to 15; NULL when
 *  there is no memory. Whether a client that reaches back farther than that is
 *  found out depends on how its bytes come. */
struct sh_ws_inflater *sh_ws_inflater_new(unsigned window_bits);
/** Free a decompressor, also amid a message; NULL is none. */
void sh_ws_inflater_free(struct sh_ws_inflater *inflater);
/** Bytes of memory that it has; NULL: 0. */
size_t sh_ws_inflater_memory(const struct sh_ws_inflater *inflater);
/** A decompressor for one message that refers to none before it; NULL when
 *  there is no memory. Between messages nobody has one. */
struct sh_ws_inflater *sh_ws_inflater_borrow(struct sh_ws_deflate *shared);
/** Give it back, wherever it stands. */
void sh_ws_inflater_return(
    struct sh_ws_deflate *shared, struct sh_ws_inflater *inflater);
/** Lend it bytes of a message, until sh_ws_inflater_next() says that there is
 *  no more of them. */
void sh_ws_inflater_feed(
    struct sh_ws_inflater *inflater, const uint8_t *data, size_t len);
/** The message has no more bytes: likewise for those that its sender took off
 *  its end. */
void sh_ws_inflater_feed_end(struct sh_ws_inflater *inflater);
/** Inflate what was fed, in order, to at most cap bytes. Their number; 0 when
 *  it takes more input; -SHOAL_EPROTO when it is not what deflate writes;
 *  -SHOAL_ENOMEM. After a failure it is of no use. */
int
sh_ws_inflater_next(struct sh_ws_inflater *inflater, uint8_t *out, size_t cap);
/** Whether a message may end here: not amid what deflate has written. */
bool sh_ws_inflater_is_whole(const struct sh_ws_inflater *inflater);
