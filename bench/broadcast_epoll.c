/*
 * This file is the cheapest broadcast there can be: the frames of one read of the
 * publisher lose their masks once, and are sent to each subscriber by one send(2).
 * It checks nothing and is no server; it is what others are compared with. Who asks
 * for /publish publishes, everybody else has subscribed. A peer that does not read
 * is cut off.
 */
#include "config.h"

#include "epoll_server.h"
#include "epoll_ws.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 65536, ROOM = 1024 * 1024 };

static bool is_open[MAX_FDS];        /* the handshake is over */
static int place[MAX_FDS];           /* among the subscribers, from 1 */
static int subscribers[MAX_FDS + 1]; /* descriptors, from 1 */
static int count;
static unsigned char in[ROOM], out[ROOM];
static size_t in_len; /* of the publisher, of which there is one */

static void
subscribe(int fd)
{
	place[fd] = ++count;
	subscribers[count] = fd;
}

static void
unsubscribe(int fd)
{
	int last = subscribers[count];

	if (place[fd] == 0)
		return;
	subscribers[place[fd]] = last;
	place[last] = place[fd];
	place[fd] = 0;
	count--;
}

static void
send_to_all(size_t len)
{
	int i;

	/* who is cut off is told so as an end, and taken off the list then */
	for (i = 1; i <= count; i++)
		if (send(subscribers[i], out, len, MSG_NOSIGNAL) !=
		    (ssize_t)len)
			shutdown(subscribers[i], SHUT_RDWR);
}

static void
publish(void)
{
	size_t done = 0, len = 0, n;

	while ((n = epoll_ws_take(in + done, in_len - done, out, &len)) > 0)
		done += n;
	in_len -= done;
	memmove(in, in + done, in_len);
	if (len > 0)
		send_to_all(len);
}

static bool
shake_hands(int fd, char *request)
{
	if (!epoll_ws_shake_hands(fd, request))
		return false;
	is_open[fd] = true;
	if (strncmp(request, "GET /publish ", 13) != 0)
		subscribe(fd);
	return true;
}

static bool
serve(int fd)
{
	static char ignored[ROOM];
	bool publishes = is_open[fd] && place[fd] == 0;
	ssize_t n = publishes ? read(fd, in + in_len, ROOM - in_len)
			      : read(fd, ignored, ROOM - 1);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	if (publishes) {
		in_len += (size_t)n;
		publish();
		return true;
	}
	ignored[n] = '\0';
	return is_open[fd] || shake_hands(fd, ignored);
}

static bool
on_readable(int fd)
{
	if (fd < MAX_FDS && serve(fd))
		return true;
	if (fd < MAX_FDS) {
		unsubscribe(fd);
		is_open[fd] = false;
	}
	return false;
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: broadcast_epoll PORT\n");
		return 2;
	}
	epoll_server_run(argv[1], on_readable);
}
