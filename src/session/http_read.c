/*
 * This file receives the body of a request, when the handler asks for it. What
 * it gives away is a copy: the bytes lie where the next read(2) of any
 * connection puts others.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "co/co.h"
#include "io/await.h"
#include "proto/http_answer.h"
#include "proto/http_chars.h"
#include "session/http_private.h"

enum {
	PIECE_MAX = 64 * 1024,
	TRAILER_COUNT_MAX = 100,
	TRAILER_SIZE_MAX = 16 * 1024
};

/* What has come and nobody has taken. */
static const char *
front(const struct shoal_request *req, size_t *len_out)
{
	if (req->input.len != req->input_off) {
		*len_out = req->input.len - req->input_off;
		return req->input.data + req->input_off;
	}
	*len_out = req->feed != NULL ? req->feed->len : 0;
	return req->feed != NULL ? req->feed->data : NULL;
}

static void
take(struct shoal_request *req, size_t len)
{
	/* a client that sends it waits for no word */
	req->head.expects_continue = false;
	if (req->input.len == req->input_off) {
		req->feed->data += len;
		req->feed->len -= len;
		return;
	}
	req->input_off += len;
	if (req->input_off == req->input.len)
		req->input_off = req->input.len = 0;
}

/* 0, or the negated status of the answer that is due. */
static int
begin(struct shoal_request *req, int64_t limit)
{
	struct sh_http_reading *reading = &req->reading;
	const struct sh_http_body_limits limits = {
		.size = limit < 0 ? UINT64_MAX : (uint64_t)limit,
		.trailer_count = TRAILER_COUNT_MAX,
		.trailer_size = TRAILER_SIZE_MAX,
	};

	reading->begun = true;
	return sh_http_body_begin(
	    &reading->body, req->head.body, req->head.body_len, &limits, NULL);
}

/* The client has done wrong: it is told so, and the connection ends. */
static int
fail(struct shoal_request *req, int status)
{
	struct sh_http_reading *reading = &req->reading;

	reading->failed = true;
	switch (status) {
	case 408: reading->error = -SHOAL_ETIMEDOUT; break;
	case 413: reading->error = -SHOAL_EMSGSIZE; break;
	case 503: reading->error = -SHOAL_ENOMEM; break;
	default: reading->error = -SHOAL_EPROTO; break;
	}
	sh_request_fail(req, status);
	return reading->error;
}

/* Take in what is there, up to the next piece of the body. 1: the end, 0: more
 * is to come, negative: the negated status of an answer. */
static int
look(struct shoal_request *req, const char **piece_out, size_t *piece_len_out)
{
	struct sh_http_reading *reading = &req->reading;
	const char *data;
	size_t len, used;
	int r = 0;

	*piece_len_out = 0;
	while (r == 0 && *piece_len_out == 0) {
		bool is_trailer = sh_http_body_is_in_trailer(&reading->body);

		data = front(req, &len);
		if (len == 0)
			return 0;
		r = sh_http_body_next(&reading->body, data,
		    len < PIECE_MAX ? len : PIECE_MAX, &used, piece_out,
		    piece_len_out, NULL);
		if (r < 0)
			return r;
		if (is_trailer &&
		    sh_buf_add(&reading->trailers, data, used) < 0)
			return -503;
		take(req, used);
	}
	return r;
}

static int
no_more(const struct shoal_request *req)
{
	int why = sh_conn_why(req->conn);

	/* to who has answered and goes on, that is no news */
	if (why == -SHOAL_ECANCELED && !sh_await_is_cancelled())
		return -SHOAL_ENOTCONN;
	return why < 0 ? why : -SHOAL_ETRUNCATED;
}

/* The client may have waited for a word before it sends the body. */
static void
invite(struct shoal_request *req)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct iovec part = { .iov_base = (void *)(uintptr_t)text,
		.iov_len = sizeof(text) - 1 };

	if (req->head.expects_continue && !req->answer.begun)
		(void)sh_conn_sendv_anyway(req->conn, &part, 1);
	req->head.expects_continue = false;
}

static bool
end_drained(struct shoal_request *req)
{
	if (SH_LIKELY(!sh_conn_is_drained(req->conn)))
		return false;
	sh_await_cancel(req->co);
	return true;
}

/* Its time counts from the first wait: before, the client was not asked. */
static int64_t
due_us(struct shoal_request *req)
{
	struct sh_http_reading *reading = &req->reading;
	int64_t limit_ms = req->route->limits.body_timeout_ms;

	if (reading->due_us == 0)
		reading->due_us = limit_ms < 0
		    ? SH_NEVER
		    : sh_clock_us() + limit_ms * INT64_C(1000);
	return reading->due_us;
}

static int
wait(struct shoal_request *req, const char *place, int64_t deadline_us)
{
	struct sh_co *self = sh_await_self(place);
	int64_t limit_us = due_us(req);
	int r;

	/* a read that waits would be woken again and again */
	if (SH_UNLIKELY(req->ending))
		return -SHOAL_ECANCELED;
	if (SH_UNLIKELY(end_drained(req)) || sh_await_is_cancelled()) {
		sh_await_slow_down(place);
		return -SHOAL_ECANCELED;
	}
	invite(req);
	sh_conn_unstall(req->conn);
	/* who only looks, again and again, finds next time what comes now */
	if (deadline_us == 0)
		return -SHOAL_ETIMEDOUT;
	req->reading.reader = self;
	r = sh_await(place, deadline_us < limit_us ? deadline_us : limit_us);
	sh_conn_stall(req->conn);
	req->reading.reader = NULL;
	if (r == -SHOAL_ETIMEDOUT && sh_clock_us() >= limit_us)
		return fail(req, 408);
	return r;
}

