/*
 * This file sends bytes that go to many connections: without a copy, and as one
 * write(2) when nothing is queued before them. What that costs for a peer that
 * does not read is session/deliver.c's to judge.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "io/conn_private.h"
#include "io/shared.h"

static int
queue_rest(struct sh_conn *conn, const struct sh_piece *piece, size_t sent)
{
	struct sh_piece rest = *piece;

	rest.at += sent;
	rest.len -= sent;
	rest.begun = sent != 0;
	if (sh_queue_refer(&conn->queue, &rest) < 0) {
		/* it may be gone in part, and nobody waits for room */
		sh_conn_fail(conn, SHOAL_CLOSE_OVERFLOW, 0);
		return -SHOAL_ENOTCONN;
	}
	SH_COUNT(conn->loop->counters->queued_bytes, rest.len);
	if (!conn->blocked)
		sh_conn_make_unsettled(conn);
	return 0;
}

size_t
sh_conn_send_at_once(struct sh_conn *conn, const struct sh_piece *piece)
{
	struct iovec vector = { .iov_base = piece->shared->data + piece->at,
		.iov_len = piece->len };
	ssize_t sent;

	if (SH_UNLIKELY(conn->state != SH_CONN_OPEN || conn->half ||
		conn->loop->serving == conn || conn->queue.len != 0 ||
		conn->blocked))
		return 0;
	sent = sh_conn_transmit(conn, &vector, 1, piece->len);
	return SH_LIKELY(sent > 0) ? (size_t)sent : 0;
}

int
sh_conn_queue_shared(
    struct sh_conn *conn, const struct sh_piece *piece, size_t sent)
{
	if (conn->state != SH_CONN_OPEN || conn->half)
		return -SHOAL_ENOTCONN;
	/* its own sends of this event come before */
	if (conn->loop->serving == conn && conn->queue.len == 0)
		return sh_cork_add(
		    conn->loop, piece->shared->data + piece->at, piece->len);
	return queue_rest(conn, piece, sent);
}

void
sh_conn_note_full(struct sh_conn *conn)
{
	if (conn->full)
		return;
	conn->full = true;
	SH_COUNT(conn->loop->counters->queues_full, 1);
}

void
sh_conn_note_room(struct sh_conn *conn)
{
	if (!conn->full)
		return;
	conn->full = conn->conflated = false;
	SH_COUNT(conn->loop->counters->queues_full, -1);
}

const struct sh_send_limits *
sh_conn_send_limits(const struct sh_conn *conn)
{
	return sh_conn_limits(conn);
}

void
sh_conn_set_send_limits(struct sh_conn *conn, int number)
{
	conn->limits = (uint16_t)number;
}

bool
sh_conn_is_dear(const struct sh_conn *conn)
{
	return conn->queue.len != 0 && sh_loop_is_short(conn->loop);
}

void
sh_conn_count_dropped(struct sh_conn *conn, uint64_t messages)
{
	SH_COUNT(conn->loop->counters->messages_dropped, messages);
}

void
sh_conn_count_slow(struct sh_conn *conn)
{
	SH_COUNT(conn->loop->counters->slow_closed, 1);
}

bool
sh_conn_was_full(const struct sh_conn *conn)
{
	return conn->full;
}

bool
sh_conn_has_room(struct sh_conn *conn, size_t more)
{
	size_t high = sh_conn_limits(conn)->high;
	size_t queued = sh_conn_queued(conn) + more;

	if (SH_LIKELY(queued == 0))
		return true;
	if (queued >= high && conn->loop->serving != conn && !conn->blocked) {
		sh_conn_write_queue(conn);
		sh_conn_make_unsettled(conn);
		queued = sh_conn_queued(conn) + more;
	}
	return queued < high && (queued == 0 || !sh_loop_is_short(conn->loop));
}

bool
sh_conn_fits(const struct sh_conn *conn, size_t len)
{
	return !conn->conflated &&
	    sh_conn_queued(conn) + len <= sh_conn_limits(conn)->high;
}

static uint64_t
forget(struct sh_conn *conn, struct sh_dropped dropped)
{
	SH_COUNT(conn->loop->counters->queued_bytes, -(int64_t)dropped.bytes);
	return dropped.messages;
}

uint64_t
sh_conn_drop_oldest(struct sh_conn *conn)
{
	return forget(conn, sh_queue_drop_oldest(&conn->queue));
}

uint64_t
sh_conn_conflate(struct sh_conn *conn, uint64_t key)
{
	uint64_t messages = 0;

	sh_conn_note_full(conn);
	if (!conn->conflated)
		messages = forget(conn, sh_queue_conflate(&conn->queue));
	conn->conflated = true;
	return messages + forget(conn, sh_queue_drop_key(&conn->queue, key));
}

bool
sh_conn_is_conflated(const struct sh_conn *conn)
{
	return conn->conflated;
}

uint64_t
sh_conn_drop_end(struct sh_conn *conn)
{
	return forget(conn, sh_queue_drop_end(&conn->queue));
}

void
sh_conn_take_queue(struct sh_conn *conn, struct sh_queue *from)
{
	struct sh_loop *loop = conn->loop;

	if (loop->serving == conn)
		sh_cork_flush(loop);
	/* that may have found out; nothing comes behind what was lost */
	if (conn->state != SH_CONN_OPEN) {
		sh_queue_clear(from);
		return;
	}
	SH_COUNT(loop->counters->queued_bytes, from->len);
	sh_queue_append(&conn->queue, from);
	if (!conn->blocked)
		sh_conn_make_unsettled(conn);
}

/* --- who is told ------------------------------------------------------------- */

void
sh_conn_follow(struct sh_conn *conn, bool yes)
{
	conn->followed = yes;
}

void
sh_loop_set_conn_hooks(struct sh_loop *loop, const struct sh_conn_hooks *hooks)
{
	loop->conn_hooks = hooks;
}

void
sh_conn_tell_ended(struct sh_conn *conn)
{
	const struct sh_conn_hooks *hooks = conn->loop->conn_hooks;

	if (SH_LIKELY(!conn->followed))
		return;
	conn->followed = false;
	if (hooks != NULL)
		hooks->ended(conn);
}

void
sh_conn_tell_drained(struct sh_conn *conn)
{
	const struct sh_conn_hooks *hooks = conn->loop->conn_hooks;

	sh_conn_note_room(conn);
	if (conn->followed && hooks != NULL)
		hooks->drained(conn);
}
