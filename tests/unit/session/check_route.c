/* This file tests session/route.c, route_table.c and route_values.c. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "session/route.h"
#include "support/suite.h"

/* Routes are told apart by their handler. */
static struct sh_route
route(const char *name, const char *path, const char *methods, const char *host)
{
	return (struct sh_route){
		.handler = name,
		.path = path,
		.methods = methods,
		.host = host,
	};
}

static struct sh_route_match
ask(const struct sh_routes *table, const char *method, const char *host,
    const char *path)
{
	const struct sh_route_query query = {
		.method = method,
		.method_len = strlen(method),
		.host = host,
		.host_len = strlen(host),
		.path = path,
		.path_len = strlen(path),
	};
	struct sh_route_match match;

	memset(&match, 0xa5, sizeof(match));
	sh_routes_find(table, &query, &match);
	ck_assert_int_eq(match.route == NULL, match.status != 0);
	return match;
}

/* The name of what is found, or its status. */
static const char *
find(const struct sh_routes *table, const char *method, const char *host,
    const char *path)
{
	static char text[16];
	struct sh_route_match match = ask(table, method, host, path);

	if (match.route != NULL)
		return match.route->handler;
	snprintf(text, sizeof(text), "%d", match.status);
	return text;
}

/* The same routes the other way round have to give the same. */
static struct sh_routes *
build(const struct sh_route *routes, size_t count, bool reverse)
{
	struct sh_route list[32];
	struct sh_routes *table;
	size_t i;

	ck_assert_uint_le(count, SH_ARRAY_LEN(list));
	for (i = 0; i < count; i++)
		list[i] = routes[reverse ? count - 1 - i : i];
	table = sh_routes_new(list, count);
	memset(list, 0xa5, sizeof(list));
	ck_assert_ptr_nonnull(table);
	return table;
}

struct question {
	const char *method, *host, *path, *answer;
};

static void
examine(const struct sh_route *routes, size_t count,
    const struct question *questions, size_t n)
{
	int reverse;
	size_t i;

	for (reverse = 0; reverse < 2; reverse++) {
		struct sh_routes *table = build(routes, count, reverse != 0);

		for (i = 0; i < n; i++) {
			const struct question *q = &questions[i];
			const char *answer =
			    find(table, q->method, q->host, q->path);

			ck_assert_msg(strcmp(answer, q->answer) == 0,
			    "%s %s %s: %s, not %s", q->method, q->host, q->path,
			    answer, q->answer);
		}
		sh_routes_free(&table);
		ck_assert_ptr_null(table);
	}
}

START_TEST(test_paths)
{
	struct sh_route routes[] = {
		route("root", "/", NULL, NULL),
		route("a", "/a", NULL, NULL),
		route("a/", "/a/", NULL, NULL),
		route("a/b/", "/a/b/", NULL, NULL),
		route("a/b/c", "/a/b/c", NULL, NULL),
		route("ab", "/ab", NULL, NULL),
		route("x/y/", "/x/y/", NULL, NULL),
		route("e/", "/e/", NULL, NULL),
		route("e/ only", "/e/", NULL, NULL),
		route("only", "/only/", NULL, NULL),
		route("star", "*", NULL, NULL),
		route("umlaut", "/\xc3\xa4 b", NULL, NULL),
	};
	static const struct question questions[] = {
		{ "GET", "", "/", "root" },
		{ "GET", "", "/nothing", "root" },
		{ "GET", "", "/a", "a" },
		{ "GET", "", "/a/", "a/" },
		{ "GET", "", "/a/x", "a/" },
		{ "GET", "", "/a/b", "308" },
		{ "GET", "", "/a/b/", "a/b/" },
		{ "GET", "", "/a/b/c", "a/b/c" },
		{ "GET", "", "/a/b/c/", "a/b/" },
		{ "GET", "", "/a/b/cc", "a/b/" },
		{ "GET", "", "/a/bb", "a/" },
		{ "GET", "", "/a!", "root" },
		{ "GET", "", "/a0", "root" },
		{ "GET", "", "/ab", "ab" },
		{ "GET", "", "/ab/", "root" },
		{ "GET", "", "/abc", "root" },
		{ "GET", "", "/A", "root" },
		{ "GET", "", "/x", "root" },
		{ "GET", "", "/x/y", "308" },
		{ "POST", "", "/x/y", "308" },
		{ "GET", "", "/x/y/z/z/z", "x/y/" },
		{ "GET", "", "/e/", "e/ only" },
		{ "GET", "", "/e/e", "e/" },
		{ "GET", "", "/e", "308" },
		{ "GET", "", "/only/", "only" },
		{ "GET", "", "/only", "root" },
		{ "GET", "", "/only/x", "root" },
		{ "OPTIONS", "", "*", "star" },
		{ "GET", "", "/\xc3\xa4 b", "umlaut" },
		{ "GET", "", "/\xff", "root" },
	};

	routes[8].exact = true;
	routes[9].exact = true;
	examine(
	    routes, SH_ARRAY_LEN(routes), questions, SH_ARRAY_LEN(questions));
}
END_TEST

