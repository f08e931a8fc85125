/*
 * This file reads the rest of a body that nobody wants, so that the next request
 * on the connection can be found.
 */
#include "config.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/counters.h"
#include "base/mem.h"
#include "io/wheel.h"
#include "session/http_private.h"

struct discard {
	struct sh_http_session session;
	struct sh_conn *conn;
	struct sh_http_body body;
	size_t left; /* bytes that may still come, framing too */
	struct sh_wheel_timer timer;
};

static const struct sh_conn_ops ops;

static void
drop(struct discard *discard)
{
	const struct sh_http *http = sh_http_of(discard->conn);

	sh_wheel_clear(http->loop, &discard->timer);
	sh_conn_set_session(discard->conn, NULL);
	free(discard);
}

/* The answer has been given: nobody has to be told. */
static void
on_timeout(struct sh_wheel_timer *timer)
{
	struct discard *discard = SH_CONTAINER(timer, struct discard, timer);

	SH_COUNT(sh_http_of(discard->conn)->counters->timeouts, 1);
	sh_conn_close(discard->conn);
}

void
sh_http_discard(struct sh_conn *conn, const struct sh_http_body *body)
{
	const struct sh_http *http = sh_http_of(conn);
	struct discard *discard = sh_try_calloc(1, sizeof(*discard));
	int64_t due_ms = sh_http_due_ms(http, http->limits.body_timeout_ms);

	if (discard == NULL) {
		sh_conn_fail_with(conn, -SHOAL_ENOMEM);
		return;
	}
	discard->session.ops = &ops;
	discard->conn = conn;
	discard->body = *body;
	discard->left = 2 * SH_HTTP_SKIP_MAX;
	sh_wheel_timer_init(&discard->timer, on_timeout);
	if (due_ms != 0)
		sh_wheel_set(http->loop, &discard->timer, due_ms);
	sh_conn_set_session(conn, discard);
}

/* 1 at the end of the body, else 0 or negative. */
static int
skip(struct discard *discard, const char **data, size_t *len)
{
	const char *piece;
	size_t used, piece_len;
	int r = 0;

	while (r == 0 && *len != 0) {
		r = sh_http_body_next(&discard->body, *data, *len, &used,
		    &piece, &piece_len, NULL);
		if (r < 0 || used > discard->left)
			return -1;
		*data += used;
		*len -= used;
		discard->left -= used;
	}
	return r;
}

static void
received(struct sh_conn *conn, const void *data, size_t len)
{
	struct discard *discard = sh_conn_session(conn);
	const char *rest = data;
	int r = skip(discard, &rest, &len);

	if (r == 0)
		return;
	drop(discard);
	if (r > 0) {
		sh_http_serve(conn, rest, len);
		return;
	}
	SH_COUNT(sh_http_of(conn)->counters->http_errors, 1);
	sh_conn_close(conn);
}

static void
closed(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
	drop(sh_conn_session(conn));
}

/* The rest has a deadline of its own. */
static bool
is_idle(const struct sh_conn *conn)
{
	const struct discard *discard = sh_conn_session(conn);

	return !sh_wheel_is_set(&discard->timer);
}

static const struct sh_conn_ops ops = {
	.received = received,
	.closed = closed,
	.is_idle = is_idle,
};
