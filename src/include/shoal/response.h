/*
 * The answer to an HTTP request: either whole, by shoal_response_send(), or
 * piece by piece, by shoal_co_response_write() and shoal_response_end(). Status
 * and header fields are set before.
 *
 * What shoal adds itself: Date unless it was set, Content-Length or
 * Transfer-Encoding, Connection where it is needed, and Content-Type:
 * text/html; charset=utf-8 to a body that has none. An answer to HEAD and one
 * with status 204, 205 or 304 has no body on the wire, whatever is written. An
 * answer that the handler has begun and not ended is cut off: the connection is
 * closed, or reset where the end of the connection is that of the body.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <shoal/error.h>
#include <shoal/request.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Set the status.
 *
 * @param code    200 to 599; 200 is what an answer has without this call
 * @param reason  copied; NULL: the standard one
 *
 * Returns  0; -SHOAL_EINVAL for another code, or a reason that cannot stand in
 *          a status line; -SHOAL_ESTATE when the head has been sent;
 *          -SHOAL_ENOMEM
 * Context  worker
 * Blocks   never
 * See      RFC 9110, 15; RFC 9112, 4
 */
SHOAL_API int
shoal_response_status(struct shoal_request *req, int code, const char *reason);

/**
 * Set a header field in place of those of its name, or add another one.
 *
 * Fields that frame the message are shoal's: Content-Length (which may be set
 * for an answer to HEAD and before shoal_co_response_write(), and is then kept
 * to), Transfer-Encoding, Connection, Upgrade, Trailer, Keep-Alive.
 *
 * @param name   copied
 * @param value  copied; NULL takes the field away
 *
 * Returns  0; -SHOAL_EINVAL for a name that is no token, a value with CR, LF,
 *          NUL or another control character but a tab in it, or a field that
 *          is shoal's; -SHOAL_ESTATE when the head has been sent; -SHOAL_ENOMEM
 * Context  worker
 * Blocks   never
 * See      RFC 9110, 5.5
 */
SHOAL_API int shoal_response_header(
    struct shoal_request *req, const char *name, const char *value);
SHOAL_API int shoal_response_add_header(
    struct shoal_request *req, const char *name, const char *value);

enum shoal_same_site {
	SHOAL_SAME_SITE_UNSET,
	SHOAL_SAME_SITE_LAX,
	SHOAL_SAME_SITE_STRICT,
	SHOAL_SAME_SITE_NONE /* takes secure */
};

enum shoal_cookie_priority {
	SHOAL_COOKIE_PRIORITY_UNSET,
	SHOAL_COOKIE_PRIORITY_LOW,
	SHOAL_COOKIE_PRIORITY_MEDIUM,
	SHOAL_COOKIE_PRIORITY_HIGH
};

/* Max-Age of a cookie that ends with the browser, and of one that is to be
 * forgotten. */
enum { SHOAL_COOKIE_SESSION = 0, SHOAL_COOKIE_DELETE = -1 };

struct shoal_cookie {
	size_t size; /* sizeof(struct shoal_cookie) */
	const char *name, *value;
	const char *path, *domain; /* NULL: not said */
	int64_t max_age;           /* seconds, or one of the above */
	int64_t expires;           /* seconds since 1970; 0: not said */
	bool secure, http_only, partitioned;
	enum shoal_same_site same_site;
	enum shoal_cookie_priority priority;
	bool raw; /* value is to be sent as it is, not with %XX for bytes that
		     may not stand in it */
};

/** Set a cookie; every call adds a Set-Cookie field. Copies. -SHOAL_EINVAL for
 *  a name or attribute that may not stand in one, or in a raw value; else as
 *  shoal_response_header(). See RFC 6265, 4.1; RFC 6265bis. */
SHOAL_API int shoal_response_cookie(
    struct shoal_request *req, const struct shoal_cookie *cookie);

/**
 * Send the whole answer. It is complete then, and nothing more can be said. Where
 * the route says so (gzip_level), a text of gzip_min_size or more is compressed
 * for a client that takes that, unless it has a Content-Encoding or
 * Cache-Control: no-transform; it gets Vary: Accept-Encoding, and its ETag
 * becomes a weak one. Answers in pieces and files are not compressed.
 *
 * @param data  copied; may be NULL when len is 0
 * @param len   bytes
 *
 * Returns  0; -SHOAL_ESTATE when it has been answered before, by shoal perhaps;
 *          -SHOAL_ENOTCONN when the connection is closed; -SHOAL_ENOMEM: then
 *          the connection is closed
 * Context  worker
 * Blocks   never: what the client does not take is queued
 * See      RFC 9112, 6.3
 */
SHOAL_API int
shoal_response_send(struct shoal_request *req, const void *data, size_t len);

/** Send a formatted text, at most 64 KiB, as the whole answer; -SHOAL_EMSGSIZE
 *  when longer, -SHOAL_EINVAL for a bad format; else as shoal_response_send().
 *  See printf(3). */
SHOAL_API int shoal_response_printf(
    struct shoal_request *req, const char *format, ...) SHOAL_PRINTF(2, 3);

/** Answer with a status and a short page that names it; headers that were set
 *  are sent too. As shoal_response_send(), and -SHOAL_EINVAL for a bad
 *  status. */
