/* This file tests proto/utf8.c. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "proto/utf8.h"
#include "support/suite.h"

enum { WHOLE = -1, CUT_OFF = -2 };

/* Bytes, and which of them is the first that is impossible. */
struct row {
	const char *bytes;
	int bad;
};

static const struct row rows[] = {
	{ "", WHOLE },
	{ "plain", WHOLE },
	{ "sixteen bytes and more of ASCII, in eights", WHOLE },
	{ "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", WHOLE },
	{ "1234567\xc3\xa4", WHOLE },
	{ "12345678\xf0\x9f\x90\x9f 12345678", WHOLE },
	/* the first and the last of each length */
	{ "\x7f", WHOLE },
	{ "\xc2\x80", WHOLE },
	{ "\xdf\xbf", WHOLE },
	{ "\xe0\xa0\x80", WHOLE },
	{ "\xef\xbf\xbf", WHOLE },
	{ "\xf0\x90\x80\x80", WHOLE },
	{ "\xf4\x8f\xbf\xbf", WHOLE },
	{ "\xf4\x90\x80\x80", 1 },
	/* around the surrogates, and the end */
	{ "\xed\x9f\xbf", WHOLE },
	{ "\xee\x80\x80", WHOLE },
	{ "\xef\xbf\xbd", WHOLE },
	{ "\xef\xbf\xbe", WHOLE }, /* no character, but UTF-8 */
	/* forms of five and six bytes */
	{ "\xf8\x88\x80\x80\x80", 0 },
	{ "\xfc\x84\x80\x80\x80\x80", 0 },
	{ "\xfb\xbf\xbf\xbf\xbf", 0 },
	{ "\xfd\xbf\xbf\xbf\xbf\xbf", 0 },
	{ "\xf5\x80\x80\x80", 0 },
	/* tails without a head */
	{ "\x80", 0 },
	{ "\xbf", 0 },
	{ "a\x80\xbf", 1 },
	{ "12345678\x80", 8 },
	{ "\xc3\xa4\xa4", 2 },
	/* heads without a tail */
	{ "\xc2 ", 1 },
	{ "\xdf ", 1 },
	{ "\xe0 ", 1 },
	{ "\xe1\x80 ", 2 },
	{ "\xf0\x90 ", 2 },
	{ "\xf1\x80\x80 ", 3 },
	{ "\xc3\xc3", 1 },
	{ "\xe1\x80\xe1", 2 },
	{ "\xc2", CUT_OFF },
	{ "\xe1", CUT_OFF },
	{ "\xe1\x80", CUT_OFF },
	{ "\xf1", CUT_OFF },
	{ "\xf1\x80", CUT_OFF },
	{ "1234\xf1\x80\x80", CUT_OFF },
	/* never */
	{ "\xfe", 0 },
	{ "\xff", 0 },
	{ "\xfe\xfe\xff\xff", 0 },
	/* overlong, the least and the most of each */
	{ "\xc0\xaf", 0 },
	{ "\xc0\x80", 0 },
	{ "\xc1\xbf", 0 },
	{ "\xe0\x80\xaf", 1 },
	{ "\xe0\x80\x80", 1 },
	{ "\xe0\x9f\xbf", 1 },
	{ "\xf0\x80\x80\xaf", 1 },
	{ "\xf0\x80\x80\x80", 1 },
	{ "\xf0\x8f\xbf\xbf", 1 },
	/* surrogates, alone and in pairs */
	{ "\xed\xa0\x80", 1 },
	{ "\xed\xad\xbf", 1 },
	{ "\xed\xae\x80", 1 },
	{ "\xed\xbf\xbf", 1 },
	{ "\xed\xa0\x80\xed\xb0\x80", 1 },
	/* what is narrow for one character is not for the next */
	{ "\xed\x80\x80\xe1\xbf\xbf", WHOLE },
	{ "\xf4\x80\xbf\xbf", WHOLE },
	{ "\xe0\xa0\x80\xc3\x80", WHOLE },
	{ "ok \xce\xba\xed\xa0\x80 edited", 6 },
};

