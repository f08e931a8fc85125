/*
 * This file makes and frees WebSockets, and brings the events of their
 * connections to the files that deal with them.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "co/co.h"
#include "io/group.h"
#include "io/loop.h"
#include "session/tcp.h"
#include "session/ws_private.h"

/* The largest that malloc(3) has a block of 128 bytes for: with the 380 bytes of
 * a connection, the id table's and libevent's parts included, it is some 510.
 * See ARCHITECTURE.md. */
_Static_assert(sizeof(struct shoal_ws) <= 120, "an idle WebSocket is small");

struct sh_ws_busy *
sh_ws_need_busy(struct shoal_ws *ws)
{
	if (ws->busy != NULL)
		return ws->busy;
	ws->busy = sh_xcalloc(1, sizeof(*ws->busy));
	sh_send_line_init(&ws->busy->senders);
	/* bounded by one read and what was in the kernel at a pause */
	sh_buf_init(&ws->busy->input, SIZE_MAX);
	LIST_INIT(&ws->busy->closers);
	return ws->busy;
}

static void
free_busy(struct shoal_ws *ws)
{
	if (ws->busy == NULL)
		return;
	sh_buf_fini(&ws->busy->input);
	sh_queue_clear(&ws->busy->late);
	sh_ws_deflater_free(ws->busy->deflater);
	free(ws->busy);
	ws->busy = NULL;
}

void
sh_ws_rest(struct shoal_ws *ws)
{
	const struct sh_ws_busy *busy = ws->busy;

	if (busy == NULL || busy->deflater != NULL || busy->has_end ||
	    busy->has_pong || busy->late.len != 0 || busy->callback != NULL ||
	    sh_ws_unseen(ws) != 0 || !sh_send_line_is_empty(&busy->senders) ||
	    !LIST_EMPTY(&busy->closers))
		return;
	free_busy(ws);
}

static int
begin_pulling(struct shoal_ws *ws)
{
	ws->puller = sh_try_calloc(1, sizeof(*ws->puller));
	if (ws->puller == NULL)
		return -SHOAL_ENOMEM;
	ws->puller->handler = sh_co_running();
	ws->pulls = ws->begun = true;
	return 0;
}

static struct shoal_ws *
allocate(const char *subprotocol)
{
	size_t more = subprotocol != NULL ? strlen(subprotocol) + 1 : 0;
	struct shoal_ws *ws = sh_try_calloc(1, sizeof(*ws) + more);

	if (ws == NULL)
		return NULL;
	ws->magic = SH_WS_MAGIC;
	ws->session.ops = sh_ws_ops();
	sh_wheel_timer_init(&ws->timer, sh_ws_on_timer);
	if (more != 0) {
		ws->has_subprotocol = true;
		memcpy(ws->subprotocol, subprotocol, more);
	}
	return ws;
}

/* Those of the options, in the place of the listener's. */
static int
need_send_limits(struct sh_conn *conn, const struct shoal_send_queue *asked)
{
	struct sh_send_limits limits =
	    *sh_group_send_limits(sh_conn_group(conn));

	if (asked->high != 0) {
		limits.high = (size_t)asked->high;
		limits.low = (size_t)asked->low;
	}
	if (asked->when_full != SHOAL_FULL_DEFAULT)
		limits.when_full = asked->when_full;
	if (asked->close_code != 0)
		limits.close_code = asked->close_code;
	if (asked->stall_timeout_ms != 0)
		limits.stall_ms = asked->stall_timeout_ms;
	return sh_send_limits_need(sh_loop_current(), &limits);
}

struct shoal_ws *
sh_ws_new(struct sh_conn *conn, const struct shoal_ws_options *options,
    const struct sh_ws_extension *extension, const char *handler,
    const char *subprotocol, const struct shoal_ws_callbacks *callbacks,
    void *arg)
{
	struct shoal_ws *ws = allocate(subprotocol);
	int limits = need_send_limits(conn, &options->send_queue);
	struct sh_ws_kind *kind = NULL;

	if (ws == NULL)
		return NULL;
	ws->conn = conn;
	if (limits >= 0)
		kind = sh_ws_kind_need(options, extension, handler, limits);
	if (kind != NULL)
		sh_ws_receiver_init(&ws->receiver, &kind->intake);
	ws->calls = callbacks != NULL;
	if (ws->calls) {
		ws->callbacks = callbacks;
		ws->arg = arg;
		/* until the handler has returned, it is one */
		sh_ws_need_busy(ws)->callback = sh_co_running();
	}
	if (kind == NULL || (!ws->calls && begin_pulling(ws) < 0))
		sh_ws_free(&ws);
	return ws;
}

void
sh_ws_free(struct shoal_ws **ws)
{
	struct sh_ws_kind *kind;
	struct shoal_ws *w;

	if (ws == NULL || *ws == NULL)
		return;
	w = *ws;
	sh_wheel_clear(sh_loop_current(), &w->timer);
	if (w->pulls)
		free(w->puller);
	free_busy(w);
	if (w->receiver.intake != NULL) {
		kind = sh_ws_kind(w);
		sh_ws_receiver_fini(&w->receiver);
		sh_ws_kind_drop(&kind);
	}
	w->magic = 0;
	free(w);
	*ws = NULL;
}

struct shoal_ws *
sh_ws_of_conn(const struct sh_conn *conn)
{
	struct sh_http_session *session;

	if (sh_tcp_is(conn))
		return NULL;
	session = sh_conn_session(conn);
	return session != NULL && session->ops == sh_ws_ops()
	    ? (struct shoal_ws *)(void *)session
	    : NULL;
}

void
sh_ws_returned(struct shoal_ws *ws)
{
	struct sh_conn *conn = ws->conn;

	if (ws->pulls)
		sh_ws_end_pulling(ws);
	if (ws->calls && ws->busy != NULL)
		ws->busy->callback = NULL;
	ws->begun = true;
	/* also when all that is left is to say that there is room */
	sh_conn_keep(conn, sh_ws_unseen(ws) != 0 || ws->writable_late);
	sh_conn_unstall(conn);
	sh_conn_release_hold(conn);
	sh_ws_rest(ws);
}

static void
resumed(struct sh_conn *conn)
{
	struct shoal_ws *ws = sh_conn_session(conn);

	sh_conn_keep(conn, false);
	if (ws->writable_late) {
		ws->writable_late = false;
		sh_ws_call_writable(ws);
	}
	sh_ws_go_on(ws);
}

/* The last call, unless on_close waits. */
static void
closed(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
	struct shoal_ws *ws = sh_conn_session(conn);

	sh_ws_conn_ended(ws, cause, error);
	if (ws->calls && sh_ws_call_close(ws))
		return;
	sh_conn_set_session(conn, NULL);
	sh_ws_free(&ws);
}

const struct sh_conn_ops *
sh_ws_ops(void)
{
	static const struct sh_conn_ops ops = {
		.received = sh_ws_received,
		.writable = sh_ws_writable,
		.resumed = resumed,
		.changed = sh_ws_changed,
		.closed = closed,
	};

	return &ops;
}
