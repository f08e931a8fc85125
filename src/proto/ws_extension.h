/*
 * This file is the negotiation of permessage-deflate (RFC 7692, section 7.1) in
 * the fields Sec-WebSocket-Extensions of a handshake. It compresses nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <shoal/ws.h>

enum {
	/* zlib has no window of 256 bytes for a raw deflate stream */
	SH_WS_WINDOW_BITS_MIN = 9,
	SH_WS_WINDOW_BITS_MAX = 15,
	/* what a connection of its own uses, to be smaller: ws_deflate.h */
	SH_WS_OWN_WINDOW_BITS = 12,
	/* bytes of the longest answer, with a NUL */
	SH_WS_EXTENSION_MAX = 160,
};

/* What both sides have agreed on; all 0: nothing. */
struct sh_ws_extension {
	bool deflates : 1; /* permessage-deflate; else the rest is 0 */
	/* A message may refer to those before it. */
	bool server_takeover : 1, client_takeover : 1;
	/* The answer names the window; else it is not spoken of. */
	bool says_server_bits : 1, says_client_bits : 1;
	/* Windows: what the server's compressor has, and what the server's
	 * decompressor needs; 9 to 15. */
	uint8_t server_bits, client_bits;
	uint8_t client_bits_said; /* 8 to 15; 8 is taken as 9 by many clients */
};

/** Read a field of the handshake, and take the first acceptable offer of
 *  permessage-deflate if none is taken yet. Call it for each such field, in
 *  their order. Other extensions, and offers that cannot be met, are passed
 *  over. ext is all 0 before the first.
 *
 *  0; -400 when the field is malformed (RFC 6455, 9.1), with *why_out, if not
 *  NULL, a constant sentence. */
int sh_ws_extension_take(struct sh_ws_extension *ext,
    enum shoal_ws_compression mode, const char *field, size_t len,
    const char **why_out);
/** Write the field of the answer; "" when nothing was agreed on. Its length. */
size_t sh_ws_extension_write(
    const struct sh_ws_extension *ext, char text[SH_WS_EXTENSION_MAX]);
