/*
 * This file keeps bytes of an HTTP connection that have to wait: for the rest of
 * a head, for a peer that reads, for a turn in which the next request may begin.
 */
#include "config.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/counters.h"
#include "base/mem.h"
#include "io/wheel.h"
#include "session/http_private.h"

struct pending {
	struct sh_http_session session;
	struct sh_conn *conn;
	struct sh_buf bytes; /* none: the first request has not begun */
	struct sh_http_progress progress;
	struct sh_wheel_timer timer;
	bool kept; /* they are to be served when the connection goes on */
};

static const struct sh_conn_ops ops;

static void
on_header_timeout(struct sh_wheel_timer *timer)
{
	struct pending *pending = SH_CONTAINER(timer, struct pending, timer);
	struct sh_conn *conn = pending->conn;

	if (pending->bytes.len != 0) {
		sh_http_reject(conn, 408, "the head did not come in time");
		return;
	}
	/* who has not said a word is not answered */
	SH_COUNT(sh_http_of(conn)->counters->timeouts, 1);
	sh_conn_close(conn);
}

static struct pending *
make(struct sh_conn *conn)
{
	struct pending *pending = sh_try_calloc(1, sizeof(*pending));

	if (pending == NULL) {
		sh_conn_fail_with(conn, -SHOAL_ENOMEM);
		return NULL;
	}
	pending->session.ops = &ops;
	pending->conn = conn;
	/* bounded by the limit of a head and one read */
	sh_buf_init(&pending->bytes, SIZE_MAX);
	sh_wheel_timer_init(&pending->timer, on_header_timeout);
	sh_conn_set_session(conn, pending);
	return pending;
}

static void
drop(struct pending *pending)
{
	const struct sh_http *http = sh_http_of(pending->conn);

	sh_wheel_clear(http->loop, &pending->timer);
	sh_conn_set_session(pending->conn, NULL);
	sh_buf_fini(&pending->bytes);
	free(pending);
}

static void
set_timer(struct pending *pending)
{
	const struct sh_http *http = sh_http_of(pending->conn);
	int64_t due_ms = sh_http_due_ms(http, http->limits.header_timeout_ms);

	if (due_ms != 0)
		sh_wheel_set(http->loop, &pending->timer, due_ms);
}

void
sh_http_expect(struct sh_conn *conn)
{
	struct pending *pending = make(conn);

	if (pending != NULL)
		set_timer(pending);
}

void
sh_http_pend(struct sh_conn *conn, const char *data, size_t len)
{
	struct pending *pending = make(conn);

	if (pending == NULL)
		return;
	if (sh_buf_add(&pending->bytes, data, len) < 0)
		sh_conn_fail_with(conn, -SHOAL_ENOMEM);
	else
		set_timer(pending);
}

void
sh_http_keep(struct sh_conn *conn, struct sh_buf *input)
{
	struct pending *pending = make(conn);

	if (pending == NULL) {
		sh_buf_fini(input);
		return;
	}
	pending->bytes = *input;
	sh_buf_init(input, SIZE_MAX);
	pending->kept = true;
	sh_conn_keep(conn, true);
}

/* Nothing waits any more. */
static void
serve(struct sh_conn *conn, struct pending *pending)
{
	struct sh_buf bytes = pending->bytes;

	sh_buf_init(&pending->bytes, SIZE_MAX);
	drop(pending);
	sh_http_serve(conn, bytes.data, bytes.len);
	sh_buf_fini(&bytes);
}

/* Whether what is there has something to be told: a whole head, or an error. */
static bool
is_enough(const struct sh_http *http, struct pending *pending)
{
	struct sh_http_head head = { .fields = http->fields };

	return sh_http_head_parse(&head, &http->head_limits,
		   pending->bytes.data, pending->bytes.len, &pending->progress,
		   NULL) != 0;
}

/* Whether it is empty lines, which may come before a request: RFC 9112 2.2. */
static bool
is_empty(const struct sh_http *http, const char *data, size_t len)
{
	struct sh_http_head head = { .fields = http->fields };
	struct sh_http_progress progress = { 0 };

	return data[0] == '\r' &&
	    sh_http_head_parse(
		&head, &http->head_limits, data, len, &progress, NULL) == 0 &&
	    progress.begin == len;
}

static void
received(struct sh_conn *conn, const void *data, size_t len)
{
	struct pending *pending = sh_conn_session(conn);

	if (!pending->kept && pending->bytes.len == 0) {
		/* they must not end its time */
		if (SH_UNLIKELY(is_empty(sh_http_of(conn), data, len)))
			return;
		drop(pending);
		sh_http_serve(conn, data, len);
		return;
	}
	if (sh_buf_add(&pending->bytes, data, len) < 0)
		sh_conn_fail_with(conn, -SHOAL_ENOMEM);
	else if (!pending->kept && is_enough(sh_http_of(conn), pending))
		serve(conn, pending);
}

/* resumed() follows. */
static void
writable(struct sh_conn *conn)
{
	sh_conn_unstall(conn);
}

static void
resumed(struct sh_conn *conn)
{
	struct pending *pending = sh_conn_session(conn);

	sh_conn_keep(conn, false);
	if (pending->kept)
		serve(conn, pending);
}

static void
closed(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
	drop(sh_conn_session(conn));
}

/* A head has a deadline of its own. */
static bool
is_idle(const struct sh_conn *conn)
{
	const struct pending *pending = sh_conn_session(conn);

	return !sh_wheel_is_set(&pending->timer);
}

static const struct sh_conn_ops ops = {
	.received = received,
	.writable = writable,
	.resumed = resumed,
	.closed = closed,
	.is_idle = is_idle,
};
