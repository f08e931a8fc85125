/*
 * This file sends on a WebSocket: messages in whole and in fragments, and
 * control frames.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/panic.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"
#include "session/ws_private.h"

/* A frame on its way. */
struct frame {
	uint8_t header[SH_WS_HEADER_MAX];
	struct iovec parts[2];
	enum sh_ws_opcode opcode;
	bool final;
	bool packed;  /* what is in it is compressed */
	void *memory; /* that its payload lies in while it waits, or NULL */
};

/* What is known of a message that is sent in fragments. */
struct progress {
	struct sh_utf8 utf8;
	bool in_fragments, of_text;
};

static void
write_header(struct frame *frame, const void *data, size_t len)
{
	frame->parts[0].iov_base = frame->header;
	frame->parts[0].iov_len =
	    sh_ws_header_write(frame->header, frame->opcode, frame->final, len);
	frame->parts[1].iov_base = (void *)(uintptr_t)data;
	frame->parts[1].iov_len = len;
}

static bool
somebody_waits(const struct shoal_ws *ws)
{
	return ws->busy != NULL && !sh_send_line_is_empty(&ws->busy->senders);
}

/* The connection may be closed already, for a reason. */
static int
explain(const struct shoal_ws *ws, int r, const char *place)
{
	int why = r == -SHOAL_ENOTCONN ? sh_conn_why(ws->conn) : 0;

	/* who sends to many may meet many that are closed, a handler only its
	 * own */
	if (place != NULL && ws->pulls &&
	    ws->puller->handler == sh_co_running())
		sh_await_slow_down(place);
	/* nor does a pong that did not come mean that this took too long */
	return why < 0 && why != -SHOAL_ECANCELED && why != -SHOAL_ETIMEDOUT
	    ? why
	    : r;
}

/* What forbids to send a message now. */
static int
judge(const struct shoal_ws *ws, enum shoal_ws_type type, size_t len,
    const char *place)
{
	if ((type != SHOAL_WS_TEXT && type != SHOAL_WS_BINARY) ||
	    len > INT64_MAX)
		return -SHOAL_EINVAL;
	if (SH_UNLIKELY(ws->state != SH_WS_OPEN))
		return explain(ws, -SHOAL_ENOTCONN, place);
	return 0;
}

/* Compress a message if that is worth it. One that has to wait for its turn goes
 * as it is if others may refer to it: it might never be sent, and others are
 * compressed meanwhile. */
static void
pack(struct shoal_ws *ws, struct frame *frame, const void *data, size_t len,
    bool may_wait)
{
	bool crowded = somebody_waits(ws) || sh_conn_is_full(ws->conn);
	bool takeover = sh_ws_kind(ws)->intake.extension.server_takeover;
	const uint8_t *packed = NULL;
	size_t n = 0;

	if (!crowded || (may_wait && !takeover))
		n = sh_ws_pack(ws, data, len, &packed);
	/* what is lent now will not be when its turn comes */
	if (n != 0 && crowded)
		frame->memory = malloc(n);
	if (n == 0 || (crowded && frame->memory == NULL))
		return;
	if (crowded)
		packed = memcpy(frame->memory, packed, n);
	write_header(frame, packed, n);
	frame->header[0] |= SH_WS_COMPRESSED;
	frame->packed = true;
}

/* The frame was not taken. */
static void
take_back(struct shoal_ws *ws, const struct frame *frame)
{
	if (frame->packed)
		sh_ws_unpack(ws);
}

static int
make_whole(struct shoal_ws *ws, struct frame *frame, enum shoal_ws_type type,
    const void *data, size_t len, const char *place)
{
	int r = judge(ws, type, len, place);

	if (r < 0)
		return r;
	if (ws->in_fragments)
		return -SHOAL_EBUSY;
	if (type == SHOAL_WS_TEXT && !sh_utf8_is_valid(data, len))
		return -EILSEQ;
	frame->opcode = (enum sh_ws_opcode)type;
	frame->final = true;
	write_header(frame, data, len);
	if (SH_UNLIKELY(len >= sh_ws_kind(ws)->pack_min))
		pack(ws, frame, data, len, place != NULL);
	return 0;
}

/* Note that a fragment goes; until it has been taken, its message is not at its
 * end: others must not come before it. */
