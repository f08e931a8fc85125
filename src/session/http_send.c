/*
 * This file sends the head of an answer, and answers that are whole; those in
 * pieces are http_write.c's. It decides whether the connection goes on.
 */
#include "config.h"

#include <string.h>
#include <sys/uio.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "co/co.h"
#include "proto/http_answer.h"
#include "proto/http_date.h"
#include "session/http_private.h"

enum {
	/* an answer that is not longer is put together before it is sent:
	 * copying it once more costs less than sending it in parts */
	JOINED_MAX = 1024,
	DATE_LINE_LEN = 6 + SH_HTTP_DATE_SIZE - 1 + 2
};

static size_t
put(char *out, size_t at, const char *text, size_t len)
{
	memcpy(out + at, text, len);
	return at + len;
}

#define PUT(out, at, text) put(out, at, text, sizeof(text) - 1)

/* The Date field changes once a second; a process has one loop. */
static const char *
date_line(void)
{
	static char line[DATE_LINE_LEN + 1] = "Date: ";
	static int64_t written = -1;
	int64_t now = sh_clock_unix();

	if (SH_UNLIKELY(now != written) &&
	    sh_http_date_format(now, line + 6) == 0) {
		memcpy(line + DATE_LINE_LEN - 2, "\r\n", 2);
		written = now;
	}
	return line;
}

/* How the body goes over the wire. RFC 9112 6.3. */
static void
choose_framing(struct shoal_request *req, int64_t len)
{
	struct sh_http_answer *answer = &req->answer;
	const struct sh_http_text method = req->head.method;
	bool is_head = method.len == 4 &&
	    memcmp(sh_request_text(req, method), "HEAD", 4) == 0;

	answer->bodyless = is_head || !sh_http_has_body(answer->status);
	/* what was set counts where nothing shows that it is wrong */
	if (len >= 0 && (!answer->has_length || !answer->bodyless)) {
		answer->has_length = true;
		answer->length = (uint64_t)len;
	}
	/* RFC 9110 15.3.6: there is none, but a client has to be told */
	if (SH_UNLIKELY(answer->status == 205)) {
		answer->has_length = true;
		answer->length = 0;
	}
	answer->counted = answer->has_length;
	answer->left = answer->length;
	if (answer->has_length || answer->bodyless)
		return;
	if (req->head.minor == 0)
		answer->keep = false; /* its end is that of the connection */
	else
		answer->chunked = true;
}

/* Whether another request may follow on the connection. */
static bool
may_keep(const struct shoal_request *req)
{
	return req->head.keep_alive && !req->http->closing &&
	    !sh_conn_is_drained(req->conn) && sh_request_is_skippable(req);
}

static size_t
put_length(const struct shoal_request *req, char *out, size_t at)
{
	const struct sh_http_answer *answer = &req->answer;

	/* RFC 9110 8.6: not with 204; of a 304 only what was set */
	if (!answer->has_length || answer->status == 204)
		return at;
	if (SH_UNLIKELY(answer->status == 304) && answer->length == 0)
		return at;
	at = PUT(out, at, "Content-Length: ");
	at += sh_http_decimal(out + at, answer->length);
	return PUT(out, at, "\r\n");
}

static size_t
put_connection(const struct shoal_request *req, char *out, size_t at)
{
	const struct sh_http_answer *answer = &req->answer;

	/* RFC 9110 15.5.22: what to upgrade to */
	if (SH_UNLIKELY(answer->status == 426))
		at = PUT(
		    out, at, "Upgrade: websocket\r\nConnection: upgrade\r\n");
	if (!answer->keep)
		return PUT(out, at, "Connection: close\r\n");
	if (SH_UNLIKELY(req->head.minor == 0))
		return PUT(out, at, "Connection: keep-alive\r\n");
	return at;
}

size_t
sh_answer_head(
    struct shoal_request *req, char out[SH_ANSWER_HEAD_MAX], int64_t len)
{
	struct sh_http_answer *answer = &req->answer;
	size_t at;

	answer->keep = may_keep(req);
	choose_framing(req, len);
	at = sh_http_status_line(out, answer->status, answer->reason);
	if (SH_LIKELY(!answer->has_date))
		at = put(out, at, date_line(), DATE_LINE_LEN);
	if (SH_UNLIKELY(answer->chunked))
		at = PUT(out, at, "Transfer-Encoding: chunked\r\n");
	else
		at = put_length(req, out, at);
	if (!answer->has_type && sh_http_has_body(answer->status) &&
	    (answer->chunked || !answer->has_length || answer->length != 0))
		at = PUT(out, at, "Content-Type: text/html; charset=utf-8\r\n");
	answer->begun = true;
	return put_connection(req, out, at);
}

