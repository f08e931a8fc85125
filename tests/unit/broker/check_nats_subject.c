#include "config.h"

#include <string.h>

#include "support/suite.h"
#include "broker/nats_subject.h"

START_TEST(test_root)
{
	static const struct {
		const char *prefix, *root;
	} cases[] = { { "shoal", "shoal." }, { "shoal.", "shoal." },
		{ "..a..b", "a.b." }, { "", "" }, { ".", "" },
		{ "a b*>%", "a%20b%2A%3E%25." } };
	char root[SH_NATS_ROOT_MAX];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = sh_nats_root(cases[i].prefix, root, sizeof(root));

		ck_assert_str_eq(root, cases[i].root);
		ck_assert_uint_eq(n, strlen(root));
	}
	ck_assert_uint_eq(sh_nats_root("abcdefg", root, 8), 0);
}
END_TEST

START_TEST(test_there_and_back)
{
	static const struct {
		const char *topic, *subject;
	} cases[] = { { "chat/42", "chat.42" }, { "a", "a" },
		{ "a.b/c d", "a%2Eb.c%20d" }, { "*/>", "%2A.%3E" },
		{ "100%", "100%25" }, { "\303\244/\x7f", "\303\244.%7F" },
		{ "$sys/x", "$sys.x" }, { "\x01", "%01" } };
	char subject[SH_NATS_TOPIC_MAX], topic[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].topic);

		ck_assert_uint_eq(sh_nats_subject(cases[i].topic, len, subject),
		    strlen(cases[i].subject));
		ck_assert_str_eq(subject, cases[i].subject);
		ck_assert(sh_nats_topic_of(subject, topic));
		ck_assert_str_eq(topic, cases[i].topic);
	}
}
END_TEST

START_TEST(test_longest)
{
	char subject[SH_NATS_TOPIC_MAX], topic[256], longest[256];

	memset(longest, '.', 255);
	longest[255] = '\0';
	ck_assert_uint_eq(sh_nats_subject(longest, 255, subject), 765);
	ck_assert(sh_nats_topic_of(subject, topic));
	ck_assert_str_eq(topic, longest);
}
END_TEST

START_TEST(test_not_ours)
{
	static const char *const cases[] = { "", "a%", "a%2", "a%2g", "%zz" };
	char topic[256], long_one[300];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert(!sh_nats_topic_of(cases[i], topic));
	memset(long_one, 'a', 256);
	long_one[256] = '\0';
	ck_assert(!sh_nats_topic_of(long_one, topic));
}
END_TEST

START_TEST(test_filters)
{
	static const struct {
		const char *filter, *subject, *parent;
	} cases[] = { { "a/b", "a.b", "" }, { "a/+/b", "a.*.b", "" },
		{ "+", "*", "" }, { "#", ">", "" }, { "a/#", "a.>", "a" },
		{ "+/#", "*.>", "*" }, { "a/+/#", "a.*.>", "a.*" } };
	char subject[SH_NATS_TOPIC_MAX];
	size_t i, parent;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sh_nats_filter_subject(
		    cases[i].filter, strlen(cases[i].filter), subject, &parent);
		ck_assert_str_eq(subject, cases[i].subject);
		subject[parent] = '\0';
		ck_assert_str_eq(subject, cases[i].parent);
	}
}
END_TEST

START_TEST(test_stream_names)
{
	char name[16];

	sh_nats_stream_name("my.app/1 x", name, sizeof(name));
	ck_assert_str_eq(name, "my_app_1_x");
	sh_nats_stream_name("abcdefghijklmnopqrstuvw", name, sizeof(name));
	ck_assert_str_eq(name, "abcdefghijklmno");
}
END_TEST

SH_SUITE("broker/nats_subject", test_root, test_there_and_back, test_longest,
    test_not_ours, test_filters, test_stream_names)
