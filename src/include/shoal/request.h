/*
 * An HTTP request, as a handler sees it; its answer is shoal/response.h.
 *
 * A handler is a function that is called once for each request, on a coroutine,
 * as soon as the head of the request is there. It may wait wherever it likes;
 * one that does not costs no stack of its own. Requests of one connection are
 * handled one after another, so answers are in order.
 *
 * A request and all that it lends is good until the handler has returned, or,
 * when it was detached, until its answer is complete. When other coroutines are
 * in a call with it then, that fails (-SHOAL_ECANCELED), and the request stays
 * until each of them has come out and waits or ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_request;

/*
 * What answers a request. It has to answer (shoal_response_send() and the
 * like), detach the request, or make it a WebSocket: when it returns without,
 * the client gets 500, and the log names the handler.
 */
typedef void shoal_request_fn(struct shoal_request *req, void *arg);

/** The method, as sent: "GET". Never NULL. See RFC 9110, 9. */
SHOAL_API const char *shoal_request_method(const struct shoal_request *req);

/** The target, as sent: "/a%20b?c=d". See RFC 9112, 3.2. */
SHOAL_API const char *shoal_request_target(const struct shoal_request *req);

/** The path of the target, with %XX decoded and "." and ".." taken away; it
 *  begins with '/', or is "*" for OPTIONS and CONNECT. See RFC
 *  3986, 5.2.4 and 6.2.2. */
SHOAL_API const char *shoal_request_path(const struct shoal_request *req);

/** What is behind the '?', as sent; "" when there is none. */
SHOAL_API const char *shoal_request_query(const struct shoal_request *req);

/** The host that is asked for, with the port if one was given; "" when an
 *  HTTP/1.0 client did not say. See RFC 9110, 7.2. */
SHOAL_API const char *shoal_request_host(const struct shoal_request *req);

/** "HTTP/1.1" or "HTTP/1.0". */
SHOAL_API const char *shoal_request_version(const struct shoal_request *req);

/** The path of the route that was taken, as it was registered. */
SHOAL_API const char *shoal_request_route(const struct shoal_request *req);

/** What is behind the path of the route, without a slash at its beginning: ""
 *  when nothing is. */
SHOAL_API const char *shoal_request_rest(const struct shoal_request *req);

/** Name of the listener that the request came by. */
SHOAL_API const char *shoal_request_listener(const struct shoal_request *req);

/**
 * The value of a header field.
 *
 * @param name  of the field, in any case
 *
 * Returns  the value without white space around it; fields of the same name
 *          are joined with ", " (Cookie with "; "); NULL when there is none,
 *          or no memory to join them
 * Owner    lends as long as the request lives
 * Context  worker
 * Blocks   never
 * See      RFC 9110, 5.2
 */
SHOAL_API const char *
shoal_request_header(struct shoal_request *req, const char *name);

/** Number of header fields, and the one at a position, as they were sent. NULL
 *  beyond the last one, else its name, with its value in *value_out. */
SHOAL_API size_t shoal_request_header_count(const struct shoal_request *req);
SHOAL_API const char *shoal_request_header_at(
    const struct shoal_request *req, size_t i, const char **value_out);

/**
 * A parameter of the query, decoded; the first of that name.
 *
 * Returns  its value, "" when it has no '='; NULL when there is none, or no
 *          memory
 * Owner    lends as long as the request lives
 * Context  worker
 * Blocks   never
 * See      https://url.spec.whatwg.org, 5.1
 */
SHOAL_API const char *
shoal_request_param(struct shoal_request *req, const char *name);

/** Number of parameters of the query, and the one at a position, decoded, in
 *  their order, those of the same name too. NULL beyond the last one, or
 *  without memory; else its name, with its value in *value_out. */
SHOAL_API size_t shoal_request_param_count(const struct shoal_request *req);
SHOAL_API const char *shoal_request_param_at(
    struct shoal_request *req, size_t i, const char **value_out);

/**
 * How much the client wants a content coding of the answer, by its
 * Accept-Encoding.
 *
 * @param coding  in lower case: "gzip", "br"; "identity" for none
 *
 * Returns  0 for not at all to 1000; what the field does not name is not wanted,
 *          but for "identity", which is fine in need: 1
 * Context  worker
 * Blocks   never
 * See      RFC 9110, 12.5.3
 */
SHOAL_API int
shoal_request_accepts_coding(struct shoal_request *req, const char *coding);

/** A cookie that the client has sent, the first of that name (names are
 *  case-sensitive), without quotes around it, and with %XX decoded, as
 *  shoal_response_cookie() encodes; else as shoal_request_param().
 *  See RFC 6265, 5.4. */
SHOAL_API const char *
shoal_request_cookie(struct shoal_request *req, const char *name);

/** Address of the peer, and own address of the connection, as text; see
 *  shoal_conn_peer(). */
