/* This file tests settings/settings_group*.c and api/api_settings.c. */
#include "config.h"

#include <stdlib.h>

#include <shoal/error.h>
#include <shoal/settings.h>

#include "base/attr.h"
#include "base/mem.h"
#include "sample.h"
#include "support/suite.h"

static const struct shoal_setting schema[] = {
	{ "prefix", SHOAL_SETTING_STRING, "Server: ", 0, 0, "put before" },
	{ "rooms", SHOAL_SETTING_INT, "64", 1, 1000, "how many" },
	{ "loud", SHOAL_SETTING_BOOL, "false", 0, 0, "or not" },
	{ "ratio", SHOAL_SETTING_FLOAT, "0.5", 0, 1, "of it" },
	{ "wait", SHOAL_SETTING_DURATION, "1m30s", 1000, 600000, "so long" },
	{ "deep.size", SHOAL_SETTING_SIZE, "64k", 0, 0, "bytes" },
	{ NULL },
};
static const struct shoal_setting closed[] = {
	{ "token", SHOAL_SETTING_STRING, "", 0, 0, "who may" },
	{ "pin.secret", SHOAL_SETTING_INT, "0", 0, 9, "who else" },
	{ NULL },
};
static const struct shoal_setting strict[] = {
	{ "name", SHOAL_SETTING_STRING, NULL, 0, 0, "who it is" },
	{ NULL },
};

static struct sh_settings_doc *
load_config(const char *config, struct shoal_settings *group_out,
    const struct shoal_setting *table)
{
	char *text = sh_xprintf("listeners = ( { address = \"127.0.0.1:0\"; "
				"handler = \"x\";\nconfig = {\n%s\n}; } );",
	    config);
	struct sh_settings_doc *doc = sample_load_text(text);

	group_out->settings = sh_settings_doc_value(doc);
	group_out->group = sh_settings_listener(group_out->settings, 0)->config;
	group_out->schema = table;
	free(text);
	return doc;
}

static char *
check_config(const char *config, const struct shoal_setting *table)
{
	struct sh_diagnostics diags = { 0 };
	struct shoal_settings group;
	struct sh_settings_doc *doc = load_config(config, &group, table);
	struct sh_buf out;

	sh_settings_group_check(
	    &group, "listeners[0].config", "t.conf:2", &diags);
	sh_buf_init(&out, SAMPLE_MAX);
	sh_diagnostics_format(&diags, &out);
	sh_diagnostics_fini(&diags);
	sh_settings_doc_free(&doc);
	return sh_buf_take(&out);
}

