/*
 * This file tests WebSockets: messages in both styles, control frames, limits,
 * and what is lent.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/co.h>
#include <shoal/error.h>

#include "ws_rig.h"

enum { MEDIUM = 700, LARGE = 60000, HUGE = 16 << 20 };

static char data[HUGE];

static void
fill_data(void)
{
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (char)('a' + i % 23);
}

static void
echo(struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	int r = shoal_ws_send(ws, message->type, message->data, message->len);

	if (r < 0)
		rig_note(rig, "send %d", r);
}

/* --- messages ----------------------------------------------------------------- */

static void
exchange(struct rig *rig)
{
	fill_data();
	rig_open(rig);
	rig_send_text(rig, "hello");
	rig_expect_frames(rig, "text 5 hello;");
	rig_expect_notes(rig, "text 5 hello;");
	rig_send(rig, 0x82, "", 0);
	rig_send(rig, 0x01, "Hel", 3);
	rig_send(rig, 0x80, "lo", 2);
	rig_send(rig, 0x81, data, 125);
	rig_send(rig, 0x81, data, MEDIUM);
	rig_send(rig, 0x82, data, LARGE);
	rig_send(rig, 0x81, data, 70000);
	rig_send_text(rig, "end");
	rig_expect_frames(rig,
	    "binary 0 ;text 5 Hello;text 125;text 700;binary 60000;"
	    "text 70000;text 3 end;");
	rig_expect_notes(rig,
	    "binary 0 ;text 5 Hello;text 125;text 700;binary 60000;"
	    "text 70000;text 3 end;");
	rig_send(rig, 0x88,
	    "\x03\xe8"
	    "bye",
	    5);
	rig_expect_frames(rig, "close 1000 ;");
	RIG_UNTIL(rig, (rig_read(rig), rig->eof));
}

START_TEST(callbacks_exchange)
{
	struct rig rig = { .on_message = echo };

	exchange(&rig);
	rig_expect_notes(&rig, "end 1000 bye by peer clean 0;");
	rig_close(&rig);
}
END_TEST

START_TEST(coroutine_exchange)
{
	struct rig rig = { .on_message = echo, .handler = rig_note_messages };

	exchange(&rig);
	rig_expect_notes(&rig, "recv 0;end 1000 bye by peer clean 0;");
	rig_close(&rig);
}
END_TEST

/* Byte by byte, and many at once. */
static void
portions(struct rig *rig)
{
	static const char two[] =
	    "\x81\x83\0\0\0\0abc\x89\x81\0\0\0\0p\x81\x80\0\0\0\0";
	char many[64 * 7];
	size_t i;

	rig_open(rig);
	for (i = 0; i < sizeof(two) - 1; i++) {
		rig_write(rig, two + i, 1);
		RIG_TURNS(rig, 2);
	}
	rig_expect_frames(rig, "text 3 abc;pong 1 p;text 0 ;");
	rig_expect_notes(rig, "text 3 abc;text 0 ;");
	for (i = 0; i < 64; i++)
		memcpy(many + i * 7, "\x82\x81\0\0\0\0x", 7);
	rig_write(rig, many, sizeof(many));
	RIG_UNTIL(rig,
	    (rig_read(rig), rig->frames.len == 64 * strlen("binary 1 x;")));
	sh_buf_fini(&rig->frames);
	sh_buf_fini(&rig->notes);
	rig_send(rig, 0x88, "", 0);
	rig_expect_frames(rig, "close 0 ;");
}

START_TEST(callbacks_portions)
{
	struct rig rig = { .on_message = echo };

	portions(&rig);
	rig_expect_notes(&rig, "end 1005  by peer clean 0;");
	rig_close(&rig);
}
END_TEST

START_TEST(coroutine_portions)
{
	struct rig rig = { .on_message = echo, .handler = rig_note_messages };

	portions(&rig);
	rig_expect_notes(&rig, "recv 0;end 1005  by peer clean 0;");
	rig_close(&rig);
}
END_TEST

/* --- a callback that waits ------------------------------------------------------ */

static void
wait_for_it(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	rig->arg = (void *)(intptr_t)shoal_co_self();
	rig_note(rig, "wait");
	shoal_co_suspend(SHOAL_FOREVER);
	rig_note(rig, "go on");
}

