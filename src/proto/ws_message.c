/*
 * This file turns the bytes of a WebSocket client into messages and control
 * events. It does no I/O, and leaves the rules for a single header to
 * ws_scan.c.
 *
 * A frame that is all there and nobody waits to be joined with loses its mask
 * where it stands and is handed out from there; the receiver has no memory of
 * its own then. Anything else goes through a partial, which exists while a
 * frame or a message is begun and not finished, and its frames through wslay. A
 * compressed message does so even when it is all there: it is inflated as it
 * comes, and the limit holds before more than one byte beyond it is made. The
 * same bytes give the same events, in whatever portions they come.
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
#include "proto/ws_deflate.h"

/* What is kept of a frame's length at once: a header is no reason to take
 * memory for what may never come. */
enum {
	ROOM_AT_ONCE = 256 * 1024,
	ROOM_KEPT_MIN = 16 * 1024,
	ROOMS_KEPT_MAX = 4 * 1024 * 1024
};

/* Memory of a message that is done with, for the next one. */
struct sh_ws_room {
	struct sh_ws_room *next;
	size_t size;
};

/* Bytes of a frame that are inflated for a piece of a message that is streamed:
 * deflate makes a thousandth of what it compresses at best, so a piece has 4 MiB
 * at most. */
enum { PACKED_AT_ONCE = 4096 };

struct sh_ws_partial {
	struct sh_ws_cutter *cutter; /* NULL: between frames */
	struct sh_ws_scanned frame;  /* that the cutter is amid */
	bool open;                   /* a message is begun */
	bool text;
	bool shown; /* a piece of it has been given */
	bool lent;  /* ... which lies in message */
	bool compressed;
	struct sh_ws_inflater *inflater; /* of the message, if compressed */
	struct sh_ws_inflater *own; /* the client's, between messages too */
	uint64_t inflated;          /* bytes that have come out of it */
	uint32_t fragments;         /* of the message, with this frame */
	uint64_t size;              /* of its frames, with all of this one */
	struct sh_utf8 utf8;        /* of its text */
	struct sh_buf message;      /* at most the intake's message_max */
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

/* The client's own decompressor if it refers to messages before, else one that
 * is the message's. */
static struct sh_ws_inflater *
inflater_for(struct sh_ws_receiver *receiver)
{
	const struct sh_ws_intake *intake = receiver->intake;
	struct sh_ws_partial *partial = receiver->partial;

	if (!intake->extension.client_takeover)
		return sh_ws_inflater_borrow(intake->deflate);
	if (partial->own == NULL)
		partial->own =
		    sh_ws_inflater_new(intake->extension.client_bits);
	return partial->own;
}

static void
end_inflating(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial->inflater != NULL && partial->inflater != partial->own)
		sh_ws_inflater_return(
		    receiver->intake->deflate, partial->inflater);
	partial->inflater = NULL;
}

void
sh_ws_intake_give(struct sh_ws_intake *intake, char *memory, size_t size)
{
	struct sh_ws_room *room = (struct sh_ws_room *)(void *)memory;

	/* less is had from malloc(3) at no cost; but what is at the top of the
	 * heap free(3) gives back to the kernel, and every page is a fault when
	 * the next message comes */
	if (memory == NULL || size < ROOM_KEPT_MIN || size > ROOM_AT_ONCE + 1 ||
	    intake->rooms_size + size > ROOMS_KEPT_MAX) {
		free(memory);
		return;
	}
	room->next = intake->rooms;
	room->size = size;
	intake->rooms = room;
	intake->rooms_size += size;
}

static void
free_message(struct sh_ws_intake *intake, struct sh_buf *message)
{

	sh_ws_intake_give(intake, message->data, message->cap);
	sh_buf_init(message, SIZE_MAX);
}

/* Make room for a frame of a message that begins. */
static int
make_room(struct sh_ws_intake *intake, struct sh_buf *message, size_t len)
{
	struct sh_ws_room *room = intake->rooms;

	if (len >= ROOM_KEPT_MIN && room != NULL) {
		intake->rooms = room->next;
		intake->rooms_size -= room->size;
		message->cap = room->size;
		message->data = (char *)room;
	}
	return sh_buf_reserve(message, len + 1);
}

static void
drop_partial(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial == NULL)
		return;
	end_inflating(receiver);
	sh_ws_inflater_free(partial->own);
	receiver->partial = NULL;
	sh_ws_cutter_free(partial->cutter);
	free_message(receiver->intake, &partial->message);
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
	/* the limit is kept by judge(), before anything comes, or while it is
	 * inflated; and there is a byte behind it */
	sh_buf_init(&partial->message, SIZE_MAX);
	receiver->partial = partial;
	return 0;
}

