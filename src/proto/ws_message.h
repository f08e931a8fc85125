/*
 * This file is what a WebSocket server makes of a client's bytes: messages and
 * control events (RFC 6455, sections 5 to 8.1). It does no I/O and answers
 * nothing: pongs, and the close frames that events call for, are the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ws_extension.h"
#include "proto/ws_scan.h"

struct sh_ws_cutter;
struct sh_ws_deflate;
struct sh_ws_partial;
struct sh_ws_room;

enum sh_ws_event_type {
	SH_WS_EVENT_MESSAGE, /* a whole one, text being UTF-8 */
	SH_WS_EVENT_PIECE,   /* of one, when they are streamed: what is there;
			      * a piece may end inside of a character */
	SH_WS_EVENT_PING,
	SH_WS_EVENT_PONG,
	SH_WS_EVENT_CLOSE, /* the last one */
	SH_WS_EVENT_ERROR, /* the last one: send a close frame with code */
};

struct sh_ws_event {
	enum sh_ws_event_type type;
	bool text;         /* of a message: else it is binary */
	bool first, final; /* piece: the first or the last one */
	unsigned code; /* close: the client's, or SH_WS_NO_CODE; error: 1002,
			    * 1007, 1008 (too many fragments) or 1009 */
	char *data;    /* message, payload, reason; never NULL but for errors */
	size_t len;
	const char *why; /* error: a constant sentence */
};

/* What receivers of one worker share that have the same limits and have agreed on
 * the same. That is set before the first, and stays; spare is NULL to begin
 * with. */
struct sh_ws_intake {
	size_t message_max;     /* bytes, inflated */
	uint32_t fragments_max; /* frames of a message; 0: no limit */
	bool stream;            /* messages come in pieces, unless one is
				 * there as a whole */
	struct sh_ws_extension extension;
	struct sh_ws_deflate *deflate; /* borrowed; NULL if it does not */
	struct sh_ws_cutter *spare;    /* of frames that are done with */
	struct sh_ws_room *rooms;      /* of messages that are done with ... */
	size_t rooms_size;             /* ... so many bytes */
};

/* A client. Less than 64 bytes, and nothing else while it is amid no frame and
 * no message, unless it has sent a compressed one and was granted context
 * takeover: then it has a decompressor. */
struct sh_ws_receiver {
	struct sh_ws_intake *intake;
	struct sh_ws_partial *partial; /* of what is not whole */
	uint8_t header[SH_WS_CLIENT_HEADER_MAX], header_len;
	bool over; /* what comes is ignored */
};

/** Free what an intake has put by; its receivers have to be gone. */
void sh_ws_intake_fini(struct sh_ws_intake *intake);
/** Make a receiver. The intake is borrowed for its life. */
void sh_ws_receiver_init(
    struct sh_ws_receiver *receiver, struct sh_ws_intake *intake);
/** Free what a receiver holds, and the last event's data with it. */
void sh_ws_receiver_fini(struct sh_ws_receiver *receiver);
/** Take bytes up to the next event. Call it with what is left until it gives
 *  0: that is when it frees what it can.
 *
 *  1 with *event_out, whose data is valid until the next call and lies in the
 *  receiver or in the bytes that were given, which are written over; 0 when
 *  all was taken and no event is there; -SHOAL_ENOMEM, and the receiver
 *  ignores the rest. *used_out is how many bytes were taken, in all cases.
 *
 *  The byte behind an event's data may be changed, and has to be as it was at
 *  the next call: who does that gives bytes that have another one behind
 *  them. */
int sh_ws_receive(struct sh_ws_receiver *receiver, void *data, size_t len,
    size_t *used_out, struct sh_ws_event *event_out);
/** Take the memory that the data of the last event, a message, lies in: it is
 *  the caller's now, free(3), and stays. NULL when the data lies among the bytes
 *  that were given, or there is none: copy it. */
char *sh_ws_receiver_take(struct sh_ws_receiver *receiver);
/** Give such memory back, of at least size bytes, for the next message: takes
 *  it. NULL is fine. */
void sh_ws_intake_give(struct sh_ws_intake *intake, char *memory, size_t size);
