/*
 * This file tests handlers of HTTP that wait, and what happens to their
 * connection meanwhile.
 */
#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/co.h>
#include <shoal/form.h>
#include <shoal/timer.h>

#include "base/attr.h"
#include "co/co.h"
#include "http_rig.h"
#include "io/await.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, length)                                              \
	"POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " #length \
	"\r\n\r\n"

static struct http_rig http;
/* Handlers that are in the wait of "/wait", and those that have left it. */
static struct sh_co *waiting;
static int waits, went_on, wait_result;
static bool gone;
static struct shoal_request *detached;

/* Waits until the test lets it go on. */
static void
hold(struct shoal_request *req, void *arg)
{
	char before[64];

	strcpy(before, shoal_request_header(req, "Tag"));
	waits++;
	waiting = sh_co_running();
	wait_result = sh_await("test", SH_NEVER);
	waiting = NULL;
	went_on++;
	gone = shoal_request_is_gone(req);
	/* what it was lent has stayed */
	ck_assert_str_eq(before, shoal_request_header(req, "Tag"));
	ck_assert_str_eq(shoal_request_path(req), "/hold");
	shoal_response_printf(req, "%s\n", before);
}

static void
let_go(void)
{
	ck_assert_ptr_nonnull(waiting);
	sh_co_wake(waiting, 0);
}

static void
hello(struct shoal_request *req, void *arg)
{
	shoal_response_send(req, "hello\n", 6);
}

static ssize_t read_result;

/* Reads the body in one piece, then answers with it. */
static void
whole(struct shoal_request *req, void *arg)
{
	const void *data = "";

	waits++;
	read_result = shoal_co_request_body(req, &data, SHOAL_FOREVER);
	went_on++;
	if (read_result >= 0)
		shoal_response_send(req, data, (size_t)read_result);
}

/* Sends back what comes, as it comes. */
static void
pieces(struct shoal_request *req, void *arg)
{
	const void *data;

	while ((read_result =
		       shoal_co_request_read(req, &data, SHOAL_FOREVER)) > 0)
		if (shoal_co_response_write(
			req, data, (size_t)read_result, SHOAL_FOREVER) < 0)
			return;
	if (read_result == 0)
		shoal_response_end(req);
}

static int detach_result;

static void
later(struct shoal_request *req, void *arg)
{
	detached = req;
	detach_result = shoal_request_detach(req);
	waits++;
}

static const struct sh_route routes[] = {
	{ .path = "/hold", .fn = hold },
	{ .path = "/hello", .fn = hello },
	{ .path = "/whole", .fn = whole },
	{ .path = "/pieces", .fn = pieces },
	{ .path = "/later", .fn = later },
};

static void
set_up(void)
{
	memset(&http, 0, sizeof(http));
	memcpy(http.routes, routes, sizeof(routes));
	waits = went_on = 0;
	waiting = NULL;
	detached = NULL;
}

#define HOLD(tag) "GET /hold HTTP/1.1\r\nHost: a\r\nTag: " tag "\r\n\r\n"

START_TEST(requests_behind_one_that_waits_are_answered_in_order)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, HOLD("one") GET("/hello") HOLD("two"));
	RIG_UNTIL(&http.rig, waits == 1);
	/* this one comes in another event, in two parts */
	http_rig_send(&http, "GET /hello HTTP");
	RIG_TURNS(&http.rig, 5);
	ck_assert(http_rig_has(&http, ""));
	let_go();
	RIG_UNTIL(&http.rig, waits == 2);
	ck_assert(http_rig_has(
	    &http, HTTP_RIG_OK(4, "one\n") HTTP_RIG_OK(6, "hello\n")));
	http_rig_send(&http, "/1.1\r\nHost: a\r\n\r\n");
	RIG_TURNS(&http.rig, 5);
	let_go();
	http_rig_expect(&http,
	    HTTP_RIG_OK(4, "one\n") HTTP_RIG_OK(6, "hello\n")
		HTTP_RIG_OK(4, "two\n") HTTP_RIG_OK(6, "hello\n"));
	http_rig_close(&http);
}
END_TEST

