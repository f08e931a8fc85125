/* This file tests client/redis_reader.c, and with it client/redis_reply.c. */
#include "config.h"

#include "base/attr.h"
#include "client/redis_reader.h"
#include "support/suite.h"

enum { LIMIT = 1024 * 1024 };

static struct sh_redis_reader reader;

/* A reply in short: i12, s, "text", !error, nil, [a,b] */
static void
describe(const struct shoal_redis_reply *reply, char *text, size_t cap)
{
	size_t i, len;

	switch (reply->type) {
	case SHOAL_REDIS_NIL: snprintf(text, cap, "nil"); return;
	case SHOAL_REDIS_INTEGER:
		snprintf(text, cap, "i%lld", (long long)reply->integer);
		return;
	case SHOAL_REDIS_STRING:
		snprintf(text, cap, "\"%s\"", reply->text);
		return;
	case SHOAL_REDIS_STATUS:
	case SHOAL_REDIS_ERROR:
		snprintf(text, cap, "%s%s",
		    reply->type == SHOAL_REDIS_ERROR ? "!" : "", reply->text);
		return;
	case SHOAL_REDIS_ARRAY: break;
	}
	len = (size_t)snprintf(text, cap, "[");
	for (i = 0; i < reply->count; i++) {
		describe(reply->items[i], text + len, cap - len);
		len += strlen(text + len);
		len += (size_t)snprintf(text + len, cap - len, ",");
	}
	snprintf(text + len, cap - len, "]");
}

static const struct {
	const char *bytes, *text;
	int result; /* when there is no text */
} cases[] = {
	{ "+OK\r\n", "OK", 0 },
	{ "-ERR no\r\n", "!ERR no", 0 },
	{ ":-7\r\n", "i-7", 0 },
	{ "$0\r\n\r\n", "\"\"", 0 },
	{ "$-1\r\n", "nil", 0 },
	{ "*-1\r\n", "nil", 0 },
	{ "*0\r\n", "[]", 0 },
	{ "$3\r\nabc\r\n", "\"abc\"", 0 },
	{ "*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n*0\r\n", "[i1,[\"x\",nil,],[],]",
	    0 },
	{ "?\r\n", NULL, -SHOAL_EPROTO },
	{ "$x\r\n", NULL, -SHOAL_EPROTO },
	{ "*1\r\n?", NULL, -SHOAL_EPROTO },
	{ "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", NULL,
	    -SHOAL_EPROTO },
	{ "*3000000\r\n", NULL, -SHOAL_EMSGSIZE },
	{ "*2\r\n+a\r\n*3000000\r\n", NULL, -SHOAL_EMSGSIZE },
	{ "*2\r\n+a\r\n*4294967295\r\n", NULL, -SHOAL_EPROTO },
};

/* Feed it in two parts: the result at the end. */
static int
feed_split(const char *bytes, size_t split, char *text, size_t cap)
{
	struct shoal_redis_reply *reply = NULL;
	size_t len = strlen(bytes);
	int r;

	sh_redis_reader_refill(&reader);
	ck_assert_int_eq(sh_redis_reader_feed(&reader, bytes, split), 0);
	r = sh_redis_reader_next(&reader, &reply);
	if (r == 0) {
		ck_assert_int_eq(
		    sh_redis_reader_feed(&reader, bytes + split, len - split),
		    0);
		r = sh_redis_reader_next(&reader, &reply);
	}
	if (r != 1)
		return r;
	ck_assert(split == len || sh_redis_reader_is_empty(&reader));
	describe(reply, text, cap);
	ck_assert_uint_gt(sh_redis_reply_size(reply), sizeof(*reply));
	sh_redis_reply_free(&reply);
	ck_assert_ptr_null(reply);
	return 1;
}

START_TEST(at_every_split)
{
	char text[256];
	size_t i, split;
	int r;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++)
		for (split = 0; split <= strlen(cases[i].bytes); split++) {
			sh_redis_reader_init(&reader, LIMIT);
			r = feed_split(
			    cases[i].bytes, split, text, sizeof(text));
			if (cases[i].text == NULL)
				ck_assert_msg(r == cases[i].result,
				    "case %zu at %zu: %d", i, split, r);
			else
				ck_assert_int_eq(r, 1);
			if (cases[i].text != NULL)
				ck_assert_str_eq(text, cases[i].text);
			sh_redis_reader_reset(&reader);
		}
}
END_TEST

START_TEST(many_in_a_row)
{
	static const char one[] = "*2\r\n$3\r\nabc\r\n:5\r\n";
	struct shoal_redis_reply *reply;
	int i, n = 0;

	sh_redis_reader_init(&reader, SH_REDIS_REPLY_CEILING);
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(
		    sh_redis_reader_feed(&reader, one, strlen(one)), 0);
	ck_assert(!sh_redis_reader_is_empty(&reader));
	while (sh_redis_reader_next(&reader, &reply) == 1) {
		ck_assert_uint_eq(reply->count, 2);
		sh_redis_reply_free(&reply);
		n++;
	}
	ck_assert_int_eq(n, 1000);
	ck_assert(sh_redis_reader_is_empty(&reader));
	sh_redis_reader_trim(&reader);
	sh_redis_reader_reset(&reader);
}
END_TEST

/* A line without an end, and a string longer than the limit. */
START_TEST(without_an_end)
{
	struct shoal_redis_reply *reply;
	static char zeros[8192];
	int r = 0, i;

	memset(zeros, '0', sizeof(zeros));
	sh_redis_reader_init(&reader, SH_REDIS_REPLY_CEILING);
	ck_assert_int_eq(sh_redis_reader_feed(&reader, "+", 1), 0);
	for (i = 0; i < 100 && r == 0; i++) {
		ck_assert_int_eq(
		    sh_redis_reader_feed(&reader, zeros, sizeof(zeros)), 0);
		r = sh_redis_reader_next(&reader, &reply);
	}
	ck_assert_int_eq(r, -SHOAL_EPROTO);
	ck_assert_int_lt(i, 20);
	sh_redis_reader_reset(&reader);

	sh_redis_reader_init(&reader, 100 * 1000);
	ck_assert_int_eq(sh_redis_reader_feed(&reader, "$999999\r\n", 9), 0);
	for (i = 0, r = 0; i < 100 && r == 0; i++) {
		ck_assert_int_eq(
		    sh_redis_reader_feed(&reader, zeros, sizeof(zeros)), 0);
		r = sh_redis_reader_next(&reader, &reply);
	}
	ck_assert_int_eq(r, -SHOAL_EMSGSIZE);
	ck_assert_int_lt(i, 20);
	sh_redis_reader_reset(&reader);
}
END_TEST

SH_SUITE("client/redis_reader", at_every_split, many_in_a_row, without_an_end)
