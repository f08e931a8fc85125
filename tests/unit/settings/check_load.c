/* This file tests settings/settings_load.c and what it is made of. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/log.h>

#include "base/attr.h"
#include "base/mem.h"
#include "sample.h"
#include "support/suite.h"

#define L(rest)                                                                \
	"listeners = ( { address = \"127.0.0.1:0\"; handler = \"echo\"; " rest \
	" } );"

START_TEST(no_file_is_defaults)
{
	struct sh_settings_source source = { 0 };
	struct sh_diagnostics diags = { 0 };
	struct sh_settings_doc *doc;
	const struct sh_settings *s;

	ck_assert_int_eq(sh_settings_load(&source, &doc, &diags), 0);
	s = sh_settings_doc_value(doc);
	ck_assert_uint_eq(s->magic, SH_SETTINGS_MAGIC);
	ck_assert_str_eq(sh_settings_text(s, s->control.path), "auto");
	ck_assert_int_eq(s->control.mode, 0660);
	ck_assert_uint_eq(s->workers.user.off, 0);
	ck_assert_int_eq(s->workers.count, SH_AUTO);
	ck_assert_int_eq(s->workers.stack_size, 65536);
	ck_assert_int_eq(s->workers.watchdog_ms, 10000);
	ck_assert_int_eq(s->reload.max_old, 3);
	ck_assert_int_eq(s->log.level, SHOAL_LOG_INFO);
	ck_assert_int_eq(s->log.format, SH_AUTO);
	ck_assert_int_eq(s->limits.idle_timeout_ms, SH_OFF);
	ck_assert_int_eq(s->limits.queue.high, 1048576);
	ck_assert_uint_eq(s->listener_count, 0);
	sh_settings_doc_free(&doc);
	ck_assert_ptr_null(doc);
}
END_TEST

START_TEST(listeners_inherit_limits)
{
	struct sh_settings_doc *doc;
	const struct sh_settings *s;
	const struct sh_settings_listener *l;

	sample_enter();
	doc = sample_load_text(
	    "limits = { idle_timeout = \"1m30s\";\n"
	    "  send_queue = { high = 4096; low = \"1k\"; }; };\n"
	    "listeners = (\n"
	    "  { address = \"127.0.0.1:0\"; handler = \"echo\"; },\n"
	    "  { name = \"b\"; address = \"[::1]:80\";\n"
	    "    handler = \"chat.room\"; backlog = 5L; notsent_lowat = "
	    "\"off\";\n"
	    "    keepalive = { idle = \"5m\"; };\n"
	    "    limits = { idle_timeout = \"off\"; send_queue = { high = "
	    "\"2G\"; }; }; } );\n");
	s = sh_settings_doc_value(doc);
	ck_assert_uint_eq(s->listener_count, 2);
	l = sh_settings_listener(s, 0);
	ck_assert_str_eq(sh_settings_text(s, l->name), "127.0.0.1:0");
	ck_assert_int_eq(l->limits.idle_timeout_ms, 90000);
	ck_assert_int_eq(l->limits.queue.high, 4096);
	ck_assert_int_eq(l->notsent_lowat, 65536);
	ck_assert_str_eq(sh_settings_text(s, l->origin), "t.conf:4");
	l = sh_settings_listener(s, 1);
	ck_assert_str_eq(sh_settings_text(s, l->name), "b");
	ck_assert_str_eq(sh_settings_text(s, l->handler), "chat.room");
	ck_assert_str_eq(sh_settings_text(s, l->handler_origin), "t.conf:6");
	ck_assert_int_eq(l->backlog, 5);
	ck_assert_int_eq(l->notsent_lowat, SH_OFF);
	ck_assert_int_eq(l->keepalive_idle_ms, 300000);
	ck_assert_int_eq(l->limits.idle_timeout_ms, SH_OFF);
	ck_assert_int_eq(l->limits.queue.high, 2147483648);
	ck_assert_int_eq(l->limits.queue.low, 1024);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(config_groups_become_items)
{
	static const struct {
		const char *path;
		enum sh_settings_type type;
		int64_t number;
		const char *text, *origin;
	} expected[] = {
		{ "prefix", SH_TYPE_STRING, 0, "Server: ", "t.conf:2" },
		{ "names[0]", SH_TYPE_STRING, 0, "a", "t.conf:3" },
		{ "names[1]", SH_TYPE_STRING, 0, "bc", "t.conf:3" },
		{ "a.b", SH_TYPE_BOOL, 1, "", "t.conf:4" },
		{ "a.n", SH_TYPE_INT, 5000000000, "", "t.conf:4" },
		{ "l[1].x", SH_TYPE_FLOAT, 0, "", "t.conf:5" },
	};
	struct sh_settings_doc *doc;
	const struct sh_settings *s;
	struct sh_settings_group group;
	uint32_t i;

	sample_enter();
	doc = sample_load_text(
	    "modules = ( { name = \"m\"; file = \"m.so\";\n"
	    "config = { prefix = \"Server: \";\n"
	    "names = [ \"a\", \"b\" \"c\" ];\n"
	    "a = { b = true; n = 5000000000L; }; e = { };\n"
	    "l = ( { }, { x = 1.5; } ); }; } );\n" L("config = { z = 1; };"));
	s = sh_settings_doc_value(doc);
	ck_assert_uint_eq(s->module_count, 1);
	group = sh_settings_module(s, 0)->config;
	ck_assert_uint_eq(group.count, SH_ARRAY_LEN(expected));
	for (i = 0; i < group.count; i++) {
		const struct sh_settings_item *item =
		    sh_settings_item(s, group, i);

		ck_assert_str_eq(
		    sh_settings_text(s, item->path), expected[i].path);
		ck_assert_uint_eq(item->type, expected[i].type);
		ck_assert_int_eq(item->number, expected[i].number);
		ck_assert_str_eq(
		    sh_settings_text(s, item->text), expected[i].text);
		ck_assert_str_eq(
		    sh_settings_text(s, item->origin), expected[i].origin);
	}
	ck_assert(sh_settings_item(s, group, 5)->real == 1.5);
	group = sh_settings_listener(s, 0)->config;
	ck_assert_uint_eq(group.count, 1);
	ck_assert_str_eq(
	    sh_settings_text(s, sh_settings_item(s, group, 0)->path), "z");
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

/* Line by line: Check's messages are not long enough for all of them. */
static void
assert_lines(char *got, const char *expected)
{
	char *line, *rest = got;

	while ((line = strsep(&rest, "\n")) != NULL) {
		size_t len = strlen(line);

		ck_assert_msg(strncmp(line, expected, len) == 0 &&
			expected[len] == (rest != NULL ? '\n' : '\0'),
		    "got '%s', expected '%.*s'", line,
		    (int)strcspn(expected, "\n"), expected);
		expected += len + (rest != NULL);
	}
}

