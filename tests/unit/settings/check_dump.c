/* This file tests settings_dump.c, settings_dump_keys.c, settings_diff.c. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "sample.h"
#include "settings/settings_schema.h"
#include "support/suite.h"

static const char rich_text[] =
    "control = { path = \"/x\"; mode = \"0600\"; };\n"
    "workers = { count = 3; watchdog = \"off\"; stack_size = 20000; };\n"
    "reload = { drain_timeout = \"1m30s\"; };\n"
    "log = { level = \"warning\"; format = \"json\"; };\n"
    "topics = { history = ( { filter = \"a/#\"; count = 3; },\n"
    "  { filter = \"b\"; age = \"5m\"; bytes = \"1k\"; } ); };\n"
    "modules = ( { name = \"m\"; file = \"m.so\"; config = {\n"
    "  s = \"q\\\"b\\\\n\\n\\t\\x01\\xc3\\xa4\"; big = 5000000000L; neg = -7;\n"
    "  f = 1e300; g = -0.5; h = 2.0; t = true; names = [ \"a\", \"b\" ];\n"
    "  l = ( 1, { }, ( ), { x = 1; y = { z = false; }; }, ( 1.5, 2 ) );\n"
    "  none = { }; a-b = 1; a = { b-c = 1; }; }; } );\n"
    "listeners = ( { address = \"*:80\"; handler = \"echo\"; },\n"
    "  { name = \"b\"; address = \"unix:/y\"; handler = \"m.h\";\n"
    "    config = { prefix = \"p\"; };\n"
    "    limits = { send_queue = { high = 5000000000L; }; }; } );\n";

START_TEST(a_dump_loads_to_the_same_values)
{
	struct sh_settings_doc *doc, *again;
	char *with_origins, *plain, *second;

	sample_enter();
	doc = sample_load_text(rich_text);
	with_origins = sample_dump(doc, false, true);
	plain = sample_dump(doc, false, false);
	again = sample_load_text(with_origins);
	second = sample_dump(again, false, false);
	ck_assert_str_eq(plain, second);
	ck_assert_ptr_nonnull(strstr(plain, "stack_size = \"20000\";"));
	ck_assert_ptr_nonnull(strstr(plain, "big = 5000000000L;"));
	ck_assert_ptr_nonnull(
	    strstr(plain, "s = \"q\\\"b\\\\n\\n\\t\\x01\xc3\xa4\";"));
	ck_assert_ptr_nonnull(strstr(plain, "filter = \"a/#\";"));
	ck_assert_ptr_nonnull(strstr(plain, "age = \"5m\";"));
	ck_assert_uint_eq(sh_settings_doc_value(again)->history_count, 2);
	ck_assert_int_eq(
	    sh_settings_history(sh_settings_doc_value(again), 1)->age_ms,
	    300000);
	ck_assert_uint_eq(sh_settings_doc_value(doc)->item_count,
	    sh_settings_doc_value(again)->item_count);
	free(second);
	free(plain);
	free(with_origins);
	sh_settings_doc_free(&again);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(origins_stand_behind_values)
{
	struct sh_settings_doc *doc;
	char *dump;

	sample_enter();
	doc = sample_load_text("log = {\n  level = \"err\";\n};\n"
			       "limits = { idle_timeout = \"1h\"; };\n"
			       "listeners = ( { handler = \"echo\";\n"
			       "address = \"127.0.0.1:0\"; } );");
	dump = sample_dump(doc, false, true);
	ck_assert_ptr_nonnull(strstr(dump,
	    "    level = \"err\";                        # t.conf:2\n"
	    "    format = \"auto\";                      # default\n"));
	ck_assert_ptr_nonnull(strstr(
	    dump, "            idle_timeout = \"1h\";          # t.conf:4\n"));
	free(dump);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(json_has_plain_numbers)
{
	struct sh_settings_doc *doc;
	char *dump;

	sample_enter();
	doc = sample_load_text(rich_text);
	dump = sample_dump(doc, true, false);
	ck_assert_int_eq(strncmp(dump,
			     "{\n    \"control\": {\n"
			     "        \"path\": \"/x\",\n",
			     40),
	    0);
	ck_assert_ptr_nonnull(strstr(dump, "\"high\": 5000000000,\n"));
	ck_assert_ptr_nonnull(strstr(dump, "\"drain_timeout\": \"1m30s\""));
	ck_assert_ptr_nonnull(strstr(dump, "\"watchdog\": \"off\""));
	ck_assert_ptr_nonnull(strstr(dump, "\"big\": 5000000000,"));
	free(dump);
	dump = sample_dump(doc, true, true);
	ck_assert_ptr_nonnull(strstr(
	    dump, "\"count\": { \"value\": 3, \"origin\": \"t.conf:2\" }"));
	free(dump);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

/* Of handlers, routes and modules, at any depth. */
START_TEST(secrets_are_not_shown)
{
	struct sh_settings_doc *doc;
	char *dump;
	int json;

	sample_enter();
	doc = sample_load_text(
	    "modules = ( { name = \"m\"; file = \"m.so\"; config = {\n"
	    "  apiToken = \"hunter2\"; db = { password = \"hunter2\"; };\n"
	    "  l = ( { my_secret = 72; } ); token = [ \"hunter2\" ]; }; } );\n"
	    "listeners = ( { address = \"*:80\"; protocol = \"http\";\n"
	    "  routes = ( { path = \"/\"; handler = \"room\"; config = {\n"
	    "    publish_token = \"hunter2\"; secret = true; token = \"\";\n"
	    "    token_file = \"/file\"; tokens = 3; }; } ); } );\n");
	for (json = 0; json < 2; json++) {
		dump = sample_dump(doc, json != 0, false);
		ck_assert_ptr_null(strstr(dump, "hunter2"));
		ck_assert_ptr_null(strstr(dump, "72"));
		ck_assert_ptr_nonnull(strstr(dump, "/file"));
		ck_assert_ptr_nonnull(strstr(dump,
		    json ? "\"publish_token\": \"(not shown)\""
			 : "publish_token = \"(not shown)\""));
		ck_assert_ptr_nonnull(
		    strstr(dump, json ? "\"secret\": true" : "secret = true"));
		ck_assert_ptr_nonnull(
		    strstr(dump, json ? "\"token\": \"\"" : "token = \"\""));
		ck_assert_ptr_nonnull(
		    strstr(dump, json ? "\"tokens\": 3" : "tokens = 3"));
		free(dump);
	}
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(keys_are_all_listed)
{
	const struct sh_key *key;
	struct sh_buf out;
	char *table, *json;

	sh_buf_init(&out, SAMPLE_MAX);
	sh_settings_dump_keys(false, &out);
	table = sh_buf_take(&out);
	sh_settings_dump_keys(true, &out);
	json = sh_buf_take(&out);
	for (key = sh_keys; key->path != NULL; key++) {
		char path[64];

		snprintf(path, sizeof(path), "\n%s%s ",
		    sh_scope_prefix(key->scope), key->path);
		ck_assert_msg(strstr(table, path) != NULL, "%s", path);
		snprintf(path, sizeof(path), "\"path\": \"%s%s\",",
		    sh_scope_prefix(key->scope), key->path);
		ck_assert_msg(strstr(json, path) != NULL, "%s", path);
		ck_assert_ptr_nonnull(strstr(table, key->doc));
	}
	free(json);
	free(table);
}
END_TEST

static char *
compare(const char *running, const char *next)
{
	struct sh_settings_doc *a = sample_load_text(running);
	struct sh_settings_doc *b = sample_load_text(next);
	struct sh_diagnostics diags = { 0 };
	struct sh_buf out;

	sh_settings_diff(sh_settings_doc_value(a), b, &diags);
	sh_buf_init(&out, SAMPLE_MAX);
	sh_diagnostics_format(&diags, &out);
	sh_diagnostics_fini(&diags);
	sh_settings_doc_free(&a);
	sh_settings_doc_free(&b);
	return sh_buf_take(&out);
}

START_TEST(only_fixed_keys_differ)
{
	static const struct {
		const char *running, *next, *errors;
	} cases[] = {
		{ "", "", "" },
		{ "",
		    "log = { level = \"debug\"; }; reload = { drain_timeout = \"1m\"; };"
		    " modules = ( { name = \"a\"; file = \"a\"; } );",
		    "" },
		{ "pid_file = \"/a\";", "pid_file = \"/a\";", "" },
		{ "pid_file = \"/a\";", "\npid_file = \"/b\";",
		    "t.conf:2: error: needs restart: pid_file (t.conf:2); "
		    "\"/a\" is running, \"/b\" is asked for\n1 error\n" },
		{ "pid_file = \"/a\";", "",
		    "error: needs restart: pid_file (default); \"/a\" is "
		    "running, \"auto\" is asked for\n1 error\n" },
		{ "",
		    "control = { mode = \"0600\"; };\n"
		    "workers = { count = 2; };",
		    "t.conf:1: error: needs restart: control.mode (t.conf:1); "
		    "\"0660\" is running, \"0600\" is asked for\n"
		    "t.conf:2: error: changing the number of workers needs a "
		    "restart: workers.count (t.conf:2); \"auto\" is running, 2 "
		    "is asked for\n2 errors\n" },
	};
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		char *errors = compare(cases[i].running, cases[i].next);

		ck_assert_str_eq(errors, cases[i].errors);
		free(errors);
	}
	sample_leave();
}
END_TEST

SH_SUITE("settings/dump", a_dump_loads_to_the_same_values,
    origins_stand_behind_values, json_has_plain_numbers, secrets_are_not_shown,
    keys_are_all_listed, only_fixed_keys_differ)
