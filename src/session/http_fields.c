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

/* What a field is to shoal. */
enum kind {
	OTHER,
	FRAMING, /* of the message: a handler's would make another one of it */
	LENGTH,  /* likewise, but may be said beforehand */
	TYPE,    /* it adds these two itself */
	DATE
};

static enum kind
kind_of(const char *name, size_t len)
{
	static const struct {
		const char *name;
		size_t len;
		enum kind kind;
	} known[] = {
		{ "Date", 4, DATE },
		{ "Upgrade", 7, FRAMING },
		{ "Trailer", 7, FRAMING },
		{ "Connection", 10, FRAMING },
		{ "Keep-Alive", 10, FRAMING },
		{ "Content-Type", 12, TYPE },
		{ "Content-Length", 14, LENGTH },
		{ "Transfer-Encoding", 17, FRAMING },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(known); i++)
		if (known[i].len == len &&
		    sh_http_same_name(name, known[i].name, len))
			return known[i].kind;
	return OTHER;
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

/* What shoal need not add. */
static void
note(struct sh_http_answer *answer, enum kind kind, bool there)
{
	if (kind == TYPE)
		answer->has_type = there;
	else if (kind == DATE)
		answer->has_date = there;
}

int
sh_answer_set(struct shoal_request *req, const char *name, const char *value)
{
	struct sh_http_answer *answer = &req->answer;
	size_t len = name != NULL ? strlen(name) : 0, before;
	enum kind kind = kind_of(name, len);
	int r = 0;

	if (kind == FRAMING || name == NULL ||
	    (kind == OTHER && !sh_http_is_name(name, len)))
		return -SHOAL_EINVAL;
	if (answer->begun || answer->complete)
		return -SHOAL_ESTATE;
	if (kind == LENGTH)
		return set_length(answer, value);
	/* the new one first, so that a failure changes nothing */
	before = answer->lines.len;
	if (value != NULL)
		r = sh_http_lines_add_named(&answer->lines, name, len, value);
	if (r < 0)
		return r;
	if (before != 0)
		sh_http_lines_remove(&answer->lines, name, before);
	note(answer, kind, value != NULL);
	return 0;
}

int
sh_answer_add(struct shoal_request *req, const char *name, const char *value)
{
	struct sh_http_answer *answer = &req->answer;
	size_t len = name != NULL ? strlen(name) : 0;
	enum kind kind = kind_of(name, len);
	int r;

	if (kind == FRAMING || name == NULL || value == NULL)
		return -SHOAL_EINVAL;
	if (answer->begun || answer->complete)
		return -SHOAL_ESTATE;
	if (kind == LENGTH)
		return set_length(answer, value);
	r = sh_http_lines_add(&answer->lines, name, value);
	if (r == 0)
		note(answer, kind, true);
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
	return kind_of(name, len) != FRAMING;
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