void
sh_answer_complete(struct shoal_request *req)
{
	struct sh_http_answer *answer = &req->answer;

	answer->complete = true;
	if (SH_UNLIKELY(!answer->keep)) {
		/* its own doing is no reason to stop the handler */
		req->close_known = true;
		sh_conn_close(req->conn);
	}
	if (SH_UNLIKELY(req->awaited))
		sh_co_wake(req->co, 0);
}

/* Whether the end of the connection is that of the body. */
static bool
is_uncounted(const struct sh_http_answer *answer)
{
	return answer->begun && !answer->chunked && !answer->counted &&
	    !answer->bodyless;
}

void
sh_answer_cut(struct shoal_request *req)
{
	req->answer.keep = false;
	/* what has been sent would pass for all of it */
	if (SH_UNLIKELY(is_uncounted(&req->answer)) && !req->answer.complete) {
		req->close_known = true;
		(void)sh_conn_abort(req->conn);
	}
	sh_answer_complete(req);
}

/* A short answer in one part. */
static int
send_joined(struct shoal_request *req, char *out, size_t at, const void *data,
    size_t len)
{
	const struct sh_http_lines *lines = &req->answer.lines;

	at = put(out, at, lines->data, lines->len);
	at = PUT(out, at, "\r\n");
	if (len != 0)
		at = put(out, at, data, len);
	return sh_conn_send(req->conn, out, at);
}

static int
send_parts(struct shoal_request *req, char *out, size_t at, const void *data,
    size_t len)
{
	struct sh_http_lines *lines = &req->answer.lines;
	struct iovec parts[4] = {
		{ .iov_base = out, .iov_len = at },
		{ .iov_base = lines->data, .iov_len = lines->len },
		{ .iov_base = (char[]){ '\r', '\n' }, .iov_len = 2 },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = len },
	};

	return sh_conn_sendv(req->conn, parts, 4);
}

/* Apart, so that a coroutine that waits does not keep the room on its stack. */
static __attribute__((noinline)) int
send_whole(struct shoal_request *req, const void *data, size_t len)
{
	char out[JOINED_MAX];
	size_t at = sh_answer_head(req, out, (int64_t)len);

	if (req->answer.bodyless)
		len = 0;
	if (SH_LIKELY(len < JOINED_MAX &&
		at + req->answer.lines.len + 2 + len <= JOINED_MAX))
		return send_joined(req, out, at, data, len);
	return send_parts(req, out, at, data, len);
}

/* Apart, so that answers that are not compressed do not pay for it. */
static __attribute__((noinline)) int
send_perhaps_compressed(struct shoal_request *req, const void *data, size_t len)
{
	struct sh_buf packed;
	int r;

	if (!sh_answer_compress(req, data, len, &packed))
		return send_whole(req, data, len);
	r = send_whole(req, packed.data, packed.len);
	sh_buf_fini(&packed);
	return r;
}

/* All has been sent, or that has failed. */
static int
complete(struct shoal_request *req, int r)
{
	/* a part of an answer would be taken for all of it */
	if (SH_UNLIKELY(r < 0) && sh_conn_why(req->conn) == 0)
		sh_conn_fail_with(req->conn, r);
	sh_answer_complete(req);
	return r;
}

int
sh_answer_send(struct shoal_request *req, const void *data, size_t len)
{
	if (req->answer.begun || req->answer.complete)
		return -SHOAL_ESTATE;
	if (SH_LIKELY(req->route->gzip_level == 0))
		return complete(req, send_whole(req, data, len));
	return complete(req, send_perhaps_compressed(req, data, len));
}

int
sh_answer_send_as_is(struct shoal_request *req, const void *data, size_t len)
{
	if (req->answer.begun || req->answer.complete)
		return -SHOAL_ESTATE;
	return complete(req, send_whole(req, data, len));
}

int
sh_answer_switch(struct shoal_request *req)
{
	static const char text[] = "HTTP/1.1 101 Switching Protocols\r\n"
				   "Upgrade: websocket\r\n"
				   "Connection: Upgrade\r\n";
	const struct sh_http_lines *lines = &req->answer.lines;
	const struct iovec parts[3] = {
		{ .iov_base = (void *)(uintptr_t)text,
		    .iov_len = sizeof(text) - 1 },
		{ .iov_base = lines->data, .iov_len = lines->len },
		{ .iov_base = (char[]){ '\r', '\n' }, .iov_len = 2 },
	};
	int r;

	if (req->answer.begun || req->answer.complete)
		return -SHOAL_ESTATE;
	r = sh_conn_sendv_anyway(req->conn, parts, 3);
	if (r < 0)
		return r;
	req->answer.begun = req->answer.complete = true;
	return 0;
}