START_TEST(a_half_closed_client_gets_its_answers)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, HOLD("one") GET("/hello"));
	shutdown(http.fd, SHUT_WR);
	RIG_UNTIL(&http.rig, waits == 1);
	RIG_TURNS(&http.rig, 3);
	let_go();
	http_rig_expect_end(
	    &http, HTTP_RIG_OK(4, "one\n") HTTP_RIG_OK(6, "hello\n"));
	ck_assert(!gone);
	http_rig_close(&http);
}
END_TEST

START_TEST(a_handler_goes_on_when_its_client_has_reset)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, HOLD("one") GET("/hello"));
	RIG_UNTIL(&http.rig, waits == 1);
	rig_reset(http.fd);
	http.fd = -1;
	RIG_TURNS(&http.rig, 5);
	ck_assert_int_eq(went_on, 0);
	let_go();
	RIG_UNTIL(&http.rig, went_on == 1);
	ck_assert(gone);
	ck_assert_int_eq(wait_result, 0);
	http_rig_close(&http);
}
END_TEST

START_TEST(connections_do_not_meet)
{
	enum { COUNT = 20 };
	struct sh_co *all[COUNT];
	int fds[COUNT], i;
	size_t total;
	int error;

	set_up();
	http_rig_open(&http);
	for (i = 0; i < COUNT; i++) {
		fds[i] = rig_connect_accepted(&http.rig);
		rig_write(fds[i], HOLD("x"), strlen(HOLD("x")));
		RIG_UNTIL(&http.rig, waits == i + 1);
		all[i] = waiting;
	}
	for (i = COUNT - 1; i >= 0; i--) {
		sh_co_wake(all[i], 0);
		total = 0;
		RIG_UNTIL(
		    &http.rig, (rig_read(fds[i], &total, &error), total > 0));
		ck_assert_uint_eq(total, strlen(HTTP_RIG_OK(2, "x\n")));
		close(fds[i]);
	}
	http_rig_close(&http);
}
END_TEST

/* --- bodies ---------------------------------------------------------------- */

START_TEST(a_body_may_come_later)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, POST("/whole", 6) "ab");
	RIG_UNTIL(&http.rig, waits == 1);
	http_rig_send(&http, "cd");
	RIG_TURNS(&http.rig, 3);
	http_rig_send(&http, "ef" GET("/hello"));
	http_rig_expect(
	    &http, HTTP_RIG_OK(6, "abcdef") HTTP_RIG_OK(6, "hello\n"));
	http_rig_close(&http);
}
END_TEST

START_TEST(a_body_in_pieces)
{
	static const char text[] =
	    "POST /pieces HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"
	    "3\r\nabc\r\n4;a=\"b\"\r\ndefg\r\n0\r\nX: y\r\n\r\n" GET("/hello");
	size_t i;

	set_up();
	http_rig_open(&http);
	for (i = 0; i < sizeof(text) - 1; i++) {
		rig_write(http.fd, text + i, 1);
		RIG_TURNS(&http.rig, 1);
	}
	http_rig_expect(&http,
	    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE "Transfer-Encoding: chunked\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n\r\n"
	    "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n1\r\ne\r\n1\r\nf\r\n"
	    "1\r\ng\r\n0\r\n\r\n" HTTP_RIG_OK(6, "hello\n"));
	http_rig_close(&http);
}
END_TEST

START_TEST(a_client_that_waits_is_told_to_go_on)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http,
	    "POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
	    "Expect: 100-continue\r\n\r\n");
	http_rig_expect(&http, "HTTP/1.1 100 Continue\r\n\r\n");
	http_rig_send(&http, "ab");
	http_rig_expect(
	    &http, "HTTP/1.1 100 Continue\r\n\r\n" HTTP_RIG_OK(2, "ab"));
	/* not when it has not waited */
	http.len = 0;
	http_rig_send(&http,
	    "POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
	    "Expect: 100-continue\r\n\r\na");
	RIG_TURNS(&http.rig, 3);
	http_rig_send(&http, "b");
	http_rig_expect(&http, HTTP_RIG_OK(2, "ab"));
	/* nor when nobody wants it: then it cannot be told from a request */
	http.len = 0;
	http_rig_send(&http,
	    "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
	    "Expect: 100-continue\r\n\r\n");
	http_rig_expect_end(&http,
	    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE "Content-Length: 6\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Connection: close\r\n\r\nhello\n");
	http_rig_close(&http);
}
END_TEST

