/*
 * This file is one level-triggered epoll loop on one processor. It keeps
 * nothing about a connection.
 */
#include "config.h"

#include "epoll_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIFETIME_S = 600, BACKLOG = 4096, EVENTS = 256 };

static int epoll_fd, listen_fd;

static void
fail(const char *what)
{
	fprintf(stderr, "epoll_server: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void
watch(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		fail("epoll_ctl");
}

static void
open_listener(const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)atoi(port));
	listen_fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listen_fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(listen_fd, BACKLOG) != 0 ||
	    getsockname(listen_fd, (struct sockaddr *)&sin, &len) != 0)
		fail("listen");
	printf("%u\n", ntohs(sin.sin_port));
	fflush(stdout);
}

static void
accept_all(void)
{
	int fd, on = 1;

	while ((fd = accept4(listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		watch(fd, EPOLLIN);
	}
}

void
epoll_server_run(const char *port, bool (*on_readable)(int fd))
{
	struct epoll_event events[EVENTS];
	int i, n;

	alarm(LIFETIME_S);
	signal(SIGPIPE, SIG_IGN);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	open_listener(port);
	watch(listen_fd, EPOLLIN);
	for (;;) {
		n = epoll_wait(epoll_fd, events, EVENTS, -1);
		for (i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == listen_fd)
				accept_all();
			else if (!on_readable(fd))
				close(fd);
		}
	}
}
