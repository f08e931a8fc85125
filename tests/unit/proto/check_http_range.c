/* This file tests proto/http_range.c. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "proto/http_range.h"
#include "support/suite.h"

/* Of 1000 bytes, unless said. */
static const struct {
	const char *text, *ranges; /* "416"; "" for those to be ignored */
} rows[] = {
	{ "bytes=0-0", "0-0" },
	{ "bytes=0-499", "0-499" },
	{ "bytes=500-", "500-999" },
	{ "bytes=-1", "999-999" },
	{ "bytes=-500", "500-999" },
	{ "bytes=-1000", "0-999" },
	{ "bytes=-5000", "0-999" },
	{ "bytes=0-", "0-999" },
	{ "bytes=999-", "999-999" },
	{ "bytes=0-999", "0-999" },
	{ "bytes=0-5000", "0-999" },
	{ "BYTES=1-2", "1-2" },
	{ "bytes=1-2,", "1-2" },
	{ "bytes= 1-2\t, ,-3", "1-2 997-999" },
	{ "bytes=0-99999999999999999999999", "0-999" },
	{ "bytes=-99999999999999999999999", "0-999" },
	{ "bytes=000-0001", "0-1" },
	/* several */
	{ "bytes=0-0,-1", "0-0 999-999" },
	{ "bytes=-1,0-0", "999-999 0-0" },
	{ "bytes=0-9,20-29,40-49", "0-9 20-29 40-49" },
	{ "bytes=0-9,10-19", "0-19" },
	{ "bytes=10-19,0-9", "0-19" },
	{ "bytes=0-9,5-14", "0-14" },
	{ "bytes=0-99,5-6", "0-99" },
	{ "bytes=5-6,0-99", "0-99" },
	{ "bytes=0-9,20-29,5-24", "0-29" },
	{ "bytes=0-9,20-29,40-49,5-24", "0-29 40-49" },
	{ "bytes=40-49,0-9,20-29,5-24", "40-49 0-29" },
	{ "bytes=40-49,20-29,0-9,5-44", "0-49" },
	{ "bytes=0-9,20-29,40-49,11-12,15-16,9-20", "0-29 40-49" },
	{ "bytes=0-,-1", "0-999" },
	{ "bytes=1000-1001,2-3", "2-3" },
	{ "bytes=-0,2-3", "2-3" },
	/* none of them can be had */
	{ "bytes=1000-", "416" },
	{ "bytes=1000-2000", "416" },
	{ "bytes=-0", "416" },
	{ "bytes=99999999999999999999999-", "416" },
	{ "bytes=1000-,2000-,-0", "416" },
	/* to be ignored */
	{ "", "" },
	{ "bytes", "" },
	{ "bytes=", "" },
	{ "bytes=,", "" },
	{ "bytes=-", "" },
	{ "bytes=5", "" },
	{ "bytes=5-4", "" },
	{ "bytes=1001-1000", "" },
	{ "bytes=--5", "" },
	{ "bytes=1--5", "" },
	{ "bytes=+1-5", "" },
	{ "bytes=1 - 5", "" },
	{ "bytes=a-5", "" },
	{ "bytes=0x1-5", "" },
	{ "bytes=0-5,x", "" },
	{ "bytes=0-5;6-7", "" },
	{ "bytes =0-5", "" },
	{ "lines=0-5", "" },
	{ "bytes=bytes=0-5", "" },
	{ "=0-5", "" },
};

static void
parse(const char *text, int64_t size, char *out)
{
	struct sh_http_range ranges[SH_HTTP_RANGES_MAX];
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);
	int i, n;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, len);
	n = sh_http_range_parse(copy, len, size, ranges);
	free(copy);
	out[0] = '\0';
	if (n < 0)
		sprintf(out, "%d", -n);
	for (i = 0; i < n; i++)
		out += sprintf(out, "%s%" PRId64 "-%" PRId64, i > 0 ? " " : "",
		    ranges[i].begin, ranges[i].end - 1);
}

START_TEST(test_rows)
{
	char out[1024];
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		parse(rows[i].text, 1000, out);
		ck_assert_msg(strcmp(out, rows[i].ranges) == 0,
		    "\"%s\" gave \"%s\"", rows[i].text, out);
	}
}
END_TEST

START_TEST(test_sizes)
{
	char out[1024];

	parse("bytes=0-", 1, out);
	ck_assert_str_eq(out, "0-0");
	parse("bytes=1-", 1, out);
	ck_assert_str_eq(out, "416");
	parse("bytes=0-", 0, out);
	ck_assert_str_eq(out, "");
	parse("bytes=-5", 0, out);
	ck_assert_str_eq(out, "");
	parse("bytes=9223372036854775806-", INT64_MAX, out);
	ck_assert_str_eq(out, "9223372036854775806-9223372036854775806");
	parse("bytes=9223372036854775807-", INT64_MAX, out);
	ck_assert_str_eq(out, "416");
}
END_TEST

START_TEST(test_count)
{
	char text[256] = "bytes=", out[1024], all[1024] = "";
	int i;

	for (i = 0; i < SH_HTTP_RANGES_MAX; i++) {
		sprintf(text + strlen(text), "%d-%d,", i * 10, i * 10);
		sprintf(all + strlen(all), "%s%d-%d", i > 0 ? " " : "", i * 10,
		    i * 10);
	}
	parse(text, 1000, out);
	ck_assert_str_eq(out, all);
	/* one more, even if it is the same */
	strcat(text, "0-0");
	parse(text, 1000, out);
	ck_assert_str_eq(out, "");
}
END_TEST

SH_SUITE("proto/http_range", test_rows, test_sizes, test_count)
