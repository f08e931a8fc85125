/* This file tests topic/keep.c. */
#include "config.h"

#include <string.h>

#include <shoal/error.h>

#include "support/suite.h"
#include "topic/keep.h"

static int64_t
count_of(const char *topic)
{
	const struct sh_keep *keep = sh_keep_find(topic, strlen(topic));

	return keep != NULL ? keep->count : -1;
}

static int
add(const char *filter, int64_t count)
{
	struct sh_keep keep = { .count = count };

	return sh_keep_add(filter, &keep, false);
}

START_TEST(first_match_counts)
{
	ck_assert_int_eq(count_of("chat/1"), -1);
	ck_assert_int_eq(add("chat/1", 1), 0);
	ck_assert_int_eq(add("chat/#", 2), 0);
	ck_assert_int_eq(add("+/2", 3), 0);
	ck_assert_int_eq(count_of("chat/1"), 1);
	ck_assert_int_eq(count_of("chat/2"), 2);
	ck_assert_int_eq(count_of("chat"), 2);
	ck_assert_int_eq(count_of("other/2"), 3);
	ck_assert_int_eq(count_of("other/3"), -1);
	ck_assert_int_eq(count_of("$x/2"), -1);
	sh_keep_clear();
	ck_assert_int_eq(count_of("chat/1"), -1);
}
END_TEST

/* Who comes and goes is not what was said. */
START_TEST(wildcards_pass_over_asides)
{
	ck_assert_int_eq(add("chat/+/$log", 1), 0);
	ck_assert_int_eq(add("chat/#", 2), 0);
	ck_assert_int_eq(add("+/$x", 3), 0);
	ck_assert_int_eq(add("a/+", 4), 0);
	ck_assert_int_eq(count_of("chat/1/$members"), -1);
	ck_assert_int_eq(count_of("chat/$members"), -1);
	ck_assert_int_eq(count_of("chat/$a/b"), -1);
	ck_assert_int_eq(count_of("chat/$a/$log"), -1);
	ck_assert_int_eq(count_of("a/$"), -1);
	ck_assert_int_eq(count_of("chat/1/$log"), 1);
	ck_assert_int_eq(count_of("chat/cash$"), 2);
	ck_assert_int_eq(count_of("chat/$x"), 3);
	ck_assert_int_eq(count_of("a/x$"), 4);
	sh_keep_clear();
}
END_TEST

START_TEST(a_filter_has_one_rule)
{
	struct sh_keep keep = { .age_ms = 5 };

	ck_assert_int_eq(add("a", 1), 0);
	ck_assert_int_eq(add("a", 1), 0);
	ck_assert_int_eq(add("a", 2), -SHOAL_EEXIST);
	ck_assert_int_eq(sh_keep_add("b", &keep, true), 0);
	ck_assert_int_eq(add("b", 2), 0);
	ck_assert_int_eq(count_of("b"), 0);
	sh_keep_settle();
	ck_assert_int_eq(add("c", 2), -SHOAL_ESTATE);
	ck_assert_int_eq(add("a", 1), 0);
	sh_keep_clear();
	ck_assert_int_eq(add("c", 2), 0);
	sh_keep_clear();
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	static const struct sh_keep wrong[] = { { 0 }, { .count = -1 },
		{ .count = 1, .bytes = -1 }, { .count = 1, .age_ms = -1 },
		{ .bytes = SH_KEEP_BYTES_MAX + 1 } };
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(
		    sh_keep_add("a", &wrong[i], false), -SHOAL_EINVAL);
	ck_assert_int_eq(add("a//b", 1), -SHOAL_EINVAL);
	ck_assert_int_eq(add("", 1), -SHOAL_EINVAL);
	ck_assert_int_eq(add("$a", 1), -SHOAL_EINVAL);
	ck_assert_int_eq(count_of("a"), -1);
}
END_TEST

SH_SUITE("topic/keep", first_match_counts, wildcards_pass_over_asides,
    a_filter_has_one_rule, what_makes_no_sense_is_refused)
