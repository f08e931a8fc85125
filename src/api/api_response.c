/* This file is <shoal/response.h>, but for files. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <shoal/response.h>

#include "base/buf.h"
#include "io/await.h"
#include "proto/http_cookie.h"
#include "proto/http_event.h"
#include "session/http_request.h"

enum {
	PRINTF_MAX = 64 * 1024,
	PRINTF_SHORT = 1024,
	STATUS_MIN = 200,
	STATUS_MAX = 599
};

int
shoal_response_status(struct shoal_request *req, int code, const char *reason)
{
	return sh_answer_status(sh_request_of(req), code, reason);
}

int
shoal_response_header(
    struct shoal_request *req, const char *name, const char *value)
{
	return sh_answer_set(sh_request_of(req), name, value);
}

int
shoal_response_add_header(
    struct shoal_request *req, const char *name, const char *value)
{
	return sh_answer_add(sh_request_of(req), name, value);
}

int
shoal_response_cookie(
    struct shoal_request *req, const struct shoal_cookie *cookie)
{
	struct sh_buf text;
	int r;

	if (cookie == NULL || cookie->size < sizeof(*cookie))
		return -SHOAL_EINVAL;
	sh_buf_init(&text, SH_HTTP_COOKIE_MAX);
	r = sh_http_cookie_format(cookie, &text);
	if (r == 0)
		r = sh_buf_add(&text, "", 1);
	if (r == 0)
		r = sh_answer_add(sh_request_of(req), "Set-Cookie", text.data);
	sh_buf_fini(&text);
	return r;
}

int
shoal_response_send(struct shoal_request *req, const void *data, size_t len)
{
	return sh_answer_send(sh_request_of(req), data, len);
}

int
shoal_response_printf(struct shoal_request *req, const char *format, ...)
{
	char room[PRINTF_SHORT], *text = room;
	va_list args;
	int len, r;

	va_start(args, format);
	len = vsnprintf(room, sizeof(room), format, args);
	va_end(args);
	if (len < 0)
		return -SHOAL_EINVAL;
	if (len > PRINTF_MAX)
		return -SHOAL_EMSGSIZE;
	if ((size_t)len >= sizeof(room)) {
		text = malloc((size_t)len + 1);
		if (text == NULL)
			return -SHOAL_ENOMEM;
		va_start(args, format);
		vsnprintf(text, (size_t)len + 1, format, args);
		va_end(args);
	}
	r = sh_answer_send(sh_request_of(req), text, (size_t)len);
	if (text != room)
		free(text);
	return r;
}

int
shoal_response_error(struct shoal_request *req, int code)
{
	if (code < STATUS_MIN || code > STATUS_MAX)
		return -SHOAL_EINVAL;
	return sh_answer_error(sh_request_of(req), code);
}

static bool
is_uri(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	for (; *c != '\0'; c++)
		if (*c <= ' ' || *c > 126)
			return false;
	return true;
}

int
shoal_response_redirect(
    struct shoal_request *req, int code, const char *location)
{
	int r;

	if ((code != 301 && code != 302 && code != 303 && code != 307 &&
		code != 308) ||
	    location == NULL || !is_uri(location))
		return -SHOAL_EINVAL;
	r = sh_answer_set(sh_request_of(req), "Location", location);
	return r < 0 ? r : sh_answer_error(req, code);
}

int
shoal_co_response_write(
    struct shoal_request *req, const void *data, size_t len, int timeout_ms)
{
	return sh_answer_write(
	    sh_request_of(req), data, len, sh_deadline_us(timeout_ms));
}

int
shoal_response_write(struct shoal_request *req, const void *data, size_t len)
{
	return sh_answer_write(sh_request_of(req), data, len, SH_ANSWER_TRY);
}

int
shoal_response_trailer(
    struct shoal_request *req, const char *name, const char *value)
{
	return sh_answer_trailer(sh_request_of(req), name, value);
}

int
shoal_response_end(struct shoal_request *req)
{
	return sh_answer_end(sh_request_of(req));
}

/* A proxy or browser that kept events for later would defeat them. */
static int
prepare_events(struct shoal_request *req)
{
	int r = 0;

	if (req->answer.begun || req->answer.complete)
		return 0;
	if (!req->answer.has_type)
		r = sh_answer_set(req, "Content-Type", "text/event-stream");
	return r < 0 ? r : sh_answer_set(req, "Cache-Control", "no-cache");
}

int
shoal_co_response_event(
    struct shoal_request *req, const struct shoal_event *event, int timeout_ms)
{
	int64_t deadline_us = sh_deadline_us(timeout_ms);
	struct sh_buf text;
	int r;

	if (event == NULL)
		return -SHOAL_EINVAL;
	/* its lines have to be put together; they are what is sent */
	sh_buf_init(&text, SIZE_MAX);
	r = sh_http_event_format(event, &text);
	if (r == 0)
		r = prepare_events(sh_request_of(req));
	if (r == 0)
		r = sh_answer_write(req, text.data, text.len, deadline_us);
	sh_buf_fini(&text);
	return r;
}

bool
shoal_response_has_begun(const struct shoal_request *req)
{
	return sh_request_of(req)->answer.begun;
}

bool
shoal_response_is_complete(const struct shoal_request *req)
{
	return sh_request_of(req)->answer.complete;
}