/* A portion in an allocation of its own, which shows a read past it. */
static bool
take(struct sh_utf8 *utf8, const char *bytes, size_t len)
{
	char *exact = malloc(len != 0 ? len : 1);
	bool fine;

	memcpy(exact, bytes, len);
	fine = sh_utf8_take(utf8, exact, len);
	free(exact);
	return fine;
}

START_TEST(test_rows)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].bytes), at;
		int bad = rows[i].bad;
		struct sh_utf8 utf8 = { 0 };

		ck_assert_msg(
		    sh_utf8_is_valid(rows[i].bytes, len) == (bad == WHOLE),
		    "row %zu", i);
		/* byte by byte: refused at that byte, no sooner or later */
		for (at = 0; at < len; at++) {
			bool fine = take(&utf8, rows[i].bytes + at, 1);

			ck_assert_msg(
			    fine == ((int)at != bad), "row %zu, %zu", i, at);
			if (!fine)
				break;
		}
		if (bad < 0)
			ck_assert_msg(
			    sh_utf8_is_complete(&utf8) == (bad == WHOLE),
			    "row %zu", i);
	}
}
END_TEST

START_TEST(test_splits)
{
	size_t i, at;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].bytes);

		for (at = 0; at <= len; at++) {
			struct sh_utf8 utf8 = { 0 };
			bool fine = take(&utf8, rows[i].bytes, at);

			ck_assert_msg(
			    fine == (rows[i].bad < 0 || (int)at <= rows[i].bad),
			    "row %zu, %zu", i, at);
			fine = fine &&
			    take(&utf8, rows[i].bytes + at, len - at) &&
			    sh_utf8_is_complete(&utf8);
			ck_assert_msg(fine == (rows[i].bad == WHOLE),
			    "row %zu, %zu", i, at);
		}
	}
}
END_TEST

/* Every code point, encoded by the rule, is taken but the surrogates. */
START_TEST(test_every_code_point)
{
	uint32_t c, wrong = 0;

	for (c = 0; c < 0x120000; c++) {
		uint8_t b[4];
		size_t len;
		bool right = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

		if (c < 0x80) {
			b[0] = (uint8_t)c;
			len = 1;
		} else if (c < 0x800) {
			b[0] = (uint8_t)(0xc0 | c >> 6);
			len = 2;
		} else if (c < 0x10000) {
			b[0] = (uint8_t)(0xe0 | c >> 12);
			b[1] = 0x80 | (c >> 6 & 0x3f);
			len = 3;
		} else {
			b[0] = (uint8_t)(0xf0 | c >> 18);
			b[1] = 0x80 | (c >> 12 & 0x3f);
			b[2] = 0x80 | (c >> 6 & 0x3f);
			len = 4;
		}
		if (len > 1)
			b[len - 1] = 0x80 | (c & 0x3f);
		wrong += sh_utf8_is_valid(b, len) != right;
	}
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

/* ASCII is looked at in blocks, and the last ones overlap. */
START_TEST(test_every_place)
{
	enum { MAX = 140 };
	uint8_t bytes[MAX];
	struct sh_utf8 utf8;
	size_t len, i;

	memset(bytes, 'a', sizeof(bytes));
	for (len = 0; len <= MAX; len++) {
		ck_assert(sh_utf8_is_valid(bytes, len));
		for (i = 0; i < len; i++) {
			bytes[i] = 0xff;
			ck_assert(!sh_utf8_is_valid(bytes, len));
			memset(&utf8, 0, sizeof(utf8));
			ck_assert(!sh_utf8_take(&utf8, bytes, len));
			bytes[i] = 'a';
		}
	}
}
END_TEST

SH_SUITE("proto/utf8", test_rows, test_splits, test_every_code_point,
    test_every_place)
