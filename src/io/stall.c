/*
 * This file finds peers that take nothing of what is sent to them. A message
 * costs nothing here: only who meets a full kernel is put on a list, which is
 * looked through once a second.
 */
#include "config.h"

#include "base/attr.h"
#include "base/mem.h"
#include "io/conn_private.h"

/* A connection whose kernel is full; found by its number, as it may be gone. */
struct sh_stall {
	uint64_t id;
	int64_t since_ms; /* it has taken nothing */
};

enum { FIRST_CAP = 16 };

static bool
grow(struct sh_loop *loop)
{
	size_t cap = loop->stall_cap != 0 ? 2 * loop->stall_cap : FIRST_CAP;
	struct sh_stall *grown;

	if (loop->stall_count < loop->stall_cap)
		return true;
	grown = sh_try_grow(loop->stalls, cap, sizeof(*grown));
	if (grown == NULL)
		return false;
	loop->stalls = grown;
	loop->stall_cap = cap;
	return true;
}

void
sh_stall_watch(struct sh_conn *conn)
{
	struct sh_loop *loop = conn->loop;

	/* without memory it is tried again when the kernel is full again */
	if (conn->watched || sh_conn_limits(conn)->stall_ms <= 0 || !grow(loop))
		return;
	conn->watched = true;
	loop->stalls[loop->stall_count++] =
	    (struct sh_stall){ .id = conn->node.id,
		    .since_ms = sh_loop_now_ms(loop) };
}

/* Whether there is something that it does not take. */
static bool
is_waited_for(const struct sh_conn *conn)
{
	/* a file is not queued */
	return conn->queue.len != 0 || conn->flushing;
}

static void
cut(struct sh_conn *conn)
{
	SH_COUNT(conn->loop->counters->stalled, 1);
	/* else the kernel would go on trying with what it has */
	conn->aborted = true;
	sh_conn_fail(conn, SHOAL_CLOSE_TIMEOUT, 0);
}

/* Whether to look at it again. */
static bool
look(struct sh_conn *conn, struct sh_stall *stall, int64_t now_ms)
{
	if (!conn->blocked || conn->state >= SH_CONN_FAILED) {
		conn->watched = false;
		return false;
	}
	if (conn->moved || !is_waited_for(conn)) {
		conn->moved = false;
		stall->since_ms = now_ms;
	} else if (now_ms - stall->since_ms >= sh_conn_limits(conn)->stall_ms) {
		cut(conn);
		return false;
	}
	return true;
}

void
sh_stall_check(struct sh_loop *loop)
{
	int64_t now_ms = sh_loop_now_ms(loop);
	size_t i = 0;

	while (i < loop->stall_count) {
		struct sh_conn *conn = sh_conn_find(loop, loop->stalls[i].id);

		if (conn != NULL && look(conn, &loop->stalls[i], now_ms))
			i++;
		else
			loop->stalls[i] = loop->stalls[--loop->stall_count];
	}
}