#define CLOSES(status, length)        \
	HTTP_RIG_PAGE(status, length, \
	    "Connection: close\r\n"   \
	    "Content-Type: text/plain; charset=utf-8\r\n")

START_TEST(a_body_that_is_cut_off)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, POST("/whole", 6) "ab");
	RIG_UNTIL(&http.rig, waits == 1);
	shutdown(http.fd, SHUT_WR);
	RIG_UNTIL(&http.rig, went_on == 1);
	ck_assert_int_eq(read_result, -SHOAL_ETRUNCATED);
	http_rig_expect_end(&http, CLOSES("400 Bad Request", 16));
	http_rig_close(&http);
}
END_TEST

START_TEST(a_reset_amid_a_body)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, POST("/whole", 6) "ab");
	RIG_UNTIL(&http.rig, waits == 1);
	rig_reset(http.fd);
	http.fd = -1;
	RIG_UNTIL(&http.rig, went_on == 1);
	ck_assert_int_eq(read_result, -SHOAL_ECONNRESET);
	http_rig_close(&http);
}
END_TEST

/* The rest of a body that nobody wants comes late. */
static int form_results[3];

static void
form_too_late(struct shoal_request *req, void *arg)
{
	const void *data;

	form_results[0] = shoal_co_request_form(req, NULL, 0);
	form_results[1] = shoal_co_request_form(req, NULL, SHOAL_FOREVER);
	read_result = shoal_co_request_read(req, &data, SHOAL_FOREVER);
	form_results[2] = shoal_co_request_form(req, NULL, SHOAL_FOREVER);
	shoal_response_send(req, "hello\n", 6);
}

/* What is left of it would be taken for another form, or an empty one. */
START_TEST(a_form_is_received_from_its_begin)
{
	set_up();
	http.routes[0].fn = form_too_late;
	http_rig_open(&http);
	http_rig_send(&http,
	    "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n"
	    "Content-Type: application/x-www-form-urlencoded\r\n\r\na=b");
	RIG_TURNS(&http.rig, 5);
	http_rig_send(&http, "&c=d");
	http_rig_expect(&http, HTTP_RIG_OK(6, "hello\n"));
	ck_assert_int_eq(form_results[0], -SHOAL_ETIMEDOUT);
	ck_assert_int_eq(form_results[1], -SHOAL_ESTATE);
	ck_assert_int_eq(form_results[2], -SHOAL_ESTATE);
	http_rig_close(&http);
}
END_TEST

START_TEST(a_late_body_is_thrown_away)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, POST("/hello", 6) "ab");
	http_rig_expect(&http, HTTP_RIG_OK(6, "hello\n"));
	http_rig_send(&http, "cd");
	RIG_TURNS(&http.rig, 3);
	http_rig_send(&http, "ef" GET("/hello"));
	http_rig_expect(
	    &http, HTTP_RIG_OK(6, "hello\n") HTTP_RIG_OK(6, "hello\n"));
	http_rig_close(&http);
}
END_TEST

/* It has been answered; but where the next request begins is not known. */
START_TEST(a_late_body_that_is_wrong_ends_the_connection)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http,
	    "POST /hello HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	http_rig_expect(&http, HTTP_RIG_OK(6, "hello\n"));
	http_rig_send(&http, "X\r\n" GET("/hello"));
	http_rig_expect_end(&http, HTTP_RIG_OK(6, "hello\n"));
	ck_assert_uint_eq(http.rig.counters.http_errors, 1);
	http_rig_close(&http);
}
END_TEST

START_TEST(wrong_bodies_are_refused)
{
	set_up();
	http.limits.body_size = 4;
	http_rig_open(&http);
	http_rig_send(&http, POST("/whole", 5) "abcde" GET("/hello"));
	http_rig_expect_end(&http, CLOSES("413 Content Too Large", 22));
	ck_assert_int_eq(read_result, -SHOAL_EMSGSIZE);
	http_rig_connect(&http);
	http_rig_send(&http,
	    "POST /whole HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n");
	http_rig_expect_end(&http, CLOSES("413 Content Too Large", 22));
	http_rig_connect(&http);
	http_rig_send(&http,
	    "POST /whole HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n3\r\nabcX");
	http_rig_expect_end(&http, CLOSES("400 Bad Request", 16));
	ck_assert_int_eq(read_result, -SHOAL_EPROTO);
	http_rig_close(&http);
}
END_TEST

