/*
 * This file tests how messages for many go to a WebSocket, and what becomes of
 * them when its peer does not read.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <shoal/co.h>
#include <shoal/error.h>

#include "io/shared.h"
#include "session/deliver.h"
#include "session/ws_private.h"
#include "ws_rig.h"

enum { HIGH = 2000, LOW = 500, MESSAGE = 38, FILLER = 100000 };

static char filler[FILLER];

/* The connection, also when its WebSocket is gone. */
static struct sh_conn *
conn_of(const struct rig *rig)
{
	return sh_conn_find(rig->loop, rig->id);
}

static struct sh_shared *
make_frame(struct rig *rig, const char *text)
{
	struct sh_shared *shared =
	    sh_shared_new(sh_deliver_frame_max(strlen(text)));
	struct sh_deliver_form form;

	ck_assert(sh_deliver_form(conn_of(rig), &form));
	ck_assert(form.is_ws);
	shared->len = sh_deliver_frame(conn_of(rig), &form, SHOAL_WS_TEXT, text,
	    strlen(text), shared->data);
	ck_assert_uint_le(shared->len, shared->cap);
	return shared;
}

static int
deliver_key(struct rig *rig, const char *text, uint64_t key)
{
	struct sh_shared *shared = make_frame(rig, text);
	const struct sh_delivery delivery = {
		.shared = shared, .len = shared->len, .messages = 1, .key = key
	};
	int r = sh_deliver(conn_of(rig), &delivery);

	sh_shared_drop(&shared);
	return r;
}

static int
deliver(struct rig *rig, const char *text)
{
	return deliver_key(rig, text, 1);
}

/* A message that is shown whole, by its number; 40 bytes with its header. */
static int
deliver_number(struct rig *rig, int number, uint64_t key)
{
	char text[MESSAGE + 1];

	snprintf(text, sizeof(text), "%0*d", MESSAGE, number);
	return deliver_key(rig, text, key);
}

