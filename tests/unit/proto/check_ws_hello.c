/* This file tests proto/ws_hello.c: RFC 6455, section 4.2, and RFC 6454. */
#include "config.h"

#include <string.h>

#include "base/attr.h"
#include "proto/ws_handshake.h"
#include "support/suite.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static const struct sh_ws_hello good = {
	.method = "GET",
	.http_1_1 = true,
	.host = "example.org",
	.upgrade = "websocket",
	.connection = "Upgrade",
	.key = KEY,
	.version = "13",
};

static int
judge(struct sh_ws_hello hello)
{
	const char *why = NULL;
	int status = sh_ws_hello_judge(&hello, NULL, &why);

	ck_assert((status != 0) == (why != NULL));
	return status;
}

#define WITH(field, value, status)                               \
	do {                                                     \
		struct sh_ws_hello changed = good;               \
                                                                 \
		changed.field = value;                           \
		ck_assert_msg(judge(changed) == (status),        \
		    "%s = %s: %d instead of %d", #field, #value, \
		    judge(changed), (status));                   \
	} while (0)

START_TEST(fields)
{
	ck_assert_int_eq(judge(good), 0);
	WITH(method, "POST", 405);
	WITH(method, "get", 405);
	WITH(method, "HEAD", 405);
	WITH(http_1_1, false, 400);
	WITH(has_body, true, 400);
	WITH(host, "", 400);
	WITH(upgrade, NULL, 426);
	WITH(upgrade, "", 426);
	WITH(upgrade, "h2c", 426);
	WITH(upgrade, "websocketx", 426);
	WITH(upgrade, "WebSocket", 0);
	WITH(upgrade, "h2c, WEBSOCKET", 0);
	WITH(connection, NULL, 400);
	WITH(connection, "keep-alive", 400);
	WITH(connection, "keep-alive, upgrade", 0);
	WITH(connection, " , UPGRADE ,", 0);
	WITH(version, NULL, 426);
	WITH(version, "8", 426);
	WITH(version, "13, 8", 426);
	WITH(version, "013", 426);
	WITH(key, NULL, 400);
	WITH(key, "", 400);
	WITH(key, KEY ", " KEY, 400);
	WITH(key, "dGhlIHNhbXBsZSBub25jZQ=", 400);
}
END_TEST

struct origin_row {
	const char *origin, *other;
	bool allowed;
};

static const struct origin_row same[] = {
	{ "http://example.org", "example.org", true },
	{ "HTTP://Example.ORG", "eXample.org", true },
	{ "https://example.org", "example.org", true },
	{ "http://example.org:80", "example.org", true },
	{ "http://example.org", "example.org:80", true },
	{ "https://example.org", "example.org:443", true },
	{ "http://example.org:8080", "example.org:8080", true },
	{ "http://[::1]:9502", "[::1]:9502", true },
	{ "http://[::1]", "[::1]", true },
	{ "https://example.org", "example.org:80", false },
	{ "http://example.org:8080", "example.org", false },
	{ "http://example.org", "example.org:8080", false },
	{ "http://example.com", "example.org", false },
	{ "http://example.org.evil.com", "example.org", false },
	{ "http://evil.com/example.org", "example.org", false },
	{ "http://xexample.org", "example.org", false },
	{ "http://[::1]:9502", "[::2]:9502", false },
	{ "null", "example.org", false },
	{ "", "example.org", false },
	{ "example.org", "example.org", false },
	{ "://example.org", "example.org", false },
	{ "http://", "example.org", false },
	{ "http://example.org:0", "example.org", false },
	{ "http://example.org:99999", "example.org", false },
	{ "http://example.org:80x", "example.org", false },
	{ "foo://example.org", "example.org", false },
	{ "foo://example.org:80", "example.org:80", false },
};

static const struct origin_row patterns[] = {
	{ "https://example.org", "https://example.org", true },
	{ "https://EXAMPLE.org", "HTTPS://example.org", true },
	{ "https://example.org:443", "https://example.org", true },
	{ "https://example.org", "https://example.org:443", true },
	{ "https://a.example.org", "https://*.example.org", true },
	{ "https://a.b.example.org", "https://*.example.org", true },
	{ "https://a.example.org:8443", "https://*.example.org:8443", true },
	{ "null", "*", true },
	{ "anything", "*", true },
	{ "http://example.org", "https://example.org", false },
	{ "https://example.org", "https://*.example.org", false },
	{ "https://.example.org", "https://*.example.org", false },
	{ "https://aexample.org", "https://*.example.org", false },
	{ "https://a.example.org", "https://example.org", false },
	{ "https://a.example.org:8443", "https://*.example.org", false },
	{ "https://a.example.org.evil.com", "https://*.example.org", false },
	{ "null", "https://example.org", false },
	{ "null", "null", false },
	{ "", "https://example.org", false },
};

START_TEST(origins)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(same); i++)
		ck_assert_msg(sh_ws_origin_is_same(same[i].origin,
				  same[i].other) == same[i].allowed,
		    "%s at %s", same[i].origin, same[i].other);
	for (i = 0; i < SH_ARRAY_LEN(patterns); i++)
		ck_assert_msg(sh_ws_origin_matches(patterns[i].origin,
				  patterns[i].other) == patterns[i].allowed,
		    "%s by %s", patterns[i].origin, patterns[i].other);
}
END_TEST

START_TEST(origins_of_a_route)
{
	static const char *const two[] = { "https://a.org", "https://b.org",
		NULL };
	static const char *const none[] = { NULL };
	struct sh_ws_hello hello = good;
	const char *why;

	WITH(origin, "http://example.org", 0);
	WITH(origin, "http://example.com", 403);
	ck_assert_int_eq(sh_ws_hello_judge(&hello, none, &why), 0);
	hello.origin = "https://b.org";
	ck_assert_int_eq(sh_ws_hello_judge(&hello, two, &why), 0);
	ck_assert_int_eq(sh_ws_hello_judge(&hello, none, &why), 403);
	/* the own origin is one like others then */
	hello.origin = "https://example.org";
	ck_assert_int_eq(sh_ws_hello_judge(&hello, two, &why), 403);
}
END_TEST

START_TEST(subprotocols)
{
	static const char *const ours[] = { "chat.v2", "chat", NULL };

	ck_assert_ptr_null(sh_ws_subprotocol_choose(NULL, "chat"));
	ck_assert_ptr_null(sh_ws_subprotocol_choose(ours, NULL));
	ck_assert_ptr_null(sh_ws_subprotocol_choose(ours, ""));
	ck_assert_ptr_null(sh_ws_subprotocol_choose(ours, "Chat, chat.v"));
	ck_assert_str_eq(sh_ws_subprotocol_choose(ours, "chat"), "chat");
	ck_assert_str_eq(
	    sh_ws_subprotocol_choose(ours, "x,chat , chat.v2"), "chat.v2");
}
END_TEST

SH_SUITE("proto/ws_hello", fields, origins, origins_of_a_route, subprotocols)
