/*
 * This file is a WebSocket and its peer in one process, for tests: the
 * connection is one already, without a handshake. The test takes the loop's
 * turns itself. It holds no tests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shoal/ws.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "io/group.h"
#include "io/loop.h"
#include "proto/ws_extension.h"
#include "session/ws.h"
#include "support/suite.h"

enum { RIG_DEADLINE_MS = 15000 };

struct rig {
	/* set before rig_open(), all of them optional; what is 0 is off */
	struct shoal_ws_options options;
	struct sh_ws_extension extension; /* that was agreed on */
	size_t queue_high, queue_low;
	enum shoal_when_full when_full; /* and its like in io/send_limits.h */
	int64_t stall_ms;
	size_t queue_max;                                      /* of the loop */
	void (*handler)(struct shoal_ws *ws, struct rig *rig); /* coroutine
		style, or ... */
	const struct shoal_ws_callbacks *callbacks;            /* ... this */
	void (*on_message)(struct shoal_ws *ws,
	    const struct shoal_message *message, struct rig *rig);
	void (*on_open)(struct shoal_ws *ws, struct rig *rig);
	int timeout_ms; /* of rig_note_messages() */
	void *arg;

	struct sh_loop *loop;
	struct sh_group *group;
	struct sh_counters counters;
	struct shoal_ws *ws; /* NULL when it has gone */
	uint64_t id;
	int fd;               /* the peer's end, -1 when it is closed */
	struct sh_buf notes;  /* what the handler has seen, as text */
	struct sh_buf come;   /* bytes that the peer has got */
	struct sh_buf frames; /* those that were whole, as text */
	struct sh_ws_inflater *inflater; /* the peer's, if any */
	size_t packed;   /* bytes of compressed messages that it got */
	bool eof, reset; /* the peer has seen */
};

/** Open it, with a connection. */
void rig_open(struct rig *rig);
/** End everything. */
void rig_close(struct rig *rig);
/** Write something down, "text;". */
void rig_note(struct rig *rig, const char *format, ...) SH_PRINTF(2, 3);
/** The peer sends a frame with a mask; first is the first byte of its header. */
void rig_send(struct rig *rig, int first, const void *data, size_t len);
void rig_send_text(struct rig *rig, const char *text);
/** The peer sends bytes. */
void rig_write(struct rig *rig, const void *data, size_t len);
/** The peer reads what is there: see frames, eof, reset. */
void rig_read(struct rig *rig);
/** The peer closes, or resets. */
void rig_hang_up(struct rig *rig, bool reset);
/** Take turns, and let the peer read, until it has got these frames. What was
 *  compressed is "packed" and inflated. */
void rig_expect_frames(struct rig *rig, const char *frames);
/** Take turns until these notes are there. */
void rig_expect_notes(struct rig *rig, const char *notes);
/** A handler: receives until it cannot any more, and notes it all. */
void rig_note_messages(struct shoal_ws *ws, struct rig *rig);
/** Note a message, or an end. */
void rig_note_message(struct rig *rig, const struct shoal_message *message);
void rig_note_end(struct rig *rig, const struct shoal_ws_end *end);
/** Callbacks that note it all. */
extern const struct shoal_ws_callbacks rig_callbacks;

/* Take turns until cond holds; it is not asked again when it has. */
#define RIG_UNTIL(rig, cond)                                            \
	do {                                                            \
		int64_t end_ms = sh_clock_ms() + RIG_DEADLINE_MS;       \
		bool met;                                               \
                                                                        \
		while (!(met = (cond)) && sh_clock_ms() < end_ms)       \
			ck_assert_int_eq(sh_loop_turn((rig)->loop), 0); \
		ck_assert_msg(met, "not in time: " #cond);              \
	} while (0)

/* Take a few turns, for what shall not happen. */
#define RIG_TURNS(rig, n)                                               \
	do {                                                            \
		int turns_left = (n);                                   \
                                                                        \
		while (turns_left-- > 0)                                \
			ck_assert_int_eq(sh_loop_turn((rig)->loop), 0); \
	} while (0)
