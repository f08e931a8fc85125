/*
 * This file turns the bytes of a WebSocket client into messages and control
 * events. It does no I/O, and leaves the rules for a single header to
 * ws_scan.c.
 *
 * A frame that is all there and nobody waits to be joined with loses its mask
 * where it stands and is handed out from there; the receiver has no memory of
 * its own then. Anything else goes through a partial, which exists while a
 * frame or a message is begun and not finished. The same bytes give the same
 * events, in whatever portions they come.
 */
#include "config.h"

#include "proto/ws_message.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/panic.h"
#include "proto/utf8.h"
#include "proto/ws_cut.h"

/* What is kept of a frame's length at once: a header is no reason to take
 * memory for what may never come. */
enum { ROOM_AT_ONCE = 256 * 1024 };

struct sh_ws_partial {
	struct sh_ws_cutter *cutter; /* NULL: between frames */
	struct sh_ws_scanned frame;  /* that the cutter is amid */
	bool open;                   /* a message is begun */
	bool text;
	bool shown;            /* a piece of it has been given */
	uint32_t fragments;    /* of the message, with this frame */
	uint64_t size;         /* of its frames, with all of this one */
	struct sh_utf8 utf8;   /* of its text */
	struct sh_buf message; /* at most the intake's message_max */
	uint8_t control_len;
	uint8_t control[SH_WS_CONTROL_MAX + 1]; /* one is for the byte behind */
};

/* --- memory ---------------------------------------------------------------- */

static struct sh_ws_cutter *
borrow_cutter(struct sh_ws_intake *intake)
{
	struct sh_ws_cutter *cutter = intake->spare;

	intake->spare = NULL;
	return cutter != NULL ? cutter : sh_ws_cutter_new();
}

/* A cutter whose frame is finished. */
static void
give_back_cutter(struct sh_ws_intake *intake, struct sh_ws_cutter *cutter)
{
	sh_assert(sh_ws_cutter_left(cutter) == 0);
	if (intake->spare != NULL)
		sh_ws_cutter_free(cutter);
	else
		intake->spare = cutter;
}

static void
drop_partial(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial == NULL)
		return;
	receiver->partial = NULL;
	sh_ws_cutter_free(partial->cutter);
	sh_buf_fini(&partial->message);
	free(partial);
}

static int
need_partial(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial != NULL)
		return 0;
	partial = sh_try_calloc(1, sizeof(*partial));
	if (partial == NULL)
		return -SHOAL_ENOMEM;
	/* the limit is kept by judge(), before anything comes; and there is a
	 * byte behind it */
	sh_buf_init(&partial->message, SIZE_MAX);
	receiver->partial = partial;
	return 0;
}

/* Free what the last event lent, when nothing is begun. */
static void
rest(struct sh_ws_receiver *receiver)
{
	const struct sh_ws_partial *partial = receiver->partial;

	if (partial != NULL &&
	    (receiver->over || (partial->cutter == NULL && !partial->open)))
		drop_partial(receiver);
}

void
sh_ws_intake_fini(struct sh_ws_intake *intake)
{
	sh_ws_cutter_free(intake->spare);
	intake->spare = NULL;
}

void
sh_ws_receiver_init(
    struct sh_ws_receiver *receiver, struct sh_ws_intake *intake)
{
	*receiver = (struct sh_ws_receiver){ .intake = intake };
}

void
sh_ws_receiver_fini(struct sh_ws_receiver *receiver)
{
	drop_partial(receiver);
	receiver->over = true;
}

/* --- events ---------------------------------------------------------------- */

static int
give_error(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    unsigned code, const char *why)
{
	receiver->over = true;
	drop_partial(receiver);
	*event = (struct sh_ws_event){
		.type = SH_WS_EVENT_ERROR,
		.code = code,
		.why = why,
	};
	return 1;
}

static int
give_message(struct sh_ws_event *event, bool text, uint8_t *payload, size_t len)
{
	*event = (struct sh_ws_event){
		.type = SH_WS_EVENT_MESSAGE,
		.text = text,
		.data = (char *)payload,
		.len = len,
	};
	return 1;
}

