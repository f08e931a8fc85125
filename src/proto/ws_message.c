/*
 * This file turns the bytes of a WebSocket client into messages and control
 * events. It does no I/O, and leaves the rules for a single header to
 * ws_scan.c.
 *
 * A frame that is all there and nobody waits to be joined with loses its mask
 * where it stands and is handed out from there; the receiver has no memory of
 * its own then. Anything else goes through a partial (ws_gather.c), which exists
 * while a frame or a message is begun and not finished, and its frames through
 * wslay; so does a compressed message, even when it is all there. The same bytes
 * give the same events, in whatever portions they come.
 */
#include "config.h"

#include "proto/ws_message.h"

#include <string.h>

#include <shoal/error.h>

#include "proto/ws_partial.h"

void
sh_ws_receiver_init(
    struct sh_ws_receiver *receiver, struct sh_ws_intake *intake)
{
	*receiver = (struct sh_ws_receiver){ .intake = intake };
}

void
sh_ws_receiver_fini(struct sh_ws_receiver *receiver)
{
	sh_ws_partial_drop(receiver);
	receiver->over = true;
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
		return sh_ws_give_control(
		    receiver, event, frame->opcode, data, len);
	if (text && !sh_utf8_is_valid(data, len))
		return sh_ws_give_bad_text(receiver, event);
	return sh_ws_give_message(event, text, data, len);
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
		return sh_ws_give_error(
		    receiver, event, SH_WS_PROTOCOL_ERROR, why);
	if (r == 0)
		return 0;
	data += header;
	len -= header;
	code = judge(receiver, &frame, &why);
	if (code != 0)
		return sh_ws_give_error(receiver, event, code, why);
	if (frame.len <= len && stands_alone(&frame))
		return take_whole(receiver, &frame, data, used, event);
	if (sh_ws_gather_begin(receiver, &frame) < 0)
		return -SHOAL_ENOMEM;
	/* nothing more may come of an empty frame */
	return sh_ws_gather(receiver, data, len, used, event);
}

int
sh_ws_receive(struct sh_ws_receiver *receiver, void *data, size_t len,
    size_t *used_out, struct sh_ws_event *event_out)
{
	uint8_t *bytes = data;
	size_t used = 0;
	int r = 0;

	sh_ws_partial_rest(receiver);
	if (receiver->over)
		used = len;
	while (r == 0 && used < len) {
		if (receiver->partial != NULL &&
		    receiver->partial->cutter != NULL)
			r = sh_ws_gather(receiver, bytes + used, len - used,
			    &used, event_out);
		else
			r = take_frame(receiver, bytes + used, len - used,
			    &used, event_out);
	}
	if (r < 0) {
		receiver->over = true;
		sh_ws_partial_drop(receiver);
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
