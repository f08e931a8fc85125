/*
 * A connection, as a TCP handler sees it.
 *
 * In callback style the events of one connection come one after another:
 * on_connect, then any number of on_receive and on_writable, then on_close,
 * once. A callback may wait (shoal/co.h); what comes meanwhile waits for it. In
 * coroutine style one function serves a connection from its beginning to its
 * end, and asks for what has come.
 *
 * A connection lives in the worker that accepted it and is used in that worker
 * only. The pointer is good until on_close or the handler has returned; who
 * waits elsewhere keeps the number, see shoal_conn_find().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_conn;

/* Why a connection ended, in callback style. */
enum shoal_close_cause {
	SHOAL_CLOSE_PEER,     /* the peer closed, in good order */
	SHOAL_CLOSE_LOCAL,    /* shoal_conn_close() or shoal_conn_abort(); or
				 the peer did not read, SHOAL_FULL_CLOSE */
	SHOAL_CLOSE_TIMEOUT,  /* idle for too long, or it took nothing of what
				 was sent, limits.send_queue.stall_timeout */
	SHOAL_CLOSE_ERROR,    /* reset or failed; the error says how */
	SHOAL_CLOSE_OVERFLOW, /* the worker could not hold its data */
	SHOAL_CLOSE_SHUTDOWN  /* the worker is being stopped or replaced */
};

/* What becomes of a message for many, such as one of a topic, when the peer does not
 * read and its send queue is at the high-water mark. What its own handler sends is
 * refused there instead, and never dropped. */
enum shoal_when_full {
	SHOAL_FULL_DEFAULT,  /* as the settings say, CLOSE */
	SHOAL_FULL_CLOSE,    /* the connection is closed; what is queued is
				still sent, a WebSocket's close frame behind it */
	SHOAL_FULL_DROP_NEW, /* the message is not sent */
	SHOAL_FULL_DROP_OLD, /* the oldest that wait are not */
	SHOAL_FULL_CONFLATE, /* until the low-water mark, a message takes the
				place of one that waits with the same key; else
				as DROP_OLD */
	SHOAL_FULL_PAUSE     /* publishers wait until the low-water mark */
};

/* The send queue of connections, limits.send_queue in shoal.conf(5); what is 0 is
 * the listener's or the file's. */
struct shoal_send_queue {
	int64_t high, low; /* bytes; low is at most high, and used with it */
	enum shoal_when_full when_full;
	int close_code;           /* of a WebSocket, with CLOSE: 1013 */
	int64_t stall_timeout_ms; /* who takes nothing for so long is cut, 30 s;
				     -1: never */
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
	 * Bytes have come, at most 128 KiB a call; TCP keeps no boundaries
	 * (recv(2); RFC 9293, 3.9.1.3). With a framing, one packet a call.
	 * The data is borrowed: valid until the callback returns or waits.
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
	 * data, not be sent to. error is 0, or the -errno of CLOSE_ERROR:
	 * -SHOAL_EMSGSIZE or -SHOAL_EPROTO for a packet that cannot be; or
	 * -SHOAL_ETRUNCATED with CLOSE_PEER, when the peer has ended inside
	 * of a packet.
	 */
	shoal_close_fn *on_close;
};

/*
 * What a handler in coroutine style does: called on a coroutine of its own for
 * each accepted connection; when it returns, what it has sent is flushed and
 * the connection is closed. Meanwhile it waits wherever it likes. When the
 * connection is closed by somebody else, or the worker stops, its waits fail
 * with -SHOAL_ECANCELED.
 */
typedef void shoal_serve_fn(struct shoal_conn *conn, void *arg);

/**
 * Receive bytes, in a handler in coroutine style.
 *
 * Gives what has come, as soon as there is something: at most 64 KiB, or all
 * that an earlier receive has left; TCP keeps no boundaries. What is given
 * stays as it is until the next receive on this connection, whatever the
 * handler waits for in between.
 *
 * @param data_out    set to the bytes; untouched when there are none
 * @param timeout_ms  SHOAL_FOREVER, or milliseconds
 *
 * Returns  their number; 0 when the peer has ended its side (it still gets
 *          what is sent); -SHOAL_ETIMEDOUT, with nothing lost;
 *          -SHOAL_ECONNRESET or another -errno when the connection failed;
 *          -SHOAL_ECANCELED when somebody else closed it, the coroutine was
 *          cancelled or the worker stops; -SHOAL_ENOTCONN when the handler
 *          itself closed it before, or it was idle for too long;
 *          -SHOAL_EBUSY when another coroutine is receiving from it;
 *          -SHOAL_EPERM for a connection in callback style; -SHOAL_ENOMEM
 * Owner    lends until the next receive or the handler's return
 * Context  coroutine
 * Suspends until something has come
 * See      recv(2); RFC 9293, 3.9.1.3
 */
