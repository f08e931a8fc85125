/*
 * A WebSocket (RFC 6455): messages in both directions on a connection that
 * began as an HTTP request.
 *
 * In coroutine style a handler upgrades its request, then receives and sends
 * until it returns; that closes the WebSocket. In callback style it names the
 * functions that are called from then on, and returns.
 *
 * Pings are answered by shoal, and it pings a silent peer itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <shoal/conn.h>
#include <shoal/error.h>
#include <shoal/request.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_ws;

enum shoal_ws_type {
	SHOAL_WS_CONTINUATION = 0, /* a later piece of a streamed message */
	SHOAL_WS_TEXT = 1,
	SHOAL_WS_BINARY = 2,
	/* only with options.control */
	SHOAL_WS_PING = 9,
	SHOAL_WS_PONG = 10
};

/* Close codes, RFC 6455 7.4.1. */
enum {
	SHOAL_WS_NORMAL = 1000,
	SHOAL_WS_GOING_AWAY = 1001,
	SHOAL_WS_PROTOCOL_ERROR = 1002,
	SHOAL_WS_UNSUPPORTED = 1003,
	SHOAL_WS_NO_CODE = 1005, /* never sent: the close frame has none */
	SHOAL_WS_CUT_OFF = 1006, /* never sent: there was no close frame */
	SHOAL_WS_BAD_DATA = 1007,
	SHOAL_WS_POLICY = 1008,
	SHOAL_WS_TOO_BIG = 1009,
	SHOAL_WS_INTERNAL_ERROR = 1011,
	SHOAL_WS_RESTART = 1012,
	SHOAL_WS_TRY_LATER = 1013
};

/* A message that has come. */
struct shoal_message {
	enum shoal_ws_type type;
	bool final; /* false: more pieces of it follow, with options.stream */
	const char *data; /* a NUL is behind it; text is UTF-8, of which a
			     piece may end inside of a character */
	size_t len;       /* bytes */
};

/** Whether a message is this text, byte for byte. */
SHOAL_API bool
shoal_message_is(const struct shoal_message *message, const char *text);

/* permessage-deflate (RFC 7692) for clients that offer it. Messages in fragments
 * are never compressed when they are sent, nor what does not get shorter. */
enum shoal_ws_compression {
	SHOAL_WS_COMPRESSION_OFF,
	/* no context takeover: one compressor a worker; a connection has a
	 * decompressor only while it is amid a compressed message */
	SHOAL_WS_COMPRESSION_SHARED,
	/* what one message has in common with those before it counts; a
	 * connection has, as soon as it needs them, a compressor of 39 KB with
	 * a window of 4 KiB and a decompressor of 12 KB, or 40 KB for a client
	 * that does not offer client_max_window_bits */
	SHOAL_WS_COMPRESSION_TAKEOVER
};

/* How a request becomes a WebSocket; 0 and NULL are the route's, -1 is "off".
 * As the group `websocket' of a route in shoal.conf(5). */
struct shoal_ws_options {
	size_t size; /* sizeof(struct shoal_ws_options) */
	/* Origins that may connect, up to NULL: "https://example.org". A host
	 * that begins with "*." is all below it, "*" alone any origin. NULL:
	 * the same origin. A request without an Origin, which no browser sends,
	 * is let in. */
	const char *const *origins;
	const char *const *subprotocols; /* up to NULL, the best one first */
	int64_t message_size;     /* bytes of a message, 1 MiB; more: 1009 */
	int64_t fragments;        /* frames of a message, 1024; more: 1008 */
	int64_t control_rate;     /* control frames a second, 10, beside pongs
				     that were asked for; more: 1008. What
				     was not sent in a minute adds up */
	int64_t ping_ms;          /* silence before a ping, 30 s */
	int64_t pong_timeout_ms;  /* silence after it that ends it, 10 s */
	int64_t close_timeout_ms; /* for the peer's close frame, 5 s */
	enum shoal_ws_compression compression; /* OFF: the route's */
	int64_t compression_min_size; /* bytes; smaller messages are sent as
					 they are, 256; -1: all are tried */
	bool stream;  /* messages are given piece by piece, as they come */
	bool control; /* pings and pongs are given too (they are answered) */
	struct shoal_send_queue send_queue;
};

