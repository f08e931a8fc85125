/*
 * This file is what the raw loops know of WebSocket: the handshake, and frames that
 * lose their masks. It checks nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/** Answer a handshake, which is a text; it is changed. False: it is none. */
bool epoll_ws_shake_hands(int fd, char *request);
/** Write the frame that begins the bytes to out + *out_len, as a server sends it,
 *  and add its length there. Returns what it has taken, 0: it is not complete. out
 *  has room for len bytes. */
size_t epoll_ws_take(
    const unsigned char *at, size_t len, unsigned char *out, size_t *out_len);
