/*
 * This file tests what is sent on WebSockets: fragments, several senders, peers
 * that do not read.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <shoal/co.h>
#include <shoal/error.h>

#include "ws_rig.h"

enum { SENDERS = 8, ROUNDS = 20, BLOCK = 100000 };

static char data[BLOCK];

#define BAD_UTF8 "\xc3\x28"

/* --- one after another ------------------------------------------------------------ */

static void
send_all_sorts(struct shoal_ws *ws, struct rig *rig)
{
	rig_note(rig, "%d %d %d", shoal_co_ws_printf(ws, "%d-%s", 7, "x"),
	    shoal_co_ws_send(ws, SHOAL_WS_BINARY, "\xff", 1, -1),
	    shoal_co_ws_send(ws, SHOAL_WS_TEXT, NULL, 0, -1));
	rig_note(rig, "%d %d",
	    shoal_co_ws_send(ws, SHOAL_WS_TEXT, BAD_UTF8, 2, -1),
	    shoal_ws_send(ws, SHOAL_WS_TEXT, "cut\xc3", 4));
	rig_note(rig, "%d %d", shoal_ws_send(ws, SHOAL_WS_CONTINUATION, "x", 1),
	    shoal_co_ws_send(ws, SHOAL_WS_PING, "x", 1, -1));
	rig_note(rig, "%d %d", shoal_ws_ping(ws, "hi", 2),
	    shoal_ws_ping(ws, data, 126));
	rig_note(rig, "%d %d", shoal_co_ws_printf(ws, "%070000d", 1),
	    shoal_ws_printf(ws, "%02000d", 1));
	rig_note(rig, "%d", shoal_co_ws_flush(ws, -1));
	shoal_ws_close(ws, 1000, NULL);
	rig_note(rig, "%d %d %d %d", shoal_ws_ping(ws, NULL, 0),
	    shoal_ws_send_part(ws, SHOAL_WS_TEXT, "x", 1, true),
	    shoal_co_ws_printf(ws, "late"),
	    shoal_co_ws_send(ws, SHOAL_WS_TEXT, "x", 1, -1));
}

START_TEST(all_sorts)
{
	struct rig rig = { .handler = send_all_sorts };

	rig_open(&rig);
	rig_expect_notes(
	    &rig, "0 0 0;-84 -84;-22 -22;0 -90;-90 0;0;-107 -107 -107 -107;");
	/* arguments are evaluated in any order */
	RIG_UNTIL(&rig, (rig_read(&rig), rig.frames.len >= 62));
	ck_assert_ptr_nonnull(memmem(rig.frames.data, rig.frames.len,
	    "text 3 7-x;", strlen("text 3 7-x;")));
	ck_assert_ptr_nonnull(memmem(rig.frames.data, rig.frames.len,
	    "binary 1 \xff;", strlen("binary 1 \xff;")));
	ck_assert_ptr_nonnull(memmem(
	    rig.frames.data, rig.frames.len, "text 0 ;", strlen("text 0 ;")));
	ck_assert_ptr_nonnull(memmem(rig.frames.data, rig.frames.len,
	    "ping 2 hi;", strlen("ping 2 hi;")));
	ck_assert_ptr_nonnull(memmem(rig.frames.data, rig.frames.len,
	    "text 2000;", strlen("text 2000;")));
	rig_send(&rig, 0x88, "\x03\xe8", 2);
	RIG_UNTIL(&rig, (rig_read(&rig), rig.eof));
	rig_close(&rig);
}
END_TEST

