/* This file tests answers that come from files: session/http_file*.c. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "http_rig.h"

/* The file is ten digits; modified in 1994, and half a second. */
#define ETAG "\"ae1b981da166f00-a\""
#define MODIFIED "Sun, 06 Nov 1994 08:49:37 GMT"
#define VALIDATORS                                                         \
	"ETag: " ETAG "\r\nLast-Modified: " MODIFIED "\r\nAccept-Ranges: " \
	"bytes\r\n"
#define TYPE "Content-Type: text/plain; charset=utf-8\r\n"
#define OK                                  \
	"HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE \
	"Content-Length: 10\r\n" TYPE VALIDATORS "\r\n"

enum { BIG = 8 * 1024 * 1024, SECONDS = 784111777 };

static struct http_rig http;

/* What the handler does, and what came of it. */
static struct {
	struct shoal_file_options options;
	int fd, timeout_ms, status;
	const char *field, *value;
	int r, calls;
	bool complete;
} job;

static void
send_file(struct shoal_request *req, void *arg)
{
	job.calls++;
	if (job.status != 0)
		shoal_response_status(req, job.status, NULL);
	if (job.field != NULL)
		shoal_response_header(req, job.field, job.value);
	job.r =
	    shoal_co_response_file(req, job.fd, &job.options, job.timeout_ms);
	job.complete = shoal_response_is_complete(req);
	if (!job.complete)
		shoal_response_error(req, 500);
}

static void
open_file(size_t len)
{
	static const struct timespec times[2] = { { SECONDS, 500000000 },
		{ SECONDS, 500000000 } };
	char *data = malloc(len > 0 ? len : 1);
	size_t i;

	ck_assert_ptr_nonnull(data);
	for (i = 0; i < len; i++)
		data[i] = (char)('0' + i % 10);
	job.fd = memfd_create("test", MFD_CLOEXEC);
	ck_assert_int_ge(job.fd, 0);
	ck_assert_int_eq(write(job.fd, data, len), (ssize_t)len);
	ck_assert_int_eq(futimens(job.fd, times), 0);
	free(data);
}

static void
set_up(size_t len)
{
	memset(&http, 0, sizeof(http));
	memset(&job, 0, sizeof(job));
	job.options = (struct shoal_file_options){ .size = sizeof(job.options),
		.name = "a.txt",
		.conditional = true };
	job.timeout_ms = 10000;
	open_file(len);
	http.routes[0] = (struct sh_route){ .path = "/", .fn = send_file };
	http_rig_open(&http);
}

static void
tear_down(void)
{
	http_rig_close(&http);
	close(job.fd);
}

struct exchange {
	const char *fields, *answer;
};

static void
check_exchanges(
    const char *method, const struct exchange *exchanges, size_t count)
{
	char request[1024];
	size_t i;

	for (i = 0; i < count; i++) {
		http_rig_connect(&http);
		snprintf(request, sizeof(request),
		    "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method,
		    exchanges[i].fields);
		http_rig_send(&http, request);
		http_rig_expect(&http, exchanges[i].answer);
		ck_assert_int_eq(job.r, 0);
	}
}

#define UNCHANGED \
	"HTTP/1.1 304 Not Modified\r\n" HTTP_RIG_DATE VALIDATORS "\r\n"
#define FAILED                                                             \
	"HTTP/1.1 412 Precondition Failed\r\n" HTTP_RIG_DATE               \
	"Content-Length: 24\r\nAccept-Ranges: bytes\r\n"                   \
	"Content-Type: text/plain; charset=utf-8\r\n\r\n412 Precondition " \
	"Failed\n"

