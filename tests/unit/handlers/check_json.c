/* This file tests handlers/json.c: what is written, and what is only counted. */
#include "config.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "handlers/json.h"
#include "support/suite.h"

struct row {
	const char *text;
	size_t len; /* 0: up to the NUL */
	const char *json;
};

static const struct row rows[] = {
	{ "", 0, "\"\"" },
	{ "hello", 0, "\"hello\"" },
	{ "say \"hi\"", 0, "\"say \\\"hi\\\"\"" },
	{ "a\\b/c", 0, "\"a\\\\b/c\"" },
	{ "\b\t\n\v\f\r", 0, "\"\\b\\t\\n\\u000b\\f\\r\"" },
	{ "\0\x01\x1f", 3, "\"\\u0000\\u0001\\u001f\"" },
	{ "a\0b", 3, "\"a\\u0000b\"" },
	{ "\x7f", 0, "\"\x7f\"" },
	{ "z\xc3\xbcrich \xf0\x9f\x90\x9f", 0,
	    "\"z\xc3\xbcrich \xf0\x9f\x90\x9f\"" },
	{ "\"", 0, "\"\\\"\"" },
};

START_TEST(test_string)
{
	char buf[64];
	struct sh_json json;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		size_t len = row->len != 0 ? row->len : strlen(row->text);

		sh_json_init(&json, buf, sizeof(buf));
		sh_json_string(&json, row->text, len);
		ck_assert_uint_eq(json.len, strlen(row->json));
		ck_assert_mem_eq(buf, row->json, json.len);
	}
}
END_TEST

/* What does not fit is counted, and nothing is written behind the end. */
START_TEST(test_cap)
{
	static const char whole[] = "{\"a\":\"b\\nc\",\"n\":-7}";
	char buf[sizeof(whole) + 1];
	struct sh_json json;
	size_t cap;

	for (cap = 0; cap <= strlen(whole); cap++) {
		memset(buf, '~', sizeof(buf));
		sh_json_init(&json, buf, cap);
		sh_json_raw(&json, "{\"a\":");
		sh_json_string(&json, "b\nc", 3);
		sh_json_raw(&json, ",\"n\":");
		sh_json_int(&json, -7);
		sh_json_raw(&json, "}");
		ck_assert_uint_eq(json.len, strlen(whole));
		ck_assert_mem_eq(buf, whole, cap);
		ck_assert_int_eq(buf[cap], '~');
	}
	sh_json_init(&json, NULL, 0);
	sh_json_string(&json, "b\nc", 3);
	ck_assert_uint_eq(json.len, 6);
}
END_TEST

START_TEST(test_numbers)
{
	char buf[128];
	struct sh_json json;

	sh_json_init(&json, buf, sizeof(buf));
	sh_json_int(&json, INT64_MIN);
	sh_json_raw(&json, " ");
	sh_json_int(&json, 0);
	sh_json_raw(&json, " ");
	sh_json_id(&json, UINT64_MAX);
	buf[json.len] = '\0';
	ck_assert_str_eq(
	    buf, "-9223372036854775808 0 \"18446744073709551615\"");
}
END_TEST

SH_SUITE("handlers/json", test_string, test_cap, test_numbers)