/* --- detached -------------------------------------------------------------- */

START_TEST(a_detached_request_is_answered_later)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, GET("/later") GET("/hello"));
	RIG_UNTIL(&http.rig, waits == 1);
	ck_assert_int_eq(detach_result, 0);
	RIG_TURNS(&http.rig, 3);
	ck_assert(http_rig_has(&http, ""));
	ck_assert_str_eq(shoal_request_path(detached), "/later");
	ck_assert_int_eq(shoal_response_send(detached, "late\n", 5), 0);
	http_rig_expect(
	    &http, HTTP_RIG_OK(5, "late\n") HTTP_RIG_OK(6, "hello\n"));
	http_rig_close(&http);
}
END_TEST

START_TEST(a_detached_request_outlives_its_client)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, GET("/later"));
	RIG_UNTIL(&http.rig, waits == 1);
	rig_reset(http.fd);
	http.fd = -1;
	RIG_TURNS(&http.rig, 5);
	ck_assert(shoal_request_is_gone(detached));
	ck_assert_int_eq(
	    shoal_response_send(detached, "late\n", 5), -SHOAL_ENOTCONN);
	RIG_UNTIL(&http.rig, sh_loop_connections(http.rig.loop) == 0);
	http_rig_close(&http);
}
END_TEST

/* --- ends ------------------------------------------------------------------ */

START_TEST(an_abort_cancels_handlers)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, HOLD("one") GET("/hello"));
	RIG_UNTIL(&http.rig, waits == 1);
	sh_service_abort(http.rig.service);
	RIG_UNTIL(&http.rig, went_on == 1);
	ck_assert_int_eq(wait_result, -SHOAL_ECANCELED);
	ck_assert(gone);
	http_rig_close(&http);
}
END_TEST

START_TEST(a_drain_lets_a_handler_finish)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, HOLD("one"));
	RIG_UNTIL(&http.rig, waits == 1);
	sh_service_drain(http.rig.service, 100, 1001);
	RIG_TURNS(&http.rig, 5);
	ck_assert_int_eq(went_on, 0);
	let_go();
	http_rig_expect_end(&http,
	    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE "Content-Length: 4\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Connection: close\r\n\r\none\n");
	http_rig_close(&http);
}
END_TEST

START_TEST(a_drain_ends_a_wait_for_a_body)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, POST("/whole", 6) "ab");
	RIG_UNTIL(&http.rig, waits == 1);
	sh_service_drain(http.rig.service, 100, 1001);
	RIG_UNTIL(&http.rig, went_on == 1);
	ck_assert_int_eq(read_result, -SHOAL_ECANCELED);
	http_rig_expect_end(&http, CLOSES("503 Service Unavailable", 24));
	http_rig_close(&http);
}
END_TEST

START_TEST(answers_tell_of_a_drain)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, GET("/hello"));
	http_rig_expect(&http, HTTP_RIG_OK(6, "hello\n"));
	sh_service_begin_drain(http.rig.service);
	RIG_TURNS(&http.rig, 5);
	http.len = 0;
	ck_assert(http_rig_has(&http, "") && !http.ended);
	http_rig_send(&http, GET("/hello"));
	http_rig_expect_end(&http,
	    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE "Content-Length: 6\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Connection: close\r\n\r\nhello\n");
	http_rig_close(&http);
}
END_TEST

static char large_body[100000];
static int large_answers;

static void
large(struct shoal_request *req, void *arg)
{
	large_answers++;
	shoal_response_send(req, large_body, sizeof(large_body));
}

