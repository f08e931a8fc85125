/*
 * This file decides what of a file is an answer: all of it, parts, or only that
 * it has not changed. It sends nothing of files itself, see http_file_send.c.
 * RFC 9110 8.8, 13 and 14.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "proto/http_condition.h"
#include "proto/http_date.h"
#include "proto/media_type.h"
#include "session/http_file.h"

enum {
	ETAG_SIZE = 96,
	/* of a coding's name, in a tag */
	CODING_MAX = 16,
	RANGE_SIZE = 64
};

/* What there is to send. */
static int
look_at(struct sh_http_file *file, const struct shoal_file_options *options,
    struct stat *st)
{
	int64_t offset = options->offset, length = options->length;

	if (fstat(file->fd, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode) || offset < 0 || length < 0 ||
	    offset > st->st_size || length > st->st_size - offset)
		return -SHOAL_EINVAL;
	file->offset = offset;
	file->size = length != 0 ? length : st->st_size - offset;
	return 0;
}

/* What options say goes before what the handler has set, and that before what
 * the name says. */
static int
set_type(struct sh_http_file *file, const struct shoal_file_options *options)
{
	file->type = options->type;
	if (file->type == NULL && file->req->answer.has_type)
		return 0;
	if (file->type == NULL)
		file->type = sh_media_type(options->name);
	return sh_answer_set(file->req, "Content-Type", file->type);
}

/* What is encoded otherwise, or another part, is another representation, and its
 * tag another one. */