static int
make_part(struct shoal_ws *ws, struct frame *frame, enum shoal_ws_type type,
    const void *data, size_t len, const char *place)
{
	struct sh_utf8 utf8 = { 0 };
	bool text = type == SHOAL_WS_TEXT;
	int r;

	/* it might never be sent, and what it begins neither */
	if (ws->part_waits)
		return -SHOAL_EBUSY;
	if (ws->in_fragments) {
		utf8 = ws->sent_utf8;
		text = ws->of_text;
		type = SHOAL_WS_TEXT;
	}
	r = judge(ws, type, len, place);
	if (r < 0)
		return r;
	if (text &&
	    (!sh_utf8_take(&utf8, data, len) ||
		(frame->final && !sh_utf8_is_complete(&utf8))))
		return -EILSEQ;
	frame->opcode = text ? SH_WS_TEXT : SH_WS_BINARY;
	if (ws->in_fragments)
		frame->opcode = SH_WS_CONTINUATION;
	ws->sent_utf8 = utf8;
	ws->of_text = text;
	ws->in_fragments = true;
	write_header(frame, data, len);
	return 0;
}

static struct progress
get_progress(const struct shoal_ws *ws)
{
	return (
	    struct progress){ ws->sent_utf8, ws->in_fragments, ws->of_text };
}

void
sh_ws_send_late(struct shoal_ws *ws)
{
	if (ws->busy == NULL || ws->busy->late.len == 0)
		return;
	sh_conn_take_queue(ws->conn, &ws->busy->late);
	sh_ws_rest(ws);
}

/* The fragment was not taken. */
static void
set_progress(struct shoal_ws *ws, struct progress progress)
{
	ws->sent_utf8 = progress.utf8;
	ws->in_fragments = progress.in_fragments;
	ws->of_text = progress.of_text;
	if (!ws->in_fragments)
		sh_ws_send_late(ws);
}

static void
note_sent(struct shoal_ws *ws, bool final)
{
	ws->in_fragments = !final;
	if (final)
		sh_ws_send_late(ws);
}

/* Without waiting; those who wait go before. */
static int
send_now(struct shoal_ws *ws, const struct frame *frame)
{
	int r = -SHOAL_EAGAIN;

	if (SH_LIKELY(!somebody_waits(ws)))
		r = sh_conn_sendv(ws->conn, frame->parts, 2);
	if (SH_UNLIKELY(r < 0))
		take_back(ws, frame);
	if (SH_UNLIKELY(r == -SHOAL_EAGAIN))
		ws->refused = true;
	return SH_LIKELY(r == 0) ? 0 : explain(ws, r, NULL);
}

static int
send_or_wait(struct shoal_ws *ws, const struct frame *frame, const char *place,
    int64_t deadline_us)
{
	struct sh_conn *conn = ws->conn;
	int r = -SHOAL_EAGAIN;

	if (SH_LIKELY(!somebody_waits(ws)))
		r = sh_conn_sendv(conn, frame->parts, 2);
	if (SH_LIKELY(r == 0))
		return 0;
	if (r != -SHOAL_EAGAIN) {
		take_back(ws, frame);
		return explain(ws, r, place);
	}
	/* one that was not crowded takes a message */
	sh_assert(!frame->packed || frame->memory != NULL);
	return sh_send_line_join(conn, &sh_ws_need_busy(ws)->senders,
	    frame->parts, 2, place, deadline_us);
}

/* After a wait: whether it is still there. */
static bool
is_there(const struct shoal_ws *ws, struct sh_conn *conn, uint64_t id)
{
	return sh_conn_find(sh_loop_current(), id) == conn &&
	    sh_conn_session(conn) == (const void *)ws;
}

/* Somebody may have been refused because others waited. */
static void
tell_line_is_empty(struct shoal_ws *ws)
{
	if (SH_UNLIKELY(ws->refused) && !somebody_waits(ws))
		sh_conn_await_flush(ws->conn);
}

int
sh_ws_send(
    struct shoal_ws *ws, enum shoal_ws_type type, const void *data, size_t len)
{
	struct frame frame = { 0 };
	int r = make_whole(ws, &frame, type, data, len, NULL);

	return r < 0 ? r : send_now(ws, &frame);
}

int
sh_ws_co_send(struct shoal_ws *ws, enum shoal_ws_type type, const void *data,
    size_t len, const char *place, int64_t deadline_us)
{
	struct frame frame = { 0 };
	int r = make_whole(ws, &frame, type, data, len, place);

	if (r == 0)
		r = send_or_wait(ws, &frame, place, deadline_us);
	free(frame.memory);
	if (SH_LIKELY(r == 0))
		tell_line_is_empty(ws);
	return r;
}

