/* This file tests proto/http_answer.c, http_lines.c and http_event.c. */
#include "config.h"

#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/buf.h"
#include "proto/http_answer.h"
#include "proto/http_event.h"
#include "proto/http_lines.h"
#include "support/suite.h"

START_TEST(numbers)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t n;
	} rows[] = {
		{ "0", true, 0 },
		{ "00012", true, 12 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "9223372036854775808", false, 0 },
		{ "99999999999999999999999", false, 0 },
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1a", false, 0 },
	};
	char out[SH_HTTP_DECIMAL_MAX];
	uint64_t n;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		n = 0;
		ck_assert_msg(
		    sh_http_number(rows[i].text, &n) == rows[i].good &&
			n == rows[i].n,
		    "%s", rows[i].text);
	}
	ck_assert_uint_eq(sh_http_decimal(out, 0), 1);
	ck_assert_int_eq(out[0], '0');
	ck_assert_uint_eq(sh_http_decimal(out, UINT64_MAX), 20);
	ck_assert_int_eq(memcmp(out, "18446744073709551615", 20), 0);
}
END_TEST

START_TEST(chunks)
{
	static const struct {
		size_t len;
		const char *head;
	} rows[] = { { 1, "1\r\n" }, { 15, "f\r\n" }, { 16, "10\r\n" },
		{ 0xabcdef, "abcdef\r\n" },
		{ SIZE_MAX, "ffffffffffffffff\r\n" } };
	char out[SH_HTTP_CHUNK_HEAD_MAX];
	size_t i, n;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		n = sh_http_chunk_head(out, rows[i].len);
		ck_assert_uint_eq(n, strlen(rows[i].head));
		ck_assert_int_eq(memcmp(out, rows[i].head, n), 0);
	}
}
END_TEST

static void
check_status_line(int status, const char *reason, const char *expected)
{
	char out[SH_HTTP_STATUS_LINE_MAX];
	size_t n = sh_http_status_line(out, status, reason);

	ck_assert_uint_eq(n, strlen(expected));
	ck_assert_int_eq(memcmp(out, expected, n), 0);
}

START_TEST(status_lines)
{
	char longest[SH_HTTP_REASON_MAX + 2];

	check_status_line(200, NULL, "HTTP/1.1 200 OK\r\n");
	check_status_line(200, "Fine", "HTTP/1.1 200 Fine\r\n");
	check_status_line(404, NULL, "HTTP/1.1 404 Not Found\r\n");
	check_status_line(299, NULL, "HTTP/1.1 299 \r\n");
	check_status_line(511, "", "HTTP/1.1 511 \r\n");
	ck_assert_str_eq(
	    sh_http_reason(431), "Request Header Fields Too Large");
	ck_assert(sh_http_is_reason("a b\tc\xe4"));
	ck_assert(!sh_http_is_reason("a\rb"));
	ck_assert(!sh_http_is_reason("a\x7f"));
	memset(longest, 'x', sizeof(longest));
	longest[SH_HTTP_REASON_MAX] = '\0';
	ck_assert(sh_http_is_reason(longest));
	longest[SH_HTTP_REASON_MAX] = 'x';
	longest[SH_HTTP_REASON_MAX + 1] = '\0';
	ck_assert(!sh_http_is_reason(longest));
	ck_assert(sh_http_has_body(200) && sh_http_has_body(404));
	ck_assert(!sh_http_has_body(101) && !sh_http_has_body(204) &&
	    !sh_http_has_body(205) && !sh_http_has_body(304));
}
END_TEST

static void
check_lines(const struct sh_http_lines *lines, const char *expected)
{
	ck_assert_uint_eq(lines->len, strlen(expected));
	ck_assert_int_eq(memcmp(lines->data, expected, lines->len), 0);
}

