/* This file tests settings/settings_override.c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/log.h>

#include "base/attr.h"
#include "sample.h"
#include "support/suite.h"

static const char base_text[] =
    "workers = { count = 4; };\n"
    "listeners = ( { address = \"127.0.0.1:1\"; handler = \"echo\";\n"
    "  config = { a = 1; l = [ 1, 2 ]; }; } );\n";

static struct sh_settings_doc *
load_with(const char *const *overrides)
{
	struct sh_settings_doc *doc;
	char *errors;

	sample_write("t.conf", base_text);
	doc = sample_load(overrides, &errors);
	ck_assert_str_eq(errors, "");
	free(errors);
	return doc;
}

START_TEST(values_replace_and_create)
{
	static const char *const overrides[] = { "workers.count=8",
		"log.level=debug", "workers.watchdog=1m30s",
		"workers.nofile=\"auto\"", "control.mode=0600",
		"limits.send_queue.high=2M", "limits.send_queue.low=100",
		"listeners[0].address=127.0.0.1:0",
		"listeners[0].keepalive.idle=30s", "pid_file=/run/x=y",
		"workers.user=", NULL };
	struct sh_settings_doc *doc;
	const struct sh_settings *s;
	const struct sh_settings_listener *l;
	char *dump;

	sample_enter();
	doc = load_with(overrides);
	s = sh_settings_doc_value(doc);
	ck_assert_int_eq(s->workers.count, 8);
	ck_assert_int_eq(s->log.level, SHOAL_LOG_DEBUG);
	ck_assert_int_eq(s->workers.watchdog_ms, 90000);
	ck_assert_int_eq(s->workers.nofile, SH_AUTO);
	ck_assert_int_eq(s->control.mode, 0600);
	ck_assert_int_eq(s->limits.queue.high, 2097152);
	ck_assert_int_eq(s->limits.queue.low, 100);
	ck_assert_str_eq(sh_settings_text(s, s->pid_file), "/run/x=y");
	l = sh_settings_listener(s, 0);
	ck_assert_str_eq(sh_settings_text(s, l->address), "127.0.0.1:0");
	ck_assert_int_eq(l->limits.queue.high, 2097152);
	ck_assert_str_eq(sh_settings_text(s, l->handler_origin), "t.conf:2");
	dump = sample_dump(doc, false, true);
	ck_assert_ptr_nonnull(strstr(dump, "count = 8;"));
	ck_assert_ptr_nonnull(strstr(dump, "  # -s\n"));
	free(dump);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(lists_grow_by_one)
{
	static const char *const overrides[] = { "listeners[1].address=[::1]:2",
		"listeners[1].handler=echo", "listeners[1].config.x.y=true",
		"listeners[1].config.l[0]=7", "listeners[0].config.l[2]=3",
		"listeners[0].config.a=two", "modules[0].name=m",
		"modules[0].file=m.so", NULL };
	struct sh_settings_doc *doc;
	const struct sh_settings *s;
	const struct sh_settings_listener *l;
	const struct sh_settings_item *item;

	sample_enter();
	doc = load_with(overrides);
	s = sh_settings_doc_value(doc);
	ck_assert_uint_eq(s->listener_count, 2);
	ck_assert_uint_eq(s->module_count, 1);
	l = sh_settings_listener(s, 1);
	ck_assert_str_eq(sh_settings_text(s, l->origin), "-s");
	ck_assert_uint_eq(l->config.count, 2);
	item = sh_settings_item(s, l->config, 0);
	ck_assert_str_eq(sh_settings_text(s, item->path), "x.y");
	ck_assert_uint_eq(item->type, SH_TYPE_BOOL);
	ck_assert_str_eq(sh_settings_text(s, item->origin), "-s");
	l = sh_settings_listener(s, 0);
	ck_assert_uint_eq(l->config.count, 4);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(mistakes_are_explained)
{
	static const struct {
		const char *override, *error;
	} cases[] = {
		{ "workers.cuont=4",
		    "unknown key 'workers.cuont'; did you "
		    "mean 'workers.count'?" },
		{ "listeners[0].adress=x",
		    "unknown key 'listeners[0].adress'; "
		    "did you mean "
		    "'listeners[0].address'?" },
		{ "qqqqqq=4",
		    "unknown key 'qqqqqq'; `shoal config --keys' "
		    "lists them all" },
		{ "log=3",
		    "'log' is a group; set one of its keys: target, "
		    "level, format" },
		{ "listeners=3",
		    "'listeners' is a list; set a key of an "
		    "element: listeners[0].name" },
		{ "listeners[0].config=3",
		    "'listeners[0].config' is a group; "
		    "set one key in it: "
		    "listeners[0].config.KEY" },
		{ "listeners[3].handler=x",
		    "listeners[3].handler: the list "
		    "has 1 element; [1] would add one" },
		{ "listeners[0].config.a.x=3",
		    "listeners[0].config.a.x: 'x' can be set in a group only, "
		    "and this is none" },
		{ "listeners[0].config.a[0]=3",
		    "listeners[0].config.a[0]: [0] is for a list, and this is "
		    "none" },
		{ "listeners[0].config.l[0]=x",
		    "listeners[0].config.l[0]: the elements beside it are of "
		    "another type" },
		{ "foo",
		    "expected path=value, such as workers.count=4, got "
		    "'foo'" },
		{ "=4",
		    "expected path=value, such as workers.count=4, got "
		    "'=4'" },
		{ "a..b=4",
		    "'a..b' is not a path; expected such as log.level "
		    "or listeners[0].address" },
		{ "listeners[x].a=4",
		    "'listeners[x].a' is not a path; "
		    "expected such as log.level or "
		    "listeners[0].address" },
		{ "workers.count=no",
		    "workers.count: expected \"auto\" or an "
		    "integer 1..512, got \"no\"" },
		{ "workers.count=600",
		    "workers.count = 600 is out of range "
		    "1..512" },
		{ "workers.watchdog=30",
		    "workers.watchdog: expected \"off\" "
		    "or a duration such as \"30s\", got "
		    "\"30\"; did you mean \"30s\"?" },
	};
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		const char *const overrides[] = { cases[i].override, NULL };
		char *errors = sample_errors(base_text, overrides);

		ck_assert_int_eq(strncmp(errors, "-s: error: ", 11), 0);
		errors[strcspn(errors, "\n")] = '\0';
		ck_assert_str_eq(errors + 11, cases[i].error);
		free(errors);
	}
	sample_leave();
}
END_TEST

START_TEST(no_file_is_needed)
{
	static const char *const overrides[] = { "log.level=err" };
	const struct sh_settings_source source = { .overrides = overrides,
		.override_count = 1 };
	struct sh_diagnostics diags = { 0 };
	struct sh_settings_doc *doc;

	ck_assert_int_eq(sh_settings_load(&source, &doc, &diags), 0);
	ck_assert_int_eq(sh_settings_doc_value(doc)->log.level, SHOAL_LOG_ERR);
	sh_settings_doc_free(&doc);
}
END_TEST

SH_SUITE("settings/override", values_replace_and_create, lists_grow_by_one,
    mistakes_are_explained, no_file_is_needed)