START_TEST(test_nothing_fits)
{
	const struct sh_route routes[] = {
		route("a", "/a", NULL, NULL),
		route("b/c/", "/b/c/", NULL, NULL),
	};
	static const struct question questions[] = {
		{ "GET", "", "/", "404" },
		{ "GET", "", "/a/", "404" },
		{ "GET", "", "/a", "a" },
		{ "GET", "", "/b", "404" },
		{ "GET", "", "/b/", "404" },
		{ "GET", "", "/b/c", "308" },
		{ "GET", "", "/b/d", "404" },
		{ "GET", "", "/z", "404" },
		{ "OPTIONS", "", "*", "404" },
	};
	struct sh_routes *none = sh_routes_new(NULL, 0);

	examine(
	    routes, SH_ARRAY_LEN(routes), questions, SH_ARRAY_LEN(questions));
	ck_assert_str_eq(find(none, "GET", "a", "/"), "404");
	sh_routes_free(&none);
	sh_routes_free(&none);
}
END_TEST

START_TEST(test_methods)
{
	const struct sh_route routes[] = {
		route("get", "/a", "GET", NULL),
		route("post", "/a", "POST,PUT", NULL),
		route("rest", "/a/", NULL, NULL),
		route("put", "/a/", " PUT , HEAD ", NULL),
		route("root", "/", "GET", NULL),
	};
	static const struct question questions[] = {
		{ "GET", "", "/a", "get" },
		{ "HEAD", "", "/a", "get" },
		{ "POST", "", "/a", "post" },
		{ "PUT", "", "/a", "post" },
		{ "PU", "", "/a", "405" },
		{ "get", "", "/a", "405" },
		{ "DELETE", "", "/a", "405" },
		{ "OPTIONS", "", "/a", "405" },
		{ "PUT", "", "/a/x", "put" },
		{ "HEAD", "", "/a/x", "put" },
		{ "GET", "", "/a/x", "rest" },
		{ "OPTIONS", "", "/a/x", "rest" },
		{ "POST", "", "/b", "405" },
		{ "HEAD", "", "/b", "root" },
	};

	examine(
	    routes, SH_ARRAY_LEN(routes), questions, SH_ARRAY_LEN(questions));
}
END_TEST

START_TEST(test_allow)
{
	char longest[200];
	const struct sh_route routes[] = {
		route("a", "/a", "GET", NULL),
		route("a", "/a", "POST, GET", NULL),
		route("b", "/b", NULL, NULL),
		route("c", "/c", "OPTIONS, PROPFIND", NULL),
		route("d", "/d", longest, NULL),
		route("e", "/e/", "PUT", NULL),
	};
	struct sh_routes *table;
	struct sh_route_match match;

	memset(longest, 'A', sizeof(longest));
	memcpy(longest + 150, ",LOCK", sizeof(",LOCK"));
	table = build(routes, SH_ARRAY_LEN(routes), false);
	match = ask(table, "PUT", "", "/a");
	ck_assert_str_eq(match.allow, "GET, HEAD, POST, OPTIONS");
	match = ask(table, "OPTIONS", "", "/a");
	ck_assert_int_eq(match.status, 405);
	ck_assert_str_eq(match.allow, "GET, HEAD, POST, OPTIONS");
	match = ask(table, "OPTIONS", "", "/b");
	ck_assert_int_eq(match.status, 0);
	ck_assert_str_eq(
	    match.allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	match = ask(table, "OPTIONS", "", "/c");
	ck_assert_str_eq(match.allow, "OPTIONS, PROPFIND");
	match = ask(table, "GET", "", "/d");
	ck_assert_str_eq(match.allow, "LOCK, OPTIONS");
	match = ask(table, "GET", "", "/e/e");
	ck_assert_str_eq(match.allow, "PUT, OPTIONS");
	match = ask(table, "GET", "", "/e");
	ck_assert_int_eq(match.status, 308);
	match = ask(table, "GET", "", "/f");
	ck_assert_str_eq(match.allow, "");
	sh_routes_free(&table);
}
END_TEST

/* As many methods as there is room for, and OPTIONS always. */
START_TEST(test_allow_is_bounded)
{
	char methods[32][8];
	struct sh_route routes[32];
	struct sh_routes *table;
	struct sh_route_match match;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(routes); i++) {
		snprintf(methods[i], sizeof(methods[i]), "M%zu", 10000 + i);
		routes[i] = route("r", "/", methods[i], NULL);
	}
	table = build(routes, SH_ARRAY_LEN(routes), false);
	match = ask(table, "GET", "", "/");
	ck_assert_int_eq(match.status, 405);
	ck_assert_ptr_nonnull(memchr(match.allow, '\0', sizeof(match.allow)));
	ck_assert_uint_gt(strlen(match.allow), 110);
	ck_assert_ptr_nonnull(strstr(match.allow, ", OPTIONS"));
	sh_routes_free(&table);
}
END_TEST

