/*
 * This file connects a coroutine's socket: it finds the addresses of a name and
 * tries them one after the other. It sends nothing.
 */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/resolve.h"
#include "io/socket_private.h"

enum {
	ADDRESSES_MAX = 16,
	/* of a name, RFC 1035, 2.3.4, and some */
	HOST_CAP = 256
};

/* Part "host:port" or "[v6]:port"; the port is a rest of the text. */
static int
split(const char *address, char host[HOST_CAP], const char **port_out)
{
	const char *colon = strrchr(address, ':'), *end = colon;

	if (colon == NULL || colon[1] == '\0')
		return -SHOAL_EINVAL;
	if (address[0] == '[') {
		address++;
		if (end <= address || *--end != ']')
			return -SHOAL_EINVAL;
	} else if (memchr(address, ':', (size_t)(end - address)) != NULL) {
		return -SHOAL_EINVAL;
	}
	if (end == address || end - address >= HOST_CAP || *address == '*')
		return -SHOAL_EINVAL;
	memcpy(host, address, (size_t)(end - address));
	host[end - address] = '\0';
	*port_out = colon + 1;
	return 0;
}

/* The addresses to try; their number. */
static int
find_addresses(
    const char *address, struct sh_addr *addrs_out, int64_t deadline_us)
{
	const char *port, *why;
	char host[HOST_CAP];
	int r;

	if (address == NULL)
		return -SHOAL_EINVAL;
	if (strncmp(address, "unix:", 5) == 0) {
		r = sh_addr_parse(addrs_out, address, &why);
		return r < 0 ? r : 1;
	}
	r = split(address, host, &port);
	return r < 0
	    ? r
	    : sh_resolve(host, port, addrs_out, ADDRESSES_MAX, deadline_us);
}

static int
bind_local(int fd, const struct sh_addr *to, const char *address)
{
	struct sh_addr local;
	const char *why;

	if (sh_addr_parse(&local, address, &why) < 0)
		return -SHOAL_EINVAL;
	if (local.sa.sa_family != to->sa.sa_family)
		return -EADDRNOTAVAIL;
	/* a port is chosen when the peer is known, and may be shared */
	if (!sh_addr_is_unix(&local) && sh_addr_port(&local) == 0)
		(void)sh_sock_set_int(
		    fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	return bind(fd, &local.sa, local.len) < 0 ? -errno : 0;
}

static int
set_keepalive(int fd, int idle_ms)
{
	int r = sh_sock_set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);

	/* the kernel counts seconds, from one on */
	if (r == 0)
		r = sh_sock_set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE,
		    idle_ms / 1000 + (idle_ms % 1000 != 0));
	return r;
}

/* What has to be set before connect(2). */
static int
prepare(
    int fd, const struct sh_addr *to, const struct shoal_sock_options *options)
{
	int r = 0;

	if (options == NULL)
		return 0;
	if (options->receive_buffer != 0)
		r = sh_sock_set_int(
		    fd, SOL_SOCKET, SO_RCVBUF, options->receive_buffer);
	if (r == 0 && options->send_buffer != 0)
		r = sh_sock_set_int(
		    fd, SOL_SOCKET, SO_SNDBUF, options->send_buffer);
	if (r == 0 && options->keepalive_idle_ms != 0 && !sh_addr_is_unix(to))
		r = set_keepalive(fd, options->keepalive_idle_ms);
	if (r == 0 && options->local != NULL)
		r = bind_local(fd, to, options->local);
	return r;
}

/* The kernel may give a connecting socket the very port that it connects to;
 * it is connected to itself then, if nobody listens there. */
static bool
is_own_peer(const struct sh_socket *socket, const struct sh_addr *to)
{
	struct sh_addr local;

	return !sh_addr_is_unix(to) && sh_sock_local(socket->fd, &local) == 0 &&
	    sh_addr_is_same(&local, to);
}

/* Called again, connect(2) tells how it went. */
static int
wait_connected(struct sh_socket *socket, struct sh_socket_use *use,
    const struct sh_addr *to)
{
	int r = 0;

	while (r == 0 && connect(socket->fd, &to->sa, to->len) < 0) {
		if (errno == EISCONN)
			return 0;
		if (errno == EINPROGRESS || errno == EALREADY)
			r = sh_socket_wait(socket, use);
		else if (errno == EAGAIN && sh_addr_is_unix(to))
			/* its queue is full, and no event tells when not */
			r = sh_socket_pause(socket, use, SH_SOCKET_PAUSE_US);
		else if (errno != EINTR)
			r = -errno;
	}
	if (r == 0 && is_own_peer(socket, to))
		return -ECONNREFUSED;
	return r;
}

static int
connect_one(const struct sh_addr *to, const struct shoal_sock_options *options,
    int64_t deadline_us, struct sh_socket **out)
{
	struct sh_socket *socket;
	struct sh_socket_use use;
	int fd, r;

	fd = sh_socket_open(to->sa.sa_family, SOCK_STREAM);
	if (fd < 0)
		return fd;
	r = sh_socket_make(fd, &socket);
	if (r < 0)
		return r;
	r = prepare(fd, to, options);
	if (r == 0)
		r = sh_socket_write_begin(
		    socket, &use, "shoal_co_sock_connect", 0);
	if (r == 0) {
		use.deadline_us = deadline_us;
		r = wait_connected(socket, &use, to);
		sh_socket_write_end(socket, &use);
	}
	if (r < 0)
		sh_socket_close(&socket);
	else
		*out = socket;
	return r;
}

/* An equal part of what is left, so that one address that does not answer
 * leaves time for the others. */
static int64_t
part_of(int64_t deadline_us, int addresses_left)
{
	int64_t now_us;

	if (deadline_us == SH_NEVER || deadline_us == 0 || addresses_left == 1)
		return deadline_us;
	now_us = sh_clock_us();
	return now_us + (deadline_us - now_us) / addresses_left;
}

/* Whether it says more of this machine than of the peer. */
static bool
is_lesser(int error)
{
	return error == -ENETUNREACH || error == -EADDRNOTAVAIL ||
	    error == -EAFNOSUPPORT;
}

static int
connect_any(const struct sh_addr *addrs, int count,
    const struct shoal_sock_options *options, int64_t deadline_us,
    struct sh_socket **out)
{
	int i, r, result = 0;

	for (i = 0; i < count; i++) {
		r = connect_one(
		    &addrs[i], options, part_of(deadline_us, count - i), out);
		if (r == 0 || r == -SHOAL_ECANCELED || r == -SHOAL_EINVAL ||
		    r == -SHOAL_ENOMEM)
			return r;
		if (result == 0 || !is_lesser(r))
			result = r;
	}
	return result;
}

int
sh_socket_connect(const char *address, const struct shoal_sock_options *options,
    int timeout_ms, struct sh_socket **out)
{
	int64_t deadline_us = sh_deadline_us(timeout_ms);
	struct sh_addr *addrs;
	int r;

	if (options != NULL &&
	    (options->size < sizeof(*options) || options->receive_buffer < 0 ||
		options->send_buffer < 0 || options->keepalive_idle_ms < 0))
		return -SHOAL_EINVAL;
	/* too large for a stack that sleeps */
	addrs = sh_try_calloc(ADDRESSES_MAX, sizeof(*addrs));
	if (addrs == NULL)
		return -SHOAL_ENOMEM;
	r = find_addresses(address, addrs, deadline_us);
	if (r > 0)
		r = connect_any(addrs, r, options, deadline_us, out);
	free(addrs);
	return r;
}
