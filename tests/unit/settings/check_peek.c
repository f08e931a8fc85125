/* This file tests settings/settings_peek.c. */
#include "config.h"

#include <errno.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "sample.h"
#include "support/suite.h"

START_TEST(strings_are_found_in_broken_files)
{
	static const struct {
		const char *text, *path, *value; /* NULL: not found */
	} cases[] = {
		{ "control = { path = \"/a\"; };", "control.path", "/a" },
		{ "x = { path = \"/b\"; }; control : { mode = 1; path : \"/\" "
		  "\"\\x61\"; }",
		    "control.path", "/a" },
		{ "control = { deep = { path = \"/b\"; }; };", "control.path",
		    NULL },
		{ "path = \"/b\";", "control.path", NULL },
		{ "control = { path = 3; };", "control.path", NULL },
		{ "pid_file = \"/p\"; pid_file = \"/q\";", "pid_file", "/p" },
		{ "x = { pid_file = \"/p\"; };", "pid_file", NULL },
		{ "x = 5x ];; @include \"nowhere\"\nlog = { level = ;\n};\n"
		  "pid_file = \"/p\"",
		    "pid_file", "/p" },
		{ "log = { level = \"x };\n};\ncontrol = { path = \"/a\"",
		    "control.path", "/a" },
		{ "# control = { path = \"/b\"; };", "control.path", NULL },
		{ "", "pid_file", NULL },
		{ "control", "control.path", NULL },
	};
	char buf[64];
	size_t i;
	int r;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		sample_write("t.conf", cases[i].text);
		r = sh_settings_peek("t.conf", cases[i].path, buf, sizeof(buf));
		ck_assert_int_eq(r, cases[i].value != NULL ? 0 : -SHOAL_ENOENT);
		if (r == 0)
			ck_assert_str_eq(buf, cases[i].value);
	}
	sample_leave();
}
END_TEST

START_TEST(failures_are_told_apart)
{
	char buf[4];

	sample_enter();
	ck_assert_int_eq(sh_settings_peek("none", "pid_file", buf, 4), -ENOENT);
	ck_assert_int_eq(sh_settings_peek("/", "pid_file", buf, 4), -EISDIR);
	sample_write("t.conf", "pid_file = \"/abc\"; x = \"/ab\";");
	ck_assert_int_eq(
	    sh_settings_peek("t.conf", "pid_file", buf, 4), -SHOAL_EMSGSIZE);
	ck_assert_int_eq(sh_settings_peek("t.conf", "x", buf, 4), 0);
	ck_assert_str_eq(buf, "/ab");
	sample_leave();
}
END_TEST

SH_SUITE(
    "settings/peek", strings_are_found_in_broken_files, failures_are_told_apart)