/* A peer that asks and does not read. */
START_TEST(a_flood_of_requests_waits)
{
	enum { COUNT = 400 };
	size_t total = 0, i;
	int error;

	set_up();
	http.routes[0].fn = large;
	large_answers = 0;
	http_rig_open(&http);
	for (i = 0; i < COUNT; i++)
		http_rig_send(&http, GET("/hold"));
	RIG_TURNS(&http.rig, 20);
	ck_assert_int_lt(large_answers, COUNT);
	ck_assert_uint_le(http.rig.counters.queued_bytes,
	    (1 << 20) + sizeof(large_body) + 1000);
	RIG_UNTIL(&http.rig,
	    (rig_read(http.fd, &total, &error),
		total > COUNT * sizeof(large_body)));
	ck_assert_int_eq(large_answers, COUNT);
	http_rig_close(&http);
}
END_TEST

/* --- deadlines ------------------------------------------------------------- */

START_TEST(heads_have_a_deadline)
{
	set_up();
	http.limits.header_timeout_ms = 50;
	http_rig_open(&http);
	/* not a word */
	http_rig_expect_end(&http, "");
	ck_assert_uint_eq(http.rig.counters.timeouts, 1);
	/* empty lines are none, and put nothing off */
	http_rig_connect(&http);
	http_rig_send(&http, "\r\n");
	http_rig_expect_end(&http, "");
	http_rig_connect(&http);
	http_rig_send(&http, "GET / HT");
	http_rig_expect_end(&http, CLOSES("408 Request Timeout", 20));
	/* not between requests */
	http_rig_connect(&http);
	http_rig_send(&http, GET("/hello"));
	http_rig_expect(&http, HTTP_RIG_OK(6, "hello\n"));
	RIG_TURNS(&http.rig, 100);
	ck_assert(!http.ended);
	http_rig_send(&http, "G");
	http_rig_expect_end(
	    &http, HTTP_RIG_OK(6, "hello\n") CLOSES("408 Request Timeout", 20));
	http_rig_close(&http);
}
END_TEST

START_TEST(bodies_have_a_deadline)
{
	set_up();
	http.limits.body_timeout_ms = 50;
	http_rig_open(&http);
	http_rig_send(&http, POST("/whole", 6) "ab");
	http_rig_expect_end(&http, CLOSES("408 Request Timeout", 20));
	ck_assert_int_eq(read_result, -SHOAL_ETIMEDOUT);
	/* also when nobody wants them */
	http_rig_connect(&http);
	http_rig_send(&http, POST("/hello", 6) "ab");
	http_rig_expect_end(&http, HTTP_RIG_OK(6, "hello\n"));
	ck_assert_uint_eq(http.rig.counters.timeouts, 1);
	http_rig_close(&http);
}
END_TEST

START_TEST(silent_connections_are_closed)
{
	set_up();
	http.limits.keepalive_timeout_ms = 50;
	http_rig_open(&http);
	http_rig_send(&http, GET("/hello"));
	http_rig_expect_end(&http, HTTP_RIG_OK(6, "hello\n"));
	ck_assert_uint_eq(http.rig.counters.timeouts, 1);
	/* but not while the handler is at work */
	http_rig_connect(&http);
	http_rig_send(&http, HOLD("one"));
	RIG_UNTIL(&http.rig, waits == 1);
	RIG_TURNS(&http.rig, 100);
	let_go();
	http_rig_expect(&http, HTTP_RIG_OK(4, "one\n"));
	http_rig_close(&http);
}
END_TEST

SH_SUITE("session/http_wait",
    requests_behind_one_that_waits_are_answered_in_order,
    a_half_closed_client_gets_its_answers,
    a_handler_goes_on_when_its_client_has_reset, connections_do_not_meet,
    a_body_may_come_later, a_body_in_pieces,
    a_client_that_waits_is_told_to_go_on, a_body_that_is_cut_off,
    a_reset_amid_a_body, a_form_is_received_from_its_begin,
    a_late_body_is_thrown_away, a_late_body_that_is_wrong_ends_the_connection,
    wrong_bodies_are_refused, a_detached_request_is_answered_later,
    a_detached_request_outlives_its_client, an_abort_cancels_handlers,
    a_drain_lets_a_handler_finish, a_drain_ends_a_wait_for_a_body,
    answers_tell_of_a_drain, a_flood_of_requests_waits, heads_have_a_deadline,
    bodies_have_a_deadline, silent_connections_are_closed)