/* Nothing is begun any more; a decompressor that the next message may refer to
 * stays. */
static void
end_partial(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (receiver->over || partial->own == NULL) {
		drop_partial(receiver);
		return;
	}
	free_message(receiver->intake, &partial->message);
	*partial = (struct sh_ws_partial){ .own = partial->own };
	sh_buf_init(&partial->message, SIZE_MAX);
}

/* Free what the last event lent, when nothing is begun; else a piece that it
 * lent is gone. */
static void
rest(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial == NULL)
		return;
	if (receiver->over || (partial->cutter == NULL && !partial->open)) {
		end_partial(receiver);
	} else if (partial->lent) {
		partial->message.len = 0;
		partial->lent = false;
	}
}

void
sh_ws_intake_fini(struct sh_ws_intake *intake)
{
	struct sh_ws_room *room;

	sh_ws_cutter_free(intake->spare);
	intake->spare = NULL;
	while ((room = intake->rooms) != NULL) {
		intake->rooms = room->next;
		free(room);
	}
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

/* Keep a piece of the message, in the given place if it is to be streamed. 1
 * with an error. */
static int
keep(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    const uint8_t *piece, size_t len, uint8_t *place)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial->text && !sh_utf8_take(&partial->utf8, piece, len))
		return give_bad_text(receiver, event);
	if (place == NULL)
		return sh_buf_add(&partial->message, piece, len);
	memcpy(place, piece, len);
	return 0;
}

/* Keep what comes out of the bytes that the decompressor was fed. Not more is
 * made of them than one byte that is too much. 1 with an error. */
static int
keep_inflated(struct sh_ws_receiver *receiver, struct sh_ws_event *event)
{
	struct sh_ws_partial *partial = receiver->partial;
	uint8_t *inflated = receiver->intake->deflate->inflated;
	int n, r = 0;

	do {
		uint64_t left =
		    receiver->intake->message_max - partial->inflated;
		size_t room = left < SH_WS_INFLATED_MAX ? (size_t)left + 1
							: SH_WS_INFLATED_MAX;
		size_t kept;

		n = sh_ws_inflater_next(partial->inflater, inflated, room);
		if (n <= 0)
			break;
		/* what fits is judged as it is, however it came */
		kept = (uint64_t)n < left ? (size_t)n : (size_t)left;
		partial->inflated += kept;
		r = keep(receiver, event, inflated, kept, NULL);
		if (r == 0 && kept < (size_t)n)
			return give_error(receiver, event, SH_WS_TOO_BIG,
			    "a message is too long when inflated");
	} while (r == 0);
	if (n == -SHOAL_EPROTO)
		return give_error(receiver, event, SH_WS_BAD_DATA,
		    "a compressed message does not inflate");
	return n < 0 ? n : r;
}

/* Keep a piece of the frame, in the given place if it is to be streamed and is
 * not compressed. 1 with an error. */
static int
collect(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    const uint8_t *piece, size_t len, uint8_t *place)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (sh_ws_is_control(partial->frame.opcode)) {
		sh_assert(partial->control_len + len <= SH_WS_CONTROL_MAX);
		memcpy(partial->control + partial->control_len, piece, len);
		partial->control_len += (uint8_t)len;
		return 0;
	}
	if (!partial->compressed)
		return keep(receiver, event, piece, len, place);
	sh_ws_inflater_feed(partial->inflater, piece, len);
	return keep_inflated(receiver, event);
}

/* The last frame of a compressed message is there. 1 with an error. */
static int
finish_inflating(struct sh_ws_receiver *receiver, struct sh_ws_event *event)
{
	struct sh_ws_partial *partial = receiver->partial;
	int r;

	if (!partial->compressed)
		return 0;
	sh_ws_inflater_feed_end(partial->inflater);
	r = keep_inflated(receiver, event);
	if (r != 0)
		return r;
	if (!sh_ws_inflater_is_whole(partial->inflater))
		return give_error(receiver, event, SH_WS_BAD_DATA,
		    "a compressed message is cut off");
	end_inflating(receiver);
	return 0;
}

