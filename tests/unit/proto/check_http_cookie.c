/* This file tests proto/http_cookie.c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/buf.h"
#include "proto/http_cookie.h"
#include "support/suite.h"

struct format {
	struct shoal_cookie cookie;
	const char *text; /* NULL: refused */
};

static int
format(const struct shoal_cookie *cookie, char *text, size_t cap)
{
	struct sh_buf out;
	int r;

	sh_buf_init(&out, SH_HTTP_COOKIE_MAX);
	r = sh_http_cookie_format(cookie, &out);
	ck_assert(r == 0 || out.len == 0);
	ck_assert_uint_lt(out.len, cap);
	if (out.len > 0)
		memcpy(text, out.data, out.len);
	text[out.len] = '\0';
	sh_buf_fini(&out);
	return r;
}

static void
check_formats(const struct format *formats, size_t count)
{
	char text[SH_HTTP_COOKIE_MAX + 1];
	size_t i;

	for (i = 0; i < count; i++) {
		int r = format(&formats[i].cookie, text, sizeof(text));

		if (formats[i].text == NULL) {
			ck_assert_msg(
			    r == -SHOAL_EINVAL, "row %zu: %s", i, text);
			continue;
		}
		ck_assert_int_eq(r, 0);
		ck_assert_str_eq(text, formats[i].text);
	}
}

START_TEST(test_attributes)
{
	static const struct format formats[] = {
		{ { .name = "a", .value = "b" }, "a=b" },
		{ { .name = "a" }, "a=" },
		{ { .name = "a", .value = "b", .path = "/x y" },
		    "a=b; Path=/x y" },
		{ { .name = "a", .value = "b", .domain = ".Example.org" },
		    "a=b; Domain=.Example.org" },
		{ { .name = "a", .value = "b", .max_age = 3600 },
		    "a=b; Max-Age=3600" },
		{ { .name = "a", .value = "b", .expires = 784111777 },
		    "a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT" },
		{ { .name = "a", .max_age = SHOAL_COOKIE_DELETE },
		    "a=; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0" },
		{ { .name = "a", .value = "b", .secure = true },
		    "a=b; Secure" },
		{ { .name = "a", .value = "b", .http_only = true },
		    "a=b; HttpOnly" },
		{ { .name = "a",
		      .value = "b",
		      .same_site = SHOAL_SAME_SITE_LAX },
		    "a=b; SameSite=Lax" },
		{ { .name = "a",
		      .value = "b",
		      .same_site = SHOAL_SAME_SITE_STRICT },
		    "a=b; SameSite=Strict" },
		{ { .name = "a",
		      .value = "b",
		      .same_site = SHOAL_SAME_SITE_NONE,
		      .secure = true },
		    "a=b; Secure; SameSite=None" },
		{ { .name = "a",
		      .value = "b",
		      .priority = SHOAL_COOKIE_PRIORITY_LOW },
		    "a=b; Priority=Low" },
		{ { .name = "a",
		      .value = "b",
		      .priority = SHOAL_COOKIE_PRIORITY_MEDIUM },
		    "a=b; Priority=Medium" },
		{ { .name = "__Host-a",
		      .value = "b",
		      .path = "/",
		      .secure = true,
		      .http_only = true,
		      .partitioned = true,
		      .max_age = 1,
		      .expires = -1,
		      .same_site = SHOAL_SAME_SITE_STRICT,
		      .priority = SHOAL_COOKIE_PRIORITY_HIGH },
		    "__Host-a=b; Expires=Wed, 31 Dec 1969 23:59:59 GMT; "
		    "Max-Age=1; Path=/; Secure; HttpOnly; SameSite=Strict; "
		    "Partitioned; Priority=High" },
		{ { .name = "__secure-a", .value = "b", .secure = true },
		    "__secure-a=b; Secure" },
	};

	check_formats(formats, SH_ARRAY_LEN(formats));
}
END_TEST

START_TEST(test_values)
{
	static const struct format formats[] = {
		{ { .name = "a", .value = "b c" }, "a=b%20c" },
		{ { .name = "a", .value = "1%\r\n;,\"\\\t\x7f\xc3\xa4" },
		    "a=1%25%0D%0A%3B%2C%22%5C%09%7F%C3%A4" },
		{ { .name = "a", .value = "!#$&'()*+-./:<=>?@[]^_`{|}~" },
		    "a=!#$&'()*+-./:<=>?@[]^_`{|}~" },
		{ { .name = "a", .value = "1%20", .raw = true }, "a=1%20" },
		{ { .name = "a", .value = "\"q\"", .raw = true }, "a=\"q\"" },
		{ { .name = "a", .value = "\"\"", .raw = true }, "a=\"\"" },
		{ { .name = "a", .raw = true }, "a=" },
	};

	check_formats(formats, SH_ARRAY_LEN(formats));
}
END_TEST

