/*
 * This file decides which connection is served when, so that none starves
 * another; it does not read or write.
 */
#include "config.h"

#include "base/attr.h"
#include "base/panic.h"
#include "io/conn_private.h"

struct sh_conn *
sh_conn_serve_begin(struct sh_conn *conn)
{
	struct sh_loop *loop = conn->loop;
	struct sh_conn *before = loop->serving;

	if (SH_UNLIKELY(before != NULL))
		sh_cork_flush(loop);
	loop->serving = conn;
	loop->read_short = false;
	return before;
}

/*
 * A reset that comes together with data is not seen by a short read, libevent
 * does not tell it from ordinary readiness, and no other edge follows. A write
 * would have failed, so only connections that were not written to are looked at
 * again, at the next tick instead of with a second read(2) for every message.
 */
static void
doubt(struct sh_conn *conn)
{
	if (conn->is_unproven || conn->state != SH_CONN_OPEN || conn->eof)
		return;
	conn->is_unproven = true;
	TAILQ_INSERT_TAIL(&conn->loop->unproven, conn, unproven);
}

void
sh_conn_serve_end(struct sh_conn *conn, struct sh_conn *before)
{
	struct sh_loop *loop = conn->loop;

	sh_cork_flush(loop);
	if (SH_UNLIKELY(loop->read_short && !loop->sent))
		doubt(conn);
	/* nobody else would notice it before the session reads again */
	if (SH_UNLIKELY((conn->paused || (conn->stalled && conn->hangup)) &&
		conn->state == SH_CONN_OPEN))
		sh_conn_check_reset(conn);
	loop->serving = before;
	sh_conn_settle(conn);
}

static bool
may_read(const struct sh_conn *conn)
{
	return conn->state == SH_CONN_OPEN && !conn->paused && !conn->stalled &&
	    !conn->eof && (!conn->draining || conn->drain_left != 0);
}

/* Who may not read now reads when it is told to go on. */
static void
read_or_miss(struct sh_conn *conn)
{
	conn->missed = !may_read(conn);
	if (SH_LIKELY(!conn->missed))
		sh_conn_read(conn);
}

void
sh_conn_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct sh_conn *conn = arg, *before;

	sh_assert(conn->magic == SH_CONN_MAGIC);
	if (what & EV_CLOSED)
		conn->hangup = true;
	if (SH_UNLIKELY(conn->state == SH_CONN_LINGERING)) {
		sh_conn_make_ready(conn);
		return;
	}
	before = sh_conn_serve_begin(conn);
	if (SH_UNLIKELY(conn->blocked) && (what & EV_WRITE)) {
		conn->blocked = false;
		sh_conn_write_queue(conn);
	}
	/* on the ready list it gets its share of the turn later */
	if ((what & (EV_READ | EV_CLOSED)) && !conn->is_ready)
		read_or_miss(conn);
	sh_conn_serve_end(conn, before);
}

void
sh_conn_make_ready(struct sh_conn *conn)
{
	if (conn->is_ready)
		return;
	conn->is_ready = true;
	TAILQ_INSERT_TAIL(&conn->loop->ready, conn, ready);
	conn->loop->ready_count++;
}

void
sh_conn_make_unsettled(struct sh_conn *conn)
{
	if (conn->is_unsettled)
		return;
	conn->is_unsettled = true;
	TAILQ_INSERT_TAIL(&conn->loop->unsettled, conn, unsettled);
}

static void
unlist_ready(struct sh_conn *conn)
{
	if (!conn->is_ready)
		return;
	conn->is_ready = false;
	TAILQ_REMOVE(&conn->loop->ready, conn, ready);
	conn->loop->ready_count--;
}

static void
unlist_unsettled(struct sh_conn *conn)
{
	if (!conn->is_unsettled)
		return;
	conn->is_unsettled = false;
	TAILQ_REMOVE(&conn->loop->unsettled, conn, unsettled);
}

static void
unlist_unproven(struct sh_conn *conn)
{
	if (!conn->is_unproven)
		return;
	conn->is_unproven = false;
	TAILQ_REMOVE(&conn->loop->unproven, conn, unproven);
}

void
sh_conn_unlist(struct sh_conn *conn)
{
	unlist_ready(conn);
	unlist_unsettled(conn);
	unlist_unproven(conn);
}

static void
tell_writable(struct sh_conn *conn)
{
	if (!sh_conn_is_writable(conn))
		return;
	conn->refused = conn->flushing = false;
	conn->group->options.ops->writable(conn);
}

static void
serve_again(struct sh_conn *conn)
{
	struct sh_conn *before;

	if (conn->state == SH_CONN_LINGERING) {
		sh_conn_discard(conn);
		return;
	}
	before = sh_conn_serve_begin(conn);
	tell_writable(conn);
	if (conn->kept && !conn->stalled && conn->state == SH_CONN_OPEN)
		conn->group->options.ops->resumed(conn);
	if (!conn->kept)
		read_or_miss(conn);
	sh_conn_serve_end(conn, before);
}

void
sh_conn_serve_ready(struct sh_loop *loop)
{
	size_t n = loop->ready_count;

	/* those that are put on it now wait until others had their turn */
	while (n-- > 0 && !TAILQ_EMPTY(&loop->ready)) {
		struct sh_conn *conn = TAILQ_FIRST(&loop->ready);

		unlist_ready(conn);
		serve_again(conn);
	}
}

void
sh_conn_settle_all(struct sh_loop *loop)
{
	struct sh_conn *conn;

	/* on_close may send to others, which adds them at the end */
	while ((conn = TAILQ_FIRST(&loop->unsettled)) != NULL) {
		unlist_unsettled(conn);
		sh_conn_write_queue(conn);
		sh_conn_settle(conn);
	}
}

void
sh_conn_prove_all(struct sh_loop *loop)
{
	struct sh_conn *conn, *before;
	size_t n = 0;

	TAILQ_FOREACH(conn, &loop->unproven, unproven)
		n++;
	while (n-- > 0 && (conn = TAILQ_FIRST(&loop->unproven)) != NULL) {
		unlist_unproven(conn);
		before = sh_conn_serve_begin(conn);
		if (!conn->is_ready)
			read_or_miss(conn);
		sh_conn_serve_end(conn, before);
	}
}
