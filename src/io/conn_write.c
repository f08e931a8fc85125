/* This file writes to a connection and queues what the kernel refuses. */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "io/conn_private.h"

enum { VECTORS_MAX = 32 };

static ssize_t
write_several(int fd, const struct iovec *vectors, size_t n)
{
	const struct msghdr message = {
		.msg_iov = (struct iovec *)(uintptr_t)vectors, .msg_iovlen = n
	};

	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static ssize_t
write_once(int fd, const struct iovec *vectors, size_t n)
{
	ssize_t sent;

	do {
		if (SH_LIKELY(n == 1))
			sent = send(fd, vectors[0].iov_base, vectors[0].iov_len,
			    MSG_NOSIGNAL);
		else
			sent = write_several(fd, vectors, n);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

ssize_t
sh_conn_transmit(
    struct sh_conn *conn, const struct iovec *vectors, size_t n, size_t len)
{
	struct sh_loop *loop = conn->loop;
	ssize_t sent = write_once(conn->event.ev_fd, vectors, n);

	/* had it been reset, this would have failed */
	if (SH_LIKELY(loop->serving == conn))
		loop->sent = true;
	if (SH_LIKELY(sent == (ssize_t)len)) {
		conn->active_ms = sh_loop_turn_ms(loop);
		SH_COUNT(loop->counters->bytes_sent, sent);
		return sent;
	}
	if (sent < 0 && errno != EAGAIN) {
		/* EPIPE is a reset that came after the peer's end */
		sh_conn_fail(conn, SHOAL_CLOSE_ERROR,
		    errno == EPIPE ? -ECONNRESET : -errno);
		return -1;
	}
	conn->blocked = true;
	sh_stall_watch(conn);
	if (sent < 0)
		return 0;
	conn->moved = true;
	conn->active_ms = sh_loop_turn_ms(loop);
	SH_COUNT(loop->counters->bytes_sent, sent);
	return sent;
}

void
sh_conn_write_queue(struct sh_conn *conn)
{
	struct iovec vectors[VECTORS_MAX];

	while (conn->queue.len != 0 && !conn->blocked) {
		size_t i, n, len = 0;
		ssize_t sent;

		n = sh_queue_peek(&conn->queue, vectors, VECTORS_MAX);
		for (i = 0; i < n; i++)
			len += vectors[i].iov_len;
		sent = sh_conn_transmit(conn, vectors, n, len);
		if (sent < 0)
			return;
		conn->moved = true;
		sh_queue_consume(&conn->queue, (size_t)sent);
		SH_COUNT(conn->loop->counters->queued_bytes, -sent);
	}
}

int
sh_conn_enqueue(struct sh_conn *conn, const void *data, size_t len)
{
	int r = sh_queue_add(&conn->queue, data, len);

	if (r == 0)
		SH_COUNT(conn->loop->counters->queued_bytes, len);
	return r;
}

void
sh_conn_drop_queue(struct sh_conn *conn)
{
	if (conn->queue.len != 0)
		SH_COUNT(conn->loop->counters->queued_bytes,
		    -(int64_t)conn->queue.len);
	sh_queue_clear(&conn->queue);
	sh_conn_note_room(conn);
	if (conn->loop->serving == conn) {
		conn->loop->cork.len = 0;
		conn->loop->cork.sends = 0;
	}
}

size_t
sh_conn_queued(const struct sh_conn *conn)
{
	size_t corked = conn->loop->serving == conn ? conn->loop->cork.len : 0;

	return conn->queue.len + corked;
}

/* Hand over what can be handed over now. */
static void
push(struct sh_conn *conn)
{
	if (conn->loop->serving == conn)
		sh_cork_flush(conn->loop);
	if (conn->state == SH_CONN_OPEN)
		sh_conn_write_queue(conn);
	/* on_writable may be owed, or the end */
	if (conn->loop->serving != conn)
		sh_conn_make_unsettled(conn);
}

/* Up to its low mark each may queue, else nothing would tell it to go on. */
static bool
takes_more(const struct sh_conn *conn, const struct sh_send_limits *limits)
{
	size_t queued = sh_conn_queued(conn);

	return queued < limits->high &&
	    (queued <= limits->low || !sh_loop_is_short(conn->loop));
}

/* Whether the queue takes another message. */
static int
admit(struct sh_conn *conn)
{
	const struct sh_send_limits *limits = sh_conn_limits(conn);

	if (SH_UNLIKELY(conn->half))
		return -SHOAL_ENOTCONN;
	if (SH_LIKELY(sh_conn_queued(conn) <= limits->low) ||
	    takes_more(conn, limits))
		return 0;
	push(conn);
	if (conn->state != SH_CONN_OPEN)
		return -SHOAL_ENOTCONN;
	if (takes_more(conn, limits))
		return 0;
	sh_conn_note_full(conn);
	conn->refused = true;
	conn->flushing = false;
	SH_COUNT(conn->loop->counters->sends_refused, 1);
	return -SHOAL_EAGAIN;
}

bool
sh_conn_is_full(struct sh_conn *conn)
{
	const struct sh_send_limits *limits = sh_conn_limits(conn);

	if (SH_LIKELY(sh_conn_queued(conn) <= limits->low) ||
	    conn->state != SH_CONN_OPEN || takes_more(conn, limits))
		return false;
	push(conn);
	if (conn->state != SH_CONN_OPEN || takes_more(conn, limits))
		return false;
	sh_conn_note_full(conn);
	/* so that on_writable comes */
	conn->refused = true;
	conn->flushing = false;
	return true;
}

static int
append(struct sh_conn *conn, const void *data, size_t len)
{
	struct sh_loop *loop = conn->loop;
	int r;

	/* behind what is queued, else order would be lost */
	if (SH_LIKELY(loop->serving == conn && conn->queue.len == 0))
		return sh_cork_add(loop, data, len);
	r = sh_conn_enqueue(conn, data, len);
	if (r == 0 && !conn->blocked)
		sh_conn_make_unsettled(conn);
	return r;
}

int
sh_conn_send(struct sh_conn *conn, const void *data, size_t len)
{
	int r;

	if (conn->state != SH_CONN_OPEN)
		return -SHOAL_ENOTCONN;
	r = admit(conn);
	if (r < 0 || len == 0)
		return r;
	return append(conn, data, len);
}

static int
append_parts(struct sh_conn *conn, const struct iovec *parts, int count)
{
	struct sh_loop *loop = conn->loop;
	int i, r = 0;

	if (SH_LIKELY(loop->serving == conn && conn->queue.len == 0) &&
	    sh_cork_add_parts(loop, parts, count))
		return 0;
	for (i = 0; i < count && r == 0; i++) {
		if (parts[i].iov_len == 0)
			continue;
		/* the part before it may have met a failure */
		r = conn->state == SH_CONN_OPEN
		    ? append(conn, parts[i].iov_base, parts[i].iov_len)
		    : -SHOAL_ENOTCONN;
		/* a message without its end would be worse than none */
		if (r < 0 && i > 0)
			sh_conn_fail(conn, SHOAL_CLOSE_OVERFLOW, 0);
	}
	return r;
}

int
sh_conn_sendv(struct sh_conn *conn, const struct iovec *parts, int count)
{
	int r;

	if (conn->state != SH_CONN_OPEN)
		return -SHOAL_ENOTCONN;
	r = admit(conn);
	return r < 0 ? r : append_parts(conn, parts, count);
}

int
sh_conn_sendv_anyway(struct sh_conn *conn, const struct iovec *parts, int count)
{
	if (conn->state != SH_CONN_OPEN || conn->half)
		return -SHOAL_ENOTCONN;
	return append_parts(conn, parts, count);
}

int
sh_conn_end_sending(struct sh_conn *conn)
{
	if (conn->state != SH_CONN_OPEN)
		return -SHOAL_ENOTCONN;
	if (conn->half)
		return -EALREADY;
	conn->half = true;
	push(conn);
	return 0;
}

int
sh_conn_flush(struct sh_conn *conn)
{
	if (conn->state != SH_CONN_OPEN)
		return -SHOAL_ENOTCONN;
	push(conn);
	if (conn->state != SH_CONN_OPEN)
		return -SHOAL_ENOTCONN;
	return conn->queue.len == 0 ? 0 : -SHOAL_EAGAIN;
}

bool
sh_conn_is_writable(const struct sh_conn *conn)
{
	size_t mark = conn->flushing ? 0 : sh_conn_limits(conn)->low;

	if (!conn->refused || conn->state != SH_CONN_OPEN ||
	    conn->queue.len > mark)
		return false;
	/* what the kernel has refused of a file is not queued */
	return !conn->blocked || conn->queue.len != 0;
}

void
sh_conn_await_flush(struct sh_conn *conn)
{
	conn->refused = conn->flushing = true;
}
