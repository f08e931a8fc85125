/*
 * This file puts together what does not come at once: the payload of a frame
 * that is not whole, a message in fragments, a message that is compressed. One
 * of these is inflated as it comes, and the limit holds before more than one
 * byte beyond it is made.
 */
#include "config.h"

#include "proto/ws_partial.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/panic.h"
#include "proto/ws_cut.h"
#include "proto/ws_deflate.h"

/* Bytes of a frame that are inflated for a piece of a message that is streamed:
 * deflate makes a thousandth of what it compresses at best, so a piece has 4 MiB
 * at most. */
enum { PACKED_AT_ONCE = 4096 };

/* Keep a piece of the message, in the given place if it is to be streamed. 1
 * with an error. */
static int
keep(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    const uint8_t *piece, size_t len, uint8_t *place)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial->text && !sh_utf8_take(&partial->utf8, piece, len))
		return sh_ws_give_bad_text(receiver, event);
	if (place == NULL)
		return sh_ws_partial_append(
		    receiver->intake, &partial->message, piece, len);
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
			return sh_ws_give_error(receiver, event, SH_WS_TOO_BIG,
			    "a message is too long when inflated");
	} while (r == 0);
	if (n == -SHOAL_EPROTO)
		return sh_ws_give_error(receiver, event, SH_WS_BAD_DATA,
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
		return sh_ws_give_error(receiver, event, SH_WS_BAD_DATA,
		    "a compressed message is cut off");
	sh_ws_partial_end_inflating(receiver);
	return 0;
}

/* All of the partial's frame is there. */
static int
end_frame(struct sh_ws_receiver *receiver, struct sh_ws_event *event)
{
	struct sh_ws_partial *partial = receiver->partial;
	struct sh_buf *message = &partial->message;
	int r;

	sh_ws_cutter_return(receiver->intake, partial->cutter);
	partial->cutter = NULL;
	if (sh_ws_is_control(partial->frame.opcode))
		return sh_ws_give_control(receiver, event,
		    partial->frame.opcode, partial->control,
		    partial->control_len);
	if (!partial->frame.fin)
		return 0;
	r = finish_inflating(receiver, event);
	if (r != 0)
		return r;
	if (!sh_utf8_is_complete(&partial->utf8))
		return sh_ws_give_bad_text(receiver, event);
	partial->open = false;
	if (receiver->intake->stream)
		return 0;
	if (sh_buf_reserve(message, 1) < 0)
		return -SHOAL_ENOMEM;
	return sh_ws_give_message(
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

int
sh_ws_gather(struct sh_ws_receiver *receiver, uint8_t *data, size_t len,
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

int
sh_ws_gather_begin(
    struct sh_ws_receiver *receiver, const struct sh_ws_scanned *frame)
{
	struct sh_ws_partial *partial;

	if (sh_ws_partial_need(receiver) < 0)
		return -SHOAL_ENOMEM;
	partial = receiver->partial;
	partial->cutter = sh_ws_cutter_borrow(receiver->intake);
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
	if (receiver->intake->stream || frame->len > SH_WS_ROOM_AT_ONCE)
		return 0;
	return partial->fragments == 1
	    ? sh_ws_partial_make_room(
		  receiver->intake, &partial->message, (size_t)frame->len)
	    : 0;
}
