/* This file tests settings/settings_broker.c, and that a password is kept to
 * oneself. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "sample.h"
#include "support/suite.h"

static char *
errors_of(const char *broker)
{
	char *text = sh_xprintf("broker = {\n%s };\n", broker), *errors = NULL;
	struct sh_settings_doc *doc;

	sample_write("t.conf", text);
	free(text);
	doc = sample_load(NULL, &errors);
	sh_settings_doc_free(&doc);
	return errors;
}

START_TEST(what_makes_no_sense_is_told)
{
	static const struct {
		const char *broker, *error;
	} cases[] = {
		{ "type = \"redis\";",
		    "t.conf:2:8: error: broker.url: is missing" },
		{ "url = \"redis://h\";", "no use without broker.type" },
		{ "type = \"nats\";", "nats://127.0.0.1:4222" },
		{ "type = \"kafka\";", "expected one of" },
		{ "type = \"redis\"; url = \"localhost:6379\";", "scheme://" },
		{ "type = \"redis\"; url = \"rediss://h:1\";", "TLS" },
		{ "type = \"redis\"; url = \"nats://h:1\";", "expected redis" },
		{ "type = \"redis\"; url = \"redis://h/x\";", "a database" },
		{ "type = \"redis\"; url = \"redis://h:70000\";", "the port" },
		{ "type = \"redis\"; url = \"redis://u:pw@h\";",
		    "password_file" },
		{ "type = \"redis\"; url = [ \"redis://a\", \"redis://b\" ];",
		    "one server" },
		{ "type = \"redis\"; url = \"redis://u@h\"; user = \"v\"; "
		  "password = \"x\";",
		    "a user already" },
		{ "type = \"redis\"; url = \"redis://h\"; user = \"v\";",
		    "needs a password" },
		{ "type = \"redis\"; url = \"redis://h\"; password = \"a\"; "
		  "password_file = \"/b\";",
		    "there already" },
		{ "type = \"redis\"; url = \"redis://h\"; "
		  "password = \"(not shown)\";",
		    "shoal config" },
		{ "type = \"redis\"; url = \"redis://h\"; prefix = \"a b\";",
		    "a space" },
		{ "type = \"nats\"; url = \"nats://h\"; prefix = \"a.*\";",
		    "another meaning" },
		{ "type = \"nats\"; url = \"nats://h/a\";", "expected nats" },
		{ "backoff = { first = \"2s\"; max = \"1s\"; };",
		    "is above max" },
		{ "queue = 1;", "out of range" },
		{ "password_file = \"pw\";", "absolute path" },
	};
	char *errors;
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		errors = errors_of(cases[i].broker);
		ck_assert_msg(
		    errors != NULL && strstr(errors, cases[i].error) != NULL,
		    "%s: %s", cases[i].broker, errors != NULL ? errors : "-");
		ck_assert_msg(strstr(errors, "pw@") == NULL, "%s", errors);
		free(errors);
	}
	sample_leave();
}
END_TEST

START_TEST(what_makes_sense_is_taken)
{
	static const char *const texts[] = {
		"",
		"type = \"none\"; url = \"nonsense\"; user = \"u\";",
		"type = \"redis\"; url = \"redis://127.0.0.1:6379/0\";",
		"type = \"redis\"; url = \"redis://u@[::1]\"; password = "
		"\"x\";",
		"type = \"redis\"; url = [ \"unix:/run/redis.sock\" ]; prefix "
		"= \"\";",
		"type = \"nats\"; url = [ \"nats://a\", \"nats://b:1\" ];",
	};
	char *text;
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(texts); i++) {
		struct sh_settings_doc *doc;

		text = sh_xprintf("broker = { %s };", texts[i]);
		doc = sample_load_text(text);
		ck_assert_ptr_nonnull(doc);
		sh_settings_doc_free(&doc);
		free(text);
	}
	sample_leave();
}
END_TEST

START_TEST(a_password_is_not_shown)
{
	struct sh_settings_dump_options options = { .json = false };
	struct sh_settings_doc *doc;
	struct sh_buf out;
	char *text;
	int json;

	sample_enter();
	doc = sample_load_text("broker = { password = \"hunter2\"; };");
	for (json = 0; json < 2; json++) {
		options.json = json != 0;
		sh_buf_init(&out, SAMPLE_MAX);
		sh_settings_dump(doc, &options, &out);
		text = sh_buf_take(&out);
		ck_assert_ptr_nonnull(strstr(text, "(not shown)"));
		ck_assert_ptr_null(strstr(text, "hunter2"));
		free(text);
	}
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

SH_SUITE("settings/broker", what_makes_no_sense_is_told,
    what_makes_sense_is_taken, a_password_is_not_shown)
