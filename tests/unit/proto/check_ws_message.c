/*
 * This file tests proto/ws_message.c, with the scanner and the cutter below it:
 * RFC 6455, section 5, rule by rule. Every stream is given whole, byte by byte
 * and split at every point, and the events are compared as one line of text.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "proto/ws_deflate.h"
#include "proto/ws_message.h"
#include "support/suite.h"

enum {
	MESSAGE_MAX = 300,
	FRAGMENTS_MAX = 4,
	FRAMES_MAX = 8,
	SHOWN_MAX = 40,
	STREAM_MAX = 1 << 22,
};

/* What a client sends: a frame with a mask, or raw bytes. */
struct sent {
	int first; /* byte of the header; RAW */
	const char *data;
	size_t len;
};

enum { RAW = -1 };

#define F(first, data)                        \
	{                                     \
		first, data, sizeof(data) - 1 \
	}
#define R(data)                             \
	{                                   \
		RAW, data, sizeof(data) - 1 \
	}

struct row {
	const char *events;
	struct sent sent[FRAMES_MAX];
};

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define P125 HUNDRED TEN TEN "01234"
#define EMPTY "\x00\x00\x00\xff\xff"
#define TEN_EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY
#define HUNDRED_EMPTY                                                         \
	TEN_EMPTY TEN_EMPTY TEN_EMPTY TEN_EMPTY TEN_EMPTY TEN_EMPTY TEN_EMPTY \
	    TEN_EMPTY TEN_EMPTY TEN_EMPTY