static void
make_small(struct rig *rig)
{
	int size = 128 * 1024;

	ck_assert_int_eq(
	    setsockopt(rig->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	ck_assert_int_eq(setsockopt(sh_conn_fd(conn_of(rig)), SOL_SOCKET,
			     SO_SNDBUF, &size, sizeof(size)),
	    0);
}

/* Until the kernel is full: what is queued then has begun. Its messages are the
 * handler's. */
static void
fill(struct rig *rig)
{
	size_t high = sh_conn_send_limits(conn_of(rig))->high;

	make_small(rig);
	while (sh_conn_queued(conn_of(rig)) == 0) {
		ck_assert_int_eq(shoal_ws_send(rig->ws, SHOAL_WS_BINARY, filler,
				     high < FILLER ? high : FILLER),
		    0);
		RIG_TURNS(rig, 2);
	}
	RIG_TURNS(rig, 2);
}

/* Let the peer read all there is, without the fillers. */
static void
read_numbers(struct rig *rig, const char *expected)
{
	static char got[1 << 16];
	const char *at;
	size_t len = 0;

	RIG_UNTIL(rig,
	    (rig_read(rig),
		rig->ws == NULL || rig->eof ||
		    sh_conn_queued(conn_of(rig)) == 0));
	RIG_TURNS(rig, 3);
	rig_read(rig);
	sh_buf_add(&rig->frames, "", 1);
	for (at = rig->frames.data; *at != '\0'; at = strchr(at, ';') + 1) {
		int number;

		if (sscanf(at, "text 38 %d;", &number) == 1)
			len += (size_t)snprintf(
			    got + len, sizeof(got) - len, "%d ", number);
		else if (strncmp(at, "binary", 6) != 0)
			len += (size_t)snprintf(got + len, sizeof(got) - len,
			    "%.*s ", (int)strcspn(at, ";"), at);
	}
	got[len] = '\0';
	ck_assert_str_eq(got, expected);
	sh_buf_fini(&rig->frames);
}

/* --- when there is room -------------------------------------------------------- */

START_TEST(it_is_sent_at_once)
{
	struct rig rig = { 0 };

	rig_open(&rig);
	ck_assert_int_eq(deliver(&rig, "hello"), SH_DELIVERED);
	/* without a turn, and without anything kept */
	ck_assert_uint_eq(sh_conn_queued(conn_of(&rig)), 0);
	ck_assert_uint_eq(sh_shared_memory(), 0);
	RIG_UNTIL(&rig, (rig_read(&rig), rig.frames.len != 0));
	rig_expect_frames(&rig, "text 5 hello;");
	rig_hang_up(&rig, false);
	rig_close(&rig);
}
END_TEST

START_TEST(order_is_kept)
{
	struct rig rig = { .queue_high = 1 << 20, .queue_low = LOW };

	rig_open(&rig);
	/* queued for the end of the turn */
	ck_assert_int_eq(shoal_ws_send(rig.ws, SHOAL_WS_TEXT, "own", 3), 0);
	ck_assert_int_eq(deliver(&rig, "shared"), SH_DELIVERED);
	ck_assert_int_eq(shoal_ws_send(rig.ws, SHOAL_WS_TEXT, "own", 3), 0);
	rig_expect_frames(&rig, "text 3 own;text 6 shared;text 3 own;");
	fill(&rig);
	ck_assert_int_eq(deliver_number(&rig, 1, 1), SH_DELIVERED);
	ck_assert_int_eq(shoal_ws_send(rig.ws, SHOAL_WS_TEXT, "own", 3), 0);
	ck_assert_int_eq(deliver_number(&rig, 2, 1), SH_DELIVERED);
	read_numbers(&rig, "1 text 3 own 2 ");
	rig_hang_up(&rig, false);
	rig_close(&rig);
}
END_TEST

static void
answer_and_deliver(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	shoal_ws_send(ws, SHOAL_WS_TEXT, "answer", 6);
	rig_note(rig, "%d", deliver(rig, "shared"));
	shoal_ws_send(ws, SHOAL_WS_TEXT, "more", 4);
}

START_TEST(it_comes_behind_what_a_handler_has_sent)
{
	struct rig rig = { .on_message = answer_and_deliver };

	rig_open(&rig);
	rig_send_text(&rig, "x");
	rig_expect_frames(&rig, "text 6 answer;text 6 shared;text 4 more;");
	rig_expect_notes(&rig, "text 1 x;0;");
	rig_hang_up(&rig, false);
	rig_close(&rig);
}
END_TEST

START_TEST(fragments_are_not_parted)
{
	struct rig rig = { 0 };

	rig_open(&rig);
	shoal_ws_send_part(rig.ws, SHOAL_WS_TEXT, "a", 1, false);
	ck_assert_int_eq(deliver(&rig, "shared"), SH_DELIVERED);
	ck_assert_int_eq(deliver(&rig, "too"), SH_DELIVERED);
	rig_expect_frames(&rig, "text... 1 a;");
	RIG_TURNS(&rig, 3);
	shoal_ws_send_part(rig.ws, SHOAL_WS_TEXT, "b", 1, true);
	ck_assert_int_eq(deliver(&rig, "last"), SH_DELIVERED);
	rig_expect_frames(
	    &rig, "more 1 b;text 6 shared;text 3 too;text 4 last;");
	ck_assert_ptr_null(rig.ws->busy);
	/* and what waits for the end that never comes is freed */
	shoal_ws_send_part(rig.ws, SHOAL_WS_TEXT, "a", 1, false);
	ck_assert_int_eq(deliver(&rig, "lost"), SH_DELIVERED);
	rig_hang_up(&rig, false);
	RIG_UNTIL(&rig, rig.ws == NULL);
	ck_assert_uint_eq(sh_shared_memory(), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(a_closed_one_gets_nothing)
{
	struct rig rig = { 0 };
	struct sh_deliver_form form;
	struct sh_shared *shared;
	struct sh_delivery delivery = { .messages = 1, .key = 1 };

	rig_open(&rig);
	shared = make_frame(&rig, "hello");
	delivery.shared = shared;
	delivery.len = shared->len;
	shoal_ws_close(rig.ws, 1000, NULL);
	ck_assert_int_eq(
	    sh_deliver(conn_of(&rig), &delivery), SH_DELIVERED_NEITHER);
	ck_assert(!sh_deliver_form(conn_of(&rig), &form));
	rig_expect_frames(&rig, "close 1000 ;");
	rig_hang_up(&rig, true);
	RIG_UNTIL(&rig, rig.ws == NULL);
	sh_shared_drop(&shared);
	rig_close(&rig);
}
END_TEST

/* --- what is done when there is none -------------------------------------------- */

static void
open_full(struct rig *rig, enum sh_when_full when_full)
{
	rig->queue_high = HIGH;
	rig->queue_low = LOW;
	rig->when_full = when_full;
	rig_open(rig);
	fill(rig);
}

/* Deliver from a number on until that is not just taken; which one it was. */
static int
deliver_until(struct rig *rig, int number, int expected)
{
	int r;

	while (
	    (r = deliver_number(rig, number, (uint64_t)number)) == SH_DELIVERED)
		number++;
	ck_assert_int_eq(r, expected);
	return number;
}

START_TEST(full_closes)
{
	struct rig rig = { 0 };
	static char expected[10000];
	size_t len = 0;
	int i, n;

	open_full(&rig, SH_FULL_CLOSE);
	n = deliver_until(&rig, 1, SH_DELIVERED_NEITHER);
	ck_assert_int_gt(n, 5);
	ck_assert_uint_eq(rig.counters.slow_closed, 1);
	ck_assert_int_eq(
	    shoal_ws_send(rig.ws, SHOAL_WS_TEXT, "x", 1), -SHOAL_ENOTCONN);
	ck_assert(shoal_ws_end(rig.ws)->code == 1013);
	/* all that was queued, and no more */
	for (i = 1; i < n; i++)
		len += (size_t)snprintf(
		    expected + len, sizeof(expected) - len, "%d ", i);
	snprintf(
	    expected + len, sizeof(expected) - len, "close 1013 too slow ");
	read_numbers(&rig, expected);
	rig_send(&rig, 0x88, "\x03\xf5", 2);
	rig_expect_notes(&rig, "end 1013 too slow clean 0;");
	rig_close(&rig);
}
END_TEST

START_TEST(full_drops_the_new)
{
	struct rig rig = { 0 };
	static char expected[10000];
	size_t len = 0;
	int i, n;

	open_full(&rig, SH_FULL_DROP_NEW);
	n = deliver_until(&rig, 1, SH_DELIVERED_LOSSY);
	ck_assert_int_eq(deliver_number(&rig, n + 1, 1), SH_DELIVERED_LOSSY);
	ck_assert_uint_eq(rig.counters.messages_dropped, 2);
	ck_assert_uint_eq(rig.counters.queues_full, 1);
	ck_assert_int_eq(shoal_ws_ping(rig.ws, "p", 1), 0);
	for (i = 1; i < n; i++)
		len += (size_t)snprintf(
		    expected + len, sizeof(expected) - len, "%d ", i);
	snprintf(expected + len, sizeof(expected) - len, "ping 1 p ");
	read_numbers(&rig, expected);
	ck_assert_uint_eq(rig.counters.queues_full, 0);
	ck_assert_int_eq(deliver_number(&rig, 7, 1), SH_DELIVERED);
	read_numbers(&rig, "7 ");
	rig_hang_up(&rig, false);
	rig_close(&rig);
	ck_assert_uint_eq(sh_shared_memory(), 0);
}
END_TEST

SH_SUITE("session/deliver", it_is_sent_at_once, order_is_kept,
    it_comes_behind_what_a_handler_has_sent, fragments_are_not_parted,
    a_closed_one_gets_nothing, full_closes, full_drops_the_new)
