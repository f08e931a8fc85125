/*
 * This file is an echo server as libevent's own means make it: a listener and
 * a bufferevent per connection. It shows what their comfort costs; it does
 * nothing to be faster.
 */
#include "config.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

enum { LIFETIME_S = 600, BACKLOG = 4096 };

static void
on_readable(struct bufferevent *bev, void *arg)
{
	evbuffer_add_buffer(
	    bufferevent_get_output(bev), bufferevent_get_input(bev));
}

static void
on_event(struct bufferevent *bev, short events, void *arg)
{
	if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(bev);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *addr, int len, void *arg)
{
	struct event_base *base = evconnlistener_get_base(listener);
	struct bufferevent *bev;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL) {
		evutil_closesocket(fd);
		return;
	}
	bufferevent_setcb(bev, on_readable, NULL, on_event, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static bool
print_port(struct evconnlistener *listener)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	if (getsockname(evconnlistener_get_fd(listener),
		(struct sockaddr *)&sin, &len) != 0)
		return false;
	printf("%u\n", ntohs(sin.sin_port));
	fflush(stdout);
	return true;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct evconnlistener *listener;
	struct event_base *base;

	if (argc != 2) {
		fprintf(stderr, "usage: echo_bufferevent PORT\n");
		return 2;
	}
	alarm(LIFETIME_S);
	signal(SIGPIPE, SIG_IGN);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)atoi(argv[1]));
	base = event_base_new();
	listener = evconnlistener_new_bind(base, on_accept, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, BACKLOG,
	    (struct sockaddr *)&sin, sizeof(sin));
	if (listener == NULL || !print_port(listener)) {
		perror("echo_bufferevent: listen");
		return EXIT_FAILURE;
	}
	event_base_dispatch(base);
	return EXIT_SUCCESS;
}
