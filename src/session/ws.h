/*
 * This file is WebSocket on a connection that HTTP has given away: see
 * <shoal/ws.h> for the promises.
 */
#pragma once

#include <shoal/ws.h>

struct sh_conn;

/** Check the handshake, answer it, and take the connection of the request.
 *  callbacks NULL: coroutine style. 0; negative when the refusal has been
 *  answered. */
int
sh_ws_upgrade(struct shoal_request *req, const struct shoal_ws_options *options,
    const struct shoal_ws_callbacks *callbacks, void *arg,
    struct shoal_ws **out);
/** The request's handler has returned: in coroutine style, close. */
void sh_ws_handler_returned(struct shoal_ws *ws);
/** Begin to close with a code, if the connection is a WebSocket: the worker
 *  drains or stops. Else nothing. */
void sh_ws_go_away(struct sh_conn *conn, int code);
