/*
 * This file makes a WebSocket of a request, or answers why not; and it is what
 * other folders may ask of one.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/request.h>
#include <shoal/response.h>

#include "base/log.h"
#include "base/panic.h"
#include "io/loop.h"
#include "proto/http_answer.h"
#include "proto/http_head.h"
#include "proto/ws_handshake.h"
#include "session/ws_private.h"

static const char no_memory[] = "there is no memory for it";

/* What a refusal tells the client beside its status. */
static void
explain(struct shoal_request *req, int status)
{
	if (status == 405)
		(void)shoal_response_header(req, "Allow", "GET");
	else if (status == 426)
		(void)shoal_response_header(req, "Sec-WebSocket-Version", "13");
}

/* A browser hides the answer from its page, so who looks for the reason looks
 * here. */
static int
refuse(struct shoal_request *req, int status, const char *why)
{
	sh_log_debug("WebSocket refused with %d: %s", status, why);
	explain(req, status);
	(void)shoal_response_status(req, status, NULL);
	(void)shoal_response_header(
	    req, "Content-Type", "text/plain; charset=utf-8");
	(void)shoal_response_printf(
	    req, "%d %s: %s\n", status, sh_http_reason(status), why);
	return status == 503 ? -SHOAL_ENOMEM : -SHOAL_EPROTO;
}

static int
refuse_options(struct shoal_request *req, const char *wrong)
{
	sh_log_err("route %s: a WebSocket was refused with 500, for its "
		   "struct shoal_ws_options is wrong: %s",
	    sh_request_route(req)->path, wrong);
	(void)shoal_response_error(req, 500);
	return -SHOAL_EINVAL;
}

static int
judge(struct shoal_request *req, const struct shoal_ws_options *options,
    const char **why_out)
{
	const struct sh_http_head *head = sh_request_head(req);
	const struct sh_ws_hello hello = {
		.method = shoal_request_method(req),
		.http_1_1 = head->minor >= 1,
		.has_body = head->body != SH_HTTP_BODY_NONE &&
		    (head->body != SH_HTTP_BODY_LENGTH || head->body_len != 0),
		.host = shoal_request_host(req),
		.upgrade = shoal_request_header(req, "Upgrade"),
		.connection = shoal_request_header(req, "Connection"),
		.key = shoal_request_header(req, "Sec-WebSocket-Key"),
		.version = shoal_request_header(req, "Sec-WebSocket-Version"),
		.origin = shoal_request_header(req, "Origin"),
	};

	return sh_ws_hello_judge(&hello, options->origins, why_out);
}

/* The fields of the answer that are the handshake's. */
static int
set_fields(struct shoal_request *req, const char *subprotocol,
    const struct sh_ws_extension *extension)
{
	const char *key = shoal_request_header(req, "Sec-WebSocket-Key");
	char accept[SH_WS_ACCEPT_LEN + 1], agreed[SH_WS_EXTENSION_MAX];
	int r;

	sh_ws_accept_write(accept, key);
	r = shoal_response_header(req, "Sec-WebSocket-Accept", accept);
	if (r == 0)
		r = shoal_response_header(
		    req, "Sec-WebSocket-Protocol", subprotocol);
	if (r == 0 && sh_ws_extension_write(extension, agreed) != 0)
		r = shoal_response_header(
		    req, "Sec-WebSocket-Extensions", agreed);
	return r;
}

static void
resolve(const struct shoal_request *req, const struct shoal_ws_options *asked,
    struct shoal_ws_options *options_out)
{
	memset(options_out, 0, sizeof(*options_out));
	if (asked != NULL)
		/* a program built with an older header knows fewer of them */
		memcpy(options_out, asked,
		    asked->size < sizeof(*asked) ? asked->size
						 : sizeof(*asked));
	sh_ws_options_resolve(options_out, &sh_request_route(req)->websocket);
}

void
sh_ws_begin(struct shoal_ws *ws)
{
	struct sh_conn *conn = ws->conn;

	sh_conn_set_session(conn, &ws->session);
	sh_conn_set_data(conn, NULL);
	sh_conn_set_send_limits(conn, sh_ws_kind(ws)->send_limits);
	sh_ws_begin_counting(ws);
	sh_ws_begin_pings(ws);
	/* pings are answered while the handler is elsewhere */
	if (ws->pulls)
		sh_conn_unstall(conn);
}

