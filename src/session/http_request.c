/*
 * This file is one HTTP request, from its head to the end of its answer: it runs
 * the handler on a coroutine, and tells it what happens to the connection.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/counters.h"
#include "base/mem.h"
#include "base/panic.h"
#include "co/co.h"
#include "io/await.h"
#include "proto/uri.h"
#include "session/form.h"
#include "session/http_private.h"

enum {
	/* a head with its fields that is not larger lies on the stack of the
	 * coroutine, which keeps what it has touched anyway */
	ON_STACK_MAX = 1280
};

/* What a request begins with; gone after the first wait of its handler. */
struct call {
	struct sh_conn *conn;
	struct sh_http *http;
	const struct sh_http_head *head;
	const char *bytes; /* of the head */
	struct sh_http_feed *feed;
	const struct sh_route *route;
	const char *path;
	size_t path_len;
};

/* Freed with the request. */
struct sh_request_memory {
	struct sh_request_memory *next;
	const void *key;
	_Alignas(max_align_t) char bytes[];
};

static const struct sh_conn_ops request_ops;

void *
sh_request_alloc(struct shoal_request *req, size_t size)
{
	struct sh_request_memory *memory;

	if (size > SIZE_MAX - sizeof(*memory))
		return NULL;
	memory = malloc(sizeof(*memory) + size);
	if (memory == NULL)
		return NULL;
	memory->key = NULL;
	memory->next = req->memory;
	req->memory = memory;
	return memory->bytes;
}

void *
sh_request_alloc_once(
    struct shoal_request *req, const void *key, size_t size, bool *is_new_out)
{
	struct sh_request_memory *memory;
	void *bytes;

	for (memory = req->memory; memory != NULL; memory = memory->next) {
		if (memory->key != key)
			continue;
		*is_new_out = false;
		return memory->bytes;
	}
	bytes = sh_request_alloc(req, size);
	*is_new_out = bytes != NULL;
	if (bytes != NULL)
		req->memory->key = key;
	return bytes;
}

static void
free_memory(struct shoal_request *req)
{
	struct sh_request_memory *memory;

	while ((memory = req->memory) != NULL) {
		req->memory = memory->next;
		free(memory);
	}
}

/* --- what is lent to the handler ------------------------------------------- */

static bool
has_own_host(const struct sh_http_head *head)
{
	/* in the target it has no end that could be made a NUL */
	return head->form == SH_HTTP_ABSOLUTE;
}

static size_t
room_size(const struct call *call)
{
	const struct sh_http_head *head = call->head;

	return head->field_count * sizeof(struct sh_http_field) +
	    call->path_len + 1 + (has_own_host(head) ? head->host.len + 1 : 0) +
	    head->len;
}

/* Behind each text there is a byte that is none of it: a blank, ':' or CR. */
static void
end_texts(char *bytes, const struct sh_http_head *head)
{
	size_t i;

	bytes[head->method.off + head->method.len] = '\0';
	bytes[head->target.off + head->target.len] = '\0';
	for (i = 0; i < head->field_count; i++) {
		const struct sh_http_field *field = &head->fields[i];

		bytes[field->name.off + field->name.len] = '\0';
		bytes[field->value.off + field->value.len] = '\0';
	}
}

/* The only copy of the head, to where it stays whatever is read meanwhile. */
static void
copy_head(struct shoal_request *req, const struct call *call, char *room)
{
	const struct sh_http_head *head = call->head;
	size_t fields_size = head->field_count * sizeof(*head->fields);
	char *at = room + fields_size;

	req->head = *head;
	req->head.fields = memcpy(room, head->fields, fields_size);
	req->path = memcpy(at, call->path, call->path_len + 1);
	at += call->path_len + 1;
	req->host = head->host.len != 0 ? NULL : "";
	if (has_own_host(head)) {
		req->host =
		    memcpy(at, call->bytes + head->host.off, head->host.len);
		at[head->host.len] = '\0';
		at += head->host.len + 1;
	}
	req->bytes = memcpy(at, call->bytes, head->len);
	end_texts(at, head);
	if (req->host == NULL)
		req->host = at + head->host.off;
}

/* --- begin and end --------------------------------------------------------- */

static void
init_reading(struct shoal_request *req)
{
	struct sh_http_reading *reading = &req->reading;

	reading->begun = reading->failed = false;
	reading->done = req->head.body == SH_HTTP_BODY_NONE ||
	    (req->head.body == SH_HTTP_BODY_LENGTH && req->head.body_len == 0);
	reading->how = SH_READING_NOTHING;
	reading->error = 0;
	reading->limit = req->route->limits.body_size;
	reading->due_us = 0;
	reading->reader = NULL;
	sh_buf_init(&reading->whole, SIZE_MAX);
	reading->piece = NULL;
	reading->piece_cap = 0;
	sh_buf_init(&reading->trailers, SIZE_MAX);
}

