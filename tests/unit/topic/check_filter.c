/* This file tests topic/filter.c. */
#include "config.h"

#include <string.h>

#include <shoal/topic.h>

#include "base/attr.h"
#include "support/suite.h"
#include "topic/filter.h"

/* What a text is: a topic, a filter (which every topic is), of shoal's own. */
enum { NOTHING = 0, TOPIC = 1, FILTER = 2, BOTH = TOPIC | FILTER, OWN = 4 };

static const struct {
	const char *text;
	int what;
} forms[] = {
	{ "", NOTHING },
	{ "a", BOTH },
	{ "chat/42", BOTH },
	{ "chat/42/\xc3\xa4 b", BOTH },
	{ "\xe2\x82\xac", BOTH },
	{ "+", FILTER },
	{ "#", FILTER },
	{ "+/+", FILTER },
	{ "chat/+", FILTER },
	{ "+/42", FILTER },
	{ "chat/+/x", FILTER },
	{ "chat/#", FILTER },
	{ "+/#", FILTER },
	{ "chat/#/x", NOTHING },
	{ "#/x", NOTHING },
	{ "##", NOTHING },
	{ "a+", NOTHING },
	{ "+a", NOTHING },
	{ "++", NOTHING },
	{ "a/b#", NOTHING },
	{ "a/#b", NOTHING },
	{ "/", NOTHING },
	{ "/a", NOTHING },
	{ "a/", NOTHING },
	{ "a//b", NOTHING },
	{ "+/", NOTHING },
	{ "#/", NOTHING },
	{ "a\nb", NOTHING },
	{ "\x1f", NOTHING },
	{ "a\x7f", NOTHING },
	{ "\xc2\x80", NOTHING },
	{ "\xc2\x9f", NOTHING },
	{ "\xc2\xa0", BOTH },
	{ "\xff", NOTHING },
	{ "a\xc2", NOTHING },
	{ "$", OWN },
	{ "$close/1", OWN },
	{ "a/$b", BOTH },
	{ "$close/+", NOTHING },
	{ "$/", NOTHING },
};

START_TEST(test_forms)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(forms); i++) {
		const char *text = forms[i].text;
		size_t len = strlen(text);
		int what = forms[i].what;

		ck_assert_msg(
		    sh_topic_is_valid(text, len) == ((what & TOPIC) != 0),
		    "topic %zu", i);
		ck_assert_msg(
		    sh_filter_is_valid(text, len) == ((what & FILTER) != 0),
		    "filter %zu", i);
		ck_assert_msg(sh_topic_is_formed(text, len) ==
			((what & (TOPIC | OWN)) != 0),
		    "form %zu", i);
		if (what != NOTHING)
			ck_assert_msg(sh_filter_is_wild(text, len) ==
				((what & (TOPIC | OWN)) == 0),
			    "wild %zu", i);
	}
}
END_TEST

START_TEST(test_lengths)
{
	char text[SHOAL_TOPIC_MAX + 1];

	memset(text, 'a', sizeof(text));
	ck_assert(sh_topic_is_valid(text, SHOAL_TOPIC_MAX));
	ck_assert(sh_filter_is_valid(text, SHOAL_TOPIC_MAX));
	ck_assert(!sh_topic_is_valid(text, SHOAL_TOPIC_MAX + 1));
	ck_assert(!sh_filter_is_valid(text, SHOAL_TOPIC_MAX + 1));
	/* a NUL is a control character */
	ck_assert(!sh_topic_is_valid("a\0b", 3));
	ck_assert(!sh_filter_is_valid("a/\0", 3));
}
END_TEST

static const struct {
	const char *filter, *topic;
	bool matches;
} pairs[] = {
	{ "a", "a", true },
	{ "a", "b", false },
	{ "a", "a/b", false },
	{ "a/b", "a", false },
	{ "a/b", "a/b", true },
	{ "a/b", "a/bc", false },
	{ "a/bc", "a/b", false },
	{ "+", "a", true },
	{ "+", "a/b", false },
	{ "+/b", "a/b", true },
	{ "+/b", "a/c", false },
	{ "+/b", "b", false },
	{ "a/+", "a", false },
	{ "a/+", "a/b", true },
	{ "a/+", "a/b/c", false },
	{ "a/+/c", "a/b/c", true },
	{ "a/+/c", "a/b/d", false },
	{ "+/+", "a/b", true },
	{ "#", "a", true },
	{ "#", "a/b/c", true },
	{ "a/#", "a", true },
	{ "a/#", "a/b", true },
	{ "a/#", "a/b/c/d", true },
	{ "a/#", "ab", false },
	{ "a/#", "b/a", false },
	{ "+/#", "a", true },
	{ "+/b/#", "a/b", true },
	{ "+/b/#", "a/c", false },
	/* MQTT 5.0, 4.7.2 */
	{ "#", "$own", false },
	{ "+", "$own", false },
	{ "+/a", "$own/a", false },
	{ "+/#", "$own/a", false },
	{ "$own/+", "$own/a", true },
	{ "a/+", "a/$b", true },
	{ "a/#", "a/$b", true },
};

START_TEST(test_matches)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(pairs); i++)
		ck_assert_msg(sh_filter_matches(pairs[i].filter,
				  strlen(pairs[i].filter), pairs[i].topic,
				  strlen(pairs[i].topic)) == pairs[i].matches,
		    "pair %zu", i);
}
END_TEST

START_TEST(test_segments)
{
	ck_assert_uint_eq(sh_segment_len("", 0), 0);
	ck_assert_uint_eq(sh_segment_len("abc", 3), 3);
	ck_assert_uint_eq(sh_segment_len("ab/c", 4), 2);
	/* not further than it is told */
	ck_assert_uint_eq(sh_segment_len("abc/", 3), 3);
}
END_TEST

SH_SUITE("topic/filter", test_forms, test_lengths, test_matches, test_segments)
