/*
 * This file ends WebSockets: the closing handshake in both directions, and what
 * is known of an end that came otherwise.
 */
#include "config.h"

#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"
#include "session/ws_private.h"

static const char co_place[] = "shoal_co_ws_close";

void
sh_ws_note_end(struct shoal_ws *ws, int code, const char *reason,
    size_t reason_len, bool by_peer, int error)
{
	struct sh_ws_busy *busy = sh_ws_need_busy(ws);

	if (busy->has_end)
		return;
	busy->has_end = true;
	if (reason_len != 0)
		memcpy(busy->reason, reason, reason_len);
	busy->reason[reason_len] = '\0';
	busy->end = (struct shoal_ws_end){
		.code = code,
		.reason = busy->reason,
		.reason_len = reason_len,
		.by_peer = by_peer,
		.error = error,
	};
}

int
sh_ws_end_result(const struct shoal_ws *ws)
{
	const struct shoal_ws_end *end = &ws->busy->end;

	if (end->error != 0)
		return end->error;
	return end->clean ? 0 : -SHOAL_ENOTCONN;
}

/* The WebSocket goes. */
static void
dismiss_closers(struct shoal_ws *ws)
{
	struct sh_ws_closer *closer;

	while ((closer = LIST_FIRST(&ws->busy->closers)) != NULL) {
		LIST_REMOVE(closer, link);
		closer->gone = true;
		closer->result = sh_ws_end_result(ws);
		sh_co_wake(closer->co, 0);
	}
}

static void
wake_closers(struct shoal_ws *ws)
{
	struct sh_ws_closer *closer;

	if (ws->busy == NULL)
		return;
	LIST_FOREACH(closer, &ws->busy->closers, link)
		sh_co_wake(closer->co, 0);
}

/* It may take so long until the peer has answered, or has read. */
static void
set_deadline(struct shoal_ws *ws)
{
	struct sh_loop *loop = sh_loop_current();
	int64_t timeout_ms = sh_ws_kind(ws)->close_timeout_ms;

	sh_wheel_clear(loop, &ws->timer);
	if (timeout_ms > 0)
		sh_wheel_set(
		    loop, &ws->timer, sh_loop_now_ms(loop) + timeout_ms);
}

/* Nothing goes either way any more: what is queued is sent, then the peer is to
 * end the connection. */
static void
finish(struct shoal_ws *ws)
{
	ws->state = SH_WS_DONE;
	set_deadline(ws);
	sh_ws_fail_senders(ws, -SHOAL_ENOTCONN);
	sh_conn_keep(ws->conn, false);
	(void)sh_conn_close(ws->conn);
	wake_closers(ws);
	sh_ws_wake_reader(ws);
}

static void
send_close(struct shoal_ws *ws, int code, const char *reason, size_t reason_len)
{
	uint8_t payload[SH_WS_CONTROL_MAX];
	int len =
	    sh_ws_close_write(payload, (unsigned)code, reason, reason_len);

	if (len >= 0)
		(void)sh_ws_send_control(ws, SH_WS_CLOSE, payload, (size_t)len);
}

/* Whatever the handler does, the peer's close frame is looked for. */
static void
read_on(struct shoal_ws *ws)
{
	sh_conn_keep(ws->conn, sh_ws_unseen(ws) != 0);
	sh_conn_resume(ws->conn);
	sh_conn_stall(ws->conn);
	sh_conn_unstall(ws->conn);
}

int
sh_ws_close(
    struct shoal_ws *ws, int code, const char *reason, size_t reason_len)
{
	uint8_t payload[SH_WS_CONTROL_MAX];

	if (code < 0 ||
	    sh_ws_close_write(payload, (unsigned)code, reason, reason_len) < 0)
		return -SHOAL_EINVAL;
	/* one that is held has not told of its end yet */
	if (sh_conn_is_cut(ws->conn))
		sh_ws_learn_end(ws);
	if (ws->state != SH_WS_OPEN)
		return -EALREADY;
	sh_ws_note_end(ws, code, reason, reason_len, false, 0);
	send_close(ws, code, reason, reason_len);
	ws->state = SH_WS_CLOSING;
	ws->refused = false;
	set_deadline(ws);
	sh_ws_fail_senders(ws, -SHOAL_ENOTCONN);
	read_on(ws);
	return 0;
}

void
sh_ws_peer_closes(struct shoal_ws *ws, const struct sh_ws_event *event)
{
	if (ws->state == SH_WS_OPEN) {
		sh_ws_note_end(
		    ws, (int)event->code, event->data, event->len, true, 0);
		send_close(ws, (int)event->code, NULL, 0);
	}
	ws->busy->end.clean = true;
	finish(ws);
}

static int
error_of(int code)
{
	switch (code) {
	case SHOAL_WS_BAD_DATA: return -EILSEQ;
	case SHOAL_WS_TOO_BIG: return -SHOAL_EMSGSIZE;
	default: return -SHOAL_EPROTO;
	}
}

void
sh_ws_refuse(struct shoal_ws *ws, int code, const char *why)
{
	size_t len = strlen(why);

	if (ws->state == SH_WS_OPEN) {
		sh_ws_note_end(ws, code, why, len, false, error_of(code));
		send_close(ws, code, why, len);
	} else {
		/* it has had its close frame */
		ws->busy->end.error = error_of(code);
	}
	finish(ws);
}