static const struct row rows[] = {
	/* 5.6: messages of one frame; 5.2: lengths */
	{ "text 5 Hello;", { F(0x81, "Hello") } },
	{ "binary 3 \\00\\ff\\80;", { F(0x82, "\0\xff\x80") } },
	{ "text 0 ;", { F(0x81, "") } },
	{ "binary 0 ;", { F(0x82, "") } },
	{ "text 1 a;text 1 b;binary 1 c;",
	    { F(0x81, "a"), F(0x81, "b"), F(0x82, "c") } },
	{ "text 125 #6550;", { F(0x81, P125) } },
	{ "text 126 #6646;", { F(0x81, P125 "`") } },
	{ "text 300 #15750;", { F(0x81, HUNDRED HUNDRED HUNDRED) } },
	/* 5.2: longer forms than needed are taken */
	{ "text 2 ok;", { R("\x81\xfe\0\x02\0\0\0\0ok") } },
	{ "text 2 ok;", { R("\x81\xff\0\0\0\0\0\0\0\x02\0\0\0\0ok") } },
	/* 5.2: the top bit of a length, before its size is looked at */
	{ "error 1002;", { R("\x81\xff\x80\0\0\0\0\0\0\x02\0\0\0\0ok") } },
	{ "error 1002;", { R("\x81\xff\x80") } },
	/* 5.1: a client masks */
	{ "error 1002;", { R("\x81\x05Hello") } },
	{ "error 1002;", { R("\x89\x00") } },
	{ "text 1 a;error 1002;",
	    { F(0x81, "a"), R("\x81\x01"), F(0x81, "b") } },
	/* 5.2: reserved bits and opcodes */
	{ "error 1002;", { F(0xc1, "x") } },
	{ "error 1002;", { F(0xa1, "x") } },
	{ "error 1002;", { F(0x91, "x") } },
	{ "error 1002;", { F(0xc9, "") } },
	{ "error 1002;", { F(0x83, "x") } },
	{ "error 1002;", { F(0x84, "x") } },
	{ "error 1002;", { F(0x85, "x") } },
	{ "error 1002;", { F(0x86, "x") } },
	{ "error 1002;", { F(0x87, "x") } },
	{ "error 1002;", { F(0x8b, "x") } },
	{ "error 1002;", { F(0x8c, "x") } },
	{ "error 1002;", { F(0x8d, "x") } },
	{ "error 1002;", { F(0x8e, "x") } },
	{ "error 1002;", { F(0x8f, "x") } },
	{ "error 1002;", { R("\x83") } },
	/* 5.4: fragments */
	{ "text 5 Hello;", { F(0x01, "Hel"), F(0x80, "lo") } },
	{ "binary 3 \\ffab;", { F(0x02, "\xff"), F(0x00, "a"), F(0x80, "b") } },
	{ "text 0 ;", { F(0x01, ""), F(0x00, ""), F(0x80, "") } },
	{ "text 1 a;", { F(0x01, ""), F(0x80, "a") } },
	{ "text 2 ab;text 2 cd;text 1 e;",
	    { F(0x01, "a"), F(0x80, "b"), F(0x01, "c"), F(0x80, "d"),
		F(0x81, "e") } },
	{ "", { F(0x01, "never ended") } },
	{ "error 1002;", { F(0x80, "nothing") } },
	{ "error 1002;", { F(0x00, "nothing"), F(0x80, "") } },
	{ "text 1 a;error 1002;", { F(0x81, "a"), F(0x80, "b") } },
	{ "text 2 ab;error 1002;",
	    { F(0x01, "a"), F(0x80, "b"), F(0x80, "") } },
	{ "error 1002;", { F(0x01, "a"), F(0x81, "b") } },
	{ "error 1002;", { F(0x01, "a"), F(0x02, "b") } },
	/* 5.4, 5.5: control frames among fragments */
	{ "ping 1 p;text 2 ab;", { F(0x01, "a"), F(0x89, "p"), F(0x80, "b") } },
	{ "ping 1 p;pong 0 ;ping 1 q;text 3 abc;",
	    { F(0x01, "a"), F(0x89, "p"), F(0x8a, ""), F(0x00, "b"),
		F(0x89, "q"), F(0x80, "c") } },
	{ "close 1000 0 ;",
	    { F(0x01, "a"), F(0x88, "\x03\xe8"), F(0x80, "b") } },
	/* 5.5: control frames are short and whole */
	{ "ping 0 ;", { F(0x89, "") } },
	{ "ping 125 #6550;", { F(0x89, P125) } },
	{ "pong 125 #6550;", { F(0x8a, P125) } },
	{ "ping 3 \\00\\ff\\80;", { F(0x89, "\0\xff\x80") } },
	{ "pong 4 some;", { F(0x8a, "some") } },
	{ "error 1002;", { F(0x89, P125 "x") } },
	{ "error 1002;", { F(0x8a, P125 "x") } },
	{ "error 1002;", { F(0x88, "\x03\xe8" P125) } },
	{ "error 1002;", { R("\x89\xfe") } },
	{ "error 1002;", { R("\x89\xff") } },
	{ "error 1002;", { F(0x09, "p"), F(0x80, "") } },
	{ "error 1002;", { F(0x0a, "p") } },
	{ "error 1002;", { F(0x08, "\x03\xe8") } },
	/* 5.5.1: close */
	{ "close 1005 0 ;", { F(0x88, "") } },
	{ "close 1000 0 ;", { F(0x88, "\x03\xe8") } },
	{ "close 1001 4 away;",
	    { F(0x88,
		"\x03\xe9"
		"away") } },
	{ "close 1014 0 ;", { F(0x88, "\x03\xf6") } },
	{ "close 3000 0 ;", { F(0x88, "\x0b\xb8") } },
	{ "close 4999 2 \\c3\\a4;", { F(0x88, "\x13\x87\xc3\xa4") } },
	{ "error 1002;", { F(0x88, "\x03") } },
	{ "error 1002;", { F(0x88, "\0\0") } },
	{ "error 1002;", { F(0x88, "\x03\xe7") } }, /* 999 */
	{ "error 1002;", { F(0x88, "\x03\xec") } }, /* 1004 */
	{ "error 1002;", { F(0x88, "\x03\xed") } }, /* 1005 */
	{ "error 1002;", { F(0x88, "\x03\xee") } }, /* 1006 */
	{ "error 1002;", { F(0x88, "\x03\xf7") } }, /* 1015 */
	{ "error 1002;", { F(0x88, "\x07\xd0") } }, /* 2000 */
	{ "error 1002;", { F(0x88, "\x13\x88") } }, /* 5000 */
	{ "error 1002;", { F(0x88, "\xff\xff") } },
	{ "error 1007;", { F(0x88, "\x03\xe8\xff") } },
	{ "error 1007;",
	    { F(0x88,
		"\x03\xe8"
		"cut\xc3") } },
	/* nothing counts after a close, or an error */
	{ "close 1000 0 ;",
	    { F(0x88, "\x03\xe8"), F(0x81, "more"), R("\xff") } },
	{ "close 1005 0 ;", { F(0x88, ""), F(0x88, "") } },
	{ "error 1002;", { F(0x83, ""), F(0x81, "more"), F(0x88, "") } },
	/* 8.1: text is UTF-8, over fragments too; cut off only between them */
	{ "text 2 \\c3\\a4;", { F(0x81, "\xc3\xa4") } },
	{ "text 2 \\c3\\a4;", { F(0x01, "\xc3"), F(0x80, "\xa4") } },
	{ "ping 1 \\a4;text 4 \\f0\\9f\\90\\9f;",
	    { F(0x01, "\xf0\x9f"), F(0x89, "\xa4"), F(0x00, ""),
		F(0x80, "\x90\x9f") } },
	{ "error 1007;", { F(0x81, "\xff") } },
	{ "error 1007;", { F(0x81, "cut\xc3") } },
	{ "error 1007;", { F(0x81, "\xed\xa0\x80") } },
	{ "error 1007;", { F(0x01, "\xc3"), F(0x80, "") } },
	{ "error 1007;", { F(0x01, "\xc3"), F(0x80, "b") } },
	{ "error 1007;", { F(0x01, "ab\xff"), F(0x89, "late") } },
	{ "text 1 a;error 1007;", { F(0x81, "a"), F(0x81, "\xf5") } },
	/* fail fast: the rest of the frame is not waited for */
	{ "error 1007;", { R("\x81\xfe\x01\x00\0\0\0\0ab\xff") } },
	{ "error 1007;", { R("\x81\x85\0\0\0\0\xf4\x90") } },
	/* what one text leaves does not touch the next */
	{ "binary 1 \\c3;text 1 a;", { F(0x82, "\xc3"), F(0x81, "a") } },
	{ "binary 2 \\c3\\c3;text 2 ab;",
	    { F(0x02, "\xc3"), F(0x80, "\xc3"), F(0x01, "a"), F(0x80, "b") } },
	/* limits: 300 bytes, told by the header; 4 fragments */
	{ "error 1009;", { F(0x81, HUNDRED HUNDRED HUNDRED "x") } },
	{ "error 1009;", { R("\x81\xfe\x01\x2d\0\0\0\0") } },
	{ "error 1009;",
	    { R("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0") } },
	{ "text 300 #15750;", { F(0x01, HUNDRED HUNDRED), F(0x80, HUNDRED) } },
	{ "error 1009;", { F(0x01, HUNDRED HUNDRED), F(0x80, HUNDRED "x") } },
	{ "text 4 abcd;",
	    { F(0x01, "a"), F(0x00, "b"), F(0x00, "c"), F(0x80, "d") } },
	{ "error 1008;",
	    { F(0x01, ""), F(0x00, ""), F(0x00, ""), F(0x00, ""),
		F(0x80, "") } },
	/* a limit is a message's */
	{ "text 300 #15750;text 300 #15750;",
	    { F(0x81, HUNDRED HUNDRED HUNDRED),
		F(0x01, HUNDRED HUNDRED HUNDRED), F(0x80, "") } },
};

