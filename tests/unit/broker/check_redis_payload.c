/* This file tests broker/redis_payload.c and broker/redis_wanted.c. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/ws.h>

#include "base/attr.h"
#include "support/suite.h"
#include "topic/publication.h"
#include "broker/redis_payload.h"
#include "broker/redis_wanted.h"

enum { CAP = 2048 };

/* A payload; place is what is before its number, in the stead of P. */
static size_t
make(char *payload, const char *place, const char *data)
{
	struct sh_publication publication = { .topic = "a/b",
		.topic_len = 3,
		.type = 1,
		.sender = 42,
		.data = data,
		.len = strlen(data) };
	uint8_t head[SH_REDIS_HEAD_LEN];
	size_t len = strlen(place);

	sh_redis_head_write(head, 0x0102030405060708, 9);
	memcpy(payload, place, len);
	memcpy(payload + len, head + 1, sizeof(head) - 1);
	len += sizeof(head) - 1;
	len += sh_publication_encode(&publication, (uint8_t *)payload + len);
	memcpy(payload + len, data, strlen(data));
	return len + strlen(data);
}

START_TEST(a_payload_is_read)
{
	static const struct {
		const char *place;
		uint64_t epoch, offset;
	} cases[] = {
		{ "P", 0, 0 },
		{ "K1 1 ", 1, 1 },
		{ "K18446744073709551615 9007199254740992 ", UINT64_MAX,
		    9007199254740992 },
	};
	struct sh_publication publication;
	const uint8_t *number;
	char payload[CAP];
	size_t i, len;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		len = make(payload, cases[i].place, "hello");
		ck_assert_int_eq(
		    sh_redis_payload_read(&publication, &number, payload, len),
		    0);
		ck_assert_uint_eq(publication.epoch, cases[i].epoch);
		ck_assert_uint_eq(publication.offset, cases[i].offset);
		ck_assert_uint_eq(publication.sender, 42);
		ck_assert_uint_eq(publication.len, 5);
		ck_assert_int_eq(number[0], 8);
		ck_assert_int_eq(number[8], 9);
		/* a part of it is none, but for the data */
		while (--len > 0)
			ck_assert_int_eq(sh_redis_payload_read(&publication,
					     &number, payload, len),
			    len + 5 >= make(payload, cases[i].place, "hello")
				? 0
				: -SHOAL_EPROTO);
	}
}
END_TEST

START_TEST(what_is_none_is_refused)
{
	static const char *const places[] = { "", "p", "K", "K ", "K1", "K1 ",
		"K1 1", "K0 1 ", "K1 0 ", "K01 1 ", "K-1 1 ", "K1  1 ",
		"K18446744073709551616 1 ", "K111111111111111111111 1 ",
		"K1 1 1 ", "PP" };
	struct sh_publication publication;
	const uint8_t *number;
	char payload[CAP];
	size_t i, len;

	for (i = 0; i < SH_ARRAY_LEN(places); i++) {
		len = make(payload, places[i], "x");
		ck_assert_msg(sh_redis_payload_read(
				  &publication, &number, payload, len) < 0,
		    "'%s'", places[i]);
	}
	ck_assert_int_eq(
	    sh_redis_payload_read(&publication, &number, "", 0), -SHOAL_EPROTO);
}
END_TEST

/* Others can write there, and a browser ends the connection of a text that is not
 * UTF-8. */