SHOAL_API const char *
shoal_request_peer(const struct shoal_request *req, char *buf, size_t cap);
SHOAL_API const char *
shoal_request_local(const struct shoal_request *req, char *buf, size_t cap);

/* What a client may do with topics, see shoal_request_grant(). */
enum shoal_right { SHOAL_MAY_SUBSCRIBE = 1, SHOAL_MAY_PUBLISH = 2 };

/**
 * Say who the client is and what it may do, in a handler that another one has
 * asked to decide that (`authorize' in shoal-handlers(7)).
 *
 * @param user    copied; UTF-8; NULL: not known
 * @param rights  SHOAL_MAY_SUBSCRIBE | SHOAL_MAY_PUBLISH, or one of them, or 0
 *
 * Returns  0; -SHOAL_EINVAL for other rights; -SHOAL_ENOMEM
 * Context  worker
 * Blocks   never
 */
SHOAL_API int shoal_request_grant(
    struct shoal_request *req, const char *user, unsigned rights);
/** Who the client is; NULL when nobody has said. Lends as long as the request
 *  lives, or until it is said anew. */
SHOAL_API const char *shoal_request_user(const struct shoal_request *req);
/** What it may do; everything when nobody has said. */
SHOAL_API unsigned shoal_request_rights(const struct shoal_request *req);

/** Remember a pointer with the request; shoal does not touch it. */
SHOAL_API void shoal_request_set_data(struct shoal_request *req, void *data);
/** The pointer of shoal_request_set_data(), NULL before. */
SHOAL_API void *shoal_request_data(const struct shoal_request *req);

/** Bytes of the body as the head announces them: 0 when there is none, -1 when
 *  it comes in chunks. A request that says neither has no body, so shoal never
 *  asks for a length; a handler that insists on one, or takes no chunks, answers
 *  411. See RFC 9112, 6; RFC 9110, 15.5.12. */
SHOAL_API int64_t shoal_request_body_length(const struct shoal_request *req);

/**
 * Receive the whole body. A client that waits for "100 Continue" is told to go
 * on. Called again, it gives the same.
 *
 * @param data_out    set to the bytes; a NUL is behind them
 * @param timeout_ms  SHOAL_FOREVER: limits.body_timeout alone counts
 *
 * Returns  its length in bytes, 0 for none; -SHOAL_EMSGSIZE when it is longer
 *          than limits.body_size (413 has been answered); -SHOAL_EPROTO for
 *          one that is malformed (400 has been answered); -SHOAL_ETIMEDOUT
 *          after timeout_ms with nothing lost, and after limits.body_timeout,
 *          when 408 has been answered; -SHOAL_ETRUNCATED when the peer has
 *          ended inside of it; -SHOAL_ECONNRESET or another -errno when the
 *          connection failed; -SHOAL_ECANCELED; -SHOAL_ESTATE after
 *          shoal_co_request_read() has given some of it; -SHOAL_EBUSY when
 *          another coroutine reads it; -SHOAL_ENOMEM
 * Owner    lends as long as the request lives
 * Context  coroutine
 * Suspends until it has come
 * See      RFC 9112, 6; RFC 9110, 10.1.1
 */
SHOAL_API ssize_t shoal_co_request_body(
    struct shoal_request *req, const void **data_out, int timeout_ms);

/**
 * Receive the next bytes of the body, at most 64 KiB, as soon as some are
 * there; limits.body_size counts all of them.
 *
 * Returns  their number; 0 at the end of the body; else as
 *          shoal_co_request_body()
 * Owner    lends until the next call
 * Context  coroutine
 * Suspends until something has come
 */
SHOAL_API ssize_t shoal_co_request_read(
    struct shoal_request *req, const void **data_out, int timeout_ms);

/** Allow another size of this request's body, before any of it is received.
 *  Bytes; -1: no limit. See limits.body_size in shoal.conf(5). */
SHOAL_API void
shoal_request_set_body_limit(struct shoal_request *req, int64_t size);

/** A trailer field of a body in chunks, once all of it was received; else as
 *  shoal_request_header(). See RFC 9112, 7.1.2. */
SHOAL_API const char *
shoal_request_trailer(struct shoal_request *req, const char *name);

/**
 * Go on with the answer after the handler has returned, from any function that
 * runs in the same worker. The request stays until its answer is complete, so
 * it has to be answered, also when the client has gone.
 *
 * Returns  0; -SHOAL_ESTATE when it is answered already, or a WebSocket;
 *          -SHOAL_ENOMEM when there is no stack to keep it on: answer now
 * Context  its handler
 * Blocks   never
 */
SHOAL_API int shoal_request_detach(struct shoal_request *req);

/** Whether nobody will read the answer: the connection has failed or is
 *  closed. */
SHOAL_API bool shoal_request_is_gone(const struct shoal_request *req);

#ifdef __cplusplus
}
#endif
