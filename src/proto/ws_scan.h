/*
 * This file is the scanner of a WebSocket client's frames: the header with the
 * rules that hold for one frame (RFC 6455, sections 5.1 to 5.5), and the mask.
 * What holds among several frames is ws_message.h's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ws_frame.h"

/* bytes of a client's header, with its mask */
enum { SH_WS_CLIENT_HEADER_MAX = 14 };

struct sh_ws_scanned {
	uint64_t len; /* of the payload; less than 2^63 */
	uint8_t mask[4];
	enum sh_ws_opcode opcode;
	bool fin;
	bool compressed; /* of the first frame of a message: its payload is */
};

/** Scan the header at the front of the bytes of a frame. deflates tells whether
 *  permessage-deflate was agreed on.
 *
 *  The header's length; 0 when it takes more bytes; -SHOAL_EPROTO, as soon as
 *  the bytes that are there break a rule, with *why_out set to it, a constant
 *  sentence. */
int sh_ws_scan(const uint8_t *data, size_t len, bool deflates,
    struct sh_ws_scanned *frame_out, const char **why_out);
/** Copy payload without its mask. offset is where in the frame's payload the
 *  bytes stand. The two may be the same memory, but must not overlap else. */
void sh_ws_unmask(uint8_t *to, const uint8_t *from, size_t len,
    const uint8_t mask[4], uint64_t offset);
