/* This file tests proto/http_date.c. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "proto/http_date.h"
#include "support/suite.h"

struct date {
	const char *text;
	int64_t seconds;
};

static const struct date dates[] = {
	{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
	{ "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
	{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
	{ "Tue, 29 Feb 2000 12:00:00 GMT", 951825600 },
	{ "Sun, 28 Feb 2100 23:59:59 GMT", 4107542399 },
	{ "Mon, 01 Mar 2100 00:00:00 GMT", 4107542400 },
	{ "Tue, 19 Jan 2038 03:14:08 GMT", 2147483648 },
	{ "Mon, 01 Jan 0001 00:00:00 GMT", -62135596800 },
	{ "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
};

/* In 2026. */
static const int64_t now = 1795000000;

/* In memory of just its size. */
static int
parse(const char *text, int64_t *seconds_out)
{
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);
	int r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, len);
	r = sh_http_date_parse(copy, len, now, seconds_out);
	free(copy);
	return r;
}

START_TEST(test_both_ways)
{
	char text[SH_HTTP_DATE_SIZE];
	int64_t seconds = 1;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(dates); i++) {
		ck_assert_int_eq(
		    sh_http_date_format(dates[i].seconds, text), 0);
		ck_assert_str_eq(text, dates[i].text);
		ck_assert_int_eq(parse(text, &seconds), 0);
		ck_assert_int_eq(seconds, dates[i].seconds);
	}
}
END_TEST

START_TEST(test_as_libc)
{
	char mine[SH_HTTP_DATE_SIZE], its[64];
	int64_t seconds, back = 0;
	struct tm tm;

	/* some two days and an odd time further each */
	for (seconds = -62135596800; seconds < 253402300799;
	     seconds += 1813931) {
		time_t when = (time_t)seconds;

		ck_assert_ptr_nonnull(gmtime_r(&when, &tm));
		strftime(its, sizeof(its), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		if (tm.tm_year < 1000 - 1900)
			continue; /* its year has no zeros in front */
		ck_assert_int_eq(sh_http_date_format(seconds, mine), 0);
		ck_assert_str_eq(mine, its);
		ck_assert_int_eq(
		    sh_http_date_parse(mine, strlen(mine), now, &back), 0);
		ck_assert_int_eq(back, seconds);
	}
}
END_TEST

START_TEST(test_no_format)
{
	static const int64_t bad[] = { -62135596801, 253402300800, INT64_MIN,
		INT64_MAX };
	char text[SH_HTTP_DATE_SIZE] = "as it was";
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(bad); i++) {
		ck_assert_int_eq(sh_http_date_format(bad[i], text), -ERANGE);
		ck_assert_str_eq(text, "as it was");
	}
}
END_TEST

START_TEST(test_old_forms)
{
	static const struct date old[] = {
		{ "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
		{ "Sun Nov  6 08:49:37 1994", 784111777 },
		{ "Wed Nov 16 08:49:37 1994", 784975777 },
		/* at most 50 years from 2026 */
		{ "Thursday, 01-Jan-70 00:00:00 GMT", 3155760000 },
		{ "Wednesday, 01-Jan-76 00:00:00 GMT", 3345062400 },
		{ "Saturday, 01-Jan-77 00:00:00 GMT", 220924800 },
		{ "Friday, 31-Dec-99 23:59:59 GMT", 946684799 },
		{ "Saturday, 01-Jan-00 00:00:00 GMT", 946684800 },
		/* a leap second; and nobody looks whether it was that day */
		{ "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
		{ "Mon, 06 Nov 1994 08:49:37 GMT", 784111777 },
	};
	int64_t seconds = 1;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(old); i++) {
		ck_assert_int_eq(parse(old[i].text, &seconds), 0);
		ck_assert_int_eq(seconds, old[i].seconds);
	}
}
END_TEST

START_TEST(test_refused)
{
	static const char *const bad[] = { "", "Sun", "Sun,", "Sunday", "0",
		"784111777", " Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"sun, 06 nov 1994 08:49:37 gmt", "Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 +0000",
		"Sun,06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 29 Feb 1900 08:49:37 GMT",
		"Sun, 06 Nov 0000 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 06 Now 1994 08:49:37 GMT",
		"Sun, -6 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sunday, 06 Nov 1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
		"Sun Nov  6 08:49:37 1994 GMT", "Sun Nov  16 08:49:37 1994" };
	int64_t seconds = 4711;
	size_t i, len;

	for (i = 0; i < SH_ARRAY_LEN(bad); i++)
		ck_assert_int_eq(parse(bad[i], &seconds), -SHOAL_EINVAL);
	/* cut anywhere */
	for (len = 0; len + 1 < SH_HTTP_DATE_SIZE; len++)
		ck_assert_int_eq(
		    sh_http_date_parse(dates[2].text, len, now, &seconds),
		    -SHOAL_EINVAL);
	ck_assert_int_eq(seconds, 4711);
}
END_TEST

SH_SUITE("proto/http_date", test_both_ways, test_as_libc, test_no_format,
    test_old_forms, test_refused)
