/*
 * This file is the cheapest honest echo server: one read and one write per
 * event, no memory per connection. It is what the others are compared with, so
 * a peer that does not read is cut off, not queued for.
 */
#include "config.h"

#include "epoll_server.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static bool
echo(int fd)
{
	static char buf[64 * 1024];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0 && errno == EAGAIN)
		return true;
	return n > 0 && write(fd, buf, (size_t)n) == n;
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: echo_epoll PORT\n");
		return 2;
	}
	epoll_server_run(argv[1], echo);
}