START_TEST(defaults_are_read)
{
	struct shoal_settings group;
	struct sh_settings_doc *doc;

	sample_enter();
	doc = load_config("", &group, schema);
	ck_assert_str_eq(shoal_settings_string(&group, "prefix"), "Server: ");
	ck_assert_int_eq(shoal_settings_int(&group, "rooms"), 64);
	ck_assert(!shoal_settings_bool(&group, "loud"));
	ck_assert(shoal_settings_float(&group, "ratio") == 0.5);
	ck_assert_int_eq(shoal_settings_int(&group, "wait"), 90000);
	ck_assert_int_eq(shoal_settings_int(&group, "deep.size"), 65536);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(values_are_read)
{
	struct shoal_settings group;
	struct sh_settings_doc *doc;

	sample_enter();
	doc = load_config("prefix = \"\"; rooms = 7; loud = true; ratio = 1;"
			  "wait = \"2s\"; deep = { size = 5000000000L; };",
	    &group, schema);
	ck_assert_str_eq(shoal_settings_string(&group, "prefix"), "");
	ck_assert_int_eq(shoal_settings_int(&group, "rooms"), 7);
	ck_assert(shoal_settings_bool(&group, "loud"));
	ck_assert(shoal_settings_float(&group, "ratio") == 1.0);
	ck_assert_int_eq(shoal_settings_int(&group, "wait"), 2000);
	ck_assert_int_eq(shoal_settings_int(&group, "deep.size"), 5000000000);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(mistakes_are_explained)
{
	static const struct {
		const char *config;
		const struct shoal_setting *table;
		const char *errors;
	} cases[] = {
		{ "", schema, "" },
		{ "", NULL, "" },
		{ "deep = { size = \"1M\"; };", schema, "" },
		{ "a = 1;", NULL,
		    "t.conf:3: error: unknown key 'a' in listeners[0].config; "
		    "it takes no keys\n1 error\n" },
		{ "", strict,
		    "t.conf:2: error: listeners[0].config.name is missing: "
		    "expected a string, who it is\n1 error\n" },
		{ "prefx = \"a\";\nrooms = 0;\nloud = 1;\nratio = 1.5;\n"
		  "wait = 30;\ndeep = { size = \"5x\"; };\nqqqqqqq = { r = 1; "
		  "};",
		    schema,
		    "t.conf:3: error: unknown key 'prefx' in "
		    "listeners[0].config; did you mean 'prefix'?\n"
		    "t.conf:4: error: listeners[0].config.rooms = 0 is out of "
		    "range 1..1000\n"
		    "t.conf:5: error: listeners[0].config.loud: expected true "
		    "or false, got 1\n"
		    "t.conf:6: error: listeners[0].config.ratio = 1.5 is out "
		    "of range 0..1\n"
		    "t.conf:7: error: listeners[0].config.wait: expected a "
		    "duration such as \"30s\", got 30\n"
		    "t.conf:8: error: listeners[0].config.deep.size: expected "
		    "a size such as \"64k\", got \"5x\"\n"
		    "t.conf:9: error: unknown key 'qqqqqqq.r' in "
		    "listeners[0].config; known here: prefix, rooms, loud, "
		    "ratio, wait, deep.size\n7 errors\n" },
		{ "token = 1234;\npin = { secret = 1234; };", closed,
		    "t.conf:3: error: listeners[0].config.token: expected a "
		    "string, got something (not shown)\n"
		    "t.conf:4: error: listeners[0].config.pin.secret = "
		    "something (not shown) is out of range 0..9\n2 errors\n" },
		{ "token = \"(not shown)\";", closed,
		    "t.conf:3: error: listeners[0].config.token is what "
		    "`shoal config' writes in its place; write the real "
		    "one\n1 error\n" },
		{ "prefix = [ \"a\" ]; rooms = { x = 1; }; wait = \"1h\";",
		    schema,
		    "t.conf:3: error: listeners[0].config.prefix: expected a "
		    "string, got a list\n"
		    "t.conf:3: error: listeners[0].config.rooms: expected an "
		    "integer, got a group\n"
		    "t.conf:3: error: listeners[0].config.wait = \"1h\" is out "
		    "of range 1s..10m\n3 errors\n" },
	};
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		char *errors = check_config(cases[i].config, cases[i].table);

		ck_assert_str_eq(errors, cases[i].errors);
		free(errors);
	}
	sample_leave();
}
END_TEST

START_TEST(tables_are_checked)
{
	static const struct shoal_setting bad[][3] = {
		{ { "Ok", SHOAL_SETTING_INT, "x" }, { NULL } },
		{ { "a b", SHOAL_SETTING_STRING, "x" }, { NULL } },
		{ { "", SHOAL_SETTING_STRING, "x" }, { NULL } },
		{ { "a.", SHOAL_SETTING_STRING, "x" }, { NULL } },
		{ { "r", SHOAL_SETTING_INT, "5", 6, 7 }, { NULL } },
		{ { "m", SHOAL_SETTING_INT, "5", 7, 6 }, { NULL } },
		{ { "t", (enum shoal_setting_type)9, "5" }, { NULL } },
		{ { "d", SHOAL_SETTING_DURATION, "30" }, { NULL } },
		{ { "b", SHOAL_SETTING_BOOL, "yes" }, { NULL } },
	};
	static const struct shoal_setting twice[] = {
		{ "a", SHOAL_SETTING_INT, "1" },
		{ "a", SHOAL_SETTING_INT, "1" },
		{ NULL },
	};
	const char *key = "";
	size_t i;

	ck_assert_int_eq(sh_settings_schema_check(schema, &key), 0);
	ck_assert_int_eq(sh_settings_schema_check(strict, &key), 0);
	ck_assert_int_eq(sh_settings_schema_check(NULL, &key), 0);
	for (i = 0; i < SH_ARRAY_LEN(bad); i++) {
		ck_assert_int_eq(
		    sh_settings_schema_check(bad[i], &key), -SHOAL_EINVAL);
		ck_assert_ptr_eq(key, bad[i][0].key);
	}
	ck_assert_int_eq(sh_settings_schema_check(twice, &key), -SHOAL_EINVAL);
}
END_TEST

SH_SUITE("settings/group", defaults_are_read, values_are_read,
    mistakes_are_explained, tables_are_checked)
