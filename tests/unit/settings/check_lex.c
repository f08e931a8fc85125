/* This file tests settings/settings_lex.c and settings_lexed.c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "settings/settings_lex.h"
#include "support/suite.h"

enum { OUT_MAX = 1 << 16 };

static char *
lex_errors(const char *text, size_t len)
{
	struct sh_lexed lexed = { .follow = false };
	struct sh_diagnostics diags = { 0 };
	struct sh_buf out;

	sh_lexed_add_text(&lexed, "f", text, len, &diags);
	sh_buf_init(&out, OUT_MAX);
	sh_diagnostics_format(&diags, &out);
	sh_diagnostics_fini(&diags);
	sh_lexed_fini(&lexed);
	return sh_buf_take(&out);
}

START_TEST(tokens_have_types_and_places)
{
	static const struct sh_token expected[] = {
		{ SH_TOKEN_NAME, { 0, 2, 1 }, "a-b*", 4 },
		{ SH_TOKEN_EQUALS, { 0, 2, 6 }, ":", 1 },
		{ SH_TOKEN_INT, { 0, 2, 8 }, "-010", 4 },
		{ SH_TOKEN_COMMA, { 0, 2, 12 }, ",", 1 },
		{ SH_TOKEN_INT64, { 0, 3, 3 }, "5L", 2 },
		{ SH_TOKEN_FLOAT, { 0, 3, 6 }, ".5", 2 },
		{ SH_TOKEN_FLOAT, { 0, 3, 9 }, "1e-3", 4 },
		{ SH_TOKEN_BOOL, { 0, 3, 14 }, "TRUE", 4 },
		{ SH_TOKEN_STRING, { 0, 3, 19 }, "\"\xc3\xa4#\\\"\"", 7 },
		{ SH_TOKEN_PAREN_CLOSE, { 0, 3, 25 }, ")", 1 },
		{ SH_TOKEN_INT, { 0, 4, 15 }, "0x1F", 4 },
	};
	static const char text[] = "# c\r\na-b* : -010, // c\n"
				   "\t 5L .5 1e-3 TRUE \"\xc3\xa4#\\\"\")\n"
				   "/* c */ /***/ 0x1F";
	struct sh_lexed lexed = { .follow = false };
	struct sh_diagnostics diags = { 0 };
	size_t i;

	sh_lexed_add_text(&lexed, "f", text, strlen(text), &diags);
	ck_assert_uint_eq(diags.count, 0);
	ck_assert_uint_eq(lexed.token_count, SH_ARRAY_LEN(expected));
	for (i = 0; i < lexed.token_count; i++) {
		const struct sh_token *token = &lexed.tokens[i];

		ck_assert_int_eq(token->type, expected[i].type);
		ck_assert_uint_eq(token->pos.line, expected[i].pos.line);
		ck_assert_uint_eq(token->pos.column, expected[i].pos.column);
		ck_assert_uint_eq(token->len, expected[i].len);
		ck_assert_mem_eq(token->text, expected[i].text, token->len);
	}
	sh_lexed_fini(&lexed);
}
END_TEST

START_TEST(mistakes_are_explained)
{
	static const struct {
		const char *text, *errors;
	} cases[] = {
		{ "a = 2147483647; b = -2147483648; c = 0x7FFFFFFF;", "" },
		{ "a = 2147483648;",
		    "f:1:5: error: 2147483648 is too large for 32 bits; write "
		    "L behind it\n    a = 2147483648;\n        ^\n1 error\n" },
		{ "a = 0x80000000;",
		    "f:1:5: error: 0x80000000 is too large for 32 bits; write "
		    "L behind it\n    a = 0x80000000;\n        ^\n1 error\n" },
		{ "a = 9223372036854775808L",
		    "f:1:5: error: 9223372036854775808L is too large\n"
		    "    a = 9223372036854775808L\n        ^\n1 error\n" },
		{ "a = 1e999",
		    "f:1:5: error: 1e999 is too large\n"
		    "    a = 1e999\n        ^\n1 error\n" },
		{ "a = 30s;",
		    "f:1:5: error: '30s' is not a number; a duration, size or "
		    "address is written in quotes: \"30s\"\n"
		    "    a = 30s;\n        ^\n1 error\n" },
		{ "\ta = \"x;\nb = 'y';",
		    "f:1:6: error: this string is not closed on its line; a "
		    "line break in a string is written \\n, and strings side "
		    "by side join\n    \ta = \"x;\n    \t    ^\n"
		    "f:2:5: error: strings stand in double quotes\n"
		    "    b = 'y';\n        ^\n2 errors\n" },
		{ "a = 1; /* b\n\n",
		    "f:1:8: error: this comment is never closed; expected */\n"
		    "    a = 1; /* b\n           ^\n1 error\n" },
		{ "\xef\xbb\xbf"
		  "a = %%;",
		    "f:1:1: error: the file begins with a byte-order mark; "
		    "save it as UTF-8 without one\n"
		    "    \xef\xbb\xbf"
		    "a = %%;\n    ^\n"
		    "f:1:5: error: unexpected character '%'\n"
		    "    \xef\xbb\xbf"
		    "a = %%;\n        ^\n2 errors\n" },
		{ "a = \"x\\x00y\"",
		    "f:1:7: error: a string cannot hold a NUL byte\n"
		    "    a = \"x\\x00y\"\n          ^\n1 error\n" },
		{ "a = 1 @include \"b\"",
		    "f:1:7: error: @include must be the first thing on its "
		    "line\n    a = 1 @include \"b\"\n          ^\n1 error\n" },
		{ " @include b",
		    "f:1:2: error: expected a file name in quotes after "
		    "@include\n     @include b\n     ^\n1 error\n" },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		char *errors = lex_errors(cases[i].text, strlen(cases[i].text));

		ck_assert_str_eq(errors, cases[i].errors);
		free(errors);
	}
}
END_TEST

START_TEST(a_binary_file_is_refused_briefly)
{
	char bytes[4096], *errors;
	size_t i, lines = 0;

	errors = lex_errors("a = 1;\0\0\0%%%", 12);
	ck_assert_str_eq(errors,
	    "f:1:7: error: NUL byte; is this a text "
	    "file?\n1 error\n");
	free(errors);
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 2 != 0 ? '%' : '!';
	errors = lex_errors(bytes, sizeof(bytes));
	for (i = 0; errors[i] != '\0'; i++)
		lines += errors[i] == '\n';
	ck_assert_uint_eq(lines, 51);
	free(errors);
}
END_TEST

START_TEST(strings_are_unescaped)
{
	static const struct {
		const char *token, *text;
	} cases[] = {
		{ "\"\"", "" },
		{ "\"a\\n\\t\\\\\\\"\"", "a\n\t\\\"" },
		{ "\"\\x41\\x4\\q\"", "A\\x4\\q" },
		{ "\"open", "open" },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		const struct sh_token token = { .text = cases[i].token,
			.len = strlen(cases[i].token) };
		struct sh_buf out;
		char *text;

		sh_buf_init(&out, OUT_MAX);
		sh_token_unescape(&token, &out);
		text = sh_buf_take(&out);
		ck_assert_str_eq(text, cases[i].text);
		free(text);
	}
}
END_TEST

SH_SUITE("settings/lex", tokens_have_types_and_places, mistakes_are_explained,
    a_binary_file_is_refused_briefly, strings_are_unescaped)
