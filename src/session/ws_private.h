/*
 * This file is what the files of a WebSocket session know of each other; it is
 * not for other folders.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <shoal/ws.h>
#include "base/attr.h"
#include "base/buf.h"
#include "io/conn.h"
#include "io/queue.h"
#include "io/wheel.h"
#include "proto/utf8.h"
#include "proto/ws_deflate.h"
#include "proto/ws_extension.h"
#include "proto/ws_frame.h"
#include "proto/ws_message.h"
#include "session/http.h"
#include "session/send_line.h"
#include "session/ws.h"

struct sh_co;
struct sh_loop;

enum { SH_WS_MAGIC = 0x6b636f73 };

/* What WebSockets of one sort share. None of the numbers is 0; -1 is off. */
struct sh_ws_kind {
	struct sh_ws_intake intake;
	int64_t control_rate, ping_ms, pong_timeout_ms, close_timeout_ms;
	size_t pack_min; /* bytes of a message that is compressed, SIZE_MAX */
	int send_limits; /* number, see io/send_limits.h */
	bool stream, control;
	const char *handler; /* lent; for crash reports */
	size_t users;
	LIST_ENTRY(sh_ws_kind) link;
};

enum sh_ws_state {
	SH_WS_OPEN,
	SH_WS_CLOSING, /* our close frame has been sent, the peer's is awaited */
	SH_WS_DONE     /* nothing goes either way; the connection ends */
};

/* A message that was given to a handler, or is about to be. */
struct sh_ws_lent {
	struct shoal_message message;
	void *memory; /* that it lies in, to be freed ... */
	char *pinned; /* ... or the loop's buffer */
	bool small;   /* the memory is of the usual size ... */
	bool joined;  /* ... or was the receiver's */
};

/* A coroutine that waits for a message; not always the handler's. */
struct sh_ws_reader {
	struct sh_co *co;
	bool gone; /* the handler has returned */
};

/* What only coroutine style has, until the handler returns. */
struct sh_ws_puller {
	struct sh_co *handler;
	struct sh_ws_reader *reader; /* in a receive, or NULL */
	bool cancelled;              /* the handler was, for the end */
	bool has_next;
	struct sh_ws_lent given; /* until the next receive */
	struct sh_ws_lent next;  /* came while nobody asked for it */
};

/* A coroutine that waits for the end of the closing. */
struct sh_ws_closer {
	struct sh_co *co;
	bool gone; /* the WebSocket is; with this result */
	int result;
	LIST_ENTRY(sh_ws_closer) link;
};

/* What only one that is more than idle has. */
struct sh_ws_busy {
	struct sh_send_line senders;
	struct sh_buf
	    input;       /* bytes that have come and were not looked at ... */
	size_t input_at; /* ... from here on */
	struct sh_co *callback;          /* that waits, NULL; or the handler */
	struct sh_ws_deflater *deflater; /* with context takeover, NULL */
	LIST_HEAD(, sh_ws_closer) closers;
	struct sh_queue late; /* what goes to many and came amid a message
				 that is sent in fragments */
	bool has_pong;
	uint8_t pong_len;
	uint8_t pong[SH_WS_CONTROL_MAX]; /* the newest that is owed */
	bool has_end;
	struct shoal_ws_end end;
	char reason[SH_WS_REASON_MAX + 1];
};

/*
 * There may be a million of these: with a connection and the allocator's part
 * it is to stay below 512 bytes.
 */
