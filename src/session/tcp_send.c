/*
 * This file is how coroutines send on a TCP connection; those that wait for
 * room are send_line.c's.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "co/co.h"
#include "io/await.h"
#include "session/tcp_private.h"

/* The connection may be closed already, for a reason. */
static int
explain(const struct sh_conn *conn, int r, const char *place)
{
	const struct sh_tcp_state *state = sh_conn_session(conn);
	int why = r == -SHOAL_ENOTCONN ? sh_conn_why(conn) : 0;

	/* who sends to many may meet many that are closed, a handler only its
	 * own */
	if (state != NULL && state->co == sh_co_running())
		sh_await_slow_down(place);
	/* that it was closed is no news to who closes and goes on */
	return why < 0 && why != -SHOAL_ECANCELED ? why : r;
}

static bool
somebody_waits(const struct sh_conn *conn)
{
	const struct sh_tcp_state *state = sh_conn_session(conn);

	return state != NULL && !sh_send_line_is_empty(&state->senders);
}

int
sh_tcp_send(struct sh_conn *conn, const struct iovec *parts, int count,
    int64_t deadline_us)
{
	static const char place[] = "shoal_co_send";
	struct sh_tcp_state *state;
	int r = -SHOAL_EAGAIN;

	if (SH_LIKELY(!somebody_waits(conn)))
		r = sh_conn_sendv(conn, parts, count);
	if (SH_LIKELY(r == 0))
		return 0;
	if (r != -SHOAL_EAGAIN)
		return explain(conn, r, place);
	state = sh_tcp_state_need(conn);
	if (state == NULL)
		return -SHOAL_ENOMEM;
	return sh_send_line_join(
	    conn, &state->senders, parts, count, place, deadline_us);
}

int
sh_tcp_flush(struct sh_conn *conn, int64_t deadline_us)
{
	static const char place[] = "shoal_co_flush";
	struct sh_tcp_state *state;
	int r = -SHOAL_EAGAIN;

	if (SH_LIKELY(!somebody_waits(conn)))
		r = sh_send_line_try_flush(conn);
	if (r == 0)
		return 0;
	if (r != -SHOAL_EAGAIN)
		return explain(conn, r, place);
	state = sh_tcp_state_need(conn);
	if (state == NULL)
		return -SHOAL_ENOMEM;
	return sh_send_line_join_flush(
	    conn, &state->senders, place, deadline_us);
}
