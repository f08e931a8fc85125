/*
 * This file hands messages for many to one connection, and does what its limits
 * say when the peer does not read. The usual case is one write and nothing else.
 */
#include "config.h"

#include "session/deliver.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "base/panic.h"
#include "io/loop.h"
#include "io/shared.h"
#include "session/tcp.h"
#include "session/ws_private.h"

/* To whom, and what waits for it beside its queue. */
struct target {
	struct sh_conn *conn;
	struct shoal_ws *ws;   /* NULL: TCP */
	struct sh_queue *late; /* amid a message in fragments, else NULL */
};

static const struct sh_deliver_hooks *hooks;

/* Whether it takes messages. */
static bool
find_target(struct sh_conn *conn, struct target *target_out)
{
	struct shoal_ws *ws;

	if (SH_UNLIKELY(sh_conn_why(conn) != 0))
		return false;
	ws = sh_ws_of_conn(conn);
	target_out->conn = conn;
	target_out->ws = ws;
	target_out->late = NULL;
	if (SH_UNLIKELY(ws == NULL))
		return sh_tcp_is(conn);
	if (SH_UNLIKELY(ws->in_fragments))
		target_out->late = &sh_ws_need_busy(ws)->late;
	return ws->state == SH_WS_OPEN;
}

static size_t
late_len(const struct target *target)
{
	return target->late != NULL ? target->late->len : 0;
}

static bool
has_room(const struct target *target)
{
	return sh_conn_has_room(target->conn, late_len(target));
}

/* Above the mark or not, what is behind those bytes of it that were sent. */
static enum sh_delivered
give_rest(
    const struct target *target, const struct sh_piece *piece, size_t sent)
{
	struct sh_conn *conn = target->conn;
	int r;

	if (SH_UNLIKELY(target->late != NULL))
		r = sh_queue_refer(target->late, piece);
	else
		r = sh_conn_queue_shared(conn, piece, sent);
	if (SH_LIKELY(r == 0))
		return SH_DELIVERED;
	/* a gap that nobody would be told of */
	if (r == -SHOAL_ENOMEM)
		sh_conn_fail_with(conn, -SHOAL_ENOMEM);
	return SH_DELIVERED_NEITHER;
}

static enum sh_delivered
give(const struct target *target, const struct sh_piece *piece)
{
	size_t sent = 0;

	if (target->late == NULL)
		sent = sh_conn_send_at_once(target->conn, piece);
	return sent == piece->len ? SH_DELIVERED
				  : give_rest(target, piece, sent);
}

/* --- what becomes of those that are full ------------------------------------ */

static enum sh_delivered
close_slow(const struct target *target)
{
	static const char reason[] = "too slow";
	struct sh_conn *conn = target->conn;

	sh_conn_count_slow(conn);
	/* when it is the worker that is short, memory matters more than what
	 * this one would still read; what it gets has no gap */
	if (sh_conn_is_dear(conn))
		sh_conn_count_dropped(conn, sh_conn_drop_end(conn));
	if (target->ws != NULL)
		(void)sh_ws_close(target->ws,
		    sh_conn_send_limits(conn)->close_code, reason,
		    sizeof(reason) - 1);
	else
		(void)sh_conn_close(conn);
	return SH_DELIVERED_NEITHER;
}

static enum sh_delivered
drop_new(const struct target *target, const struct sh_piece *piece)
{
	sh_conn_note_full(target->conn);
	sh_conn_count_dropped(target->conn, piece->messages);
	return SH_DELIVERED_LOSSY;
}

static uint64_t
drop_oldest(const struct target *target)
{
	uint64_t dropped = sh_conn_drop_oldest(target->conn);

	if (dropped == 0 && target->late != NULL)
		dropped = sh_queue_drop_oldest(target->late).messages;
	return dropped;
}

/* What its handler has sent is never dropped, so there may be no room even so. */
static enum sh_delivered
drop_old(const struct target *target, const struct sh_piece *piece)
{
	uint64_t dropped = 0, more = 1;

	sh_conn_note_full(target->conn);
	while (!has_room(target) && more != 0) {
		more = drop_oldest(target);
		dropped += more;
	}
	sh_conn_count_dropped(target->conn, dropped);
	if (!has_room(target))
		return drop_new(target, piece);
	return give(target, piece) == SH_DELIVERED_NEITHER
	    ? SH_DELIVERED_NEITHER
	    : SH_DELIVERED_LOSSY;
}

/* Those that wait amid a message in fragments are not looked at: that ends. */
static enum sh_delivered
conflate(const struct target *target, const struct sh_piece *piece)
{
	uint64_t dropped = sh_conn_conflate(target->conn, piece->key);
	struct sh_piece found = *piece;
	enum sh_delivered delivered;

	sh_conn_count_dropped(target->conn, dropped);
	found.by_key = target->late == NULL;
	delivered =
	    has_room(target) ? give(target, &found) : drop_old(target, &found);
	return delivered == SH_DELIVERED && dropped != 0 ? SH_DELIVERED_LOSSY
							 : delivered;
}

