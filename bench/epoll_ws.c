/*
 * This file is the handshake and the frames of WebSocket for the raw loops; it
 * checks nothing.
 */
#include "config.h"

#include "epoll_ws.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

enum { MASK_SIZE = 4 };

bool
epoll_ws_shake_hands(int fd, char *request)
{
	static const char name[] = "Sec-WebSocket-Key: ";
	char *key = strstr(request, name), *end, text[256];
	unsigned char digest[SHA_DIGEST_LENGTH], accept[64];
	int len;

	if (key == NULL || (end = strchr(key, '\r')) == NULL)
		return false;
	*end = '\0';
	len = snprintf(text, sizeof(text), "%s" GUID, key + sizeof(name) - 1);
	if (len < 0 || (size_t)len >= sizeof(text))
		return false;
	SHA1((unsigned char *)text, (size_t)len, digest);
	EVP_EncodeBlock(accept, digest, sizeof(digest));
	return dprintf(fd,
		   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		   accept) > 0;
}

static void
unmask(unsigned char *to, const unsigned char *from, size_t len,
    const unsigned char mask[MASK_SIZE])
{
	uint64_t word, masks;
	size_t i;

	memcpy(&masks, mask, MASK_SIZE);
	memcpy((char *)&masks + MASK_SIZE, mask, MASK_SIZE);
	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, from + i, sizeof(word));
		word ^= masks;
		memcpy(to + i, &word, sizeof(word));
	}
	for (; i < len; i++)
		to[i] = from[i] ^ mask[i % MASK_SIZE];
}

/* Bytes of the head without the mask, 0 when there are too few; the length of
 * the content in *len_out. */
static size_t
read_head(const unsigned char *at, size_t len, uint64_t *len_out)
{
	size_t i, more;

	if (len < 2)
		return 0;
	*len_out = at[1] & 0x7f;
	more = *len_out == 126 ? 2 : *len_out == 127 ? 8 : 0;
	if (len < 2 + more)
		return 0;
	for (i = 0; i < more; i++)
		*len_out = (i == 0 ? 0 : *len_out << 8) | at[2 + i];
	return 2 + more;
}

size_t
epoll_ws_take(
    const unsigned char *at, size_t len, unsigned char *out, size_t *out_len)
{
	uint64_t size;
	size_t head = read_head(at, len, &size);

	if (head == 0 || len < head + MASK_SIZE ||
	    len - head - MASK_SIZE < size)
		return 0;
	memcpy(out + *out_len, at, head);
	out[*out_len + 1] &= 0x7f;
	unmask(out + *out_len + head, at + head + MASK_SIZE, size, at + head);
	*out_len += head + size;
	return head + MASK_SIZE + size;
}
