/* This file ends connections; it does not decide that they end. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/panic.h"
#include "io/conn_private.h"

enum {
	/* a peer that has been quiet for so long has nothing on its way */
	QUIET_MS = 1000,
	/* closed connections that may wait for their peers at a time */
	LINGERING_MAX = 1024,
	SWALLOWS = 16
};

static size_t
count_unread(const struct sh_conn *conn)
{
	int n = 0;

	return ioctl(conn->event.ev_fd, FIONREAD, &n) == 0 && n > 0 ? (size_t)n
								    : 0;
}

void
sh_conn_fail(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
	if (conn->state >= SH_CONN_FAILED)
		return;
	/* who has begun to close it has the say, unless that went wrong */
	if (conn->state == SH_CONN_OPEN || cause == SHOAL_CLOSE_ERROR)
		conn->cause = (uint8_t)cause;
	conn->state = SH_CONN_FAILED;
	conn->error = error;
	sh_conn_drop_queue(conn);
	if (conn->session != NULL)
		conn->group->options.ops->changed(conn);
	if (conn->loop->serving != conn)
		sh_conn_make_unsettled(conn);
}

static void
begin_closing(struct sh_conn *conn, enum shoal_close_cause cause)
{
	conn->state = SH_CONN_CLOSING;
	conn->cause = (uint8_t)cause;
}

int
sh_conn_close(struct sh_conn *conn)
{
	if (conn->state != SH_CONN_OPEN)
		return -EALREADY;
	begin_closing(conn, SHOAL_CLOSE_LOCAL);
	if (conn->session != NULL)
		conn->group->options.ops->changed(conn);
	if (conn->loop->serving != conn)
		sh_conn_make_unsettled(conn);
	return 0;
}

int
sh_conn_abort(struct sh_conn *conn)
{
	if (conn->state >= SH_CONN_FAILED)
		return -EALREADY;
	conn->aborted = true;
	sh_conn_fail(conn, SHOAL_CLOSE_LOCAL, 0);
	return 0;
}

void
sh_conn_drain(struct sh_conn *conn, int64_t linger_ms)
{
	size_t unread;

	conn->group->drain_linger_ms = linger_ms;
	if (conn->state != SH_CONN_OPEN || conn->draining)
		return;
	unread = count_unread(conn);
	conn->draining = true;
	conn->drain_left = unread < UINT32_MAX ? (uint32_t)unread : UINT32_MAX;
	sh_conn_make_ready(conn);
}

void
sh_conn_shutdown(struct sh_conn *conn)
{
	bool inside = conn->loop->serving == conn;

	if (conn->state == SH_CONN_LINGERING) {
		sh_conn_release(conn);
		return;
	}
	if (conn->state == SH_CONN_OPEN || conn->state == SH_CONN_CLOSING) {
		if (inside)
			sh_cork_flush(conn->loop);
		sh_conn_write_queue(conn);
		sh_conn_fail(conn, SHOAL_CLOSE_SHUTDOWN, 0);
	}
	if (!inside)
		sh_conn_settle(conn);
}

/*
 * close(2) with bytes unread, or before the peer has stopped sending, makes
 * the kernel reset the connection, and the peer may lose what was sent last.
 */
static bool
must_linger(const struct sh_conn *conn)
{
	struct sh_loop *loop = conn->loop;

	if (conn->state != SH_CONN_CLOSING || conn->eof)
		return false;
	if (conn->cause == SHOAL_CLOSE_SHUTDOWN)
		return conn->group->drain_linger_ms > 0;
	return loop->lingering_count < LINGERING_MAX &&
	    (sh_loop_now_ms(loop) - conn->active_ms < QUIET_MS ||
		count_unread(conn) != 0);
}

static void
linger(struct sh_conn *conn)
{
	int64_t linger_ms = conn->cause == SHOAL_CLOSE_SHUTDOWN
	    ? conn->group->drain_linger_ms
	    : SH_LINGER_MS;

	if (shutdown(conn->event.ev_fd, SHUT_WR) < 0) {
		sh_conn_release(conn);
		return;
	}
	conn->state = SH_CONN_LINGERING;
	conn->loop->lingering_count++;
	sh_group_linger(conn, linger_ms);
	/* what has come already makes no edge */
	sh_conn_make_ready(conn);
}

/* The session has been told of the end, and is done with it. */
static void
bury(struct sh_conn *conn)
{
	sh_conn_drop_queue(conn);
	sh_conn_unlist(conn);
	if (conn->lingers)
		linger(conn);
	else
		sh_conn_release(conn);
}

static void
finish(struct sh_conn *conn)
{
	sh_conn_tell_ended(conn);
	conn->lingers = must_linger(conn);
	conn->state = SH_CONN_ENDING;
	sh_id_table_remove(&conn->loop->conns, &conn->node);
	conn->telling = true;
	conn->group->options.ops->closed(conn, conn->cause, conn->error);
	conn->telling = false;
	SH_COUNT(conn->loop->counters->closed, 1);
	/* its last callback may be in a wait */
	if (SH_LIKELY(!conn->held))
		bury(conn);
}

