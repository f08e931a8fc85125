/* This file reads from a connection. */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "io/conn_private.h"

enum {
	/* one peer that sends tiny pieces must not keep the others waiting */
	READS_PER_TURN = 64
};

static ssize_t
read_once(struct sh_conn *conn)
{
	ssize_t n;

	do {
		n = recv(conn->event.ev_fd, conn->loop->read_buffer,
		    conn->loop->read_size, 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

static void
deliver(struct sh_conn *conn, size_t n)
{
	struct sh_loop *loop = conn->loop;

	conn->active_ms = sh_loop_now_ms(loop);
	SH_COUNT(loop->counters->bytes_received, n);
	SH_COUNT(loop->counters->messages_received, 1);
	loop->read_short = n < loop->read_size;
	loop->sent = false;
	conn->group->options.ops->received(conn, loop->read_buffer, n);
}

/* There is nothing to read now: the end, an error, or "later". */
static void
stop_reading(struct sh_conn *conn, ssize_t n)
{
	conn->drain_left = 0;
	if (n == 0)
		conn->eof = true;
	else if (errno != EAGAIN)
		sh_conn_fail(conn, SHOAL_CLOSE_ERROR,
		    errno == EPIPE ? -ECONNRESET : -errno);
}

/* What was there when the drain began is still read, not what came later. */
static void
count_drained(struct sh_conn *conn, size_t n)
{
	if (n >= conn->drain_left ||
	    (n < conn->loop->read_size && !conn->hangup))
		conn->drain_left = 0;
	else
		conn->drain_left -= (uint32_t)n;
}

static bool
may_go_on(const struct sh_conn *conn)
{
	return conn->state == SH_CONN_OPEN && !conn->paused && !conn->stalled &&
	    (!conn->draining || conn->drain_left != 0);
}

void
sh_conn_read(struct sh_conn *conn)
{
	size_t total = 0;
	unsigned reads = 0;
	bool more;

	while (total < SH_READ_SIZE && reads++ < READS_PER_TURN) {
		ssize_t n = read_once(conn);

		if (SH_UNLIKELY(n <= 0)) {
			stop_reading(conn, n);
			return;
		}
		if (SH_UNLIKELY(conn->draining))
			count_drained(conn, (size_t)n);
		/* a short read has emptied the socket, and more makes an edge;
		 * but an end that was announced makes no other one */
		more = (size_t)n == conn->loop->read_size || conn->hangup;
		deliver(conn, (size_t)n);
		if (!may_go_on(conn)) {
			conn->missed = more;
			return;
		}
		if (SH_LIKELY(!more))
			return;
		total += (size_t)n;
	}
	sh_conn_make_ready(conn);
}

void
sh_conn_discard(struct sh_conn *conn)
{
	size_t total = 0;
	unsigned reads = 0;

	while (total < SH_READ_SIZE && reads++ < READS_PER_TURN) {
		ssize_t n = read_once(conn);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			sh_conn_release(conn);
			return;
		}
		total += (size_t)n;
	}
	sh_conn_make_ready(conn);
}

void
sh_conn_check_reset(struct sh_conn *conn)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(conn->event.ev_fd, SOL_SOCKET, SO_ERROR, &error, &len) <
	    0)
		error = errno;
	if (error != 0)
		sh_conn_fail(conn, SHOAL_CLOSE_ERROR,
		    error == EPIPE ? -ECONNRESET : -error);
}
