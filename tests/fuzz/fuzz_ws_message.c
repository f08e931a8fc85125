/*
 * This file gives arbitrary bytes to the WebSocket receiver. Whole, byte by
 * byte and in portions that the input chooses they must give the same events.
 * The first bytes choose the limits and how the rest is read:
 *
 *	0	limit of a message, times 8
 *	1	limit of fragments
 *	2	seed of the portions
 *	3	bit 0: the mask bit of what begins a frame is set on the way in,
 *		so that more inputs get beyond it; bit 1: messages are streamed,
 *		and their pieces have to give the same bytes; bit 2:
 *		permessage-deflate was agreed on; bit 3: with context takeover
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/panic.h"
#include "proto/utf8.h"
#include "proto/ws_deflate.h"
#include "proto/ws_message.h"

enum { PARAMETERS = 4, INPUT_MAX = 4096, LOG_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Set the bit where a scan of the bytes, with it, finds headers. */
static void
set_mask_bits(uint8_t *data, size_t size, bool deflates)
{
	struct sh_ws_scanned frame;
	const char *why;
	size_t at = 0;
	int header;

	while (size - at >= 2) {
		data[at + 1] |= 0x80;
		header =
		    sh_ws_scan(data + at, size - at, deflates, &frame, &why);
		if (header <= 0 || frame.len > size - at - (size_t)header)
			return;
		at += (size_t)header + (size_t)frame.len;
	}
}

/* A message that is streamed: where its pieces are put together, and what comes
 * among them. */
struct stream {
	bool on, open;
	struct sh_buf data;
};

/* Pieces become the message that they are of; one that is cut off is none. */
static void
join(struct stream *stream, struct sh_buf *log, const struct sh_ws_event *event)
{
	bool whole = event->type == SH_WS_EVENT_MESSAGE;

	sh_assert(stream->on && (whole || event->first == !stream->open));
	sh_assert(!whole || !stream->open);
	if (!stream->open)
		sh_buf_fini(&stream->data);
	stream->open = !whole && !event->final;
	sh_buf_add(&stream->data, event->data, event->len);
	if (stream->open)
		return;
	sh_assert(!event->text ||
	    sh_utf8_is_valid(stream->data.data, stream->data.len));
	sh_buf_printf(log, "streamed %d %zu ", event->text, stream->data.len);
	sh_buf_add(log, stream->data.data, stream->data.len);
}

static void
note(struct sh_buf *log, const struct sh_ws_event *event)
{
	sh_assert(event->type == SH_WS_EVENT_ERROR || event->data != NULL);
	sh_buf_printf(log, "%d %d %u %zu ", (int)event->type, event->text,
	    event->code, event->len);
	if (event->len != 0)
		sh_buf_add(log, event->data, event->len);
	if (event->why != NULL)
		sh_buf_puts(log, event->why);
}

/* What has to hold of every event. */
static void
check_event(const struct sh_ws_intake *intake, const struct sh_ws_event *event)
{
	switch (event->type) {
	case SH_WS_EVENT_MESSAGE:
		sh_assert(event->len <= intake->message_max);
		sh_assert(
		    !event->text || sh_utf8_is_valid(event->data, event->len));
		break;
	case SH_WS_EVENT_PIECE:
		sh_assert(event->len <= intake->message_max);
		sh_assert(event->len != 0 || event->final);
		break;
	case SH_WS_EVENT_PING:
	case SH_WS_EVENT_PONG:
		sh_assert(event->len <= SH_WS_CONTROL_MAX);
		break;
	case SH_WS_EVENT_CLOSE:
		sh_assert(event->len <= SH_WS_REASON_MAX);
		sh_assert(event->code == SH_WS_NO_CODE ||
		    sh_ws_code_is_allowed(event->code));
		break;
	case SH_WS_EVENT_ERROR:
		sh_assert(event->code == SH_WS_PROTOCOL_ERROR ||
		    event->code == SH_WS_POLICY ||
		    event->code == SH_WS_BAD_DATA ||
		    event->code == SH_WS_TOO_BIG);
		break;
	}
}