START_TEST(test_refused)
{
	static const struct format formats[] = {
		{ { .value = "b" }, NULL },
		{ { .name = "", .value = "b" }, NULL },
		{ { .name = "a b" }, NULL },
		{ { .name = "a=" }, NULL },
		{ { .name = "a;" }, NULL },
		{ { .name = "a\r\n" }, NULL },
		{ { .name = "\xc3\xa4" }, NULL },
		{ { .name = "a", .value = "b c", .raw = true }, NULL },
		{ { .name = "a", .value = "b;c", .raw = true }, NULL },
		{ { .name = "a", .value = "b,c", .raw = true }, NULL },
		{ { .name = "a", .value = "b\\c", .raw = true }, NULL },
		{ { .name = "a", .value = "b\r\nX: y", .raw = true }, NULL },
		{ { .name = "a", .value = "\"b", .raw = true }, NULL },
		{ { .name = "a", .value = "\"", .raw = true }, NULL },
		{ { .name = "a", .value = "\"\"\"", .raw = true }, NULL },
		{ { .name = "a", .value = "\xc3\xa4", .raw = true }, NULL },
		{ { .name = "a", .path = "" }, NULL },
		{ { .name = "a", .path = "x" }, NULL },
		{ { .name = "a", .path = "/; Secure" }, NULL },
		{ { .name = "a", .path = "/\r\nX: y" }, NULL },
		{ { .name = "a", .path = "/\xc3\xa4" }, NULL },
		{ { .name = "a", .domain = "" }, NULL },
		{ { .name = "a", .domain = "x;y" }, NULL },
		{ { .name = "a", .domain = "x y" }, NULL },
		{ { .name = "a", .domain = "x\n" }, NULL },
		{ { .name = "a", .max_age = -2 }, NULL },
		{ { .name = "a", .expires = INT64_MAX }, NULL },
		{ { .name = "a", .same_site = (enum shoal_same_site)4 }, NULL },
		{ { .name = "a", .priority = (enum shoal_cookie_priority)4 },
		    NULL },
		{ { .name = "a", .same_site = SHOAL_SAME_SITE_NONE }, NULL },
		{ { .name = "a", .partitioned = true }, NULL },
		{ { .name = "__Secure-a" }, NULL },
		{ { .name = "__SECURE-a" }, NULL },
		{ { .name = "__Host-a", .path = "/" }, NULL },
		{ { .name = "__Host-a", .secure = true }, NULL },
		{ { .name = "__Host-a", .path = "/a", .secure = true }, NULL },
		{ { .name = "__Host-a",
		      .path = "/",
		      .domain = "x",
		      .secure = true },
		    NULL },
	};

	check_formats(formats, SH_ARRAY_LEN(formats));
}
END_TEST

START_TEST(test_sizes)
{
	char value[4097], path[1026], text[SH_HTTP_COOKIE_MAX + 1];
	struct shoal_cookie cookie = { .name = "a", .value = value };

	memset(value, 'v', 4095);
	value[4095] = '\0';
	ck_assert_int_eq(format(&cookie, text, sizeof(text)), 0);
	value[1] = ' '; /* three bytes then */
	ck_assert_int_eq(format(&cookie, text, sizeof(text)), -SHOAL_EINVAL);
	value[1] = 'v';
	value[4095] = 'v';
	value[4096] = '\0';
	ck_assert_int_eq(format(&cookie, text, sizeof(text)), -SHOAL_EINVAL);
	memset(path, '/', sizeof(path));
	path[1024] = '\0';
	cookie.value = "b";
	cookie.path = path;
	ck_assert_int_eq(format(&cookie, text, sizeof(text)), 0);
	path[1024] = '/';
	path[1025] = '\0';
	ck_assert_int_eq(format(&cookie, text, sizeof(text)), -SHOAL_EINVAL);
}
END_TEST

START_TEST(test_find)
{
	static const struct {
		const char *list, *value; /* of "a"; NULL: none */
	} lists[] = {
		{ "", NULL },
		{ "a", NULL },
		{ "a=", "" },
		{ "a=b", "b" },
		{ "a=b; a=c", "b" },
		{ "x=y; a=b; z=", "b" },
		{ "x=a=b", NULL },
		{ "a=b=c", "b=c" },
		{ "A=b", NULL },
		{ "aa=b; ab=c", NULL },
		{ "a; a=b", "b" },
		{ ";;a=b;;", "b" },
		{ " a = b ;x=y", "b" },
		{ "\ta=\tb\t", "b" },
		{ "a=\"b c\"", "b c" },
		{ "a=\"\"", "" },
		{ "a=\"", "\"" },
		{ "a=\"b", "\"b" },
		{ "a=b\"c", "b\"c" },
		{ "a=\"b;c\"", "\"b" },
		{ "=b; a=c", "c" },
	};
	size_t i, len;

	for (i = 0; i < SH_ARRAY_LEN(lists); i++) {
		char *list = strdup(lists[i].list);
		const char *value = NULL;

		ck_assert_ptr_nonnull(list);
		len = 0;
		ck_assert(sh_http_cookie_find(list, strlen(list), "a", &value,
			      &len) == (lists[i].value != NULL));
		if (lists[i].value != NULL) {
			ck_assert_uint_eq(len, strlen(lists[i].value));
			ck_assert_mem_eq(value, lists[i].value, len);
		}
		free(list);
	}
}
END_TEST

START_TEST(test_decode)
{
	static const struct {
		const char *in, *out;
	} values[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "a%20b+c", "a b+c" },
		{ "%25%32%30", "%20" },
		{ "%c3%A4", "\xc3\xa4" },
		{ "%00%0d", "%00\r" },
		{ "%", "%" },
		{ "%4", "%4" },
		{ "%zz%%41", "%zz%A" },
	};
	char text[16];
	size_t i, n;

	for (i = 0; i < SH_ARRAY_LEN(values); i++) {
		strcpy(text, values[i].in);
		n = sh_http_cookie_decode(text, text, strlen(text));
		ck_assert_uint_eq(n, strlen(values[i].out));
		ck_assert_mem_eq(text, values[i].out, n);
	}
}
END_TEST

SH_SUITE("proto/http_cookie", test_attributes, test_values, test_refused,
    test_sizes, test_find, test_decode)
