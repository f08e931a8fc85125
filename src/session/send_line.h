/*
 * This file lets coroutines wait for room in a connection's queue: whole
 * messages, first come, first served. It does not write.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct iovec;
struct sh_conn;

struct sh_send_waiter;

/* Who waits; part of what a session keeps for a connection, and made when it is
 * first needed, if that is what it likes: nobody stands in a line that is not
 * there. */
struct sh_send_line {
	TAILQ_HEAD(, sh_send_waiter) waiters;
};

/** Begin. */
void sh_send_line_init(struct sh_send_line *line);
/** Whether nobody waits: who comes now may try at once. */
static inline bool
sh_send_line_is_empty(const struct sh_send_line *line)
{
	return TAILQ_EMPTY(&line->waiters);
}
/** Send a message, or wait for its turn and for room. The connection and the
 *  line may be gone when it returns an error. place is the public function, for
 *  people; lent. As shoal_co_send(), but -SHOAL_ENOTCONN whatever has closed it
 *  before: see sh_conn_why(). */
int sh_send_line_sendv(struct sh_conn *conn, struct sh_send_line *line,
    const struct iovec *parts, int count, const char *place,
    int64_t deadline_us);
/** Likewise, when a first sh_conn_sendv() has been refused with -SHOAL_EAGAIN,
 *  or the line is not empty. */
int sh_send_line_join(struct sh_conn *conn, struct sh_send_line *line,
    const struct iovec *parts, int count, const char *place,
    int64_t deadline_us);
/** Wait until nothing is queued. As shoal_co_flush(). */
int sh_send_line_flush(struct sh_conn *conn, struct sh_send_line *line,
    const char *place, int64_t deadline_us);
/** Likewise, when a first sh_send_line_try_flush() has been refused. */
int sh_send_line_join_flush(struct sh_conn *conn, struct sh_send_line *line,
    const char *place, int64_t deadline_us);
/** Hand over what is queued: 0; -SHOAL_EAGAIN when some is left, and
 *  ops->writable() comes when it is gone; -SHOAL_ENOTCONN. */
int sh_send_line_try_flush(struct sh_conn *conn);
/** Room in the queue (ops->writable): let the first one go on. */
void sh_send_line_wake(struct sh_send_line *line);
/** Let all of them fail with an error; before the line goes, at the latest. */
void sh_send_line_fail(struct sh_send_line *line, int error);
