/*
 * This file is what the files of the WebSocket receiver know of each other; see
 * ws_message.h for what it is. It is not for other folders.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/utf8.h"
#include "proto/ws_message.h"

enum {
	/* What is kept of a frame's length at once: a header is no reason to
	 * take memory for what may never come. */
	SH_WS_ROOM_AT_ONCE = 256 * 1024
};

/* Of a receiver that is amid a frame or a message. */
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

/* --- ws_partial.c ----------------------------------------------------------- */

/** A cutter, NULL without memory; and one whose frame is finished is given
 *  back. */
struct sh_ws_cutter *sh_ws_cutter_borrow(struct sh_ws_intake *intake);
void
sh_ws_cutter_return(struct sh_ws_intake *intake, struct sh_ws_cutter *cutter);
/** Make the receiver's partial when there is none. 0 or -SHOAL_ENOMEM. */
int sh_ws_partial_need(struct sh_ws_receiver *receiver);
/** Free it, and all that belongs to it. */
void sh_ws_partial_drop(struct sh_ws_receiver *receiver);
/** Free what the last event lent, when nothing is begun; else a piece that it
 *  lent is gone. */
void sh_ws_partial_rest(struct sh_ws_receiver *receiver);
/** Make room for a frame of a message that begins. 0 or -SHOAL_ENOMEM. */
int sh_ws_partial_make_room(
    struct sh_ws_intake *intake, struct sh_buf *message, size_t len);
/** Append to a message. 0 or -SHOAL_ENOMEM. */
int sh_ws_partial_append(struct sh_ws_intake *intake, struct sh_buf *message,
    const void *data, size_t len);
/** The message is inflated, or will not be: give its decompressor back. */
void sh_ws_partial_end_inflating(struct sh_ws_receiver *receiver);

/* --- ws_event.c ------------------------------------------------------------- */

/** Fill in the event, the last one: drops the partial. Gives 1, as do all of
 *  these. */
int sh_ws_give_error(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    unsigned code, const char *why);
int
sh_ws_give_bad_text(struct sh_ws_receiver *receiver, struct sh_ws_event *event);
/** Likewise a message, and a control frame, which may be an error. */
int sh_ws_give_message(
    struct sh_ws_event *event, bool text, uint8_t *payload, size_t len);
int
sh_ws_give_control(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    enum sh_ws_opcode opcode, uint8_t *payload, size_t len);

/* --- ws_gather.c ------------------------------------------------------------ */

/** Begin with a frame, which has been judged. 0 or -SHOAL_ENOMEM. */
int sh_ws_gather_begin(
    struct sh_ws_receiver *receiver, const struct sh_ws_scanned *frame);
/** Take what has come of that frame; *used grows by as much. As
 *  sh_ws_receive(). */
int sh_ws_gather(struct sh_ws_receiver *receiver, uint8_t *data, size_t len,
    size_t *used, struct sh_ws_event *event);
