/* This file tests proto/http_condition.c. */
#include "config.h"

#include <string.h>

#include "base/attr.h"
#include "proto/http_condition.h"
#include "support/suite.h"

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define THEN "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

enum { MODIFIED = 784111777 };

static const struct sh_http_validators strong = { "\"a\"", MODIFIED,
	MODIFIED + 100 };
static const struct sh_http_validators weak = { "W/\"a\"", MODIFIED,
	MODIFIED + 100 };
static const struct sh_http_validators untagged = { NULL, MODIFIED,
	MODIFIED + 100 };

struct row {
	struct sh_http_condition condition;
	int strong, weak, untagged;
};

static void
check_rows(const struct row *rows, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct sh_http_condition *asked = &rows[i].condition;
		int a = sh_http_condition_judge(asked, &strong);
		int b = sh_http_condition_judge(asked, &weak);
		int c = sh_http_condition_judge(asked, &untagged);

		ck_assert_msg(a == rows[i].strong && b == rows[i].weak &&
			c == rows[i].untagged,
		    "row %zu: %d %d %d", i, a, b, c);
	}
}

START_TEST(test_tags)
{
	static const struct row rows[] = {
		{ { .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "\"a\"", .reads = true }, 304, 304, 0 },
		{ { .if_none_match = "W/\"a\"", .reads = true }, 304, 304, 0 },
		{ { .if_none_match = "\"a\"" }, 412, 412, 0 },
		{ { .if_none_match = "\"b\"", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "*", .reads = true }, 304, 304, 304 },
		{ { .if_none_match = " * ", .reads = true }, 304, 304, 304 },
		{ { .if_none_match = "*" }, 412, 412, 412 },
		{ { .if_none_match = "\"b\", W/\"a\" ,\"c\"", .reads = true },
		    304, 304, 0 },
		{ { .if_none_match = ",,\"b\",,\"a\"", .reads = true }, 304,
		    304, 0 },
		{ { .if_none_match = "\"b,\"a\"", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "\"b,\",\"a\"", .reads = true }, 304, 304,
		    0 },
		{ { .if_none_match = "a", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "\"a", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "w/\"a\"", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "x, \"a\"", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "\"b\" \"a\"", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "*, \"b\"", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "\"", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "W/", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "\"A\"", .reads = true }, 0, 0, 0 },
		{ { .if_none_match = "\"aa\", \"\"", .reads = true }, 0, 0, 0 },
		{ { .if_match = "\"a\"", .reads = true }, 0, 412, 412 },
		{ { .if_match = "W/\"a\"", .reads = true }, 412, 412, 412 },
		{ { .if_match = "\"a\"" }, 0, 412, 412 },
		{ { .if_match = "\"b\", \"a\"" }, 0, 412, 412 },
		{ { .if_match = "\"b\"" }, 412, 412, 412 },
		{ { .if_match = "*" }, 0, 0, 0 },
		{ { .if_match = "" }, 412, 412, 412 },
		{ { .if_match = "a" }, 412, 412, 412 },
	};

	check_rows(rows, SH_ARRAY_LEN(rows));
}
END_TEST

START_TEST(test_dates)
{
	static const struct row rows[] = {
		{ { .if_modified_since = BEFORE, .reads = true }, 0, 0, 0 },
		{ { .if_modified_since = THEN, .reads = true }, 304, 304, 304 },
		{ { .if_modified_since = AFTER, .reads = true }, 304, 304,
		    304 },
		{ { .if_modified_since = THEN }, 0, 0, 0 },
		{ { .if_modified_since = "yesterday", .reads = true }, 0, 0,
		    0 },
		{ { .if_modified_since = "Sun Nov  6 08:49:37 1994",
		      .reads = true },
		    304, 304, 304 },
		{ { .if_modified_since = THEN ", " THEN, .reads = true }, 0, 0,
		    0 },
		{ { .if_unmodified_since = BEFORE, .reads = true }, 412, 412,
		    412 },
		{ { .if_unmodified_since = BEFORE }, 412, 412, 412 },
		{ { .if_unmodified_since = THEN }, 0, 0, 0 },
		{ { .if_unmodified_since = AFTER }, 0, 0, 0 },
		{ { .if_unmodified_since = "0" }, 0, 0, 0 },
	};

	check_rows(rows, SH_ARRAY_LEN(rows));
}
END_TEST

START_TEST(test_order)
{
	static const struct row rows[] = {
		/* If-Match goes before If-Unmodified-Since */
		{ { .if_match = "\"a\"", .if_unmodified_since = BEFORE }, 0,
		    412, 412 },
		{ { .if_match = "\"b\"", .if_unmodified_since = AFTER }, 412,
		    412, 412 },
		/* If-None-Match before If-Modified-Since */
		{ { .if_none_match = "\"b\"",
		      .if_modified_since = AFTER,
		      .reads = true },
		    0, 0, 0 },
		{ { .if_none_match = "\"a\"",
		      .if_modified_since = BEFORE,
		      .reads = true },
		    304, 304, 0 },
		/* 412 before 304 */
		{ { .if_match = "\"b\"",
		      .if_none_match = "\"a\"",
		      .reads = true },
		    412, 412, 412 },
		{ { .if_match = "\"a\"",
		      .if_none_match = "\"a\"",
		      .reads = true },
		    304, 412, 412 },
		{ { .if_unmodified_since = BEFORE,
		      .if_modified_since = THEN,
		      .reads = true },
		    412, 412, 412 },
		{ { .if_unmodified_since = THEN,
		      .if_modified_since = THEN,
		      .reads = true },
		    304, 304, 304 },
	};

	check_rows(rows, SH_ARRAY_LEN(rows));
}
END_TEST

START_TEST(test_if_range)
{
	static const struct {
		const char *text;
		bool strong, weak, untagged;
	} rows[] = {
		{ NULL, true, true, true },
		{ "\"a\"", true, false, false },
		{ "W/\"a\"", false, false, false },
		{ "\"b\"", false, false, false },
		{ "\"a\", \"b\"", false, false, false },
		{ "*", false, false, false },
		{ "", false, false, false },
		{ THEN, true, true, true },
		{ BEFORE, false, false, false },
		{ AFTER, false, false, false },
	};
	struct sh_http_validators fresh = strong;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		struct sh_http_condition asked = { .if_range = rows[i].text };

		ck_assert_int_eq(
		    sh_http_condition_allows_range(&asked, &strong),
		    rows[i].strong);
		ck_assert_int_eq(sh_http_condition_allows_range(&asked, &weak),
		    rows[i].weak);
		ck_assert_int_eq(
		    sh_http_condition_allows_range(&asked, &untagged),
		    rows[i].untagged);
	}
	/* within the second in which it was modified, a date is weak */
	fresh.now = MODIFIED;
	ck_assert(!sh_http_condition_allows_range(
	    &(struct sh_http_condition){ .if_range = THEN }, &fresh));
}
END_TEST

SH_SUITE(
    "proto/http_condition", test_tags, test_dates, test_order, test_if_range)
