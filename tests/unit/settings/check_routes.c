/* This file tests routes and other keys of HTTP listeners. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/ws.h>

#include "base/attr.h"
#include "base/mem.h"
#include "sample.h"
#include "support/suite.h"

static const char *
string_at(
    const struct sh_settings *s, struct sh_settings_group group, uint32_t i)
{
	ck_assert_uint_lt(i, group.count);
	return sh_settings_text(s, sh_settings_item(s, group, i)->text);
}

static const char *const example =
    "limits = { body_size = \"2M\"; message_size = \"3M\"; };\n"
    "listeners = (\n"
    "{ address = \"*:1\"; handler = \"tcp\"; },\n"
    "{ address = \"*:2\"; protocol = \"http\";\n"
    "  limits = { body_timeout = \"5s\"; header_count = 7;\n"
    "    send_queue = { when_full = \"drop_old\"; high = \"2M\"; }; };\n"
    "  gzip = { level = 3; };\n"
    "  routes = (\n"
    "    { path = \"/\"; handler = \"a\"; config = { x = 1; }; },\n"
    "    { path = \"/b/\"; exact = true; methods = \"GET\"; handler = \"b\";\n"
    "      host = \"*.example.org\"; limits = { body_size = \"off\";\n"
    "        send_queue = { when_full = \"pause\"; close_code = 4000; low = "
    "0;\n"
    "        stall_timeout = \"off\"; }; };\n"
    "      gzip = { level = \"off\"; min_size = 10; };\n"
    "      config = { y = \"z\"; };\n"
    "      websocket = { origins = [ \"*\" ]; compression = true;\n"
    "        subprotocols = ( \"v2\", \"v1\" ); fragments = \"off\";\n"
    "        message_size = \"1G\"; ping = \"off\"; control_rate = 5;\n"
    "        close_timeout = \"1s\"; }; }\n"
    "  ); },\n"
    "{ address = \"*:3\"; protocol = \"http\"; handler = \"c\";\n"
    "  limits = { body_size = \"4M\"; message_size = 5; };\n"
    "  gzip = { level = 9; }; config = { k = true; }; }\n"
    ");\n";

static void
check_first(const struct sh_settings *s, const struct sh_settings_route *r)
{
	ck_assert_str_eq(sh_settings_text(s, r->path), "/");
	ck_assert_str_eq(sh_settings_text(s, r->handler), "a");
	ck_assert_str_eq(sh_settings_text(s, r->origin), "t.conf:9");
	ck_assert_str_eq(sh_settings_text(s, r->host), "");
	ck_assert_int_eq(r->exact, 0);
	ck_assert_uint_eq(r->methods.count, 0);
	ck_assert_int_eq(sh_settings_item(s, r->config, 0)->number, 1);
	ck_assert_int_eq(r->limits.body_size, 2 * 1048576);
	ck_assert_int_eq(r->limits.body_timeout_ms, 5000);
	ck_assert_int_eq(r->limits.header_count, 7);
	ck_assert_int_eq(r->limits.header_size, 16384);
	ck_assert_int_eq(r->limits.header_timeout_ms, 10000);
	ck_assert_int_eq(r->limits.keepalive_timeout_ms, 75000);
	ck_assert_int_eq(r->queue.high, 2 * 1048576);
	ck_assert_int_eq(r->queue.low, 256 * 1024);
	ck_assert_int_eq(r->queue.when_full, SHOAL_FULL_DROP_OLD);
	ck_assert_int_eq(r->queue.close_code, 1013);
	ck_assert_int_eq(r->queue.stall_timeout_ms, 30000);
	ck_assert_int_eq(r->gzip.level, 3);
	ck_assert_int_eq(r->gzip.min_size, 1024);
	ck_assert_int_eq(r->websocket.message_size, 3 * 1048576);
	ck_assert_int_eq(r->websocket.ping_ms, 30000);
	ck_assert_int_eq(r->websocket.pong_timeout_ms, 10000);
	ck_assert_int_eq(r->websocket.compression, SHOAL_WS_COMPRESSION_OFF);
	ck_assert_uint_eq(r->websocket.origins.count, 0);
}

static void
check_second(const struct sh_settings *s, const struct sh_settings_route *r)
{
	ck_assert_str_eq(sh_settings_text(s, r->path), "/b/");
	ck_assert_str_eq(sh_settings_text(s, r->host), "*.example.org");
	ck_assert_int_eq(r->exact, 1);
	ck_assert_uint_eq(r->methods.count, 1);
	ck_assert_str_eq(string_at(s, r->methods, 0), "GET");
	ck_assert_int_eq(r->limits.body_size, SH_OFF);
	ck_assert_int_eq(r->limits.body_timeout_ms, 5000);
	ck_assert_int_eq(r->queue.high, 2 * 1048576);
	ck_assert_int_eq(r->queue.low, 0);
	ck_assert_int_eq(r->queue.when_full, SHOAL_FULL_PAUSE);
	ck_assert_int_eq(r->queue.close_code, 4000);
	ck_assert_int_eq(r->queue.stall_timeout_ms, SH_OFF);
	ck_assert_int_eq(r->gzip.level, 0);
	ck_assert_int_eq(r->gzip.min_size, 10);
	ck_assert_str_eq(string_at(s, r->websocket.origins, 0), "*");
	ck_assert_uint_eq(r->websocket.subprotocols.count, 2);
	ck_assert_str_eq(string_at(s, r->websocket.subprotocols, 0), "v2");
	ck_assert_str_eq(string_at(s, r->websocket.subprotocols, 1), "v1");
	ck_assert_int_eq(r->websocket.compression, SHOAL_WS_COMPRESSION_SHARED);
	ck_assert_int_eq(r->websocket.message_size, 1073741824);
	ck_assert_int_eq(r->websocket.fragments, SH_OFF);
	ck_assert_int_eq(r->websocket.ping_ms, SH_OFF);
	ck_assert_int_eq(r->websocket.control_rate, 5);
	ck_assert_int_eq(r->websocket.close_timeout_ms, 1000);
}

/* A handler in place of routes has all paths. */
static void
check_only(const struct sh_settings *s, const struct sh_settings_route *r)
{
	ck_assert_str_eq(sh_settings_text(s, r->path), "/");
	ck_assert_str_eq(sh_settings_text(s, r->handler), "c");
	ck_assert_str_eq(sh_settings_text(s, r->origin), "t.conf:21");
	ck_assert_int_eq(r->exact, 0);
	ck_assert_int_eq(r->limits.body_size, 4 * 1048576);
	ck_assert_int_eq(r->limits.body_timeout_ms, 60000);
	ck_assert_int_eq(r->gzip.level, 9);
	ck_assert_int_eq(r->websocket.message_size, 5);
	ck_assert_int_eq(r->websocket.fragments, 1024);
	ck_assert_uint_eq(r->config.count, 1);
}

