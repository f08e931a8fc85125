/*
 * This file hands messages for many to one connection, and does what its route
 * says (limits.send_queue) when the peer does not read. It does not know topics.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "io/queue.h"
#include "io/send_limits.h"

struct sh_conn;

enum sh_delivered {
	SH_DELIVERED,        /* sent or queued */
	SH_DELIVERED_FULL,   /* likewise, and is above the mark now: PAUSE */
	SH_DELIVERED_LOSSY,  /* something was dropped, this or older ones */
	SH_DELIVERED_NEITHER /* the connection is closed or closing, now or
				before */
};

/**
 * Send messages, or queue a reference: whole ones in shared bytes as they go out,
 * frames of a WebSocket or plain bytes. Several have the same key, which is a hash,
 * never 0. It writes at once if nothing is queued; from within the connection's own
 * events it comes behind what they have sent. Never calls a handler: an end of the
 * connection is told later in the turn.
 *
 * Several messages are judged together when there is room for all, and one by one
 * otherwise (they are frames or, for a TCP connection, must come
 * alone then: it returns -SHOAL_EAGAIN with nothing done).
 */
int sh_deliver(struct sh_conn *conn, const struct sh_piece *piece);

/** Whether it is above its high-water mark by a policy PAUSE; when it is no more,
 *  or has ended, the loop's deliver hook is told. */
bool sh_deliver_is_paused(const struct sh_conn *conn);

/* Who has subscribed connections: called for those that sh_deliver_follow() was
 * said of. */
struct sh_deliver_hooks {
	/* The connection ends, its session is told just now; the last call. */
	void (*ended)(struct sh_conn *conn, void *arg);
	/* It was full, and has fallen to its low-water mark. */
	void (*drained)(struct sh_conn *conn, void *arg);
	void *arg;
};

/** Set them, for all connections of this process' loop; lent. NULL: none. */
void sh_deliver_set_hooks(const struct sh_deliver_hooks *hooks);
/** Tell the hooks about a connection from now on, or no longer. */
void sh_deliver_follow(struct sh_conn *conn, bool yes);

/* What is sent to a connection: how a message of len bytes becomes bytes. */
struct sh_deliver_form {
	bool is_ws;
	uint64_t compression; /* the same number: the same bytes may be sent to
				 both; 0: not compressed */
};

/** How a connection is sent messages. False when it cannot be: HTTP that is no
 *  WebSocket, closed, closing, with a context takeover it gives 0. */
bool sh_deliver_form(struct sh_conn *conn, struct sh_deliver_form *form_out);
/** The most that sh_deliver_frame() writes for len bytes. */
size_t sh_deliver_frame_max(size_t len);
/** Write a message as the form says; type is that of <shoal/ws.h>. Returns the
 *  bytes written to buf. */
size_t
sh_deliver_frame(struct sh_conn *conn, const struct sh_deliver_form *form,
    int type, const void *data, size_t len, char *buf);