/* How a WebSocket ended. */
struct shoal_ws_end {
	int code;           /* close code of the first close frame, or
			       SHOAL_WS_NO_CODE, SHOAL_WS_CUT_OFF */
	const char *reason; /* of that frame, UTF-8, "" for none */
	size_t reason_len;
	bool by_peer; /* the peer's close frame came first, or it went
			 without */
	bool clean;   /* both close frames were exchanged */
	int error;    /* 0; -SHOAL_EPROTO, -SHOAL_EMSGSIZE, -EILSEQ (not UTF-8)
			 for what the peer did wrong; -SHOAL_ETIMEDOUT, no
			 answer to a ping or close frame; -SHOAL_ETRUNCATED,
			 the peer went without a close frame;
			 -SHOAL_ECONNRESET or another -errno */
};

/* --- coroutine style ------------------------------------------------------ */

/**
 * Make the request a WebSocket. Header fields and cookies that were set for the
 * answer go with it.
 *
 * @param options  borrowed; NULL: those of the route
 *
 * Returns  the WebSocket; NULL when it is none: the refusal has been answered
 *          (400, 403 for its origin, 405, 426; 503 without memory or when
 *          the worker goes; 500 for options that make no sense, of which
 *          the log tells)
 * Owner    lends until the handler returns
 * Context  the request's handler; the request stays good
 * Suspends never
 * See      RFC 6455, 4.2
 */
SHOAL_API struct shoal_ws *shoal_co_ws_upgrade(
    struct shoal_request *req, const struct shoal_ws_options *options);

/**
 * Receive a message.
 *
 * @param message_out  set to it
 * @param timeout_ms   SHOAL_FOREVER, or milliseconds
 *
 * Returns  1 with a message; 0 when the WebSocket was closed in good order, by
 *          whomever, see shoal_ws_end(); -SHOAL_ETIMEDOUT, with nothing lost;
 *          -SHOAL_EPROTO, -SHOAL_EMSGSIZE or -EILSEQ when the peer broke the
 *          protocol, a limit, or sent a text that is not UTF-8 (the close
 *          frame that is due has been sent); -SHOAL_ETRUNCATED when the peer
 *          ended the connection without a close frame; -SHOAL_ECONNRESET or
 *          another -errno when it failed; -SHOAL_ENOTCONN when it was cut or
 *          aborted here, or the peer did not answer a ping or our close frame;
 *          -SHOAL_ECANCELED when the worker stops or the coroutine was
 *          cancelled; -SHOAL_EBUSY when another coroutine receives;
 *          -SHOAL_EPERM in callback style; -SHOAL_ENOMEM
 * Owner    lends until the next receive or the handler's return, whatever the
 *          handler waits for in between
 * Context  coroutine
 * Suspends until a message has come; while the handler waits for something
 *          else, pings are answered, and one message is read ahead
 * See      RFC 6455, 6.2
 */
SHOAL_API int shoal_co_ws_recv(struct shoal_ws *ws,
    const struct shoal_message **message_out, int timeout_ms);

/**
 * Send a message, and wait while the send queue is above its high-water mark.
 * Messages of several coroutines are taken whole, first come, first served.
 *
 * @param type  SHOAL_WS_TEXT (the bytes have to be UTF-8) or SHOAL_WS_BINARY
 * @param data  borrowed until the return, may be NULL when len is 0
 * @param len   bytes
 *
 * Returns  0; -SHOAL_ETIMEDOUT, with nothing taken; -SHOAL_EINVAL for another
 *          type; -EILSEQ for a text that is not UTF-8; -SHOAL_EBUSY amid a
 *          message in fragments; -SHOAL_ENOTCONN when it is closed or
 *          closing; -SHOAL_ECANCELED; -SHOAL_ECONNRESET or another -errno;
 *          -SHOAL_ENOMEM
 * Context  coroutine
 * Suspends above the high-water mark, until the low one
 * See      RFC 6455, 6.1
 */
