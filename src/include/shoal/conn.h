/*
 * A connection, as a TCP handler sees it.
 *
 * Events of one connection come one after another: on_connect, then any
 * number of on_receive and on_writable, then on_close, once. A connection
 * lives in the worker that accepted it and is used in that worker only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_conn;

/* Why a connection ended. */
enum shoal_close_cause {
	SHOAL_CLOSE_PEER,     /* the peer closed, in good order */
	SHOAL_CLOSE_LOCAL,    /* shoal_conn_close() or shoal_conn_abort() */
	SHOAL_CLOSE_TIMEOUT,  /* idle for too long */
	SHOAL_CLOSE_ERROR,    /* reset or failed; the error says how */
	SHOAL_CLOSE_OVERFLOW, /* the worker could not hold its data */
	SHOAL_CLOSE_SHUTDOWN  /* the worker is being stopped or replaced */
};

/** Name of a cause: "peer", "local", ...; never NULL. */
SHOAL_API const char *shoal_close_cause_str(enum shoal_close_cause cause);

typedef void shoal_connect_fn(struct shoal_conn *conn, void *arg);
typedef void shoal_receive_fn(
    struct shoal_conn *conn, const void *data, size_t len, void *arg);
typedef void shoal_writable_fn(struct shoal_conn *conn, void *arg);
typedef void shoal_close_fn(struct shoal_conn *conn,
    enum shoal_close_cause cause, int error, void *arg);

/*
 * What a TCP handler does. The argument is the one that was given with the
 * callbacks, or what the handler's open() made. Each may be NULL but
 * on_receive.
 */
struct shoal_tcp_callbacks {
	size_t size; /* sizeof(struct shoal_tcp_callbacks) */

	/* Accepted, see accept4(2). Nothing has been read yet. */
	shoal_connect_fn *on_connect;

	/*
	 * Bytes have come, at most 64 KiB a call; TCP keeps no boundaries
	 * (recv(2); RFC 9293, 3.9.1.3).
	 * The data is borrowed: valid until the callback returns.
	 */
	shoal_receive_fn *on_receive;

	/*
	 * The send queue has fallen to its low-water mark, after a send was
	 * refused with -SHOAL_EAGAIN or shoal_conn_is_full() said so.
	 */
	shoal_writable_fn *on_writable;

	/*
	 * The end, exactly once for each connection that has had on_connect.
	 * The connection can still be asked for its addresses, id and user
	 * data, not be sent to. error is 0, or the -errno of CLOSE_ERROR.
	 */
	shoal_close_fn *on_close;
};

/**
 * Send bytes.
 *
 * Copies them and returns; what one event sends goes to the kernel in one
 * write(2) when the event ends. A message is taken whole or not at all: the
 * queue may exceed its high-water mark by one message.
 *
 * @param conn  borrowed
 * @param data  borrowed, may be NULL when len is 0
 * @param len   bytes
 *
 * Returns  0; -SHOAL_EAGAIN above the high-water mark of the send queue, with
 *          nothing taken (on_writable tells when to go on); -SHOAL_ENOTCONN
 *          after close, abort or failure; -SHOAL_ENOMEM
 * Context  worker, inside a callback or a timer
 * Blocks   never
 * See      send(2), tcp(7) TCP_NODELAY; RFC 9293, 3.9.1.2
 */
SHOAL_API int
shoal_conn_send(struct shoal_conn *conn, const void *data, size_t len);

/**
 * Send bytes that lie in several places, as one message.
 *
 * @param parts  borrowed
 * @param count  of them, at most 64
 *
 * Returns  as shoal_conn_send(); -SHOAL_EINVAL for a bad count
 * Context  worker
 * Blocks   never
 * See      sendmsg(2)
 */
SHOAL_API int
shoal_conn_sendv(struct shoal_conn *conn, const struct iovec *parts, int count);

/**
 * Send formatted text, at most 64 KiB of it; see shoal_conn_send().
 *
 * Returns  as shoal_conn_send(); -SHOAL_EMSGSIZE when longer;
 *          -SHOAL_EINVAL for a bad format
 * Context  worker
 * Blocks   never
 * See      printf(3)
 */
SHOAL_API int shoal_conn_printf(
    struct shoal_conn *conn, const char *format, ...) SHOAL_PRINTF(2, 3);