START_TEST(test_hosts)
{
	const struct sh_route routes[] = {
		route("root", "/", NULL, NULL),
		route("long", "/long/er", NULL, NULL),
		route("org", "/", NULL, "Example.org"),
		route("below", "/", NULL, "*.example.ORG"),
		route("deep", "/deep", NULL, "*.b.example.org"),
		route("exact", "/x", "GET", "a.b.example.org"),
		route("six", "/", NULL, "[::1]"),
	};
	static const struct question questions[] = {
		{ "GET", "", "/", "root" },
		{ "GET", "example.com", "/", "root" },
		{ "GET", "example.org", "/", "org" },
		{ "GET", "EXAMPLE.ORG:80", "/", "org" },
		{ "GET", "example.org.", "/", "org" },
		{ "GET", "example.org.:8080", "/", "org" },
		{ "GET", "example.org:", "/long/er", "org" },
		{ "GET", "xexample.org", "/", "root" },
		{ "GET", ".example.org", "/", "root" },
		{ "GET", "a.Example.org", "/", "below" },
		{ "GET", "a.b.c.example.org:1", "/x", "below" },
		{ "GET", "x.b.example.org", "/deep", "deep" },
		{ "GET", "x.b.example.org", "/x", "below" },
		{ "GET", "b.example.org", "/deep", "below" },
		{ "GET", "a.b.example.org", "/x", "exact" },
		{ "POST", "a.b.example.org", "/x", "405" },
		{ "GET", "a.b.example.org", "/deep", "deep" },
		{ "GET", "a.b.example.org", "/y", "below" },
		{ "GET", "[::1]", "/", "six" },
		{ "GET", "[::1]:80", "/", "six" },
		{ "GET", "[::2]:80", "/long/er", "long" },
		{ "GET", "[", "/", "root" },
		{ "GET", ":80", "/", "root" },
		{ "GET", ".", "/", "root" },
		{ "GET", "..", "/", "root" },
	};

	examine(
	    routes, SH_ARRAY_LEN(routes), questions, SH_ARRAY_LEN(questions));
}
END_TEST

START_TEST(test_long_host)
{
	char host[600];
	const struct sh_route routes[] = {
		route("root", "/", NULL, NULL),
		route("org", "/", NULL, "*.org"),
	};
	struct sh_routes *table = build(routes, SH_ARRAY_LEN(routes), false);

	memset(host, 'a', sizeof(host));
	memcpy(host + 251, ".org", 5);
	ck_assert_str_eq(find(table, "GET", host, "/"), "org");
	host[251] = 'a';
	memcpy(host + 252, ".org", 5);
	ck_assert_str_eq(find(table, "GET", host, "/"), "root");
	sh_routes_free(&table);
}
END_TEST

/* The slow way to find the longest path, as a judge of the fast one. */
static const struct sh_route *
judge(const struct sh_route *routes, size_t count, const char *path)
{
	const struct sh_route *best = NULL;
	size_t i, best_len = 0;

	for (i = 0; i < count; i++) {
		size_t len = strlen(routes[i].path);

		if (strcmp(routes[i].path, path) == 0)
			return &routes[i];
		if (routes[i].path[len - 1] == '/' && len > best_len &&
		    strncmp(path, routes[i].path, len) == 0) {
			best = &routes[i];
			best_len = len;
		}
	}
	return best;
}

