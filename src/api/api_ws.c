/* This file is <shoal/ws.h>. */
#include "config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/co.h>
#include <shoal/ws.h>

#include "api/format.h"
#include "base/sock.h"
#include "io/await.h"
#include "io/conn.h"
#include "session/ws.h"

static const char send_place[] = "shoal_co_ws_send";

bool
shoal_message_is(const struct shoal_message *message, const char *text)
{
	size_t len = strlen(text);

	return message->len == len && memcmp(message->data, text, len) == 0;
}

struct shoal_ws *
shoal_co_ws_upgrade(
    struct shoal_request *req, const struct shoal_ws_options *options)
{
	struct shoal_ws *ws;

	return sh_ws_upgrade(req, options, NULL, NULL, &ws) == 0 ? ws : NULL;
}

int
shoal_ws_serve(struct shoal_request *req,
    const struct shoal_ws_options *options,
    const struct shoal_ws_callbacks *callbacks, void *arg)
{
	struct shoal_ws *ws;
	int r;

	if (callbacks == NULL || callbacks->size < sizeof(*callbacks) ||
	    callbacks->on_message == NULL)
		return -SHOAL_EINVAL;
	r = sh_ws_upgrade(req, options, callbacks, arg, &ws);
	if (r == 0 && callbacks->on_open != NULL)
		callbacks->on_open(ws, req, arg);
	return r;
}

int
shoal_co_ws_recv(struct shoal_ws *ws, const struct shoal_message **message_out,
    int timeout_ms)
{
	(void)sh_ws_conn(ws);
	return sh_ws_recv(ws, message_out, sh_deadline_us(timeout_ms));
}

int
shoal_co_ws_send(struct shoal_ws *ws, enum shoal_ws_type type, const void *data,
    size_t len, int timeout_ms)
{
	(void)sh_ws_conn(ws);
	return sh_ws_co_send(
	    ws, type, data, len, send_place, sh_deadline_us(timeout_ms));
}

int
shoal_co_ws_send_part(struct shoal_ws *ws, enum shoal_ws_type type,
    const void *data, size_t len, bool final, int timeout_ms)
{
	(void)sh_ws_conn(ws);
	return sh_ws_co_send_part(
	    ws, type, data, len, final, sh_deadline_us(timeout_ms));
}

/* Apart, so that a coroutine that waits does not keep the room on its stack. */
static __attribute__((noinline)) SH_PRINTF(2, 0) int send_text(
    struct shoal_ws *ws, const char *format, va_list args)
{
	char room[SH_FORMAT_SHORT], *text;
	int len = sh_format_text(room, &text, format, args);
	int r;

	if (len < 0)
		return len;
	r = sh_ws_send(ws, SHOAL_WS_TEXT, text, (size_t)len);
	if (text != room)
		free(text);
	return r;
}

/* It has to wait, or be told why not. */
static SH_PRINTF(2, 0) int wait_with_text(
    struct shoal_ws *ws, const char *format, va_list args)
{
	char *text;
	int len, r;

	text = sh_format_copy(&len, format, args);
	if (len < 0)
		return len;
	r = sh_ws_co_send(ws, SHOAL_WS_TEXT, text, (size_t)len,
	    "shoal_co_ws_printf", SH_NEVER);
	free(text);
	return r;
}

int
shoal_co_ws_printf(struct shoal_ws *ws, const char *format, ...)
{
	va_list args;
	int r;

	(void)sh_ws_conn(ws);
	va_start(args, format);
	r = send_text(ws, format, args);
	va_end(args);
	if (r != -SHOAL_EAGAIN && r != -SHOAL_ENOTCONN)
		return r;
	va_start(args, format);
	r = wait_with_text(ws, format, args);
	va_end(args);
	return r;
}

int
shoal_ws_printf(struct shoal_ws *ws, const char *format, ...)
{
	va_list args;
	int r;

	(void)sh_ws_conn(ws);
	va_start(args, format);
	r = send_text(ws, format, args);
	va_end(args);
	return r;
}

