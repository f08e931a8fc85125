/*
 * This file tests what a handler learns of its request (api/api_request.c), and
 * the request that is given away (session/http_request.c).
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shoal/co.h>

#include "base/attr.h"
#include "http_rig.h"
#include "session/http.h"

static struct http_rig http;
static char told[4096];

static void
tell(const char *text)
{
	size_t len = strlen(told);

	if (text == NULL)
		text = "-";
	if (len + strlen(text) + 2 < sizeof(told)) {
		strcpy(told + len, text);
		strcat(told, "|");
	}
}

static void
tell_params(struct shoal_request *req)
{
	char text[64];
	const char *name, *value;
	size_t i;

	for (i = 0; (name = shoal_request_param_at(req, i, &value)) != NULL;
	     i++) {
		snprintf(text, sizeof(text), "%s=%s", name, value);
		tell(text);
	}
	ck_assert_uint_eq(i, shoal_request_param_count(req));
}

static void
tell_all(struct shoal_request *req, void *arg)
{
	const char *const *names = arg;

	for (; *names != NULL; names++)
		switch (**names) {
		case 'h': tell(shoal_request_header(req, *names + 1)); break;
		case 'P': tell_params(req); break;
		case 'p': tell(shoal_request_param(req, *names + 1)); break;
		case 'c': tell(shoal_request_cookie(req, *names + 1)); break;
		case 't': tell(shoal_request_trailer(req, *names + 1)); break;
		default: ck_abort();
		}
	shoal_response_send(req, NULL, 0);
}

static void
ask(struct shoal_request *req, void *arg)
{
	tell_all(req, arg);
}

static void
ask_after_body(struct shoal_request *req, void *arg)
{
	const void *data;

	tell(shoal_request_trailer(req, "sum"));
	(void)shoal_co_request_body(req, &data, SHOAL_FOREVER);
	tell_all(req, arg);
}

static void
tell_line(struct shoal_request *req, void *arg)
{
	char addr[SHOAL_ADDRESS_MAX];
	const char *value, *name;
	size_t i;

	tell(shoal_request_method(req));
	tell(shoal_request_target(req));
	tell(shoal_request_path(req));
	tell(shoal_request_query(req));
	tell(shoal_request_host(req));
	tell(shoal_request_version(req));
	tell(shoal_request_route(req));
	tell(shoal_request_rest(req));
	tell(shoal_request_listener(req));
	for (i = 0; i < shoal_request_header_count(req); i++) {
		name = shoal_request_header_at(req, i, &value);
		tell(name);
		tell(value);
	}
	ck_assert_ptr_null(shoal_request_header_at(req, i, &value));
	ck_assert_ptr_nonnull(
	    strstr(shoal_request_peer(req, addr, sizeof(addr)), "127.0.0.1:"));
	ck_assert_ptr_nonnull(
	    strstr(shoal_request_local(req, addr, sizeof(addr)), "127.0.0.1:"));
	ck_assert_ptr_null(shoal_request_data(req));
	shoal_request_set_data(req, told);
	ck_assert_ptr_eq(shoal_request_data(req), told);
	shoal_response_send(req, NULL, 0);
}

static void
exchange(shoal_request_fn *fn, const char *const *names, const char *request)
{
	memset(&http, 0, sizeof(http));
	told[0] = '\0';
	http.routes[0] = (struct sh_route){
		.path = "/a/", .fn = fn, .arg = (void *)(uintptr_t)names
	};
	http.routes[1] = (struct sh_route){ .path = "*",
		.fn = fn,
		.arg = (void *)(uintptr_t)names,
		.methods = "CONNECT" };
	http_rig_open(&http);
	http_rig_send(&http, request);
	RIG_UNTIL(&http.rig, (http_rig_has(&http, ""), http.len != 0));
	http_rig_close(&http);
}

START_TEST(lines)
{
	exchange(tell_line, NULL,
	    "GET /a/%62/../c%20d?x=%20&y HTTP/1.1\r\nHost: EXAMPLE:80\r\n"
	    "Empty:\r\nBlank:  a b \t\r\n\r\n");
	ck_assert_str_eq(told,
	    "GET|/a/%62/../c%20d?x=%20&y|/a/c d|x=%20&y|EXAMPLE:80|HTTP/1.1|"
	    "/a/|c d|main|Host|EXAMPLE:80|Empty||Blank|a b|");
	exchange(tell_line, NULL,
	    "POST http://one/a/b?c HTTP/1.1\r\nHost: two\r\n\r\n");
	ck_assert_str_eq(told,
	    "POST|http://one/a/b?c|/a/b|c|one|HTTP/1.1|/a/|b|main|Host|two|");
	exchange(tell_line, NULL, "GET /a/ HTTP/1.0\r\n\r\n");
	ck_assert_str_eq(told, "GET|/a/|/a/|||HTTP/1.0|/a/||main|");
	exchange(tell_line, NULL, "CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n");
	ck_assert_str_eq(told, "CONNECT|b:1|*||b:1|HTTP/1.1|*||main|Host|b:1|");
}
END_TEST

START_TEST(fields)
{
	static const char *const names[] = { "hone", "hONE", "htwo", "hno",
		"hcookie", "htwo", NULL };

	exchange(ask, names,
	    "GET /a/ HTTP/1.1\r\nHost: a\r\nOne: 1\r\nTwo: 1\r\ntwo:2\r\n"
	    "Cookie: a=b\r\nTWO:\r\nCookie: c=d\r\n\r\n");
	ck_assert_str_eq(told, "1|1|1, 2, |-|a=b; c=d|1, 2, |");
}
END_TEST

START_TEST(params)
{
	static const char *const names[] = { "pa", "pb c", "pd", "pe",
		"p\xc3\xa4", "pa", "p", NULL };

	exchange(ask, names,
	    "GET /a/?a=1&a=2&b+c=%41+%zz&d&&%C3%A4=%3d HTTP/1.1\r\n"
	    "Host: a\r\n\r\n");
	ck_assert_str_eq(told, "1|A %zz||-|=|1|-|");
}
END_TEST

START_TEST(all_params)
{
	static const char *const names[] = { "P", "pa", "P", NULL };
	static const char *const none[] = { "P", NULL };

	exchange(ask, names,
	    "GET /a/?a=1&a=%32&&b+c&=x&%C3%A4=%3d HTTP/1.1\r\n"
	    "Host: a\r\n\r\n");
	ck_assert_str_eq(
	    told, "a=1|a=2|b c=|=x|\xc3\xa4==|1|a=1|a=2|b c=|=x|\xc3\xa4==|");
	exchange(ask, none, "GET /a/?& HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(cookies)
{
	static const char *const names[] = { "ca", "cB", "cb", "cq", "ce",
		NULL };

	exchange(ask, names,
	    "GET /a/ HTTP/1.1\r\nHost: a\r\n"
	    "Cookie: a=%31; a=2; b=x=y; q=\"1 2\"; e=\r\n\r\n");
	ck_assert_str_eq(told, "1|-|x=y|1 2||");
}
END_TEST

START_TEST(trailers)
{
	static const char *const names[] = { "tsum", "tSUM", "tother", "tno",
		NULL };

	exchange(ask_after_body, names,
	    "POST /a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
	    "\r\n1\r\na\r\n0\r\nSum:  12 \r\nOther:\r\nSum: 13\r\n\r\n");
	ck_assert_str_eq(told, "-|12|12||-|");
}
END_TEST

/* More than what lies on the stack. */
START_TEST(long_heads)
{
	static const char *const names[] = { "hlast", "pq", NULL };
	static char request[16 * 1024];
	int i;

	strcpy(request, "GET /a/?q=end HTTP/1.1\r\nHost: a\r\n");
	for (i = 0; i < 90; i++)
		strcat(request,
		    "X-Name: 0123456789012345678901234567890123456789\r\n");
	strcat(request, "Last: 1\r\n\r\n");
	exchange(ask, names, request);
	ck_assert_str_eq(told, "1|end|");
}
END_TEST

