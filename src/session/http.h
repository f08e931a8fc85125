/*
 * This file is HTTP/1 on a connection: it brings requests to the functions of
 * their routes, on coroutines, and answers them in order. When a request
 * becomes a WebSocket, ws.h takes the connection over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <shoal/request.h>
#include "base/buf.h"
#include "io/conn.h"
#include "proto/http_head.h"
#include "session/route.h"

struct sh_co_pool;
struct sh_counters;
struct sh_gzip;
struct sh_loop;
struct shoal_ws;

/* What the session needs to know; the owner of its group points to it. */
struct sh_http {
	struct sh_loop *loop;
	struct sh_routes *routes;
	struct shoal_http_limits limits; /* before a route is known */
	const char *listener;            /* lent */
	struct sh_co_pool *coroutines;   /* lent */
	bool closing; /* answers say "Connection: close": a drain has begun */

	/* --- http.c's own --- */
	struct sh_counters *counters;      /* lent */
	struct sh_http_limits head_limits; /* of limits, for the parser */
	struct sh_http_field *fields;      /* of the head that is parsed */
	char *path;                        /* its path, decoded ... */
	size_t path_cap;                   /* ... in so many bytes */
	struct sh_gzip *gzip;              /* NULL before it is first needed */
	int64_t told_ms; /* when the log last named a handler that does
			    not answer */
};

/* Every session pointer of a connection of an HTTP listener points to one of
 * these, or is NULL while the connection is idle: who has it says what happens
 * to its events. Those that it does not know may be NULL. */
struct sh_http_session {
	const struct sh_conn_ops *ops;
};

/** Set up, with loop, routes, limits (none is 0) and listener filled in; takes
 *  routes, also when it fails. 0 or -SHOAL_ENOMEM. */
int sh_http_init(struct sh_http *http);
/** Free what it holds; zeroes are fine. No connection may be left. */
void sh_http_fini(struct sh_http *http);
/** The session, for a group of connections: passes events on to those of the
 *  session pointer, if there is one. */
const struct sh_conn_ops *sh_http_ops(void);

/* --- for ws.h: of a request ------------------------------------------------ */

/** Its connection. While the handler runs it is held, so it is there, but it
 *  may be closed: sh_conn_why(). */
struct sh_conn *sh_request_conn(const struct shoal_request *req);
/** The route that it took. */
const struct sh_route *sh_request_route(const struct shoal_request *req);
/** Its head, as the parser has judged it: version, upgrades. */
const struct sh_http_head *sh_request_head(const struct shoal_request *req);

/* The handler has returned, and what it has deferred was done. */
typedef void sh_ws_returned_fn(struct shoal_ws *ws);

/** Send the head of a 101 answer and give the connection away. The answer has
 *  Connection and Upgrade: websocket, and what has been set with
 *  shoal_response_header() and shoal_response_cookie(); Sec-WebSocket-Accept
 *  and the like are the caller's to set so.
 *
 *  session is the new session pointer. The connection is held and stalled (see
 *  sh_conn_hold(), sh_conn_stall()), and has to be so when the handler waits for
 *  something else than its input; returned(ws) is called when the handler has
 *  returned, on its coroutine: it has to end both, at once or when it likes. The
 *  request itself stays good until then.
 *
 *  Bytes that have come behind the request are moved to *rest_out, an initialised
 *  buffer, if an earlier event brought them; those that are amid being handed
 *  out, and others, come by session->ops->received() when the handler waits or
 *  has returned, even if the connection is stalled.
 *
 *  0; or negative, and then the request is still one: -SHOAL_ESTATE when it is
 *  answered or detached, or has a body; -SHOAL_ENOTCONN; -SHOAL_ENOMEM. */
int
sh_request_switch(struct shoal_request *req, struct sh_http_session *session,
    struct shoal_ws *ws, sh_ws_returned_fn *returned, struct sh_buf *rest_out);