int
shoal_co_ws_flush(struct shoal_ws *ws, int timeout_ms)
{
	(void)sh_ws_conn(ws);
	return sh_ws_flush(ws, sh_deadline_us(timeout_ms));
}

static size_t
length_of(const char *reason)
{
	return reason != NULL ? strlen(reason) : 0;
}

int
shoal_co_ws_close(struct shoal_ws *ws, int code, const char *reason)
{
	(void)sh_ws_conn(ws);
	return sh_ws_co_close(ws, code, reason, length_of(reason));
}

int
shoal_ws_close(struct shoal_ws *ws, int code, const char *reason)
{
	(void)sh_ws_conn(ws);
	return sh_ws_close(ws, code, reason, length_of(reason));
}

int
shoal_ws_abort(struct shoal_ws *ws)
{
	(void)sh_ws_conn(ws);
	return sh_ws_abort(ws);
}

int
shoal_ws_send(
    struct shoal_ws *ws, enum shoal_ws_type type, const void *data, size_t len)
{
	(void)sh_ws_conn(ws);
	return sh_ws_send(ws, type, data, len);
}

int
shoal_ws_send_part(struct shoal_ws *ws, enum shoal_ws_type type,
    const void *data, size_t len, bool final)
{
	(void)sh_ws_conn(ws);
	return sh_ws_send_part(ws, type, data, len, final);
}

int
shoal_ws_ping(struct shoal_ws *ws, const void *data, size_t len)
{
	(void)sh_ws_conn(ws);
	return sh_ws_ping(ws, data, len);
}

const struct shoal_ws_end *
shoal_ws_end(const struct shoal_ws *ws)
{
	(void)sh_ws_conn(ws);
	return sh_ws_end((struct shoal_ws *)(uintptr_t)ws);
}

const char *
shoal_ws_subprotocol(const struct shoal_ws *ws)
{
	(void)sh_ws_conn(ws);
	return sh_ws_subprotocol(ws);
}

const char *
shoal_ws_extension(const struct shoal_ws *ws, char *buf, size_t cap)
{
	(void)sh_ws_conn(ws);
	return sh_ws_extension(ws, buf, cap);
}

void
shoal_ws_pause(struct shoal_ws *ws)
{
	(void)sh_ws_conn(ws);
	sh_ws_pause(ws);
}

void
shoal_ws_resume(struct shoal_ws *ws)
{
	(void)sh_ws_conn(ws);
	sh_ws_resume(ws);
}

bool
shoal_ws_is_full(struct shoal_ws *ws)
{
	(void)sh_ws_conn(ws);
	return sh_ws_is_full(ws);
}

size_t
shoal_ws_queued(const struct shoal_ws *ws)
{
	return sh_conn_queued(sh_ws_conn(ws));
}

uint64_t
shoal_ws_id(const struct shoal_ws *ws)
{
	return sh_conn_id(sh_ws_conn(ws));
}

struct shoal_ws *
shoal_ws_find(uint64_t id)
{
	return sh_ws_find(id);
}

const char *
shoal_ws_peer(const struct shoal_ws *ws, char *buf, size_t cap)
{
	struct sh_addr addr;

	sh_conn_peer(sh_ws_conn(ws), &addr);
	return sh_addr_format(&addr, buf, cap);
}

const char *
shoal_ws_local(const struct shoal_ws *ws, char *buf, size_t cap)
{
	struct sh_addr addr;

	if (sh_sock_local(sh_conn_fd(sh_ws_conn(ws)), &addr) < 0)
		addr.len = 0;
	return sh_addr_format(&addr, buf, cap);
}

void
shoal_ws_set_data(struct shoal_ws *ws, void *data)
{
	sh_conn_set_data(sh_ws_conn(ws), data);
}

void *
shoal_ws_data(const struct shoal_ws *ws)
{
	return sh_conn_data(sh_ws_conn(ws));
}
