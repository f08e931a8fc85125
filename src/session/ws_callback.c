/*
 * This file is a WebSocket in callback style. A callback that waits keeps its
 * coroutine, and what comes meanwhile waits for it.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "co/co.h"
#include "io/loop.h"
#include "session/ws_private.h"

/* One call, on its way to a coroutine. */
struct call {
	struct shoal_ws *ws;
	struct shoal_message message;
};

/* A callback has begun to wait. */
static void
suspend(struct shoal_ws *ws, struct sh_co *co)
{
	sh_conn_hold(ws->conn);
	/* who waits for the end of the closing needs what comes */
	if (ws->state == SH_WS_OPEN)
		sh_conn_stall(ws->conn);
	sh_ws_need_busy(ws)->callback = co;
	ws->waits = true;
}

static void
free_later(struct shoal_ws *ws)
{
	struct sh_conn *conn = ws->conn;

	sh_conn_set_session(conn, NULL);
	sh_ws_free(&ws);
	sh_conn_release_hold(conn);
}

/* A callback has returned, which had begun to wait. */
static void
go_on(struct shoal_ws *ws)
{
	ws->waits = false;
	ws->busy->callback = NULL;
	if (ws->over) {
		free_later(ws);
		return;
	}
	if (ws->state != SH_WS_DONE &&
	    (ws->writable_late || sh_ws_unseen(ws) != 0))
		sh_conn_keep(ws->conn, true);
	sh_conn_unstall(ws->conn);
	sh_conn_release_hold(ws->conn);
	sh_ws_rest(ws);
}

static inline void
end_call(struct shoal_ws *ws)
{
	/* what it has deferred may wait, and belongs to the call */
	sh_co_end_local();
	if (SH_UNLIKELY(ws->waits))
		go_on(ws);
}

static bool
run(struct call *call, sh_co_fn *fn)
{
	struct shoal_ws *ws = call->ws;
	struct sh_co *co = sh_co_call(sh_loop_coroutines(sh_loop_current()), fn,
	    call, sh_ws_kind(ws)->handler);

	if (SH_UNLIKELY(co != NULL))
		suspend(ws, co);
	return co != NULL;
}

/* Each copies the call, which is gone after the first wait. */
static void
run_message(void *arg)
{
	struct call call = *(struct call *)arg;

	call.ws->callbacks->on_message(call.ws, &call.message, call.ws->arg);
	end_call(call.ws);
}

static void
run_writable(void *arg)
{
	struct call call = *(struct call *)arg;

	call.ws->callbacks->on_writable(call.ws, call.ws->arg);
	end_call(call.ws);
}

static void
run_close(void *arg)
{
	struct call call = *(struct call *)arg;

	call.ws->callbacks->on_close(
	    call.ws, &call.ws->busy->end, call.ws->arg);
	end_call(call.ws);
}

void
sh_ws_call_message(struct shoal_ws *ws, struct sh_ws_event *event)
{
	struct call call = { .ws = ws, .message = sh_ws_message(event) };
	char behind = event->data[event->len];

	event->data[event->len] = '\0';
	(void)run(&call, run_message);
	/* the message was borrowed until now */
	event->data[event->len] = behind;
}

void
sh_ws_call_writable(struct shoal_ws *ws)
{
	struct call call = { .ws = ws };

	if (!ws->calls || ws->callbacks->on_writable == NULL ||
	    ws->state != SH_WS_OPEN)
		return;
	if (ws->waits || !ws->begun)
		ws->writable_late = true;
	else
		(void)run(&call, run_writable);
}

bool
sh_ws_call_close(struct shoal_ws *ws)
{
	struct call call = { .ws = ws };

	ws->over = true;
	return ws->callbacks->on_close != NULL && run(&call, run_close);
}