START_TEST(errors_come_all_at_once)
{
	char *errors;

	sample_enter();
	errors = sample_errors(
	    "workers = { cuont = 4; nofile = 9000000; watchdog = 30; };\n"
	    "log = { level = \"inof\"; target = \"stdout\"; };\n"
	    "limits = { idle_timout = \"5s\"; };\n"
	    "control = { mode = \"0999\"; colour = 3; };\n"
	    "stop = 3; colour = 4;\n"
	    "modules = ( { name = \"Chat\"; }, 4 );\n"
	    "listeners = (\n"
	    "  { address = \"127.0.0.1:9501\"; handler = \"echo\";\n"
	    "    user_timeout = 30; keepalive = { idle = \"10ms\"; }; },\n"
	    "  { address = \"127.0.0.1:9501\"; handler = \"echo\"; },\n"
	    "  { address = \"::1:80\"; backlog = 70000L; handler = true; },\n"
	    "  { name = \"x\"; adress = \"127.0.0.1:1\"; handler = \"x\"; }\n"
	    ");\n",
	    NULL);
	assert_lines(errors,
	    "t.conf:1:13: error: unknown key 'cuont' in workers; did you mean "
	    "'count'?\n"
	    "t.conf:1:33: error: workers.nofile = 9000000 is out of range "
	    "64..1048576\n"
	    "t.conf:1:53: error: workers.watchdog: expected \"off\" or a "
	    "duration such as \"30s\", got integer 30; did you mean \"30s\"?\n"
	    "t.conf:2:17: error: log.level: expected one of \"emerg\", "
	    "\"alert\", \"crit\", \"err\", \"warning\", \"notice\", \"info\", "
	    "\"debug\", got \"inof\"; did you mean \"info\"?\n"
	    "t.conf:2:34: error: log.target: expected \"auto\", \"stderr\" or "
	    "an absolute path, got \"stdout\"\n"
	    "t.conf:3:12: error: unknown key 'idle_timout' in limits; did you "
	    "mean 'idle_timeout'?\n"
	    "t.conf:4:20: error: control.mode: expected an octal mode such as "
	    "\"0660\", got \"0999\"\n"
	    "t.conf:4:28: error: unknown key 'colour' in control; known here: "
	    "path, mode, group\n"
	    "t.conf:5:8: error: stop: expected a group { }, got integer 3\n"
	    "t.conf:5:11: error: unknown key 'colour'; known here: control, "
	    "pid_file, workers, reload, stop, log, limits, topics, broker, "
	    "modules, listeners\n"
	    "t.conf:6:13: error: modules[0].file is missing: shared object; "
	    "without a / in the module folder\n"
	    "t.conf:6:22: error: modules[0].name: expected a-z, then a-z, 0-9 "
	    "or _, got \"Chat\"\n"
	    "t.conf:6:33: error: modules[1]: expected a group { }, got "
	    "integer 4\n"
	    "t.conf:9:20: error: listeners[0].user_timeout: expected \"off\" "
	    "or a duration such as \"30s\", got integer 30; did you mean "
	    "\"30s\"?\n"
	    "t.conf:9:45: error: listeners[0].keepalive.idle = \"10ms\" is "
	    "out of range 1s..9h\n"
	    "t.conf:10:15: error: listeners[1].address: '127.0.0.1:9501' is "
	    "taken already, at t.conf:8\n"
	    "t.conf:11:15: error: listeners[2].address: '::1:80': an IPv6 "
	    "address stands in brackets: [::1]:9501\n"
	    "t.conf:11:35: error: listeners[2].backlog = 70000 is out of range "
	    "1..65535\n"
	    "t.conf:11:53: error: listeners[2].handler: expected a string, "
	    "got true\n"
	    "t.conf:12:3: error: listeners[3].address is missing: host:port, "
	    "[v6]:port, *:port or unix:/path\n"
	    "t.conf:12:17: error: unknown key 'adress' in listeners[3]; did "
	    "you mean 'address'?\n"
	    "21 errors\n");
	free(errors);
	sample_leave();
}
END_TEST

