/*
 * This file is what shoal answers itself: to requests that no parser
 * understands, that no route takes, and that their handler did not answer.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "io/await.h"
#include "io/loop.h"
#include "proto/http_answer.h"
#include "proto/http_date.h"
#include "session/http_private.h"

enum {
	PAGE_MAX = 8 + SH_HTTP_REASON_MAX,
	REJECTION_MAX = 1024,
	/* one line of the log at most in so long */
	TELL_MS = 1000
};

/* "404 Not Found". */
static int
format_page(char page[PAGE_MAX], int status, const char *reason)
{
	if (reason == NULL)
		reason = sh_http_reason(status);
	return snprintf(page, PAGE_MAX, "%d%s%s\n", status,
	    reason[0] != '\0' ? " " : "", reason);
}

void
sh_http_reject(struct sh_conn *conn, int status, const char *why)
{
	char page[PAGE_MAX], date[SH_HTTP_DATE_SIZE] = "";
	char text[REJECTION_MAX];
	struct iovec part = { .iov_base = text };
	int page_len = format_page(page, status, NULL);

	sh_log_debug("HTTP request refused with %d: %s", status, why);
	SH_COUNT(sh_http_of(conn)->counters->http_errors, 1);
	(void)sh_http_date_format(sh_clock_unix(), date);
	part.iov_len = (size_t)snprintf(text, sizeof(text),
	    "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Length: %d\r\n"
	    "Connection: close\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n\r\n%s",
	    status, sh_http_reason(status), date, page_len, page);
	(void)sh_conn_sendv_anyway(conn, &part, 1);
	sh_conn_close(conn);
}

int
sh_answer_error(struct shoal_request *req, int status)
{
	char page[PAGE_MAX];
	const char *reason = req->answer.reason;
	int r;

	if (req->answer.begun || req->answer.complete)
		return -SHOAL_ESTATE;
	r = sh_answer_set(req, "Content-Type", "text/plain; charset=utf-8");
	if (r < 0)
		return r;
	if (status != req->answer.status)
		reason = NULL;
	req->answer.status = (uint16_t)status;
	req->answer.reason = reason;
	return sh_answer_send(
	    req, page, (size_t)format_page(page, status, reason));
}

void
sh_request_fail(struct shoal_request *req, int status)
{
	SH_COUNT(req->http->counters->http_errors, 1);
	if (req->answer.complete) {
		sh_conn_close(req->conn);
		return;
	}
	if (!req->answer.begun) {
		sh_answer_clear(req);
		(void)sh_answer_error(req, status);
	}
	if (!req->answer.complete)
		sh_answer_cut(req);
}

static void
tell_missing(struct shoal_request *req)
{
	struct sh_http *http = req->http;
	int64_t now_ms = sh_loop_now_ms(http->loop);

	if (http->told_ms != 0 && now_ms - http->told_ms < TELL_MS)
		return;
	http->told_ms = now_ms;
	sh_log_warning("listener %s: handler '%s' of route %s has returned "
		       "%s; it has to answer every request, or to detach it",
	    http->listener, req->route->handler, req->route->path,
	    req->answer.begun ? "before the end of its answer, so the "
				"connection was cut"
			      : "without an answer, so 500 was sent");
}

/* What is answered in place of the handler. */
static int
missing_status(struct shoal_request *req)
{
	/* a handler that was told to end has no time to answer */
	if (sh_await_is_cancelled())
		return 503;
	/* the client has left out a part of the body */
	if (!req->reading.done && req->reading.begun &&
	    sh_conn_is_eof(req->conn)) {
		SH_COUNT(req->http->counters->http_errors, 1);
		return 400;
	}
	if (sh_conn_why(req->conn) == 0)
		tell_missing(req);
	return 500;
}

void
sh_request_answer_missing(struct shoal_request *req)
{
	int status = missing_status(req);

	if (req->answer.begun) {
		sh_answer_cut(req);
		return;
	}
	sh_answer_clear(req);
	if (sh_answer_error(req, status) < 0 && !req->answer.complete)
		sh_answer_cut(req);
}

/* A path that is a subtree's, but for the slash at its end. */
static void
redirect(struct shoal_request *req)
{
	const struct sh_http_text path = req->head.path,
				  query = req->head.query;
	size_t size = path.len + query.len + 3;
	char *to = sh_request_alloc(req, size);

	if (to == NULL) {
		(void)sh_answer_error(req, 503);
		return;
	}
	/* as it was sent, so that nothing has to be encoded again; "//host"
	 * would be another host's, and so would "/\host" to a browser */
	(void)snprintf(to, size, "%.*s/%s%.*s", (int)path.len,
	    sh_request_text(req, path), query.len != 0 ? "?" : "",
	    (int)query.len, sh_request_text(req, query));
	if (to[1] == '/' || to[1] == '\\' ||
	    sh_answer_set(req, "Location", to) < 0)
		(void)sh_answer_error(req, 404);
	else
		(void)sh_answer_error(req, 308);
}

/* Runs as a handler. */
static void
answer_no_route(struct shoal_request *req, void *arg)
{
	const struct sh_route_match *match = arg;
	bool options = sh_request_is(req, "OPTIONS");

	if (match->status == 308) {
		redirect(req);
		return;
	}
	/* of "*", what the server can is asked for, not what a path has */
	if (options &&
	    (match->status == 405 || req->head.form == SH_HTTP_ASTERISK)) {
		if (match->allow[0] != '\0')
			(void)sh_answer_set(req, "Allow", match->allow);
		(void)sh_answer_status(req, 204, NULL);
		(void)sh_answer_send(req, NULL, 0);
		return;
	}
	if (match->status == 405)
		(void)sh_answer_set(req, "Allow", match->allow);
	(void)sh_answer_error(req, match->status);
}

struct sh_route
sh_http_no_route(struct sh_route_match *match)
{
	return (struct sh_route){ .path = "",
		.handler = "http",
		.fn = answer_no_route,
		.arg = match };
}
