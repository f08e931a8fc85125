/*
 * This file is how frames of a WebSocket server are written (RFC 6455, section
 * 5.2), and which close codes there are. It sends nothing and reads no frames.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sh_ws_opcode {
	SH_WS_CONTINUATION = 0,
	SH_WS_TEXT = 1,
	SH_WS_BINARY = 2,
	SH_WS_CLOSE = 8,
	SH_WS_PING = 9,
	SH_WS_PONG = 10,
};

enum {
	SH_WS_HEADER_MAX = 10, /* bytes of a header without a mask */
	/* bit of the first byte of a header: RFC 7692, 6 */
	SH_WS_COMPRESSED = 0x40,
	SH_WS_CONTROL_MAX = 125,
	SH_WS_REASON_MAX = 123,
	/* close codes of RFC 6455, 7.4.1; the next two are never sent */
	SH_WS_NO_CODE = 1005,
	SH_WS_CUT_OFF = 1006,
	SH_WS_PROTOCOL_ERROR = 1002,
	SH_WS_BAD_DATA = 1007,
	SH_WS_POLICY = 1008,
	SH_WS_TOO_BIG = 1009,
};

/** Whether it is an opcode of a control frame. */
static inline bool
sh_ws_is_control(unsigned opcode)
{
	return (opcode & 8) != 0;
}
/** Write the header of an unmasked frame with so many bytes of payload; the
 *  length of the header. A control frame is whole and has at most
 *  SH_WS_CONTROL_MAX bytes. */
size_t sh_ws_header_write(uint8_t header[SH_WS_HEADER_MAX],
    enum sh_ws_opcode opcode, bool fin, uint64_t payload_len);
/** The length of the unmasked frame at the front of bytes, with its header;
 *  they have to be what sh_ws_header_write() wrote, and whole. */
uint64_t sh_ws_frame_len(const void *bytes, size_t len);
/** Whether a close frame may carry the code: 1000 to 1003, 1007 to 1014, 3000
 *  to 4999. */
bool sh_ws_code_is_allowed(unsigned code);
/** Write the payload of a close frame; SH_WS_NO_CODE, which goes without a
 *  reason, writes none. Its length, or -SHOAL_EINVAL when the code is not
 *  allowed, or the reason is too long or not UTF-8. reason may be NULL when
 *  reason_len is 0. */
int sh_ws_close_write(uint8_t payload[SH_WS_CONTROL_MAX], unsigned code,
    const char *reason, size_t reason_len);
