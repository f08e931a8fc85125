/*
 * This file writes the headers of a WebSocket server's frames and the payload
 * of close frames; it sends nothing. Lengths are always in their shortest form.
 */
#include "config.h"

#include "proto/ws_frame.h"

#include <string.h>

#include <shoal/error.h>

#include "base/panic.h"
#include "proto/utf8.h"

enum { FIN = 0x80, LENGTH_16 = 126, LENGTH_64 = 127, CODE_LEN = 2 };

static size_t
write_number(uint8_t *at, uint64_t number, size_t width)
{
	size_t i;

	for (i = 0; i < width; i++)
		at[i] = (uint8_t)(number >> 8 * (width - 1 - i));
	return width;
}

size_t
sh_ws_header_write(uint8_t header[SH_WS_HEADER_MAX], enum sh_ws_opcode opcode,
    bool fin, uint64_t payload_len)
{
	sh_assert(payload_len >> 63 == 0);
	sh_assert(!sh_ws_is_control(opcode) ||
	    (fin && payload_len <= SH_WS_CONTROL_MAX));
	header[0] = (uint8_t)((fin ? FIN : 0) | opcode);
	if (payload_len < LENGTH_16) {
		header[1] = (uint8_t)payload_len;
		return 2;
	}
	if (payload_len <= UINT16_MAX) {
		header[1] = LENGTH_16;
		return 2 + write_number(header + 2, payload_len, 2);
	}
	header[1] = LENGTH_64;
	return 2 + write_number(header + 2, payload_len, 8);
}

uint64_t
sh_ws_frame_len(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t payload_len = 0;
	size_t i, width = 0;

	sh_assert(len >= 2);
	if (at[1] < LENGTH_16)
		return 2 + (uint64_t)at[1];
	width = at[1] == LENGTH_16 ? 2 : 8;
	sh_assert(len >= 2 + width);
	for (i = 0; i < width; i++)
		payload_len = payload_len << 8 | at[2 + i];
	return 2 + width + payload_len;
}

bool
sh_ws_code_is_allowed(unsigned code)
{
	return (code >= 1000 && code <= 1003) ||
	    (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

int
sh_ws_close_write(uint8_t payload[SH_WS_CONTROL_MAX], unsigned code,
    const char *reason, size_t reason_len)
{
	if (code == SH_WS_NO_CODE)
		return reason_len == 0 ? 0 : -SHOAL_EINVAL;
	if (!sh_ws_code_is_allowed(code) || reason_len > SH_WS_REASON_MAX ||
	    !sh_utf8_is_valid(reason, reason_len))
		return -SHOAL_EINVAL;
	write_number(payload, code, CODE_LEN);
	if (reason_len != 0)
		memcpy(payload + CODE_LEN, reason, reason_len);
	return CODE_LEN + (int)reason_len;
}