START_TEST(routes_are_read)
{
	const struct sh_settings_listener *l;
	struct sh_settings_doc *doc;
	const struct sh_settings *s;

	sample_enter();
	doc = sample_load_text(example);
	s = sh_settings_doc_value(doc);
	l = sh_settings_listener(s, 0);
	ck_assert_int_eq(l->protocol, SH_PROTOCOL_TCP);
	ck_assert_uint_eq(l->route_count, 0);
	l = sh_settings_listener(s, 1);
	ck_assert_int_eq(l->protocol, SH_PROTOCOL_HTTP);
	ck_assert_uint_eq(l->route_count, 2);
	check_first(s, sh_settings_route(s, l, 0));
	check_second(s, sh_settings_route(s, l, 1));
	l = sh_settings_listener(s, 2);
	ck_assert_uint_eq(l->route_count, 1);
	check_only(s, sh_settings_route(s, l, 0));
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

/* What is dumped loads again to the same. */
START_TEST(routes_are_dumped)
{
	struct sh_settings_doc *doc, *again;
	char *first, *second, *origins, *json;

	sample_enter();
	doc = sample_load_text(example);
	first = sample_dump(doc, false, false);
	origins = sample_dump(doc, false, true);
	json = sample_dump(doc, true, false);
	again = sample_load_text(first);
	second = sample_dump(again, false, false);
	ck_assert_str_eq(first, second);
	ck_assert_ptr_nonnull(strstr(first, "exact = true;"));
	ck_assert_ptr_nonnull(strstr(first, "compression = \"shared\";"));
	ck_assert_ptr_nonnull(strstr(origins, "body_timeout = \"5s\"; "));
	ck_assert_ptr_nonnull(strstr(json, "\"origins\": ["));
	ck_assert_ptr_nonnull(strstr(json, "\"exact\": false"));
	free(first);
	free(second);
	free(origins);
	free(json);
	sh_settings_doc_free(&again);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(routes_are_overridden)
{
	static const char *const overrides[] = {
		"listeners[1].routes[1].exact=false",
		"listeners[1].routes[1].methods[0]=PUT",
		"listeners[1].routes[1].methods[1]=POST",
		"listeners[1].routes[1].websocket.origins=https://a",
		"listeners[1].routes[1].websocket.compression=takeover",
		"listeners[1].routes[1].config.y=yy",
		"listeners[1].routes[2].path=/new",
		"listeners[1].routes[2].handler=n",
		"listeners[1].limits.body_size=9",
		"listeners[1].gzip.level=1",
		NULL,
	};
	const struct sh_settings_route *r;
	struct sh_settings_doc *doc;
	const struct sh_settings *s;
	char *errors;

	sample_enter();
	sample_write("t.conf", example);
	doc = sample_load(overrides, &errors);
	/* one string alone is no list that could grow */
	ck_assert_str_eq(errors,
	    "-s: error: listeners[1].routes[1].methods[0]: [0] is for a list, "
	    "and this is none\n"
	    "-s: error: listeners[1].routes[1].methods[1]: [1] is for a list, "
	    "and this is none\n2 errors\n");
	free(errors);
	ck_assert_ptr_null(doc);
	doc = sample_load(overrides + 3, &errors);
	ck_assert_str_eq(errors, "");
	free(errors);
	s = sh_settings_doc_value(doc);
	r = sh_settings_route(s, sh_settings_listener(s, 1), 1);
	ck_assert_int_eq(r->exact, 1);
	ck_assert_str_eq(string_at(s, r->websocket.origins, 0), "https://a");
	ck_assert_uint_eq(r->websocket.origins.count, 1);
	ck_assert_int_eq(
	    r->websocket.compression, SHOAL_WS_COMPRESSION_TAKEOVER);
	ck_assert_str_eq(string_at(s, r->config, 0), "yy");
	r = sh_settings_route(s, sh_settings_listener(s, 1), 2);
	ck_assert_str_eq(sh_settings_text(s, r->path), "/new");
	ck_assert_str_eq(sh_settings_text(s, r->origin), "-s");
	ck_assert_int_eq(r->limits.body_size, 9);
	ck_assert_int_eq(r->gzip.level, 1);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(overrides_are_checked)
{
	static const struct {
		const char *override, *error;
	} cases[] = {
		{ "listeners[1].routes=1",
		    "'listeners[1].routes' is a list; set a key of an element: "
		    "listeners[1].routes[0].path" },
		{ "listeners[1].routes[0].pth=/",
		    "unknown key 'listeners[1].routes[0].pth'; did you mean "
		    "'listeners[1].routes[0].path'?" },
		{ "routes[0].path=/",
		    "unknown key 'routes[0].path'; `shoal config --keys' lists "
		    "them all" },
		{ "listeners[1].routes[0].websocket=1",
		    "'listeners[1].routes[0].websocket' is a group; set one of "
		    "its keys: origins, subprotocols, compression, "
		    "compression_min_size, "
		    "message_size, fragments, control_rate, ping, "
		    "pong_timeout, close_timeout" },
		{ "listeners[1].routes[0].config=1",
		    "'listeners[1].routes[0].config' is a group; set one key "
		    "in it: listeners[1].routes[0].config.KEY" },
		{ "listeners[1].routes[7].path=/",
		    "listeners[1].routes[7].path: the list has 2 elements; [2] "
		    "would add one" },
		{ "listeners[1].routes[0].methods[0].x=1",
		    "unknown key 'listeners[1].routes[0].methods[0].x'; did "
		    "you mean 'listeners[1].routes[0].methods'?" },
	};
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		const char *const overrides[] = { cases[i].override, NULL };
		char *errors = sample_errors(example, overrides);
		char *expected =
		    sh_xprintf("-s: error: %s\n1 error\n", cases[i].error);

		ck_assert_str_eq(errors, expected);
		free(expected);
		free(errors);
	}
	sample_leave();
}
END_TEST

#define HTTP(rest) \
	"listeners = ( { address = \"*:1\"; protocol = \"http\";\n" rest " } );"
#define ROUTE(rest) \
	HTTP("routes = ( { path = \"/\"; handler = \"a\";\n" rest " } );")

START_TEST(routes_are_checked)
{
	static const struct {
		const char *text, *errors;
	} cases[] = {
		{ HTTP(""),
		    "1:15: error: listeners[0].routes are missing: what "
		    "answers which requests (or a handler, for all)" },
		{ HTTP("handler = \"a\"; routes = ( { path = \"/\"; handler = "
		       "\"b\"; } );"),
		    "2:11: error: listeners[0].handler and routes exclude each "
		    "other: each route has a handler of its own" },
		{ HTTP("config = { x = 1; }; routes = ( { path = \"/\"; "
		       "handler = \"b\"; } );"),
		    "2:10: error: listeners[0].config is without a handler: "
		    "each route has its own" },
		{ ROUTE("limits = { send_queue = { high = \"1k\"; }; };"),
		    "3:34: error: listeners[0].routes[0].limits.send_queue: "
		    "low (262144 bytes) is above high (1024 bytes)" },
		{ ROUTE("limits = { send_queue = { close_code = 1006; }; };"),
		    "3:40: error: "
		    "listeners[0].routes[0].limits.send_queue.close_code = "
		    "1006 may not be sent; 1013 (try again later) and 1008 "
		    "(policy) suit, 4000..4999 are for applications" },
		{ ROUTE(
		      "limits = { send_queue = { when_full = \"wait\"; }; };"),
		    "3:39: error: "
		    "listeners[0].routes[0].limits.send_queue.when_full: "
		    "expected one of \"close\", \"drop_new\", \"drop_old\", "
		    "\"conflate\", \"pause\", got \"wait\"" },
		/* it is said once, where it stands */
		{ "limits = { send_queue = { close_code = 1005; }; };\n" ROUTE(
		      ""),
		    "1:40: error: limits.send_queue.close_code = 1005 may not "
		    "be sent; 1013 (try again later) and 1008 (policy) suit, "
		    "4000..4999 are for applications" },
		{ HTTP("routes = { };"),
		    "2:10: error: listeners[0].routes: expected a list of "
		    "groups ( { }, { } ), got a group { }" },
		{ HTTP("routes = ( 3 );"),
		    "2:12: error: listeners[0].routes[0]: expected a group { "
		    "}, got integer 3" },
		{ HTTP("routes = ( { handler = \"a\"; } );"),
		    "2:12: error: listeners[0].routes[0].path is missing: "
		    "\"/a\", or \"/a/\" with all that is below" },
		{ HTTP("routes = ( { path = \"/\"; } );"),
		    "2:12: error: listeners[0].routes[0].handler is missing: "
		    "what answers its requests" },
		{ HTTP("handler = \"a\"; framing = { type = \"raw\"; };"),
		    "2:35: error: listeners[0].framing.type needs protocol = "
		    "\"tcp\"" },
		{ "listeners = ( { address = \"*:1\"; handler = \"a\";\n"
		  "limits = { body_size = 1; }; } );",
		    "2:24: error: listeners[0].limits.body_size needs protocol "
		    "= \"http\"" },
		{ "listeners = ( { address = \"*:1\";\n"
		  "routes = ( { path = \"/\"; handler = \"a\"; } ); } );",
		    "1:15: error: listeners[0].routes need protocol = "
		    "\"http\"" },
		{ ROUTE("pth = 1;"),
		    "3:1: error: unknown key 'pth' in listeners[0].routes[0]; "
		    "did you mean 'path'?" },
		{ ROUTE("exact = \"yes\";"),
		    "3:9: error: listeners[0].routes[0].exact: expected one of "
		    "false, true, got \"yes\"" },
		{ ROUTE("exact = 1;"),
		    "3:9: error: listeners[0].routes[0].exact: expected one of "
		    "false, true, got integer 1" },
		{ ROUTE("methods = [ \"GET\", \"P UT\" ];"),
		    "3: error: listeners[0].routes[0].methods[1] \"P UT\" are "
		    "methods with commas between them, as in \"GET, POST\"" },
		{ ROUTE("methods = [ 1 ];"),
		    "3:13: error: listeners[0].routes[0].methods[0]: expected "
		    "a string, got integer 1" },
		{ ROUTE("methods = 1;"),
		    "3:11: error: listeners[0].routes[0].methods: expected a "
		    "list of strings, got integer 1" },
		{ ROUTE("host = \"a:80\";"),
		    "3:8: error: listeners[0].routes[0].host \"a:80\" has a "
		    "':' in it: it is a host without a port, and an IPv6 "
		    "address stands in brackets" },
		{ HTTP("routes = ( { path = \"a\"; handler = \"a\"; } );"),
		    "2:21: error: listeners[0].routes[0].path \"a\" does not "
		    "begin with '/'" },
		{ ROUTE("gzip = { level = 10; };"),
		    "3:18: error: listeners[0].routes[0].gzip.level = 10 is "
		    "out of range 1..9" },
		{ ROUTE("websocket = { origins = \"example.org\"; };"),
		    "3: error: listeners[0].routes[0].websocket.origins[0] "
		    "\"example.org\" is no origin, as "
		    "\"https://example.org\", \"https://*.example.org\" or "
		    "\"*\"" },
		{ ROUTE("websocket = { subprotocols = [ \"a b\" ]; };"),
		    "3: error: listeners[0].routes[0].websocket.subprotocols"
		    "[0] \"a b\" is no token: letters, digits and "
		    "!#$%&'*+-.^_`|~" },
		{ ROUTE("websocket = { ping = \"off\"; pong_timeout = "
			"\"1s\"; };"),
		    "3:44: error: listeners[0].routes[0].websocket."
		    "pong_timeout is nothing without websocket.ping, which is "
		    "\"off\"" },
		{ ROUTE("websocket = { compression = \"yes\"; };"),
		    "3:29: error: listeners[0].routes[0].websocket."
		    "compression: expected one of \"off\", \"shared\", "
		    "\"takeover\", false, true, got \"yes\"" },
		{ ROUTE("limits = { header_size = 1; };"),
		    "3:12: error: unknown key 'header_size' in "
		    "listeners[0].routes[0].limits; known here: body_timeout, "
		    "body_size, send_queue" },
		{ ROUTE("}, { path = \"/\"; handler = \"b\";"),
		    "3:13: error: listeners[0].routes[1].path \"/\" has a "
		    "route already, for the same host and method, at "
		    "t.conf:2" },
		{ ROUTE("methods = \"GET, PUT\"; }, { path = \"/\"; handler = "
			"\"b\"; methods = [ \"POST\", \"PUT\" ];"),
		    "3:35: error: listeners[0].routes[1].path \"/\" has a "
		    "route already, for the same host and method, at "
		    "t.conf:2" },
	};
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		char *errors = sample_errors(cases[i].text, NULL);
		char *expected =
		    sh_xprintf("t.conf:%s\n1 error\n", cases[i].errors);

		ck_assert_str_eq(errors, expected);
		free(expected);
		free(errors);
	}
	sample_leave();
}
END_TEST

/* What may stand side by side. */
START_TEST(routes_differ)
{
	static const char *const texts[] = {
		ROUTE("}, { path = \"/\"; exact = true; handler = \"b\";"),
		ROUTE("}, { path = \"/\"; host = \"a\"; handler = \"b\";"),
		ROUTE("}, { path = \"/\"; methods = \"PUT\"; handler = \"b\";"),
		ROUTE("methods = \"GET\"; }, { path = \"/\"; methods = "
		      "\"PUT\"; handler = \"b\";"),
		ROUTE("websocket = { ping = \"off\"; pong_timeout = \"10s\"; "
		      "};"),
		HTTP("handler = \"\"; config = { }; routes = ( { path = \"*\"; "
		     "handler = \"a\"; } );"),
	};
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(texts); i++) {
		struct sh_settings_doc *doc = sample_load_text(texts[i]);

		sh_settings_doc_free(&doc);
	}
	sample_leave();
}
END_TEST

SH_SUITE("settings/routes", routes_are_read, routes_are_dumped,
    routes_are_overridden, overrides_are_checked, routes_are_checked,
    routes_differ)