START_TEST(callbacks_wait)
{
	struct rig rig = { .on_message = wait_for_it };

	rig_open(&rig);
	rig_send_text(&rig, "a");
	rig_send_text(&rig, "b");
	rig_expect_notes(&rig, "text 1 a;wait;");
	rig_send_text(&rig, "c");
	rig_send(&rig, 0x88, "", 0);
	RIG_TURNS(&rig, 5);
	rig_expect_notes(&rig, "");
	shoal_co_resume((intptr_t)rig.arg, 0);
	rig_expect_notes(&rig, "go on;text 1 b;wait;");
	shoal_co_resume((intptr_t)rig.arg, 0);
	rig_expect_notes(&rig, "go on;text 1 c;wait;");
	RIG_TURNS(&rig, 5);
	rig_expect_notes(&rig, "");
	shoal_co_resume((intptr_t)rig.arg, 0);
	rig_expect_notes(&rig, "go on;end 1005  by peer clean 0;");
	rig_close(&rig);
}
END_TEST

static void
do_as_told(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	if (strlen(message->data) != message->len)
		rig_note(rig, "no NUL");
	if (shoal_message_is(message, "wait"))
		wait_for_it(ws, message, rig);
	else if (shoal_message_is(message, "cancel"))
		shoal_co_cancel(shoal_co_self());
	else if (shoal_message_is(message, "close"))
		shoal_ws_close(ws, 1000, NULL);
}

/* What comes in one read is called on one coroutine as long as nobody can
 * tell. */
START_TEST(callbacks_in_one_read)
{
	struct rig rig = { .on_message = do_as_told };

	rig_open(&rig);
	rig_send_text(&rig, "a");
	rig_send_text(&rig, "cancel");
	rig_send_text(&rig, "wait");
	rig_send_text(&rig, "b");
	rig_expect_notes(&rig, "text 1 a;text 6 cancel;text 4 wait;wait;");
	RIG_TURNS(&rig, 5);
	rig_expect_notes(&rig, "");
	shoal_co_resume((intptr_t)rig.arg, 0);
	rig_expect_notes(&rig, "go on;text 1 b;");
	rig_send_text(&rig, "c");
	rig_send_text(&rig, "close");
	rig_send_text(&rig, "d");
	rig_expect_frames(&rig, "close 1000 ;");
	rig_expect_notes(&rig, "text 1 c;text 5 close;");
	rig_close(&rig);
}
END_TEST

/* It ends while a callback waits: that is cancelled only by a cut. */
START_TEST(callbacks_wait_and_hang_up)
{
	struct rig rig = { .on_message = wait_for_it };

	rig_open(&rig);
	rig_send_text(&rig, "a");
	rig_expect_notes(&rig, "text 1 a;wait;");
	rig_hang_up(&rig, true);
	RIG_TURNS(&rig, 5);
	rig_expect_notes(&rig, "");
	shoal_co_resume((intptr_t)rig.arg, 0);
	rig_expect_notes(&rig, "go on;end 1006  by peer -104;");
	rig_close(&rig);

	rig = (struct rig){ .on_message = wait_for_it };
	rig_open(&rig);
	rig_send_text(&rig, "a");
	rig_expect_notes(&rig, "text 1 a;wait;");
	sh_group_shutdown(rig.group);
	rig_expect_notes(&rig, "go on;end 1006  0;");
	rig_close(&rig);
}
END_TEST

/* --- a handler that is elsewhere ------------------------------------------------ */

static void
sit(struct shoal_ws *ws, struct rig *rig)
{
	rig->arg = (void *)(intptr_t)shoal_co_self();
	shoal_co_suspend(SHOAL_FOREVER);
	rig_note_messages(ws, rig);
}

/* Pings are answered meanwhile, and one message is looked at ahead. */
START_TEST(coroutine_elsewhere)
{
	struct rig rig = { .handler = sit };

	rig_open(&rig);
	rig_send(&rig, 0x89, "one", 3);
	rig_expect_frames(&rig, "pong 3 one;");
	rig_send(&rig, 0x89, "two", 3);
	rig_expect_frames(&rig, "pong 3 two;");
	rig_send_text(&rig, "a");
	rig_send(&rig, 0x89, "three", 5);
	RIG_TURNS(&rig, 5);
	rig_read(&rig);
	ck_assert_uint_eq(rig.frames.len, 0);
	rig_send_text(&rig, "b");
	rig_send(&rig, 0x88, "\x03\xe9", 2);
	RIG_TURNS(&rig, 5);
	shoal_co_resume((intptr_t)rig.arg, 0);
	rig_expect_notes(
	    &rig, "text 1 a;text 1 b;recv 0;end 1001  by peer clean 0;");
	rig_expect_frames(&rig, "pong 5 three;close 1001 ;");
	rig_close(&rig);
}
END_TEST