START_TEST(values_are_checked)
{
	static const struct {
		const char *text, *errors;
	} cases[] = {
		{ "", "" },
		{ "listeners = { };",
		    "t.conf:1:13: error: listeners: expected a list of groups "
		    "( { }, { } ), got a group { }\n1 error\n" },
		{ "workers = { count = \"4\"; };",
		    "t.conf:1:21: error: workers.count: expected \"auto\" or "
		    "an integer 1..512, got \"4\"\n1 error\n" },
		{ "workers = { count = 0; };",
		    "t.conf:1:21: error: workers.count = 0 is out of range "
		    "1..512\n1 error\n" },
		{ "workers = { count = 2.5; };",
		    "t.conf:1:21: error: workers.count: expected \"auto\" or "
		    "an integer 1..512, got float 2.5\n1 error\n" },
		{ "workers = { stack_size = \"1k\"; };",
		    "t.conf:1:26: error: workers.stack_size = \"1k\" is out of "
		    "range 16k..16M\n1 error\n" },
		{ "workers = { stack_size = 1024; };",
		    "t.conf:1:26: error: workers.stack_size = 1024 is out of "
		    "range 16k..16M\n1 error\n" },
		{ "workers = { stack_size = \"64kb\"; };",
		    "t.conf:1:26: error: workers.stack_size: expected a size "
		    "such as \"64k\", got \"64kb\"\n1 error\n" },
		{ "workers = { chroot = \"srv\"; };",
		    "t.conf:1:22: error: workers.chroot: expected an absolute "
		    "path, got \"srv\"\n1 error\n" },
		{ "pid_file = \"off\";", "" },
		{ "pid_file = \"run\";",
		    "t.conf:1:12: error: pid_file: expected \"auto\", \"off\" "
		    "or an absolute path, got \"run\"\n1 error\n" },
		{ "pid_file = \"\";",
		    "t.conf:1:12: error: pid_file: expected \"auto\", \"off\" "
		    "or an absolute path, got \"\"\n1 error\n" },
		{ "control = { mode = 660; };",
		    "t.conf:1:20: error: control.mode: expected an octal mode "
		    "such as \"0660\", got integer 660\n1 error\n" },
		{ "limits = { send_queue = { high = \"1k\"; low = \"2k\"; }; "
		  "};",
		    "t.conf:1:46: error: limits.send_queue: low (2048 bytes) "
		    "is above high (1024 bytes)\n1 error\n" },
		{ "limits = { send_queue = { high = \"1k\"; }; };\n" L(""),
		    "t.conf:1:34: error: limits.send_queue: low (262144 bytes) "
		    "is above high (1024 bytes)\n1 error\n" },
		{ L("limits = { send_queue = { low = \"2M\"; }; };"),
		    "t.conf:1:92: error: listeners[0].limits.send_queue: low "
		    "(2097152 bytes) is above high (1048576 bytes)\n1 "
		    "error\n" },
		{ "workers = { backoff = { first = \"1m\"; }; };",
		    "t.conf:1:33: error: workers.backoff: first (60000 ms) is "
		    "above max (30000 ms)\n1 error\n" },
		{ "modules = ( { name = \"a\"; file = \"a\"; },\n"
		  "{ name = \"a\"; file = \"b\"; config = 3; } );",
		    "t.conf:2:10: error: modules[1].name: 'a' is taken "
		    "already, at t.conf:1\n"
		    "t.conf:2:36: error: modules[1].config: expected a group "
		    "{ }, got integer 3\n2 errors\n" },
		{ "listeners = ( { address = \"*:0\"; handler = \"a\"; },\n"
		  "{ address = \"*:0\"; handler = \"a\"; },\n"
		  "{ name = \"x\"; address = \"*:0\"; handler = \"a\"; } );",
		    "t.conf:2:1: error: listeners[1].name: '*:0' is taken "
		    "already, at t.conf:1\n1 error\n" },
		{ "reload = { close_code = 1006; };",
		    "t.conf:1:25: error: reload.close_code = 1006 may not be "
		    "sent; 1012 (restart) and 1001 (going away) suit, "
		    "4000..4999 are for applications\n1 error\n" },
		{ "reload = { close_code = 3000; };", "" },
		{ "topics = { ring = \"3M\"; };",
		    "t.conf:1:19: error: topics.ring: 3M is no power of two; 2M "
		    "and 4M are\n1 error\n" },
		{ "topics = { ring = \"64k\"; };", "" },
		{ "listeners = ( { address = \"*:0\"; } );",
		    "t.conf:1:15: error: listeners[0].handler is missing: what "
		    "serves the connections\n1 error\n" },
		{ "listeners = ( { address = \"*:0\"; handler = \"\"; } );",
		    "t.conf:1:44: error: listeners[0].handler is missing: what "
		    "serves the connections\n1 error\n" },
		{ L("protocol = \"udp\";"),
		    "t.conf:1:71: error: listeners[0].protocol: expected "
		    "one of \"tcp\", \"http\", got \"udp\"; did you mean \"tcp\"?\n1 error\n" },
	};
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		char *errors = sample_errors(cases[i].text, NULL);

		ck_assert_str_eq(errors, cases[i].errors);
		free(errors);
	}
	sample_leave();
}
END_TEST