static void
format_etag(const struct sh_http_file *file, const struct stat *st,
    char etag[ETAG_SIZE])
{
	const struct timespec *time = &st->st_mtim;
	const char *coding;
	size_t n;
	int at;

	at = snprintf(etag, ETAG_SIZE, "\"%" PRIx64 "-%" PRIx64,
	    (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec,
	    (uint64_t)st->st_size);
	if (file->size != st->st_size)
		at += snprintf(etag + at, ETAG_SIZE - (size_t)at,
		    "-%" PRIx64 "-%" PRIx64, (uint64_t)file->offset,
		    (uint64_t)file->size);
	if (sh_http_lines_find(
		&file->req->answer.lines, "content-encoding", &coding, &n) &&
	    n <= CODING_MAX && memchr(coding, '"', n) == NULL)
		at += snprintf(
		    etag + at, ETAG_SIZE - (size_t)at, "-%.*s", (int)n, coding);
	snprintf(etag + at, ETAG_SIZE - (size_t)at, "\"");
}

static int
set_validators(struct sh_http_file *file, const struct stat *st,
    char etag[ETAG_SIZE], struct sh_http_validators *validators)
{
	char date[SH_HTTP_DATE_SIZE];
	int r;

	format_etag(file, st, etag);
	validators->etag = etag;
	validators->now = sh_clock_unix();
	validators->modified = st->st_mtim.tv_sec;
	/* RFC 9110 8.8.2.1: never later than Date */
	if (validators->modified > validators->now)
		validators->modified = validators->now;
	r = sh_answer_set(file->req, "ETag", etag);
	if (r == 0 && sh_http_date_format(validators->modified, date) == 0)
		r = sh_answer_set(file->req, "Last-Modified", date);
	if (r == 0)
		r = sh_answer_set(file->req, "Accept-Ranges", "bytes");
	return r;
}

static void
find_ranges(struct sh_http_file *file, const char *text,
    const struct sh_http_condition *condition,
    const struct sh_http_validators *validators)
{
	if (text == NULL || !sh_request_is(file->req, "GET") ||
	    !sh_http_condition_allows_range(condition, validators))
		return;
	file->range_count =
	    sh_http_range_parse(text, strlen(text), file->size, file->ranges);
}

/* The status: 200, or what conditions and ranges make of it. */
static int
judge(struct sh_http_file *file, const struct sh_http_validators *validators)
{
	struct shoal_request *req = file->req;
	const struct sh_http_condition condition = {
		.if_match = sh_request_field(req, "if-match"),
		.if_none_match = sh_request_field(req, "if-none-match"),
		.if_modified_since = sh_request_field(req, "if-modified-since"),
		.if_unmodified_since =
		    sh_request_field(req, "if-unmodified-since"),
		.if_range = sh_request_field(req, "if-range"),
		.reads = true,
	};
	int status = sh_http_condition_judge(&condition, validators);

	if (status != 0)
		return status;
	find_ranges(
	    file, sh_request_field(req, "range"), &condition, validators);
	if (file->range_count < 0)
		return 416;
	return file->range_count > 0 ? 206 : 200;
}

static int
set_content_range(struct sh_http_file *file)
{
	const struct sh_http_range *range = &file->ranges[0];
	char text[RANGE_SIZE];

	if (file->range_count < 0)
		snprintf(text, sizeof(text), "bytes */%" PRId64, file->size);
	else
		snprintf(text, sizeof(text),
		    "bytes %" PRId64 "-%" PRId64 "/%" PRId64, range->begin,
		    range->end - 1, file->size);
	return sh_answer_set(file->req, "Content-Range", text);
}

/* The page that says so is not the file: what was said of that is no more
 * true. */
static int
refuse(struct sh_http_file *file, int status)
{
	static const char *const names[] = { "ETag", "Last-Modified",
		"Content-Encoding", "Cache-Control" };
	size_t i;
	int r = 0;

	if (status == 416)
		r = set_content_range(file);
	for (i = 0; i < sizeof(names) / sizeof(names[0]) && r == 0; i++)
		r = sh_answer_set(file->req, names[i], NULL);
	return r < 0 ? r : sh_answer_error(file->req, status);
}

static int
say_unchanged(struct sh_http_file *file)
{
	int r = sh_answer_set(file->req, "Content-Type", NULL);

	if (r == 0)
		r = sh_answer_status(file->req, 304, NULL);
	return r < 0 ? r : sh_answer_send(file->req, NULL, 0);
}

static int
send_parts(struct sh_http_file *file)
{
	int r = sh_answer_status(file->req, 206, NULL);

	if (file->range_count > 1)
		return r < 0 ? r : sh_http_file_send_parts(file);
	if (r == 0)
		r = set_content_range(file);
	return r < 0 ? r : sh_http_file_send(file, file->ranges[0]);
}

/* Apart, so that a coroutine that waits does not keep the room on its stack. */
static __attribute__((noinline)) int
prepare(struct sh_http_file *file, const struct shoal_file_options *options)
{
	struct shoal_request *req = file->req;
	struct sh_http_validators validators;
	char etag[ETAG_SIZE];
	struct stat st;
	int r;

	r = look_at(file, options, &st);
	if (r == 0)
		r = set_type(file, options);
	if (r < 0)
		return r;
	/* a file that is the page of an error is not what was asked for */
	if (!options->conditional || req->answer.status != 200 ||
	    (!sh_request_is(req, "GET") && !sh_request_is(req, "HEAD")))
		return 200;
	r = set_validators(file, &st, etag, &validators);
	return r < 0 ? r : judge(file, &validators);
}

static int
answer(struct sh_http_file *file, int status)
{
	switch (status) {
	case 200:
		return sh_http_file_send(
		    file, (struct sh_http_range){ 0, file->size });
	case 206: return send_parts(file);
	case 304: return say_unchanged(file);
	case 412:
	case 416: return refuse(file, status);
	default: return status;
	}
}

int
sh_answer_file(struct shoal_request *req, int fd,
    const struct shoal_file_options *options, int timeout_ms)
{
	struct sh_http_file file = {
		.req = req, .fd = fd, .timeout_ms = timeout_ms
	};
	int r;

	if (req->answer.begun || req->answer.complete)
		return -SHOAL_ESTATE;
	sh_request_enter(req);
	r = answer(&file, prepare(&file, options));
	sh_request_leave(req);
	return r;
}
