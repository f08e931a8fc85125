/*
 * This file sends and receives datagrams; it keeps none.
 */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

#include "io/socket_private.h"

static int
bind_to(int fd, const struct sh_addr *addr)
{
	int r = 0;

	/* "*" is every address, of IPv4 too */
	if (addr->sa.sa_family == AF_INET6)
		r = sh_sock_set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	else if (sh_addr_is_unix(addr))
		r = sh_sock_remove_stale(addr);
	if (r == 0 && bind(fd, &addr->sa, addr->len) < 0)
		r = -errno;
	return r;
}

static int
open_bound(const char *address)
{
	struct sh_addr addr;
	const char *why;
	int fd, r;

	if (sh_addr_parse(&addr, address, &why) < 0)
		return -SHOAL_EINVAL;
	fd = sh_socket_open(addr.sa.sa_family, SOCK_DGRAM);
	if (fd < 0)
		return fd;
	r = bind_to(fd, &addr);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

int
sh_socket_datagram(const char *address, int family, struct sh_socket **out)
{
	int fd;

	fd = address != NULL ? open_bound(address)
			     : sh_socket_open(family, SOCK_DGRAM);
	return fd < 0 ? fd : sh_socket_make(fd, out);
}

/* What recvfrom(2) says of a datagram, whole or not. */
static ssize_t
receive(struct sh_socket *socket, struct sh_socket_use *use, void *buf,
    size_t cap, struct sh_addr *from)
{
	ssize_t n;
	int r = 0;

	for (;;) {
		if (r == 0)
			r = sh_socket_take_share(socket, use, &socket->in);
		if (r < 0)
			return r;
		from->len = sizeof(from->storage);
		n = recvfrom(
		    socket->fd, buf, cap, MSG_TRUNC, &from->sa, &from->len);
		if (n >= 0)
			return n;
		if (errno == EAGAIN)
			r = sh_socket_wait(socket, use);
		else if (errno != EINTR)
			return -errno;
	}
}

ssize_t
sh_socket_recvfrom(struct sh_socket *socket, void *buf, size_t cap, char *from,
    size_t from_cap, int timeout_ms)
{
	struct sh_socket_use use;
	struct sh_addr sender;
	ssize_t n;

	if (socket->type != SOCK_DGRAM)
		return -EOPNOTSUPP;
	n = sh_socket_read_begin(
	    socket, &use, "shoal_co_sock_recvfrom", timeout_ms);
	if (n < 0)
		return n;
	n = receive(socket, &use, buf, cap, &sender);
	if (n >= 0 && from != NULL && from_cap != 0)
		sh_addr_format(&sender, from, from_cap);
	sh_socket_read_end(socket);
	return n > 0 && (size_t)n > cap ? -SHOAL_EMSGSIZE : n;
}

static int
send_one(struct sh_socket *socket, struct sh_socket_use *use,
    const struct sh_addr *to, const void *data, size_t len)
{
	/* with no address to whom it is connected */
	bool is_unix = to->len == 0 || sh_addr_is_unix(to);
	int r = 0;

	for (;;) {
		if (r == 0)
			r = sh_socket_take_share(socket, use, &socket->out);
		if (r < 0)
			return r;
		if (sendto(socket->fd, data, len, MSG_NOSIGNAL,
			to->len != 0 ? &to->sa : NULL, to->len) >= 0)
			return 0;
		if (errno == EAGAIN && is_unix)
			/* the receiver's queue, of which no event tells */
			r = sh_socket_pause(socket, use, SH_SOCKET_PAUSE_US);
		else if (errno == EAGAIN)
			r = sh_socket_wait(socket, use);
		else if (errno != EINTR)
			return -errno;
	}
}

int
sh_socket_sendto(struct sh_socket *socket, const char *to, const void *data,
    size_t len, int timeout_ms)
{
	struct sh_socket_use use;
	struct sh_addr addr = { .len = 0 };
	const char *why;
	int r;

	if (socket->type != SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (to != NULL && sh_addr_parse(&addr, to, &why) < 0)
		return -SHOAL_EINVAL;
	r = sh_socket_write_begin(
	    socket, &use, "shoal_co_sock_sendto", timeout_ms);
	if (r < 0)
		return r;
	r = send_one(socket, &use, &addr, data, len);
	sh_socket_write_end(socket, &use);
	return r;
}
