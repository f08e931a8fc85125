/* This file reads from a connection. */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "io/conn_private.h"

enum {
	/* one peer that sends tiny pieces must not keep the others waiting */
	READS_PER_TURN = 64,
	/* of each that has an empty queue, the answer to one read goes beyond
	 * what all queues may take, or it would never be told to go on */
	READ_WHEN_SHORT = 16 * 1024
};

/* What to ask for; less than that empties the socket. */
static size_t
read_size(const struct sh_loop *loop)
{
	if (SH_LIKELY(!sh_loop_is_short(loop)))
		return loop->read_size;
	return loop->read_size < READ_WHEN_SHORT ? loop->read_size
						 : READ_WHEN_SHORT;
}

static ssize_t
read_once(struct sh_conn *conn, size_t size)
{
	ssize_t n;

	do {
		n = recv(conn->event.ev_fd, conn->loop->read_buffer, size, 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

static void
deliver(struct sh_conn *conn, size_t n, size_t size)
{
	struct sh_loop *loop = conn->loop;

	conn->active_ms = sh_loop_turn_ms(loop);
	SH_COUNT(loop->counters->bytes_received, n);
	SH_COUNT(loop->counters->messages_received, 1);
	loop->read_short = n < size;
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
count_drained(struct sh_conn *conn, size_t n, size_t size)
{
	if (n >= conn->drain_left || (n < size && !conn->hangup))
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
		size_t size = read_size(conn->loop);
		ssize_t n = read_once(conn, size);

		if (SH_UNLIKELY(n <= 0)) {
			stop_reading(conn, n);
			return;
		}
		if (SH_UNLIKELY(conn->draining))
			count_drained(conn, (size_t)n, size);
		/* a short read has emptied the socket, and more makes an edge;
		 * but an end that was announced makes no other one */
		more = (size_t)n == size || conn->hangup;
		deliver(conn, (size_t)n, size);
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
		ssize_t n = read_once(conn, conn->loop->read_size);

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
