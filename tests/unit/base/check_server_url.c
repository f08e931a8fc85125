/* This file tests base/server_url.c. */
#include "config.h"

#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/server_url.h"
#include "support/suite.h"

START_TEST(urls_are_taken_apart)
{
	static const struct {
		const char *text, *scheme, *user, *address, *path;
	} cases[] = {
		{ "redis://127.0.0.1:6379/0", "redis", "", "127.0.0.1:6379",
		    "0" },
		{ "redis://localhost", "redis", "", "localhost:7", "" },
		{ "redis://me@[::1]", "redis", "me", "[::1]:7", "" },
		{ "redis://[::1]:65535/", "redis", "", "[::1]:65535", "" },
		{ "nats://a-b.example:1", "nats", "", "a-b.example:1", "" },
		{ "unix:/run/redis.sock", "unix", "", "unix:/run/redis.sock",
		    "" },
	};
	struct sh_server_url url;
	const char *why = NULL;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		ck_assert_msg(
		    sh_server_url_parse(&url, cases[i].text, 7, &why) == 0,
		    "%s: %s", cases[i].text, why);
		ck_assert_str_eq(url.scheme, cases[i].scheme);
		ck_assert_str_eq(url.user, cases[i].user);
		ck_assert_str_eq(url.address, cases[i].address);
		ck_assert_str_eq(url.path, cases[i].path);
	}
}
END_TEST

START_TEST(others_are_refused)
{
	static const char *const cases[] = { "", "redis", "redis:", "redis:/",
		"redis://", "://h", "h:1", "REDIS://h",
		"redis://h:", "redis://h:0", "redis://h:65536", "redis://h:1x",
		"redis://h:+1", "redis://h:00000001", "redis://@h",
		"redis://u:p@h", "redis://:p@h", "redis://[::1", "redis://[]",
		"redis://[::1]x", "redis://h x", "redis://h/a?b",
		"redis://h/a b", "redis://a%40b@h", "unix:", "unix:path",
		"averyveryverylongscheme://h" };
	char text[1024];
	struct sh_server_url url;
	const char *why;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		why = NULL;
		ck_assert_msg(sh_server_url_parse(&url, cases[i], 7, &why) ==
			-SHOAL_EINVAL,
		    "%s", cases[i]);
		ck_assert_ptr_nonnull(why);
	}
	for (i = 0; i < 4; i++) {
		static const char *const heads[] = { "redis://", "unix:/",
			"redis://h/", "redis://" };

		memset(text, 'a', sizeof(text));
		memcpy(text, heads[i], strlen(heads[i]));
		memcpy(text + sizeof(text) - 3, i == 3 ? "@h" : "aa", 3);
		ck_assert_int_eq(
		    sh_server_url_parse(&url, text, 7, &why), -SHOAL_EINVAL);
	}
}
END_TEST

SH_SUITE("base/server_url", urls_are_taken_apart, others_are_refused)