SHOAL_API ssize_t shoal_co_recv(
    struct shoal_conn *conn, const void **data_out, int timeout_ms);

/**
 * Receive one packet, as the listener's framing says, with its header or
 * terminator; see shoal_framing(3) and shoal_co_recv().
 *
 * @param data_out    set to the packet
 * @param timeout_ms  for the whole packet; what has come of it is kept
 *
 * Returns  its length; 0 when the peer has ended its side after a whole
 *          packet; -SHOAL_ETRUNCATED when it did so inside of one (what there
 *          is of it can be had by shoal_co_recv()); -SHOAL_EMSGSIZE when it is
 *          longer than the framing allows; -SHOAL_EPROTO when its length
 *          cannot be; -SHOAL_EINVAL when the listener has no framing; else as
 *          shoal_co_recv()
 * Owner    lends until the next receive or the handler's return
 * Context  coroutine
 * Suspends until the packet is complete
 */
SHOAL_API ssize_t shoal_co_recv_packet(
    struct shoal_conn *conn, const void **data_out, int timeout_ms);

/**
 * Receive exactly len bytes; see shoal_co_recv().
 *
 * @param len         bytes, 1 to 1 GiB
 * @param timeout_ms  for all of them; what has come is kept
 *
 * Returns  len; 0 when the peer has ended its side and nothing is left;
 *          -SHOAL_ETRUNCATED when fewer are left, see shoal_co_recv_packet();
 *          -SHOAL_EINVAL for a bad len; else as shoal_co_recv()
 * Owner    lends until the next receive or the handler's return
 * Context  coroutine
 * Suspends until they have come
 */
SHOAL_API ssize_t shoal_co_recv_exact(
    struct shoal_conn *conn, const void **data_out, size_t len, int timeout_ms);

/**
 * Send bytes, and wait while the send queue is above its high-water mark.
 *
 * Any number of coroutines may send on a connection: messages are taken whole,
 * first come, first served. What is taken goes to the kernel when the event
 * ends or the coroutine waits; shoal_co_flush() waits for that.
 *
 * @param conn  borrowed; in either style
 * @param data  borrowed until the return, may be NULL when len is 0
 * @param len   bytes
 *
 * Returns  0; -SHOAL_ETIMEDOUT, with nothing taken; -SHOAL_ECANCELED when the
 *          connection is closed meanwhile or the coroutine cancelled;
 *          -SHOAL_ECONNRESET or another -errno when the connection failed;
 *          -SHOAL_ENOTCONN when it was closed before; -SHOAL_ENOMEM
 * Context  coroutine
 * Suspends above the high-water mark, until the low one
 * See      send(2); RFC 9293, 3.9.1.2
 */
SHOAL_API int shoal_co_send(
    struct shoal_conn *conn, const void *data, size_t len, int timeout_ms);

/** Send bytes that lie in several places, at most 64, as one message; see
 *  shoal_co_send(). -SHOAL_EINVAL also for a bad count. See sendmsg(2). */
SHOAL_API int shoal_co_sendv(struct shoal_conn *conn, const struct iovec *parts,
    int count, int timeout_ms);

/** Send formatted text, at most 64 KiB, with SHOAL_FOREVER as timeout; see
 *  shoal_co_send(). -SHOAL_EMSGSIZE when longer; -SHOAL_EINVAL for a bad
 *  format. See printf(3). */
SHOAL_API int shoal_co_printf(struct shoal_conn *conn, const char *format, ...)
    SHOAL_PRINTF(2, 3);

/**
 * Wait until all that was sent is with the kernel.
 *
 * Returns  0; -SHOAL_ETIMEDOUT; else as shoal_co_send()
 * Context  coroutine
 * Suspends until then
 */
SHOAL_API int shoal_co_flush(struct shoal_conn *conn, int timeout_ms);

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
 * Context  worker
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
 * End the own side: what is queued is sent, then the peer is told that nothing
 * more comes. Input is received as before, and the connection ends when the
 * peer has ended its side too.
 *
 * Returns  0; -EALREADY when it has been called already; -SHOAL_ENOTCONN after
 *          close, abort or failure. A send returns -SHOAL_ENOTCONN from now on
 * Context  worker
 * Blocks   never
 * See      shutdown(2) SHUT_WR; RFC 9293, 3.6
 */
SHOAL_API int shoal_conn_shutdown(struct shoal_conn *conn);

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
 * Owner    lends until the running coroutine returns or waits
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
