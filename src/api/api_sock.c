/* This file is <shoal/sock.h>. */
#include "config.h"

#include <shoal/conn.h>
#include <shoal/sock.h>

#include "base/panic.h"
#include "io/socket.h"

/* The socket behind what a caller has; it ends here if that is none. */
static struct sh_socket *
inner(const struct shoal_sock *sock)
{
	struct sh_socket *socket = (struct sh_socket *)(uintptr_t)sock;

	sh_assert(sh_socket_is_valid(socket));
	return socket;
}

/* Hand out what was made. */
static int
give(int result, struct sh_socket *socket, struct shoal_sock **out)
{
	if (result == 0)
		*out = (struct shoal_sock *)(void *)socket;
	return result;
}

int
shoal_co_sock_connect(const char *address,
    const struct shoal_sock_options *options, int timeout_ms,
    struct shoal_sock **out)
{
	struct sh_socket *socket = NULL;
	int r = sh_socket_connect(address, options, timeout_ms, &socket);

	return give(r, socket, out);
}

int
shoal_sock_listen(const char *address, int backlog, struct shoal_sock **out)
{
	struct sh_socket *socket = NULL;
	int r = sh_socket_listen(address, backlog, &socket);

	return give(r, socket, out);
}

int
shoal_co_sock_accept(
    struct shoal_sock *sock, int timeout_ms, struct shoal_sock **out)
{
	struct sh_socket *socket = NULL;
	int r = sh_socket_accept(inner(sock), timeout_ms, &socket);

	return give(r, socket, out);
}

int
shoal_sock_adopt(int fd, struct shoal_sock **out)
{
	struct sh_socket *socket = NULL;
	int r = sh_socket_adopt(fd, &socket);

	return give(r, socket, out);
}

int
shoal_sock_datagram(const char *address, int family, struct shoal_sock **out)
{
	struct sh_socket *socket = NULL;
	int r = sh_socket_datagram(address, family, &socket);

	return give(r, socket, out);
}

int
shoal_sock_detach(struct shoal_sock **sock)
{
	struct sh_socket *socket = inner(*sock);
	int fd = sh_socket_detach(&socket);

	if (fd >= 0)
		*sock = NULL;
	return fd;
}

void
shoal_sock_close(struct shoal_sock **sock)
{
	struct sh_socket *socket;

	if (sock == NULL || *sock == NULL)
		return;
	socket = inner(*sock);
	*sock = NULL;
	sh_socket_close(&socket);
}

ssize_t
shoal_co_sock_recv(
    struct shoal_sock *sock, void *buf, size_t cap, int timeout_ms)
{
	return sh_socket_recv(inner(sock), buf, cap, timeout_ms);
}

ssize_t
shoal_co_sock_recv_all(
    struct shoal_sock *sock, void *buf, size_t len, int timeout_ms)
{
	return sh_socket_recv_all(inner(sock), buf, len, timeout_ms);
}

ssize_t
shoal_co_sock_recv_line(
    struct shoal_sock *sock, char *buf, size_t cap, int timeout_ms)
{
	return sh_socket_recv_line(inner(sock), buf, cap, timeout_ms);
}

ssize_t
shoal_co_sock_peek(
    struct shoal_sock *sock, const void **data_out, size_t min, int timeout_ms)
{
	return sh_socket_peek(inner(sock), data_out, min, timeout_ms);
}

int
shoal_sock_consume(struct shoal_sock *sock, size_t n)
{
	return sh_socket_consume(inner(sock), n);
}

int
shoal_co_sock_send(
    struct shoal_sock *sock, const void *data, size_t len, int timeout_ms)
{
	return sh_socket_send(inner(sock), data, len, timeout_ms);
}

int
shoal_co_sock_sendv(struct shoal_sock *sock, const struct iovec *parts,
    int count, int timeout_ms)
{
	return sh_socket_sendv(inner(sock), parts, count, timeout_ms);
}

ssize_t
shoal_co_sock_sendfile(
    struct shoal_sock *sock, int fd, off_t offset, size_t len, int timeout_ms)
{
	return sh_socket_sendfile(inner(sock), fd, offset, len, timeout_ms);
}

ssize_t
shoal_co_sock_recvfrom(struct shoal_sock *sock, void *buf, size_t cap,
    char *from, size_t from_cap, int timeout_ms)
{
	return sh_socket_recvfrom(
	    inner(sock), buf, cap, from, from_cap, timeout_ms);
}

int
shoal_co_sock_sendto(struct shoal_sock *sock, const char *to, const void *data,
    size_t len, int timeout_ms)
{
	return sh_socket_sendto(inner(sock), to, data, len, timeout_ms);
}

int
shoal_sock_shutdown(struct shoal_sock *sock, int what)
{
	return sh_socket_shutdown(inner(sock), what);
}

int
shoal_sock_cancel(struct shoal_sock *sock, int what)
{
	return sh_socket_cancel(inner(sock), what);
}

int
shoal_sock_set_option(
    struct shoal_sock *sock, int level, int name, const void *value, size_t len)
{
	return sh_socket_set_option(inner(sock), level, name, value, len);
}

int
shoal_sock_get_option(
    struct shoal_sock *sock, int level, int name, void *value, size_t *len_io)
{
	return sh_socket_get_option(inner(sock), level, name, value, len_io);
}

const char *
shoal_sock_local(const struct shoal_sock *sock, char *buf, size_t cap)
{
	return sh_socket_local(inner(sock), buf, cap);
}

const char *
shoal_sock_peer(const struct shoal_sock *sock, char *buf, size_t cap)
{
	return sh_socket_peer(inner(sock), buf, cap);
}

int
shoal_sock_fd(const struct shoal_sock *sock)
{
	return sh_socket_fd(inner(sock));
}

bool
shoal_sock_is_alive(struct shoal_sock *sock)
{
	return sh_socket_is_alive(inner(sock));
}
