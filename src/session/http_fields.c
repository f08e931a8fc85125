/*
 * This file sets status and fields of an answer, and keeps handlers from what
 * shoal sets itself. It sends nothing.
 */
#include "config.h"

#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "proto/http_answer.h"
#include "proto/http_lines.h"
#include "session/http_request.h"

int
sh_answer_status(struct shoal_request *req, int code, const char *reason)
{
	struct sh_http_answer *answer = &req->answer;
	char *copy = NULL;

	if (code < 200 || code > 599 ||
	    (reason != NULL && !sh_http_is_reason(reason)))
		return -SHOAL_EINVAL;
	if (answer->begun || answer->complete)
		return -SHOAL_ESTATE;
	if (reason != NULL) {
		copy = sh_request_alloc(req, strlen(reason) + 1);
		if (copy == NULL)
			return -SHOAL_ENOMEM;
		strcpy(copy, reason);
	}
	answer->status = (uint16_t)code;
	answer->reason = copy;
	return 0;
}

static bool
is_called(const char *name, size_t len, const char *other)
{
	return strlen(other) == len && sh_http_same_name(name, other, len);
}

/* Fields that frame the message: a handler's would make another message of
 * it. */
static bool
is_ours(const char *name, size_t len)
{
	static const char *const ours[] = { "transfer-encoding", "connection",
		"upgrade", "trailer", "keep-alive" };
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(ours); i++)
		if (is_called(name, len, ours[i]))
			return true;
	return false;
}

static int
set_length(struct sh_http_answer *answer, const char *value)
{
	uint64_t length = 0;

	if (value != NULL && !sh_http_number(value, &length))
		return -SHOAL_EINVAL;
	answer->has_length = value != NULL;
	answer->length = length;
	return 0;
}

/* What shoal would add itself. */
static void
note(struct sh_http_answer *answer, const char *name, size_t len, bool there)
{
	if (is_called(name, len, "content-type"))
		answer->has_type = there;
	else if (is_called(name, len, "date"))
		answer->has_date = there;
}

int
sh_answer_set(struct shoal_request *req, const char *name, const char *value)
{
	struct sh_http_answer *answer = &req->answer;
	size_t len = name != NULL ? strlen(name) : 0, before;
	int r = 0;

	if (!sh_http_is_name(name, len) || is_ours(name, len))
		return -SHOAL_EINVAL;
	if (answer->begun || answer->complete)
		return -SHOAL_ESTATE;
	if (is_called(name, len, "content-length"))
		return set_length(answer, value);
	/* the new one first, so that a failure changes nothing */
	before = answer->lines.len;
	if (value != NULL)
		r = sh_http_lines_add(&answer->lines, name, value);
	if (r < 0)
		return r;
	sh_http_lines_remove(&answer->lines, name, before);
	note(answer, name, len, value != NULL);
	return 0;
}

int
sh_answer_add(struct shoal_request *req, const char *name, const char *value)
{
	struct sh_http_answer *answer = &req->answer;
	size_t len = name != NULL ? strlen(name) : 0;
	int r;

	if (!sh_http_is_name(name, len) || is_ours(name, len) || value == NULL)
		return -SHOAL_EINVAL;
	if (answer->begun || answer->complete)
		return -SHOAL_ESTATE;
	if (is_called(name, len, "content-length"))
		return set_length(answer, value);
	r = sh_http_lines_add(&answer->lines, name, value);
	if (r == 0)
		note(answer, name, len, true);
	return r;
}

void
sh_answer_clear(struct shoal_request *req)
{
	struct sh_http_answer *answer = &req->answer;

	sh_http_lines_fini(&answer->lines);
	answer->status = 200;
	answer->reason = NULL;
	answer->has_type = answer->has_date = answer->has_length = false;
}

/* RFC 9110 6.5.1: not what is needed to understand the message. */
static bool
may_trail(const char *name, size_t len)
{
	static const char *const others[] = { "content-length", "content-type",
		"content-encoding", "content-range", "host", "set-cookie",
		"authorization", "cache-control", "expect", "te",
		"www-authenticate", "location", "date", "vary" };
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(others); i++)
		if (is_called(name, len, others[i]))
			return false;
	return !is_ours(name, len);
}

int
sh_answer_trailer(
    struct shoal_request *req, const char *name, const char *value)
{
	struct sh_http_answer *answer = &req->answer;
	size_t len = name != NULL ? strlen(name) : 0;

	if (!sh_http_is_name(name, len) || !may_trail(name, len) ||
	    value == NULL)
		return -SHOAL_EINVAL;
	if (answer->complete || req->head.minor == 0 || answer->has_length ||
	    (answer->begun && !answer->chunked))
		return -SHOAL_ESTATE;
	if (answer->trailers == NULL) {
		answer->trailers =
		    sh_request_alloc(req, sizeof(*answer->trailers));
		if (answer->trailers == NULL)
			return -SHOAL_ENOMEM;
		sh_http_lines_init(answer->trailers);
	}
	return sh_http_lines_add(answer->trailers, name, value);
}