static void
check_status(const char *request, const char *status)
{
	exchange(tell_line, NULL, request);
	ck_assert_msg(strncmp(http.text + 9, status, 3) == 0,
	    "not %s for %.60s: %.20s", status, request, http.text);
}

START_TEST(methods_and_limits)
{
	static char request[32 * 1024];
	int i;

	check_status("TRACE /a/ HTTP/1.1\r\nHost: a\r\n\r\n", "405");
	check_status("GET /b HTTP/1.1\r\nHost: a\r\n\r\n", "404");
	check_status("OPTIONS /b HTTP/1.1\r\nHost: a\r\n\r\n", "404");
	check_status("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "204");
	check_status("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", "204");
	check_status("OPTIONS /a/ HTTP/1.1\r\nHost: a\r\n\r\n", "200");
	check_status("GET /a/%00 HTTP/1.1\r\nHost: a\r\n\r\n", "400");
	check_status("GET /a/%2Fb HTTP/1.1\r\nHost: a\r\n\r\n", "400");
	check_status("GET /a/ HTTP/2.0\r\nHost: a\r\n\r\n", "505");
	check_status("GET /a/ HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", "417");
	check_status("GET /a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, "
		     "chunked\r\n\r\n",
	    "501");
	strcpy(request, "GET /a/ HTTP/1.1\r\nHost: a\r\n");
	for (i = 0; i < 100; i++)
		strcat(request, "A: b\r\n");
	strcat(request, "\r\n");
	check_status(request, "431");
	strcpy(request, "GET /a/");
	memset(request + 7, 'x', 17000);
	strcpy(request + 17007, " HTTP/1.1\r\nHost: a\r\n\r\n");
	check_status(request, "414");
}
END_TEST

/* --- a request that is given away ------------------------------------------ */

struct taker {
	struct sh_http_session session;
	bool has_returned, waits;
	struct sh_buf bytes;
	struct sh_conn *conn;
	int closes;
};

static struct taker taker;

static void
taker_received(struct sh_conn *conn, const void *data, size_t len)
{
	ck_assert_ptr_eq(sh_conn_session(conn), &taker);
	sh_buf_add(&taker.bytes, data, len);
	sh_conn_send(conn, data, len);
}

static void
taker_closed(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
	taker.closes++;
}

static const struct sh_conn_ops taker_ops = {
	.received = taker_received,
	.closed = taker_closed,
};

static void
taker_returned(struct shoal_ws *ws)
{
	ck_assert_ptr_eq(ws, &taker);
	taker.has_returned = true;
	sh_conn_unstall(taker.conn);
	sh_conn_release_hold(taker.conn);
}

static int switched[3];

static void
switch_over(struct shoal_request *req, void *arg)
{
	struct sh_buf rest;

	sh_buf_init(&rest, SIZE_MAX);
	taker.session.ops = &taker_ops;
	taker.conn = sh_request_conn(req);
	if (taker.waits)
		shoal_co_sleep(20);
	shoal_response_header(req, "Sec-WebSocket-Accept", "x");
	switched[0] = sh_request_switch(req, &taker.session,
	    (struct shoal_ws *)(void *)&taker, taker_returned, &rest);
	switched[1] = sh_request_switch(req, &taker.session,
	    (struct shoal_ws *)(void *)&taker, taker_returned, &rest);
	switched[2] = shoal_response_send(req, "x", 1);
	ck_assert(!taker.has_returned);
	sh_buf_add(&taker.bytes, rest.data, rest.len);
	if (rest.len != 0)
		sh_conn_send(taker.conn, rest.data, rest.len);
	sh_buf_fini(&rest);
	/* it stays good */
	ck_assert_str_eq(shoal_request_path(req), "/");
	ck_assert_str_eq(shoal_request_header(req, "a"), "b");
}

#define SWITCHED                                        \
	"HTTP/1.1 101 Switching Protocols\r\n"          \
	"Upgrade: websocket\r\nConnection: Upgrade\r\n" \
	"Sec-WebSocket-Accept: x\r\n\r\n"

static void
give_away(bool waits)
{
	memset(&http, 0, sizeof(http));
	memset(&taker, 0, sizeof(taker));
	taker.waits = waits;
	sh_buf_init(&taker.bytes, SIZE_MAX);
	http.routes[0] = (struct sh_route){ .path = "/", .fn = switch_over };
	http_rig_open(&http);
	http_rig_send(&http, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\nmore");
	http_rig_expect(&http, SWITCHED "more");
	ck_assert(taker.has_returned);
	ck_assert_int_eq(switched[0], 0);
	ck_assert_int_eq(switched[1], -SHOAL_ESTATE);
	ck_assert_int_eq(switched[2], -SHOAL_ESTATE);
	http_rig_send(&http, " and GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	http_rig_expect(
	    &http, SWITCHED "more and GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	http_rig_close(&http);
	ck_assert_int_eq(taker.closes, 1);
	sh_buf_fini(&taker.bytes);
}

START_TEST(a_request_may_be_given_away)
{
	give_away(false);
}
END_TEST

START_TEST(a_request_may_be_given_away_later)
{
	give_away(true);
}
END_TEST

SH_SUITE("session/http_request", lines, fields, params, all_params, cookies,
    trailers, long_heads, methods_and_limits, a_request_may_be_given_away,
    a_request_may_be_given_away_later)
