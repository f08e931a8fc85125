/*
 * This file is what the files of the HTTP session know of each other; it is not
 * for other folders.
 */
#pragma once

#include "session/http_request.h"

enum {
	/* of a body that nobody wants; more: the connection is closed */
	SH_HTTP_SKIP_MAX = 64 * 1024
};

/** What the connection belongs to. */
struct sh_http *sh_http_of(const struct sh_conn *conn);
/** Serve the requests at the front of bytes that are lent until the return;
 *  nobody has the session pointer. */
void sh_http_serve(struct sh_conn *conn, const char *data, size_t len);
/** A loop's time that is limit_ms from now; 0 when that is off. */
int64_t sh_http_due_ms(const struct sh_http *http, int64_t limit_ms);

/* --- http_run.c, http_request.c, http_event.c --- */

/* What a request begins with; gone after the first wait of its handler. */
struct sh_http_call {
	struct sh_conn *conn;
	struct sh_http *http;
	const struct sh_http_head *head;
	const char *bytes; /* of the head */
	struct sh_http_feed *feed;
	const struct sh_route *route;
	const char *path;
	size_t path_len;
};

/** Run the handler for the request whose head is at the front of the feed, and
 *  take it off, with as much of its body as is there. */
void sh_http_run(struct sh_conn *conn, const struct sh_http_head *head,
    struct sh_http_feed *feed);
/** The request of a struct sh_http_call, on a coroutine: all of its life. */
void sh_request_run(void *arg);
/** The handler of the connection's request, if that has one, has begun to wait:
 *  what is amid being handed out is kept. */
void sh_request_waits(struct sh_conn *conn);
/** What happens to the connection of a request. */
const struct sh_conn_ops *sh_request_ops(void);

/* --- http_pending.c: bytes that wait, for more of them or for their turn --- */

/** Wait for the first request: header_timeout, in silence. */
void sh_http_expect(struct sh_conn *conn);
/** Keep the begin of a head (copies); header_timeout counts from now. */
void sh_http_pend(struct sh_conn *conn, const char *data, size_t len);
/** Keep bytes until the connection may go on: it is full, or in a callback of
 *  others. Takes what input holds. */
void sh_http_keep(struct sh_conn *conn, struct sh_buf *input);

/* --- http_discard.c: the rest of a body that nobody wants --- */

/** Read the rest of the body and throw it away, then go on. */
void sh_http_discard(struct sh_conn *conn, const struct sh_http_body *body);

/* --- http_error.c --- */

/** Answer a request that could not be read, and close; why is for the log. */
void sh_http_reject(struct sh_conn *conn, int status, const char *why);
/** A route for what no route takes; lends match. Its handler does not wait. */
struct sh_route sh_http_no_route(struct sh_route_match *match);
