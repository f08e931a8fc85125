/*
 * This file is a WebSocket in callback style. A callback that waits keeps its
 * coroutine, and what comes meanwhile waits for it.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"
#include "session/ws_private.h"

/* The messages of one event: to change stacks for each costs more than what
 * else is done for a short one. It is gone after the first wait. */
struct batch {
	struct shoal_ws *ws;
	struct sh_ws_event *event; /* the message */
	char *end;                 /* of its data, where a NUL is ... */
	char behind;               /* ... in place of this */
	bool done;                 /* there is no other message now */
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

/* Whether the callback has waited; there may be no WebSocket any more then. */
static inline bool
end_call(struct shoal_ws *ws)
{
	/* what it has deferred may wait, and belongs to the call */
	sh_co_end_local();
	if (SH_LIKELY(!ws->waits))
		return false;
	go_on(ws);
	return true;
}

static bool
run(struct shoal_ws *ws, sh_co_fn *fn, void *arg)
{
	struct sh_co *co = sh_co_call(sh_loop_coroutines(sh_loop_current()), fn,
	    arg, sh_ws_kind(ws)->handler);

	if (SH_UNLIKELY(co != NULL))
		suspend(ws, co);
	return co != NULL;
}

/* A callback gets a NUL behind its message, which may be where the next frame
 * begins. */
static void
end_data(struct batch *batch)
{
	batch->end = batch->event->data + batch->event->len;
	batch->behind = *batch->end;
	*batch->end = '\0';
}

static void
run_messages(void *arg)
{
	struct batch *batch = arg;
	struct shoal_ws *ws = batch->ws;

	do {
		struct shoal_message message = sh_ws_message(batch->event);

		end_data(batch);
		ws->callbacks->on_message(ws, &message, ws->arg);
		if (end_call(ws))
			return;
		*batch->end = batch->behind;
		/* no place for the next message */
		if (sh_await_is_cancelled())
			return;
	} while (
	    sh_ws_may_give(ws) && sh_ws_next_message(ws, batch->event) > 0);
	batch->done = true;
}

static void
run_writable(void *arg)
{
	struct shoal_ws *ws = arg;

	ws->callbacks->on_writable(ws, ws->arg);
	(void)end_call(ws);
}

static void
run_close(void *arg)
{
	struct shoal_ws *ws = arg;

	ws->callbacks->on_close(ws, &ws->busy->end, ws->arg);
	(void)end_call(ws);
}

bool
sh_ws_call_messages(struct shoal_ws *ws, struct sh_ws_event *event)
{
	struct batch batch = { .ws = ws, .event = event };

	if (SH_UNLIKELY(run(ws, run_messages, &batch)))
		/* the message was borrowed until now */
		*batch.end = batch.behind;
	return !batch.done;
}

void
sh_ws_call_writable(struct shoal_ws *ws)
{
	if (!ws->calls || ws->callbacks->on_writable == NULL ||
	    ws->state != SH_WS_OPEN)
		return;
	if (ws->waits || !ws->begun)
		ws->writable_late = true;
	else
		(void)run(ws, run_writable, ws);
}

bool
sh_ws_call_close(struct shoal_ws *ws)
{
	ws->over = true;
	return ws->callbacks->on_close != NULL && run(ws, run_close, ws);
}