/* What a receive gave stays over waits, wherever it lies. */
static void
hold_message(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	rig->arg = (void *)(intptr_t)shoal_co_self();
	shoal_co_suspend(SHOAL_FOREVER);
	rig_note_message(rig, message);
	if (message->len > 3 && memcmp(message->data, data, message->len) != 0)
		rig_note(rig, "changed");
}

START_TEST(coroutine_message_stays)
{
	static const size_t lens[] = { 5, MEDIUM, 5000, LARGE, 65536, 200000 };
	struct rig rig = { .handler = rig_note_messages,
		.on_message = hold_message };
	char text[64];
	size_t i;

	fill_data();
	rig_open(&rig);
	for (i = 0; i < SH_ARRAY_LEN(lens); i++) {
		snprintf(text, sizeof(text),
		    lens[i] > 40 ? "text %zu;" : "text %zu abcde;", lens[i]);
		rig.arg = NULL;
		rig_send(&rig, 0x81, data, lens[i]);
		rig_send(&rig, 0x89, "p", 1);
		RIG_UNTIL(&rig, rig.arg != NULL);
		rig_expect_notes(&rig, text);
		rig_expect_frames(&rig, "pong 1 p;");
		/* the same buffers are read into */
		rig_send(&rig, 0x8a, "ZZZZZZZZZZZZZZZZZZ", 18);
		RIG_TURNS(&rig, 3);
		shoal_co_resume((intptr_t)rig.arg, 0);
		rig_expect_notes(&rig, text);
	}
	rig_send(&rig, 0x88, "", 0);
	rig_expect_notes(&rig, "recv 0;end 1005  by peer clean 0;");
	rig_close(&rig);
}
END_TEST

static void
receive_with_timeout(struct shoal_ws *ws, struct rig *rig)
{
	const struct shoal_message *message;
	int r;

	r = shoal_co_ws_recv(ws, &message, 0);
	rig_note(rig, "recv %d", r);
	r = shoal_co_ws_recv(ws, &message, 1);
	rig_note(rig, "recv %d", r);
	rig_note_messages(ws, rig);
}

START_TEST(coroutine_timeout_loses_nothing)
{
	struct rig rig = { .handler = receive_with_timeout };

	rig_open(&rig);
	rig_write(&rig, "\x81\x82\0\0", 4);
	rig_expect_notes(&rig, "recv -110;recv -110;");
	rig_write(&rig, "\0\0ab\x88\x80\0\0\0\0", 10);
	rig_expect_notes(&rig, "text 2 ab;recv 0;end 1005  by peer clean 0;");
	rig_close(&rig);
}
END_TEST

/* Another coroutine receives; then the handler returns. */
static void
read_too(void *arg)
{
	struct rig *rig = arg;
	const struct shoal_message *message;
	int r = shoal_co_ws_recv(rig->ws, &message, SHOAL_FOREVER);

	rig_note(rig, "other %d", r);
}

static void
let_other_read(struct shoal_ws *ws, struct rig *rig)
{
	const struct shoal_message *message;

	shoal_co_start(read_too, rig, "other");
	rig_note(rig, "mine %d", shoal_co_ws_recv(ws, &message, -1));
}

START_TEST(one_reader)
{
	struct rig rig = { .handler = let_other_read };

	rig_open(&rig);
	rig_expect_notes(&rig, "mine -16;other -125;");
	rig_expect_frames(&rig, "close 1000 ;");
	rig_send(&rig, 0x88, "\x03\xe8", 2);
	RIG_UNTIL(&rig, (rig_read(&rig), rig.eof));
	rig_close(&rig);
}
END_TEST

/* --- streams, control frames, limits --------------------------------------------- */

START_TEST(streams)
{
	struct rig rig = { .options = { .stream = true, .control = true } };

	rig_open(&rig);
	rig_write(&rig, "\x01\x85\0\0\0\0He", 8);
	rig_expect_notes(&rig, "text... 2 He;");
	rig_write(&rig, "llo", 3);
	rig_expect_notes(&rig, "more... 3 llo;");
	rig_send(&rig, 0x89, "p", 1);
	rig_send(&rig, 0x80, "!", 1);
	rig_send_text(&rig, "whole");
	rig_send(&rig, 0x8a, "q", 1);
	rig_expect_notes(&rig, "ping 1 p;more 1 !;text 5 whole;pong 1 q;");
	rig_expect_frames(&rig, "pong 1 p;");
	rig_close(&rig);
}
END_TEST