/* All paths of up to seven of 'a' and '/', against a third of them as routes. */
START_TEST(test_all_short_paths)
{
	static char paths[256][9];
	static struct sh_route routes[256];
	struct sh_routes *table;
	size_t i, k, count = 0, n = 0;

	for (i = 1; i < 256; i++) {
		char *path = paths[n++];
		int bit = 7;

		while ((i >> bit & 1) == 0)
			bit--;
		*path++ = '/';
		while (bit-- > 0)
			*path++ = (i >> bit & 1) != 0 ? 'a' : '/';
	}
	for (i = 0; i < n; i++)
		if (i * 7 % 10 < 3)
			routes[count++] = route(paths[i], paths[i], NULL, NULL);
	table = sh_routes_new(routes, count);
	for (k = 0; k < n; k++) {
		const struct sh_route *want = judge(routes, count, paths[k]);
		struct sh_route_match match = ask(table, "GET", "", paths[k]);
		char slash[sizeof(paths[k]) + 1];

		memcpy(slash, paths[k], sizeof(paths[k]));
		strcat(slash, "/");
		if (want == NULL || strcmp(want->path, paths[k]) != 0)
			for (i = 0; i < count; i++)
				if (strcmp(routes[i].path, slash) == 0)
					want = &routes[i];
		if (match.status == 308)
			ck_assert_str_eq(want->path, slash);
		else
			ck_assert_msg(match.route == NULL
				? want == NULL
				: strcmp(match.route->path, want->path) == 0,
			    "%s", paths[k]);
	}
	sh_routes_free(&table);
}
END_TEST

static void
answer(struct shoal_request *req, void *arg)
{
	(void)req;
	(void)arg;
}

/* What sh_route_lacks() says of a route with these. */
static const char *
lacks(const char *path, const char *methods, const char *host)
{
	const struct shoal_route given = {
		.size = sizeof(given),
		.path = path,
		.methods = methods,
		.host = host,
		.fn = answer,
	};

	return sh_route_lacks(&given);
}

START_TEST(test_lacks)
{
	static const char *const good_paths[] = { "/", "*", "/a", "/a/", "//",
		"/a//b", "/.a", "/..a/b..", "/...", "/a b\xc3\xa4", "/100%",
		"/%%" };
	static const char *const bad_paths[] = { "", "a", "**", "*/", "/.",
		"/..", "/./", "/a/../b", "/a/.", "/a?", "/a#b", "/a\n",
		"/a\x7f", "/%20" };
	static const char *const good_hosts[] = { "a", "example.org", "*.org",
		"127.0.0.1", "[::1]", "xn--bcher-kva.example" };
	static const char *const bad_hosts[] = { "", "*", "*.", "a:80", "::1",
		"[::1]:80", "[::1", "a.*.org", "**.org", "*a.org", "a/b", "a b",
		"a." };
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(good_paths); i++)
		ck_assert_msg(lacks(good_paths[i], NULL, NULL) == NULL, "%s",
		    good_paths[i]);
	for (i = 0; i < SH_ARRAY_LEN(bad_paths); i++)
		ck_assert_msg(lacks(bad_paths[i], NULL, NULL) != NULL, "%s",
		    bad_paths[i]);
	for (i = 0; i < SH_ARRAY_LEN(good_hosts); i++)
		ck_assert_msg(lacks("/", NULL, good_hosts[i]) == NULL, "%s",
		    good_hosts[i]);
	for (i = 0; i < SH_ARRAY_LEN(bad_hosts); i++)
		ck_assert_msg(
		    lacks("/", NULL, bad_hosts[i]) != NULL, "%s", bad_hosts[i]);
	ck_assert_ptr_null(lacks("/", "GET", NULL));
	ck_assert_ptr_null(lacks("/", " GET , X-Y!,", NULL));
	ck_assert_ptr_null(lacks("/", "GETS,get-it", NULL));
	ck_assert_ptr_nonnull(lacks("/", "get", NULL));
	ck_assert_ptr_nonnull(lacks("/", "GET, Post", NULL));
	ck_assert_ptr_nonnull(lacks("/", "", NULL));
	ck_assert_ptr_nonnull(lacks("/", ", ,", NULL));
	ck_assert_ptr_nonnull(lacks("/", "GET POST", NULL));
	ck_assert_ptr_nonnull(lacks("/", "GET;POST", NULL));
	ck_assert_ptr_nonnull(lacks(NULL, NULL, NULL));
}
END_TEST

