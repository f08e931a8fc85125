/*
 * This file finds the route of a request and runs its handler on a coroutine.
 */
#include "config.h"

#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "co/co.h"
#include "proto/uri.h"
#include "session/http_private.h"

static bool
grow_path(struct sh_http *http, size_t size)
{
	char *path;

	if (SH_LIKELY(size <= http->path_cap))
		return true;
	path = sh_try_grow(http->path, size, 1);
	if (path == NULL)
		return false;
	http->path = path;
	http->path_cap = size;
	return true;
}

/* 0, or the negated status of the answer that is due. */
static int
decode_path(struct sh_http_call *call, const char **why_out)
{
	const struct sh_http_head *head = call->head;
	bool is_options = head->method.len == 7 &&
	    memcmp(call->bytes + head->method.off, "OPTIONS", 7) == 0;
	int r;

	if (!grow_path(call->http, head->path.len + 2)) {
		*why_out = "out of memory";
		return -503;
	}
	call->path = call->http->path;
	if (SH_UNLIKELY(head->form == SH_HTTP_ASTERISK ||
		head->form == SH_HTTP_AUTHORITY ||
		(head->path.len == 0 && is_options))) {
		memcpy(call->http->path, "*", 2);
		call->path_len = 1;
		return 0;
	}
	r = sh_uri_path_decode(call->http->path, call->http->path_cap,
	    call->bytes + head->path.off, head->path.len, why_out);
	if (r < 0)
		return r;
	call->path_len = (size_t)r;
	return 0;
}

/* Methods that are not taken by who takes all. */
static bool
is_unusual(const struct sh_http_call *call)
{
	const struct sh_http_text *method = &call->head->method;
	const char *text = call->bytes + method->off;

	return (method->len == 5 && memcmp(text, "TRACE", 5) == 0) ||
	    (method->len == 7 && memcmp(text, "CONNECT", 7) == 0);
}

static void
find_route(struct sh_http_call *call, struct sh_route_match *match)
{
	const struct sh_http_head *head = call->head;
	const struct sh_route_query query = {
		.method = call->bytes + head->method.off,
		.method_len = head->method.len,
		.host = call->bytes + head->host.off,
		.host_len = head->host.len,
		.path = call->path,
		.path_len = call->path_len,
	};

	sh_routes_find(call->http->routes, &query, match);
	if (SH_UNLIKELY(is_unusual(call)) &&
	    (match->route == NULL || match->route->methods == NULL)) {
		match->route = NULL;
		match->status = 405;
	}
	call->route = match->route;
}

void
sh_http_run(struct sh_conn *conn, const struct sh_http_head *head,
    struct sh_http_feed *feed)
{
	struct sh_http *http = sh_http_of(conn);
	struct sh_http_call call = { .conn = conn,
		.http = http,
		.head = head,
		.bytes = feed->data,
		.feed = feed };
	struct sh_route_match match;
	struct sh_route none;
	const char *why;
	int r = decode_path(&call, &why);

	if (SH_UNLIKELY(r < 0)) {
		sh_http_reject(conn, -r, why);
		return;
	}
	find_route(&call, &match);
	if (SH_UNLIKELY(call.route == NULL)) {
		none = sh_http_no_route(&match);
		call.route = &none;
	}
	feed->data += head->len;
	feed->len -= head->len;
	if (SH_LIKELY(sh_co_call(http->coroutines, sh_request_run, &call,
			  call.route->handler) == NULL))
		return;
	sh_request_waits(conn);
}
