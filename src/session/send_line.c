/*
 * This file lets coroutines wait for room in a connection's queue: whole
 * messages, first come, first served. It does not write.
 */
#include "config.h"

#include "session/send_line.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "co/co.h"
#include "io/await.h"
#include "io/conn.h"

/* A coroutine that waits for room in the queue, or for its end; on its
 * stack. */
struct sh_send_waiter {
	struct sh_co *co;
	struct sh_send_line *line; /* NULL: it is in none any more ... */
	int error;                 /* ... and this is why */
	bool flush;                /* until nothing is queued */
	const struct iovec *parts;
	int count;
	TAILQ_ENTRY(sh_send_waiter) next;
};

void
sh_send_line_init(struct sh_send_line *line)
{
	TAILQ_INIT(&line->waiters);
}

void
sh_send_line_wake(struct sh_send_line *line)
{
	struct sh_send_waiter *first = TAILQ_FIRST(&line->waiters);

	/* it keeps its place until it has sent, so nobody overtakes it */
	if (first != NULL)
		sh_co_wake(first->co, 0);
}

void
sh_send_line_fail(struct sh_send_line *line, int error)
{
	struct sh_send_waiter *waiter;

	while ((waiter = TAILQ_FIRST(&line->waiters)) != NULL) {
		TAILQ_REMOVE(&line->waiters, waiter, next);
		waiter->line = NULL;
		waiter->error = error;
		sh_co_wake(waiter->co, error);
	}
}

static void
leave(struct sh_send_waiter *waiter)
{
	struct sh_send_line *line = waiter->line;

	/* its own call may have ended the connection */
	if (line == NULL)
		return;
	TAILQ_REMOVE(&line->waiters, waiter, next);
	sh_send_line_wake(line);
}

int
sh_send_line_try_flush(struct sh_conn *conn)
{
	int r = sh_conn_flush(conn);

	if (r == -SHOAL_EAGAIN)
		sh_conn_await_flush(conn);
	return r;
}

/* It was woken. Between that and its turn the connection may have ended, with
 * all that belongs to it. */
static int
attempt(struct sh_conn *conn, const struct sh_send_waiter *waiter)
{
	int r;

	if (waiter->line == NULL)
		return waiter->error;
	if (TAILQ_FIRST(&waiter->line->waiters) != waiter)
		return -SHOAL_EAGAIN;
	if (waiter->flush)
		r = sh_send_line_try_flush(conn);
	else
		r = sh_conn_sendv(conn, waiter->parts, waiter->count);
	/* it may have met the end itself */
	return r == 0 || waiter->line != NULL ? r : waiter->error;
}

static int
stand_in_line(struct sh_conn *conn, struct sh_send_waiter *waiter,
    struct sh_send_line *line, const char *place, int64_t deadline_us)
{
	int r;

	waiter->co = sh_await_self(place);
	waiter->line = line;
	TAILQ_INSERT_TAIL(&line->waiters, waiter, next);
	do {
		r = sh_await(place, deadline_us);
		if (r == 0)
			r = attempt(conn, waiter);
	} while (r == -SHOAL_EAGAIN);
	leave(waiter);
	return r;
}

int
sh_send_line_join(struct sh_conn *conn, struct sh_send_line *line,
    const struct iovec *parts, int count, const char *place,
    int64_t deadline_us)
{
	struct sh_send_waiter waiter = { .parts = parts, .count = count };

	return stand_in_line(conn, &waiter, line, place, deadline_us);
}

int
sh_send_line_sendv(struct sh_conn *conn, struct sh_send_line *line,
    const struct iovec *parts, int count, const char *place,
    int64_t deadline_us)
{
	int r = -SHOAL_EAGAIN;

	if (SH_LIKELY(sh_send_line_is_empty(line)))
		r = sh_conn_sendv(conn, parts, count);
	if (SH_LIKELY(r != -SHOAL_EAGAIN))
		return r;
	return sh_send_line_join(conn, line, parts, count, place, deadline_us);
}

int
sh_send_line_join_flush(struct sh_conn *conn, struct sh_send_line *line,
    const char *place, int64_t deadline_us)
{
	struct sh_send_waiter waiter = { .flush = true };

	return stand_in_line(conn, &waiter, line, place, deadline_us);
}

int
sh_send_line_flush(struct sh_conn *conn, struct sh_send_line *line,
    const char *place, int64_t deadline_us)
{
	int r = -SHOAL_EAGAIN;

	if (sh_send_line_is_empty(line))
		r = sh_send_line_try_flush(conn);
	if (r != -SHOAL_EAGAIN)
		return r;
	return sh_send_line_join_flush(conn, line, place, deadline_us);
}
