/*
 * This file tests how WebSockets end, and what their handlers and peers are
 * told.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <shoal/co.h>
#include <shoal/error.h>

#include "io/conn.h"
#include "ws_rig.h"

static char data[1 << 20];

/* --- we close ------------------------------------------------------------------- */

static void
close_at_once(struct shoal_ws *ws, struct rig *rig)
{
	int r = shoal_co_ws_close(ws, 4000, "enough");

	rig_note(rig, "close %d", r);
	rig_note_end(rig, shoal_ws_end(ws));
	rig_note(rig, "again %d %d", shoal_co_ws_close(ws, 1000, NULL),
	    shoal_ws_close(ws, 1000, NULL));
	rig_note(rig, "send %d", shoal_ws_send(ws, SHOAL_WS_TEXT, "x", 1));
}

START_TEST(our_close_is_answered)
{
	struct rig rig = { .handler = close_at_once };

	rig_open(&rig);
	rig_expect_frames(&rig, "close 4000 enough;");
	/* what comes before the answer is thrown away */
	rig_send_text(&rig, "late");
	rig_send(&rig, 0x89, "p", 1);
	rig_send(&rig, 0x88, "\x0f\xa0", 2);
	rig_expect_notes(
	    &rig, "close 0;end 4000 enough clean 0;again 0 -114;send -107;");
	RIG_UNTIL(&rig, (rig_read(&rig), rig.eof));
	ck_assert_uint_eq(rig.frames.len, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(our_close_is_not_answered)
{
	struct rig rig = { .handler = close_at_once,
		.options = { .close_timeout_ms = 150 } };

	rig_open(&rig);
	rig_expect_frames(&rig, "close 4000 enough;");
	rig_send_text(&rig, "but");
	rig_expect_notes(
	    &rig, "close -110;end 4000 enough -110;again -110 -114;send -107;");
	RIG_UNTIL(&rig, (rig_read(&rig), rig.eof || rig.reset));
	rig_close(&rig);
}
END_TEST

START_TEST(our_close_is_met_by_an_end)
{
	struct rig rig = { .handler = close_at_once };

	rig_open(&rig);
	rig_expect_frames(&rig, "close 4000 enough;");
	rig_hang_up(&rig, false);
	rig_expect_notes(&rig,
	    "close -1003;end 4000 enough -1003;again -1003 -114;send -107;");
	rig_close(&rig);
}
END_TEST

static void
try_codes(struct shoal_ws *ws, struct rig *rig)
{
	static const int bad[] = { 0, -1, 999, 1004, 1006, 1015, 2999, 5000,
		65536 + 1000 };
	char reason[125];
	size_t i;

	memset(reason, 'r', sizeof(reason));
	reason[124] = '\0';
	for (i = 0; i < SH_ARRAY_LEN(bad); i++)
		if (shoal_ws_close(ws, bad[i], NULL) != -SHOAL_EINVAL ||
		    shoal_co_ws_close(ws, bad[i], NULL) != -SHOAL_EINVAL)
			rig_note(rig, "%d", bad[i]);
	rig_note(rig, "%d %d %d", shoal_ws_close(ws, 1000, reason),
	    shoal_ws_close(ws, 1000, "\xff"), shoal_ws_close(ws, 1005, "x"));
	rig_note(rig, "%d", shoal_ws_close(ws, 1005, NULL));
}

START_TEST(codes_and_reasons)
{
	struct rig rig = { .handler = try_codes };

	rig_open(&rig);
	rig_expect_notes(&rig, "-22 -22 -22;0;");
	rig_expect_frames(&rig, "close 0 ;");
	rig_send(&rig, 0x88, "", 0);
	RIG_UNTIL(&rig, (rig_read(&rig), rig.eof));
	rig_close(&rig);
}
END_TEST

static void
do_nothing(struct shoal_ws *ws, struct rig *rig)
{
}

/* The handler returns: the closing goes on without it. */
START_TEST(return_closes)
{
	struct rig rig = { .handler = do_nothing };

	rig_open(&rig);
	rig_expect_frames(&rig, "close 1000 ;");
	ck_assert_ptr_nonnull(rig.ws);
	rig_send_text(&rig, "late");
	rig_send(&rig, 0x88, "\x03\xe8", 2);
	RIG_UNTIL(&rig, (rig_read(&rig), rig.eof));
	rig_close(&rig);
}
END_TEST

static void
close_in_callback(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	rig_note(rig, "close %d", shoal_ws_close(ws, 1000, NULL));
}

static void
await_in_callback(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	rig_note(rig, "close %d", shoal_co_ws_close(ws, 1000, NULL));
}

START_TEST(callback_closes)
{
	struct rig rig = { .on_message = close_in_callback };

	rig_open(&rig);
	rig_send_text(&rig, "a");
	rig_send_text(&rig, "b");
	rig_expect_frames(&rig, "close 1000 ;");
	RIG_TURNS(&rig, 3);
	rig_expect_notes(&rig, "text 1 a;close 0;");
	rig_send(&rig, 0x88, "\x03\xe8", 2);
	rig_expect_notes(&rig, "end 1000  clean 0;");
	rig_close(&rig);

	rig = (struct rig){ .on_message = await_in_callback };
	rig_open(&rig);
	rig_send_text(&rig, "a");
	rig_expect_frames(&rig, "close 1000 ;");
	RIG_TURNS(&rig, 3);
	rig_expect_notes(&rig, "text 1 a;");
	rig_send(&rig, 0x88, "\x03\xe8", 2);
	rig_expect_notes(&rig, "close 0;end 1000  clean 0;");
	rig_close(&rig);
}
END_TEST

/* --- the peer closes ------------------------------------------------------------- */

static void
no_close_frame(bool coroutine, bool amid)
{
	struct rig rig = { .handler = coroutine ? rig_note_messages : NULL };

	rig_open(&rig);
	rig_send_text(&rig, "a");
	if (amid)
		rig_write(&rig, "\x81\x85\0\0\0\0xx", 8);
	rig_hang_up(&rig, false);
	rig_expect_notes(&rig,
	    coroutine ? "text 1 a;recv -1003;end 1006  by peer -1003;"
		      : "text 1 a;end 1006  by peer -1003;");
	rig_close(&rig);
}

START_TEST(peer_ends_without_close)
{
	no_close_frame(false, false);
	no_close_frame(true, false);
	no_close_frame(false, true);
	no_close_frame(true, true);
}
END_TEST

START_TEST(peer_resets)
{
	struct rig rig = { .handler = rig_note_messages };

	rig_open(&rig);
	RIG_TURNS(&rig, 2);
	rig_hang_up(&rig, true);
	rig_expect_notes(&rig, "recv -104;end 1006  by peer -104;");
	rig_close(&rig);

	rig = (struct rig){ .callbacks = &rig_callbacks };
	rig_open(&rig);
	RIG_TURNS(&rig, 2);
	rig_hang_up(&rig, true);
	rig_expect_notes(&rig, "end 1006  by peer -104;");
	rig_close(&rig);
}
END_TEST

static void
sleep_and_close(struct shoal_ws *ws, struct rig *rig)
{
	rig->arg = (void *)(intptr_t)shoal_co_self();
	shoal_co_suspend(SHOAL_FOREVER);
	rig_note_end(rig, shoal_ws_end(ws));
	rig_note(rig, "close %d", shoal_co_ws_close(ws, 1000, NULL));
	rig_note_end(rig, shoal_ws_end(ws));
}

/* The handler was elsewhere, and closes what has failed. */
START_TEST(close_comes_too_late)
{
	struct rig rig = { .handler = sleep_and_close };
	int64_t until_ms = sh_clock_ms() + 100;

	rig_open(&rig);
	rig_hang_up(&rig, true);
	RIG_UNTIL(&rig, sh_clock_ms() >= until_ms);
	shoal_co_resume((intptr_t)rig.arg, 0);
	rig_expect_notes(
	    &rig, "end 1006  by peer -104;close -104;end 1006  by peer -104;");
	rig_close(&rig);
}
END_TEST

/* Both at once: ours was first, and theirs is the answer. */
START_TEST(closes_cross)
{
	struct rig rig = { .callbacks = &rig_callbacks };

	rig_open(&rig);
	rig_send(&rig, 0x88, "\x0b\xb9", 2);
	ck_assert_int_eq(shoal_ws_close(rig.ws, 3000, "mine"), 0);
	rig_expect_frames(&rig, "close 3000 mine;");
	rig_expect_notes(&rig, "end 3000 mine clean 0;");
	rig_close(&rig);
}
END_TEST

/* --- pings ------------------------------------------------------------------------- */

START_TEST(silence_is_cut)
{
	struct rig rig = { .handler = rig_note_messages,
		.options = { .ping_ms = 100, .pong_timeout_ms = 100 } };

	rig_open(&rig);
	rig_expect_frames(&rig, "ping 0 ;");
	rig_send(&rig, 0x8a, "", 0);
	rig_expect_frames(&rig, "ping 0 ;");
	/* anything is a sign of life */
	rig_send_text(&rig, "a");
	rig_expect_frames(&rig, "ping 0 ;");
	rig_expect_notes(&rig, "text 1 a;recv -107;end 1006  -110;");
	RIG_UNTIL(&rig, (rig_read(&rig), rig.eof || rig.reset));
	rig_close(&rig);

	rig = (struct rig){
		.options = { .ping_ms = 100, .pong_timeout_ms = 100 },
	};
	rig_open(&rig);
	rig_expect_notes(&rig, "end 1006  -110;");
	rig_close(&rig);
}
END_TEST

/* Whom the handler does not read is not cut for it. */
START_TEST(paused_is_not_cut)
{
	struct rig rig = { .options = {
			       .ping_ms = 100, .pong_timeout_ms = 100 } };
	int64_t until_ms;

	rig_open(&rig);
	RIG_TURNS(&rig, 1);
	shoal_ws_pause(rig.ws);
	rig_send(&rig, 0x8a, "", 0);
	until_ms = sh_clock_ms() + 700;
	RIG_UNTIL(&rig, sh_clock_ms() >= until_ms);
	ck_assert_ptr_nonnull(rig.ws);
	rig_expect_notes(&rig, "");
	shoal_ws_resume(rig.ws);
	rig_close(&rig);
}
END_TEST

/* Nor for pings that have waited meanwhile, nor for pongs that were asked for. */
START_TEST(paused_may_ping)
{
	struct rig rig = { .options = { .control_rate = 2 } };
	int64_t until_ms;
	int i;

	rig_open(&rig);
	RIG_TURNS(&rig, 1);
	shoal_ws_pause(rig.ws);
	until_ms = sh_clock_ms() + 2100;
	RIG_UNTIL(&rig, sh_clock_ms() >= until_ms);
	for (i = 0; i < 6; i++)
		rig_send(&rig, 0x89, "", 0);
	shoal_ws_resume(rig.ws);
	rig_expect_frames(
	    &rig, "pong 0 ;pong 0 ;pong 0 ;pong 0 ;pong 0 ;pong 0 ;");
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(shoal_ws_ping(rig.ws, "", 0), 0);
	for (i = 0; i < 10; i++)
		rig_send(&rig, 0x8a, "", 0);
	RIG_UNTIL(&rig, (rig_read(&rig), rig.frames.len == 10 * 8));
	sh_buf_fini(&rig.frames);
	rig_send_text(&rig, "a");
	rig_expect_notes(&rig, "text 1 a;");
	for (i = 0; i < 40; i++)
		rig_send(&rig, 0x8a, "", 0);
	rig_expect_frames(&rig, "close 1008 too many control frames;");
	rig_close(&rig);
}
END_TEST

/* --- other ends ---------------------------------------------------------------------- */

static void
abort_it(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	rig_note(rig, "abort %d", shoal_ws_abort(ws));
	rig_note(rig, "abort %d", shoal_ws_abort(ws));
	rig_note(rig, "send %d", shoal_ws_send(ws, SHOAL_WS_TEXT, "x", 1));
}

START_TEST(aborts)
{
	struct rig rig = { .on_message = abort_it };

	rig_open(&rig);
	rig_send_text(&rig, "a");
	rig_expect_notes(
	    &rig, "text 1 a;abort 0;abort -114;send -107;end 1006  0;");
	RIG_UNTIL(&rig, (rig_read(&rig), rig.reset));
	rig_close(&rig);

	rig = (struct rig){ .on_message = abort_it,
		.handler = rig_note_messages };
	rig_open(&rig);
	rig_send_text(&rig, "a");
	rig_expect_notes(&rig,
	    "text 1 a;abort 0;abort -114;send -107;recv -107;end 1006  0;");
	RIG_UNTIL(&rig, (rig_read(&rig), rig.reset));
	rig_close(&rig);
}
END_TEST

/* Somebody else closes while the handler receives. */
START_TEST(close_from_elsewhere)
{
	struct rig rig = { .handler = rig_note_messages };

	rig_open(&rig);
	RIG_TURNS(&rig, 2);
	ck_assert_int_eq(shoal_ws_close(rig.ws, 1001, NULL), 0);
	rig_expect_frames(&rig, "close 1001 ;");
	RIG_TURNS(&rig, 3);
	rig_expect_notes(&rig, "");
	rig_send_text(&rig, "late");
	rig_send(&rig, 0x88, "\x03\xe9", 2);
	rig_expect_notes(&rig, "recv 0;end 1001  clean 0;");
	rig_close(&rig);
}
END_TEST

/* Others wait for the end; the WebSocket goes meanwhile. */
static void
await_close(void *arg)
{
	struct rig *rig = arg;

	rig_note(rig, "close %d", shoal_co_ws_close(rig->ws, 1000, NULL));
}

START_TEST(others_await_the_end)
{
	struct rig rig = { .callbacks = &rig_callbacks };

	rig_open(&rig);
	shoal_co_start(await_close, &rig, "a");
	shoal_co_start(await_close, &rig, "b");
	rig_expect_frames(&rig, "close 1000 ;");
	rig_hang_up(&rig, true);
	rig_expect_notes(&rig, "end 1000  -104;close -104;close -104;");
	rig_close(&rig);
}
END_TEST

START_TEST(shut_down)
{
	struct rig rig = { .handler = rig_note_messages };

	rig_open(&rig);
	RIG_TURNS(&rig, 2);
	sh_group_shutdown(rig.group);
	rig_expect_notes(&rig, "recv -125;end 1006  0;");
	rig_close(&rig);

	rig = (struct rig){ .callbacks = &rig_callbacks };
	rig_open(&rig);
	RIG_TURNS(&rig, 2);
	sh_group_shutdown(rig.group);
	rig_expect_notes(&rig, "end 1006  0;");
	rig_close(&rig);
}
END_TEST

/* A peer that does not read what is before the close frame is cut. */
static void
fill_and_close(struct shoal_ws *ws, struct rig *rig)
{
	while (shoal_ws_send(ws, SHOAL_WS_BINARY, data, sizeof(data)) == 0)
		continue;
	(void)shoal_ws_close(ws, 1000, NULL);
}

START_TEST(peer_does_not_read)
{
	struct rig rig = { .handler = fill_and_close,
		.options = { .close_timeout_ms = 200 } };

	rig_open(&rig);
	rig_send(&rig, 0x88, "\x03\xe8", 2);
	RIG_UNTIL(&rig, rig.ws == NULL);
	rig_close(&rig);
}
END_TEST

/* on_close may wait, and the pointer is good until it has returned. */
static void
slow_close(struct shoal_ws *ws, const struct shoal_ws_end *end, void *arg)
{
	struct rig *rig = arg;

	rig->arg = (void *)(intptr_t)shoal_co_self();
	rig_note(rig, "closing");
	shoal_co_suspend(SHOAL_FOREVER);
	rig_note_end(rig, end);
	rig_note(rig, "%d", shoal_ws_end(ws) == end);
}

START_TEST(on_close_waits)
{
	struct shoal_ws_callbacks callbacks = rig_callbacks;
	struct rig rig = { .callbacks = &callbacks };

	callbacks.on_close = slow_close;
	rig_open(&rig);
	rig_send(&rig, 0x88, "\x03\xe8", 2);
	rig_expect_notes(&rig, "closing;");
	RIG_TURNS(&rig, 3);
	shoal_co_resume((intptr_t)rig.arg, 0);
	rig_expect_notes(&rig, "end 1000  by peer clean 0;1;");
	rig_close(&rig);
}
END_TEST

/* A peer that ends its side, and does not read what was sent before, is cut,
 * whatever the handler has learned meanwhile. */
static void
fill_and_receive(struct shoal_ws *ws, struct rig *rig)
{
	while (shoal_ws_send(ws, SHOAL_WS_BINARY, data, sizeof(data)) == 0)
		continue;
	rig_note_messages(ws, rig);
}

START_TEST(peer_ends_and_does_not_read)
{
	struct rig rig = { .handler = fill_and_receive,
		.options = { .close_timeout_ms = 200 } };

	rig_open(&rig);
	RIG_TURNS(&rig, 2);
	shutdown(rig.fd, SHUT_WR);
	rig_expect_notes(&rig, "recv -1003;end 1006  by peer -1003;");
	RIG_UNTIL(&rig, rig.ws == NULL);
	rig_close(&rig);
}
END_TEST

SH_SUITE("session/ws_end", our_close_is_answered, our_close_is_not_answered,
    our_close_is_met_by_an_end, codes_and_reasons, return_closes,
    callback_closes, peer_ends_without_close, peer_resets, close_comes_too_late,
    closes_cross, silence_is_cut, paused_is_not_cut, paused_may_ping, aborts,
    close_from_elsewhere, others_await_the_end, shut_down, peer_does_not_read,
    peer_ends_and_does_not_read, on_close_waits)
