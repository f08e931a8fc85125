/*
 * This file makes connected sockets of coroutines for tests, and keeps what
 * they see until it can be asserted; it asserts nothing.
 */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <shoal/co.h>
#include <shoal/conn.h>
#include <shoal/sock.h>

/* What coroutines saw, one after the other; for the test's own stack. */
static long seen[64];
static int seen_count;

static inline void
note(long value)
{
	if (seen_count < (int)(sizeof(seen) / sizeof(seen[0])))
		seen[seen_count++] = value;
}

/* Two ends of a unix stream. */
static inline void
make_pair(struct shoal_sock *pair[2])
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
	    shoal_sock_adopt(fds[0], &pair[0]) < 0 ||
	    shoal_sock_adopt(fds[1], &pair[1]) < 0)
		abort();
}

/* Two ends of a TCP connection; the first one has connected. */
static inline void
make_tcp_pair(struct shoal_sock *pair[2])
{
	struct shoal_sock *listener;
	char address[SHOAL_ADDRESS_MAX];

	if (shoal_sock_listen("127.0.0.1:0", 0, &listener) < 0 ||
	    shoal_co_sock_connect(
		shoal_sock_local(listener, address, sizeof(address)), NULL,
		5000, &pair[0]) < 0 ||
	    shoal_co_sock_accept(listener, 5000, &pair[1]) < 0)
		abort();
	shoal_sock_close(&listener);
}

static inline void
close_pair(struct shoal_sock *pair[2])
{
	shoal_sock_close(&pair[0]);
	shoal_sock_close(&pair[1]);
}

/* Let all others run until they wait. */
static inline void
let_others_run(void)
{
	int i;

	for (i = 0; i < 3; i++)
		(void)shoal_co_sleep(0);
}

/* Close so that the peer gets a reset. */
static inline void
reset(struct shoal_sock **sock)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	(void)shoal_sock_set_option(
	    *sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	shoal_sock_close(sock);
}