static void
come(struct sh_ws_receiver *receiver, const uint8_t *data, size_t len,
    struct sh_buf *log, struct stream *stream)
{
	uint8_t *exact = sh_xcalloc(1, len);
	size_t at = 0, used;
	struct sh_ws_event event;
	int r;

	memcpy(exact, data, len);
	do {
		bool over = receiver->over;

		r = sh_ws_receive(
		    receiver, exact + at, len - at, &used, &event);
		sh_assert(r == 0 || r == 1);
		sh_assert(r == 0 || !over);
		sh_assert(used <= len - at);
		at += used;
		if (r == 1) {
			check_event(receiver->intake, &event);
			if (stream->on &&
			    (event.type == SH_WS_EVENT_MESSAGE ||
				event.type == SH_WS_EVENT_PIECE))
				join(stream, log, &event);
			else
				note(log, &event);
		}
	} while (r == 1);
	sh_assert(at == len);
	free(exact);
}

/* The events, when portions have at most so many bytes; 0 is all at once. */
static struct sh_buf
receive_in_portions(struct sh_ws_intake *intake, const uint8_t *data,
    size_t size, size_t portion, uint32_t seed)
{
	struct stream stream = { .on = intake->stream };
	struct sh_ws_receiver receiver;
	struct sh_buf log;
	size_t at = 0;

	sh_ws_receiver_init(&receiver, intake);
	sh_buf_init(&log, LOG_MAX);
	sh_buf_init(&stream.data, LOG_MAX);
	while (at < size) {
		size_t left = size - at, n = left;

		seed = seed * 1664525 + 1013904223;
		if (portion != 0)
			n = 1 + (seed >> 16) % portion;
		n = n < left ? n : left;
		come(&receiver, data + at, n, &log, &stream);
		at += n;
	}
	sh_ws_receiver_fini(&receiver);
	sh_assert(!log.failed && !stream.data.failed);
	sh_buf_fini(&stream.data);
	return log;
}

static void
check_same(const struct sh_buf *whole, struct sh_buf other)
{
	sh_assert(other.len == whole->len);
	sh_assert(whole->len == 0 ||
	    memcmp(other.data, whole->data, whole->len) == 0);
	sh_buf_fini(&other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_ws_deflate deflate = { 0 };
	struct sh_ws_intake intake = { .deflate = &deflate };
	struct sh_buf whole;
	uint8_t *bytes;
	uint32_t seed;

	if (size <= PARAMETERS || size > INPUT_MAX)
		return 0;
	intake.message_max = (size_t)data[0] * 8;
	intake.fragments_max = data[1];
	intake.stream = (data[3] & 2) != 0;
	seed = data[2];
	size -= PARAMETERS;
	bytes = sh_xcalloc(1, size);
	memcpy(bytes, data + PARAMETERS, size);
	/* the window is never less than what the format can reach back, as it
	 * would depend on the portions whether that is found out */
	intake.extension = (struct sh_ws_extension){
		.deflates = (data[3] & 4) != 0,
		.client_takeover = (data[3] & 8) != 0,
		.client_bits = SH_WS_WINDOW_BITS_MAX,
	};
	if (data[3] & 1)
		set_mask_bits(bytes, size, intake.extension.deflates);
	whole = receive_in_portions(&intake, bytes, size, 0, 0);
	check_same(&whole, receive_in_portions(&intake, bytes, size, 1, 0));
	check_same(&whole, receive_in_portions(&intake, bytes, size, 7, seed));
	check_same(&whole, receive_in_portions(&intake, bytes, size, 64, seed));
	sh_buf_fini(&whole);
	sh_ws_intake_fini(&intake);
	sh_ws_deflate_fini(&deflate);
	free(bytes);
	return 0;
}