static void
init_answer(struct sh_http_answer *answer)
{
	answer->status = 200;
	answer->begun = answer->complete = answer->chunked = false;
	answer->bodyless = answer->counted = false;
	answer->keep = true;
	answer->has_type = answer->has_date = answer->has_length = false;
	answer->length = answer->left = 0;
	answer->reason = NULL;
	sh_http_lines_init(&answer->lines);
	answer->trailers = NULL;
}

static void
init(struct shoal_request *req, const struct call *call, char *room)
{
	req->session.ops = &request_ops;
	req->magic = SH_REQUEST_MAGIC;
	req->detached = req->awaited = req->close_known = false;
	req->conn = call->conn;
	req->http = call->http;
	req->route = call->route;
	req->co = sh_co_running();
	req->feed = call->feed;
	sh_buf_init(&req->input, SIZE_MAX);
	req->input_off = 0;
	req->data = NULL;
	req->memory = NULL;
	req->form = NULL;
	req->returned = NULL;
	req->ws = NULL;
	sh_send_line_init(&req->line);
	copy_head(req, call, room);
	init_reading(req);
	init_answer(&req->answer);
}

static void
fini(struct shoal_request *req)
{
	req->magic = 0;
	sh_buf_fini(&req->input);
	sh_buf_fini(&req->reading.whole);
	sh_buf_fini(&req->reading.trailers);
	free(req->reading.piece);
	sh_http_lines_fini(&req->answer.lines);
	if (req->answer.trailers != NULL)
		sh_http_lines_fini(req->answer.trailers);
	if (SH_UNLIKELY(req->form != NULL))
		sh_form_free(&req->form, req->http->loop);
	free_memory(req);
}

/* What is amid being handed out is behind what was kept. */
static void
join_input(struct shoal_request *req)
{
	sh_buf_consume(&req->input, req->input_off);
	req->input_off = 0;
	if (req->input.len == 0 || req->feed == NULL || req->feed->len == 0)
		return;
	if (sh_buf_add(&req->input, req->feed->data, req->feed->len) < 0)
		sh_conn_fail_with(req->conn, -SHOAL_ENOMEM);
	req->feed->len = 0;
}

/* Find the begin of the next request. */
static void
give_back(struct shoal_request *req)
{
	int r;

	if (SH_UNLIKELY(sh_conn_why(req->conn) != 0))
		return;
	r = sh_request_skip(req);
	if (SH_UNLIKELY(r < 0)) {
		SH_COUNT(req->http->counters->http_errors, 1);
		sh_conn_close(req->conn);
		return;
	}
	if (SH_UNLIKELY(r == 0)) {
		sh_http_discard(req->conn, &req->reading.body);
		return;
	}
	if (SH_LIKELY(req->input.len == 0))
		return;
	join_input(req);
	if (req->input.len != 0)
		sh_http_keep(req->conn, &req->input);
}

/* Another coroutine may still be in a read of a detached request. */
static void
dismiss_reader(struct shoal_request *req)
{
	struct sh_http_reader *reader = req->reading.reader;

	if (SH_LIKELY(reader == NULL))
		return;
	reader->gone = true;
	sh_co_wake(reader->co, -SHOAL_ECANCELED);
}

/* The handler has returned. */
static void
end(struct shoal_request *req)
{
	struct sh_conn *conn = req->conn;

	while (SH_UNLIKELY(req->detached && !req->answer.complete)) {
		req->awaited = true;
		sh_await_firmly("shoal_request_detach");
	}
	if (SH_UNLIKELY(!req->answer.complete))
		sh_request_answer_missing(req);
	dismiss_reader(req);
	sh_send_line_fail(&req->line, -SHOAL_ECANCELED);
	sh_conn_set_session(conn, NULL);
	give_back(req);
	sh_conn_unstall(conn);
	sh_conn_release_hold(conn);
}

/* The whole life of a request. Apart from run(), for what that has on the
 * stack. */
static __attribute__((noinline)) void
handle(const struct call *call, char *room)
{
	struct shoal_request req;

	init(&req, call, room);
	sh_conn_set_session(req.conn, &req);
	sh_conn_hold(req.conn);
	sh_conn_stall(req.conn);
	SH_COUNT(req.http->counters->requests, 1);
	req.route->fn(&req, req.route->arg);
	/* what it has deferred may use the request, and wait */
	sh_co_end_local();
	if (SH_UNLIKELY(req.returned != NULL))
		req.returned(req.ws);
	else
		end(&req);
	fini(&req);
}

static void
run(void *arg)
{
	const struct call *call = arg;
	size_t size = room_size(call);
	char *heap = NULL;

	if (SH_LIKELY(size <= ON_STACK_MAX)) {
		handle(call, __builtin_alloca(size));
		return;
	}
	heap = malloc(size);
	if (heap == NULL)
		sh_http_reject(call->conn, 503, "out of memory");
	else
		handle(call, heap);
	free(heap);
}

