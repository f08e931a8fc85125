/*
 * This file is what the files of this folder know of a connection that is more
 * than idle; it is not for other folders.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "session/send_line.h"
#include "session/tcp.h"

/* Bytes that have come and have not been handed on. */
struct sh_tcp_input {
	struct sh_buf buf;
	size_t off;     /* of them, handed on already */
	size_t scanned; /* see sh_framing_find() */
};

/* A coroutine that waits for input; not always the handler's. */
struct sh_tcp_reader {
	struct sh_co *co;
	bool gone; /* the handler has returned: there is no state any more */
};

enum { SH_TCP_SMALL_SIZE = 512 };

/*
 * The session pointer of a connection. In callback style there is one while a
 * callback waits, a packet is incomplete or a coroutine waits to send; in
 * coroutine style it lies on the stack of the handler's coroutine.
 */
struct sh_tcp_state {
	struct sh_conn *conn;
	struct sh_co *co; /* of the callback that waits, or the handler */
	struct sh_send_line senders;
	struct sh_tcp_input input;
	bool close_known; /* to co: it has closed, or was cancelled for it */

	bool closing; /* on_close has been called; the handler has returned */

	/* callback style */
	bool writable_owed; /* on_writable came while a callback waited */

	/* coroutine style */
	struct sh_tcp_reader *reader; /* in a receive, NULL */
	const char *now; /* what has just been read, and is behind the
				   input; in the loop's buffer */
	size_t now_len;
	void *lent;   /* what the last receive gave away, to be freed */
	char *pinned; /* likewise, the loop's buffer */
	char small[SH_TCP_SMALL_SIZE]; /* what it gave away, if that fits */
};

/** Begin. */
void sh_tcp_state_init(struct sh_tcp_state *state, struct sh_conn *conn);
/** Wake those who wait to send, with an error, and free the input. */
void sh_tcp_state_fini(struct sh_tcp_state *state, int error);
/** The state of a connection, made when there is none; NULL without memory. */
struct sh_tcp_state *sh_tcp_state_need(struct sh_conn *conn);

/** Bytes of the input. */
static inline size_t
sh_tcp_input_len(const struct sh_tcp_input *input)
{
	return input->buf.len - input->off;
}

/** The first of them. */
static inline const char *
sh_tcp_input_data(const struct sh_tcp_input *input)
{
	return input->buf.data + input->off;
}

/** Append bytes (copies). 0 or -SHOAL_ENOMEM. */
int sh_tcp_input_add(struct sh_tcp_input *input, const void *data, size_t len);
/** Hand bytes on: they stay where they are until something is added, or
 *  trim() is called. */
void sh_tcp_input_take(struct sh_tcp_input *input, size_t len);
/** Free what nothing is left of. */
void sh_tcp_input_trim(struct sh_tcp_input *input);

/** The connection was closed: cancel its coroutine, once, unless that did it
 *  itself. */
void sh_tcp_cancel_for_close(struct sh_tcp_state *state);
