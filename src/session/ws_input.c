/*
 * This file looks at the bytes that come on a WebSocket: it answers what the
 * protocol answers, and gives messages to whoever takes them in the handler's
 * style. What nobody takes yet is kept, and then no more is read.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "base/panic.h"
#include "io/loop.h"
#include "io/read_buffer.h"
#include "session/ws_private.h"

/* Bytes of messages that one connection is given in a turn when they are
 * compressed: a little of that is inflated to a thousand times as much, and
 * others would wait for all of it. */
enum { SHARE = 256 * 1024 };

enum { SAVED_SECONDS = 60 };

/* What has been given of it, to who was served last. */
static struct {
	const struct shoal_ws *ws;
	uint64_t turn;
	size_t given;
} share;

/* What is being received just now, of the connection that is served. A process
 * has one loop, and that serves one at a time. */
static struct {
	const struct shoal_ws *ws; /* NULL: nothing is */
	char *data;
	size_t len;
} feed;

size_t
sh_ws_unseen(const struct shoal_ws *ws)
{
	return ws->busy != NULL ? ws->busy->input.len - ws->busy->input_at : 0;
}

/* Keep bytes, with room for a NUL behind them. */
static int
keep(struct shoal_ws *ws, const void *data, size_t len)
{
	struct sh_ws_busy *busy = sh_ws_need_busy(ws);

	if (busy->input_at != 0) {
		sh_buf_consume(&busy->input, busy->input_at);
		busy->input_at = 0;
	}
	if (sh_buf_reserve(&busy->input, len + 1) < 0 ||
	    sh_buf_add(&busy->input, data, len) < 0) {
		sh_conn_fail_with(ws->conn, -SHOAL_ENOMEM);
		return -SHOAL_ENOMEM;
	}
	return 0;
}

/* All of it was looked at. */
static void
trim(struct sh_ws_busy *busy)
{
	if (busy == NULL || busy->input_at != busy->input.len)
		return;
	sh_buf_fini(&busy->input);
	busy->input_at = 0;
}

void
sh_ws_take_rest(struct shoal_ws *ws, struct sh_buf *rest)
{
	if (rest->len != 0)
		(void)keep(ws, rest->data, rest->len);
	sh_buf_fini(rest);
}

/* What is to be looked at next: what was kept goes before what comes. */
static char *
front(const struct shoal_ws *ws, size_t *len_out)
{
	static char none[1];

	*len_out = sh_ws_unseen(ws);
	if (*len_out != 0)
		return ws->busy->input.data + ws->busy->input_at;
	if (feed.ws != ws)
		return none;
	*len_out = feed.len;
	return feed.len != 0 ? feed.data : none;
}

static void
take(struct shoal_ws *ws, size_t len)
{
	if (sh_ws_unseen(ws) != 0) {
		ws->busy->input_at += len;
	} else if (feed.ws == ws) {
		feed.data += len;
		feed.len -= len;
	}
}

static void
count_share(const struct shoal_ws *ws, size_t len)
{
	uint64_t turn = sh_loop_turns(sh_loop_current());

	if (share.ws != ws || share.turn != turn) {
		share.ws = ws;
		share.turn = turn;
		share.given = 0;
	}
	share.given += len;
}

static bool
has_had_share(const struct shoal_ws *ws)
{
	return SH_UNLIKELY(share.given >= SHARE) && share.ws == ws &&
	    share.turn == sh_loop_turns(sh_loop_current());
}

bool
sh_ws_has_more(const struct shoal_ws *ws)
{
	return ws->state != SH_WS_DONE &&
	    (sh_ws_unseen(ws) != 0 || (feed.ws == ws && feed.len != 0));
}

/* 1 with an event, 0 when more bytes have to come, -SHOAL_ENOMEM. */
static int
next_event(struct shoal_ws *ws, struct sh_ws_event *event)
{
	size_t len, used;
	char *data = front(ws, &len);
	int r;

	if (len == 0 && ws->receiver.partial == NULL)
		return 0;
	r = sh_ws_receive(&ws->receiver, data, len, &used, event);
	take(ws, used);
	if (r > 0 && sh_ws_kind(ws)->intake.deflate != NULL)
		count_share(ws, event->len);
	if (SH_UNLIKELY(r < 0))
		sh_conn_fail_with(ws->conn, r);
	return r;
}

void
sh_ws_begin_counting(struct shoal_ws *ws)
{
	int64_t rate = sh_ws_kind(ws)->control_rate;

	ws->controls_left = rate < UINT16_MAX ? (uint16_t)rate : UINT16_MAX;
}

void
sh_ws_expect_pong(struct shoal_ws *ws)
{
	if (ws->controls_left < UINT16_MAX)
		ws->controls_left++;
}

/* What was not sent in the seconds before counts, too: frames may have waited
 * while nobody read. */
static void
add_controls(struct shoal_ws *ws, uint32_t seconds)
{
	int64_t rate = sh_ws_kind(ws)->control_rate;
	uint64_t left, most;

	if (rate < 0 || rate >= UINT16_MAX)
		return;
	left = ws->controls_left + seconds * (uint64_t)rate;
	most = (uint64_t)rate * SAVED_SECONDS;
	most = most < UINT16_MAX ? most : UINT16_MAX;
	left = left < most ? left : most;
	if (left > ws->controls_left)
		ws->controls_left = (uint16_t)left;
}

/* Bytes have come. */
static void
note_heard(struct shoal_ws *ws)
{
	uint32_t now_ms = (uint32_t)sh_loop_now_ms(sh_loop_current());

	if (SH_UNLIKELY(now_ms / 1000 != ws->heard_ms / 1000))
		add_controls(ws, now_ms / 1000 - ws->heard_ms / 1000);
	ws->heard_ms = now_ms;
	ws->asked = false;
}