static void
send_parts(struct shoal_ws *ws, struct rig *rig)
{
	int r[9];

	r[0] = shoal_ws_send_part(ws, SHOAL_WS_TEXT, "a\xc3", 2, false);
	r[1] = shoal_ws_send(ws, SHOAL_WS_TEXT, "no", 2);
	r[2] = shoal_co_ws_send(ws, SHOAL_WS_TEXT, "no", 2, -1);
	r[3] = shoal_ws_send_part(ws, SHOAL_WS_TEXT, "(", 1, false);
	r[4] = shoal_ws_ping(ws, "p", 1);
	r[5] = shoal_co_ws_send_part(ws, SHOAL_WS_BINARY, "\xa4", 1, false, -1);
	r[6] = shoal_ws_send_part(ws, SHOAL_WS_TEXT, "\xc3", 1, true);
	r[7] = shoal_co_ws_send_part(ws, SHOAL_WS_TEXT, NULL, 0, true, -1);
	r[8] = shoal_ws_send(ws, SHOAL_WS_TEXT, "yes", 3);
	rig_note(rig, "%d %d %d %d %d %d %d %d %d", r[0], r[1], r[2], r[3],
	    r[4], r[5], r[6], r[7], r[8]);
	rig_note(rig, "%d",
	    shoal_ws_send_part(ws, SHOAL_WS_BINARY, "\xff", 1, true));
}

START_TEST(fragments)
{
	struct rig rig = { .handler = send_parts };

	rig_open(&rig);
	rig_expect_notes(&rig, "0 -16 -16 -84 0 0 -84 0 0;0;");
	rig_expect_frames(&rig,
	    "text... 2 a\xc3;ping 1 p;more... 1 \xa4;more 0 ;text 3 yes;"
	    "binary 1 \xff;close 1000 ;");
	rig_send(&rig, 0x88, "\x03\xe8", 2);
	RIG_UNTIL(&rig, (rig_read(&rig), rig.eof));
	rig_close(&rig);
}
END_TEST

/* --- room ---------------------------------------------------------------------------- */

/* Send until that is refused; what it was. */
static int
fill(struct shoal_ws *ws)
{
	int r;

	do
		r = shoal_ws_send(ws, SHOAL_WS_BINARY, data, sizeof(data));
	while (r == 0);
	return r;
}

START_TEST(callback_is_told_of_room)
{
	struct rig rig = { .queue_high = 200000, .queue_low = 50000 };

	rig_open(&rig);
	ck_assert_int_eq(fill(rig.ws), -SHOAL_EAGAIN);
	ck_assert(shoal_ws_is_full(rig.ws));
	ck_assert_uint_ge(shoal_ws_queued(rig.ws), 200000);
	ck_assert_int_eq(
	    shoal_ws_send_part(rig.ws, SHOAL_WS_TEXT, "x", 1, false),
	    -SHOAL_EAGAIN);
	/* past the mark */
	ck_assert_int_eq(shoal_ws_ping(rig.ws, "p", 1), 0);
	RIG_UNTIL(&rig, (rig_read(&rig), rig.notes.len != 0));
	rig_expect_notes(&rig, "writable;");
	/* the fragment was not begun */
	ck_assert_int_eq(shoal_ws_send(rig.ws, SHOAL_WS_TEXT, "y", 1), 0);
	RIG_UNTIL(&rig,
	    (rig_read(&rig),
		rig.frames.len > 20 &&
		    memmem(rig.frames.data, rig.frames.len, "ping 1 p;",
			strlen("ping 1 p;")) != NULL &&
		    memcmp(rig.frames.data + rig.frames.len - 9, "text 1 y;",
			9) == 0));
	rig_close(&rig);
}
END_TEST

/* A peer that pings and does not read gets the newest pong, once it reads. */
START_TEST(pongs_do_not_pile_up)
{
	struct rig rig = { .queue_high = 200000, .queue_low = 50000 };
	size_t queued;
	char text[32];
	int i;

	rig_open(&rig);
	ck_assert_int_eq(fill(rig.ws), -SHOAL_EAGAIN);
	queued = shoal_ws_queued(rig.ws);
	for (i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "%d", i);
		rig_send(&rig, 0x89, text, strlen(text));
	}
	RIG_TURNS(&rig, 20);
	ck_assert_uint_le(shoal_ws_queued(rig.ws), queued);
	RIG_UNTIL(&rig,
	    (rig_read(&rig),
		rig.frames.len > 10 &&
		    memmem(rig.frames.data, rig.frames.len, "pong 3 499;",
			strlen("pong 3 499;")) != NULL));
	ck_assert_ptr_null(memmem(rig.frames.data, rig.frames.len,
	    "pong 3 498;", strlen("pong 3 498;")));
	rig_close(&rig);
}
END_TEST

