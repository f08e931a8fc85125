/*
 * This file is how packets are found at the front of bytes that came over a
 * connection. It keeps no bytes and does no I/O.
 */
#pragma once

#include <stdbool.h>

#include <shoal/framing.h>

/* A framing that makes sense, without pointers to what the caller owns but
 * for the function's. */
struct sh_framing {
	enum shoal_framing_type type;
	size_t max; /* bytes of a packet, not 0 */
	char terminator[SHOAL_TERMINATOR_MAX];
	size_t terminator_len;
	size_t offset, width; /* of the length field, bytes */
	size_t body;
	bool little; /* byte order of the field */
	shoal_packet_length_fn *length;
	void *arg;
};

/** Check a framing of a program. 0, or -SHOAL_EINVAL with *why_out set to what
 *  is wrong, a constant string. why_out may be NULL. */
int sh_framing_check(const struct shoal_framing *framing, const char **why_out);
/** Make the flat form of a framing that sh_framing_check() likes; NULL is
 *  raw. */
struct sh_framing sh_framing_from_public(const struct shoal_framing *framing);
/** Look for a packet at the front of the bytes; not for raw ones.
 *
 *  *scanned is what earlier looks at the same packet have found out: 0 when a
 *  packet begins, and else left alone while its bytes grow. It is 0 again when
 *  the packet is there. *packet_len_out is the length of the packet as soon as
 *  that is known, also when it is not there yet, and else 0.
 *
 *  1 when it is there; 0 when it takes more bytes; -SHOAL_EMSGSIZE when it is
 *  longer than the limit, or the limit holds no end; -SHOAL_EPROTO when its
 *  length cannot be. */
int sh_framing_find(const struct sh_framing *framing, const void *data,
    size_t len, size_t *scanned, size_t *packet_len_out);
