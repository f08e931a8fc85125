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
	const struct sh_piece delivery = {
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

/* The end of a message finds the connection reset. */
static void
end_part_after_reset(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	shoal_ws_send_part(ws, SHOAL_WS_TEXT, "a", 1, false);
	rig_note(rig, "%d", deliver(rig, "late"));
	rig_hang_up(rig, true);
	rig_note(
	    rig, "%d", shoal_ws_send_part(ws, SHOAL_WS_TEXT, "b", 1, true));
	rig_note(rig, "%zu kept", sh_conn_queued(conn_of(rig)));
}

START_TEST(nothing_comes_behind_a_failure)
{
	struct rig rig = { .on_message = end_part_after_reset };

	rig_open(&rig);
	rig_send_text(&rig, "x");
	rig_expect_notes(&rig, "text 1 x;0;0;0 kept;end 1006  by peer -104;");
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
	struct sh_piece delivery = { .messages = 1, .key = 1 };

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
open_full(struct rig *rig, enum shoal_when_full when_full)
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

	open_full(&rig, SHOAL_FULL_CLOSE);
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

	open_full(&rig, SHOAL_FULL_DROP_NEW);
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

/* Those of the handler stay, and the one that has begun. */
START_TEST(full_drops_the_old)
{
	struct rig rig = { 0 };
	static char expected[10000];
	size_t len = 0;
	int i, n, dropped;

	open_full(&rig, SHOAL_FULL_DROP_OLD);
	ck_assert_int_eq(deliver_number(&rig, 1, 1), SH_DELIVERED);
	ck_assert_int_eq(shoal_ws_send(rig.ws, SHOAL_WS_TEXT, "own", 3), 0);
	n = deliver_until(&rig, 2, SH_DELIVERED_LOSSY);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(
		    deliver_number(&rig, ++n, 1), SH_DELIVERED_LOSSY);
	dropped = (int)rig.counters.messages_dropped;
	ck_assert_int_eq(dropped, 6);
	ck_assert_uint_le(sh_conn_queued(conn_of(&rig)), HIGH + MESSAGE + 2);
	len = (size_t)snprintf(expected, sizeof(expected), "text 3 own ");
	for (i = dropped + 1; i <= n; i++)
		len += (size_t)snprintf(
		    expected + len, sizeof(expected) - len, "%d ", i);
	read_numbers(&rig, expected);
	rig_hang_up(&rig, false);
	rig_close(&rig);
	ck_assert_uint_eq(sh_shared_memory(), 0);
}
END_TEST

/* When the handler has filled it, nothing is left to be dropped. */
START_TEST(what_a_handler_has_sent_is_not_dropped)
{
	static const enum shoal_when_full policies[] = { SHOAL_FULL_DROP_OLD,
		SHOAL_FULL_CONFLATE };
	struct rig rig;
	size_t i;

	for (i = 0; i < 2; i++) {
		memset(&rig, 0, sizeof(rig));
		open_full(&rig, policies[i]);
		while (shoal_ws_send(rig.ws, SHOAL_WS_TEXT, "own", 3) == 0)
			continue;
		ck_assert_int_eq(
		    deliver_number(&rig, 1, 1), SH_DELIVERED_LOSSY);
		ck_assert_uint_eq(rig.counters.messages_dropped, 1);
		RIG_UNTIL(&rig, (rig_read(&rig), rig.notes.len != 0));
		rig_expect_notes(&rig, "writable;");
		rig_hang_up(&rig, false);
		rig_close(&rig);
	}
}
END_TEST

START_TEST(full_conflates)
{
	enum { KEYS = 4, ROUNDS = 50 };
	struct rig rig = { 0 };
	char expected[200] = "";
	size_t len = 0;
	int i, r = SH_DELIVERED;

	open_full(&rig, SHOAL_FULL_CONFLATE);
	for (i = 0; r == SH_DELIVERED; i++)
		r = deliver_number(&rig, i, 1 + (uint64_t)i % KEYS);
	ck_assert_int_eq(r, SH_DELIVERED_LOSSY);
	/* full, so only one of each key is left */
	ck_assert_uint_le(sh_conn_queued(conn_of(&rig)), HIGH);
	for (; i < ROUNDS * KEYS; i++)
		ck_assert_int_eq(
		    deliver_number(&rig, i, 1 + (uint64_t)i % KEYS),
		    SH_DELIVERED_LOSSY);
	ck_assert_uint_eq(rig.counters.messages_dropped, i - KEYS);
	for (i -= KEYS; i < ROUNDS * KEYS; i++)
		len += (size_t)snprintf(
		    expected + len, sizeof(expected) - len, "%d ", i);
	read_numbers(&rig, expected);
	/* not full any more: all of them go */
	ck_assert_int_eq(deliver_number(&rig, 1, 1), SH_DELIVERED);
	ck_assert_int_eq(deliver_number(&rig, 2, 1), SH_DELIVERED);
	read_numbers(&rig, "1 2 ");
	rig_hang_up(&rig, false);
	rig_close(&rig);
	ck_assert_uint_eq(sh_shared_memory(), 0);
}
END_TEST

static int drains, ends;

static void
on_drained(struct sh_conn *conn, void *arg)
{
	ck_assert(!sh_deliver_is_paused(conn));
	drains++;
}

static void
on_ended(struct sh_conn *conn, void *arg)
{
	ends++;
}

static const struct sh_deliver_hooks hooks = { .ended = on_ended,
	.drained = on_drained };

START_TEST(full_pauses)
{
	struct rig rig = { 0 };
	int i, n;
	static char expected[10000];
	size_t len = 0;

	drains = ends = 0;
	open_full(&rig, SHOAL_FULL_PAUSE);
	sh_deliver_set_hooks(&hooks);
	sh_deliver_follow(conn_of(&rig), true);
	n = deliver_until(&rig, 1, SH_DELIVERED_FULL);
	ck_assert(sh_deliver_is_paused(conn_of(&rig)));
	/* who does not wait is not lost */
	ck_assert_int_eq(deliver_number(&rig, ++n, 1), SH_DELIVERED_FULL);
	RIG_TURNS(&rig, 3);
	ck_assert_int_eq(drains, 0);
	for (i = 1; i <= n; i++)
		len += (size_t)snprintf(
		    expected + len, sizeof(expected) - len, "%d ", i);
	read_numbers(&rig, expected);
	ck_assert_int_eq(drains, 1);
	ck_assert_int_eq(deliver_number(&rig, 1, 1), SH_DELIVERED);
	ck_assert_uint_eq(rig.counters.messages_dropped, 0);
	rig_hang_up(&rig, false);
	RIG_UNTIL(&rig, rig.ws == NULL);
	ck_assert_int_eq(ends, 1);
	sh_deliver_set_hooks(NULL);
	rig_close(&rig);
}
END_TEST

/* --- several at once ------------------------------------------------------------ */

static int
deliver_batch(struct rig *rig, int first, int count)
{
	struct sh_shared *all =
	    sh_shared_new((size_t)count * sh_deliver_frame_max(MESSAGE));
	struct sh_piece delivery = {
		.shared = all, .messages = (uint32_t)count, .key = 1
	};
	struct sh_deliver_form form;
	char text[MESSAGE + 1];
	int i, r;

	ck_assert(sh_deliver_form(conn_of(rig), &form));
	for (i = first; i < first + count; i++) {
		snprintf(text, sizeof(text), "%0*d", MESSAGE, i);
		all->len += sh_deliver_frame(conn_of(rig), &form, SHOAL_WS_TEXT,
		    text, MESSAGE, all->data + all->len);
	}
	delivery.len = all->len;
	r = sh_deliver(conn_of(rig), &delivery);
	sh_shared_drop(&all);
	return r;
}

START_TEST(what_fits_of_a_batch_is_sent)
{
	struct rig rig = { 0 };
	static char expected[10000];
	size_t len = 0;
	int i, n;

	open_full(&rig, SHOAL_FULL_DROP_NEW);
	ck_assert_int_eq(deliver_batch(&rig, 0, 3), SH_DELIVERED);
	ck_assert_int_eq(deliver_batch(&rig, 3, 100), SH_DELIVERED_LOSSY);
	n = 103 - (int)rig.counters.messages_dropped;
	ck_assert_int_gt(n, 3);
	ck_assert_int_lt(n, 103);
	for (i = 0; i < n; i++)
		len += (size_t)snprintf(
		    expected + len, sizeof(expected) - len, "%d ", i);
	read_numbers(&rig, expected);
	rig_hang_up(&rig, false);
	rig_close(&rig);
}
END_TEST

/* Of several with one key the newest is kept. */
START_TEST(a_batch_is_conflated)
{
	struct rig rig = { 0 };
	int i, r = SH_DELIVERED;

	open_full(&rig, SHOAL_FULL_CONFLATE);
	for (i = 0; r == SH_DELIVERED; i++)
		r = deliver_number(&rig, i, 1);
	ck_assert_int_eq(r, SH_DELIVERED_LOSSY);
	ck_assert_int_eq(deliver_batch(&rig, i, 3), SH_DELIVERED_LOSSY);
	ck_assert_uint_eq(rig.counters.messages_dropped, i + 2);
	rig_hang_up(&rig, false);
	rig_close(&rig);
	ck_assert_uint_eq(sh_shared_memory(), 0);
}
END_TEST

/* What waits amid fragments counts as what is queued. */
START_TEST(a_batch_amid_fragments_is_bounded)
{
	struct rig rig = { .queue_high = HIGH,
		.queue_low = LOW,
		.when_full = SHOAL_FULL_DROP_NEW };
	int n;

	rig_open(&rig);
	shoal_ws_send_part(rig.ws, SHOAL_WS_TEXT, "a", 1, false);
	RIG_TURNS(&rig, 2);
	ck_assert_int_eq(deliver_batch(&rig, 0, 40), SH_DELIVERED);
	/* each for itself: those that fit */
	ck_assert_int_eq(deliver_batch(&rig, 40, 40), SH_DELIVERED_LOSSY);
	ck_assert_uint_lt(rig.ws->busy->late.len, HIGH + MESSAGE + 2);
	ck_assert_uint_ge(rig.ws->busy->late.len, HIGH);
	n = 80 - (int)rig.counters.messages_dropped;
	ck_assert_uint_eq(rig.ws->busy->late.len, n * (MESSAGE + 2));
	rig_hang_up(&rig, false);
	rig_close(&rig);
	ck_assert_uint_eq(sh_shared_memory(), 0);
}
END_TEST

/* --- peers that take nothing, and a worker without memory ------------------------ */

START_TEST(who_takes_nothing_is_cut)
{
	struct rig rig = { .stall_ms = 1500 };

	open_full(&rig, SHOAL_FULL_DROP_OLD);
	RIG_UNTIL(&rig, rig.ws == NULL);
	ck_assert_uint_eq(rig.counters.stalled, 1);
	rig_expect_notes(&rig, "end 1006  -110;");
	/* a reset, so that the kernel holds nothing either */
	RIG_UNTIL(&rig, (rig_read(&rig), rig.reset));
	rig_hang_up(&rig, false);
	rig_close(&rig);
}
END_TEST

/* Slow is not stalled: whoever takes something now and then stays. */
START_TEST(who_reads_a_little_is_not_cut)
{
	struct rig rig = {
		.stall_ms = 1500, .queue_high = 64 << 20, .queue_low = 1
	};
	int64_t end_ms;
	int i;

	rig_open(&rig);
	make_small(&rig);
	for (i = 0; i < 300; i++)
		ck_assert_int_eq(
		    shoal_ws_send(rig.ws, SHOAL_WS_BINARY, filler, FILLER), 0);
	end_ms = sh_clock_ms() + 4000;
	while (sh_clock_ms() < end_ms) {
		char few[FILLER];

		(void)!recv(rig.fd, few, sizeof(few), 0);
		RIG_TURNS(&rig, 10);
	}
	ck_assert_uint_gt(sh_conn_queued(conn_of(&rig)), 0);
	ck_assert_uint_eq(rig.counters.stalled, 0);
	rig_hang_up(&rig, true);
	rig_close(&rig);
}
END_TEST

START_TEST(a_worker_without_memory)
{
	struct rig rig = { .queue_high = 64 << 20,
		.queue_low = 100000,
		.queue_max = 4 << 20 };
	int i, r = 0;

	rig_open(&rig);
	make_small(&rig);
	/* its own handler is refused long before its mark */
	for (i = 0; i < 1000 && r == 0; i++)
		r = shoal_ws_send(rig.ws, SHOAL_WS_BINARY, filler, FILLER);
	ck_assert_int_eq(r, -SHOAL_EAGAIN);
	ck_assert_uint_lt(sh_conn_queued(conn_of(&rig)), 5 << 20);
	/* and what goes to many is judged as if it were full */
	ck_assert_int_eq(deliver_number(&rig, 1, 1), SH_DELIVERED_NEITHER);
	ck_assert_uint_eq(rig.counters.slow_closed, 1);
	RIG_UNTIL(&rig, (rig_read(&rig), sh_conn_queued(conn_of(&rig)) == 0));
	rig_hang_up(&rig, false);
	rig_close(&rig);
}
END_TEST

/* Then memory matters more than what a slow one would still get. */
START_TEST(what_waits_is_dropped_for_memory)
{
	struct rig rig = { .queue_high = 64 << 20,
		.queue_low = 100000,
		.queue_max = 1 << 20 };
	int n;

	rig_open(&rig);
	fill(&rig);
	n = deliver_until(&rig, 1, SH_DELIVERED_NEITHER);
	ck_assert_int_gt(n, 100);
	ck_assert_uint_eq(rig.counters.messages_dropped, n - 1);
	ck_assert_uint_eq(sh_shared_memory(), 0);
	read_numbers(&rig, "close 1013 too slow ");
	rig_hang_up(&rig, false);
	rig_close(&rig);
}
END_TEST

/* --- forms ------------------------------------------------------------------------ */

static uint64_t
compression_with(const struct sh_ws_extension *extension, int64_t min_size)
{
	struct rig rig = { .extension = *extension,
		.options = { .compression_min_size = min_size } };
	struct sh_deliver_form form;

	rig_open(&rig);
	ck_assert(sh_deliver_form(conn_of(&rig), &form));
	ck_assert(form.is_ws);
	rig_hang_up(&rig, false);
	rig_close(&rig);
	return form.compression;
}

START_TEST(one_form_for_each_compression)
{
	const struct sh_ws_extension none = { 0 };
	struct sh_ws_extension own = { .deflates = true,
		.server_takeover = true,
		.server_bits = 15,
		.client_bits = 15 };
	struct sh_ws_extension shared = {
		.deflates = true, .server_bits = 15, .client_bits = 15
	};
	uint64_t form;

	ck_assert_uint_eq(compression_with(&none, 1), 0);
	ck_assert_uint_eq(compression_with(&own, 1), 0);
	form = compression_with(&shared, 1);
	ck_assert_uint_ne(form, 0);
	/* how the client compresses does not matter */
	shared.client_takeover = true;
	shared.client_bits = 9;
	ck_assert_uint_eq(compression_with(&shared, 1), form);
	ck_assert_uint_ne(compression_with(&shared, 2), form);
	shared.server_bits = 10;
	ck_assert_uint_ne(compression_with(&shared, 1), form);
}
END_TEST

START_TEST(it_is_compressed)
{
	struct rig rig = { .extension = { .deflates = true,
			       .server_bits = 15,
			       .client_bits = 15 },
		.options = { .compression_min_size = 20 } };

	rig_open(&rig);
	ck_assert_int_eq(
	    deliver(&rig, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), SH_DELIVERED);
	ck_assert_int_eq(deliver(&rig, "aaaaaaaaaaaaaaa"), SH_DELIVERED);
	rig_expect_frames(&rig,
	    "text packed 30 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;"
	    "text 15 aaaaaaaaaaaaaaa;");
	rig_hang_up(&rig, false);
	rig_close(&rig);
}
END_TEST

SH_SUITE("session/deliver", it_is_sent_at_once, order_is_kept,
    it_comes_behind_what_a_handler_has_sent, fragments_are_not_parted,
    nothing_comes_behind_a_failure, a_closed_one_gets_nothing, full_closes,
    full_drops_the_new, full_drops_the_old,
    what_a_handler_has_sent_is_not_dropped, full_conflates, full_pauses,
    what_fits_of_a_batch_is_sent, a_batch_amid_fragments_is_bounded,
    a_batch_is_conflated, who_takes_nothing_is_cut,
    who_reads_a_little_is_not_cut, a_worker_without_memory,
    what_waits_is_dropped_for_memory, one_form_for_each_compression,
    it_is_compressed)
