/*
 * Framing: how the bytes of a TCP connection, which keep no boundaries, are
 * cut into packets. A listener or a handler asks for it; its on_receive then
 * gets one whole packet a call, with its header or terminator.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_framing_type {
	SHOAL_FRAMING_RAW,        /* none: bytes as they come */
	SHOAL_FRAMING_TERMINATOR, /* a packet ends with certain bytes */
	SHOAL_FRAMING_LENGTH,     /* a packet begins with its length */
	SHOAL_FRAMING_FUNCTION    /* a function knows the length */
};

/*
 * What a length is written as: an unsigned number of so many bits, with the
 * most (BE, the order of networks) or least (LE) significant byte first. The
 * low four bits of each are the number's width in bytes.
 */
enum shoal_length_field {
	SHOAL_LENGTH_U8 = 1,
	SHOAL_LENGTH_U16BE = 2,
	SHOAL_LENGTH_U24BE = 3,
	SHOAL_LENGTH_U32BE = 4,
	SHOAL_LENGTH_U64BE = 8,
	SHOAL_LENGTH_U16LE = 16 + 2,
	SHOAL_LENGTH_U24LE = 16 + 3,
	SHOAL_LENGTH_U32LE = 16 + 4,
	SHOAL_LENGTH_U64LE = 16 + 8
};

/**
 * Tells how long the packet at the front of some bytes is.
 *
 * It is asked again, with more bytes, until it has told the length or the
 * bytes have reached the limit; then not before the next packet. The answer
 * must depend on the bytes alone: they may come in any portions.
 *
 * @param data  borrowed
 * @param len   bytes, at least 1, at most the limit of a packet
 * @param arg   that of the framing
 *
 * Returns  bytes of the whole packet, header included, which may be more than
 *          len; 0 when it takes more bytes to tell; negative when this is not
 *          a packet, which ends the connection
 * Context  worker
 * Blocks   must not
 */
typedef ssize_t shoal_packet_length_fn(const void *data, size_t len, void *arg);

enum {
	SHOAL_TERMINATOR_MAX = 8,       /* bytes */
	SHOAL_PACKET_DEFAULT = 2 << 20, /* bytes of a packet, when max is 0 */
	SHOAL_PACKET_MAX = 1 << 30      /* bytes, the largest max */
};

/*
 * How to cut. What is not of the type is not looked at. The same as the group
 * `framing' of a listener in shoal.conf(5), where body has another default.
 */
struct shoal_framing {
	size_t size; /* sizeof(struct shoal_framing) */
	enum shoal_framing_type type;
	size_t max; /* bytes of a whole packet; 0: 2 MiB; at most 1 GiB */

	/* TERMINATOR: any bytes, at most 8 of them. */
	const char *terminator;
	size_t terminator_len; /* bytes; 0: strlen(terminator) */

	/*
	 * LENGTH: a packet is as long as its field says, and body. With body
	 * 0 the length counts everything; one that counts only what follows
	 * a header of n bytes has a body of n. A length that counts itself
	 * but not what is before it has a body of offset.
	 */
	enum shoal_length_field field;
	size_t offset; /* bytes before the field */
	size_t body;   /* bytes that the length does not count */

	/* FUNCTION. */
	shoal_packet_length_fn *length;
	void *arg; /* handed to it */
};

#ifdef __cplusplus
}
#endif
