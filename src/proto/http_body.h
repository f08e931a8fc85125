/*
 * This file takes the framing off the body of an HTTP/1 message, while it
 * comes: RFC 9112 6 and 7. It keeps and copies no bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/http_head.h"

struct sh_http_body_limits {
	uint64_t size;        /* bytes of the body; more: 413 */
	size_t trailer_size;  /* bytes of all trailer fields; more: 431 */
	size_t trailer_count; /* more: 431 */
};

/* Where the body is; small, as connections keep it. */
struct sh_http_body {
	uint64_t left;  /* bytes of this chunk, or of a body with a length */
	uint64_t total; /* bytes of the body in chunks so far */
	struct sh_http_body_limits limits;
	uint64_t ext_total; /* bytes of all extensions so far */
	size_t trailer_size, trailer_count;
	uint16_t ext_size; /* bytes of this chunk's extensions */
	uint8_t digits;    /* of this chunk's size */
	uint8_t state;
};

/** Begin with the body that a head announces; length is for a body with one.
 *  0, or -413 when that is beyond the limit. */
int sh_http_body_begin(struct sh_http_body *body, enum sh_http_body_kind kind,
    uint64_t length, const struct sh_http_body_limits *limits,
    const char **why_out);
/** Take in bytes as far as the next piece of the body, which is lent out of
 *  data. *piece_len_out may be 0, with any result. Of len bytes
 *  *consumed_out were used, never one behind the end of the body.
 *
 *  Chunk extensions have to be well-formed and not too long, and are ignored.
 *  So are trailer fields, but they are used apart from what is before them, see
 *  sh_http_body_is_in_trailer().
 *
 *  1 at the end of the body, with its last piece perhaps; it is 1 again, and
 *  nothing used, after that. 0 when there is more to come: call again with what
 *  is behind the used bytes; when all are used, once there are new ones. Or the
 *  negated status of the answer that is due: -400, -413 or -431, with *why_out,
 *  if not NULL, a constant sentence; nothing else may be done with the body
 *  then, and the connection has to end. */
int sh_http_body_next(struct sh_http_body *body, const char *data, size_t len,
    size_t *consumed_out, const char **piece_out, size_t *piece_len_out,
    const char **why_out);
/** Whether the bytes to come are those of trailer fields, with the empty line
 *  behind them. */
bool sh_http_body_is_in_trailer(const struct sh_http_body *body);
