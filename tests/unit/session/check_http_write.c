/* This file tests answers in pieces: session/http_write.c. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/co.h>

#include "base/attr.h"
#include "co/co.h"
#include "http_rig.h"

static struct http_rig http;
static int results[16];
static size_t result_count;
/* Of a request that several coroutines use. */
static struct shoal_request *shared;
static bool writer_waits;
static int64_t reader;

static void
note(int r)
{
	if (result_count < SH_ARRAY_LEN(results))
		results[result_count++] = r;
}

#define HEAD(fields) "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE fields "\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define HTML "Content-Type: text/html; charset=utf-8\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void
pieces(struct shoal_request *req, void *arg)
{
	note(shoal_co_response_write(req, "abc", 3, SHOAL_FOREVER));
	note(shoal_co_response_write(req, "", 0, SHOAL_FOREVER));
	note(shoal_response_header(req, "A", "b"));
	note(shoal_response_write(req, "0123456789abcdef", 16));
	note(shoal_response_end(req));
	note(shoal_response_end(req));
	note(shoal_co_response_write(req, "abc", 3, SHOAL_FOREVER));
}

static void
counted(struct shoal_request *req, void *arg)
{
	note(shoal_response_header(req, "Content-Length", "5"));
	note(shoal_response_write(req, "abc", 3));
	note(shoal_response_write(req, "abc", 3));
	note(shoal_response_write(req, "de", 2));
	note(shoal_response_end(req));
}

static void
too_short(struct shoal_request *req, void *arg)
{
	note(shoal_response_header(req, "Content-Length", "5"));
	note(shoal_response_write(req, "abc", 3));
	note(shoal_response_end(req));
}

static void
trailed(struct shoal_request *req, void *arg)
{
	note(shoal_response_trailer(req, "Sum", "1"));
	note(shoal_response_write(req, "abc", 3));
	note(shoal_response_trailer(req, "X", "a\nb"));
	note(shoal_response_trailer(req, "Content-Length", "1"));
	note(shoal_response_trailer(req, "Other", "2"));
	note(shoal_response_end(req));
}

static void
unended(struct shoal_request *req, void *arg)
{
	note(shoal_response_write(req, "abc", 3));
}

static void
events(struct shoal_request *req, void *arg)
{
	struct shoal_event event = { .size = sizeof(event) };

	event.data = "one\r\ntwo\n";
	event.type = "tick";
	event.id = "7";
	event.retry_ms = 100;
	note(shoal_co_response_event(req, &event, SHOAL_FOREVER));
	event = (struct shoal_event){ .size = sizeof(event), .data = "x" };
	note(shoal_co_response_event(req, &event, SHOAL_FOREVER));
	event.type = "a\nb";
	note(shoal_co_response_event(req, &event, SHOAL_FOREVER));
	note(shoal_response_end(req));
}

static void
headers(struct shoal_request *req, void *arg)
{
	note(shoal_response_header(req, "A", "1"));
	note(shoal_response_add_header(req, "a", "2"));
	note(shoal_response_header(req, "B", "3"));
	note(shoal_response_header(req, "A", "4"));
	note(shoal_response_header(req, "C", "a\r\nb"));
	note(shoal_response_header(req, "D E", "1"));
	note(shoal_response_header(req, "Transfer-Encoding", "gzip"));
	note(shoal_response_header(
	    req, "Date", "Sun, 06 Nov 1994 08:49:37 GMT"));
	note(shoal_response_header(req, "content-type", "text/plain"));
	note(shoal_response_header(req, "B", NULL));
	note(shoal_response_status(req, 600, NULL));
	note(shoal_response_status(req, 299, "a\nb"));
	note(shoal_response_status(req, 299, "Fine"));
	note(shoal_response_send(req, "x", 1));
	note(shoal_response_send(req, "x", 1));
}

