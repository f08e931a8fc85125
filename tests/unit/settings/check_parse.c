/* This file tests settings/settings_parse.c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "settings/settings_lex.h"
#include "support/suite.h"

enum { OUT_MAX = 1 << 16 };

static char *
parse_errors(const char *text, size_t *nodes_out)
{
	struct sh_lexed lexed = { .follow = false };
	struct sh_diagnostics diags = { 0 };
	struct sh_buf out;

	sh_lexed_add_text(&lexed, "f", text, strlen(text), &diags);
	sh_lexed_parse(&lexed, &diags);
	*nodes_out = lexed.node_count;
	sh_buf_init(&out, OUT_MAX);
	sh_diagnostics_format(&diags, &out);
	sh_diagnostics_fini(&diags);
	sh_lexed_fini(&lexed);
	return sh_buf_take(&out);
}

START_TEST(right_structures_pass)
{
	static const struct {
		const char *text;
		size_t nodes;
	} cases[] = {
		{ "", 0 },
		{ "a = 1 b : 2, c = 3; d = { } e = ( ); f = [ ];", 6 },
		{ "a = \"x\" \"y\"; b = ( \"x\" \"y\", { c = [ 1, 2 ]; } );",
		    7 },
	};
	size_t i, nodes;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		char *errors = parse_errors(cases[i].text, &nodes);

		ck_assert_str_eq(errors, "");
		ck_assert_uint_eq(nodes, cases[i].nodes);
		free(errors);
	}
}
END_TEST

START_TEST(wrong_structures_are_explained)
{
	static const struct {
		const char *text, *error; /* up to the first line's end */
	} cases[] = {
		{ "a = {\n b = 1;\n",
		    "f:1:5: error: this '{' is never "
		    "closed" },
		{ "a = ( 1,\n", "f:1:5: error: this '(' is never closed" },
		{ "a = ( 1", "f:1:5: error: this '(' is never closed" },
		{ "a = [ 1\n", "f:1:5: error: this '[' is never closed" },
		{ "a = 1; }", "f:1:8: error: expected a key, found '}'" },
		{ "a = { ( };",
		    "f:1:7: error: expected a key or '}', found '('" },
		{ "a = ( 1, 2, );",
		    "f:1:11: error: remove the comma before the ')'" },
		{ "a = [ 1, ];",
		    "f:1:8: error: remove the comma before the "
		    "']'" },
		{ "a = ( 1 2 );",
		    "f:1:9: error: expected ',' or ')', found '2'" },
		{ "a = ( 1 };",
		    "f:1:9: error: expected ',' or ')', found "
		    "'}'" },
		{ "a 1", "f:1:3: error: expected '=' after 'a', found '1'" },
		{ "a = ;",
		    "f:1:5: error: expected a value for 'a', found "
		    "';'" },
		{ "a =",
		    "f:1:3: error: expected a value for 'a', found the end of "
		    "the file" },
		{ "a = 1;;",
		    "f:1:7: error: one separator is enough; remove this ';'" },
		{ "a = 1 2", "f:1:7: error: expected a key, found '2'" },
		{ "a = info;",
		    "f:1:5: error: 'info' is not a value; a string stands in "
		    "quotes: \"info\"" },
		{ "a = Yes;",
		    "f:1:5: error: 'Yes' is not a value; write true or false, "
		    "or \"Yes\" for the word" },
		{ "a = [ 1, \"x\" ];",
		    "f:1:10: error: the elements of an array [ ] have one "
		    "type; a list ( ) may mix them" },
		{ "a = [ { } ];",
		    "f:1:7: error: an array [ ] holds single values; use a "
		    "list ( )" },
		{ "a = 1; b = { a = 1; }; a = 2;",
		    "f:1:24: error: 'a' is set twice; first at f:1" },
		/* the lexer has said it; the parser adds nothing */
		{ "a = \"x;\n",
		    "f:1:5: error: this string is not closed on its line; a "
		    "line break in a string is written \\n, and strings side "
		    "by side join" },
	};
	size_t i, nodes;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		char *errors = parse_errors(cases[i].text, &nodes);

		ck_assert_msg(
		    strstr(errors, "\n1 error\n") != NULL, "%s", errors);
		errors[strcspn(errors, "\n")] = '\0';
		ck_assert_str_eq(errors, cases[i].error);
		free(errors);
	}
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	char text[2048] = "a = ", *errors;
	size_t nodes;

	memset(text + 4, '(', 1000);
	errors = parse_errors(text, &nodes);
	ck_assert_ptr_nonnull(strstr(errors, "nested more than 32 deep"));
	free(errors);
}
END_TEST

SH_SUITE("settings/parse", right_structures_pass,
    wrong_structures_are_explained, deep_nesting_is_refused)