START_TEST(test_conditions)
{
	static const struct exchange exchanges[] = {
		{ "", OK "0123456789" },
		{ "If-None-Match: " ETAG "\r\n", UNCHANGED },
		{ "If-None-Match: W/" ETAG "\r\n", UNCHANGED },
		{ "If-None-Match: *\r\n", UNCHANGED },
		{ "If-None-Match: \"x\"\r\nIf-None-Match: " ETAG "\r\n",
		    UNCHANGED },
		{ "If-None-Match: \"x\"\r\n", OK "0123456789" },
		{ "If-Modified-Since: " MODIFIED "\r\n", UNCHANGED },
		{ "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
		    OK "0123456789" },
		{ "If-Match: " ETAG "\r\n", OK "0123456789" },
		{ "If-Match: \"x\"\r\n", FAILED },
		{ "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
		    FAILED },
		{ "If-Unmodified-Since: " MODIFIED "\r\n", OK "0123456789" },
	};
	static const struct exchange heads[] = {
		{ "", OK },
		{ "Range: bytes=1-2\r\n", OK },
		{ "If-None-Match: " ETAG "\r\n", UNCHANGED },
	};

	set_up(10);
	check_exchanges("GET", exchanges, SH_ARRAY_LEN(exchanges));
	check_exchanges("HEAD", heads, SH_ARRAY_LEN(heads));
	tear_down();
}
END_TEST

#define PART(range, length, bytes)                       \
	"HTTP/1.1 206 Partial Content\r\n" HTTP_RIG_DATE \
	"Content-Length: " length "\r\n" TYPE VALIDATORS \
	"Content-Range: bytes " range "/10\r\n"          \
	"\r\n" bytes
#define BEYOND                                                                \
	"HTTP/1.1 416 Range Not Satisfiable\r\n" HTTP_RIG_DATE                \
	"Content-Length: 26\r\nAccept-Ranges: bytes\r\nContent-Range: bytes " \
	"*/10\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n416 Range "   \
	"Not Satisfiable\n"

START_TEST(test_one_range)
{
	static const struct exchange exchanges[] = {
		{ "Range: bytes=0-0\r\n", PART("0-0", "1", "0") },
		{ "Range: bytes=2-5\r\n", PART("2-5", "4", "2345") },
		{ "Range: bytes=-3\r\n", PART("7-9", "3", "789") },
		{ "Range: bytes=0-\r\n", PART("0-9", "10", "0123456789") },
		{ "Range: bytes=1-2,3-4,2-3\r\n", PART("1-4", "4", "1234") },
		{ "Range: bytes=10-\r\n", BEYOND },
		{ "Range: bytes=5-4\r\n", OK "0123456789" },
		{ "Range: lines=1-2\r\n", OK "0123456789" },
		{ "Range: bytes=1-2\r\nIf-Range: " ETAG "\r\n",
		    PART("1-2", "2", "12") },
		{ "Range: bytes=1-2\r\nIf-Range: " MODIFIED "\r\n",
		    PART("1-2", "2", "12") },
		{ "Range: bytes=1-2\r\nIf-Range: W/" ETAG "\r\n",
		    OK "0123456789" },
		{ "Range: bytes=10-\r\nIf-Range: \"x\"\r\n", OK "0123456789" },
		{ "Range: bytes=1-2\r\nIf-None-Match: " ETAG "\r\n",
		    UNCHANGED },
		{ "Range: bytes=1-2\r\nIf-Match: \"x\"\r\n", FAILED },
	};
	static const struct exchange posts[] = {
		{ "Range: bytes=1-2\r\nIf-None-Match: *\r\n",
		    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE
		    "Content-Length: 10\r\n" TYPE "\r\n0123456789" },
	};

	set_up(10);
	check_exchanges("GET", exchanges, SH_ARRAY_LEN(exchanges));
	check_exchanges("POST", posts, SH_ARRAY_LEN(posts));
	tear_down();
}
END_TEST