START_TEST(lines_are_added_found_and_removed)
{
	struct sh_http_lines lines;
	const char *value;
	size_t len;

	sh_http_lines_init(&lines);
	ck_assert_int_eq(sh_http_lines_add(&lines, "A", "1"), 0);
	ck_assert_int_eq(sh_http_lines_add(&lines, "Ab", ""), 0);
	ck_assert_int_eq(sh_http_lines_add(&lines, "a", "2"), 0);
	check_lines(&lines, "A: 1\r\nAb: \r\na: 2\r\n");
	ck_assert(sh_http_lines_find(&lines, "AB", &value, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert(sh_http_lines_find(&lines, "a", &value, &len));
	ck_assert(len == 1 && *value == '1');
	ck_assert(!sh_http_lines_find(&lines, "b", &value, &len));
	/* only those before the end that is given */
	sh_http_lines_remove(&lines, "A", 6);
	check_lines(&lines, "Ab: \r\na: 2\r\n");
	sh_http_lines_remove(&lines, "A", lines.len);
	check_lines(&lines, "Ab: \r\n");
	sh_http_lines_remove(&lines, "ab", lines.len);
	check_lines(&lines, "");
	sh_http_lines_fini(&lines);
}
END_TEST

START_TEST(lines_grow)
{
	struct sh_http_lines lines;
	char value[1000];
	size_t i;

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	sh_http_lines_init(&lines);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(sh_http_lines_add(&lines, "Name", value), 0);
	ck_assert_uint_eq(lines.len, 100 * (4 + 2 + 999 + 2));
	ck_assert_int_eq(memcmp(lines.data, "Name: vvv", 9), 0);
	sh_http_lines_remove(&lines, "name", lines.len);
	ck_assert_uint_eq(lines.len, 0);
	sh_http_lines_fini(&lines);
}
END_TEST

START_TEST(lines_that_could_be_others_are_refused)
{
	static const char *const names[] = { "", "a b", "a:", "a\r", "\xe4" };
	static const char *const values[] = { "a\rb", "a\nb", "a\r\nB: c",
		"\x01", "\x7f" };
	struct sh_http_lines lines;
	size_t i;

	sh_http_lines_init(&lines);
	for (i = 0; i < SH_ARRAY_LEN(names); i++)
		ck_assert_int_eq(
		    sh_http_lines_add(&lines, names[i], "x"), -SHOAL_EINVAL);
	for (i = 0; i < SH_ARRAY_LEN(values); i++)
		ck_assert_int_eq(
		    sh_http_lines_add(&lines, "x", values[i]), -SHOAL_EINVAL);
	ck_assert_uint_eq(lines.len, 0);
	sh_http_lines_fini(&lines);
}
END_TEST

START_TEST(events)
{
	static const struct {
		struct shoal_event event;
		int r;
		const char *text;
	} rows[] = {
		{ { .data = "a" }, 0, "data: a\n\n" },
		{ { .data = "" }, 0, "data: \n\n" },
		{ { .data = "a\nb\rc\r\nd" }, 0,
		    "data: a\ndata: b\ndata: c\ndata: d\n\n" },
		{ { .data = "a\n" }, 0, "data: a\ndata: \n\n" },
		{ { .type = "t", .id = "", .retry_ms = 5 }, 0,
		    "event: t\nid: \nretry: 5\n\n" },
		{ { .size = 0 }, 0, "\n" },
		{ { .type = "a\rb" }, -SHOAL_EINVAL, NULL },
		{ { .id = "a\nb" }, -SHOAL_EINVAL, NULL },
		{ { .retry_ms = -1 }, -SHOAL_EINVAL, NULL },
	};
	struct shoal_event event;
	struct sh_buf out;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		event = rows[i].event;
		event.size = sizeof(event);
		sh_buf_init(&out, SIZE_MAX);
		ck_assert_int_eq(sh_http_event_format(&event, &out), rows[i].r);
		if (rows[i].r == 0) {
			ck_assert_uint_eq(out.len, strlen(rows[i].text));
			ck_assert_int_eq(
			    memcmp(out.data, rows[i].text, out.len), 0);
		}
		sh_buf_fini(&out);
	}
	event.size = 4;
	ck_assert_int_eq(sh_http_event_format(&event, &out), -SHOAL_EINVAL);
}
END_TEST

SH_SUITE("proto/http_answer", numbers, chunks, status_lines,
    lines_are_added_found_and_removed, lines_grow,
    lines_that_could_be_others_are_refused, events)