START_TEST(test_lacks_numbers)
{
	static const char *const origins[] = { "https://*.example.org:8443",
		"*", "http://[::1]:80", NULL };
	static const char *const bad_origins[] = { "https://a/b", NULL };
	static const char *const protocols[] = { "chat", "v2.chat", NULL };
	static const char *const bad_protocols[] = { "chat", "a b", NULL };
	struct shoal_ws_options websocket = { .size = sizeof(websocket),
		.origins = origins,
		.subprotocols = protocols };
	struct shoal_route given = { .size = sizeof(given),
		.path = "/",
		.fn = answer,
		.gzip_level = 9,
		.limits.body_size = -1,
		.websocket = &websocket };

	ck_assert_ptr_null(sh_route_lacks(&given));
	given.gzip_level = 10;
	ck_assert_ptr_nonnull(sh_route_lacks(&given));
	given.gzip_level = 0;
	given.limits.body_size = -2;
	ck_assert_ptr_nonnull(sh_route_lacks(&given));
	given.limits.body_size = 0;
	websocket.origins = bad_origins;
	ck_assert_ptr_nonnull(sh_route_lacks(&given));
	websocket.origins = NULL;
	websocket.subprotocols = bad_protocols;
	ck_assert_ptr_nonnull(sh_route_lacks(&given));
	websocket.subprotocols = NULL;
	websocket.ping_ms = -2;
	ck_assert_ptr_nonnull(sh_route_lacks(&given));
	websocket.ping_ms = -1;
	ck_assert_ptr_null(sh_route_lacks(&given));
	given.fn = NULL;
	ck_assert_ptr_nonnull(sh_route_lacks(&given));
}
END_TEST

START_TEST(test_resolve)
{
	struct shoal_http_limits limits = { .body_size = -1,
		.header_count = 7 };
	static const char *const origins[] = { "*", NULL };
	struct shoal_ws_options options = { .ping_ms = -1, .stream = true };
	struct shoal_ws_options route = sh_ws_default_options;

	sh_http_limits_resolve(&limits, &sh_http_default_limits);
	ck_assert_int_eq(limits.body_size, -1);
	ck_assert_int_eq(limits.header_count, 7);
	ck_assert_int_eq(limits.header_size, 16384);
	ck_assert_int_eq(limits.header_timeout_ms, 10000);
	ck_assert_int_eq(limits.body_timeout_ms, 60000);
	ck_assert_int_eq(limits.keepalive_timeout_ms, 75000);
	route.origins = origins;
	route.compression = SHOAL_WS_COMPRESSION_SHARED;
	sh_ws_options_resolve(&options, &route);
	ck_assert_int_eq(options.ping_ms, -1);
	ck_assert_int_eq(options.message_size, 1048576);
	ck_assert_int_eq(options.fragments, 1024);
	ck_assert_int_eq(options.control_rate, 10);
	ck_assert_int_eq(options.pong_timeout_ms, 10000);
	ck_assert_int_eq(options.close_timeout_ms, 5000);
	ck_assert_int_eq(options.compression_min_size, 256);
	ck_assert_ptr_eq(options.origins, origins);
	ck_assert_int_eq(options.compression, SHOAL_WS_COMPRESSION_SHARED);
	ck_assert(options.stream && !options.control);
}
END_TEST

/* What code says, in the form that is looked up. */
START_TEST(test_from_public)
{
	const struct shoal_ws_options old = {
		.size = offsetof(struct shoal_ws_options, close_timeout_ms),
		.fragments = -1,
		.close_timeout_ms = 77, /* beyond its size */
	};
	const struct shoal_route given = { .size = sizeof(given),
		.path = "/a",
		.fn = answer,
		.limits.body_size = 3,
		.gzip_level = 2,
		.websocket = &old };
	struct shoal_http_limits limits = sh_http_default_limits;
	struct sh_route to;

	limits.body_timeout_ms = 4;
	limits.body_size = 5;
	to = sh_route_from_public(&given, &limits, &sh_ws_default_options);
	ck_assert_str_eq(to.path, "/a");
	ck_assert_str_eq(to.handler, "/a");
	ck_assert_int_eq(to.limits.body_size, 3);
	ck_assert_int_eq(to.limits.body_timeout_ms, 4);
	ck_assert_int_eq(to.limits.header_count, 100);
	ck_assert_int_eq(to.gzip_level, 2);
	ck_assert_int_eq(to.gzip_min_size, 1024);
	ck_assert_int_eq(to.websocket.fragments, -1);
	ck_assert_int_eq(to.websocket.close_timeout_ms, 5000);
	ck_assert_uint_eq(to.websocket.size, sizeof(to.websocket));
}
END_TEST

SH_SUITE("session/route", test_paths, test_nothing_fits, test_methods,
    test_allow, test_allow_is_bounded, test_hosts, test_long_host,
    test_all_short_paths, test_lacks, test_lacks_numbers, test_resolve,
    test_from_public)
