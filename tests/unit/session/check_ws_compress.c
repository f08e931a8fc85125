/*
 * This file tests session/ws_compress.c and what compression means to sending:
 * what goes compressed, and that nothing refers to what was never sent. The
 * peer inflates with just what was agreed on.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/ws_deflate.h"
#include "session/ws_private.h"
#include "support/suite.h"
#include "ws_rig.h"

#define PACKED_HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"
#define THIRTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct sh_ws_extension shared = {
	.deflates = true,
	.server_bits = 15,
	.client_bits = 15,
};
static const struct sh_ws_extension takeover = {
	.deflates = true,
	.server_takeover = true,
	.client_takeover = true,
	.server_bits = 12,
	.client_bits = 12,
};

/* Text that a window makes half as long; the same for the same seed. */
static void
write_text(char *text, size_t len, uint32_t seed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		text[i] = "0123456789abcdef"[seed >> 28];
	}
	text[len] = '\0';
}

static void
answer_all(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	ck_assert_int_eq(
	    shoal_ws_send(ws, message->type, THIRTY, sizeof(THIRTY) - 1), 0);
	ck_assert_int_eq(shoal_ws_send(ws, SHOAL_WS_TEXT, "small", 5), 0);
	ck_assert_int_eq(
	    shoal_ws_send(ws, SHOAL_WS_TEXT, "abcdefghijklmnop", 16), 0);
	ck_assert_int_eq(
	    shoal_ws_send_part(ws, SHOAL_WS_TEXT, THIRTY, 30, false), 0);
	ck_assert_int_eq(
	    shoal_ws_send_part(ws, SHOAL_WS_TEXT, THIRTY, 30, true), 0);
	ck_assert_int_eq(shoal_ws_ping(ws, THIRTY, 30), 0);
	ck_assert_int_eq(shoal_ws_printf(ws, "%s", THIRTY), 0);
}

#define ANSWERS(type)                                                  \
	type " packed 30 " THIRTY ";text 5 small;"                     \
	     "text 16 abcdefghijklmnop;text... 30 " THIRTY ";more 30 " \
	     "" THIRTY ";ping 30 " THIRTY ";text packed 30 " THIRTY ";"

/* Both ways: what is compressed, and what is not. */
static void
check_both_ways(const struct sh_ws_extension *extension)
{
	struct rig rig = {
		.extension = *extension,
		.options.compression_min_size = 10,
		.on_message = answer_all,
	};

	rig_open(&rig);
	rig_send(&rig, 0xc1, PACKED_HELLO, sizeof(PACKED_HELLO) - 1);
	rig_expect_frames(&rig, ANSWERS("text"));
	rig_send(&rig, 0x82, "plain", 5);
	rig_expect_frames(&rig, ANSWERS("binary"));
	rig_send(&rig, 0x41, PACKED_HELLO, 3);
	rig_send(&rig, 0x80, &PACKED_HELLO[3], 4);
	rig_expect_frames(&rig, ANSWERS("text"));
	rig_expect_notes(&rig, "text 5 Hello;binary 5 plain;text 5 Hello;");
	rig_send(&rig, 0x88, "\x03\xe8", 2);
	rig_expect_frames(&rig, "close 1000 ;");
	rig_hang_up(&rig, false);
	rig_close(&rig);
}

START_TEST(test_both_ways)
{
	check_both_ways(&shared);
	check_both_ways(&takeover);
}
END_TEST

/* With context takeover a message refers to those before, and the peer's
 * to its own. */
static void
send_same(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	char text[1001];

	write_text(text, 1000, 7);
	ck_assert_int_eq(shoal_ws_send(ws, SHOAL_WS_TEXT, text, 1000), 0);
}

