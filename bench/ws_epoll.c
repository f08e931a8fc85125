/*
 * This file is the cheapest thing that echoes WebSocket messages: it answers
 * the handshake, then unmasks each frame and sends it back, all those of one
 * read by one write. It checks nothing and is no server; it is what others are
 * compared with. A peer that does not read is cut off.
 */
#include "config.h"

#include "epoll_server.h"
#include "epoll_ws.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FDS = 65536, ROOM = 1024 * 1024 };

/* What a connection has of a frame that is not complete. */
static struct {
	unsigned char *data;
	size_t len;
	bool is_open; /* the handshake is over */
} conns[MAX_FDS];

static unsigned char in[ROOM], out[ROOM];

/* Echo whole frames; how many bytes they were. */
static size_t
echo_frames(const unsigned char *at, size_t len, size_t *out_len)
{
	size_t done = 0, n;

	while ((n = epoll_ws_take(at + done, len - done, out, out_len)) > 0)
		done += n;
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
		return conns[fd].is_open = epoll_ws_shake_hands(fd, (char *)in);
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
