/*
 * This file is a WebSocket handshake (RFC 6455, section 4.2): what is wrong with
 * a client's, and what a server computes. It reads values of header fields, no
 * HTTP.
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

/* What a client has sent. Values of fields that are not there are NULL; several
 * of a name are joined with commas. */
struct sh_ws_hello {
	const char *method;
	bool http_1_1;    /* or later */
	bool has_body;    /* of any length */
	const char *host; /* "" for none */
	const char *upgrade, *connection, *key, *version, *origin;
};

/** Judge it. origins are patterns up to NULL, or NULL for the same origin. 0, or
 *  the status that refuses it: 400, 403, 405, 426, with *why_out, a constant
 *  sentence. */
int sh_ws_hello_judge(const struct sh_ws_hello *hello,
    const char *const *origins, const char **why_out);
/** Whether an origin is one of those that a pattern means: "https://host",
 *  "https://host:port", a host that begins with "*." for all that is below it,
 *  or "*" for whatever it may be. RFC 6454, 7. */
bool sh_ws_origin_matches(const char *origin, const char *pattern);
/** Whether an origin is the one that a request to a host is of. Host has the
 *  form of the field Host; the scheme is not looked at, as a proxy may have
 *  ended TLS. */
bool sh_ws_origin_is_same(const char *origin, const char *host);
/** The first of our subprotocols, up to NULL, that a client offers (the value of
 *  Sec-WebSocket-Protocol, or NULL); NULL when there is none. */
const char *
sh_ws_subprotocol_choose(const char *const *ours, const char *offered);
