/* This file tests proc/control.c. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "proc/control.h"
#include "support/suite.h"

START_TEST(requests_come_back)
{
	struct sh_control_request out = { .verb = "restart-worker" }, in;
	char line[SH_CONTROL_LINE_MAX];
	int len;

	sh_control_add(&out, "slot", 3);
	sh_control_add(&out, "time_out-x", INT64_MIN);
	sh_control_add(&out, "max", INT64_MAX);
	len = sh_control_format(&out, line);
	ck_assert_int_eq(len, (int)strlen(line));
	ck_assert_int_eq(sh_control_parse(&in, line, (size_t)len), len);
	ck_assert_str_eq(in.verb, "restart-worker");
	ck_assert_uint_eq(in.arg_count, 3);
	ck_assert_int_eq(sh_control_arg(&in, "slot", -1), 3);
	ck_assert_int_eq(sh_control_arg(&in, "time_out-x", 0), INT64_MIN);
	ck_assert_int_eq(sh_control_arg(&in, "max", 0), INT64_MAX);
	ck_assert_int_eq(sh_control_arg(&in, "other", -7), -7);
}
END_TEST

START_TEST(texts_come_back)
{
	static const char *const texts[] = { "", "tap", "a \"b\" %41\t\n",
		"\x01\x7f\x80\xff", "unix:/a b/c=d",
		"123456789012345678901234567890123456789012345678901234567890"
		"123" };
	char line[SH_CONTROL_LINE_MAX];
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(texts); i++) {
		struct sh_control_request out = { .verb = "v" }, in;
		int len;

		ck_assert_int_eq(
		    sh_control_add_text(&out, "name", texts[i]), 0);
		sh_control_add(&out, "close", 1);
		len = sh_control_format(&out, line);
		ck_assert_int_gt(len, 0);
		ck_assert_int_eq(sh_control_parse(&in, line, (size_t)len), len);
		ck_assert_str_eq(sh_control_text(&in, "name"), texts[i]);
		ck_assert_int_eq(sh_control_arg(&in, "close", 0), 1);
		/* neither is the other */
		ck_assert_ptr_null(sh_control_text(&in, "close"));
		ck_assert_ptr_null(sh_control_text(&in, "nam"));
		ck_assert_int_eq(sh_control_arg(&in, "name", -7), -7);
	}
}
END_TEST