static void
no_content(struct shoal_request *req, void *arg)
{
	note(shoal_response_status(req, 204, NULL));
	note(shoal_response_send(req, "x", 1));
}

static void
redirect(struct shoal_request *req, void *arg)
{
	note(shoal_response_redirect(req, 200, "/"));
	note(shoal_response_redirect(req, 302, "/a b"));
	note(shoal_response_redirect(req, 303, "/b?c#d"));
}

/* More than fits on the stack, and more than the room of the lines. */
static void
large(struct shoal_request *req, void *arg)
{
	static char body[100000];
	char value[300];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	note(shoal_response_header(req, "V", value));
	note(shoal_response_header(req, "W", value));
	memset(body, 'b', sizeof(body));
	note(shoal_response_send(req, body, sizeof(body)));
}

static const struct sh_route routes[] = {
	{ .path = "/pieces", .fn = pieces },
	{ .path = "/counted", .fn = counted },
	{ .path = "/short", .fn = too_short },
	{ .path = "/trailed", .fn = trailed },
	{ .path = "/unended", .fn = unended },
	{ .path = "/events", .fn = events },
	{ .path = "/headers", .fn = headers },
	{ .path = "/large", .fn = large },
};

static void
set_up(void)
{
	memset(&http, 0, sizeof(http));
	memcpy(http.routes, routes, sizeof(routes));
	result_count = 0;
	writer_waits = false;
	reader = 0;
}

static void
check_results(const int *expected, size_t count)
{
	size_t i;

	ck_assert_uint_eq(result_count, count);
	for (i = 0; i < count; i++)
		ck_assert_msg(results[i] == expected[i], "call %zu: %d, not %d",
		    i, results[i], expected[i]);
}
#define RESULTS(...)                                \
	check_results((const int[]){ __VA_ARGS__ }, \
	    sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

START_TEST(chunks)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, GET("/pieces") GET("/x"));
	http_rig_expect(&http,
	    HEAD(CHUNKED HTML) "3\r\nabc\r\n10\r\n0123456789abcdef\r\n"
			       "0\r\n\r\n" HTTP_RIG_PAGE("404 Not Found", 14,
				   "Content-Type: text/plain; "
				   "charset=utf-8\r\n"));
	RESULTS(0, 0, -SHOAL_ESTATE, 0, 0, -SHOAL_ESTATE, -SHOAL_ESTATE);
	http_rig_close(&http);
}
END_TEST

START_TEST(without_chunks_the_end_is_that_of_the_connection)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(
	    &http, "GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	http_rig_expect_end(
	    &http, HEAD(HTML "Connection: close\r\n") "abc0123456789abcdef");
	RESULTS(0, 0, -SHOAL_ESTATE, 0, 0, -SHOAL_ESTATE, -SHOAL_ESTATE);
	http_rig_close(&http);
}
END_TEST

START_TEST(head_has_no_body)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(
	    &http, "HEAD /pieces HTTP/1.1\r\nHost: a\r\n\r\n" GET("/counted"));
	http_rig_expect(
	    &http, HEAD(HTML) HEAD("Content-Length: 5\r\n" HTML) "abcde");
	RESULTS(0, 0, -SHOAL_ESTATE, 0, 0, -SHOAL_ESTATE, -SHOAL_ESTATE, 0, 0,
	    -SHOAL_EMSGSIZE, 0, 0);
	http_rig_close(&http);
}
END_TEST

START_TEST(an_answer_that_is_too_short_is_cut)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, GET("/short") GET("/counted"));
	http_rig_expect_end(&http, HEAD("Content-Length: 5\r\n" HTML) "abc");
	RESULTS(0, 0, -SHOAL_EMSGSIZE);
	http_rig_close(&http);
}
END_TEST

START_TEST(an_answer_without_its_end_is_cut)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, GET("/unended") GET("/counted"));
	http_rig_expect_end(&http, HEAD(CHUNKED HTML) "3\r\nabc\r\n");
	http_rig_close(&http);
}
END_TEST