int
sh_ws_abort(struct shoal_ws *ws)
{
	if (sh_conn_is_cut(ws->conn))
		return -EALREADY;
	sh_ws_note_end(ws, SHOAL_WS_CUT_OFF, NULL, 0, false, 0);
	/* a close frame that was not sent is none */
	ws->busy->end.clean = false;
	ws->state = SH_WS_DONE;
	sh_ws_fail_senders(ws, -SHOAL_ENOTCONN);
	return sh_conn_abort(ws->conn);
}

/* What an end of the connection means, without close frames. */
static int
error_of_cause(enum shoal_close_cause cause, int error)
{
	switch (cause) {
	case SHOAL_CLOSE_PEER: return -SHOAL_ETRUNCATED;
	case SHOAL_CLOSE_TIMEOUT: return -SHOAL_ETIMEDOUT;
	case SHOAL_CLOSE_OVERFLOW: return -SHOAL_ENOMEM;
	case SHOAL_CLOSE_ERROR: return error;
	default: return 0;
	}
}

void
sh_ws_conn_ended(struct shoal_ws *ws, enum shoal_close_cause cause, int error)
{
	bool known = ws->busy != NULL && ws->busy->has_end;
	bool by_peer = cause == SHOAL_CLOSE_PEER ||
	    (cause == SHOAL_CLOSE_ERROR && error != -SHOAL_ETIMEDOUT &&
		error != -SHOAL_ENOMEM);
	struct shoal_ws_end *end;

	error = error_of_cause(cause, error);
	sh_ws_note_end(ws, SHOAL_WS_CUT_OFF, NULL, 0, by_peer, error);
	end = &ws->busy->end;
	/* a frame that was on its way got lost */
	if (known && cause == SHOAL_CLOSE_ERROR)
		end->clean = false;
	if (known && !end->clean && end->error == 0)
		end->error = error;
	ws->state = SH_WS_DONE;
	sh_wheel_clear(sh_loop_current(), &ws->timer);
	sh_ws_fail_senders(ws, error != 0 ? error : -SHOAL_ENOTCONN);
	dismiss_closers(ws);
	sh_ws_wake_reader(ws);
}

static void
cancel_handler(struct shoal_ws *ws)
{
	struct sh_co *co = NULL;

	if (ws->pulls && !ws->puller->cancelled) {
		ws->puller->cancelled = true;
		co = ws->puller->handler;
	} else if (ws->calls && ws->busy != NULL) {
		co = ws->busy->callback;
	}
	/* its own doing is no reason to stop it */
	if (co != NULL && co != sh_co_running())
		sh_await_cancel(co);
}

void
sh_ws_changed(struct sh_conn *conn)
{
	struct shoal_ws *ws = sh_conn_session(conn);
	int why = sh_conn_why(conn);

	if (why < 0 && ws->state != SH_WS_DONE)
		sh_ws_fail_senders(ws, why);
	/* an end that was agreed on is no reason to stop what goes on */
	if (why == -SHOAL_ECANCELED && sh_conn_is_cut(conn))
		cancel_handler(ws);
	if (why < 0 || sh_conn_is_eof(conn)) {
		wake_closers(ws);
		sh_ws_wake_reader(ws);
	}
}

void
sh_ws_learn_end(struct shoal_ws *ws)
{
	int why = sh_conn_why(ws->conn);
	enum shoal_close_cause cause = SHOAL_CLOSE_ERROR;

	if (ws->state == SH_WS_DONE)
		return;
	if (sh_conn_is_eof(ws->conn))
		cause = SHOAL_CLOSE_PEER;
	else if (why == -SHOAL_ECANCELED)
		cause = SHOAL_CLOSE_SHUTDOWN;
	else if (why == -SHOAL_ENOTCONN)
		cause = SHOAL_CLOSE_TIMEOUT;
	sh_ws_conn_ended(ws, cause, why);
	/* what is queued may still be sent, but not for ever */
	set_deadline(ws);
}

/* Wait for something to happen. False when the WebSocket is gone, or the wait
 * has failed: *result_out. */
static bool
await_end(struct shoal_ws *ws, int *result_out)
{
	struct sh_ws_closer closer = { .co = sh_await_self(co_place) };

	LIST_INSERT_HEAD(&sh_ws_need_busy(ws)->closers, &closer, link);
	*result_out = sh_await(co_place, SH_NEVER);
	if (!closer.gone)
		LIST_REMOVE(&closer, link);
	else if (*result_out == 0)
		*result_out = closer.result;
	return !closer.gone && *result_out == 0;
}

int
sh_ws_co_close(
    struct shoal_ws *ws, int code, const char *reason, size_t reason_len)
{
	struct sh_conn *conn = ws->conn;
	int r = sh_ws_close(ws, code, reason, reason_len);

	if (r == -SHOAL_EINVAL)
		return r;
	while (ws->state != SH_WS_DONE && sh_conn_why(conn) == 0 &&
	    !sh_conn_is_eof(conn))
		if (!await_end(ws, &r))
			return r;
	sh_ws_learn_end(ws);
	return sh_ws_end_result(ws);
}
