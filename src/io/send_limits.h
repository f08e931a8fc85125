/*
 * This file is what a peer that does not read may cost, and what becomes of what
 * is sent to it and to many others. Connections of a sort share one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <shoal/conn.h>

struct sh_loop;

struct sh_send_limits {
	size_t high, low;               /* bytes; low < high */
	enum shoal_when_full when_full; /* not DEFAULT */
	int close_code;                 /* of a WebSocket, for CLOSE */
	int64_t stall_ms; /* a peer that takes nothing for so long is cut; <= 0:
			     never */
};

enum {
	SH_SLOW_CODE = 1013, /* "try again later" (IANA) */
	SH_SEND_LIMITS_MAX = 65535
};

/** The number of such limits, for the life of the loop; low is mended, when_full
 *  DEFAULT is CLOSE, close_code 0 is SH_SLOW_CODE. -SHOAL_ENOMEM. */
int
sh_send_limits_need(struct sh_loop *loop, const struct sh_send_limits *limits);
