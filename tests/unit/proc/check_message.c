/* This file tests proc/message.c. */
#include "config.h"

#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "proc/message.h"
#include "support/suite.h"

static struct sh_message
make(enum sh_message_type type, int64_t value, const char *text)
{
	struct sh_message message = { .type = type, .value = value };

	message.text_len = (uint32_t)strlen(text);
	strcpy(message.text, text);
	return message;
}

START_TEST(every_type_comes_back)
{
	static const int64_t values[] = { 0, 1, -1, INT64_MAX, INT64_MIN,
		0x0123456789abcdef };
	uint8_t buf[SH_MESSAGE_MAX];
	int type;
	size_t i;

	for (type = 1; type < SH_MESSAGE_TYPE_END; type++) {
		for (i = 0; i < SH_ARRAY_LEN(values); i++) {
			struct sh_message out = make(
			    (enum sh_message_type)type, values[i], "words");
			struct sh_message in;
			size_t len = sh_message_encode(&out, buf);

			memset(&in, 0xee, sizeof(in));
			ck_assert_int_eq(sh_message_decode(&in, buf, len), 0);
			ck_assert_int_eq(in.type, type);
			ck_assert_int_eq(in.value, values[i]);
			ck_assert_uint_eq(in.text_len, 5);
			ck_assert_str_eq(in.text, "words");
		}
	}
}
END_TEST

START_TEST(longest_text_fits)
{
	struct sh_message out = { .type = SH_MESSAGE_TEXT,
		.text_len = SH_MESSAGE_TEXT_MAX };
	struct sh_message in;
	uint8_t buf[SH_MESSAGE_MAX];
	size_t len;

	memset(out.text, 'x', SH_MESSAGE_TEXT_MAX);
	len = sh_message_encode(&out, buf);
	ck_assert_uint_eq(len, sizeof(buf));
	ck_assert_int_eq(sh_message_decode(&in, buf, len), 0);
	ck_assert_uint_eq(strlen(in.text), SH_MESSAGE_TEXT_MAX);
}
END_TEST

START_TEST(no_other_length_is_taken)
{
	struct sh_message out = make(SH_MESSAGE_FAILED, 7, "because");
	struct sh_message in;
	uint8_t buf[SH_MESSAGE_MAX] = { 0 };
	size_t whole = sh_message_encode(&out, buf), len;

	for (len = 0; len <= sizeof(buf); len++)
		ck_assert_int_eq(sh_message_decode(&in, buf, len),
		    len == whole ? 0 : -SHOAL_EINVAL);
}
END_TEST

START_TEST(wrong_headers_are_refused)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} cases[] = {
		{ 0, 'S' },
		{ 1, 'H' },
		{ 2, 0 },
		{ 2, 2 },
		{ 3, 0 },
		{ 3, SH_MESSAGE_TYPE_END },
		{ 3, 255 },
		{ 12, 4 },
		{ 13, 1 },
		{ 14, 1 },
		{ 15, 0xff },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		struct sh_message out = make(SH_MESSAGE_TEXT, 0, "abc");
		struct sh_message in;
		uint8_t buf[SH_MESSAGE_MAX];
		size_t len = sh_message_encode(&out, buf);

		buf[cases[i].at] = cases[i].byte;
		ck_assert_msg(sh_message_decode(&in, buf, len) == -SHOAL_EINVAL,
		    "case %zu", i);
	}
}
END_TEST

START_TEST(asks_come_back)
{
	static const int32_t deadlines[] = { -1, 0, 1, INT32_MAX };
	bool close;
	int32_t deadline_ms;
	size_t i;

	for (i = 0; i < 2 * SH_ARRAY_LEN(deadlines); i++) {
		int64_t value = sh_message_ask(i % 2, deadlines[i / 2]);

		ck_assert(sh_message_read_ask(value, &close, &deadline_ms));
		ck_assert_int_eq(close, i % 2);
		ck_assert_int_eq(deadline_ms, deadlines[i / 2]);
	}
}
END_TEST

START_TEST(other_asks_are_refused)
{
	static const int64_t values[] = { -1, INT64_MIN, INT64_MAX, 2LL << 32,
		0xfffffffe, 0x80000000, 1LL << 32 | 0xfffffffe, 1LL << 62 };
	bool close;
	int32_t deadline_ms;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(values); i++)
		ck_assert_msg(
		    !sh_message_read_ask(values[i], &close, &deadline_ms),
		    "case %zu", i);
}
END_TEST

START_TEST(every_type_has_a_name)
{
	int type;

	for (type = 1; type < SH_MESSAGE_TYPE_END; type++)
		ck_assert_str_ne(
		    sh_message_type_str((enum sh_message_type)type), "?");
	ck_assert_str_eq(sh_message_type_str((enum sh_message_type)0), "?");
	ck_assert_str_eq(sh_message_type_str(SH_MESSAGE_TYPE_END), "?");
}
END_TEST

SH_SUITE("proc/message", every_type_comes_back, longest_text_fits,
    no_other_length_is_taken, wrong_headers_are_refused, asks_come_back,
    other_asks_are_refused, every_type_has_a_name)