/* A control frame has come. False when it was one too many. */
static bool
count_control(struct shoal_ws *ws)
{
	int64_t rate = sh_ws_kind(ws)->control_rate;

	if (rate < 0 || rate >= UINT16_MAX)
		return true;
	if (ws->controls_left != 0) {
		ws->controls_left--;
		return true;
	}
	sh_ws_refuse(ws, SHOAL_WS_POLICY, "too many control frames");
	return false;
}

/* Deal with what is not for the handler. Whether it is for the handler. */
static bool
is_for_handler(struct shoal_ws *ws, const struct sh_ws_event *event)
{
	switch (event->type) {
	case SH_WS_EVENT_MESSAGE:
	case SH_WS_EVENT_PIECE: return ws->state == SH_WS_OPEN;
	case SH_WS_EVENT_PING:
		if (ws->state != SH_WS_OPEN || !count_control(ws))
			return false;
		sh_ws_send_pong(ws, event->data, event->len);
		return sh_ws_kind(ws)->control;
	case SH_WS_EVENT_PONG:
		if (ws->state != SH_WS_OPEN || !count_control(ws))
			return false;
		return sh_ws_kind(ws)->control;
	case SH_WS_EVENT_CLOSE: sh_ws_peer_closes(ws, event); return false;
	case SH_WS_EVENT_ERROR:
		sh_ws_refuse(ws, (int)event->code, event->why);
		return false;
	}
	return false;
}

int
sh_ws_next_message(struct shoal_ws *ws, struct sh_ws_event *event_out)
{
	int r = 0;

	while (ws->state != SH_WS_DONE && !has_had_share(ws) &&
	    (r = next_event(ws, event_out)) > 0)
		if (SH_LIKELY(is_for_handler(ws, event_out)))
			return 1;
	trim(ws->busy);
	return r < 0 ? r : 0;
}

bool
sh_ws_may_give(const struct shoal_ws *ws)
{
	if (ws->state != SH_WS_OPEN)
		return ws->state == SH_WS_CLOSING;
	if (!ws->begun || !sh_conn_is_receiving(ws->conn))
		return false;
	return !ws->pulls || !ws->puller->has_next;
}

static void
look(struct shoal_ws *ws)
{
	struct sh_ws_event event;

	while (sh_ws_may_give(ws) && sh_ws_next_message(ws, &event) > 0) {
		if (ws->calls && !sh_ws_call_messages(ws, &event))
			return;
		if (ws->pulls)
			sh_ws_put_by(ws, &event);
	}
}

/* No more is read than somebody takes. */
static void
hold_back(struct shoal_ws *ws)
{
	bool unseen = sh_ws_unseen(ws) != 0;

	if (ws->state == SH_WS_DONE) {
		sh_conn_keep(ws->conn, false);
		return;
	}
	/* the next turn, after others */
	if (unseen && has_had_share(ws) && sh_ws_may_give(ws) &&
	    (!ws->pulls || ws->state == SH_WS_CLOSING)) {
		sh_conn_keep(ws->conn, true);
		sh_conn_stall(ws->conn);
		sh_conn_unstall(ws->conn);
		return;
	}
	sh_conn_keep(ws->conn, unseen && !ws->pulls);
	if (ws->pulls && (unseen || ws->puller->has_next) &&
	    ws->state == SH_WS_OPEN)
		sh_conn_stall(ws->conn);
}

void
sh_ws_received(struct sh_conn *conn, const void *data, size_t len)
{
	struct shoal_ws *ws = sh_conn_session(conn);
	bool queued = sh_ws_unseen(ws) != 0;

	note_heard(ws);
	if (SH_UNLIKELY(ws->state == SH_WS_DONE))
		return;
	if (SH_UNLIKELY(queued && keep(ws, data, len) < 0))
		return;
	if (SH_LIKELY(!queued)) {
		feed.ws = ws;
		feed.data = (char *)(uintptr_t)data;
		feed.len = len;
	}
	if (ws->pulls)
		sh_ws_resume_reader(ws);
	look(ws);
	if (SH_UNLIKELY(
		feed.ws != NULL && feed.len != 0 && ws->state != SH_WS_DONE))
		(void)keep(ws, feed.data, feed.len);
	feed.ws = NULL;
	if (ws->pulls)
		sh_read_buffer_replace(sh_loop_current());
	hold_back(ws);
	sh_ws_rest(ws);
}

void
sh_ws_go_on(struct shoal_ws *ws)
{
	look(ws);
	hold_back(ws);
	sh_ws_rest(ws);
}

bool
sh_ws_may_pin(const struct shoal_ws *ws, const struct sh_ws_event *event)
{
	/* bytes behind it would have to be moved before its NUL is written */
	return feed.ws == ws && feed.len == 0 && sh_ws_unseen(ws) == 0 &&
	    event->data + event->len == feed.data &&
	    sh_read_buffer_has(sh_loop_current(), event->data);
}

struct shoal_message
sh_ws_message(const struct sh_ws_event *event)
{
	struct shoal_message message = {
		.type = event->text ? SHOAL_WS_TEXT : SHOAL_WS_BINARY,
		.final = true,
		.data = event->data,
		.len = event->len,
	};

	switch (event->type) {
	case SH_WS_EVENT_PING: message.type = SHOAL_WS_PING; break;
	case SH_WS_EVENT_PONG: message.type = SHOAL_WS_PONG; break;
	case SH_WS_EVENT_PIECE:
		message.final = event->final;
		if (!event->first)
			message.type = SHOAL_WS_CONTINUATION;
		break;
	default: break;
	}
	return message;
}
