/* This file tests requests and whole answers: session/http*.c. */
#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "http_rig.h"

static struct http_rig http;

static void
hello(struct shoal_request *req, void *arg)
{
	shoal_response_send(req, "hello\n", 6);
}

/* Tells what it has got. */
static void
tell(struct shoal_request *req, void *arg)
{
	const void *body = "";
	ssize_t len = shoal_co_request_body(req, &body, SHOAL_FOREVER);

	shoal_response_header(req, "Content-Type", NULL);
	shoal_response_printf(req, "%s %s %s %s %s %s %zd %.*s",
	    shoal_request_method(req), shoal_request_target(req),
	    shoal_request_path(req), shoal_request_query(req),
	    shoal_request_host(req), shoal_request_rest(req), len,
	    len > 0 ? (int)len : 0, (const char *)body);
}

static void
nothing(struct shoal_request *req, void *arg)
{
}

static void
set_up(void)
{
	memset(&http, 0, sizeof(http));
	http.routes[0] = (struct sh_route){ .path = "/", .fn = hello };
	http.routes[1] = (struct sh_route){ .path = "/tell/", .fn = tell };
	http.routes[2] =
	    (struct sh_route){ .path = "/get", .fn = hello, .methods = "GET" };
	http.routes[3] = (struct sh_route){ .path = "/nothing", .fn = nothing };
	http_rig_open(&http);
}

static void
tear_down(void)
{
	http_rig_close(&http);
}

struct exchange {
	const char *request, *answer;
	bool ends;
};

static const struct exchange exchanges[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_RIG_OK(6, "hello\n") },
	{ "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
	    HTTP_RIG_OK(6, "hello\n") },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n",
	    HTTP_RIG_OK(6, "hello\n") HTTP_RIG_OK(6, "hello\n") },
	{ "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_RIG_OK(6, "") },
	{ "GET /tell/x%20y?a=%31 HTTP/1.1\r\nHost: a:1\r\n\r\n",
	    HTTP_RIG_OK(
		48, "GET /tell/x%20y?a=%31 /tell/x y a=%31 a:1 x y 0 ") },
	{ "POST /tell/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
	    HTTP_RIG_OK(28, "POST /tell/ /tell/  a  3 abc") },
	{ "POST /tell/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
	  "\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nT: u\r\n\r\n",
	    HTTP_RIG_OK(28, "POST /tell/ /tell/  a  3 abc") },
	/* a body that nobody asks for */
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
	  "GET / HTTP/1.1\r\nHost: b\r\n\r\n",
	    HTTP_RIG_OK(6, "hello\n") HTTP_RIG_OK(6, "hello\n") },
	/* a client may take these for other hosts */
	{ "GET //../tell HTTP/1.1\r\nHost: a\r\n\r\n",
	    HTTP_RIG_PAGE("404 Not Found", 14,
		"Content-Type: text/plain; charset=utf-8\r\n") },
	{ "GET /\\example.org/../tell HTTP/1.1\r\nHost: a\r\n\r\n",
	    HTTP_RIG_PAGE("404 Not Found", 14,
		"Content-Type: text/plain; charset=utf-8\r\n") },
	{ "GET /tell HTTP/1.1\r\nHost: a\r\n\r\n",
	    HTTP_RIG_PAGE("308 Permanent Redirect", 23,
		"Location: /tell/\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n") },
	{ "POST /get HTTP/1.1\r\nHost: a\r\n\r\n",
	    HTTP_RIG_PAGE("405 Method Not Allowed", 23,
		"Allow: GET, HEAD, OPTIONS\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n") },
	{ "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n",
	    HTTP_RIG_PAGE("500 Internal Server Error", 26,
		"Content-Type: text/plain; charset=utf-8\r\n") },
	{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE
	    "Content-Length: 6\r\nContent-Type: text/html; charset=utf-8\r\n"
	    "Connection: close\r\n\r\nhello\n",
	    true },
	{ "GET / HTTP/1.0\r\n\r\n",
	    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE
	    "Content-Length: 6\r\nContent-Type: text/html; charset=utf-8\r\n"
	    "Connection: close\r\n\r\nhello\n",
	    true },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	    "HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE
	    "Content-Length: 6\r\nContent-Type: text/html; charset=utf-8\r\n"
	    "Connection: keep-alive\r\n\r\nhello\n" },
	{ "GET / HTTP/1.1\r\n\r\n",
	    HTTP_RIG_PAGE("400 Bad Request", 16,
		"Connection: close\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"),
	    true },
};

static void
check_end(const struct exchange *exchange)
{
	if (exchange->ends)
		http_rig_expect_end(&http, exchange->answer);
	else
		http_rig_expect(&http, exchange->answer);
}

/* All of it at once, and the next one on the same connection. */
static void
exchange_whole(const struct exchange *exchange)
{
	http_rig_send(&http, exchange->request);
	check_end(exchange);
	if (exchange->ends)
		return;
	http.len = 0;
	http_rig_send(&http, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	http_rig_expect(&http, HTTP_RIG_OK(6, "hello\n"));
}

static void
exchange_bytes(const struct exchange *exchange)
{
	size_t i;

	for (i = 0; i < strlen(exchange->request); i++) {
		rig_write(http.fd, exchange->request + i, 1);
		RIG_TURNS(&http.rig, 1);
	}
	check_end(exchange);
}

static void
exchange_halves(const struct exchange *exchange)
{
	size_t i, len = strlen(exchange->request);

	for (i = 1; i < len; i++) {
		rig_write(http.fd, exchange->request, i);
		RIG_TURNS(&http.rig, 1);
		rig_write(http.fd, exchange->request + i, len - i);
		check_end(exchange);
		http_rig_connect(&http);
	}
}

static void
for_all(void (*fn)(const struct exchange *exchange))
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(exchanges); i++) {
		set_up();
		fn(&exchanges[i]);
		tear_down();
	}
}

START_TEST(requests_are_answered)
{
	for_all(exchange_whole);
}
END_TEST

START_TEST(bytes_may_come_one_by_one)
{
	for_all(exchange_bytes);
}
END_TEST

START_TEST(bytes_may_come_in_two_parts)
{
	for_all(exchange_halves);
}
END_TEST

SH_SUITE("session/http", requests_are_answered, bytes_may_come_one_by_one,
    bytes_may_come_in_two_parts)