START_TEST(long_texts_are_refused)
{
	struct sh_control_request request = { .verb = "v" };
	char text[SH_CONTROL_TEXT_MAX + 1], line[SH_CONTROL_LINE_MAX];
	int i, len;

	memset(text, '\n', sizeof(text));
	text[SH_CONTROL_TEXT_MAX] = '\0';
	ck_assert_int_eq(
	    sh_control_add_text(&request, "a", text), -SHOAL_EMSGSIZE);
	ck_assert_uint_eq(request.arg_count, 0);
	len = snprintf(line, sizeof(line), "shoal/1 v a=\"%.63s\"\n",
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	ck_assert_int_eq(sh_control_parse(&request, line, (size_t)len), len);
	len = snprintf(line, sizeof(line), "shoal/1 v a=\"%.64s\"\n",
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	ck_assert_int_eq(
	    sh_control_parse(&request, line, (size_t)len), -SHOAL_EINVAL);
	/* and the line as a whole */
	request = (struct sh_control_request){ .verb = "v" };
	text[SH_CONTROL_TEXT_MAX - 1] = '\0';
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(sh_control_add_text(&request, "a", text), 0);
	ck_assert_int_eq(sh_control_format(&request, line), -SHOAL_EMSGSIZE);
}
END_TEST

START_TEST(fullest_request_fits)
{
	struct sh_control_request out = { 0 }, in;
	char line[SH_CONTROL_LINE_MAX];
	int len, i;

	memset(out.verb, 'v', sizeof(out.verb) - 1);
	for (i = 0; i < SH_CONTROL_ARGS_MAX; i++)
		sh_control_add(&out, "abcdefghijklmnopqrstuvw", INT64_MIN);
	len = sh_control_format(&out, line);
	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(sh_control_parse(&in, line, (size_t)len), len);
	ck_assert_uint_eq(in.arg_count, SH_CONTROL_ARGS_MAX);
}
END_TEST

START_TEST(byte_by_byte_it_is_not_complete_before_the_end)
{
	static const char line[] =
	    "shoal/1 reload wait=1 name=\"a%20b\" timeout=-5\n";
	struct sh_control_request request;
	size_t len;

	for (len = 0; len < sizeof(line) - 1; len++)
		ck_assert_int_eq(sh_control_parse(&request, line, len), 0);
	ck_assert_int_eq(sh_control_parse(&request, line, sizeof(line) - 1),
	    (int)sizeof(line) - 1);
	ck_assert_int_eq(sh_control_arg(&request, "timeout", 0), -5);
}
END_TEST

START_TEST(only_the_first_line_is_taken)
{
	static const char lines[] = "shoal/1 status\nshoal/1 stop\n";
	struct sh_control_request request;

	ck_assert_int_eq(
	    sh_control_parse(&request, lines, sizeof(lines) - 1), 15);
	ck_assert_str_eq(request.verb, "status");
}
END_TEST

START_TEST(malformed_requests_are_refused)
{
	static const char *const lines[] = {
		"\n",
		"s\n",
		"shoal/1\n",
		"shoal/1 \n",
		"shoal/2 status\n",
		"SHOAL/1 status\n",
		" shoal/1 status\n",
		"shoal/1  status\n",
		"shoal/1 Status\n",
		"shoal/1 status \n",
		"shoal/1 status x\n",
		"shoal/1 status x=\n",
		"shoal/1 status =1\n",
		"shoal/1 status x=1 \n",
		"shoal/1 status  x=1\n",
		"shoal/1 status x=1  y=2\n",
		"shoal/1 status x=+1\n",
		"shoal/1 status x= 1\n",
		"shoal/1 status x=1a\n",
		"shoal/1 status x=0x10\n",
		"shoal/1 status x=-\n",
		"shoal/1 status x=--1\n",
		"shoal/1 status x=9223372036854775808\n",
		"shoal/1 status x=-9223372036854775809\n",
		"shoal/1 status x=000000000000000000000001\n",
		"shoal/1 status X=1\n",
		"shoal/1 status\tx=1\n",
		"shoal/1 status x=1\r\n",
		"shoal/1 status=1\n",
		"shoal/1 abcdefghijklmnopqrstuvwx\n",
		"shoal/1 status abcdefghijklmnopqrstuvwx=1\n",
		"shoal/1 s a=\"\n",
		"shoal/1 s a=\"b\n",
		"shoal/1 s a=b\n",
		"shoal/1 s a=\"b\"c\n",
		"shoal/1 s a=\"b\"\"c\"\n",
		"shoal/1 s a=\"b\"  c=1\n",
		"shoal/1 s a=\"b c\"\n",
		"shoal/1 s a=\"b\tc\"\n",
		"shoal/1 s a=\"\x80\"\n",
		"shoal/1 s a=\"%\"\n",
		"shoal/1 s a=\"%4\"\n",
		"shoal/1 s a=\"%4g\"\n",
		"shoal/1 s a=\"%4a\"\n",
		"shoal/1 s a=\"%00\"\n",
		"shoal/1 s a=\"%4\n",
		"shoal/1 s a=\"%\n",
		"shoal/1 s a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1\n",
	};
	struct sh_control_request request;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(lines); i++)
		ck_assert_msg(sh_control_parse(&request, lines[i],
				  strlen(lines[i])) == -SHOAL_EINVAL,
		    "'%s'", lines[i]);
}
END_TEST

START_TEST(nul_bytes_are_refused)
{
	static const char value[] = "shoal/1 status x=1\0002\n";
	static const char verb[] = "shoal/1 sta\0tus\n";
	static const char text[] = "shoal/1 status x=\"a\0b\"\n";
	struct sh_control_request request;

	ck_assert_int_eq(sh_control_parse(&request, value, sizeof(value) - 1),
	    -SHOAL_EINVAL);
	ck_assert_int_eq(
	    sh_control_parse(&request, verb, sizeof(verb) - 1), -SHOAL_EINVAL);
	ck_assert_int_eq(
	    sh_control_parse(&request, text, sizeof(text) - 1), -SHOAL_EINVAL);
}
END_TEST

START_TEST(long_lines_are_refused)
{
	char line[SH_CONTROL_LINE_MAX + 8];
	struct sh_control_request request;

	memset(line, 'x', sizeof(line));
	ck_assert_int_eq(
	    sh_control_parse(&request, line, SH_CONTROL_LINE_MAX - 2), 0);
	ck_assert_int_eq(
	    sh_control_parse(&request, line, SH_CONTROL_LINE_MAX - 1),
	    -SHOAL_EMSGSIZE);
	line[SH_CONTROL_LINE_MAX - 1] = '\n';
	ck_assert_int_eq(
	    sh_control_parse(&request, line, sizeof(line)), -SHOAL_EMSGSIZE);
	line[SH_CONTROL_LINE_MAX - 2] = '\n';
	ck_assert_int_eq(
	    sh_control_parse(&request, line, sizeof(line)), -SHOAL_EINVAL);
}
END_TEST

/* A line of verb and arguments that is as long as may be. */
static size_t
fill_line(char *line, size_t len)
{
	size_t at = (size_t)sprintf(line, "shoal/1 list");
	char key = 'a';

	while (len - at > 68)
		at += (size_t)sprintf(line + at, " %c=\"%.63s\"", key++,
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxx");
	at += (size_t)sprintf(line + at, " %c=\"", key);
	while (at < len - 2)
		line[at++] = 'x';
	line[at++] = '"';
	line[at++] = '\n';
	return at;
}

START_TEST(longest_line_that_parses_is_written)
{
	char line[SH_CONTROL_LINE_MAX], again[SH_CONTROL_LINE_MAX];
	struct sh_control_request request;
	size_t len = fill_line(line, SH_CONTROL_LINE_MAX);

	ck_assert_int_eq(
	    sh_control_parse(&request, line, len), -SHOAL_EMSGSIZE);
	len = fill_line(line, SH_CONTROL_LINE_MAX - 1);
	ck_assert_int_eq(sh_control_parse(&request, line, len), (int)len);
	ck_assert_int_eq(sh_control_format(&request, again), (int)len);
	ck_assert_mem_eq(again, line, len);
}
END_TEST

START_TEST(heads_of_answers_parse)
{
	static const struct {
		const char *text;
		int result, status;
		size_t body;
	} cases[] = {
		{ "shoal/1 0 0\n", 12, 0, 0 },
		{ "shoal/1 150 12\nhello", 15, 150, 12 },
		{ "shoal/1 255 4194304\n", 20, 255, 4194304 },
		{ "shoal/1 0 4194305\n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/1 256 0\n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/1 -1 0\n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/1 0 -1\n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/1 0\n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/1 0 \n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/1 0 0 \n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/1  0 0\n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/1 0  0\n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/1 a 0\n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/2 0 0\n", -SHOAL_EINVAL, 0, 0 },
		{ "\n", -SHOAL_EINVAL, 0, 0 },
		{ "shoal/1 0 0", 0, 0, 0 },
		{ "", 0, 0, 0 },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		int status = -1;
		size_t body = 99;
		int r = sh_control_parse_head(
		    cases[i].text, strlen(cases[i].text), &status, &body);

		ck_assert_msg(
		    r == cases[i].result, "'%s': %d", cases[i].text, r);
		ck_assert_int_eq(status, r > 0 ? cases[i].status : -1);
		ck_assert_uint_eq(body, r > 0 ? cases[i].body : 99);
	}
}
END_TEST

START_TEST(endless_heads_are_refused)
{
	char text[SH_CONTROL_HEAD_MAX];
	size_t body;
	int status;

	memset(text, '0', sizeof(text));
	ck_assert_int_eq(
	    sh_control_parse_head(text, sizeof(text) - 1, &status, &body), 0);
	ck_assert_int_eq(
	    sh_control_parse_head(text, sizeof(text), &status, &body),
	    -SHOAL_EINVAL);
}
END_TEST

SH_SUITE("proc/control", requests_come_back, texts_come_back,
    long_texts_are_refused, fullest_request_fits,
    byte_by_byte_it_is_not_complete_before_the_end,
    only_the_first_line_is_taken, malformed_requests_are_refused,
    nul_bytes_are_refused, long_lines_are_refused,
    longest_line_that_parses_is_written, heads_of_answers_parse,
    endless_heads_are_refused)
