/*
 * This file computes what a WebSocket server answers to a client's key; it
 * reads no HTTP. SHA-1 and base64 are libcrypto's.
 */
#include "config.h"

#include "proto/ws_handshake.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/panic.h"

enum { SHA1_LEN = 20, DIGITS = 22 };

/* RFC 6455, section 1.3 */
static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

static bool
is_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '+' || c == '/';
}

bool
sh_ws_key_is_valid(const char *key, size_t len)
{
	size_t i;

	if (len != SH_WS_KEY_LEN || key[DIGITS] != '=' ||
	    key[DIGITS + 1] != '=')
		return false;
	for (i = 0; i < DIGITS; i++)
		if (!is_digit(key[i]))
			return false;
	/* the last digit has four bits too many, which ought to be zero; RFC
	 * 4648, 3.5, lets a decoder not look at them */
	return true;
}

void
sh_ws_accept_write(
    char accept[SH_WS_ACCEPT_LEN + 1], const char key[SH_WS_KEY_LEN])
{
	char text[SH_WS_KEY_LEN + sizeof(magic) - 1];
	unsigned char digest[SHA1_LEN];
	int r;

	memcpy(text, key, SH_WS_KEY_LEN);
	memcpy(text + SH_WS_KEY_LEN, magic, sizeof(magic) - 1);
	r = EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha1(), NULL);
	sh_assert(r == 1);
	r = EVP_EncodeBlock((unsigned char *)accept, digest, SHA1_LEN);
	sh_assert(r == SH_WS_ACCEPT_LEN);
}
