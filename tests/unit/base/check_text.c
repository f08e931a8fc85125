/* This file tests base/text.c. */
#include "config.h"

#include <errno.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/text.h"
#include "support/suite.h"

START_TEST(durations_parse)
{
	static const struct {
		const char *text;
		int result;
		int64_t ms;
	} cases[] = {
		{ "30s", 0, 30000 },
		{ "250ms", 0, 250 },
		{ "1m30s", 0, 90000 },
		{ "1d2h3m4s5ms", 0, 93784005 },
		{ "0s", 0, 0 },
		{ "", -SHOAL_EINVAL, 0 },
		{ "30", -SHOAL_EINVAL, 0 },
		{ "s", -SHOAL_EINVAL, 0 },
		{ "30x", -SHOAL_EINVAL, 0 },
		{ "30s1m", -SHOAL_EINVAL, 0 },
		{ "1s1s", -SHOAL_EINVAL, 0 },
		{ "-1s", -SHOAL_EINVAL, 0 },
		{ "1 s", -SHOAL_EINVAL, 0 },
		{ "99999999999999999999d", -ERANGE, 0 },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		int64_t ms = 0;

		ck_assert_msg(
		    sh_duration_parse(cases[i].text, &ms) == cases[i].result,
		    "%s", cases[i].text);
		ck_assert_int_eq(ms, cases[i].ms);
	}
}
END_TEST

START_TEST(sizes_parse)
{
	static const struct {
		const char *text;
		int result;
		int64_t bytes;
	} cases[] = {
		{ "512", 0, 512 },
		{ "64k", 0, 65536 },
		{ "64K", 0, 65536 },
		{ "8M", 0, 8388608 },
		{ "1G", 0, 1073741824 },
		{ "k", -SHOAL_EINVAL, 0 },
		{ "1kb", -SHOAL_EINVAL, 0 },
		{ "1.5M", -SHOAL_EINVAL, 0 },
		{ "-1", -SHOAL_EINVAL, 0 },
		{ "9999999999999G", -ERANGE, 0 },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		int64_t bytes = 0;

		ck_assert_msg(
		    sh_size_parse(cases[i].text, &bytes) == cases[i].result,
		    "%s", cases[i].text);
		ck_assert_int_eq(bytes, cases[i].bytes);
	}
}
END_TEST

START_TEST(formats_read_back)
{
	char buf[64];
	int64_t n;

	ck_assert_str_eq(sh_duration_format(90000, buf, sizeof(buf)), "1m30s");
	ck_assert_str_eq(sh_duration_format(0, buf, sizeof(buf)), "0s");
	ck_assert_int_eq(
	    sh_duration_parse(
		sh_duration_format(93784005, buf, sizeof(buf)), &n),
	    0);
	ck_assert_int_eq(n, 93784005);
	ck_assert_str_eq(sh_size_format(65536, buf, sizeof(buf)), "64k");
	ck_assert_str_eq(sh_size_format(1000, buf, sizeof(buf)), "1000");
	ck_assert_str_eq(sh_size_format(0, buf, sizeof(buf)), "0");
}
END_TEST

START_TEST(nearest_word_is_near)
{
	static const char *const words[] = { "idle_timeout", "header_size",
		"listeners", NULL };

	ck_assert_str_eq(sh_word_nearest("idle_timout", words), "idle_timeout");
	ck_assert_str_eq(sh_word_nearest("lsiteners", words), "listeners");
	ck_assert_ptr_null(sh_word_nearest("x", words));
	ck_assert_uint_eq(sh_word_distance("ab", "ba"), 1);
}
END_TEST

SH_SUITE("base/text", durations_parse, sizes_parse, formats_read_back,
    nearest_word_is_near)