/* Nothing but a reset tells it of a body that ends with the connection. */
START_TEST(an_uncounted_answer_without_its_end_is_reset)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, "GET /unended HTTP/1.0\r\n\r\n");
	RIG_UNTIL(&http.rig, (http_rig_has(&http, ""), http.ended));
	ck_assert_int_eq(http.error, ECONNRESET);
	http_rig_connect(&http);
	http_rig_send(&http, "HEAD /unended HTTP/1.0\r\n\r\n");
	http_rig_expect_end(&http, HEAD(HTML "Connection: close\r\n"));
	http_rig_close(&http);
}
END_TEST

START_TEST(trailers)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, GET("/trailed"));
	http_rig_expect(&http,
	    HEAD(CHUNKED HTML) "3\r\nabc\r\n0\r\nSum: 1\r\nOther: 2\r\n\r\n");
	RESULTS(0, 0, -SHOAL_EINVAL, -SHOAL_EINVAL, 0, 0);
	http_rig_close(&http);
}
END_TEST

START_TEST(server_sent_events)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, GET("/events"));
	http_rig_expect(&http,
	    HEAD(CHUNKED
		"Content-Type: text/event-stream\r\n"
		"Cache-Control: no-cache\r\n") "39\r\nevent: tick\nid: 7\nretry: 100\n"
					       "data: one\ndata: two\ndata: \n\n\r\n"
					       "9\r\ndata: x\n\n\r\n0\r\n\r\n");
	RESULTS(0, 0, -SHOAL_EINVAL, 0);
	http_rig_close(&http);
}
END_TEST

START_TEST(fields_are_checked)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, GET("/headers"));
	http_rig_expect(&http,
	    "HTTP/1.1 299 Fine\r\nContent-Length: 1\r\nA: 4\r\n" HTTP_RIG_DATE
	    "content-type: text/plain\r\n\r\nx");
	RESULTS(0, 0, 0, 0, -SHOAL_EINVAL, -SHOAL_EINVAL, -SHOAL_EINVAL, 0, 0,
	    0, -SHOAL_EINVAL, -SHOAL_EINVAL, 0, 0, -SHOAL_ESTATE);
	http_rig_close(&http);
}
END_TEST

START_TEST(some_answers_have_no_body)
{
	set_up();
	http.routes[0].fn = no_content;
	http_rig_open(&http);
	http_rig_send(&http, GET("/pieces") GET("/counted"));
	http_rig_expect(&http,
	    "HTTP/1.1 204 No Content\r\n" HTTP_RIG_DATE
	    "\r\n" HEAD("Content-Length: 5\r\n" HTML) "abcde");
	http_rig_close(&http);
}
END_TEST

static void
reset_content(struct shoal_request *req, void *arg)
{
	note(shoal_response_status(req, 205, NULL));
	note(shoal_response_write(req, "x", 1));
	note(shoal_response_end(req));
}

/* RFC 9112 6.3: of a 205, a client has to be told that nothing follows. */
START_TEST(a_205_says_that_it_is_empty)
{
	set_up();
	http.routes[0].fn = reset_content;
	http_rig_open(&http);
	http_rig_send(&http, GET("/pieces") GET("/counted"));
	http_rig_expect(&http,
	    "HTTP/1.1 205 Reset Content\r\n" HTTP_RIG_DATE
	    "Content-Length: 0\r\n"
	    "\r\n" HEAD("Content-Length: 5\r\n" HTML) "abcde");
	http_rig_close(&http);
}
END_TEST

START_TEST(redirects)
{
	set_up();
	http.routes[0].fn = redirect;
	http_rig_open(&http);
	http_rig_send(&http, GET("/pieces"));
	http_rig_expect(&http,
	    HTTP_RIG_PAGE("303 See Other", 14,
		"Location: /b?c#d\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"));
	RESULTS(-SHOAL_EINVAL, -SHOAL_EINVAL, 0);
	http_rig_close(&http);
}
END_TEST