struct shoal_ws {
	struct sh_http_session session; /* has to be the first */
	uint32_t magic;
	uint8_t state;            /* enum sh_ws_state */
	struct sh_utf8 sent_utf8; /* of a text that is sent in fragments */
	bool pulls : 1;           /* coroutine style; the handler runs */
	bool calls : 1;           /* callback style */
	bool begun : 1;           /* the request's handler has returned, or
				     pulls */
	bool waits : 1;           /* a callback does */
	bool asked : 1;           /* a ping has not been answered */
	bool refused : 1;         /* on_writable is owed */
	bool writable_late : 1;   /* and was due while a callback waited */
	bool in_fragments : 1;    /* a message is sent in fragments ... */
	bool of_text : 1;         /* ... and is text */
	bool part_waits : 1;      /* a fragment does, for its turn */
	bool has_subprotocol : 1;
	bool over : 1;          /* on_close has been called */
	uint16_t controls_left; /* control frames that it may send */
	uint32_t heard_ms;      /* when bytes came last: the low bits */
	struct sh_conn *conn;
	struct sh_ws_busy *busy;        /* or NULL */
	struct sh_ws_receiver receiver; /* it points into the kind */
	struct sh_wheel_timer timer;    /* of pings; of the end */
	union {
		struct {
			const struct shoal_ws_callbacks *callbacks;
			void *arg;
		};
		struct sh_ws_puller *puller;
	};
	char subprotocol[]; /* if it has one */
};

/** What it shares with others of its sort. */
static inline struct sh_ws_kind *
sh_ws_kind(const struct shoal_ws *ws)
{
	return SH_CONTAINER(ws->receiver.intake, struct sh_ws_kind, intake);
}

/* --- ws_kind.c -------------------------------------------------------------- */

/** The kind of resolved options, of what was agreed on, and of the number of struct
 *  sh_send_limits; NULL without memory. */
struct sh_ws_kind *sh_ws_kind_need(const struct shoal_ws_options *options,
    const struct sh_ws_extension *extension, const char *handler,
    int send_limits);
/** One of its users is gone. */
void sh_ws_kind_drop(struct sh_ws_kind **kind);

/* --- ws_object.c ------------------------------------------------------------ */

/** Make one for a connection, which does not know it yet: its session pointer
 *  is to be set. NULL without memory. callbacks NULL: coroutine style, and the
 *  running coroutine is the handler's. */
struct shoal_ws *
sh_ws_new(struct sh_conn *conn, const struct shoal_ws_options *options,
    const struct sh_ws_extension *extension, const char *handler,
    const char *subprotocol, const struct shoal_ws_callbacks *callbacks,
    void *arg);
/** Free it; its connection has forgotten it. NULL is fine. */
void sh_ws_free(struct shoal_ws **ws);
/** What the session does with its connection. */
const struct sh_conn_ops *sh_ws_ops(void);
/** Its busy part, made when there is none. */
struct sh_ws_busy *sh_ws_need_busy(struct shoal_ws *ws);
/** Free what an idle one does not need. */
void sh_ws_rest(struct shoal_ws *ws);
/** The WebSocket of a connection, or NULL. */
struct shoal_ws *sh_ws_of_conn(const struct sh_conn *conn);
/** Its connection has been switched to it. */
void sh_ws_begin(struct shoal_ws *ws);
/** The handler of its request has returned: with session/http.h. */
void sh_ws_returned(struct shoal_ws *ws);

/* --- ws_input.c ------------------------------------------------------------- */

/** Begin to count control frames. */
void sh_ws_begin_counting(struct shoal_ws *ws);
/** A ping has been sent: a pong may come for it. */
void sh_ws_expect_pong(struct shoal_ws *ws);
/** Look at what has come, as far as somebody takes it, and keep the rest. */
void sh_ws_received(struct sh_conn *conn, const void *data, size_t len);
/** Go on with what was kept. */
void sh_ws_go_on(struct shoal_ws *ws);
/** Whether a message would be taken now. */
bool sh_ws_may_give(const struct shoal_ws *ws);
/** The next message, for a receive: 1 with *event_out; 0 when none is there, or
 *  it has had its share of this turn; -SHOAL_ENOMEM. Deals with all else. */
int sh_ws_next_message(struct shoal_ws *ws, struct sh_ws_event *event_out);
/** Behind a 0 of that: whether it is for the share. */
bool sh_ws_has_more(const struct shoal_ws *ws);
/** Bytes that have come and were not looked at. */
size_t sh_ws_unseen(const struct shoal_ws *ws);
/** Keep bytes that have come behind the request (takes what they hold). */
void sh_ws_take_rest(struct shoal_ws *ws, struct sh_buf *rest);
/** Of a message that lies among bytes that were read: whether it may keep the
 *  loop's buffer. */