struct refusal {
	struct shoal_ws_options options;
	const char *bytes;
	size_t len;
	int times;
	const char *frames, *notes;
};

#define BYTES(text) text, sizeof(text) - 1

static const struct refusal refusals[] = {
	{ { 0 }, BYTES("\xc1\x80\0\0\0\0"), 1,
	    "close 1002 a reserved bit is set;",
	    "end 1002 a reserved bit is set -1006;" },
	{ { 0 }, BYTES("\x81\x81\0\0\0\0\xff"), 1,
	    "close 1007 a text message is not UTF-8;",
	    "end 1007 a text message is not UTF-8 -84;" },
	{ { .message_size = 4 }, BYTES("\x81\x85\0\0\0\0"), 1,
	    "close 1009 a message is too long;",
	    "end 1009 a message is too long -90;" },
	{ { .fragments = 2 },
	    BYTES("\x01\x80\0\0\0\0\0\x80\0\0\0\0\0\x80\0\0\0\0"), 1,
	    "close 1008 a message has too many fragments;",
	    "end 1008 a message has too many fragments -1006;" },
	{ { .control_rate = 2 }, BYTES("\x8a\x80\0\0\0\0"), 6,
	    "close 1008 too many control frames;",
	    "end 1008 too many control frames -1006;" },
};

static void
try_refusal(const struct refusal *refusal, bool coroutine)
{
	struct rig rig = { .options = refusal->options };
	char notes[200];
	int i;

	if (coroutine)
		rig.handler = rig_note_messages;
	rig_open(&rig);
	for (i = 0; i < refusal->times; i++)
		rig_write(&rig, refusal->bytes, refusal->len);
	rig_expect_frames(&rig, refusal->frames);
	snprintf(notes, sizeof(notes), "recv %s%s",
	    strrchr(refusal->notes, '-'), refusal->notes);
	rig_expect_notes(&rig, coroutine ? notes : refusal->notes);
	/* what it goes on sending does not become a reset */
	for (i = 0; i < 3; i++) {
		rig_write(&rig, data, LARGE);
		RIG_TURNS(&rig, 2);
	}
	RIG_UNTIL(&rig, (rig_read(&rig), rig.eof));
	ck_assert(!rig.reset);
	rig_close(&rig);
}

START_TEST(refuses)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(refusals); i++) {
		try_refusal(&refusals[i], false);
		try_refusal(&refusals[i], true);
	}
}
END_TEST

START_TEST(limits_off)
{
	struct rig rig = { .handler = NULL };
	char *frames = malloc(65538 * 7 + 1);
	size_t i;

	fill_data();
	for (i = 0; i < 65537; i++)
		memcpy(frames + i * 7, "\0\x81\0\0\0\0x", 7);
	frames[0] = 2;
	frames[65536 * 7] = (char)0x80;
	rig_open(&rig);
	rig_write(&rig, frames, 65537 * 7);
	rig_expect_notes(&rig, "binary 65537;");
	rig_send(&rig, 0x81, data, HUGE);
	rig_expect_notes(&rig, "text 16777216;");
	for (i = 0; i < 1000; i++)
		rig_send(&rig, 0x89, "", 0);
	RIG_UNTIL(&rig,
	    (rig_read(&rig), rig.frames.len == 1000 * strlen("pong 0 ;")));
	free(frames);
	rig_close(&rig);
}
END_TEST

/* --- pausing ----------------------------------------------------------------------- */

static void
pause_ws(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	shoal_ws_pause(ws);
}

START_TEST(pauses)
{
	struct rig rig = { .on_message = pause_ws };

	rig_open(&rig);
	rig_send_text(&rig, "a");
	rig_send_text(&rig, "b");
	rig_send(&rig, 0x88, "", 0);
	rig_expect_notes(&rig, "text 1 a;");
	RIG_TURNS(&rig, 5);
	rig_expect_notes(&rig, "");
	shoal_ws_resume(rig.ws);
	rig_expect_notes(&rig, "text 1 b;");
	RIG_TURNS(&rig, 5);
	rig_expect_notes(&rig, "");
	shoal_ws_resume(rig.ws);
	rig_expect_notes(&rig, "end 1005  by peer clean 0;");
	rig_close(&rig);
}
END_TEST

SH_SUITE("session/ws", callbacks_exchange, coroutine_exchange,
    callbacks_portions, coroutine_portions, callbacks_wait,
    callbacks_in_one_read, callbacks_wait_and_hang_up, coroutine_elsewhere,
    coroutine_message_stays, coroutine_timeout_loses_nothing, one_reader,
    streams, refuses, limits_off, pauses)
