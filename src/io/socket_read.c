/*
 * This file reads from a coroutine's socket: bytes, lines, as many as needed.
 * It does not know what they mean, and receives no datagrams.
 *
 * There is a buffer only while it holds something: it is made for a read and
 * freed before a wait. What a call has read and cannot hand out, because the
 * time is over or the end has come, is there for the next call.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "io/socket_private.h"

static size_t
buffered(const struct sh_socket *socket)
{
	return socket->end - socket->begin;
}

static int
begin(struct sh_socket *socket, struct sh_socket_use *use, const char *place,
    int timeout_ms)
{
	if (socket->type != SOCK_STREAM)
		return -EOPNOTSUPP;
	return sh_socket_read_begin(socket, use, place, timeout_ms);
}

/* Make room for at least this many bytes behind those that are there. */
static int
reserve(struct sh_socket *socket, size_t room)
{
	size_t len = buffered(socket), cap = socket->cap;
	char *data;

	if (room > SSIZE_MAX - len)
		return -SHOAL_ENOMEM;
	if (socket->cap - socket->end >= room)
		return 0;
	if (socket->begin >= len && cap - len >= room) {
		memcpy(socket->data, socket->data + socket->begin, len);
	} else {
		cap = cap == 0 ? SH_SOCKET_BUFFER : 2 * cap;
		cap = cap < len + room ? len + room : cap;
		data = malloc(cap);
		if (data == NULL)
			return -SHOAL_ENOMEM;
		if (len != 0)
			memcpy(data, socket->data + socket->begin, len);
		free(socket->data);
		socket->data = data;
		socket->cap = cap;
	}
	socket->begin = 0;
	socket->end = len;
	return 0;
}

static void
drop(struct sh_socket *socket, size_t n)
{
	socket->begin += n;
	if (socket->begin == socket->end)
		sh_socket_drop_buffer(socket);
}

/* Hand out bytes that are buffered. */
static size_t
take(struct sh_socket *socket, void *buf, size_t cap)
{
	size_t n = buffered(socket) < cap ? buffered(socket) : cap;

	memcpy(buf, socket->data + socket->begin, n);
	drop(socket, n);
	return n;
}

