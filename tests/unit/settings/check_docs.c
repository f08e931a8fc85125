/* This file tests that man/shoal.conf.5 and conf/ agree with the schema. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "sample.h"
#include "settings/settings_doc.h"
#include "settings/settings_schema.h"
#include "settings/settings_value.h"
#include "support/suite.h"

static char *
read_source(const char *name)
{
	const char *source = getenv("SHOAL_SRCDIR");
	char *path = sh_xprintf("%s/%s", source != NULL ? source : ".", name);
	FILE *file = fopen(path, "r");
	struct sh_buf text;
	char line[1024];

	ck_assert_msg(file != NULL, "%s is missing", path);
	sh_buf_init(&text, SAMPLE_MAX);
	while (fgets(line, sizeof(line), file) != NULL)
		sh_buf_puts(&text, line);
	fclose(file);
	free(path);
	return sh_buf_take(&text);
}

static char *
describe(const struct sh_key *key,
    void (*write)(const struct sh_key *key, struct sh_buf *out))
{
	struct sh_buf out;

	sh_buf_init(&out, SAMPLE_MAX);
	write(key, &out);
	return sh_buf_take(&out);
}

/* The manual's entry of a key must end in what the schema says of it. Lines
 * are joined, since the formatter does so, too. */
static void
check_manual(const char *manual, const struct sh_key *key)
{
	char *values = describe(key, sh_key_describe_values);
	char *fallback = describe(key, sh_key_describe_fallback);
	char *head =
	    sh_xprintf(" .It Cm %s%s ", sh_scope_prefix(key->scope), key->path);
	char *facts = sh_xprintf(" Value: %s. Default: %s. Change: %s. ",
	    values, fallback,
	    (key->flags & SH_KEY_RESTART) != 0 ? "restart" : "reload");
	const char *entry = strstr(manual, head), *end, *found;

	ck_assert_msg(entry != NULL, "the manual lacks%s", head);
	end = strstr(entry + 1, " .It ");
	found = strstr(entry, facts);
	ck_assert_msg(found != NULL && (end == NULL || found < end),
	    "the manual's %s lacks%s", key->path, facts);
	free(facts);
	free(head);
	free(fallback);
	free(values);
}

START_TEST(the_manual_has_every_key)
{
	char *manual = read_source("man/shoal.conf.5");
	const struct sh_key *key;
	size_t items = 0, keys = 0;
	char *p;

	for (p = manual; (p = strchr(p, '\n')) != NULL;)
		*p = ' ';
	for (key = sh_keys; key->path != NULL; key++) {
		check_manual(manual, key);
		keys++;
	}
	for (p = manual; (p = strstr(p, " .It Cm ")) != NULL; p++)
		items++;
	ck_assert_uint_eq(items, keys);
	free(manual);
}
END_TEST

/* Activate the settings of the sample that are commented out: "#" directly
 * before a key, or before a tab. */
static char *
uncomment(const char *sample)
{
	struct sh_buf out;
	bool line_start = true;

	sh_buf_init(&out, SAMPLE_MAX);
	for (; *sample != '\0'; sample++) {
		bool marker = line_start && *sample == '#' &&
		    strchr(" \n#", sample[1]) == NULL;

		line_start = *sample == '\n' || (line_start && *sample == '\t');
		if (!marker)
			sh_buf_add(&out, sample, 1);
	}
	return sh_buf_take(&out);
}

/* What the sample sets differs from the default on purpose. */
static bool
is_set_by_sample(const struct sh_key *key)
{
	static const char *const paths[] = { "control.path", "pid_file", "name",
		"file", "address", "handler", "config", "path", "filter",
		"count" };
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(paths); i++)
		if (strcmp(paths[i], key->path) == 0)
			return true;
	return false;
}