START_TEST(a_text_is_utf_8)
{
	static const struct {
		const char *data;
		uint8_t type;
		int result;
	} cases[] = {
		{ "gr\xc3\xbc\xc3\x9f", SHOAL_WS_TEXT, 0 },
		{ "gr\xfc\xdf", SHOAL_WS_TEXT, -SHOAL_EPROTO },
		{ "\xed\xa0\x80", SHOAL_WS_TEXT, -SHOAL_EPROTO },
		{ "cut \xc3", SHOAL_WS_TEXT, -SHOAL_EPROTO },
		{ "gr\xfc\xdf", SHOAL_WS_BINARY, 0 },
	};
	struct sh_publication publication;
	const uint8_t *number;
	char payload[CAP];
	size_t i, len;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		len = make(payload, "P", cases[i].data);
		payload[SH_REDIS_HEAD_LEN + 1] = (char)cases[i].type;
		ck_assert_int_eq(
		    sh_redis_payload_read(&publication, &number, payload, len),
		    cases[i].result);
		ck_assert_int_eq(
		    sh_redis_entry_read(&publication, payload + 1, len - 1),
		    cases[i].result);
	}
}
END_TEST

START_TEST(filters_become_channels_and_patterns)
{
	static const struct {
		const char *filter;
		bool wild;
		const char *name;
	} cases[] = {
		{ "a/b", false, "p*:a/b" },
		{ "a*[b]?\\", false, "p*:a*[b]?\\" },
		{ "+", true, "p\\*:*" },
		{ "#", true, "p\\*:*" },
		{ "a/+", true, "p\\*:a/*" },
		{ "+/b", true, "p\\*:*/b" },
		{ "a/+/b/#", true, "p\\*:a/*/b*" },
		{ "a/#", true, "p\\*:a*" },
		{ "a*[^b]?\\/+", true, "p\\*:a\\*\\[\\^b\\]\\?\\\\/*" },
	};
	char *name = malloc(sh_redis_name_cap("p*:"));
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		ck_assert_uint_eq(sh_redis_name_write(name,
				      "p*:", cases[i].filter, cases[i].wild),
		    strlen(cases[i].name));
		ck_assert_str_eq(name, cases[i].name);
	}
	free(name);
}
END_TEST

static int
count(struct sh_redis_want *want, void *arg)
{
	int *left = arg;

	return want->filters == 0 || --*left == 0 ? -1 : 0;
}

START_TEST(what_is_wanted_is_counted)
{
	struct sh_redis_wanted wanted = { .count = 0 };
	char name[32];
	int i, n, left;
	bool first;

	for (i = 0; i < 1000; i++) {
		n = snprintf(name, sizeof(name), "channel %d", i);
		ck_assert_int_eq(sh_redis_wanted_add(
				     &wanted, name, (size_t)n, false, &first),
		    0);
		ck_assert(first);
		ck_assert_int_eq(sh_redis_wanted_add(
				     &wanted, name, (size_t)n, false, &first),
		    0);
		ck_assert(!first);
		ck_assert_ptr_null(
		    sh_redis_wanted_find(&wanted, name, (size_t)n, true));
	}
	ck_assert_uint_eq(wanted.count, 1000);
	left = 1001;
	ck_assert_int_eq(sh_redis_wanted_each(&wanted, count, &left), 0);
	ck_assert_int_eq(left, 1);
	left = 10;
	ck_assert_int_lt(sh_redis_wanted_each(&wanted, count, &left), 0);
	for (i = 0; i < 1000; i += 2) {
		n = snprintf(name, sizeof(name), "channel %d", i);
		ck_assert(
		    !sh_redis_wanted_remove(&wanted, name, (size_t)n, true));
		ck_assert(
		    !sh_redis_wanted_remove(&wanted, name, (size_t)n, false));
		ck_assert(
		    sh_redis_wanted_remove(&wanted, name, (size_t)n, false));
		ck_assert(
		    !sh_redis_wanted_remove(&wanted, name, (size_t)n, false));
	}
	ck_assert_uint_eq(wanted.count, 500);
	sh_redis_wanted_fini(&wanted);
	ck_assert_ptr_null(sh_redis_wanted_find(&wanted, "a", 1, false));
}
END_TEST

SH_SUITE("broker/redis_payload", a_payload_is_read, what_is_none_is_refused,
    a_text_is_utf_8, filters_become_channels_and_patterns,
    what_is_wanted_is_counted)