static int
give_close(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    uint8_t *payload, size_t len)
{
	unsigned code = SH_WS_NO_CODE;
	size_t skip = 0;

	if (len == 1)
		return give_error(receiver, event, SH_WS_PROTOCOL_ERROR,
		    "a close frame has half a code");
	if (len != 0) {
		skip = 2;
		code = (unsigned)payload[0] << 8 | payload[1];
		if (!sh_ws_code_is_allowed(code))
			return give_error(receiver, event, SH_WS_PROTOCOL_ERROR,
			    "a close frame has a code that is not allowed");
		if (!sh_utf8_is_valid(payload + skip, len - skip))
			return give_error(receiver, event, SH_WS_BAD_DATA,
			    "the reason of a close frame is not UTF-8");
	}
	receiver->over = true;
	*event = (struct sh_ws_event){
		.type = SH_WS_EVENT_CLOSE,
		.code = code,
		.data = (char *)payload + skip,
		.len = len - skip,
	};
	return 1;
}

static int
give_control(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    enum sh_ws_opcode opcode, uint8_t *payload, size_t len)
{
	if (opcode == SH_WS_CLOSE)
		return give_close(receiver, event, payload, len);
	*event = (struct sh_ws_event){
		.type =
		    opcode == SH_WS_PING ? SH_WS_EVENT_PING : SH_WS_EVENT_PONG,
		.data = (char *)payload,
		.len = len,
	};
	return 1;
}

static int
give_bad_text(struct sh_ws_receiver *receiver, struct sh_ws_event *event)
{
	return give_error(
	    receiver, event, SH_WS_BAD_DATA, "a text message is not UTF-8");
}

/* --- frames that are not whole, and messages in fragments ------------------ */

/* Keep a piece of the frame, in the given place if it is to be streamed.
 * -SHOAL_EPROTO when it cannot be text. */
static int
collect(struct sh_ws_partial *partial, const uint8_t *piece, size_t len,
    uint8_t *place)
{
	if (sh_ws_is_control(partial->frame.opcode)) {
		sh_assert(partial->control_len + len <= SH_WS_CONTROL_MAX);
		memcpy(partial->control + partial->control_len, piece, len);
		partial->control_len += (uint8_t)len;
		return 0;
	}
	if (partial->text && !sh_utf8_take(&partial->utf8, piece, len))
		return -SHOAL_EPROTO;
	if (place != NULL) {
		memcpy(place, piece, len);
		return 0;
	}
	return sh_buf_add(&partial->message, piece, len);
}

/* All of the partial's frame is there. */
static int
end_frame(struct sh_ws_receiver *receiver, struct sh_ws_event *event)
{
	struct sh_ws_partial *partial = receiver->partial;
	struct sh_buf *message = &partial->message;

	give_back_cutter(receiver->intake, partial->cutter);
	partial->cutter = NULL;
	if (sh_ws_is_control(partial->frame.opcode))
		return give_control(receiver, event, partial->frame.opcode,
		    partial->control, partial->control_len);
	if (!partial->frame.fin)
		return 0;
	if (!sh_utf8_is_complete(&partial->utf8))
		return give_bad_text(receiver, event);
	partial->open = false;
	if (receiver->intake->stream)
		return 0;
	if (sh_buf_reserve(message, 1) < 0)
		return -SHOAL_ENOMEM;
	return give_message(
	    event, partial->text, (uint8_t *)message->data, message->len);
}

/* What has come of a message that is streamed, or its end. */
static int
give_piece(struct sh_ws_partial *partial, struct sh_ws_event *event,
    uint8_t *data, size_t len)
{
	*event = (struct sh_ws_event){
		.type = SH_WS_EVENT_PIECE,
		.text = partial->text,
		.first = !partial->shown,
		.final = !partial->open,
		/* an empty one has no place, but is somewhere */
		.data = len != 0 ? (char *)data : (char *)partial->control,
		.len = len,
	};
	partial->shown = true;
	return 1;
}

