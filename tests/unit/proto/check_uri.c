/* This file tests proto/uri.c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "proto/uri.h"
#include "support/suite.h"

struct path {
	const char *in, *out;
};

static const struct path paths[] = {
	{ "", "/" },
	{ "/", "/" },
	{ "/a/b", "/a/b" },
	{ "/a/b/", "/a/b/" },
	{ "//a///b//", "//a///b//" },
	{ "/%41%7e%7E+", "/A~~+" },
	{ "/%25%32%65", "/%2e" },
	{ "/%252e%252e/a", "/%2e%2e/a" },
	{ "/%c3%a4%ff", "/\xc3\xa4\xff" },
	{ "/a/b/c/./../../g", "/a/g" },
	{ "/.", "/" },
	{ "/./", "/" },
	{ "/..", "/" },
	{ "/../", "/" },
	{ "/a/.", "/a/" },
	{ "/a/..", "/" },
	{ "/a/b/..", "/a/" },
	{ "/a/../b", "/b" },
	{ "/../../../etc/passwd", "/etc/passwd" },
	{ "/%2e%2E/%2e./.%2e/x", "/x" },
	{ "/a/%2e/b", "/a/b" },
	{ "/a//../b", "/a/b" },
	{ "//..", "/" },
	{ "/...", "/..." },
	{ "/.a/..b/c..", "/.a/..b/c.." },
	{ "/a\\..\\b", "/a\\..\\b" },
	{ "/%0d%0a", "/\r\n" },
};

/* Both in memory of just their size. */
static int
decode(const char *in, size_t len, char *result)
{
	char *path = malloc(len > 0 ? len : 1), *out = malloc(len + 2);
	const char *why = NULL;
	int n;

	ck_assert_ptr_nonnull(path);
	ck_assert_ptr_nonnull(out);
	memcpy(path, in, len);
	n = sh_uri_path_decode(out, len + 2, path, len, &why);
	ck_assert((n < 0) == (why != NULL));
	if (n >= 0) {
		ck_assert_uint_eq(strlen(out), (size_t)n);
		memcpy(result, out, (size_t)n + 1);
	}
	free(path);
	free(out);
	return n;
}

START_TEST(test_path)
{
	char out[256], again[256];
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(paths); i++) {
		int n = decode(paths[i].in, strlen(paths[i].in), out);

		ck_assert_int_ge(n, 1);
		ck_assert_str_eq(out, paths[i].out);
		/* there are no dots left */
		if (strchr(out, '%') == NULL) {
			decode(out, (size_t)n, again);
			ck_assert_str_eq(again, out);
		}
	}
}
END_TEST

START_TEST(test_path_refused)
{
	static const char *const refused[] = { "a", "*", "%2f", "/%", "/%4",
		"/%4g", "/%g4", "/%%41", "/%+1", "/%00", "/%2f", "/%2F",
		"/..%2f..", "/%u0041" };
	char out[64];
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(refused); i++)
		ck_assert_msg(
		    decode(refused[i], strlen(refused[i]), out) == -400, "%s",
		    refused[i]);
	ck_assert_int_eq(decode("/\0", 2, out), -400);
}
END_TEST

START_TEST(test_path_span)
{
	ck_assert_uint_eq(sh_uri_path_span("/a?b?c", 6), 2);
	ck_assert_uint_eq(sh_uri_path_span("/a", 2), 2);
	ck_assert_uint_eq(sh_uri_path_span("?", 1), 0);
	ck_assert_uint_eq(sh_uri_path_span(NULL, 0), 0);
}
END_TEST

/* The pairs, decoded, each as "[name]=[value]". */
static void
list_pairs(const char *query, char *out)
{
	size_t len = strlen(query);
	struct sh_uri_pair pair;

	while (sh_uri_pair_next(&query, &len, &pair)) {
		*out++ = '[';
		out += sh_uri_form_decode(out, pair.name, pair.name_len);
		*out++ = ']';
		if (pair.value == NULL)
			continue;
		*out++ = '=';
		*out++ = '[';
		out += sh_uri_form_decode(out, pair.value, pair.value_len);
		*out++ = ']';
	}
	*out = '\0';
	ck_assert_uint_eq(len, 0);
}

START_TEST(test_pairs)
{
	static const struct path queries[] = {
		{ "", "" },
		{ "&&", "" },
		{ "a", "[a]" },
		{ "a=", "[a]=[]" },
		{ "=", "[]=[]" },
		{ "=b", "[]=[b]" },
		{ "a=1&b=2", "[a]=[1][b]=[2]" },
		{ "&a=1&&a=2&", "[a]=[1][a]=[2]" },
		{ "a=b=c", "[a]=[b=c]" },
		{ "a+b=c+%2B%20d", "[a b]=[c + d]" },
		{ "%26%3d=%3D%26", "[&=]=[=&]" },
		{ "a=100%&b=%4", "[a]=[100%][b]=[%4]" },
		{ "%zz=%%41", "[%zz]=[%A]" },
		{ "a;b=c", "[a;b]=[c]" },
	};
	char out[256];
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(queries); i++) {
		list_pairs(queries[i].in, out);
		ck_assert_str_eq(out, queries[i].out);
	}
}
END_TEST

START_TEST(test_form_in_place)
{
	char text[] = "a+%00%41%";
	size_t n = sh_uri_form_decode(text, text, strlen(text));

	ck_assert_uint_eq(n, 5);
	ck_assert_mem_eq(text, "a \0A%", 5);
}
END_TEST

SH_SUITE("proto/uri", test_path, test_path_refused, test_path_span, test_pairs,
    test_form_in_place)