/* All of the partial's frame is there. */
static int
end_frame(struct sh_ws_receiver *receiver, struct sh_ws_event *event)
{
	struct sh_ws_partial *partial = receiver->partial;
	struct sh_buf *message = &partial->message;
	int r;

	give_back_cutter(receiver->intake, partial->cutter);
	partial->cutter = NULL;
	if (sh_ws_is_control(partial->frame.opcode))
		return give_control(receiver, event, partial->frame.opcode,
		    partial->control, partial->control_len);
	if (!partial->frame.fin)
		return 0;
	r = finish_inflating(receiver, event);
	if (r != 0)
		return r;
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

/* Likewise of one that is compressed: in a buffer, as it is more than came. */
static int
give_inflated_piece(struct sh_ws_partial *partial, struct sh_ws_event *event)
{
	struct sh_buf *message = &partial->message;

	if (message->len == 0 && partial->open)
		return 0;
	if (sh_buf_reserve(message, 1) < 0)
		return -SHOAL_ENOMEM;
	partial->lent = true;
	return give_piece(
	    partial, event, (uint8_t *)message->data, message->len);
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

	if (stream && partial->compressed && n > PACKED_AT_ONCE)
		n = PACKED_AT_ONCE;
	sh_ws_cutter_feed(partial->cutter, data, n);
	*used += n;
	while ((piece_len = sh_ws_cutter_next(partial->cutter, &piece)) != 0) {
		r = collect(receiver, event, piece, piece_len,
		    stream ? data + at : NULL);
		if (r != 0)
			return r;
		at += piece_len;
	}
	if (n == left)
		r = end_frame(receiver, event);
	if (r != 0 || !stream)
		return r;
	if (partial->compressed)
		return give_inflated_piece(partial, event);
	return n != 0 || !partial->open ? give_piece(partial, event, data, n)
					: 0;
}

static int
begin_inflating(struct sh_ws_receiver *receiver)
{
	struct sh_ws_deflate *shared = receiver->intake->deflate;

	if (shared->inflated == NULL)
		shared->inflated = malloc(SH_WS_INFLATED_MAX);
	if (shared->inflated == NULL)
		return -SHOAL_ENOMEM;
	receiver->partial->inflater = inflater_for(receiver);
	return receiver->partial->inflater != NULL ? 0 : -SHOAL_ENOMEM;
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
		partial->compressed = frame->compressed;
		if (frame->compressed && begin_inflating(receiver) < 0)
			return -SHOAL_ENOMEM;
	}
	partial->fragments++;
	partial->size += frame->len;
	/* one that is all there soon shall not be moved as it grows */
	if (receiver->intake->stream || frame->len > ROOM_AT_ONCE)
		return 0;
	return partial->fragments == 1
	    ? make_room(receiver->intake, &partial->message, (size_t)frame->len)
	    : 0;
}

/* --- frames that are whole ------------------------------------------------- */

/* It loses its mask where it stands, without a cutter: the scanner has judged
 * the header, the rest is the mask, and wslay would copy every byte, which is a
 * fifth of what a short message costs. */
static int
take_whole(struct sh_ws_receiver *receiver, const struct sh_ws_scanned *frame,
    uint8_t *data, size_t *used, struct sh_ws_event *event)
{
	size_t len = (size_t)frame->len;
	bool text = frame->opcode == SH_WS_TEXT;

	sh_ws_unmask(data, data, len, frame->mask, 0);
	*used += len;
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
	    (frame->fin && frame->opcode != SH_WS_CONTINUATION &&
		!frame->compressed);
}

/* --- headers --------------------------------------------------------------- */

/* Whether the message may have a frame of this length. What deflate cannot make
 * smaller gets a little larger, and flushes in between add to that. */
static bool
fits(const struct sh_ws_receiver *receiver, const struct sh_ws_scanned *frame)
{
	const struct sh_ws_partial *partial = receiver->partial;
	bool open = partial != NULL && partial->open;
	uint64_t max = receiver->intake->message_max;
	uint64_t had = open ? partial->size : 0;

	if (open ? partial->compressed : frame->compressed)
		max += max < UINT64_MAX / 2 ? max / 8 + 1024 : 0;
	return frame->len <= max - had;
}

/* The rules that hold among frames. 0, or the close code with *why_out. */
static unsigned
judge(const struct sh_ws_receiver *receiver, const struct sh_ws_scanned *frame,
    const char **why_out)
{
	const struct sh_ws_intake *intake = receiver->intake;
	const struct sh_ws_partial *partial = receiver->partial;
	bool open = partial != NULL && partial->open;

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
	if (!fits(receiver, frame)) {
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
	bool deflates = receiver->intake->extension.deflates;
	int r = 0;

	/* as a rule all of it has come */
	if (had == 0)
		r = sh_ws_scan(data, len, deflates, frame_out, why_out);
	if (r > 0) {
		*used += (size_t)r;
		return 1;
	}
	if (n > len)
		n = len;
	memcpy(receiver->header + had, data, n);
	r = sh_ws_scan(receiver->header, had + n, deflates, frame_out, why_out);
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
