/* This file tests handlers/topic_rule.c: names into topics. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "handlers/topic_rule.h"
#include "support/suite.h"

struct row {
	const char *prefix, *name;
	const char *topic; /* NULL: none */
};

static const struct row rows[] = {
	{ "room/", "lobby", "room/lobby" },
	{ "", "lobby", "lobby" },
	{ "a/b/", "c/d", "a/b/c/d" },
	{ "room/", "z\xc3\xbcrich", "room/z\xc3\xbcrich" },
	{ "room/", "with space", "room/with space" },
	{ "room/", "a+b", NULL },
	{ "room/", "", NULL },
	{ "room/", "+", NULL },
	{ "room/", "#", NULL },
	{ "room/", "a/#", NULL },
	{ "room/", "a#", NULL },
	{ "room/", "a/", NULL },
	{ "room/", "a//b", NULL },
	{ "room/", "/a", NULL },
	{ "room/", "a\nb", NULL },
	{ "room/", "a\x7f", NULL },
	{ "room/", "\xff", NULL },
	{ "room/", "$members", NULL },
	{ "room/", "a/$members", NULL },
	{ "room/", "a$", "room/a$" },
	{ "", "$shoal/x", NULL },
};

START_TEST(test_compose)
{
	char topic[SHOAL_TOPIC_MAX + 1];
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		bool is_one = sh_topic_compose(row->prefix, row->name, topic);

		ck_assert_msg(is_one == (row->topic != NULL), "'%s' '%s'",
		    row->prefix, row->name);
		if (is_one)
			ck_assert_str_eq(topic, row->topic);
	}
}
END_TEST

/* There is room for what is below it. */
START_TEST(test_length)
{
	char name[SHOAL_TOPIC_MAX + 2], topic[SHOAL_TOPIC_MAX + 1];
	size_t longest = SH_TOPIC_RULE_MAX - strlen("room/");

	memset(name, 'x', sizeof(name));
	name[longest] = '\0';
	ck_assert(sh_topic_compose("room/", name, topic));
	ck_assert_uint_eq(strlen(topic), SH_TOPIC_RULE_MAX);
	name[longest] = 'x';
	name[longest + 1] = '\0';
	ck_assert(!sh_topic_compose("room/", name, topic));
	name[longest + 1] = 'x';
	name[sizeof(name) - 1] = '\0';
	ck_assert(!sh_topic_compose("room/", name, topic));
}
END_TEST

START_TEST(test_filter)
{
	struct sh_topic_rule rule = { .prefix = "room/", .name = "lobby" };
	char filter[SHOAL_TOPIC_MAX + 1];

	rule.from = SH_TOPIC_PATH;
	sh_topic_rule_filter(&rule, filter);
	ck_assert_str_eq(filter, "room/#");
	rule.from = SH_TOPIC_FIXED;
	sh_topic_rule_filter(&rule, filter);
	ck_assert_str_eq(filter, "room/lobby");
	ck_assert_str_eq(sh_topic_rule_name(&rule, filter), "lobby");
	rule.from = SH_TOPIC_QUERY;
	rule.prefix = "";
	sh_topic_rule_filter(&rule, filter);
	ck_assert_str_eq(filter, "#");
}
END_TEST

SH_SUITE("handlers/topic_rule", test_compose, test_length, test_filter)