#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"

/* The same with permessage-deflate, with and without context takeover. */
static const struct row deflated_rows[] = {
	/* RFC 7692, 7.2.3.1: a frame, and fragments cut anywhere */
	{ "text 5 Hello;", { F(0xc1, HELLO) } },
	{ "text 5 Hello;",
	    { F(0x41, "\xf2\x48\xcd"), F(0x80, "\xc9\xc9\x07\x00") } },
	{ "text 5 Hello;",
	    { F(0x41, ""), F(0x00, HELLO), F(0x00, ""), F(0x80, "") } },
	{ "text 5 Hello;binary 5 Hello;", { F(0xc1, HELLO), F(0xc2, HELLO) } },
	/* 7.2.3.3: a block that is not compressed */
	{ "text 5 Hello;", { F(0xc1, "\x00\x05\x00\xfa\xffHello\x00") } },
	/* 7.2.3.4: a block that says it is the last; others may follow */
	{ "text 5 Hello;text 5 Hello;",
	    { F(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), F(0xc1, HELLO) } },
	{ "text 10 HelloHello;",
	    { F(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00" HELLO) } },
	{ "text 5 Hello;text 5 Hello;",
	    { F(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00"), F(0xc1, HELLO) } },
	/* 7.2.3.5: two blocks */
	{ "text 5 Hello;",
	    { F(0xc1,
		"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00") } },
	/* 7.2.3.6: nothing; also as some clients send it */
	{ "text 0 ;", { F(0xc1, "\x00") } },
	{ "binary 0 ;text 5 Hello;", { F(0xc2, ""), F(0xc1, HELLO) } },
	{ "text 0 ;", { F(0x41, ""), F(0x80, "\x00") } },
	{ "text 0 ;", { F(0x41, ""), F(0x80, "") } },
	{ "text 5 Hello;", { F(0xc1, HELLO "\x00\x00\xff\xff") } },
	/* 6: messages may go without compression */
	{ "text 5 Hello;text 2 ab;text 5 Hello;",
	    { F(0xc1, HELLO), F(0x01, "a"), F(0x80, "b"), F(0xc1, HELLO) } },
	{ "text 5 Hello;binary 1 \\ff;", { F(0xc1, HELLO), F(0x82, "\xff") } },
	/* 6, 6.1: the bit is the first frame's, and not a control frame's */
	{ "error 1002;", { F(0x41, "\xf2\x48\xcd"), F(0xc0, "\xc9") } },
	{ "error 1002;", { F(0x01, "a"), F(0xc0, "b") } },
	{ "error 1002;", { F(0x41, "\xf2"), F(0x40, "\x48") } },
	{ "error 1002;", { F(0xc8, "") } },
	{ "error 1002;", { F(0xc9, "") } },
	{ "error 1002;", { F(0xca, "\x00") } },
	{ "error 1002;", { R("\xc9") } },
	{ "error 1002;", { F(0xe1, HELLO) } },
	{ "error 1002;", { F(0xd1, HELLO) } },
	{ "error 1002;", { F(0xa1, "x") } },
	{ "error 1002;", { F(0xc3, HELLO) } },
	/* control frames in between are as they are */
	{ "ping 1 p;text 5 Hello;",
	    { F(0x41, "\xf2\x48\xcd"), F(0x89, "p"),
		F(0x80, "\xc9\xc9\x07\x00") } },
	{ "close 1000 0 ;", { F(0x41, "\xf2\x48\xcd"), F(0x88, "\x03\xe8") } },
	/* what does not inflate: a block type that there is not, a stored
	 * block whose lengths differ, one that is cut off, a distance behind
	 * the begin */
	{ "error 1007;", { F(0xc1, "\x07") } },
	{ "error 1007;", { F(0xc1, "\xff\xff\xff\xff") } },
	{ "error 1007;", { F(0xc2, "\x00\x05\x00\xfa\xfeHello\x00") } },
	{ "error 1007;", { F(0xc2, "\x00\x05\x00\xfa\xffHell") } },
	{ "error 1007;", { F(0xc2, "\xf2\x48\xcd\xc9") } },
	{ "error 1007;", { F(0xc2, "\x02\x03\x00") } },
	{ "text 5 Hello;error 1007;", { F(0xc1, HELLO), F(0xc1, "\x07") } },
	/* as soon as it is there, the rest is not waited for */
	{ "error 1007;", { R("\xc2\xfe\x01\x00\0\0\0\0\xff") } },
	{ "error 1007;", { F(0x42, "\xff"), F(0x89, "late") } },
	/* text is UTF-8 when inflated, and fails as early */
	{ "text 2 \\c3\\a4;", { F(0xc1, "\x3a\xbc\x04\x00") } },
	{ "error 1007;", { F(0xc1, "\x00\x02\x00\xfd\xff\xc3\x28\x00") } },
	{ "error 1007;", { F(0xc1, "\x00\x01\x00\xfe\xff\xc3\x00") } },
	{ "binary 1 \\c3;", { F(0xc2, "\x00\x01\x00\xfe\xff\xc3\x00") } },
	{ "error 1007;",
	    { R("\xc1\xfe\x01\x00\0\0\0\0\x00\xff\x00\x00\xff"
		"ab\xff") } },
	/* limits: 300 bytes inflated; a header may tell of some more */
	{ "binary 300 #29100;",
	    { F(0xc2, "\x4a\x4c\x1c\x05\xc4\x02\x00\x00") } },
	{ "binary 300 #29100;",
	    { F(0x42, "\x4a\x4c\x1c"), F(0x80, "\x05\xc4\x02\x00\x00") } },
	{ "error 1009;", { F(0xc2, "\x4a\x4c\x1c\x05\x44\x03\x00\x00") } },
	{ "binary 0 ;",
	    { F(0xc2,
		"\x00\x00\x00\xff\xff" HUNDRED_EMPTY HUNDRED_EMPTY "\x00") } },
	{ "error 1009;", { R("\xc2\xfe\x05\x52\0\0\0\0") } },
	{ "", { R("\xc2\xfe\x05\x51\0\0\0\0") } },
	{ "error 1009;",
	    { R("\xc2\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0") } },
	{ "error 1009;", { F(0x42, HELLO), R("\x80\xfe\x05\x4b\0\0\0\0") } },
	{ "error 1009;", { F(0x81, HUNDRED HUNDRED HUNDRED "x") } },
	{ "error 1008;",
	    { F(0x42, ""), F(0x00, ""), F(0x00, ""), F(0x00, ""),
		F(0x80, "\x00") } },
};

/* 7.2.3.2: the second one refers to the first. */
static const struct row takeover_rows[] = {
	{ "text 5 Hello;text 5 Hello;",
	    { F(0xc1, HELLO), F(0xc1, "\xf2\x00\x11\x00\x00") } },
	{ "text 5 Hello;text 1 x;text 5 Hello;text 5 Hello;",
	    { F(0xc1, HELLO), F(0x81, "x"), F(0xc1, "\xf2\x00\x11\x00\x00"),
		F(0xc1, "\xf2\x00\x11\x00\x00") } },
};
static const struct row no_takeover_rows[] = {
	{ "text 5 Hello;error 1007;",
	    { F(0xc1, HELLO), F(0xc1, "\xf2\x00\x11\x00\x00") } },
};

/* --- streams --------------------------------------------------------------- */

static void
add_frame(struct sh_buf *stream, const struct sent *sent, uint8_t seed)
{
	const uint8_t mask[4] = { 0x37, 0xfa, 0x21 ^ seed, seed };
	uint8_t header[SH_WS_HEADER_MAX], byte;
	size_t i, n;

	if (sent->first == RAW) {
		sh_buf_add(stream, sent->data, sent->len);
		return;
	}
	/* its first byte is written below, as it may be one that none has */
	n = sh_ws_header_write(header, SH_WS_BINARY, true, sent->len);
	header[0] = (uint8_t)sent->first;
	header[1] |= 0x80;
	sh_buf_add(stream, header, n);
	sh_buf_add(stream, mask, 4);
	for (i = 0; i < sent->len; i++) {
		byte = (uint8_t)sent->data[i] ^ mask[i % 4];
		sh_buf_add(stream, &byte, 1);
	}
}

static struct sh_buf
make_stream(const struct sent *sent, size_t n)
{
	struct sh_buf stream;
	size_t i;

	sh_buf_init(&stream, STREAM_MAX);
	for (i = 0; i < n && sent[i].data != NULL; i++)
		add_frame(&stream, &sent[i], (uint8_t)(i * 41));
	return stream;
}

/* --- events as text -------------------------------------------------------- */

static void
write_data(struct sh_buf *text, const char *data, size_t len)
{
	unsigned long sum = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		sum += (unsigned char)data[i];
		if (len > SHOWN_MAX)
			continue;
		if (data[i] >= ' ' && data[i] <= '~')
			sh_buf_add(text, data + i, 1);
		else
			sh_buf_printf(text, "\\%02x", (unsigned char)data[i]);
	}
	if (len > SHOWN_MAX)
		sh_buf_printf(text, "#%lu", sum);
}

static void
write_event(struct sh_buf *text, const struct sh_ws_event *event)
{
	switch (event->type) {
	case SH_WS_EVENT_MESSAGE:
		sh_buf_puts(text, event->text ? "text" : "binary");
		break;
	case SH_WS_EVENT_PIECE:
		sh_buf_printf(text, "%s%s%s", event->first ? "first " : "",
		    event->final ? "last " : "",
		    event->text ? "text" : "binary");
		break;
	case SH_WS_EVENT_PING: sh_buf_puts(text, "ping"); break;
	case SH_WS_EVENT_PONG: sh_buf_puts(text, "pong"); break;
	case SH_WS_EVENT_CLOSE:
		sh_buf_printf(text, "close %u", event->code);
		break;
	case SH_WS_EVENT_ERROR:
		ck_assert_ptr_nonnull(event->why);
		sh_buf_printf(text, "error %u;", event->code);
		return;
	}
	ck_assert_ptr_nonnull(event->data);
	sh_buf_printf(text, " %zu ", event->len);
	write_data(text, event->data, event->len);
	sh_buf_puts(text, ";");
}

/* Bytes come, in an allocation of their own; all that is left goes in after
 * each event. */
static void
come(struct sh_ws_receiver *receiver, const char *data, size_t len,
    struct sh_buf *text)
{
	char *exact = malloc(len + 1), behind;
	size_t at = 0, used;
	struct sh_ws_event event;
	int r;

	memcpy(exact, data, len);
	do {
		r = sh_ws_receive(
		    receiver, exact + at, len - at, &used, &event);
		ck_assert_int_ge(r, 0);
		ck_assert_uint_le(used, len - at);
		at += used;
		if (r == 1)
			write_event(text, &event);
		/* there is room for a NUL */
		if (r == 1 && event.type != SH_WS_EVENT_ERROR) {
			behind = event.data[event.len];
			event.data[event.len] = '\0';
			event.data[event.len] = behind;
		}
	} while (r == 1);
	ck_assert_uint_eq(at, len);
	free(exact);
}

/* The events of a stream that comes in a first portion and then others. */
static char *
events_of(struct sh_ws_intake *intake, const struct sh_buf *stream,
    size_t first, size_t portion)
{
	struct sh_ws_receiver receiver;
	struct sh_buf text;
	size_t at = 0, n = first;

	sh_ws_receiver_init(&receiver, intake);
	sh_buf_init(&text, STREAM_MAX);
	do {
		n = n < stream->len - at ? n : stream->len - at;
		come(&receiver, stream->data + at, n, &text);
		at += n;
		n = portion;
	} while (at < stream->len);
	/* nothing is kept for those who are amid nothing */
	if (receiver.over)
		ck_assert_ptr_null(receiver.partial);
	sh_ws_receiver_fini(&receiver);
	sh_buf_add(&text, "", 1);
	return text.data;
}

static void
check_stream(struct sh_ws_intake *intake, const struct sh_buf *stream,
    const char *expected, size_t row)
{
	size_t at;
	char *text;

	/* in two at every point, the last of which is whole; then in ones */
	for (at = 1; at <= stream->len + 1; at++) {
		bool ones = at > stream->len;

		text = events_of(
		    intake, stream, ones ? 1 : at, ones ? 1 : stream->len);
		ck_assert_msg(strcmp(text, expected) == 0,
		    "row %zu split at %zu: %s instead of %s", row, at, text,
		    expected);
		free(text);
	}
}

/* --- tests ----------------------------------------------------------------- */

static void
check_rows(const struct row *row, size_t count, struct sh_ws_extension agreed)
{
	struct sh_ws_deflate deflate = { 0 };
	struct sh_ws_intake intake = {
		.message_max = MESSAGE_MAX,
		.fragments_max = FRAGMENTS_MAX,
		.extension = agreed,
		.deflate = &deflate,
	};
	size_t i;

	for (i = 0; i < count; i++) {
		struct sh_buf stream = make_stream(row[i].sent, FRAMES_MAX);

		check_stream(&intake, &stream, row[i].events, i);
		sh_buf_fini(&stream);
	}
	sh_ws_intake_fini(&intake);
	sh_ws_deflate_fini(&deflate);
}

START_TEST(test_rows)
{
	check_rows(rows, SH_ARRAY_LEN(rows), (struct sh_ws_extension){ 0 });
}
END_TEST

START_TEST(test_deflated)
{
	struct sh_ws_extension agreed = {
		.deflates = true,
		.server_bits = 15,
		.client_bits = 15,
	};

	check_rows(deflated_rows, SH_ARRAY_LEN(deflated_rows), agreed);
	check_rows(no_takeover_rows, SH_ARRAY_LEN(no_takeover_rows), agreed);
	agreed.client_takeover = true;
	check_rows(deflated_rows, SH_ARRAY_LEN(deflated_rows), agreed);
	check_rows(takeover_rows, SH_ARRAY_LEN(takeover_rows), agreed);
}
END_TEST

/* Lengths around those where the form changes, wslay's buffer ends, and more;
 * in portions that fall anywhere. */
START_TEST(test_long)
{
	static const size_t lens[] = { 125, 126, 127, 4083, 4084, 4085, 4086,
		4092, 4094, 4095, 4096, 4097, 8192, 65535, 65536, 65537,
		400000 };
	static const size_t portions[] = { 1, 3, 1000, 4096, 16384, 65536,
		STREAM_MAX };
	struct sh_ws_intake intake = { .message_max = 400000 };
	size_t i, j, k;

	for (i = 0; i < SH_ARRAY_LEN(lens); i++) {
		char *data = malloc(lens[i]), *whole, *text;
		struct sent sent[] = { { 0x82, data, lens[i] },
			{ 0x02, data, lens[i] }, { 0x80, "", 0 } };
		struct sh_buf stream, expected;

		for (k = 0; k < lens[i]; k++)
			data[k] = (char)(k * 31 + k / 256);
		stream = make_stream(sent, SH_ARRAY_LEN(sent));
		sh_buf_init(&expected, STREAM_MAX);
		for (k = 0; k < 2; k++) {
			sh_buf_printf(&expected, "binary %zu ", lens[i]);
			write_data(&expected, data, lens[i]);
			sh_buf_puts(&expected, ";");
		}
		whole = sh_buf_take(&expected);
		for (j = 0; j < SH_ARRAY_LEN(portions); j++) {
			/* byte by byte is slow */
			if (portions[j] < 1000 && lens[i] > 8192)
				continue;
			text = events_of(
			    &intake, &stream, portions[j] / 2 + 1, portions[j]);
			ck_assert_str_eq(text, whole);
			free(text);
		}
		free(whole);
		free(data);
		sh_buf_fini(&stream);
	}
	sh_ws_intake_fini(&intake);
}
END_TEST

/* What lies whole in the input is handed out from there, without a partial. */
START_TEST(test_in_place)
{
	char bytes[] =
	    "\x81\x85\0\0\0\0Hello\x89\x81\x01\0\0\0q\x01\x80\0\0\0\0";
	struct sh_ws_intake intake = { .message_max = MESSAGE_MAX };
	struct sh_ws_receiver receiver;
	struct sh_ws_event event;
	size_t used;

	sh_ws_receiver_init(&receiver, &intake);
	ck_assert_int_eq(sh_ws_receive(&receiver, bytes, 24, &used, &event), 1);
	ck_assert_uint_eq(used, 11);
	ck_assert_ptr_eq(event.data, bytes + 6);
	ck_assert_ptr_null(receiver.partial);
	ck_assert_int_eq(
	    sh_ws_receive(&receiver, bytes + 11, 13, &used, &event), 1);
	ck_assert_uint_eq(used, 7);
	ck_assert_ptr_eq(event.data, bytes + 17);
	ck_assert_int_eq(event.data[0], 'p');
	ck_assert_ptr_null(receiver.partial);
	/* a message is begun, and nothing is handed out */
	ck_assert_int_eq(
	    sh_ws_receive(&receiver, bytes + 18, 6, &used, &event), 0);
	ck_assert_uint_eq(used, 6);
	ck_assert_ptr_nonnull(receiver.partial);
	sh_ws_receiver_fini(&receiver);
	ck_assert_ptr_null(receiver.partial);
	ck_assert_ptr_nonnull(intake.spare);
	sh_ws_intake_fini(&intake);
}
END_TEST

/* An idle client is small, also after it has sent something in pieces; what was
 * lent stays until the next call. */
START_TEST(test_idle)
{
	char bytes[] = "\x81\x85\0\0\0\0Hello";
	struct sh_ws_intake intake = { .message_max = MESSAGE_MAX };
	struct sh_ws_receiver receiver;
	struct sh_ws_event event;
	size_t used;

	ck_assert_uint_le(sizeof(receiver), 64);
	sh_ws_receiver_init(&receiver, &intake);
	ck_assert_int_eq(sh_ws_receive(&receiver, bytes, 9, &used, &event), 0);
	ck_assert_int_eq(
	    sh_ws_receive(&receiver, bytes + 9, 2, &used, &event), 1);
	ck_assert_uint_eq(used, 2);
	ck_assert_mem_eq(event.data, "Hello", 5);
	ck_assert_int_eq(
	    sh_ws_receive(&receiver, bytes + 11, 0, &used, &event), 0);
	ck_assert_ptr_null(receiver.partial);
	sh_ws_receiver_fini(&receiver);
	sh_ws_intake_fini(&intake);
}
END_TEST

/* Two clients amid frames do not share what they are in. */
START_TEST(test_two_clients)
{
	char one[] = "\x81\x84\0\0\0\0abcd", two[] = "\x82\x84\0\0\0\0efgh";
	struct sh_ws_intake intake = { .message_max = MESSAGE_MAX };
	struct sh_ws_receiver a, b;
	struct sh_buf text_a, text_b;
	size_t i;

	sh_ws_receiver_init(&a, &intake);
	sh_ws_receiver_init(&b, &intake);
	sh_buf_init(&text_a, MESSAGE_MAX);
	sh_buf_init(&text_b, MESSAGE_MAX);
	for (i = 0; i < 10; i++) {
		come(&a, one + i, 1, &text_a);
		come(&b, two + i, 1, &text_b);
	}
	ck_assert_mem_eq(text_a.data, "text 4 abcd;", 12);
	ck_assert_mem_eq(text_b.data, "binary 4 efgh;", 14);
	sh_buf_fini(&text_a);
	sh_buf_fini(&text_b);
	/* one that goes amid a frame takes its cutter along */
	come(&a, one, 8, &text_a);
	sh_ws_receiver_fini(&a);
	come(&b, two, 10, &text_b);
	ck_assert_mem_eq(text_b.data, "binary 4 ", 9);
	sh_buf_fini(&text_b);
	sh_ws_receiver_fini(&b);
	sh_ws_intake_fini(&intake);
}
END_TEST

/* Streamed messages: the same bytes are given, whatever the pieces are, between
 * one first and one last piece; in time, and nothing is kept. */
START_TEST(test_stream)
{
	struct sh_ws_intake intake = {
		.message_max = MESSAGE_MAX,
		.fragments_max = FRAGMENTS_MAX,
		.stream = true,
	};
	static const struct row streamed[] = {
		{ "text 5 Hello;", { F(0x81, "Hello") } },
		{ "first text 2 He;text 1 l;last text 2 lo;",
		    { F(0x01, "He"), F(0x00, "l"), F(0x80, "lo") } },
		{ "first binary 1 a;last binary 0 ;",
		    { F(0x02, "a"), F(0x00, ""), F(0x80, "") } },
		{ "first last text 0 ;", { F(0x01, ""), F(0x80, "") } },
		{ "first text 1 \\c3;ping 1 p;last text 1 \\a4;text 1 b;",
		    { F(0x01, "\xc3"), F(0x89, "p"), F(0x80, "\xa4"),
			F(0x81, "b") } },
		{ "first text 1 a;error 1007;",
		    { F(0x01, "a"), F(0x80, "\xa4") } },
		{ "first binary 200 #10500;error 1009;",
		    { F(0x02, HUNDRED HUNDRED), F(0x80, HUNDRED "x") } },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(streamed); i++) {
		struct sh_buf stream =
		    make_stream(streamed[i].sent, FRAMES_MAX);
		char *text =
		    events_of(&intake, &stream, stream.len, stream.len);

		ck_assert_str_eq(text, streamed[i].events);
		free(text);
		sh_buf_fini(&stream);
	}
	sh_ws_intake_fini(&intake);
}
END_TEST

/* Of a compressed message the pieces are inflated; what one input makes is one
 * piece, and nothing is kept of it. */
START_TEST(test_stream_deflated)
{
	struct sh_ws_deflate deflate = { 0 };
	struct sh_ws_intake intake = {
		.message_max = MESSAGE_MAX,
		.stream = true,
		.extension = { .deflates = true, .client_bits = 15 },
		.deflate = &deflate,
	};
	static const struct row streamed[] = {
		{ "first last text 5 Hello;", { F(0xc1, HELLO) } },
		{ "first text 3 Hel;last text 2 lo;text 1 x;",
		    { F(0x41, "\xf2\x48\xcd\xc9"), F(0x80, "\xc9\x07\x00"),
			F(0x81, "x") } },
		{ "first text 3 Hel;ping 1 p;last text 2 lo;",
		    { F(0x41, "\xf2\x48\xcd\xc9"), F(0x00, ""), F(0x89, "p"),
			F(0x80, "\xc9\x07\x00") } },
		{ "first last text 0 ;", { F(0xc1, "\x00") } },
		{ "first last text 0 ;", { F(0x41, ""), F(0x80, "") } },
		{ "first binary 3 Hel;error 1007;",
		    { F(0x42, "\xf2\x48\xcd\xc9"), F(0x80, "\xc9") } },
		{ "first binary 260 #25220;last binary 40 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;",
		    { F(0x42, "\x4a\x4c\x1c\x05\xc4"),
			F(0x80, "\x02\x00\x00") } },
		{ "error 1009;",
		    { F(0x42, "\x4a\x4c\x1c\x05\x44\x03\x00\x00") } },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(streamed); i++) {
		struct sh_buf stream =
		    make_stream(streamed[i].sent, FRAMES_MAX);
		char *text =
		    events_of(&intake, &stream, stream.len, stream.len);

		ck_assert_str_eq(text, streamed[i].events);
		free(text);
		sh_buf_fini(&stream);
	}
	sh_ws_intake_fini(&intake);
	sh_ws_deflate_fini(&deflate);
}
END_TEST

/* A frame that comes byte by byte is given byte by byte. */
START_TEST(test_stream_comes_at_once)
{
	char bytes[] = "\x81\x85\0\0\0\0He\xffxx";
	struct sh_ws_intake intake = { .message_max = 5, .stream = true };
	struct sh_ws_receiver receiver;
	struct sh_ws_event event;
	size_t used, i;

	sh_ws_receiver_init(&receiver, &intake);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(
		    sh_ws_receive(&receiver, bytes + i, 1, &used, &event), 0);
	for (; i < 8; i++) {
		ck_assert_int_eq(
		    sh_ws_receive(&receiver, bytes + i, 1, &used, &event), 1);
		ck_assert_int_eq(event.type, SH_WS_EVENT_PIECE);
		ck_assert_int_eq(event.first, i == 6);
		ck_assert(!event.final);
		ck_assert_ptr_eq(event.data, bytes + i);
	}
	ck_assert_int_eq(
	    sh_ws_receive(&receiver, bytes + i, 1, &used, &event), 1);
	ck_assert_int_eq(event.type, SH_WS_EVENT_ERROR);
	ck_assert_uint_eq(event.code, SH_WS_BAD_DATA);
	sh_ws_receiver_fini(&receiver);
	sh_ws_intake_fini(&intake);
}
END_TEST

/* The memory of a message that was put together can be had. */
START_TEST(test_take)
{
	char bytes[] = "\x01\x82\0\0\0\0ab\x80\x81\0\0\0\0c\x82\x81\0\0\0\0d";
	struct sh_ws_intake intake = { .message_max = MESSAGE_MAX };
	struct sh_ws_receiver receiver;
	struct sh_ws_event event;
	char *taken;
	size_t used;

	sh_ws_receiver_init(&receiver, &intake);
	ck_assert_ptr_null(sh_ws_receiver_take(&receiver));
	ck_assert_int_eq(sh_ws_receive(&receiver, bytes, 22, &used, &event), 1);
	ck_assert_uint_eq(used, 15);
	taken = sh_ws_receiver_take(&receiver);
	ck_assert_ptr_eq(taken, event.data);
	taken[event.len] = '\0';
	ck_assert_ptr_null(sh_ws_receiver_take(&receiver));
	ck_assert_int_eq(
	    sh_ws_receive(&receiver, bytes + 15, 7, &used, &event), 1);
	ck_assert_ptr_null(sh_ws_receiver_take(&receiver));
	ck_assert_str_eq(taken, "abc");
	free(taken);
	sh_ws_receiver_fini(&receiver);
	sh_ws_intake_fini(&intake);
}
END_TEST

/* No limit of fragments. */
START_TEST(test_many_fragments)
{
	struct sh_ws_intake intake = { .message_max = 2000 };
	struct sent part = F(0x00, "ab"), first = F(0x02, ""),
		    last = F(0x80, "");
	struct sh_buf stream = make_stream(&first, 1);
	char *text;
	size_t i;

	for (i = 0; i < 1000; i++)
		add_frame(&stream, &part, (uint8_t)i);
	add_frame(&stream, &last, 0);
	text = events_of(&intake, &stream, 7, 7);
	ck_assert_str_eq(text, "binary 2000 #195000;");
	free(text);
	sh_buf_fini(&stream);
	sh_ws_intake_fini(&intake);
}
END_TEST

SH_SUITE("proto/ws_message", test_rows, test_deflated, test_long, test_in_place,
    test_idle, test_two_clients, test_many_fragments, test_stream,
    test_stream_comes_at_once, test_stream_deflated, test_take)