static int
take_payload(struct sh_ws_receiver *receiver, uint8_t *data, size_t len,
    size_t *used, struct sh_ws_event *event)
{
	struct sh_ws_partial *partial = receiver->partial;
	uint64_t left = sh_ws_cutter_left(partial->cutter);
	size_t n = len < left ? len : (size_t)left, piece_len, at = 0;
	bool stream = receiver->intake->stream &&
	    !sh_ws_is_control(partial->frame.opcode);
	const uint8_t *piece;
	int r = 0;

	sh_ws_cutter_feed(partial->cutter, data, n);
	*used += n;
	while ((piece_len = sh_ws_cutter_next(partial->cutter, &piece)) != 0) {
		r = collect(
		    partial, piece, piece_len, stream ? data + at : NULL);
		if (r == -SHOAL_EPROTO)
			return give_bad_text(receiver, event);
		if (r < 0)
			return r;
		at += piece_len;
	}
	if (n == left)
		r = end_frame(receiver, event);
	if (r == 0 && stream && (n != 0 || !partial->open))
		r = give_piece(partial, event, data, n);
	return r;
}

static int
begin_partial(
    struct sh_ws_receiver *receiver, const struct sh_ws_scanned *frame)
{
	struct sh_ws_partial *partial;

	if (need_partial(receiver) < 0)
		return -SHOAL_ENOMEM;
	partial = receiver->partial;
	partial->cutter = borrow_cutter(receiver->intake);
	if (partial->cutter == NULL)
		return -SHOAL_ENOMEM;
	sh_ws_cutter_begin(partial->cutter, frame);
	partial->frame = *frame;
	if (sh_ws_is_control(frame->opcode)) {
		partial->control_len = 0;
		return 0;
	}
	if (!partial->open) {
		partial->open = true;
		partial->text = frame->opcode == SH_WS_TEXT;
	}
	partial->fragments++;
	partial->size += frame->len;
	/* one that is all there soon shall not be moved as it grows */
	if (receiver->intake->stream || frame->len > ROOM_AT_ONCE)
		return 0;
	return partial->fragments == 1
	    ? sh_buf_reserve(&partial->message, (size_t)frame->len + 1)
	    : 0;
}

/* --- frames that are whole ------------------------------------------------- */

/* Take the mask off where the payload stands. */
static int
cut_in_place(struct sh_ws_intake *intake, const struct sh_ws_scanned *frame,
    uint8_t *data)
{
	struct sh_ws_cutter *cutter = borrow_cutter(intake);
	const uint8_t *piece;
	size_t n, at = 0;

	if (cutter == NULL)
		return -SHOAL_ENOMEM;
	sh_ws_cutter_begin(cutter, frame);
	sh_ws_cutter_feed(cutter, data, (size_t)frame->len);
	while ((n = sh_ws_cutter_next(cutter, &piece)) != 0) {
		memcpy(data + at, piece, n);
		at += n;
	}
	give_back_cutter(intake, cutter);
	return 0;
}

static int
take_whole(struct sh_ws_receiver *receiver, const struct sh_ws_scanned *frame,
    uint8_t *data, size_t *used, struct sh_ws_event *event)
{
	size_t len = (size_t)frame->len;
	bool text = frame->opcode == SH_WS_TEXT;
	int r = cut_in_place(receiver->intake, frame, data);

	*used += len;
	if (r < 0)
		return r;
	if (sh_ws_is_control(frame->opcode))
		return give_control(receiver, event, frame->opcode, data, len);
	if (text && !sh_utf8_is_valid(data, len))
		return give_bad_text(receiver, event);
	return give_message(event, text, data, len);
}

/* Whether a frame whose payload has come needs no partial. */
static bool
stands_alone(const struct sh_ws_scanned *frame)
{
	return sh_ws_is_control(frame->opcode) ||
	    (frame->fin && frame->opcode != SH_WS_CONTINUATION);
}