SHOAL_API int shoal_response_error(struct shoal_request *req, int code);

/** Answer with a redirect to location (a URI reference): 301, 302, 303, 307 or
 *  308. -SHOAL_EINVAL for another status, or a location with control
 *  characters, spaces or bytes above 126 in it; else as shoal_response_send().
 *  See RFC 9110, 15.4. */
SHOAL_API int shoal_response_redirect(
    struct shoal_request *req, int code, const char *location);

/**
 * Send a piece of the body: in chunks to HTTP/1.1, to the end of the connection
 * to HTTP/1.0, or counted, when Content-Length was set. The first one sends the
 * head.
 *
 * @param data  copied; len 0 sends the head alone
 *
 * Returns  0; -SHOAL_ETIMEDOUT with nothing taken; -SHOAL_EMSGSIZE for more
 *          than Content-Length says; -SHOAL_ESTATE when the answer is
 *          complete; -SHOAL_ECANCELED; -SHOAL_ENOTCONN, -SHOAL_ECONNRESET or
 *          another -errno when the connection is closed or failed;
 *          -SHOAL_ENOMEM
 * Context  coroutine
 * Suspends while the send queue is above its high-water mark
 * See      RFC 9112, 7.1
 */
SHOAL_API int shoal_co_response_write(
    struct shoal_request *req, const void *data, size_t len, int timeout_ms);

/** Likewise, without waiting: -SHOAL_EAGAIN when it would wait. */
SHOAL_API int
shoal_response_write(struct shoal_request *req, const void *data, size_t len);

/** Add a trailer field to a body in chunks; as shoal_response_header(), and
 *  -SHOAL_ESTATE when the body is not sent in chunks. Before the end. See RFC
 *  9112, 7.1.2. */
SHOAL_API int shoal_response_trailer(
    struct shoal_request *req, const char *name, const char *value);

/** End an answer that was written in pieces. 0; -SHOAL_ESTATE when it is
 *  complete already; -SHOAL_EBUSY while another coroutine waits to write a
 *  piece: nothing has been done then; -SHOAL_EMSGSIZE when it is shorter than
 *  Content-Length says: the connection is closed then; else as
 *  shoal_response_send(). */
SHOAL_API int shoal_response_end(struct shoal_request *req);

/* A server-sent event; fields that are NULL or 0 are left out. */
struct shoal_event {
	size_t size;      /* sizeof(struct shoal_event) */
	const char *data; /* may have lines */
	const char *type; /* the name of the event */
	const char *id;
	int retry_ms; /* after which a client that was cut off comes back */
};

/** Send a server-sent event; the first one sets Content-Type:
 *  text/event-stream and Cache-Control: no-cache. -SHOAL_EINVAL for line ends
 *  in type or id, or a NUL in id; else as shoal_co_response_write(). See
 *  https://html.spec.whatwg.org, 9.2. */
SHOAL_API int shoal_co_response_event(
    struct shoal_request *req, const struct shoal_event *event, int timeout_ms);

struct shoal_file_options {
	size_t size;      /* sizeof(struct shoal_file_options) */
	const char *type; /* Content-Type; NULL: as the handler has set it, else
			     by the name */
	const char *name; /* of the file, for its type; NULL: none, it is
			     application/octet-stream */
	int64_t offset, length; /* of the file; length 0: to its end */
	/* ETag and Last-Modified are sent and asked for, Range is obeyed, and
	 * so 304, 206, 412 and 416 are answered to GET and HEAD, if the status
	 * is 200; else the file is sent */
	bool conditional;
};

/**
 * Answer with a file, which goes from the page cache to the socket. It is not
 * compressed; one that is already takes a Content-Encoding. Changes of the file
 * meanwhile may be sent or not; if it becomes shorter, the connection is closed
 * before the end that was promised.
 *
 * @param fd          open for reading, a regular file; borrowed until the return
 * @param options     borrowed; NULL for none
 * @param timeout_ms  how long the client may take nothing of it; then the
 *                    connection is closed
 *
 * Returns  0, also for 304, 412 and 416; -SHOAL_EINVAL for something that is no
 *          regular file, or bytes that it does not have; -SHOAL_ESTATE when the
 *          head has been sent; -SHOAL_ENOMEM; after these, the request is still
 *          to be answered. -EIO or another -errno when it has become shorter or
 *          could not be read, -SHOAL_ETIMEDOUT, -SHOAL_ECANCELED: the
 *          connection is closed then; -SHOAL_ENOTCONN, -SHOAL_ECONNRESET or
 *          another -errno when it was
 * Owner    fd stays the caller's
 * Context  coroutine
 * Suspends until all of it is with the kernel
 * See      sendfile(2); RFC 9110, 13 and 14
 */
SHOAL_API int shoal_co_response_file(struct shoal_request *req, int fd,
    const struct shoal_file_options *options, int timeout_ms);

/** Whether the head has been sent, and whether the answer is complete. */
SHOAL_API bool shoal_response_has_begun(const struct shoal_request *req);
SHOAL_API bool shoal_response_is_complete(const struct shoal_request *req);

#ifdef __cplusplus
}
#endif
