/*
 * This file reads libconfig's tree by the schema into an image; it does not
 * relate values to each other.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "settings/settings_draft.h"
#include "settings/settings_value.h"

enum { WHY_MAX = 4096 };

/* One group of the schema being read. */
struct reader {
	struct sh_draft *draft;
	size_t record; /* index: records move */
	char prefix[SH_RECORD_PREFIX_MAX];
};

static void
read_lists(const struct reader *reader, const config_setting_t *group);

static struct sh_record *
record_of(const struct reader *reader)
{
	return &reader->draft->doc->records[reader->record];
}

/* Where a key's value is stored. */
static void *
slot_of(const struct reader *reader, const struct sh_key *key)
{
	const struct sh_record *record = record_of(reader);

	return (char *)sh_image_record(
		   &reader->draft->image, record->scope, record->index) +
	    key->offset;
}

static void
store_number(const struct reader *reader, const struct sh_key *key, int64_t n)
{
	memcpy(slot_of(reader, key), &n, sizeof(n));
}

static void
store_text(
    const struct reader *reader, const struct sh_key *key, const char *value)
{
	struct sh_text text = sh_image_add_text(&reader->draft->image, value);

	memcpy(slot_of(reader, key), &text, sizeof(text));
}

void
sh_draft_store_default(struct sh_draft *draft, const struct sh_key *key,
    uint32_t index, uint32_t around)
{
	char *slot = (char *)sh_image_record(&draft->image, key->scope, index) +
	    key->offset;
	const char *from;
	struct sh_text text;
	int64_t number;

	if ((key->flags & SH_KEY_INHERITS) != 0) {
		from = sh_image_record(
		    &draft->image, sh_scope_around(key->scope), around);
		memcpy(slot, from + sh_key_parent(key)->offset, sizeof(number));
	} else if (sh_key_is_text(key) && key->fallback != NULL) {
		text = sh_image_add_text(&draft->image, key->fallback);
		memcpy(slot, &text, sizeof(text));
	} else if (key->fallback != NULL) {
		number = sh_key_fallback(key);
		memcpy(slot, &number, sizeof(number));
	}
}

char *
sh_setting_describe(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return sh_xprintf(
		    "integer %lld", config_setting_get_int64(setting));
	case CONFIG_TYPE_FLOAT:
		return sh_xprintf(
		    "float %g", config_setting_get_float(setting));
	case CONFIG_TYPE_BOOL:
		return sh_xstrdup(
		    config_setting_get_bool(setting) ? "true" : "false");
	case CONFIG_TYPE_STRING: return sh_xstrdup("a string");
	case CONFIG_TYPE_GROUP: return sh_xstrdup("a group { }");
	case CONFIG_TYPE_ARRAY: return sh_xstrdup("an array [ ]");
	default: return sh_xstrdup("a list ( )");
	}
}

/* Say that a setting is not of the type it must be. */
static void
report_type(const struct reader *reader, const config_setting_t *setting,
    const char *path, const char *expected)
{
	char *place =
	    sh_tree_place(&reader->draft->tree, setting, SH_PART_VALUE);
	char *got = sh_setting_describe(setting);

	record_of(reader)->failed = true;
	sh_diagnose(reader->draft->diags, place, "%s%s: expected %s, got %s",
	    reader->prefix, path, expected, got);
	free(got);
	free(place);
}

static void
report_wrong_type(const struct reader *reader, const struct sh_key *key,
    const config_setting_t *setting)
{
	struct sh_buf expected;
	char *text;

	sh_buf_init(&expected, WHY_MAX);
	sh_key_expect(key, &expected);
	text = sh_buf_take(&expected);
	report_type(reader, setting, key->path, text);
	free(text);
}

/* Say what is wrong with a value: "k = v is out of range", "k: expected". */
static void
report_value(const struct reader *reader, const struct sh_key *key,
    const config_setting_t *setting, int error, struct sh_buf *why)
{
	struct sh_buf shown;
	char *text = sh_buf_take(why), *value = NULL;

	record_of(reader)->failed = true;
	if (error == -ERANGE) {
		sh_buf_init(&shown, WHY_MAX);
		if (config_setting_type(setting) == CONFIG_TYPE_STRING)
			sh_text_quote(
			    config_setting_get_string(setting), &shown);
		else
			sh_buf_printf(
			    &shown, "%lld", config_setting_get_int64(setting));
		value = sh_buf_take(&shown);
	}
	sh_diagnose(reader->draft->diags,
	    sh_record_place(record_of(reader), key), "%s%s%s%s %s",
	    reader->prefix, key->path, value != NULL ? " = " : ":",
	    value != NULL ? value : "", text != NULL ? text : "is wrong");
	free(value);
	free(text);
}

