/*
 * This file is one HTTP request, from its head to the end of its answer, on the
 * coroutine of its handler.
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
#include "session/form.h"
#include "session/http_private.h"

enum {
	/* a head with its fields that is not larger lies on the stack of the
	 * coroutine, which keeps what it has touched anyway */
	ON_STACK_MAX = 1280
};

/* Freed with the request. */
struct sh_request_memory {
	struct sh_request_memory *next;
	const void *key;
	_Alignas(max_align_t) char bytes[];
};

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
sh_request_remembered(const struct shoal_request *req, const void *key)
{
	struct sh_request_memory *memory;

	for (memory = req->memory; memory != NULL; memory = memory->next)
		if (memory->key == key)
			return memory->bytes;
	return NULL;
}

void *
sh_request_alloc_once(
    struct shoal_request *req, const void *key, size_t size, bool *is_new_out)
{
	void *bytes = sh_request_remembered(req, key);

	*is_new_out = false;
	if (bytes != NULL)
		return bytes;
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
room_size(const struct sh_http_call *call)
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
copy_head(
    struct shoal_request *req, const struct sh_http_call *call, char *room)
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
init(struct shoal_request *req, const struct sh_http_call *call, char *room)
{
	req->session.ops = sh_request_ops();
	req->magic = SH_REQUEST_MAGIC;
	req->detached = req->awaited = req->close_known = false;
	req->ending = false;
	req->inside = 0;
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

void
sh_request_enter(struct shoal_request *req)
{
	req->inside++;
}

void
sh_request_leave(struct shoal_request *req)
{
	if (--req->inside == 0 && SH_UNLIKELY(req->ending))
		sh_co_wake(req->co, 0);
}

/* Other coroutines may still be in a call. They come out of it with an error,
 * and see the request once more on their way. */
static void
dismiss_others(struct shoal_request *req)
{
	req->ending = true;
	sh_send_line_fail(&req->line, -SHOAL_ECANCELED);
	if (SH_LIKELY(req->inside == 0))
		return;
	if (req->reading.reader != NULL)
		sh_co_wake(req->reading.reader, -SHOAL_ECANCELED);
	while (req->inside != 0)
		sh_await_firmly("end of a request");
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
	dismiss_others(req);
	sh_conn_set_session(conn, NULL);
	give_back(req);
	sh_conn_unstall(conn);
	sh_conn_release_hold(conn);
}

/* The whole life of a request. Apart, for what that has on the
 * stack. */
static __attribute__((noinline)) void
handle(const struct sh_http_call *call, char *room)
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

void
sh_request_run(void *arg)
{
	const struct sh_http_call *call = arg;
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
