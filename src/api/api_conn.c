/* This file is <shoal/conn.h>. */
#include "config.h"

#include <stdarg.h>
#include <stdlib.h>

#include <shoal/co.h>
#include <shoal/conn.h>

#include "api/format.h"
#include "base/sock.h"
#include "io/await.h"
#include "io/loop.h"
#include "session/tcp.h"

enum { PARTS_MAX = 64, EXACT_MAX = 1 << 30 };

_Static_assert((int)SHOAL_ADDRESS_MAX >= (int)SH_ADDR_TEXT_MAX,
    "an address fits the buffer that the header promises");

const char *
shoal_close_cause_str(enum shoal_close_cause cause)
{
	switch (cause) {
	case SHOAL_CLOSE_PEER: return "peer";
	case SHOAL_CLOSE_LOCAL: return "local";
	case SHOAL_CLOSE_TIMEOUT: return "timeout";
	case SHOAL_CLOSE_ERROR: return "error";
	case SHOAL_CLOSE_OVERFLOW: return "overflow";
	case SHOAL_CLOSE_SHUTDOWN: return "shutdown";
	}
	return "unknown";
}

int
shoal_conn_send(struct shoal_conn *conn, const void *data, size_t len)
{
	return sh_conn_send(sh_conn_of_public(conn), data, len);
}

int
shoal_conn_sendv(struct shoal_conn *conn, const struct iovec *parts, int count)
{
	if (count < 0 || count > PARTS_MAX || (parts == NULL && count != 0))
		return -SHOAL_EINVAL;
	return sh_conn_sendv(sh_conn_of_public(conn), parts, count);
}

bool
shoal_conn_is_full(struct shoal_conn *conn)
{
	return sh_conn_is_full(sh_conn_of_public(conn));
}

int
shoal_conn_printf(struct shoal_conn *conn, const char *format, ...)
{
	char room[SH_FORMAT_SHORT], *text;
	va_list args;
	int len, r;

	va_start(args, format);
	len = sh_format_text(room, &text, format, args);
	va_end(args);
	if (len < 0)
		return len;
	r = sh_conn_send(sh_conn_of_public(conn), text, (size_t)len);
	if (text != room)
		free(text);
	return r;
}

int
shoal_co_printf(struct shoal_conn *conn, const char *format, ...)
{
	va_list args;
	char *text;
	int len, r;

	va_start(args, format);
	text = sh_format_copy(&len, format, args);
	va_end(args);
	if (len < 0)
		return len;
	r = shoal_co_send(conn, text, (size_t)len, SHOAL_FOREVER);
	free(text);
	return r;
}

int
shoal_co_send(
    struct shoal_conn *conn, const void *data, size_t len, int timeout_ms)
{
	const struct iovec part = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };

	return sh_tcp_send(
	    sh_conn_of_public(conn), &part, 1, sh_deadline_us(timeout_ms));
}

int
shoal_co_sendv(struct shoal_conn *conn, const struct iovec *parts, int count,
    int timeout_ms)
{
	if (count < 0 || count > PARTS_MAX || (parts == NULL && count != 0))
		return -SHOAL_EINVAL;
	return sh_tcp_send(
	    sh_conn_of_public(conn), parts, count, sh_deadline_us(timeout_ms));
}

int
shoal_co_flush(struct shoal_conn *conn, int timeout_ms)
{
	return sh_tcp_flush(
	    sh_conn_of_public(conn), sh_deadline_us(timeout_ms));
}

ssize_t
shoal_co_recv(struct shoal_conn *conn, const void **data_out, int timeout_ms)
{
	return sh_tcp_recv(
	    sh_conn_of_public(conn), data_out, sh_deadline_us(timeout_ms));
}

ssize_t
shoal_co_recv_packet(
    struct shoal_conn *conn, const void **data_out, int timeout_ms)
{
	return sh_tcp_recv_packet(
	    sh_conn_of_public(conn), data_out, sh_deadline_us(timeout_ms));
}

ssize_t
shoal_co_recv_exact(
    struct shoal_conn *conn, const void **data_out, size_t len, int timeout_ms)
{
	if (len == 0 || len > EXACT_MAX)
		return -SHOAL_EINVAL;
	return sh_tcp_recv_exact(
	    sh_conn_of_public(conn), data_out, len, sh_deadline_us(timeout_ms));
}

int
shoal_conn_flush(struct shoal_conn *conn)
{
	return sh_conn_flush(sh_conn_of_public(conn));
}

int
shoal_conn_shutdown(struct shoal_conn *conn)
{
	return sh_conn_end_sending(sh_conn_of_public(conn));
}

int
shoal_conn_close(struct shoal_conn *conn)
{
	return sh_conn_close(sh_conn_of_public(conn));
}

int
shoal_conn_abort(struct shoal_conn *conn)
{
	return sh_conn_abort(sh_conn_of_public(conn));
}

void
shoal_conn_pause(struct shoal_conn *conn)
{
	sh_conn_pause(sh_conn_of_public(conn));
}

void
shoal_conn_resume(struct shoal_conn *conn)
{
	sh_conn_resume(sh_conn_of_public(conn));
}

bool
shoal_conn_is_paused(const struct shoal_conn *conn)
{
	return sh_conn_is_paused(sh_conn_of_public(conn));
}

size_t
shoal_conn_queued(const struct shoal_conn *conn)
{
	return sh_conn_queued(sh_conn_of_public(conn));
}

uint64_t
shoal_conn_id(const struct shoal_conn *conn)
{
	return sh_conn_id(sh_conn_of_public(conn));
}

struct shoal_conn *
shoal_conn_find(uint64_t id)
{
	struct sh_loop *loop = sh_loop_current();
	struct sh_conn *conn = loop != NULL ? sh_conn_find(loop, id) : NULL;

	return conn != NULL && sh_tcp_is(conn) ? sh_conn_to_public(conn) : NULL;
}

int
shoal_conn_send_to(uint64_t id, const void *data, size_t len)
{
	struct shoal_conn *conn = shoal_conn_find(id);

	return conn != NULL ? shoal_conn_send(conn, data, len) : -SHOAL_ENOENT;
}

const char *
shoal_conn_peer(const struct shoal_conn *conn, char *buf, size_t cap)
{
	struct sh_addr addr;

	sh_conn_peer(sh_conn_of_public(conn), &addr);
	return sh_addr_format(&addr, buf, cap);
}

const char *
shoal_conn_local(const struct shoal_conn *conn, char *buf, size_t cap)
{
	struct sh_addr addr;

	if (sh_sock_local(sh_conn_fd(sh_conn_of_public(conn)), &addr) < 0)
		addr.len = 0;
	return sh_addr_format(&addr, buf, cap);
}

const char *
shoal_conn_listener(const struct shoal_conn *conn)
{
	return sh_tcp_of(sh_conn_of_public(conn))->listener;
}

int
shoal_conn_fd(const struct shoal_conn *conn)
{
	return sh_conn_fd(sh_conn_of_public(conn));
}

void
shoal_conn_set_data(struct shoal_conn *conn, void *data)
{
	sh_conn_set_data(sh_conn_of_public(conn), data);
}

void *
shoal_conn_data(const struct shoal_conn *conn)
{
	return sh_conn_data(sh_conn_of_public(conn));
}
