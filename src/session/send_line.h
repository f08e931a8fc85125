/*
 * This file lets coroutines wait for room in a connection's queue: whole
 * messages, first come, first served. It does not write.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

struct iovec;
struct sh_conn;

struct sh_send_waiter;

/* Who waits; part of what a session keeps for a connection. */
struct sh_send_line {
	TAILQ_HEAD(, sh_send_waiter) waiters;
};

/** Begin. */
void sh_send_line_init(struct sh_send_line *line);
/** Send a message, or wait for its turn and for room. The connection and the
 *  line may be gone when it returns an error. As shoal_co_send(). */
int sh_send_line_sendv(struct sh_conn *conn, struct sh_send_line *line,
    const struct iovec *parts, int count, int64_t deadline_us);
/** Wait until nothing is queued. As shoal_co_flush(). */
int sh_send_line_flush(
    struct sh_conn *conn, struct sh_send_line *line, int64_t deadline_us);
/** Room in the queue (ops->writable): let the first one go on. */
void sh_send_line_wake(struct sh_send_line *line);
/** Let all of them fail with an error; before the line goes, at the latest. */
void sh_send_line_fail(struct sh_send_line *line, int error);