/* --- headers --------------------------------------------------------------- */

/* The rules that hold among frames. 0, or the close code with *why_out. */
static unsigned
judge(const struct sh_ws_receiver *receiver, const struct sh_ws_scanned *frame,
    const char **why_out)
{
	const struct sh_ws_intake *intake = receiver->intake;
	const struct sh_ws_partial *partial = receiver->partial;
	bool open = partial != NULL && partial->open;
	uint64_t had = open ? partial->size : 0;

	if (sh_ws_is_control(frame->opcode))
		return 0;
	if (open && frame->opcode != SH_WS_CONTINUATION) {
		*why_out = "a message begins inside of another";
		return SH_WS_PROTOCOL_ERROR;
	}
	if (!open && frame->opcode == SH_WS_CONTINUATION) {
		*why_out = "a continuation continues nothing";
		return SH_WS_PROTOCOL_ERROR;
	}
	if (frame->len > intake->message_max - had) {
		*why_out = "a message is too long";
		return SH_WS_TOO_BIG;
	}
	if (open && intake->fragments_max != 0 &&
	    partial->fragments >= intake->fragments_max) {
		*why_out = "a message has too many fragments";
		return SH_WS_POLICY;
	}
	return 0;
}

/* Add to the header what is there of it. 1 when it is whole, 0 when it takes
 * more bytes, -SHOAL_EPROTO with *why_out. */
static int
take_header(struct sh_ws_receiver *receiver, const uint8_t *data, size_t len,
    size_t *used, struct sh_ws_scanned *frame_out, const char **why_out)
{
	size_t had = receiver->header_len;
	size_t n = sizeof(receiver->header) - had;
	int r;

	if (n > len)
		n = len;
	memcpy(receiver->header + had, data, n);
	r = sh_ws_scan(receiver->header, had + n, frame_out, why_out);
	if (r > 0) {
		receiver->header_len = 0;
		*used += (size_t)r - had; /* the rest is payload */
		return 1;
	}
	receiver->header_len = (uint8_t)(had + n);
	*used += n;
	return r;
}

static int
take_frame(struct sh_ws_receiver *receiver, uint8_t *data, size_t len,
    size_t *used, struct sh_ws_event *event)
{
	struct sh_ws_scanned frame;
	const char *why = NULL;
	unsigned code;
	size_t header = 0;
	int r = take_header(receiver, data, len, &header, &frame, &why);

	*used += header;
	if (r < 0)
		return give_error(receiver, event, SH_WS_PROTOCOL_ERROR, why);
	if (r == 0)
		return 0;
	data += header;
	len -= header;
	code = judge(receiver, &frame, &why);
	if (code != 0)
		return give_error(receiver, event, code, why);
	if (frame.len <= len && stands_alone(&frame))
		return take_whole(receiver, &frame, data, used, event);
	if (begin_partial(receiver, &frame) < 0)
		return -SHOAL_ENOMEM;
	/* nothing more may come of an empty frame */
	return take_payload(receiver, data, len, used, event);
}

int
sh_ws_receive(struct sh_ws_receiver *receiver, void *data, size_t len,
    size_t *used_out, struct sh_ws_event *event_out)
{
	uint8_t *bytes = data;
	size_t used = 0;
	int r = 0;

	rest(receiver);
	if (receiver->over)
		used = len;
	while (r == 0 && used < len) {
		if (receiver->partial != NULL &&
		    receiver->partial->cutter != NULL)
			r = take_payload(receiver, bytes + used, len - used,
			    &used, event_out);
		else
			r = take_frame(receiver, bytes + used, len - used,
			    &used, event_out);
	}
	if (r < 0) {
		receiver->over = true;
		drop_partial(receiver);
	}
	*used_out = used;
	return r;
}

char *
sh_ws_receiver_take(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;
	char *data;

	if (partial == NULL || partial->cutter != NULL || partial->open)
		return NULL;
	data = partial->message.data;
	sh_buf_init(&partial->message, SIZE_MAX);
	return data;
}
