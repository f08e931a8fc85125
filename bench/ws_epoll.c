/*
 * This file is the cheapest thing that echoes WebSocket messages: it answers
 * the handshake, then unmasks each frame and sends it back, all those of one
 * read by one write. It checks nothing and is no server; it is what others are
 * compared with. A peer that does not read is cut off.
 */
#include "config.h"

#include "epoll_server.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

enum { MAX_FDS = 65536, ROOM = 1024 * 1024, MASK_SIZE = 4 };

/* What a connection has of a frame that is not complete. */
static struct {
	unsigned char *data;
	size_t len;
	bool is_open; /* the handshake is over */
} conns[MAX_FDS];

static unsigned char in[ROOM], out[ROOM];

static bool
shake_hands(int fd, char *request)
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
	conns[fd].is_open = true;
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

/* Echo whole frames; how many bytes they were. */
static size_t
echo_frames(const unsigned char *at, size_t len, size_t *out_len)
{
	size_t done = 0, head;
	uint64_t size;

	while ((head = read_head(at + done, len - done, &size)) > 0 &&
	    size <= ROOM && len - done >= head + MASK_SIZE + size) {
		const unsigned char *frame = at + done;

		memcpy(out + *out_len, frame, head);
		out[*out_len + 1] &= 0x7f;
		unmask(out + *out_len + head, frame + head + MASK_SIZE, size,
		    frame + head);
		*out_len += head + size;
		done += head + MASK_SIZE + size;
	}
	return done;
}

static bool
serve(int fd)
{
	size_t had = conns[fd].len, len, done, out_len = 0;
	ssize_t n;

	if (had > 0)
		memcpy(in, conns[fd].data, had);
	n = read(fd, in + had, ROOM - 1 - had);
	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	len = had + (size_t)n;
	in[len] = '\0';
	if (!conns[fd].is_open)
		return shake_hands(fd, (char *)in);
	done = echo_frames(in, len, &out_len);
	conns[fd].len = len - done;
	if (done < len && conns[fd].data == NULL)
		conns[fd].data = malloc(ROOM);
	if (done < len)
		memcpy(conns[fd].data, in + done, len - done);
	return out_len == 0 || write(fd, out, out_len) == (ssize_t)out_len;
}

static bool
on_readable(int fd)
{
	if (fd < MAX_FDS && serve(fd))
		return true;
	if (fd < MAX_FDS) {
		free(conns[fd].data);
		memset(&conns[fd], 0, sizeof(conns[fd]));
	}
	return false;
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: ws_epoll PORT\n");
		return 2;
	}
	epoll_server_run(argv[1], on_readable);
}