/* --- many senders -------------------------------------------------------------------- */

struct crowd {
	struct rig rig; /* has to be the first */
	int started, ended, failed, error;
};

static void
send_rounds(void *arg)
{
	struct crowd *crowd = arg;
	char text[BLOCK / 10];
	int i, r, number = crowd->started++;

	memset(text, 'a' + number, sizeof(text));
	for (i = 0; i < ROUNDS; i++) {
		r = shoal_co_ws_send(
		    crowd->rig.ws, SHOAL_WS_TEXT, text, sizeof(text), -1);
		if (r < 0) {
			crowd->failed++;
			crowd->error = r;
			break;
		}
	}
	crowd->ended++;
}

START_TEST(senders_share)
{
	struct crowd crowd = { .rig = {
				   .queue_high = 20000, .queue_low = 5000 } };
	size_t expected = SENDERS * ROUNDS * strlen("text 10000;");
	int i;

	rig_open(&crowd.rig);
	for (i = 0; i < SENDERS; i++)
		ck_assert_int_gt(
		    shoal_co_start(send_rounds, &crowd, "sender"), 0);
	RIG_UNTIL(&crowd.rig,
	    (rig_read(&crowd.rig), crowd.rig.frames.len == expected));
	ck_assert_int_eq(crowd.ended, SENDERS);
	ck_assert_int_eq(crowd.failed, 0);
	rig_close(&crowd.rig);
}
END_TEST

/* They fail together when it closes or ends, and nothing is sent after the close
 * frame. */
static void
end_with_senders(bool close)
{
	struct crowd crowd = { .rig = {
				   .queue_high = 20000, .queue_low = 5000 } };
	int i;

	rig_open(&crowd.rig);
	(void)fill(crowd.rig.ws);
	for (i = 0; i < SENDERS; i++)
		ck_assert_int_gt(
		    shoal_co_start(send_rounds, &crowd, "sender"), 0);
	ck_assert_int_eq(crowd.ended, 0);
	/* those who wait go before */
	ck_assert_int_eq(
	    shoal_ws_send(crowd.rig.ws, SHOAL_WS_TEXT, "x", 1), -SHOAL_EAGAIN);
	if (close)
		ck_assert_int_eq(shoal_ws_close(crowd.rig.ws, 1000, NULL), 0);
	else
		rig_hang_up(&crowd.rig, true);
	RIG_UNTIL(&crowd.rig, crowd.ended == SENDERS);
	ck_assert_int_eq(crowd.failed, SENDERS);
	ck_assert_int_eq(
	    crowd.error, close ? -SHOAL_ENOTCONN : -SHOAL_ECONNRESET);
	if (close) {
		RIG_UNTIL(&crowd.rig,
		    (rig_read(&crowd.rig),
			memcmp(
			    crowd.rig.frames.data + crowd.rig.frames.len - 12,
			    "close 1000 ;", 12) == 0));
		rig_send(&crowd.rig, 0x88, "\x03\xe8", 2);
	}
	rig_close(&crowd.rig);
}

START_TEST(senders_fail)
{
	end_with_senders(true);
	end_with_senders(false);
}
END_TEST