/**
 * Hand what is queued to the kernel now instead of at the end of the event.
 *
 * Returns  0 when the queue is empty; -SHOAL_EAGAIN when the kernel did not
 *          take all (it goes on by itself); -SHOAL_ENOTCONN
 * Context  worker
 * Blocks   never
 * See      send(2)
 */
SHOAL_API int shoal_conn_flush(struct shoal_conn *conn);

/**
 * Close: what is queued is sent first, nothing more is read.
 *
 * on_close follows with SHOAL_CLOSE_LOCAL, after the current callback has
 * returned; at once when nothing is queued, else when the kernel has taken it,
 * or when the idle timeout or the worker's end comes first.
 *
 * Returns  0; -EALREADY when the connection is closing already
 * Context  worker
 * Blocks   never
 * See      shutdown(2), close(2); RFC 9293, 3.6; RFC 1122, 4.2.2.13
 */
SHOAL_API int shoal_conn_close(struct shoal_conn *conn);

/**
 * Close at once: the queue is thrown away and the peer gets a reset.
 *
 * Returns  0; -EALREADY when it has been called already
 * Context  worker
 * Blocks   never
 * See      socket(7) SO_LINGER; RFC 9293, 3.9.1.6
 */
SHOAL_API int shoal_conn_abort(struct shoal_conn *conn);

/**
 * Stop reading: the peer is held back by TCP's flow control. Idempotent.
 * A peer's orderly end is noticed when reading goes on, a reset at once.
 * See RFC 9293, 3.8.6.
 */
SHOAL_API void shoal_conn_pause(struct shoal_conn *conn);

/** Read again after shoal_conn_pause(). Idempotent. */
SHOAL_API void shoal_conn_resume(struct shoal_conn *conn);

/** Whether reading is paused. */
SHOAL_API bool shoal_conn_is_paused(const struct shoal_conn *conn);

/**
 * Whether the send queue is at its high-water mark, so that a send would be
 * refused. When it is, on_writable follows as after a refused send. A handler
 * that answers what it receives pauses reading here and resumes it there.
 */
SHOAL_API bool shoal_conn_is_full(struct shoal_conn *conn);

/** Bytes sent by the handler and not yet taken by the kernel. */
SHOAL_API size_t shoal_conn_queued(const struct shoal_conn *conn);

/**
 * The number of a connection: not 0, unique over all workers, never used
 * again while the service runs, across reloads too.
 */
SHOAL_API uint64_t shoal_conn_id(const struct shoal_conn *conn);

/**
 * Find an open connection of this worker by its number.
 *
 * Returns  the connection, or NULL when it is gone or another worker's
 * Owner    lends until the current callback returns
 * Context  worker
 */
SHOAL_API struct shoal_conn *shoal_conn_find(uint64_t id);

/**
 * Send to a connection of this worker by its number.
 *
 * Returns  as shoal_conn_send(); -SHOAL_ENOENT when there is no such
 *          connection in this worker
 * Context  worker
 * Blocks   never
 */
SHOAL_API int shoal_conn_send_to(uint64_t id, const void *data, size_t len);

/**
 * Address of the peer as text: "192.0.2.1:4711", "[2001:db8::1]:4711", or
 * "unix:" for a unix socket.
 *
 * @param buf  filled, with a NUL at its end
 * @param cap  size of buf in bytes; SHOAL_ADDRESS_MAX is always enough
 *
 * Returns  buf
 * Context  worker
 * See      accept4(2)
 */
SHOAL_API const char *
shoal_conn_peer(const struct shoal_conn *conn, char *buf, size_t cap);

/** Own address of the connection as text, see shoal_conn_peer() and
 *  getsockname(2). */
SHOAL_API const char *
shoal_conn_local(const struct shoal_conn *conn, char *buf, size_t cap);

enum { SHOAL_ADDRESS_MAX = 128 };

/** Name of the listener that accepted the connection. Lent with it. */
SHOAL_API const char *shoal_conn_listener(const struct shoal_conn *conn);

/**
 * The file descriptor, for getsockopt(2) and the like. Reading, writing or
 * closing it breaks the connection.
 */
SHOAL_API int shoal_conn_fd(const struct shoal_conn *conn);

/** Remember a pointer with the connection; shoal does not touch it. */
SHOAL_API void shoal_conn_set_data(struct shoal_conn *conn, void *data);

/** The pointer of shoal_conn_set_data(), NULL before. */
SHOAL_API void *shoal_conn_data(const struct shoal_conn *conn);

#ifdef __cplusplus
}
#endif