/* The boundary is another one each time. */
START_TEST(test_more_ranges)
{
	char boundary[33] = "", expected[2048];
	const char *at, *head_end;

	set_up(10);
	http_rig_send(&http,
	    "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=7-,0-1,3-3\r\n\r\n");
	RIG_UNTIL(&http.rig,
	    (http_rig_has(&http, ""), strstr(http.text, "--\r\n") != NULL));
	at = strstr(http.text, "boundary=");
	ck_assert_ptr_nonnull(at);
	memcpy(boundary, at + 9, 32);
	ck_assert_uint_eq(strspn(boundary, "0123456789abcdef"), 32);
	snprintf(expected, sizeof(expected),
	    "\r\n--%s\r\n" TYPE "Content-Range: bytes 7-9/10\r\n\r\n789"
	    "\r\n--%s\r\n" TYPE "Content-Range: bytes 0-1/10\r\n\r\n01"
	    "\r\n--%s\r\n" TYPE "Content-Range: bytes 3-3/10\r\n\r\n3"
	    "\r\n--%s--\r\n",
	    boundary, boundary, boundary, boundary);
	head_end = strstr(http.text, "\r\n\r\n");
	ck_assert_ptr_nonnull(head_end);
	ck_assert_str_eq(head_end + 4, expected);
	at = strstr(http.text, "Content-Length: ");
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(atoi(at + 16), (int)strlen(expected));
	ck_assert_int_eq(strncmp(http.text, "HTTP/1.1 206 ", 13), 0);
	tear_down();
}
END_TEST

START_TEST(test_options)
{
	set_up(10);
	job.options.conditional = false;
	http_rig_send(
	    &http, "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\n\r\n");
	http_rig_expect(&http,
	    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE "Content-Length: 10\r\n" TYPE
	    "\r\n0123456789");
	/* a part of the file is all there is */
	job.options.conditional = true;
	job.options.offset = 2;
	job.options.length = 4;
	job.options.type = "x/y";
	http_rig_connect(&http);
	http_rig_send(
	    &http, "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=-2\r\n\r\n");
	http_rig_expect(&http,
	    "HTTP/1.1 206 Partial Content\r\n" HTTP_RIG_DATE
	    "Content-Length: 2\r\nContent-Type: x/y\r\nETag: "
	    "\"ae1b981da166f00-a-2-4\"\r\nLast-Modified: " MODIFIED
	    "\r\nAccept-Ranges: bytes\r\nContent-Range: bytes 2-3/4\r\n\r\n45");
	/* the page of an error */
	job.options = (struct shoal_file_options){ .size = sizeof(job.options),
		.conditional = true };
	job.status = 404;
	job.field = "Content-Type";
	job.value = "a/b";
	http_rig_connect(&http);
	http_rig_send(
	    &http, "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n");
	http_rig_expect(&http,
	    "HTTP/1.1 404 Not Found\r\n" HTTP_RIG_DATE
	    "Content-Length: 10\r\nContent-Type: a/b\r\n\r\n0123456789");
	tear_down();
}
END_TEST