START_TEST(a_long_control_path_is_refused)
{
	char path[128], *text, *errors;

	sample_enter();
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[110] = '\0';
	text = sh_xprintf("control = { path = \"%s\"; };", path);
	errors = sample_errors(text, NULL);
	ck_assert_str_eq(errors,
	    "t.conf:1:20: error: control.path: a unix "
	    "socket path has at most 107 bytes, got 110\n1 error\n");
	free(errors);
	free(text);
	sample_leave();
}
END_TEST

START_TEST(includes_are_relative_to_their_file)
{
	struct sh_settings_doc *doc;
	const struct sh_settings *s;
	char *errors;

	sample_enter();
	ck_assert_int_eq(mkdir("d", 0700), 0);
	sample_write("d/one.conf",
	    "# one\n  @include \"two.conf\"\nworkers = { count = 7; };\n");
	sample_write("d/two.conf", "log = { level = \"debug\"; };");
	sample_write("d/list.conf",
	    "{ address = \"127.0.0.1:0\";\n  handler = \"echo\"; }\n");
	doc = sample_load_text("@include \"d/one.conf\" # the rest\n"
			       "listeners = (\n@include \"d/list.conf\"\n);\n");
	s = sh_settings_doc_value(doc);
	ck_assert_int_eq(s->workers.count, 7);
	ck_assert_int_eq(s->log.level, SHOAL_LOG_DEBUG);
	ck_assert_str_eq(
	    sh_settings_text(s, sh_settings_listener(s, 0)->handler_origin),
	    "d/list.conf:2");
	sh_settings_doc_free(&doc);

	sample_write("d/two.conf", "log = { level = 3; };\nworkers = { };");
	errors = sample_errors("pid_file = 1;\n@include "
			       "\"d/one.conf\"\n",
	    NULL);
	ck_assert_str_eq(errors,
	    "d/one.conf:3:1: error: 'workers' is set twice; first at "
	    "d/two.conf:2\n    workers = { count = 7; };\n    ^\n1 error\n");
	free(errors);
	sample_write("d/one.conf", "@include \"two.conf\"\n");
	errors = sample_errors("@include \"d/one.conf\"\npid_file = "
			       "1;\n",
	    NULL);
	ck_assert_ptr_nonnull(strstr(errors, "d/two.conf:1:17: error: "));
	ck_assert_ptr_nonnull(strstr(errors, "t.conf:2:12: error: "));
	free(errors);
	unlink("d/one.conf");
	unlink("d/two.conf");
	unlink("d/list.conf");
	rmdir("d");
	sample_leave();
}
END_TEST