SHOAL_API int shoal_co_ws_send(struct shoal_ws *ws, enum shoal_ws_type type,
    const void *data, size_t len, int timeout_ms);

/** Send a formatted text, at most 64 KiB, as one message, with SHOAL_FOREVER as
 *  timeout; see shoal_co_ws_send(). -SHOAL_EMSGSIZE when longer; -SHOAL_EINVAL
 *  for a bad format. See printf(3). */
SHOAL_API int shoal_co_ws_printf(struct shoal_ws *ws, const char *format, ...)
    SHOAL_PRINTF(2, 3);

/** Send a fragment of a message: the first one says its type, the last one has
 *  final set; the type of the others does not count. While one is begun,
 *  other messages get -SHOAL_EBUSY, and so does a fragment while another
 *  coroutine waits to send one. Never compressed. Else as
 *  shoal_co_ws_send(). See RFC 6455, 5.4. */
SHOAL_API int
shoal_co_ws_send_part(struct shoal_ws *ws, enum shoal_ws_type type,
    const void *data, size_t len, bool final, int timeout_ms);

/** Wait until all that was sent is with the kernel; see shoal_co_flush(). */
SHOAL_API int shoal_co_ws_flush(struct shoal_ws *ws, int timeout_ms);

/**
 * Close: send a close frame and wait for the peer's, at most
 * options.close_timeout. What the peer still sends is thrown away.
 *
 * @param code    1000 to 1003, 1007 to 1014 or 3000 to 4999; or
 *                SHOAL_WS_NO_CODE, without a reason
 * @param reason  UTF-8, at most 123 bytes; NULL: none
 *
 * Returns  0 when it was closed in good order, now or before;
 *          -SHOAL_EINVAL for a bad code or reason; -SHOAL_ETIMEDOUT when the
 *          peer did not answer: the connection is cut; -SHOAL_ETRUNCATED when
 *          it ended the connection instead; -SHOAL_ECANCELED;
 *          -SHOAL_ENOTCONN; -SHOAL_ECONNRESET or another -errno
 * Context  coroutine
 * Suspends until the peer has answered
 * See      RFC 6455, 7.1.2
 */
SHOAL_API int
shoal_co_ws_close(struct shoal_ws *ws, int code, const char *reason);

/* --- callback style ------------------------------------------------------- */

/*
 * What a WebSocket does. The argument is the one that was given with the
 * callbacks. One runs after another, and each may wait (shoal/co.h); what comes
 * meanwhile waits for it. They begin when the request's handler has returned.
 * Each may be NULL but on_message.
 */
struct shoal_ws_callbacks {
	size_t size; /* sizeof(struct shoal_ws_callbacks) */
	/* It is open; called by shoal_ws_serve(), so the request is still
	 * there. */
	void (*on_open)(
	    struct shoal_ws *ws, struct shoal_request *req, void *arg);
	/* A message has come: borrowed until the callback returns or waits. */
	void (*on_message)(struct shoal_ws *ws,
	    const struct shoal_message *message, void *arg);
	/* The send queue has fallen to its low-water mark, after a send was
	 * refused with -SHOAL_EAGAIN or shoal_ws_is_full() said so. */
	void (*on_writable)(struct shoal_ws *ws, void *arg);
	/* The end, exactly once. Nothing can be sent any more; the WebSocket is
	 * there until it has returned. */
	void (*on_close)(
	    struct shoal_ws *ws, const struct shoal_ws_end *end, void *arg);
};

/** Make the request a WebSocket in callback style. callbacks are lent for its
 *  life, and may be static. 0; -SHOAL_EINVAL for missing callbacks; negative,
 *  too, when the refusal has been answered, see shoal_co_ws_upgrade(). */