START_TEST(test_takeover)
{
	struct rig rig = { .extension = takeover, .on_message = send_same };
	size_t first;

	rig_open(&rig);
	rig_send(&rig, 0xc1, PACKED_HELLO, sizeof(PACKED_HELLO) - 1);
	rig_expect_frames(&rig, "text packed 1000;");
	first = rig.packed;
	ck_assert_uint_gt(first, 400);
	ck_assert_ptr_nonnull(rig.ws->busy->deflater);
	rig_send(&rig, 0xc1, "\xf2\x00\x11\x00\x00", 5);
	rig_expect_frames(&rig, "text packed 1000;");
	ck_assert_uint_lt(rig.packed - first, 50);
	rig_expect_notes(&rig, "text 5 Hello;text 5 Hello;");
	rig_hang_up(&rig, false);
	rig_close(&rig);
}
END_TEST

/* Without it there is nothing to keep. */
START_TEST(test_shared)
{
	struct rig rig = { .extension = shared, .on_message = send_same };

	rig_open(&rig);
	rig_send(&rig, 0xc1, PACKED_HELLO, sizeof(PACKED_HELLO) - 1);
	rig_expect_frames(&rig, "text packed 1000;");
	RIG_TURNS(&rig, 2);
	ck_assert_ptr_null(rig.ws->busy);
	ck_assert_ptr_null(rig.ws->receiver.partial);
	rig_send(&rig, 0xc1, "\xf2\x00\x11\x00\x00", 5);
	rig_expect_frames(
	    &rig, "close 1007 a compressed message does not inflate;");
	rig_hang_up(&rig, false);
	rig_close(&rig);
}
END_TEST