static void
take_text(const struct reader *reader, const struct sh_key *key,
    const config_setting_t *setting, const char *text)
{
	struct sh_buf why;
	int64_t number = 0;
	int r;

	sh_buf_init(&why, WHY_MAX);
	r = sh_key_parse(key, text, &number, &why);
	if (r < 0)
		report_value(reader, key, setting, r, &why);
	else if (sh_key_is_text(key))
		store_text(reader, key, text);
	else
		store_number(reader, key, number);
	sh_buf_fini(&why);
}

/* A bare number is right for an integer, and for a size in bytes. */
static void
take_integer(const struct reader *reader, const struct sh_key *key,
    const config_setting_t *setting)
{
	long long n = config_setting_get_int64(setting);
	struct sh_buf why;
	int r;

	sh_buf_init(&why, WHY_MAX);
	if (key->type == SH_KEY_INT || key->type == SH_KEY_SIZE) {
		r = sh_key_take_number(key, n, &why);
	} else {
		r = -SHOAL_EINVAL;
		sh_buf_puts(&why, "expected ");
		sh_key_expect(key, &why);
		sh_buf_printf(&why, ", got integer %lld", n);
		if (key->type == SH_KEY_DURATION && n >= 0)
			sh_buf_printf(&why, "; did you mean \"%llds\"?", n);
	}
	if (r < 0)
		report_value(reader, key, setting, r, &why);
	else
		store_number(reader, key, n);
	sh_buf_fini(&why);
}

/* Strings in an array or a list; one alone may stand there as it is. */
static void
take_strings(const struct reader *reader, const struct sh_key *key,
    const config_setting_t *setting)
{
	struct sh_settings_group group;
	int i, count = config_setting_length(setting);

	for (i = 0; i < count; i++) {
		const config_setting_t *element =
		    config_setting_get_elem(setting, (unsigned)i);
		char *path;

		if (config_setting_type(element) == CONFIG_TYPE_STRING)
			continue;
		path = sh_xprintf("%s[%d]", key->path, i);
		report_type(reader, element, path, "a string");
		free(path);
	}
	group = sh_draft_flatten(reader->draft, setting);
	memcpy(slot_of(reader, key), &group, sizeof(group));
}

static bool
is_truth(const struct sh_key *key)
{
	const struct sh_word *word = key->words;

	while (word != NULL && word->name != NULL &&
	    strcmp(word->name, "true") != 0)
		word++;
	return key->type == SH_KEY_WORD && word->name != NULL;
}

static void
take_config(const struct reader *reader, const struct sh_key *key,
    const config_setting_t *setting)
{
	struct sh_settings_group group =
	    sh_draft_flatten(reader->draft, setting);

	memcpy(slot_of(reader, key), &group, sizeof(group));
}

static void
take_value(const struct reader *reader, const struct sh_key *key,
    const config_setting_t *setting)
{
	int type = config_setting_type(setting);

	record_of(reader)->places[key - sh_keys] =
	    sh_tree_place(&reader->draft->tree, setting, SH_PART_VALUE);
	if (key->type == SH_KEY_CONFIG && type == CONFIG_TYPE_GROUP)
		take_config(reader, key, setting);
	else if (key->type == SH_KEY_STRINGS &&
	    (type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST ||
		type == CONFIG_TYPE_STRING))
		take_strings(reader, key, setting);
	else if (key->type == SH_KEY_CONFIG || key->type == SH_KEY_STRINGS)
		report_wrong_type(reader, key, setting);
	else if (type == CONFIG_TYPE_STRING)
		take_text(
		    reader, key, setting, config_setting_get_string(setting));
	else if (type == CONFIG_TYPE_BOOL && is_truth(key))
		take_text(reader, key, setting,
		    config_setting_get_bool(setting) ? "true" : "false");
	else if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
		take_integer(reader, key, setting);
	else
		report_wrong_type(reader, key, setting);
}

static void
report_unknown(const struct reader *reader, const config_setting_t *setting,
    const char *group)
{
	const char *name = config_setting_name(setting);
	char *place = sh_tree_place(&reader->draft->tree, setting, SH_PART_KEY);
	char *advice = sh_key_advice(record_of(reader)->scope, group, name);
	size_t prefix = strlen(reader->prefix);

	if (prefix > 0 && group[0] == '\0')
		prefix--; /* the dot */
	if (prefix == 0 && group[0] == '\0')
		sh_diagnose(reader->draft->diags, place, "unknown key '%s'%s",
		    name, advice);
	else
		sh_diagnose(reader->draft->diags, place,
		    "unknown key '%s' in %.*s%s%s", name, (int)prefix,
		    reader->prefix, group, advice);
	free(advice);
	free(place);
}

