/*
 * This file is what a peer that does not read may cost, and what becomes of what
 * is sent to it and to many others. Connections of a sort share one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What becomes of a message for many when a peer's queue is above its high-water
 * mark, limits.send_queue.when_full. */
enum sh_when_full {
	SH_FULL_CLOSE,    /* the connection is closed; nothing more is sent */
	SH_FULL_DROP_NEW, /* the message is not sent */
	SH_FULL_DROP_OLD, /* the oldest that wait and were not begun are not */
	SH_FULL_CONFLATE, /* those that wait with the same key are not; else as
			     DROP_OLD */
	SH_FULL_PAUSE     /* it is queued, and the publishers wait */
};

struct sh_loop;

struct sh_send_limits {
	size_t high, low;            /* bytes; low < high */
	enum sh_when_full when_full; /* of messages for many */
	int close_code;              /* of a WebSocket, for CLOSE */
	int64_t stall_ms; /* a peer that takes nothing for so long is cut; <= 0:
			     never */
};

enum {
	SH_SLOW_CODE = 1013, /* "try again later" (IANA) */
	SH_SEND_LIMITS_MAX = 65535
};

/** The number of such limits, for the life of the loop; low is mended, close_code
 *  0 is SH_SLOW_CODE. -SHOAL_ENOMEM. */
int
sh_send_limits_need(struct sh_loop *loop, const struct sh_send_limits *limits);