static const char *
slot_of(const struct sh_settings *settings, const struct sh_record *record,
    const struct sh_key *key)
{
	const char *base = (const char *)settings;

	if (record->scope == SH_SCOPE_LISTENER)
		base =
		    (const char *)sh_settings_listener(settings, record->index);
	if (record->scope == SH_SCOPE_HISTORY)
		base =
		    (const char *)sh_settings_history(settings, record->index);
	if (record->scope == SH_SCOPE_ROUTE)
		base = (const char *)sh_settings_route(settings,
		    sh_settings_listener(settings, record->listener),
		    record->number);
	return base + key->offset;
}

static int64_t
number_at(const struct sh_settings *settings, const struct sh_record *record,
    const struct sh_key *key)
{
	int64_t number;

	memcpy(&number, slot_of(settings, record, key), sizeof(number));
	return number;
}

/* Where the key is set. */
static const struct sh_record *
record_of(const struct sh_settings_doc *doc, const struct sh_key *key)
{
	size_t i;

	for (i = 0; i < doc->record_count; i++)
		if (doc->records[i].scope == key->scope &&
		    sh_record_place(&doc->records[i], key) != NULL)
			return &doc->records[i];
	ck_abort_msg("the sample lacks %s", key->path);
	return NULL;
}

static void
check_default(const struct sh_settings_doc *doc, const struct sh_record *record,
    const struct sh_key *key)
{
	const struct sh_settings *settings = doc->block;
	struct sh_settings_group group;
	struct sh_text text;
	int64_t expected;

	if (key->type == SH_KEY_STRINGS) {
		memcpy(&group, slot_of(settings, record, key), sizeof(group));
		ck_assert_uint_eq(group.count, 0);
		return;
	}
	if (sh_key_is_text(key)) {
		memcpy(&text, slot_of(settings, record, key), sizeof(text));
		ck_assert_str_eq(
		    sh_settings_text(settings, text), key->fallback);
		return;
	}
	if ((key->flags & SH_KEY_INHERITS) != 0)
		expected = number_at(
		    settings, sh_doc_around(doc, record), sh_key_parent(key));
	else
		expected = sh_key_fallback(key);
	ck_assert_msg(number_at(settings, record, key) == expected,
	    "the sample's %s is not the default", key->path);
}

START_TEST(the_sample_shows_every_key)
{
	char *sample = read_source("conf/shoal.conf");
	char *whole = uncomment(sample);
	struct sh_settings_doc *doc;
	const struct sh_key *key;

	sample_enter();
	doc = sample_load_text(whole);
	for (key = sh_keys; key->path != NULL; key++) {
		const struct sh_record *record = record_of(doc, key);

		if (!is_set_by_sample(key))
			check_default(doc, record, key);
	}
	sh_settings_doc_free(&doc);
	sample_leave();
	free(whole);
	free(sample);
}
END_TEST

START_TEST(the_samples_load_as_they_are)
{
	char *sample = read_source("conf/shoal.conf");
	char *demo = read_source("conf/demo.conf");
	struct sh_settings_doc *doc;
	const struct sh_settings *s;

	sample_enter();
	doc = sample_load_text(sample);
	s = sh_settings_doc_value(doc);
	ck_assert_str_eq(
	    sh_settings_text(s, s->control.path), "/run/shoal/control.sock");
	ck_assert_str_eq(
	    sh_settings_text(s, s->pid_file), "/run/shoal/shoal.pid");
	ck_assert_uint_eq(s->listener_count, 1);
	ck_assert_uint_eq(s->module_count, 0);
	sh_settings_doc_free(&doc);
	doc = sample_load_text(demo);
	s = sh_settings_doc_value(doc);
	ck_assert_int_eq(s->workers.count, 2);
	ck_assert_str_eq(
	    sh_settings_text(s, sh_settings_listener(s, 0)->name), "echo");
	sh_settings_doc_free(&doc);
	sample_leave();
	free(demo);
	free(sample);
}
END_TEST

SH_SUITE("settings/docs", the_manual_has_every_key, the_sample_shows_every_key,
    the_samples_load_as_they_are)