START_TEST(large_answers)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, GET("/large") GET("/large"));
	RIG_UNTIL(&http.rig,
	    (http_rig_has(&http, ""), http.len >= 2 * (100000 + 700)));
	ck_assert_ptr_nonnull(
	    strstr(http.text, "\r\nContent-Length: 100000\r\n"));
	RESULTS(0, 0, 0, 0, 0, 0);
	http_rig_close(&http);
}
END_TEST

/* --- waits ----------------------------------------------------------------- */

enum { PIECE = 64 * 1024, PIECES = 256 };

static void
stream(struct shoal_request *req, void *arg)
{
	static char piece[PIECE];
	int i, r = 0;

	for (i = 0; i < PIECES && r == 0; i++)
		r = shoal_co_response_write(
		    req, piece, sizeof(piece), SHOAL_FOREVER);
	note(i);
	note(r);
	note(shoal_response_end(req));
}

static void
try_stream(struct shoal_request *req, void *arg)
{
	static char piece[PIECE];

	while (shoal_response_write(req, piece, sizeof(piece)) == 0)
		continue;
	note(shoal_response_write(req, piece, sizeof(piece)));
	note(shoal_co_response_write(req, piece, sizeof(piece), 0));
	note(shoal_co_response_write(req, piece, sizeof(piece), 10));
	/* the end never waits */
	note(shoal_response_end(req));
}

START_TEST(a_slow_reader_is_waited_for)
{
	size_t total = 0;
	int error;

	set_up();
	http.routes[0].fn = stream;
	http_rig_open(&http);
	http_rig_send(&http, GET("/pieces"));
	RIG_TURNS(&http.rig, 20);
	ck_assert_uint_eq(result_count, 0);
	ck_assert_uint_le(
	    http.rig.counters.queued_bytes, (1 << 20) + PIECE + 100);
	RIG_UNTIL(
	    &http.rig, (rig_read(http.fd, &total, &error), result_count == 3));
	RESULTS(PIECES, 0, 0);
	RIG_UNTIL(&http.rig,
	    (rig_read(http.fd, &total, &error),
		total > (size_t)PIECES * (PIECE + 9)));
	http_rig_close(&http);
}
END_TEST

START_TEST(a_writer_learns_of_a_reset)
{
	set_up();
	http.routes[0].fn = stream;
	http_rig_open(&http);
	http_rig_send(&http, GET("/pieces"));
	RIG_TURNS(&http.rig, 20);
	rig_reset(http.fd);
	RIG_UNTIL(&http.rig, result_count == 3);
	ck_assert_int_lt(results[0], PIECES);
	ck_assert_int_eq(results[1], -SHOAL_ECONNRESET);
	ck_assert_int_eq(results[2], -SHOAL_ECONNRESET);
	http.fd = -1;
	http_rig_close(&http);
}
END_TEST

/* --- several coroutines ---------------------------------------------------- */

/* Fills the queue, so that its last write has to wait. */
static void
write_until_full(void *arg)
{
	static char piece[PIECE];

	while (shoal_response_write(shared, piece, sizeof(piece)) == 0)
		continue;
	writer_waits = true;
	note(shoal_co_response_write(shared, "last", 4, SHOAL_FOREVER));
	writer_waits = false;
	/* it is still there */
	note(shoal_response_is_complete(shared));
}

static void
end_early(struct shoal_request *req, void *arg)
{
	int64_t writer;

	shared = req;
	writer = shoal_co_start(write_until_full, NULL, "writer");
	note(shoal_response_end(req));
	note(shoal_co_join(writer, SHOAL_FOREVER));
	note(shoal_response_end(req));
}