/* --- its way to the handler ------------------------------------------------ */

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
decode_path(struct call *call, const char **why_out)
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
is_unusual(const struct call *call)
{
	const struct sh_http_text *method = &call->head->method;
	const char *text = call->bytes + method->off;

	return (method->len == 5 && memcmp(text, "TRACE", 5) == 0) ||
	    (method->len == 7 && memcmp(text, "CONNECT", 7) == 0);
}

static void
find_route(struct call *call, struct sh_route_match *match)
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

/* The handler waits: what it has not asked for yet is kept. */
static void
keep_rest(struct shoal_request *req)
{
	struct sh_http_feed *feed = req->feed;

	req->feed = NULL;
	if (feed->len != 0 &&
	    sh_buf_add(&req->input, feed->data, feed->len) < 0)
		sh_conn_fail_with(req->conn, -SHOAL_ENOMEM);
	feed->len = 0;
}

static struct shoal_request *
request_on(const struct sh_conn *conn)
{
	struct sh_http_session *session = sh_conn_session(conn);

	return session != NULL && session->ops == &request_ops
	    ? (struct shoal_request *)(void *)session
	    : NULL;
}

void
sh_http_run(struct sh_conn *conn, const struct sh_http_head *head,
    struct sh_http_feed *feed)
{
	struct sh_http *http = sh_http_of(conn);
	struct call call = { .conn = conn,
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
	if (SH_LIKELY(sh_co_call(http->coroutines, run, &call,
			  call.route->handler) == NULL))
		return;
	if (request_on(conn) != NULL)
		keep_rest(request_on(conn));
}

/* --- events ---------------------------------------------------------------- */

/* Only a read of the body is waited for. */
static void
received(struct sh_conn *conn, const void *data, size_t len)
{
	struct shoal_request *req = sh_conn_session(conn);
	struct sh_http_feed feed = { .data = data, .len = len };
	struct sh_http_reader *reader = req->reading.reader;

	req->feed = &feed;
	/* it may have been woken in this turn, by its deadline */
	if (reader != NULL && sh_co_is_waiting(reader->co))
		sh_co_resume(reader->co, 0);
	/* it may be another one by now, but then it has no feed */
	if (request_on(conn) == req && req->feed == &feed) {
		keep_rest(req);
		/* no more than one read is kept for who does not wait */
		if (req->reading.reader == NULL)
			sh_conn_stall(conn);
		return;
	}
	sh_http_serve(conn, feed.data, feed.len);
}

static void
writable(struct sh_conn *conn)
{
	struct shoal_request *req = sh_conn_session(conn);

	sh_send_line_wake(&req->line);
}

static void
cancel_for_close(struct shoal_request *req)
{
	if (req->close_known)
		return;
	req->close_known = true;
	/* its own doing is no reason to stop it */
	if (req->co != sh_co_running())
		sh_await_cancel(req->co);
}

static void
changed(struct sh_conn *conn)
{
	struct shoal_request *req = sh_conn_session(conn);
	struct sh_http_reader *reader = req->reading.reader;
	int why = sh_conn_why(conn);

	if (why < 0)
		sh_send_line_fail(&req->line, why);
	if (why == -SHOAL_ECANCELED)
		cancel_for_close(req);
	if (reader == NULL)
		return;
	if (why < 0 || sh_conn_is_eof(conn)) {
		sh_co_wake(reader->co, why);
	} else if (sh_conn_is_drained(conn)) {
		sh_await_cancel(req->co);
		sh_co_wake(reader->co, -SHOAL_ECANCELED);
	}
}

static const struct sh_conn_ops request_ops = {
	.received = received,
	.writable = writable,
	.changed = changed,
};

/* --- for others ------------------------------------------------------------ */

struct shoal_request *
sh_request_of(const struct shoal_request *req)
{
	SH_CHECK(req, SH_REQUEST_MAGIC);
	return (struct shoal_request *)(uintptr_t)req;
}

struct sh_conn *
sh_request_conn(const struct shoal_request *req)
{
	return req->conn;
}

const struct sh_route *
sh_request_route(const struct shoal_request *req)
{
	return req->route;
}

const struct sh_http_head *
sh_request_head(const struct shoal_request *req)
{
	return &req->head;
}

int
sh_request_switch(struct shoal_request *req, struct sh_http_session *session,
    struct shoal_ws *ws, sh_ws_returned_fn *returned, struct sh_buf *rest_out)
{
	int r;

	if (req->detached || !req->reading.done)
		return -SHOAL_ESTATE;
	r = sh_answer_switch(req);
	if (r < 0)
		return r;
	req->returned = returned;
	req->ws = ws;
	sh_buf_consume(&req->input, req->input_off);
	*rest_out = req->input;
	sh_buf_init(&req->input, SIZE_MAX);
	req->input_off = 0;
	/* what it has not taken is the new session's */
	req->feed = NULL;
	sh_conn_set_session(req->conn, session);
	return 0;
}