SHOAL_API int shoal_ws_serve(struct shoal_request *req,
    const struct shoal_ws_options *options,
    const struct shoal_ws_callbacks *callbacks, void *arg);

/* --- both styles ---------------------------------------------------------- */

/** Send a message without waiting: -SHOAL_EAGAIN, with nothing taken, above the
 *  high-water mark or while others wait to send, and on_writable later; else
 *  as shoal_co_ws_send(). */
SHOAL_API int shoal_ws_send(
    struct shoal_ws *ws, enum shoal_ws_type type, const void *data, size_t len);
/** Likewise, a formatted text; see shoal_co_ws_printf(). */
SHOAL_API int shoal_ws_printf(struct shoal_ws *ws, const char *format, ...)
    SHOAL_PRINTF(2, 3);
/** Likewise, a fragment; see shoal_co_ws_send_part(). */
SHOAL_API int shoal_ws_send_part(struct shoal_ws *ws, enum shoal_ws_type type,
    const void *data, size_t len, bool final);
/** Send a ping with at most 125 bytes; it goes past the send queue's mark.
 *  -SHOAL_EMSGSIZE when longer; -SHOAL_ENOTCONN; -SHOAL_ENOMEM. See RFC 6455,
 *  5.5.2. */
SHOAL_API int shoal_ws_ping(struct shoal_ws *ws, const void *data, size_t len);
/** Begin to close, without waiting: 0; -SHOAL_EINVAL for a bad code or reason;
 *  -EALREADY when it is closing. See shoal_co_ws_close(). */
SHOAL_API int shoal_ws_close(struct shoal_ws *ws, int code, const char *reason);
/** Cut the connection without a close frame: the queue is thrown away, and the
 *  peer gets a reset. 0; -EALREADY. */
SHOAL_API int shoal_ws_abort(struct shoal_ws *ws);

/** How it ended; NULL while it is open. Lends as long as the WebSocket. */
SHOAL_API const struct shoal_ws_end *shoal_ws_end(const struct shoal_ws *ws);
/** The subprotocol that was agreed on, "" for none. Lends as long as the
 *  WebSocket. See RFC 6455, 1.9. */
SHOAL_API const char *shoal_ws_subprotocol(const struct shoal_ws *ws);
/** The extension that was agreed on, as it stands in the answer; "" for none.
 *  Copies into buf, with a NUL. See RFC 7692. */
SHOAL_API const char *
shoal_ws_extension(const struct shoal_ws *ws, char *buf, size_t cap);
/** Stop reading, and read again; see shoal_conn_pause(). */
SHOAL_API void shoal_ws_pause(struct shoal_ws *ws);
SHOAL_API void shoal_ws_resume(struct shoal_ws *ws);
/** See shoal_conn_is_full(), shoal_conn_queued(). */
SHOAL_API bool shoal_ws_is_full(struct shoal_ws *ws);
SHOAL_API size_t shoal_ws_queued(const struct shoal_ws *ws);
/** The number of its connection; see shoal_conn_id(). */
SHOAL_API uint64_t shoal_ws_id(const struct shoal_ws *ws);
/** The open WebSocket of a number, or NULL when it is gone, closing, or
 *  another worker's. Lends until the running coroutine returns or waits. */
SHOAL_API struct shoal_ws *shoal_ws_find(uint64_t id);
/** Addresses of peer and own side as text; see shoal_conn_peer(). */
SHOAL_API const char *
shoal_ws_peer(const struct shoal_ws *ws, char *buf, size_t cap);
SHOAL_API const char *
shoal_ws_local(const struct shoal_ws *ws, char *buf, size_t cap);
/** Remember a pointer with it; shoal does not touch it. */
SHOAL_API void shoal_ws_set_data(struct shoal_ws *ws, void *data);
/** That pointer, NULL before. */
SHOAL_API void *shoal_ws_data(const struct shoal_ws *ws);

#ifdef __cplusplus
}
#endif