static ssize_t
find_piece(struct shoal_request *req, const char *place, const char **piece_out,
    int64_t deadline_us)
{
	struct sh_http_reading *reading = &req->reading;
	size_t len;
	int r;

	while (!reading->done) {
		r = look(req, piece_out, &len);
		if (r < 0)
			return fail(req, -r);
		reading->done = r > 0;
		if (len != 0)
			return (ssize_t)len;
		if (reading->done)
			break;
		if (sh_conn_why(req->conn) < 0 || sh_conn_is_eof(req->conn)) {
			sh_await_slow_down(place);
			return no_more(req);
		}
		r = wait(req, place, deadline_us);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The next piece of the body: its length, 0 at the end, or an error. */
static ssize_t
next_piece(struct shoal_request *req, const char *place, const char **piece_out,
    int64_t deadline_us)
{
	ssize_t n;

	sh_request_enter(req);
	n = find_piece(req, place, piece_out, deadline_us);
	sh_request_leave(req);
	return n;
}

/* What was taken off the input is lost, and with it the whole body. */
static int
lose(struct shoal_request *req)
{
	req->reading.failed = true;
	req->reading.error = -SHOAL_ENOMEM;
	return -SHOAL_ENOMEM;
}

/* Whether a read may go on: 0, or an error. */
static int
prepare(struct shoal_request *req, enum sh_reading how)
{
	struct sh_http_reading *reading = &req->reading;
	int r;

	if (reading->failed)
		return reading->error;
	if (reading->reader != NULL)
		return -SHOAL_EBUSY;
	if (reading->how != SH_READING_NOTHING && reading->how != how)
		return -SHOAL_ESTATE;
	reading->how = (uint8_t)how;
	if (reading->begun || reading->done)
		return 0;
	r = begin(req, reading->limit);
	return r < 0 ? fail(req, -r) : 0;
}

ssize_t
sh_request_body(
    struct shoal_request *req, const void **data_out, int64_t deadline_us)
{
	static const char place[] = "shoal_co_request_body";
	struct sh_buf *whole = &req->reading.whole;
	const char *piece;
	ssize_t n = prepare(req, SH_READING_WHOLE);

	if (n < 0)
		return n;
	while ((n = next_piece(req, place, &piece, deadline_us)) > 0)
		/* it has to be in one piece, and to stay */
		if (sh_buf_add(whole, piece, (size_t)n) < 0)
			return lose(req);
	if (n < 0)
		return n;
	/* a NUL that is not counted */
	if (sh_buf_add(whole, "", 1) < 0)
		return -SHOAL_ENOMEM;
	*data_out = whole->data;
	return (ssize_t)--whole->len;
}

/* Room for a piece that is lent. */
static char *
piece_room(struct sh_http_reading *reading, size_t len)
{
	char *room;

	if (len <= reading->piece_cap)
		return reading->piece;
	room = sh_try_grow(reading->piece, len, 1);
	if (room == NULL)
		return NULL;
	reading->piece = room;
	reading->piece_cap = len;
	return room;
}

ssize_t
sh_request_read(
    struct shoal_request *req, const void **data_out, int64_t deadline_us)
{
	const char *piece;
	char *room;
	ssize_t n;
	int r = prepare(req, SH_READING_PIECES);

	/* all of it has been given */
	if (r == -SHOAL_ESTATE && req->reading.done)
		return 0;
	if (r < 0)
		return r;
	n = next_piece(req, "shoal_co_request_read", &piece, deadline_us);
	if (n <= 0)
		return n;
	room = piece_room(&req->reading, (size_t)n);
	if (room == NULL)
		return lose(req);
	*data_out = memcpy(room, piece, (size_t)n);
	return n;
}

int
sh_request_skip(struct shoal_request *req)
{
	struct sh_http_reading *reading = &req->reading;
	const char *piece;
	size_t len;
	int r = 0;

	if (SH_LIKELY(reading->done))
		return 1;
	if (reading->failed || (!reading->begun && begin(req, -1) < 0))
		return -1;
	do {
		r = look(req, &piece, &len);
	} while (r == 0 && len != 0);
	reading->done = r > 0;
	return r;
}

bool
sh_request_is_skippable(const struct shoal_request *req)
{
	const struct sh_http_reading *reading = &req->reading;

	if (SH_LIKELY(reading->done))
		return true;
	if (reading->failed || req->head.expects_continue ||
	    sh_conn_is_eof(req->conn))
		return false;
	return req->head.body == SH_HTTP_BODY_CHUNKED ||
	    (reading->begun ? reading->body.left : req->head.body_len) <=
	    SH_HTTP_SKIP_MAX;
}

/* The lines have been checked: a name, ':' and a value without controls. */
static const char *
copy_trailer(struct shoal_request *req, const char *line, const char *end,
    size_t name_len)
{
	const char *value = line + name_len + 1;
	size_t len = (size_t)(end - value);
	bool is_new;
	char *text;

	sh_http_trim(&value, &len);
	text = sh_request_alloc_once(req, line, len + 1, &is_new);
	if (is_new) {
		memcpy(text, value, len);
		text[len] = '\0';
	}
	return text;
}

const char *
sh_request_trailer(struct shoal_request *req, const char *name)
{
	const struct sh_buf *lines = &req->reading.trailers;
	const char *line = lines->data, *end, *stop = line + lines->len;
	size_t name_len = strlen(name);

	if (!req->reading.done)
		return NULL;
	for (; line < stop; line = end + 2) {
		end = memchr(line, '\r', (size_t)(stop - line));
		if (end == NULL)
			break;
		if ((size_t)(end - line) > name_len && line[name_len] == ':' &&
		    sh_http_same_name(line, name, name_len))
			return copy_trailer(req, line, end, name_len);
	}
	return NULL;
}
