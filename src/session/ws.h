/*
 * This file is WebSocket on a connection that HTTP has given away: see
 * <shoal/ws.h> for the promises.
 */
#pragma once

#include <shoal/ws.h>

struct sh_conn;

/** Check the handshake, answer it, and take the connection of the request.
 *  callbacks NULL: coroutine style; they are lent. *out is open, before on_open.
 *  0; negative when the refusal has been answered. */
int
sh_ws_upgrade(struct shoal_request *req, const struct shoal_ws_options *options,
    const struct shoal_ws_callbacks *callbacks, void *arg,
    struct shoal_ws **out);
/** Begin to close with a code, if the connection is a WebSocket: the worker
 *  drains or stops. Whether it is one. */
bool sh_ws_go_away(struct sh_conn *conn, int code);

/** See shoal_co_ws_recv(). */
int sh_ws_recv(struct shoal_ws *ws, const struct shoal_message **message_out,
    int64_t deadline_us);
/** See shoal_ws_send(), shoal_ws_send_part(), shoal_ws_ping(). */
int sh_ws_send(
    struct shoal_ws *ws, enum shoal_ws_type type, const void *data, size_t len);
int sh_ws_send_part(struct shoal_ws *ws, enum shoal_ws_type type,
    const void *data, size_t len, bool final);
int sh_ws_ping(struct shoal_ws *ws, const void *data, size_t len);
/** See shoal_co_ws_send(), shoal_co_ws_send_part(), shoal_co_ws_flush(). place
 *  is the public function, lent. */
int sh_ws_co_send(struct shoal_ws *ws, enum shoal_ws_type type,
    const void *data, size_t len, const char *place, int64_t deadline_us);
int sh_ws_co_send_part(struct shoal_ws *ws, enum shoal_ws_type type,
    const void *data, size_t len, bool final, int64_t deadline_us);
int sh_ws_flush(struct shoal_ws *ws, int64_t deadline_us);
/** See shoal_ws_is_full(). */
bool sh_ws_is_full(struct shoal_ws *ws);
/** See shoal_ws_close(), shoal_co_ws_close(), shoal_ws_abort(). reason may be
 *  NULL when reason_len is 0. */
int sh_ws_close(
    struct shoal_ws *ws, int code, const char *reason, size_t reason_len);
int sh_ws_co_close(
    struct shoal_ws *ws, int code, const char *reason, size_t reason_len);
int sh_ws_abort(struct shoal_ws *ws);
/** See shoal_ws_pause(), shoal_ws_resume(). */
void sh_ws_pause(struct shoal_ws *ws);
void sh_ws_resume(struct shoal_ws *ws);
/** See shoal_ws_end(), shoal_ws_subprotocol(). */
const struct shoal_ws_end *sh_ws_end(struct shoal_ws *ws);
const char *sh_ws_subprotocol(const struct shoal_ws *ws);
/** See shoal_ws_extension(). */
const char *sh_ws_extension(const struct shoal_ws *ws, char *buf, size_t cap);
/** The connection of a public pointer; asserts that it is one. */
struct sh_conn *sh_ws_conn(const struct shoal_ws *ws);
/** See shoal_ws_find(). */
struct shoal_ws *sh_ws_find(uint64_t id);
