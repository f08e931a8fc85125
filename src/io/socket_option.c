/* This file asks and sets what a coroutine's socket is; it moves no data. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <shoal/error.h>

#include "io/socket_private.h"

int
sh_socket_shutdown(struct sh_socket *socket, int what)
{
	bool both = what == (SHOAL_SOCK_READ | SHOAL_SOCK_WRITE);
	bool writing = both || what == SHOAL_SOCK_WRITE;

	if (!writing && what != SHOAL_SOCK_READ)
		return -SHOAL_EINVAL;
	if (writing && !TAILQ_EMPTY(&socket->writers))
		return -SHOAL_EBUSY;
	if (shutdown(socket->fd,
		both          ? SHUT_RDWR
		    : writing ? SHUT_WR
			      : SHUT_RD) < 0)
		return -errno;
	if (writing)
		socket->shut = true;
	return 0;
}

int
sh_socket_set_option(struct sh_socket *socket, int level, int name,
    const void *value, size_t len)
{
	if (setsockopt(socket->fd, level, name, value, (socklen_t)len) < 0)
		return -errno;
	return 0;
}

int
sh_socket_get_option(
    struct sh_socket *socket, int level, int name, void *value, size_t *len_io)
{
	socklen_t len = (socklen_t)*len_io;
	int error;

	if (getsockopt(socket->fd, level, name, value, &len) < 0)
		return -errno;
	*len_io = len;
	/* the kernel forgets it now, and we must not */
	if (level == SOL_SOCKET && name == SO_ERROR && len == sizeof(error)) {
		memcpy(&error, value, sizeof(error));
		if (error != 0)
			(void)sh_socket_fail(socket, error);
	}
	return 0;
}

const char *
sh_socket_local(const struct sh_socket *socket, char *buf, size_t cap)
{
	struct sh_addr addr;

	if (sh_sock_local(socket->fd, &addr) < 0)
		addr.len = 0;
	return sh_addr_format(&addr, buf, cap);
}

const char *
sh_socket_peer(const struct sh_socket *socket, char *buf, size_t cap)
{
	struct sh_addr addr = { .len = sizeof(addr.storage) };

	if (getpeername(socket->fd, &addr.sa, &addr.len) < 0)
		addr.len = 0;
	return sh_addr_format(&addr, buf, cap);
}