START_TEST(an_end_does_not_overtake_a_piece)
{
	static char text[PIECE];
	char end[14];
	ssize_t n;

	set_up();
	http.routes[0].fn = end_early;
	http_rig_open(&http);
	http_rig_send(&http, GET("/pieces"));
	RIG_UNTIL(&http.rig, writer_waits);
	RESULTS(-SHOAL_EBUSY);
	do {
		RIG_TURNS(&http.rig, 1);
		n = recv(http.fd, text, sizeof(text), MSG_DONTWAIT);
		if (n >= 14)
			memcpy(end, text + n - 14, 14);
	} while (n > 0 || result_count < 5);
	RESULTS(-SHOAL_EBUSY, 0, 0, 0, 0);
	ck_assert_int_eq(memcmp(end, "4\r\nlast\r\n0\r\n\r\n", 14), 0);
	http_rig_close(&http);
}
END_TEST

static void
share(struct shoal_request *req, void *arg)
{
	shared = req;
	shoal_request_detach(req);
	shoal_co_start(write_until_full, NULL, "writer");
}

static void
read_on(void *arg)
{
	const void *data;

	note((int)shoal_co_request_read(shared, &data, SHOAL_FOREVER));
	note(shoal_response_is_complete(shared));
}

/* The client's fault, which one of them learns of, ends it for all. */
START_TEST(a_request_stays_until_all_have_left_it)
{
	set_up();
	http.routes[0].fn = share;
	http_rig_open(&http);
	http_rig_send(&http,
	    "POST /pieces HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	RIG_UNTIL(&http.rig, writer_waits);
	ck_assert_int_gt(sh_co_start(sh_loop_coroutines(http.rig.loop), read_on,
			     NULL, "reader"),
	    0);
	http_rig_send(&http, "X");
	RIG_UNTIL(&http.rig, result_count == 4);
	RESULTS(-SHOAL_EPROTO, 1, -SHOAL_ECANCELED, 1);
	http_rig_close(&http);
}
END_TEST

static void
share_body(struct shoal_request *req, void *arg)
{
	shared = req;
	shoal_request_detach(req);
	reader = shoal_co_start(read_on, NULL, "reader");
}

START_TEST(an_answer_ends_a_read_elsewhere)
{
	set_up();
	http.routes[0].fn = share_body;
	http_rig_open(&http);
	http_rig_send(&http,
	    "POST /pieces HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
	RIG_UNTIL(&http.rig, reader > 0);
	ck_assert_int_eq(shoal_response_send(shared, "x", 1), 0);
	RIG_UNTIL(&http.rig, result_count == 2);
	RESULTS(-SHOAL_ECANCELED, 1);
	http_rig_send(&http, "abcde" GET("/counted"));
	http_rig_expect(&http,
	    HTTP_RIG_OK(1, "x") HEAD("Content-Length: 5\r\n" HTML) "abcde");
	http_rig_close(&http);
}
END_TEST

START_TEST(a_write_may_have_a_deadline)
{
	set_up();
	http.routes[0].fn = try_stream;
	http_rig_open(&http);
	http_rig_send(&http, GET("/pieces"));
	RIG_UNTIL(&http.rig, result_count == 4);
	RESULTS(-SHOAL_EAGAIN, -SHOAL_ETIMEDOUT, -SHOAL_ETIMEDOUT, 0);
	http_rig_close(&http);
}
END_TEST

SH_SUITE("session/http_write", chunks,
    without_chunks_the_end_is_that_of_the_connection, head_has_no_body,
    an_answer_that_is_too_short_is_cut, an_answer_without_its_end_is_cut,
    an_uncounted_answer_without_its_end_is_reset, trailers, server_sent_events,
    fields_are_checked, some_answers_have_no_body, a_205_says_that_it_is_empty,
    redirects, large_answers, a_slow_reader_is_waited_for,
    a_writer_learns_of_a_reset, an_end_does_not_overtake_a_piece,
    a_request_stays_until_all_have_left_it, an_answer_ends_a_read_elsewhere,
    a_write_may_have_a_deadline)