/* A fragment that was given up was not begun. */
static void
give_up(struct shoal_ws *ws, struct rig *rig)
{
	int r;

	(void)fill(ws);
	r = shoal_co_ws_send_part(ws, SHOAL_WS_TEXT, "x", 1, false, 1);
	rig_note(rig, "%d %d %d", r,
	    shoal_co_ws_send(ws, SHOAL_WS_TEXT, "x", 1, 1),
	    shoal_co_ws_flush(ws, 1));
	rig_note(rig, "sent %d", shoal_co_ws_printf(ws, "%s", "y"));
}

START_TEST(timeouts)
{
	struct rig rig = {
		.handler = give_up, .queue_high = 200000, .queue_low = 50000
	};

	rig_open(&rig);
	rig_expect_notes(&rig, "-110 -110 -110;");
	RIG_UNTIL(&rig, (rig_read(&rig), rig.notes.len != 0));
	rig_expect_notes(&rig, "sent 0;");
	rig_send(&rig, 0x88, "\x03\xe8", 2);
	RIG_UNTIL(&rig, (rig_read(&rig), rig.eof));
	rig_close(&rig);
}
END_TEST

/* The last fragment is given up while another message waits behind it: that one
 * must not come to stand between fragments. */
static void
give_up_last_part(struct shoal_ws *ws, struct rig *rig)
{
	rig_note(rig, "first %d",
	    shoal_ws_send_part(ws, SHOAL_WS_BINARY, "b", 1, false));
	(void)shoal_ws_is_full(ws);
	while (!shoal_ws_is_full(ws))
		(void)shoal_ws_send_part(
		    ws, SHOAL_WS_BINARY, data, sizeof(data), false);
	rig->arg = (void *)(intptr_t)shoal_co_self();
	rig_note(rig, "last %d",
	    shoal_co_ws_send_part(ws, SHOAL_WS_BINARY, "e", 1, true, -1));
}

static void
send_between(void *arg)
{
	struct rig *rig = arg;
	int r = shoal_co_ws_send(rig->ws, SHOAL_WS_TEXT, "between", 7, -1);

	rig_note(rig, "whole %d", r);
	r = shoal_co_ws_send_part(
	    rig->ws, SHOAL_WS_BINARY, "mine", 4, false, -1);
	rig_note(rig, "part %d", r);
}

START_TEST(nothing_gets_between_fragments)
{
	struct rig rig = { .handler = give_up_last_part,
		.queue_high = 200000,
		.queue_low = 50000 };

	rig_open(&rig);
	rig_expect_notes(&rig, "first 0;");
	RIG_UNTIL(&rig, rig.arg != NULL);
	shoal_co_start(send_between, &rig, "between");
	rig_expect_notes(&rig, "whole -16;part -16;");
	shoal_co_cancel((intptr_t)rig.arg);
	rig_expect_notes(&rig, "last -125;");
	rig_hang_up(&rig, true);
	rig_close(&rig);
}
END_TEST

/* Room comes while the request's handler, which has filled the queue, waits. */
static void
fill_and_wait(struct shoal_ws *ws, struct rig *rig)
{
	(void)fill(ws);
	rig->arg = (void *)(intptr_t)shoal_co_self();
	shoal_co_suspend(SHOAL_FOREVER);
}

START_TEST(room_comes_before_the_handler_returns)
{
	struct rig rig = { .on_open = fill_and_wait,
		.queue_high = 200000,
		.queue_low = 50000 };

	rig_open(&rig);
	RIG_UNTIL(&rig, rig.arg != NULL);
	RIG_UNTIL(&rig, (rig_read(&rig), shoal_ws_queued(rig.ws) == 0));
	RIG_TURNS(&rig, 5);
	rig_expect_notes(&rig, "");
	shoal_co_resume((intptr_t)rig.arg, 0);
	rig_expect_notes(&rig, "writable;");
	rig_close(&rig);
}
END_TEST

SH_SUITE("session/ws_send", all_sorts, fragments, callback_is_told_of_room,
    pongs_do_not_pile_up, senders_share, senders_fail, timeouts,
    nothing_gets_between_fragments, room_comes_before_the_handler_returns)
