/* This file moves commands and replies over a socket. */
#include "config.h"

#include "client/redis_link.h"

#include <limits.h>

#include <shoal/co.h>

#include "base/clock.h"
#include "io/await.h"
#include "io/socket.h"

/* How long a peer may be gone before the kernel finds out. */
enum { KEEPALIVE_IDLE_MS = 30 * 1000 };

int
sh_redis_left_ms(int64_t deadline_us)
{
	int64_t left_us;

	if (deadline_us == SH_NEVER)
		return SHOAL_FOREVER;
	left_us = deadline_us - sh_clock_us();
	if (deadline_us == 0 || left_us <= 0)
		return 0;
	left_us = (left_us + 999) / 1000;
	return left_us > INT_MAX ? INT_MAX : (int)left_us;
}

void
sh_redis_link_init(struct sh_redis_link *link, size_t reply_max)
{
	link->socket = NULL;
	sh_redis_reader_init(&link->reader, reply_max);
}

int
sh_redis_link_open(
    struct sh_redis_link *link, const char *address, int64_t deadline_us)
{
	static const struct shoal_sock_options options = {
		.size = sizeof(options),
		.keepalive_idle_ms = KEEPALIVE_IDLE_MS,
	};

	return sh_socket_connect(
	    address, &options, sh_redis_left_ms(deadline_us), &link->socket);
}

void
sh_redis_link_close(struct sh_redis_link *link)
{
	sh_socket_close(&link->socket);
	sh_redis_reader_reset(&link->reader);
}

bool
sh_redis_link_is_open(const struct sh_redis_link *link)
{
	return link->socket != NULL;
}

int
sh_redis_link_check(struct sh_redis_link *link)
{
	const void *data;
	ssize_t n;

	if (link->socket == NULL || !sh_redis_reader_is_empty(&link->reader))
		return -SHOAL_ENOTCONN;
	n = sh_socket_peek(link->socket, &data, 1, 0);
	if (n == -SHOAL_ETIMEDOUT)
		return 0;
	if (n == -SHOAL_ECANCELED || n == -SHOAL_ENOMEM)
		return (int)n;
	return -SHOAL_ENOTCONN;
}

int
sh_redis_link_send(struct sh_redis_link *link, const void *data, size_t len,
    int64_t deadline_us)
{
	return sh_socket_send(
	    link->socket, data, len, sh_redis_left_ms(deadline_us));
}

int
sh_redis_link_sendv(struct sh_redis_link *link, const struct iovec *parts,
    int count, int64_t deadline_us)
{
	return sh_socket_sendv(
	    link->socket, parts, count, sh_redis_left_ms(deadline_us));
}

/* Hand the reader what comes next. */
static int
fill(struct sh_redis_link *link, int64_t deadline_us)
{
	const void *data;
	ssize_t n;
	int r;

	n = sh_socket_peek(
	    link->socket, &data, 1, sh_redis_left_ms(deadline_us));
	if (n <= 0)
		return n == 0 ? -SHOAL_ECONNRESET : (int)n;
	r = sh_redis_reader_feed(&link->reader, data, (size_t)n);
	if (r == 0)
		r = sh_socket_consume(link->socket, (size_t)n);
	return r;
}

int
sh_redis_link_read(struct sh_redis_link *link, int64_t deadline_us,
    struct shoal_redis_reply **reply_out)
{
	int r;

	do {
		r = sh_redis_reader_next(&link->reader, reply_out);
		if (r == 0)
			r = fill(link, deadline_us);
		else if (r > 0)
			return 0;
	} while (r == 0);
	return r;
}