static enum sh_delivered
pause_publishers(const struct target *target, const struct sh_piece *piece)
{
	sh_conn_note_full(target->conn);
	return give(target, piece) == SH_DELIVERED_NEITHER
	    ? SH_DELIVERED_NEITHER
	    : SH_DELIVERED_FULL;
}

static enum sh_delivered
judge(const struct target *target, const struct sh_piece *piece)
{
	switch (sh_conn_send_limits(target->conn)->when_full) {
	case SHOAL_FULL_DEFAULT:
	case SHOAL_FULL_CLOSE: return close_slow(target);
	case SHOAL_FULL_DROP_NEW: return drop_new(target, piece);
	case SHOAL_FULL_DROP_OLD: return drop_old(target, piece);
	case SHOAL_FULL_CONFLATE: return conflate(target, piece);
	case SHOAL_FULL_PAUSE: break;
	}
	return pause_publishers(target, piece);
}

/* --- delivering -------------------------------------------------------------- */

/* The kernel did not take all of it. */
static enum sh_delivered
deliver_rest(
    const struct target *target, const struct sh_piece *piece, size_t sent)
{
	const struct sh_send_limits *limits;
	enum sh_delivered delivered;

	/* what has begun goes on: it was the first, and there is room */
	if (sent == 0 &&
	    (!has_room(target) || sh_conn_is_conflated(target->conn))) {
		/* that it has ended may have been found out just now */
		if (sh_conn_why(target->conn) != 0)
			return SH_DELIVERED_NEITHER;
		return judge(target, piece);
	}
	delivered =
	    sent == 0 ? give(target, piece) : give_rest(target, piece, sent);
	limits = sh_conn_send_limits(target->conn);
	if (SH_LIKELY(delivered != SH_DELIVERED ||
		limits->when_full != SHOAL_FULL_PAUSE || has_room(target)))
		return delivered;
	sh_conn_note_full(target->conn);
	return SH_DELIVERED_FULL;
}

/* One message, or several that fit. */
static enum sh_delivered
deliver_piece(const struct target *target, const struct sh_piece *piece)
{
	size_t sent = 0;

	/* the usual case: one write, and nothing of it waits */
	if (SH_LIKELY(target->late == NULL))
		sent = sh_conn_send_at_once(target->conn, piece);
	return SH_LIKELY(sent == piece->len)
	    ? SH_DELIVERED
	    : deliver_rest(target, piece, sent);
}

/* Frames of the same bytes, each for itself. */
static enum sh_delivered
deliver_each(struct sh_conn *conn, const struct sh_piece *several)
{
	struct sh_piece piece = *several;
	size_t left = several->len;
	enum sh_delivered all = SH_DELIVERED;
	struct target target;

	piece.messages = 1;
	while (left > 0) {
		enum sh_delivered one;

		piece.len = (size_t)sh_ws_frame_len(
		    piece.shared->data + piece.at, left);
		sh_assert(piece.len <= left);
		one = find_target(conn, &target)
		    ? deliver_piece(&target, &piece)
		    : SH_DELIVERED_NEITHER;
		if (one == SH_DELIVERED_NEITHER)
			return one;
		/* what was lost once is not made good again */
		if (all != SH_DELIVERED_LOSSY)
			all = one;
		piece.at += piece.len;
		left -= piece.len;
	}
	return all;
}

int
sh_deliver(struct sh_conn *conn, const struct sh_piece *piece)
{
	struct target target;

	if (SH_UNLIKELY(!find_target(conn, &target)))
		return SH_DELIVERED_NEITHER;
	/* several that fit need not be looked at one by one */
	if (SH_LIKELY(piece->messages == 1) ||
	    sh_conn_fits(conn, late_len(&target) + piece->len))
		return (int)deliver_piece(&target, piece);
	return target.ws != NULL ? (int)deliver_each(conn, piece)
				 : -SHOAL_EAGAIN;
}

bool
sh_deliver_is_paused(const struct sh_conn *conn)
{
	return sh_conn_was_full(conn) && sh_conn_why(conn) == 0 &&
	    sh_conn_send_limits(conn)->when_full == SHOAL_FULL_PAUSE;
}

/* --- who is told ------------------------------------------------------------- */

static void
tell_ended(struct sh_conn *conn)
{
	hooks->ended(conn, hooks->arg);
}

static void
tell_drained(struct sh_conn *conn)
{
	hooks->drained(conn, hooks->arg);
}

void
sh_deliver_set_hooks(const struct sh_deliver_hooks *set)
{
	static const struct sh_conn_hooks of_conns = {
		.ended = tell_ended,
		.drained = tell_drained,
	};

	hooks = set;
	sh_loop_set_conn_hooks(
	    sh_loop_current(), set != NULL ? &of_conns : NULL);
}

void
sh_deliver_follow(struct sh_conn *conn, bool yes)
{
	sh_conn_follow(conn, yes);
}
