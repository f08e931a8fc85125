/*
 * This file is HTTP/1 on a connection: it brings requests to the functions of
 * their routes, on coroutines, and answers them in order. When a request
 * becomes a WebSocket, ws.h takes the connection over.
 */
#pragma once

#include <stdint.h>
#include <shoal/request.h>
#include "base/buf.h"
#include "io/conn.h"
#include "session/route.h"

struct sh_co_pool;
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
};

/* Every session pointer of a connection of an HTTP listener points to one of
 * these, or is NULL while the connection is idle: who has it says what happens
 * to its events. */
struct sh_http_session {
	const struct sh_conn_ops *ops;
};

/** The session, for a group of connections: passes events on to those of the
 *  session pointer, if there is one. */
const struct sh_conn_ops *sh_http_ops(void);

/* --- for ws.h and for answers: of a request -------------------------------- */

/** Its connection; NULL when that is gone. */
struct sh_conn *sh_request_conn(const struct shoal_request *req);
/** The route that it took. */
const struct sh_route *sh_request_route(const struct shoal_request *req);
/** Send the head of a 101 answer, with what has been set for it, and give the
 *  connection away: the request has no part in it any more, and ws is told when
 *  the handler returns (sh_ws_handler_returned()). session is its new session
 *  pointer. Bytes that have come behind the request and are not amid being
 *  handed out are moved to *rest_out, which is empty if there are none; others
 *  come by session->ops->received().
 *  0 or negative: then the request is still one. */
int
sh_request_switch(struct shoal_request *req, struct sh_http_session *session,
    struct shoal_ws *ws, struct sh_buf *rest_out);