/* Read the settings of a group that the schema describes. */
static void
read_group(const struct reader *reader, const config_setting_t *group,
    const char *path)
{
	enum sh_key_scope scope = record_of(reader)->scope;
	int i, count = config_setting_length(group);

	for (i = 0; i < count; i++) {
		const config_setting_t *child =
		    config_setting_get_elem(group, (unsigned)i);
		char *child_path = sh_xprintf("%s%s%s", path,
		    path[0] != '\0' ? "." : "", config_setting_name(child));
		const struct sh_key *key = sh_key_find(scope, child_path);

		if (key != NULL)
			take_value(reader, key, child);
		else if (sh_key_list_find(scope, child_path) != NULL)
			; /* read when what is around it is complete */
		else if (!sh_key_is_group(scope, child_path))
			report_unknown(reader, child, path);
		else if (config_setting_is_group(child))
			read_group(reader, child, child_path);
		else
			report_type(reader, child, child_path, "a group { }");
		free(child_path);
	}
}

static void
store_defaults(const struct reader *reader)
{
	const struct sh_record *record = record_of(reader);
	const struct sh_key *key;

	for (key = sh_keys; key->path != NULL; key++)
		if (key->scope == record->scope)
			sh_draft_store_default(reader->draft, key,
			    record->index, record->listener);
}

static void
report_missing(const struct reader *reader)
{
	const struct sh_key *key;

	for (key = sh_keys; key->path != NULL; key++) {
		struct sh_record *record = record_of(reader);

		if (key->scope != record->scope ||
		    (key->flags & SH_KEY_REQUIRED) == 0 ||
		    sh_record_place(record, key) != NULL)
			continue;
		record->failed = true;
		sh_diagnose(reader->draft->diags, record->place,
		    "%s%s is missing: %s", reader->prefix, key->path, key->doc);
	}
}

/* Read one group; number is its place in its list. */
static void
read_record(struct sh_draft *draft, enum sh_key_scope scope, uint32_t number,
    const config_setting_t *group)
{
	uint32_t index = scope == SH_SCOPE_TOP
	    ? 0
	    : sh_image_add_record(&draft->image, scope);
	struct reader reader = { .draft = draft,
		.record = draft->doc->record_count };
	char *place = scope == SH_SCOPE_TOP
	    ? NULL
	    : sh_tree_place(&draft->tree, group, SH_PART_VALUE);
	struct sh_record *record =
	    sh_doc_add_record(draft->doc, scope, index, place);

	if (scope == SH_SCOPE_ROUTE) {
		record->listener = draft->image.top.listener_count - 1;
		record->number = number;
	}
	sh_record_prefix(record, reader.prefix, sizeof(reader.prefix));
	store_defaults(&reader);
	read_group(&reader, group, "");
	report_missing(&reader);
	read_lists(&reader, group);
}

static void
read_list(const struct reader *reader, const struct sh_key_list *list,
    const config_setting_t *setting)
{
	int i, count = config_setting_length(setting);

	if (!config_setting_is_list(setting)) {
		report_type(reader, setting, list->name,
		    "a list of groups ( { }, { } )");
		return;
	}
	for (i = 0; i < count; i++) {
		const config_setting_t *element =
		    config_setting_get_elem(setting, (unsigned)i);
		char *path;

		if (config_setting_is_group(element)) {
			read_record(
			    reader->draft, list->scope, (uint32_t)i, element);
			continue;
		}
		path = sh_xprintf("%s[%d]", list->name, i);
		report_type(reader, element, path, "a group { }");
		free(path);
	}
}

/* What inherits from the group is read when that is complete. */
static void
read_lists(const struct reader *reader, const config_setting_t *group)
{
	enum sh_key_scope scope = record_of(reader)->scope;
	const struct sh_key_list *list;

	for (list = sh_key_lists; list->name != NULL; list++) {
		const config_setting_t *setting = list->in == scope
		    ? config_setting_lookup(
			  (config_setting_t *)group, list->name)
		    : NULL;

		if (setting != NULL)
			read_list(reader, list, setting);
	}
}

void
sh_draft_read(struct sh_draft *draft)
{
	read_record(
	    draft, SH_SCOPE_TOP, 0, config_root_setting(&draft->tree.config));
}