static int
switch_to(struct shoal_request *req, struct shoal_ws *ws)
{
	struct sh_buf rest;
	int r;

	sh_buf_init(&rest, SIZE_MAX);
	r = sh_request_switch(req, &ws->session, ws, sh_ws_returned, &rest);
	if (r < 0)
		return r;
	sh_ws_begin(ws);
	sh_ws_take_rest(ws, &rest);
	sh_ws_go_on(ws);
	return 0;
}

int
sh_ws_upgrade(struct shoal_request *req, const struct shoal_ws_options *asked,
    const struct shoal_ws_callbacks *callbacks, void *arg,
    struct shoal_ws **out)
{
	struct shoal_ws_options options;
	struct sh_ws_extension extension;
	const char *wrong = asked != NULL ? sh_ws_options_lack(asked) : NULL;
	const char *subprotocol, *why = NULL;
	struct shoal_ws *ws;
	int status, r;

	if (wrong != NULL)
		return refuse_options(req, wrong);
	resolve(req, asked, &options);
	/* it would not be read any more, nor told when it is time to go */
	if (sh_conn_is_draining(sh_request_conn(req))) {
		(void)refuse(req, 503, "the server is going away");
		return -SHOAL_ECANCELED;
	}
	status = judge(req, &options, &why);
	if (status == 0)
		status = sh_ws_negotiate(req, &options, &extension, &why);
	if (status != 0)
		return refuse(req, status, why);
	subprotocol = sh_ws_subprotocol_choose(options.subprotocols,
	    shoal_request_header(req, "Sec-WebSocket-Protocol"));
	ws = sh_ws_new(sh_request_conn(req), &options, &extension,
	    sh_request_route(req)->handler, subprotocol, callbacks, arg);
	if (ws == NULL)
		return refuse(req, 503, no_memory);
	r = set_fields(req, subprotocol, &extension);
	if (r == 0)
		r = switch_to(req, ws);
	if (r < 0) {
		sh_ws_free(&ws);
		/* answered before, or without memory */
		if (r == -SHOAL_ENOMEM)
			return refuse(req, 503, no_memory);
		return r;
	}
	*out = ws;
	return 0;
}

bool
sh_ws_go_away(struct sh_conn *conn, int code)
{
	struct shoal_ws *ws = sh_ws_of_conn(conn);

	if (ws != NULL && sh_conn_why(conn) == 0)
		(void)sh_ws_close(ws, code, NULL, 0);
	return ws != NULL;
}

struct shoal_ws *
sh_ws_find(uint64_t id)
{
	struct sh_loop *loop = sh_loop_current();
	struct sh_conn *conn = loop != NULL ? sh_conn_find(loop, id) : NULL;
	struct shoal_ws *ws = conn != NULL ? sh_ws_of_conn(conn) : NULL;

	return ws != NULL && ws->state == SH_WS_OPEN && sh_conn_why(conn) == 0
	    ? ws
	    : NULL;
}

struct sh_conn *
sh_ws_conn(const struct shoal_ws *ws)
{
	SH_CHECK(ws, SH_WS_MAGIC);
	return ws->conn;
}

const struct shoal_ws_end *
sh_ws_end(struct shoal_ws *ws)
{
	/* one that is held has not told of its end yet */
	if (sh_conn_is_cut(ws->conn))
		sh_ws_learn_end(ws);
	return ws->busy != NULL && ws->busy->has_end ? &ws->busy->end : NULL;
}

const char *
sh_ws_subprotocol(const struct shoal_ws *ws)
{
	return ws->has_subprotocol ? ws->subprotocol : "";
}

const char *
sh_ws_extension(const struct shoal_ws *ws, char *buf, size_t cap)
{
	char text[SH_WS_EXTENSION_MAX];

	sh_ws_extension_write(&sh_ws_kind(ws)->intake.extension, text);
	if (cap != 0)
		snprintf(buf, cap, "%s", text);
	return buf;
}

void
sh_ws_pause(struct shoal_ws *ws)
{
	/* who closes has to see the peer's close frame */
	if (ws->state == SH_WS_OPEN)
		sh_conn_pause(ws->conn);
}

void
sh_ws_resume(struct shoal_ws *ws)
{
	sh_conn_resume(ws->conn);
}
