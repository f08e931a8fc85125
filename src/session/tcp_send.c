/*
 * This file lets coroutines wait for room in a connection's queue: whole
 * messages, first come, first served. It does not write.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "co/co.h"
#include "io/await.h"
#include "session/tcp_private.h"

void
sh_tcp_wake_writers(struct sh_tcp_state *state)
{
	struct sh_tcp_writer *first = TAILQ_FIRST(&state->writers);

	/* it keeps its place until it has sent, so nobody overtakes it */
	if (first != NULL)
		sh_co_wake(first->co, 0);
}

void
sh_tcp_fail_writers(struct sh_tcp_state *state, int error)
{
	struct sh_tcp_writer *writer;

	while ((writer = TAILQ_FIRST(&state->writers)) != NULL) {
		TAILQ_REMOVE(&state->writers, writer, next);
		writer->state = NULL;
		writer->error = error;
		sh_co_wake(writer->co, error);
	}
}

static void
leave(struct sh_tcp_writer *writer)
{
	struct sh_tcp_state *state = writer->state;

	/* its own call may have ended the connection */
	if (state == NULL)
		return;
	TAILQ_REMOVE(&state->writers, writer, next);
	sh_tcp_wake_writers(state);
}

/* What the first in the line does; -SHOAL_EAGAIN when it has to wait. */
static int
attempt(struct sh_conn *conn, const struct sh_tcp_writer *writer,
    const struct iovec *parts, int count)
{
	int r;

	if (!writer->flush)
		return sh_conn_sendv(conn, parts, count);
	r = sh_conn_flush(conn);
	if (r == -SHOAL_EAGAIN)
		sh_conn_await_flush(conn);
	return r;
}

/* It was woken. Between that and its turn the connection may have ended, with
 * all that belongs to it. */
static int
attempt_again(struct sh_conn *conn, const struct sh_tcp_writer *writer,
    const struct iovec *parts, int count)
{
	int r;

	if (writer->state == NULL)
		return writer->error;
	if (TAILQ_FIRST(&writer->state->writers) != writer)
		return -SHOAL_EAGAIN;
	r = attempt(conn, writer, parts, count);
	/* it may have met the end itself */
	return r == 0 || writer->state != NULL ? r : writer->error;
}

static int
stand_in_line(struct sh_conn *conn, struct sh_tcp_writer *writer,
    const struct iovec *parts, int count, int64_t deadline_us)
{
	struct sh_tcp_state *state = sh_tcp_state_need(conn);
	int r;

	if (state == NULL)
		return -SHOAL_ENOMEM;
	writer->co = sh_co_running();
	writer->state = state;
	TAILQ_INSERT_TAIL(&state->writers, writer, next);
	do {
		r = sh_await(writer->flush ? "shoal_co_flush" : "shoal_co_send",
		    deadline_us);
		if (r == 0)
			r = attempt_again(conn, writer, parts, count);
	} while (r == -SHOAL_EAGAIN);
	leave(writer);
	return r;
}

/* The connection may be closed already, for a reason. */
static int
explain(const struct sh_conn *conn, int r)
{
	const struct sh_tcp_state *state = sh_conn_session(conn);
	int why = r == -SHOAL_ENOTCONN ? sh_conn_why(conn) : 0;

	/* who sends to many may meet many that are closed, a handler only its
	 * own */
	if (state != NULL && state->co == sh_co_running())
		sh_await_slow_down("shoal_co_send");
	/* that it was closed is no news to who closes and goes on */
	return why < 0 && why != -SHOAL_ECANCELED ? why : r;
}

static int
write_or_wait(struct sh_conn *conn, struct sh_tcp_writer *writer,
    const struct iovec *parts, int count, int64_t deadline_us)
{
	const struct sh_tcp_state *state = sh_conn_session(conn);
	int r = -SHOAL_EAGAIN;

	if (SH_LIKELY(state == NULL || TAILQ_EMPTY(&state->writers)))
		r = attempt(conn, writer, parts, count);
	if (SH_LIKELY(r == 0))
		return 0;
	if (r != -SHOAL_EAGAIN)
		return explain(conn, r);
	return stand_in_line(conn, writer, parts, count, deadline_us);
}

int
sh_tcp_send(struct sh_conn *conn, const struct iovec *parts, int count,
    int64_t deadline_us)
{
	struct sh_tcp_writer writer = { .flush = false };

	return write_or_wait(conn, &writer, parts, count, deadline_us);
}

int
sh_tcp_flush(struct sh_conn *conn, int64_t deadline_us)
{
	struct sh_tcp_writer writer = { .flush = true };

	return write_or_wait(conn, &writer, NULL, 0, deadline_us);
}
