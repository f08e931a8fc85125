/*
 * This file is HTTP on a connection: it passes events to who has the session
 * pointer, and takes requests off the bytes that come when nobody has it.
 */
#include "config.h"

#include "session/http.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/counters.h"
#include "base/mem.h"
#include "io/group.h"
#include "io/loop.h"
#include "proto/gzip.h"
#include "session/http_private.h"

enum {
	/* fields of a head when their number is not limited */
	FIELDS_MAX = 65535
};

static size_t
at_most(int64_t limit, size_t max)
{
	return limit < 0 || (uint64_t)limit > max ? max : (size_t)limit;
}

int
sh_http_init(struct sh_http *http)
{
	static struct sh_counters unseen;
	const struct shoal_http_limits *limits = &http->limits;

	http->coroutines = sh_loop_coroutines(http->loop);
	http->counters = sh_loop_options(http->loop)->counters;
	if (http->counters == NULL)
		http->counters = &unseen;
	http->head_limits.head_size =
	    at_most(limits->header_size, SH_HTTP_HEAD_MAX);
	http->head_limits.line_size = http->head_limits.head_size;
	http->head_limits.field_count =
	    at_most(limits->header_count, FIELDS_MAX);
	http->fields =
	    sh_try_calloc(http->head_limits.field_count, sizeof(*http->fields));
	return http->fields != NULL ? 0 : -SHOAL_ENOMEM;
}

void
sh_http_fini(struct sh_http *http)
{
	free(http->fields);
	free(http->path);
	sh_gzip_free(&http->gzip);
	http->fields = NULL;
	http->path = NULL;
	sh_routes_free(&http->routes);
}

struct sh_http *
sh_http_of(const struct sh_conn *conn)
{
	return sh_group_owner(sh_conn_group(conn));
}

int64_t
sh_http_due_ms(const struct sh_http *http, int64_t limit_ms)
{
	return limit_ms < 0 ? 0 : sh_loop_now_ms(http->loop) + limit_ms;
}

/* The peer reads more slowly than it asks: what it asks for waits, too. */
static void
wait_for_room(struct sh_conn *conn, const struct sh_http_feed *feed)
{
	struct sh_buf rest;

	sh_buf_init(&rest, SIZE_MAX);
	if (sh_buf_add(&rest, feed->data, feed->len) < 0) {
		sh_conn_fail_with(conn, -SHOAL_ENOMEM);
		return;
	}
	sh_conn_stall(conn);
	sh_http_keep(conn, &rest);
}

/* The request at the front of the bytes. Whether to look at what is behind
 * it. */
static bool
take(struct sh_conn *conn, struct sh_http *http, struct sh_http_feed *feed)
{
	struct sh_http_progress progress = { 0 };
	struct sh_http_head head;
	const char *why;
	int r;

	head.fields = http->fields;
	r = sh_http_head_parse(
	    &head, &http->head_limits, feed->data, feed->len, &progress, &why);
	if (SH_LIKELY(r > 0)) {
		sh_http_run(conn, &head, feed);
		return true;
	}
	if (r < 0)
		sh_http_reject(conn, -r, why);
	/* empty lines between requests are no begin of one */
	else if (progress.begin != feed->len)
		sh_http_pend(conn, feed->data, feed->len);
	return false;
}

static bool
serve_next(struct sh_conn *conn, struct sh_http_feed *feed)
{
	const struct sh_http_session *session = sh_conn_session(conn);

	if (SH_UNLIKELY(sh_conn_why(conn) != 0))
		return false;
	if (SH_UNLIKELY(session != NULL)) {
		session->ops->received(conn, feed->data, feed->len);
		return false;
	}
	if (SH_UNLIKELY(sh_conn_is_full(conn))) {
		if (sh_conn_why(conn) == 0)
			wait_for_room(conn, feed);
		return false;
	}
	return take(conn, sh_http_of(conn), feed);
}

void
sh_http_serve(struct sh_conn *conn, const char *data, size_t len)
{
	struct sh_http_feed feed = { .data = data, .len = len };

	while (feed.len != 0 && serve_next(conn, &feed))
		continue;
}

static void
received(struct sh_conn *conn, const void *data, size_t len)
{
	const struct sh_http_session *session = sh_conn_session(conn);

	if (SH_LIKELY(session == NULL))
		sh_http_serve(conn, data, len);
	else
		session->ops->received(conn, data, len);
}

static void
writable(struct sh_conn *conn)
{
	const struct sh_http_session *session = sh_conn_session(conn);

	if (session != NULL && session->ops->writable != NULL)
		session->ops->writable(conn);
}

static void
resumed(struct sh_conn *conn)
{
	const struct sh_http_session *session = sh_conn_session(conn);

	if (session != NULL && session->ops->resumed != NULL)
		session->ops->resumed(conn);
	else
		sh_conn_keep(conn, false);
}

static void
changed(struct sh_conn *conn)
{
	const struct sh_http_session *session = sh_conn_session(conn);

	if (session != NULL && session->ops->changed != NULL)
		session->ops->changed(conn);
}

static void
closed(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
	const struct sh_http_session *session = sh_conn_session(conn);

	if (session != NULL && session->ops->closed != NULL)
		session->ops->closed(conn, cause, error);
}

static bool
is_idle(const struct sh_conn *conn)
{
	const struct sh_http_session *session = sh_conn_session(conn);

	if (session == NULL)
		return true;
	return session->ops->is_idle != NULL && session->ops->is_idle(conn);
}

const struct sh_conn_ops *
sh_http_ops(void)
{
	static const struct sh_conn_ops ops = {
		.connected = sh_http_expect,
		.received = received,
		.writable = writable,
		.resumed = resumed,
		.changed = changed,
		.closed = closed,
		.is_idle = is_idle,
	};

	return &ops;
}