START_TEST(bad_includes_are_reported)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "@include \"t.conf\"",
		    "t.conf:1:10: error: cannot include t.conf: it includes "
		    "itself\n" },
		{ "\n@include \"none\"",
		    "t.conf:2:10: error: cannot include none: No such file or "
		    "directory\n" },
		{ "@include \".\"",
		    "t.conf:1:10: error: cannot include .: it is a folder; "
		    "name one file\n" },
		{ "@include \"/dev/null\"",
		    "t.conf:1:10: error: cannot include /dev/null: it is not a "
		    "regular file\n" },
		{ "@include \"fifo\"",
		    "t.conf:1:10: error: cannot include fifo: it is not a "
		    "regular file\n" },
		{ "@include \"deep0\"",
		    "deep9:1:10: error: too many files include each other; at "
		    "most 10 deep, 256 in all\n" },
	};
	char name[16], text[32];
	size_t i;

	sample_enter();
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	for (i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "deep%zu", i);
		snprintf(text, sizeof(text), "@include \"deep%zu\"\n", i + 1);
		sample_write(name, text);
	}
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		char *errors = sample_errors(cases[i].text, NULL);

		ck_assert_msg(strncmp(errors, cases[i].error,
				  strlen(cases[i].error)) == 0,
		    "%s", errors);
		free(errors);
	}
	unlink("fifo");
	sample_leave();
}
END_TEST

START_TEST(an_unreadable_file_says_why)
{
	struct sh_settings_source source = { .file = "/nowhere/shoal.conf" };
	struct sh_diagnostics diags = { 0 };
	struct sh_settings_doc *doc = NULL;

	ck_assert_int_lt(sh_settings_load(&source, &doc, &diags), 0);
	ck_assert_ptr_null(doc);
	ck_assert_uint_eq(diags.count, 1);
	ck_assert_str_eq(diags.list[0].place, "/nowhere/shoal.conf");
	ck_assert_str_eq(diags.list[0].text,
	    "cannot read the configuration: "
	    "No such file or directory");
	sh_diagnostics_fini(&diags);
	source.file = "/";
	ck_assert_int_lt(sh_settings_load(&source, &doc, &diags), 0);
	ck_assert_str_eq(diags.list[0].text,
	    "cannot read the configuration: Is a directory");
	sh_diagnostics_fini(&diags);
}
END_TEST

START_TEST(findings_are_sorted_and_counted)
{
	struct sh_diagnostics diags = { 0 };
	struct sh_buf out;
	char *text;
	size_t i;

	sh_diagnose(&diags, "-s", "last");
	sh_diagnose(&diags, "b:10:2", "2");
	sh_diagnostics_add(&diags, SH_SEVERITY_WARNING, "b:9:30", "1");
	sh_diagnose(&diags, "a:1", "3");
	sh_diagnose(&diags, "b:10:1", "one");
	sh_buf_init(&out, SAMPLE_MAX);
	sh_diagnostics_format(&diags, &out);
	text = sh_buf_take(&out);
	ck_assert_str_eq(text,
	    "b:9:30: warning: 1\nb:10:1: error: one\n"
	    "b:10:2: error: 2\na:1: error: 3\n-s: error: last\n"
	    "4 errors, 1 warning\n");
	free(text);
	for (i = 0; i < 300; i++)
		sh_diagnose(&diags, NULL, "more");
	sh_diagnostics_format(&diags, &out);
	text = sh_buf_take(&out);
	ck_assert_ptr_nonnull(
	    strstr(text, "\nand 105 more\n304 errors, 1 warning\n"));
	free(text);
	sh_diagnostics_fini(&diags);
	sh_diagnostics_format(&diags, &out);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

SH_SUITE("settings/load", no_file_is_defaults, listeners_inherit_limits,
    config_groups_become_items, errors_come_all_at_once, values_are_checked,
    a_long_control_path_is_refused, includes_are_relative_to_their_file,
    bad_includes_are_reported, an_unreadable_file_says_why,
    findings_are_sorted_and_counted)