bool sh_ws_may_pin(const struct shoal_ws *ws, const struct sh_ws_event *event);
/** A message, as handlers see it. */
struct shoal_message sh_ws_message(const struct sh_ws_event *event);

/* --- ws_coroutine.c --------------------------------------------------------- */

/** A message that nobody waits for: keep it until somebody asks. */
void sh_ws_put_by(struct shoal_ws *ws, const struct sh_ws_event *event);
/** Let who is in a receive look again. */
void sh_ws_wake_reader(struct shoal_ws *ws);
/** Resume who is in a receive, if that can be. */
void sh_ws_resume_reader(struct shoal_ws *ws);
/** The handler has returned. */
void sh_ws_end_pulling(struct shoal_ws *ws);

/* --- ws_callback.c ---------------------------------------------------------- */

/** Call on_message with a message, and with those behind it that may be given.
 *  The event is used for all of them. Whether there may be more. */
bool sh_ws_call_messages(struct shoal_ws *ws, struct sh_ws_event *event);
/** Call on_writable, now or when the callback that waits has returned. */
void sh_ws_call_writable(struct shoal_ws *ws);
/** Call on_close; true when it waits, and the WebSocket is freed later. */
bool sh_ws_call_close(struct shoal_ws *ws);

/* --- ws_compress.c ---------------------------------------------------------- */

/** What the process's WebSockets share to compress and inflate. */
struct sh_ws_deflate *sh_ws_shared_deflate(void);
/** Agree with a client on compression. 0; 400 for a malformed offer, with
 *  *why_out, a constant sentence. */
int sh_ws_negotiate(struct shoal_request *req,
    const struct shoal_ws_options *options,
    struct sh_ws_extension *extension_out, const char **why_out);
/** Compress a message: its bytes, which are good until the next one of any
 *  WebSocket is compressed. 0: it is to be sent as it is. */
size_t sh_ws_pack(struct shoal_ws *ws, const void *data, size_t len,
    const uint8_t **packed_out);
/** What was packed has not been sent: later messages must not refer to it. */
void sh_ws_unpack(struct shoal_ws *ws);

/* --- ws_send.c -------------------------------------------------------------- */

/** Send a control frame, past the queue's mark. */
int sh_ws_send_control(struct shoal_ws *ws, enum sh_ws_opcode opcode,
    const void *data, size_t len);
/** Answer a ping, or owe the answer while the queue is above its mark. */
void sh_ws_send_pong(struct shoal_ws *ws, const void *data, size_t len);
/** Room in the queue. */
void sh_ws_writable(struct sh_conn *conn);
/** A message in fragments is at its end: send what has waited for that. */
void sh_ws_send_late(struct shoal_ws *ws);
/** Let those who wait to send fail. */
void sh_ws_fail_senders(struct shoal_ws *ws, int error);

/* --- ws_close.c ------------------------------------------------------------- */

/** The peer's close frame has come. */
void sh_ws_peer_closes(struct shoal_ws *ws, const struct sh_ws_event *event);
/** The peer did wrong: tell it the code, and end. */
void sh_ws_refuse(struct shoal_ws *ws, int code, const char *why);
/** Note how it ended, unless that is known. reason may be NULL. */
void sh_ws_note_end(struct shoal_ws *ws, int code, const char *reason,
    size_t reason_len, bool by_peer, int error);
/** The connection has ended: note that, and tell who waits. */
void
sh_ws_conn_ended(struct shoal_ws *ws, enum shoal_close_cause cause, int error);
/** Note the end of a connection that is held, and so does not tell of it yet. */
void sh_ws_learn_end(struct shoal_ws *ws);
/** Something has happened to a connection that is held. */
void sh_ws_changed(struct sh_conn *conn);
/** As a receive or close returns it: 0, or why it did not end in good order. */
int sh_ws_end_result(const struct shoal_ws *ws);

/* --- ws_ping.c -------------------------------------------------------------- */

/** The timer has come up. */
void sh_ws_on_timer(struct sh_wheel_timer *timer);
/** Begin to listen for silence. */
void sh_ws_begin_pings(struct shoal_ws *ws);