int
sh_ws_send_part(struct shoal_ws *ws, enum shoal_ws_type type, const void *data,
    size_t len, bool final)
{
	struct frame frame = { .final = final };
	struct progress before = get_progress(ws);
	int r = make_part(ws, &frame, type, data, len, NULL);

	if (r < 0)
		return r;
	r = send_now(ws, &frame);
	if (r < 0)
		set_progress(ws, before);
	else
		note_sent(ws, final);
	return r;
}

int
sh_ws_co_send_part(struct shoal_ws *ws, enum shoal_ws_type type,
    const void *data, size_t len, bool final, int64_t deadline_us)
{
	static const char place[] = "shoal_co_ws_send_part";
	struct frame frame = { .final = final };
	struct progress before = get_progress(ws);
	struct sh_conn *conn = ws->conn;
	uint64_t id = sh_conn_id(conn);
	int r = make_part(ws, &frame, type, data, len, place);

	if (r < 0)
		return r;
	ws->part_waits = true;
	r = send_or_wait(ws, &frame, place, deadline_us);
	if (SH_UNLIKELY(r < 0) && !is_there(ws, conn, id))
		return r;
	ws->part_waits = false;
	if (SH_UNLIKELY(r < 0)) {
		set_progress(ws, before);
		return r;
	}
	note_sent(ws, final);
	tell_line_is_empty(ws);
	return 0;
}

int
sh_ws_flush(struct shoal_ws *ws, int64_t deadline_us)
{
	static const char place[] = "shoal_co_ws_flush";
	int r = -SHOAL_EAGAIN;

	if (!somebody_waits(ws))
		r = sh_send_line_try_flush(ws->conn);
	if (r == 0)
		return 0;
	if (r != -SHOAL_EAGAIN)
		return explain(ws, r, place);
	return sh_send_line_join_flush(
	    ws->conn, &sh_ws_need_busy(ws)->senders, place, deadline_us);
}

bool
sh_ws_is_full(struct shoal_ws *ws)
{
	bool full = somebody_waits(ws) || sh_conn_is_full(ws->conn);

	ws->refused = ws->refused || full;
	return full;
}

int
sh_ws_send_control(
    struct shoal_ws *ws, enum sh_ws_opcode opcode, const void *data, size_t len)
{
	struct frame frame = { .opcode = opcode, .final = true };

	if (opcode == SH_WS_PING)
		sh_ws_expect_pong(ws);
	write_header(&frame, data, len);
	return sh_conn_sendv_anyway(ws->conn, frame.parts, 2);
}

int
sh_ws_ping(struct shoal_ws *ws, const void *data, size_t len)
{
	int r;

	if (len > SH_WS_CONTROL_MAX)
		return -SHOAL_EMSGSIZE;
	r = ws->state == SH_WS_OPEN
	    ? sh_ws_send_control(ws, SH_WS_PING, data, len)
	    : -SHOAL_ENOTCONN;
	return r < 0 ? explain(ws, r, NULL) : 0;
}

void
sh_ws_send_pong(struct shoal_ws *ws, const void *data, size_t len)
{
	struct sh_ws_busy *busy;

	/* a peer that pings and does not read gets the newest one */
	if (SH_LIKELY(!sh_conn_is_full(ws->conn))) {
		(void)sh_ws_send_control(ws, SH_WS_PONG, data, len);
		return;
	}
	busy = sh_ws_need_busy(ws);
	busy->has_pong = true;
	busy->pong_len = (uint8_t)len;
	memcpy(busy->pong, data, len);
}

void
sh_ws_writable(struct sh_conn *conn)
{
	struct shoal_ws *ws = sh_conn_session(conn);
	struct sh_ws_busy *busy = ws->busy;

	if (busy != NULL && busy->has_pong && ws->state == SH_WS_OPEN) {
		busy->has_pong = false;
		(void)sh_ws_send_control(
		    ws, SH_WS_PONG, busy->pong, busy->pong_len);
	}
	if (busy != NULL)
		sh_send_line_wake(&busy->senders);
	/* else it is told when the line is empty */
	if (ws->refused && !somebody_waits(ws)) {
		ws->refused = false;
		sh_ws_call_writable(ws);
	}
	sh_ws_rest(ws);
}

void
sh_ws_fail_senders(struct shoal_ws *ws, int error)
{
	if (ws->busy != NULL)
		sh_send_line_fail(&ws->busy->senders, error);
}