/* The kernel shall not hold much, so that few messages fill it. */
static void
make_small(struct rig *rig)
{
	int size = 128 * 1024; /* two segments of the loopback, or it crawls */

	ck_assert_int_eq(
	    setsockopt(rig->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
}

/* Messages until one is refused; and again when there is room. */
static void
send_until_refused(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	char text[4001];
	int i, r = 0;

	for (i = 0; i < 100000 && r == 0; i++) {
		/* each is there twice, so that it is referred to */
		write_text(text, 4000, (uint32_t)i / 2);
		r = shoal_ws_send(ws, SHOAL_WS_TEXT, text, 4000);
	}
	rig_note(rig, "sent %d", r);
	*(int *)rig->arg = i - 1;
}

/* Frames that came: how many there are. */
static int
count_frames(struct rig *rig, const char *frame)
{
	int count = 0;
	const char *at;

	sh_buf_add(&rig->frames, "", 1);
	at = rig->frames.data;
	while (strncmp(at, frame, strlen(frame)) == 0) {
		at += strlen(frame);
		count++;
	}
	ck_assert_str_eq(at, "");
	sh_buf_fini(&rig->frames);
	return count;
}

/* One that is refused is not referred to. */
static void
check_refused(const struct sh_ws_extension *extension)
{
	int sent = 0, turn;
	struct rig rig = {
		.extension = *extension,
		.on_message = send_until_refused,
		.queue_high = 20000,
		.queue_low = 1,
		.arg = &sent,
	};

	rig_open(&rig);
	make_small(&rig);
	for (turn = 0; turn < 2; turn++) {
		int got = 0;

		rig_send(&rig, 0x81, "go", 2);
		RIG_UNTIL(&rig, rig.notes.len != 0);
		RIG_UNTIL(&rig,
		    (rig_read(&rig),
			got += count_frames(&rig, "text packed 4000;"),
			got >= sent));
		ck_assert_int_eq(got, sent);
		ck_assert_int_gt(sent, 5);
		rig_expect_notes(&rig, "text 2 go;sent -11;writable;");
	}
	rig_hang_up(&rig, false);
	rig_close(&rig);
}

START_TEST(test_refused)
{
	check_refused(&shared);
	check_refused(&takeover);
}
END_TEST

/* Frames of whole messages that came. */
static int
take_frames(struct rig *rig, size_t *packed_out)
{
	char *at, *end;
	int count = 0;

	sh_buf_add(&rig->frames, "", 1);
	for (at = rig->frames.data; *at != '\0'; at = end + 1) {
		end = strchr(at, ';');
		ck_assert_ptr_nonnull(end);
		/* the handler has returned */
		if (strncmp(at, "close 1000 ;", 12) == 0)
			continue;
		if (strncmp(at, "text packed 4000;", 17) == 0)
			(*packed_out)++;
		else
			ck_assert_int_eq(strncmp(at, "text 4000;", 10), 0);
		count++;
	}
	sh_buf_fini(&rig->frames);
	return count;
}

enum { WAITING_SENDS = 2000 };

static void
send_waiting(struct shoal_ws *ws, struct rig *rig)
{
	char text[4001];
	int i, r = 0;

	for (i = 0; i < WAITING_SENDS && r == 0; i++) {
		write_text(text, 4000, (uint32_t)i / 2);
		r = shoal_co_ws_send(ws, SHOAL_WS_TEXT, text, 4000, -1);
	}
	rig_note(rig, "sent %d %d", i, r);
}

/* Those that wait for room all come, and can be inflated; those that share a
 * compressor are compressed while they wait. */
static void
check_waiting(const struct sh_ws_extension *extension, bool all_packed)
{
	struct rig rig = {
		.extension = *extension,
		.handler = send_waiting,
		.queue_high = 20000,
		.queue_low = 10000,
	};
	size_t packed = 0;
	int got = 0;

	rig_open(&rig);
	make_small(&rig);
	RIG_UNTIL(&rig,
	    (rig_read(&rig), got += take_frames(&rig, &packed),
		got >= WAITING_SENDS));
	ck_assert_uint_gt(packed, 5);
	/* some had to wait, and those go as they are */
	ck_assert_int_eq(packed == WAITING_SENDS, all_packed);
	rig_expect_notes(&rig, "sent 2000 0;");
	rig_hang_up(&rig, false);
	rig_close(&rig);
}

START_TEST(test_waiting)
{
	check_waiting(&shared, true);
	check_waiting(&takeover, false);
}
END_TEST

/* Who agreed on different things is of different kinds. */
START_TEST(test_kinds)
{
	struct shoal_ws_options options = {
		.message_size = 1, .fragments = 1, .compression_min_size = 256
	};
	struct sh_ws_extension none = { 0 };
	struct sh_ws_kind *a = sh_ws_kind_need(&options, &none, NULL, 0),
			  *b = sh_ws_kind_need(&options, &shared, NULL, 0),
			  *c = sh_ws_kind_need(&options, &takeover, NULL, 0),
			  *same = sh_ws_kind_need(&options, &shared, NULL, 0);

	ck_assert_ptr_ne(a, b);
	ck_assert_ptr_ne(b, c);
	ck_assert_ptr_eq(b, same);
	ck_assert_uint_eq(a->pack_min, SIZE_MAX);
	ck_assert_uint_eq(b->pack_min, 256);
	sh_ws_kind_drop(&a);
	sh_ws_kind_drop(&b);
	sh_ws_kind_drop(&c);
	sh_ws_kind_drop(&same);
	options.compression_min_size = -1;
	a = sh_ws_kind_need(&options, &shared, NULL, 0);
	ck_assert_uint_eq(a->pack_min, 0);
	/* and who may queue as much as they do not */
	b = sh_ws_kind_need(&options, &shared, NULL, 1);
	ck_assert_ptr_ne(a, b);
	sh_ws_kind_drop(&a);
	sh_ws_kind_drop(&b);
}
END_TEST

/* The text of the answer, cut where there is no room. */
static void
note_extension(struct shoal_ws *ws, struct rig *rig)
{
	char text[100], little[5];

	rig_note(rig, "%s", shoal_ws_extension(ws, text, sizeof(text)));
	rig_note(rig, "%s", shoal_ws_extension(ws, little, sizeof(little)));
}

START_TEST(test_text)
{
	struct rig rig = { .extension = shared, .on_open = note_extension };
	struct rig off = { .on_open = note_extension };

	rig_open(&rig);
	rig_expect_notes(&rig,
	    "permessage-deflate; server_no_context_takeover; "
	    "client_no_context_takeover;perm;");
	rig_hang_up(&rig, false);
	rig_close(&rig);
	rig_open(&off);
	rig_expect_notes(&off, ";;");
	rig_send(&off, 0xc1, PACKED_HELLO, sizeof(PACKED_HELLO) - 1);
	rig_expect_frames(&off, "close 1002 a reserved bit is set;");
	rig_hang_up(&off, false);
	rig_close(&off);
}
END_TEST

/* --- who sends little that inflates to much ---------------------------------- */

enum { BOMB = 1 << 20, BOMBS = 20 };

static int bombs, bombs_in_turn, bombs_in_turn_max;
static uint64_t bomb_turn;

static void
count_bomb(
    struct shoal_ws *ws, const struct shoal_message *message, struct rig *rig)
{
	uint64_t turn = sh_loop_turns(rig->loop);

	if (message->len != BOMB)
		rig_note(rig, "length %zu", message->len);
	bombs_in_turn = turn == bomb_turn ? bombs_in_turn + 1 : 1;
	bomb_turn = turn;
	if (bombs_in_turn > bombs_in_turn_max)
		bombs_in_turn_max = bombs_in_turn;
	bombs++;
	sh_buf_fini(&rig->notes);
	if (bombs == (intptr_t)rig->arg)
		(void)shoal_ws_close(ws, 1000, NULL);
}

/* Send all of them, in one piece. */
static void
send_bombs(struct rig *rig)
{
	static char zeros[BOMB];
	struct sh_ws_deflater *none = NULL;
	struct sh_ws_deflate deflate = { 0 };
	const uint8_t *packed;
	size_t len = sh_ws_compress(
	    &deflate, &rig->extension, &none, zeros, BOMB, &packed);
	int i;

	ck_assert_uint_gt(len, 0);
	ck_assert_uint_lt(len * BOMBS, 100000);
	for (i = 0; i < BOMBS; i++)
		rig_send(rig, 0xc2, packed, len);
	sh_ws_deflate_fini(&deflate);
}

/* Others have their turns between the messages, and none gets lost. */
static void
check_bombs(bool coroutine, int close_after)
{
	struct rig rig = {
		.extension = shared,
		.handler = coroutine ? rig_note_messages : NULL,
		.on_message = count_bomb,
		.arg = (void *)(intptr_t)close_after,
	};

	bombs = bombs_in_turn_max = 0;
	rig_open(&rig);
	RIG_TURNS(&rig, 2);
	send_bombs(&rig);
	if (close_after != 0)
		rig_send(&rig, 0x88, "\x03\xe8", 2);
	ck_assert_int_eq(shutdown(rig.fd, SHUT_WR), 0);
	RIG_UNTIL(&rig, rig.ws == NULL);
	ck_assert_int_eq(bombs, close_after != 0 ? close_after : BOMBS);
	ck_assert_int_eq(bombs_in_turn_max, 1);
	if (close_after != 0)
		rig_expect_notes(&rig,
		    coroutine ? "recv 0;end 1000  clean 0;"
			      : "end 1000  clean 0;");
	else
		rig_expect_notes(&rig,
		    coroutine ? "recv -1003;end 1006  by peer -1003;"
			      : "end 1006  by peer -1003;");
	rig_close(&rig);
}

START_TEST(test_bombs_take_turns)
{
	check_bombs(false, 0);
	check_bombs(true, 0);
	check_bombs(false, 3);
	check_bombs(true, 3);
}
END_TEST

SH_SUITE("session/ws_compress", test_both_ways, test_takeover, test_shared,
    test_refused, test_waiting, test_kinds, test_text, test_bombs_take_turns)
