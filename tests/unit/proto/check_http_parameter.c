/* This file tests proto/http_parameter.c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "proto/http_parameter.h"
#include "support/suite.h"

/* "word[name=value]...", or "refused", of memory of just the text's size. */
static void
list(const char *in, char *out)
{
	size_t len = strlen(in), word_len;
	char *exact = malloc(len > 0 ? len : 1);
	const char *text = exact, *word;
	struct sh_http_parameter parameter;
	int r;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, in, len);
	sh_http_word_take(&text, &len, &word, &word_len);
	memcpy(out, word, word_len);
	out += word_len;
	while ((r = sh_http_parameter_next(&text, &len, &parameter)) > 0) {
		*out++ = '[';
		memcpy(out, parameter.name, parameter.name_len);
		out += parameter.name_len;
		*out++ = '=';
		out += sh_http_parameter_decode(out, &parameter);
		*out++ = ']';
	}
	strcpy(out, r < 0 ? "refused" : "");
	free(exact);
}

struct sample {
	const char *in, *out;
};

static const struct sample samples[] = {
	{ "", "" },
	{ "text/html", "text/html" },
	{ " text/html\t", "text/html" },
	{ "text/html;", "text/html" },
	{ "text/html ; ;;", "text/html" },
	{ ";a=b", "[a=b]" },
	{ "a/b;c=d", "a/b[c=d]" },
	{ "a/b; c=d;e=f", "a/b[c=d][e=f]" },
	{ "a/b ;\tc=d\t; e=\"f\" ", "a/b[c=d][e=f]" },
	{ "a/b;c=\"\"", "a/b[c=]" },
	{ "a/b;c=\"; d=e\";f=g", "a/b[c=; d=e][f=g]" },
	{ "a/b;c=\"\\\"\\\\\\d\"", "a/b[c=\"\\d]" },
	{ "a/b;c=\"\xc3\xa4\t\"", "a/b[c=\xc3\xa4\t]" },
	{ "a/b;c", "a/brefused" },
	{ "a/b;=c", "a/brefused" },
	{ "a/b;c=", "a/brefused" },
	{ "a/b;c=;", "a/brefused" },
	{ "a/b;c =d", "a/brefused" },
	{ "a/b;c= d", "a/brefused" },
	{ "a/b;c=d e", "a/b[c=d]refused" },
	{ "a/b;c=d/e", "a/b[c=d]refused" },
	{ "a/b;c=\"d", "a/brefused" },
	{ "a/b;c=\"d\\", "a/brefused" },
	{ "a/b;c=\"d\\\"", "a/brefused" },
	{ "a/b;c=\"\x01\"", "a/brefused" },
	{ "a/b;c=\"\\\x7f\"", "a/brefused" },
	{ "a/b;c=\"d\"e=f", "a/b[c=d]refused" },
	{ "a/b;c@=d", "a/brefused" },
	{ "a/b;\xc3\xa4=d", "a/brefused" },
};

START_TEST(test_next)
{
	char out[256];
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(samples); i++) {
		list(samples[i].in, out);
		ck_assert_str_eq(out, samples[i].out);
	}
}
END_TEST

static int
find(const char *text, const char *name, char *out)
{
	struct sh_http_parameter parameter;
	int r = sh_http_parameter_find(text, strlen(text), name, &parameter);

	if (r > 0)
		out[sh_http_parameter_decode(out, &parameter)] = '\0';
	return r;
}

START_TEST(test_find)
{
	char out[64];

	ck_assert_int_eq(find("a/b", "c", out), 0);
	ck_assert_int_eq(find("c=d", "c", out), 0);
	ck_assert_int_eq(find("a/b;cc=d", "c", out), 0);
	ck_assert_int_eq(find("a/b;x=y;C=d;z=z", "c", out), 1);
	ck_assert_str_eq(out, "d");
	ck_assert_int_eq(find("a/b;x=\"c=e\";c=\"d;\"", "c", out), 1);
	ck_assert_str_eq(out, "d;");
	ck_assert_int_eq(find("a/b;c=d;c=d", "c", out), -400);
	ck_assert_int_eq(find("a/b;c=d;e", "c", out), -400);
}
END_TEST

START_TEST(test_media_type)
{
	ck_assert(sh_http_media_type_is("a/b", 3, "a/b"));
	ck_assert(sh_http_media_type_is(" A/b ;c", 7, "a/b"));
	ck_assert(!sh_http_media_type_is("a/bc", 4, "a/b"));
	ck_assert(!sh_http_media_type_is("a/", 2, "a/b"));
	ck_assert(!sh_http_media_type_is(";a/b", 4, "a/b"));
	ck_assert(!sh_http_media_type_is(NULL, 0, "a/b"));
}
END_TEST

SH_SUITE("proto/http_parameter", test_next, test_find, test_media_type)