void
sh_conn_abandon(struct sh_conn *conn)
{
	if (conn->state != SH_CONN_ENDING) {
		sh_conn_tell_ended(conn);
		sh_id_table_remove(&conn->loop->conns, &conn->node);
		SH_COUNT(conn->loop->counters->closed, 1);
	}
	sh_conn_drop_queue(conn);
	conn->state = SH_CONN_ENDING;
	conn->held = false;
	sh_conn_release(conn);
}

/* Send a reset and keep the descriptor. */
static int
disconnect(int fd)
{
	static const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	return connect(fd, &nowhere, sizeof(nowhere));
}

/* The peer shall not wait for a handler that has closed, or that it reset. */
static void
tell_peer(struct sh_conn *conn)
{
	if (conn->shut || conn->queue.len != 0 || conn->state == SH_CONN_OPEN ||
	    conn->state == SH_CONN_ENDING)
		return;
	conn->shut = true;
	/* unix sockets know no reset */
	if (conn->aborted && disconnect(conn->event.ev_fd) == 0)
		return;
	(void)shutdown(conn->event.ev_fd,
	    conn->state == SH_CONN_FAILED ? SHUT_RDWR : SHUT_WR);
}

/* Whether an open connection has done all that it is still to do. */
static bool
is_done(const struct sh_conn *conn)
{
	/* refused: the session has more to send, and will be asked for it */
	if (conn->refused || conn->kept)
		return false;
	if (conn->eof)
		return conn->queue.len == 0;
	if (!conn->draining)
		return false;
	/* a session that has paused without a full queue waits for something
	 * that may be long in coming */
	return conn->drain_left == 0 || (conn->paused && conn->queue.len == 0);
}

static void
settle_held(struct sh_conn *conn)
{
	if (conn->state == SH_CONN_ENDING)
		return;
	conn->group->options.ops->changed(conn);
	tell_peer(conn);
}

static void
settle_full(struct sh_conn *conn)
{
	if (conn->full && conn->queue.len <= sh_conn_limits(conn)->low)
		sh_conn_tell_drained(conn);
}

/* Whether an open connection begins to close. */
static bool
settle_open(struct sh_conn *conn)
{
	if (sh_conn_is_writable(conn))
		sh_conn_make_ready(conn);
	if (conn->half && !conn->shut && conn->queue.len == 0) {
		conn->shut = true;
		(void)shutdown(conn->event.ev_fd, SHUT_WR);
	}
	if (conn->held || !is_done(conn))
		return false;
	begin_closing(
	    conn, conn->eof ? SHOAL_CLOSE_PEER : SHOAL_CLOSE_SHUTDOWN);
	return true;
}

void
sh_conn_settle(struct sh_conn *conn)
{
	if (conn->state == SH_CONN_OPEN) {
		if (SH_LIKELY(!conn->refused && !conn->eof && !conn->draining &&
			!conn->half && !conn->full))
			return;
		settle_full(conn);
		if (!settle_open(conn) && !conn->held)
			return;
	} else if (SH_UNLIKELY(conn->full)) {
		/* it is nothing to wait for any more */
		sh_conn_tell_drained(conn);
	}
	if (SH_UNLIKELY(conn->held)) {
		settle_held(conn);
		return;
	}
	if (conn->state == SH_CONN_FAILED ||
	    (conn->state == SH_CONN_CLOSING && conn->queue.len == 0))
		finish(conn);
	else if (conn->state == SH_CONN_ENDING && !conn->telling)
		bury(conn);
}

/* Take from the kernel what would make close(2) send a reset. */
static void
swallow(struct sh_conn *conn)
{
	unsigned i;

	for (i = 0; i < SWALLOWS; i++)
		if (recv(conn->event.ev_fd, conn->loop->read_buffer,
			SH_READ_SIZE, 0) <= 0)
			return;
}

static void
close_socket(struct sh_conn *conn)
{
	static const struct linger reset = { .l_onoff = 1 };
	int fd = conn->event.ev_fd;

	/* first, or epoll would go on with a descriptor that others may hold */
	event_del(&conn->event);
	if (conn->aborted)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	else if (!conn->eof && conn->cause != SHOAL_CLOSE_ERROR)
		swallow(conn);
	close(fd);
}

void
sh_conn_release(struct sh_conn *conn)
{
	struct sh_loop *loop = conn->loop;

	close_socket(conn);
	if (conn->state == SH_CONN_LINGERING)
		loop->lingering_count--;
	sh_conn_unlist(conn);
	sh_group_remove(conn);
	conn->state = SH_CONN_DEAD;
	TAILQ_INSERT_TAIL(&loop->dead, conn, member);
	loop->conn_count--;
	loop->emptied = loop->conn_count == 0;
	sh_listener_wake_all(loop);
}

void
sh_conn_free_dead(struct sh_loop *loop)
{
	struct sh_conn *conn;

	while ((conn = TAILQ_FIRST(&loop->dead)) != NULL) {
		TAILQ_REMOVE(&loop->dead, conn, member);
		conn->magic = 0;
		free(conn);
	}
}
