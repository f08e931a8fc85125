/*
 * This file listens with a coroutine's socket and accepts; it serves nothing,
 * and has nothing to do with the listeners of a service (io/listener.h).
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

#include "io/socket_private.h"

enum {
	/* a caller that knows no better than to accept again */
	NO_DESCRIPTOR_PAUSE_US = 100 * 1000
};

static int
listen_to(const struct sh_addr *addr, int backlog)
{
	int fd, r = 0;

	if (sh_addr_is_unix(addr))
		r = sh_sock_remove_stale(addr);
	if (r < 0)
		return r;
	fd = sh_sock_bind(addr, false);
	if (fd < 0)
		return fd;
	if (listen(fd, backlog == 0 ? SOMAXCONN : backlog) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int
sh_socket_listen(const char *address, int backlog, struct sh_socket **out)
{
	struct sh_addr addr;
	const char *why;
	int fd;

	if (address == NULL || backlog < 0 ||
	    sh_addr_parse(&addr, address, &why) < 0)
		return -SHOAL_EINVAL;
	fd = listen_to(&addr, backlog);
	return fd < 0 ? fd : sh_socket_make(fd, out);
}

/* Whether the error is of one connection, which has gone; accept(2). */
static bool
is_of_connection(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EPERM: return true;
	default: return false;
	}
}

/* A descriptor. */
static int
accept_fd(struct sh_socket *socket, struct sh_socket_use *use)
{
	int fd, r = 0;

	if (socket->no_descriptor && use->deadline_us != 0)
		r = sh_socket_pause(socket, use, NO_DESCRIPTOR_PAUSE_US);
	socket->no_descriptor = false;
	for (;;) {
		if (r == 0)
			r = sh_socket_take_share(socket, use, &socket->in);
		if (r < 0)
			return r;
		fd = accept4(
		    socket->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno == EAGAIN)
			r = sh_socket_wait(socket, use);
		else if (!is_of_connection(errno))
			break;
	}
	socket->no_descriptor = true;
	return -errno;
}

int
sh_socket_accept(
    struct sh_socket *socket, int timeout_ms, struct sh_socket **out)
{
	struct sh_socket_use use;
	int r;

	r = sh_socket_read_begin(
	    socket, &use, "shoal_co_sock_accept", timeout_ms);
	if (r < 0)
		return r;
	r = accept_fd(socket, &use);
	sh_socket_read_end(socket);
	return r < 0 ? r : sh_socket_make(r, out);
}
