/*
 * This file is what a WebSocket handshake computes (RFC 6455, section 4.2.2);
 * it reads no HTTP.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	SH_WS_KEY_LEN = 24,
	SH_WS_ACCEPT_LEN = 28,
};

/** Whether it can be a Sec-WebSocket-Key: 16 bytes in base64, and nothing
 *  beside it. */
bool sh_ws_key_is_valid(const char *key, size_t len);
/** Write the Sec-WebSocket-Accept for a key that is valid, with a NUL. Ends the
 *  process when libcrypto refuses. */
void sh_ws_accept_write(
    char accept[SH_WS_ACCEPT_LEN + 1], const char key[SH_WS_KEY_LEN]);