/* What is encoded has another tag; the page of a refusal is not encoded. */
START_TEST(test_encoded)
{
	set_up(10);
	job.field = "Content-Encoding";
	job.value = "gzip";
	http_rig_send(&http, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	http_rig_expect(&http,
	    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE "Content-Length: 10\r\n"
	    "Content-Encoding: gzip\r\n" TYPE
	    "ETag: \"ae1b981da166f00-a-gzip\"\r\nLast-Modified: " MODIFIED
	    "\r\nAccept-Ranges: bytes\r\n\r\n0123456789");
	http_rig_connect(&http);
	http_rig_send(
	    &http, "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=10-\r\n\r\n");
	http_rig_expect(&http, BEYOND);
	tear_down();
}
END_TEST

START_TEST(test_empty)
{
	set_up(0);
	http_rig_send(
	    &http, "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\n\r\n");
	http_rig_expect(&http,
	    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE "Content-Length: 0\r\n" TYPE
	    "ETag: \"ae1b981da166f00-0\"\r\nLast-Modified: " MODIFIED
	    "\r\nAccept-Ranges: bytes\r\n\r\n");
	tear_down();
}
END_TEST

START_TEST(test_no_file)
{
	static const struct {
		int64_t offset, length;
	} bad[] = { { -1, 0 }, { 0, -1 }, { 11, 0 }, { 0, 11 }, { 5, 6 },
		{ INT64_MAX, INT64_MAX } };
	int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	size_t i;

	ck_assert_int_ge(folder, 0);
	set_up(10);
	for (i = 0; i < SH_ARRAY_LEN(bad); i++) {
		job.options.offset = bad[i].offset;
		job.options.length = bad[i].length;
		http_rig_connect(&http);
		http_rig_send(&http, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		http_rig_expect(&http,
		    HTTP_RIG_PAGE("500 Internal Server Error", 26,
			"Content-Type: text/plain; charset=utf-8\r\n"));
		ck_assert_int_eq(job.r, -SHOAL_EINVAL);
		ck_assert(!job.complete);
	}
	fd = job.fd;
	job.fd = folder;
	job.options.offset = job.options.length = 0;
	http_rig_connect(&http);
	http_rig_send(&http, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	RIG_UNTIL(&http.rig, job.calls == (int)SH_ARRAY_LEN(bad) + 1);
	ck_assert_int_eq(job.r, -SHOAL_EINVAL);
	job.fd = -1;
	http_rig_connect(&http);
	http_rig_send(&http, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	RIG_UNTIL(&http.rig, job.calls == (int)SH_ARRAY_LEN(bad) + 2);
	ck_assert_int_eq(job.r, -EBADF);
	job.fd = fd;
	close(folder);
	tear_down();
}
END_TEST

static size_t total;

/* Read what is there, without keeping it; whether there was an end. */
static bool
swallow(void)
{
	int error;

	return rig_read(http.fd, &total, &error);
}

START_TEST(test_big)
{
	size_t head = sizeof(HTTP_RIG_DATE) - 1 +
	    strlen(
		"HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n" TYPE
		"ETag: \"ae1b981da166f00-800000\"\r\nLast-Modified: " MODIFIED
		"\r\nAccept-Ranges: bytes\r\n\r\n");

	set_up(BIG);
	total = 0;
	http_rig_send(&http, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	RIG_UNTIL(&http.rig, (swallow(), total >= BIG + head));
	ck_assert_uint_eq(total, BIG + head);
	ck_assert_int_eq(job.r, 0);
	/* and the connection goes on */
	http_rig_send(
	    &http, "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=1-3\r\n\r\n");
	http.len = 0;
	RIG_UNTIL(&http.rig,
	    (http_rig_has(&http, ""), strstr(http.text, "\r\n\r\n123")));
	tear_down();
}
END_TEST

START_TEST(test_shrinks)
{
	set_up(BIG);
	total = 0;
	http_rig_send(&http, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	RIG_UNTIL(&http.rig, job.calls == 1);
	RIG_TURNS(&http.rig, 3);
	ck_assert_int_eq(job.r, 0);
	job.r = 1; /* it is still in the call */
	ck_assert_int_eq(ftruncate(job.fd, 1000), 0);
	RIG_UNTIL(&http.rig, swallow());
	ck_assert_uint_lt(total, BIG);
	ck_assert_int_eq(job.r, -EIO);
	ck_assert(job.complete);
	tear_down();
}
END_TEST

START_TEST(test_timeout)
{
	set_up(BIG);
	job.timeout_ms = 20;
	total = 0;
	http_rig_send(&http, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	RIG_UNTIL(&http.rig, job.r == -SHOAL_ETIMEDOUT);
	ck_assert(job.complete);
	RIG_UNTIL(&http.rig, swallow());
	ck_assert_uint_lt(total, BIG);
	tear_down();
}
END_TEST

START_TEST(test_reset)
{
	set_up(BIG);
	http_rig_send(&http, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	RIG_UNTIL(&http.rig, job.calls == 1);
	RIG_TURNS(&http.rig, 3);
	rig_reset(http.fd);
	RIG_UNTIL(&http.rig, job.r == -ECONNRESET);
	http.fd = rig_connect(&http.rig);
	tear_down();
}
END_TEST

SH_SUITE("session/http_file", test_conditions, test_one_range, test_more_ranges,
    test_options, test_encoded, test_empty, test_no_file, test_big,
    test_shrinks, test_timeout, test_reset)