/* One recv(2): its count, 0 at the end; -SHOAL_EAGAIN. */
static ssize_t
try_read(struct sh_socket *socket, void *buf, size_t cap)
{
	ssize_t n;

	do {
		n = recv(socket->fd, buf, cap, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		socket->in.bytes += (size_t)n;
	else if (n == 0)
		return socket->failed;
	else if (errno == EAGAIN)
		return -SHOAL_EAGAIN;
	else
		return sh_socket_fail(socket, errno);
	return n;
}

/* Read into memory of the caller; waits for the first byte. */
static ssize_t
read_past_buffer(
    struct sh_socket *socket, struct sh_socket_use *use, void *buf, size_t cap)
{
	ssize_t n;
	int r;

	for (;;) {
		r = sh_socket_take_share(socket, use, &socket->in);
		if (r < 0)
			return r;
		n = try_read(socket, buf, cap);
		if (n != -SHOAL_EAGAIN)
			return n;
		r = sh_socket_wait(socket, use);
		if (r < 0)
			return r;
	}
}

/* Read into the buffer, with room for this many; waits for the first byte. */
static ssize_t
fill(struct sh_socket *socket, struct sh_socket_use *use, size_t room)
{
	ssize_t n;
	int r;

	for (;;) {
		r = sh_socket_take_share(socket, use, &socket->in);
		if (r == 0)
			r = reserve(socket, room);
		if (r < 0)
			return r;
		n = try_read(socket, socket->data + socket->end,
		    socket->cap - socket->end);
		if (n > 0)
			socket->end += (size_t)n;
		else
			drop(socket, 0);
		if (n != -SHOAL_EAGAIN)
			return n;
		r = sh_socket_wait(socket, use);
		if (r < 0)
			return r;
	}
}

/* Have this many bytes buffered: 1; 0 at the end; else why not. */
static int
need(struct sh_socket *socket, struct sh_socket_use *use, size_t min)
{
	ssize_t n;

	while (buffered(socket) < min) {
		n = fill(socket, use, min - buffered(socket));
		if (n < 0)
			return (int)n;
		if (n == 0)
			return buffered(socket) == 0 ? 0 : -SHOAL_ETRUNCATED;
	}
	return 1;
}

ssize_t
sh_socket_recv(struct sh_socket *socket, void *buf, size_t cap, int timeout_ms)
{
	struct sh_socket_use use;
	ssize_t n;

	if (cap == 0)
		return -SHOAL_EINVAL;
	n = begin(socket, &use, "shoal_co_sock_recv", timeout_ms);
	if (n < 0)
		return n;
	if (buffered(socket) == 0 && cap >= SH_SOCKET_BUFFER)
		n = read_past_buffer(socket, &use, buf, cap);
	else
		n = need(socket, &use, 1);
	if (n > 0 && buffered(socket) != 0)
		n = (ssize_t)take(socket, buf, cap);
	sh_socket_read_end(socket);
	return n;
}

/* Keep for the next call what this one cannot hand out. */
static void
keep(struct sh_socket *socket, const char *data, size_t len)
{
	if (len == 0 || socket->fd < 0)
		return;
	if (reserve(socket, len) < 0) {
		/* what follows would not be what the reader thinks it is */
		socket->gap = true;
		sh_socket_drop_buffer(socket);
		return;
	}
	memcpy(socket->data + socket->end, data, len);
	socket->end += len;
}

/* Read a long message, past the buffer but for what is in it. */
static ssize_t
read_long(
    struct sh_socket *socket, struct sh_socket_use *use, char *buf, size_t len)
{
	size_t held = buffered(socket), got = held;
	ssize_t n = 1;

	if (held != 0)
		memcpy(buf, socket->data + socket->begin, held);
	while (n > 0 && got < len) {
		n = read_past_buffer(socket, use, buf + got, len - got);
		if (n > 0)
			got += (size_t)n;
	}
	if (n > 0) {
		sh_socket_drop_buffer(socket);
		return (ssize_t)len;
	}
	keep(socket, buf + held, got - held);
	if (n == 0 && got != 0)
		n = -SHOAL_ETRUNCATED;
	return socket->gap ? -SHOAL_ENOMEM : n;
}

ssize_t
sh_socket_recv_all(
    struct sh_socket *socket, void *buf, size_t len, int timeout_ms)
{
	struct sh_socket_use use;
	ssize_t n;

	if (len > SSIZE_MAX)
		return -SHOAL_EINVAL;
	if (len == 0)
		return 0;
	n = begin(socket, &use, "shoal_co_sock_recv_all", timeout_ms);
	if (n < 0)
		return n;
	if (len >= SH_SOCKET_BUFFER + buffered(socket)) {
		n = read_long(socket, &use, buf, len);
	} else {
		n = need(socket, &use, len);
		if (n > 0)
			n = (ssize_t)take(socket, buf, len);
	}
	sh_socket_read_end(socket);
	return n;
}

/* Length of the first line with its LF; 0 at the end. */
static ssize_t
find_line(struct sh_socket *socket, struct sh_socket_use *use, size_t max)
{
	size_t seen = 0, len;
	const char *data, *lf;
	ssize_t n;

	for (;;) {
		data = socket->data + socket->begin;
		len = buffered(socket) < max ? buffered(socket) : max;
		lf = len > seen ? memchr(data + seen, '\n', len - seen) : NULL;
		if (lf != NULL)
			return lf + 1 - data;
		if (len == max)
			return -SHOAL_EMSGSIZE;
		seen = len;
		n = fill(socket, use, 1);
		if (n == 0 && seen != 0)
			return -SHOAL_ETRUNCATED;
		if (n <= 0)
			return n;
	}
}

ssize_t
sh_socket_recv_line(
    struct sh_socket *socket, char *buf, size_t cap, int timeout_ms)
{
	struct sh_socket_use use;
	ssize_t n;

	if (cap < 2 || cap > SSIZE_MAX)
		return -SHOAL_EINVAL;
	n = begin(socket, &use, "shoal_co_sock_recv_line", timeout_ms);
	if (n < 0)
		return n;
	n = find_line(socket, &use, cap - 1);
	if (n > 0) {
		take(socket, buf, (size_t)n);
		buf[n] = '\0';
	}
	sh_socket_read_end(socket);
	return n;
}

ssize_t
sh_socket_peek(
    struct sh_socket *socket, const void **data_out, size_t min, int timeout_ms)
{
	struct sh_socket_use use;
	ssize_t n;

	if (min > SSIZE_MAX)
		return -SHOAL_EINVAL;
	n = begin(socket, &use, "shoal_co_sock_peek", timeout_ms);
	if (n < 0)
		return n;
	n = min == 0 ? 1 : need(socket, &use, min);
	if (n > 0) {
		n = (ssize_t)buffered(socket);
		*data_out = n != 0 ? socket->data + socket->begin : NULL;
	}
	sh_socket_read_end(socket);
	return n;
}

int
sh_socket_consume(struct sh_socket *socket, size_t n)
{
	if (socket->reader != NULL)
		return -SHOAL_EBUSY;
	if (n > buffered(socket))
		return -SHOAL_EINVAL;
	if (n != 0)
		drop(socket, n);
	return 0;
}

bool
sh_socket_is_alive(struct sh_socket *socket)
{
	char byte;
	ssize_t n;

	if (buffered(socket) != 0)
		return true;
	if (socket->broken || socket->gap || socket->failed != 0)
		return false;
	do {
		n = recv(socket->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		(void)sh_socket_fail(socket, errno);
	return n > 0 || (n < 0 && errno == EAGAIN);
}
