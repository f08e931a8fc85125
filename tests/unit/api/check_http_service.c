/* This file tests services with routes, through the public functions only. */
#include "config.h"

#include <string.h>

#include <shoal/response.h>
#include <shoal/route.h>
#include <shoal/service.h>
#include <shoal/sock.h>
#include <shoal/timer.h>

#include "support/suite.h"
#include "unit/sync/notes.h"

enum { PATIENCE_MS = 10000 };

static struct shoal_service *service;

static const char *
sent(int r)
{
	return r == -SHOAL_ENOTCONN ? "unconnected" : named(r);
}

static void
hello(struct shoal_request *req, void *arg)
{
	shoal_response_printf(
	    req, "%s %s", (const char *)arg, shoal_request_rest(req));
}

static void
sleep_long(struct shoal_request *req, void *arg)
{
	note("asleep");
	note("%s", named(shoal_co_sleep(PATIENCE_MS)));
	note("%s", sent(shoal_response_send(req, "x", 1)));
}

static void
answer(void *arg)
{
	note("answered %s", sent(shoal_response_send(arg, "later", 5)));
}

static void
answer_later(struct shoal_request *req, void *arg)
{
	note("detached %s", named(shoal_request_detach(req)));
	shoal_timer_after(20, answer, req);
}

static void
stay(struct shoal_request *req, void *arg)
{
	*(struct shoal_request **)arg = req;
	note("detached %s", named(shoal_request_detach(req)));
}

static struct shoal_request *stayed;

static int
open_service(void)
{
	static char word[] = "hello";
	char path[] = "/hello/";
	const struct shoal_route routes[] = {
		{ .size = sizeof(*routes),
		    .path = path,
		    .fn = hello,
		    .arg = word },
		{ .size = sizeof(*routes), .path = "/sleep", .fn = sleep_long },
		{ .size = sizeof(*routes),
		    .path = "/later",
		    .fn = answer_later },
		{ .size = sizeof(*routes),
		    .path = "/stay",
		    .fn = stay,
		    .arg = &stayed },
	};
	const struct shoal_service_options options = {
		.size = sizeof(options),
		.address = "127.0.0.1:0",
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
	};
	int r = shoal_service_open(&options, &service);

	/* they have been copied */
	memset(path, 'x', sizeof(path) - 1);
	return r;
}

/* Send a request, and note the last line of the answer. */
static struct shoal_sock *
ask(const char *path)
{
	char address[SHOAL_ADDRESS_MAX], text[256];
	struct shoal_sock *sock = NULL;
	int len;

	shoal_service_address(service, address, sizeof(address));
	if (shoal_co_sock_connect(address, NULL, PATIENCE_MS, &sock) < 0)
		return NULL;
	len = snprintf(text, sizeof(text),
	    "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
	shoal_co_sock_send(sock, text, (size_t)len, PATIENCE_MS);
	return sock;
}

static void
note_answer(struct shoal_sock **sock)
{
	char text[1024], *body;
	size_t len = 0;
	ssize_t n;

	while ((n = shoal_co_sock_recv(*sock, text + len,
		    sizeof(text) - 1 - len, PATIENCE_MS)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	body = strstr(text, "\r\n\r\n");
	note("%.3s [%s]", len > 12 ? text + 9 : "---",
	    body != NULL ? body + 4 : "");
	shoal_sock_close(sock);
}

static void
run_routes(void *arg)
{
	struct shoal_sock *sock;

	note("%s", named(open_service()));
	sock = ask("/hello/you");
	note_answer(&sock);
	sock = ask("/later");
	note_answer(&sock);
	shoal_co_service_free(&service);
}

START_TEST(routes_are_served)
{
	notes[0] = '\0';
	ck_assert_int_eq(shoal_run(run_routes, NULL), 0);
	ck_assert_str_eq(
	    notes, "ok 200 [hello you] detached ok answered ok 200 [later]");
}
END_TEST

static void
run_free(void *arg)
{
	struct shoal_sock *sock;

	note("%s", named(open_service()));
	sock = ask("/sleep");
	while (strstr(notes, "asleep") == NULL)
		shoal_co_sleep(1);
	shoal_co_service_free(&service);
	note("freed");
	shoal_sock_close(&sock);
}

START_TEST(a_service_is_freed_while_handlers_wait)
{
	notes[0] = '\0';
	ck_assert_int_eq(shoal_run(run_free, NULL), 0);
	ck_assert_str_eq(notes, "ok asleep canceled unconnected freed");
}
END_TEST

static void
answer_stayed(void *arg)
{
	note("%s", sent(shoal_response_send(stayed, "x", 1)));
}

static void
run_free_detached(void *arg)
{
	struct shoal_sock *sock;

	note("%s", named(open_service()));
	sock = ask("/stay");
	while (strstr(notes, "detached") == NULL)
		shoal_co_sleep(1);
	/* it stays until it is answered */
	shoal_timer_after(20, answer_stayed, NULL);
	shoal_co_service_free(&service);
	note("freed");
	shoal_sock_close(&sock);
}

START_TEST(a_service_is_freed_when_detached_requests_are_answered)
{
	notes[0] = '\0';
	ck_assert_int_eq(shoal_run(run_free_detached, NULL), 0);
	ck_assert_str_eq(notes, "ok detached ok unconnected freed");
}
END_TEST

static void
ignore(struct shoal_conn *conn, void *arg)
{
}

static void
try_routes(const struct shoal_route *route, size_t count, shoal_serve_fn *serve)
{
	const struct shoal_service_options options = {
		.size = sizeof(options),
		.address = "127.0.0.1:0",
		.serve = serve,
		.routes = route,
		.route_count = count,
	};
	int r = shoal_service_open(&options, &service);

	note("%s", named(r));
	if (r == 0)
		shoal_co_service_free(&service);
}

static void
run_wrong(void *arg)
{
	struct shoal_route route = {
		.size = sizeof(route), .path = "/", .fn = hello
	};

	try_routes(&route, 1, NULL);
	try_routes(&route, 1, ignore);
	try_routes(&route, 0, NULL);
	try_routes(NULL, 1, NULL);
	route.path = "a";
	try_routes(&route, 1, NULL);
	route.path = "/";
	route.limits.body_size = -2;
	try_routes(&route, 1, NULL);
}

START_TEST(wrong_routes_are_refused)
{
	notes[0] = '\0';
	ck_assert_int_eq(shoal_run(run_wrong, NULL), 0);
	ck_assert_str_eq(notes, "ok invalid invalid invalid invalid invalid");
}
END_TEST

SH_SUITE("api/http_service", routes_are_served,
    a_service_is_freed_while_handlers_wait,
    a_service_is_freed_when_detached_requests_are_answered,
    wrong_routes_are_refused)
