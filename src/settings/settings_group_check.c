/*
 * This file checks a `config' group against the table of its handler, and the
 * table itself; it does not hand out values.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "settings/settings_group.h"
#include "settings/settings_value.h"

enum { TEXT_MAX = 4096, KEYS_SHOWN_MAX = 64 };

static const char *const expectations[] = {
	[SHOAL_SETTING_STRING] = "a string",
	[SHOAL_SETTING_INT] = "an integer",
	[SHOAL_SETTING_BOOL] = "true or false",
	[SHOAL_SETTING_FLOAT] = "a number",
	[SHOAL_SETTING_DURATION] = "a duration such as \"30s\"",
	[SHOAL_SETTING_SIZE] = "a size such as \"64k\"",
};

/* One check of one group. */
struct checker {
	const struct shoal_settings *group;
	const char *where; /* "listeners[0].config" */
	const char *origin;
	struct sh_diagnostics *diags;
};

static const char *
text_of(const struct checker *checker, struct sh_text text)
{
	return sh_settings_text(checker->group->settings, text);
}

static void
format_bound(const struct shoal_setting *setting, int64_t n, struct sh_buf *out)
{
	char text[64];

	if (setting->type == SHOAL_SETTING_DURATION)
		sh_buf_puts(out, sh_duration_format(n, text, sizeof(text)));
	else if (setting->type == SHOAL_SETTING_SIZE)
		sh_buf_puts(out, sh_size_format(n, text, sizeof(text)));
	else
		sh_buf_printf(out, "%lld", (long long)n);
}

/* Append a value as it stands in the file; but a secret, for the log. */
static void
format_value(const struct checker *checker, const struct sh_settings_item *item,
    struct sh_buf *out)
{
	if (sh_setting_is_secret(text_of(checker, item->path))) {
		sh_buf_puts(out, "something " SH_SECRET_SHOWN);
		return;
	}
	switch ((enum sh_settings_type)item->type) {
	case SH_TYPE_STRING:
		sh_text_quote(text_of(checker, item->text), out);
		break;
	case SH_TYPE_BOOL:
		sh_buf_puts(out, item->number != 0 ? "true" : "false");
		break;
	case SH_TYPE_FLOAT: sh_buf_printf(out, "%g", item->real); break;
	case SH_TYPE_INT:
		sh_buf_printf(out, "%lld", (long long)item->number);
		break;
	}
}

static void
report_value(const struct checker *checker, const struct shoal_setting *setting,
    const struct sh_settings_item *item, int error)
{
	struct sh_buf text;
	char *message;

	sh_buf_init(&text, TEXT_MAX);
	if (error == -ERANGE) {
		sh_buf_puts(&text, " = ");
		format_value(checker, item, &text);
		sh_buf_puts(&text, " is out of range");
		if (setting->min != 0 || setting->max != 0) {
			sh_buf_puts(&text, " ");
			format_bound(setting, setting->min, &text);
			sh_buf_puts(&text, "..");
			format_bound(setting, setting->max, &text);
		}
	} else {
		sh_buf_printf(
		    &text, ": expected %s, got ", expectations[setting->type]);
		format_value(checker, item, &text);
	}
	message = sh_buf_take(&text);
	sh_diagnose(checker->diags, text_of(checker, item->origin), "%s.%s%s",
	    checker->where, setting->key,
	    message != NULL ? message : ": the value is wrong");
	free(message);
}

/* The row whose key is the first part of a longer path, "names" of "names[0]"
 * and "names.a". */
static const struct shoal_setting *
find_stem(const struct shoal_setting *schema, const char *path)
{
	for (; schema != NULL && schema->key != NULL; schema++) {
		size_t len = strlen(schema->key);

		if (strncmp(schema->key, path, len) == 0 &&
		    (path[len] == '.' || path[len] == '['))
			return schema;
	}
	return NULL;
}

static void
advise(const struct checker *checker, const char *path, struct sh_buf *out)
{
	const struct shoal_setting *row = checker->group->schema;
	const char *keys[KEYS_SHOWN_MAX + 1] = { NULL }, *near;
	size_t count = 0, i;

	for (; row != NULL && row->key != NULL && count < KEYS_SHOWN_MAX; row++)
		keys[count++] = row->key;
	near = sh_word_nearest(path, keys);
	if (near != NULL)
		sh_buf_printf(out, "; did you mean '%s'?", near);
	else if (count == 0)
		sh_buf_puts(out, "; it takes no keys");
	else
		for (i = 0; i < count; i++)
			sh_buf_printf(out, "%s%s",
			    i == 0 ? "; known here: " : ", ", keys[i]);
}

static void
report_unknown(
    const struct checker *checker, const struct sh_settings_item *item)
{
	const char *path = text_of(checker, item->path);
	const struct shoal_setting *stem =
	    find_stem(checker->group->schema, path);
	struct sh_buf advice;
	char *text;

	if (stem != NULL) {
		sh_diagnose(checker->diags, text_of(checker, item->origin),
		    "%s.%s: expected %s, got a %s", checker->where, stem->key,
		    expectations[stem->type],
		    path[strlen(stem->key)] == '[' ? "list" : "group");
		return;
	}
	sh_buf_init(&advice, TEXT_MAX);
	advise(checker, path, &advice);
	text = sh_buf_take(&advice);
	sh_diagnose(checker->diags, text_of(checker, item->origin),
	    "unknown key '%s' in %s%s", path, checker->where,
	    text != NULL ? text : "");
	free(text);
}

/* A dump that was taken for a configuration. */
static bool
was_hidden(const struct checker *checker, const struct sh_settings_item *item)
{
	return item->type == SH_TYPE_STRING &&
	    sh_setting_is_secret(text_of(checker, item->path)) &&
	    strcmp(text_of(checker, item->text), SH_SECRET_SHOWN) == 0;
}

static void
check_item(const struct checker *checker, const struct sh_settings_item *item)
{
	const struct shoal_setting *setting = sh_setting_find(
	    checker->group->schema, text_of(checker, item->path));
	struct sh_group_value value;
	int r;

	if (setting == NULL) {
		report_unknown(checker, item);
		return;
	}
	r = sh_setting_read_item(
	    setting, checker->group->settings, item, &value);
	if (r < 0)
		report_value(checker, setting, item, r);
	else if (was_hidden(checker, item))
		sh_diagnose(checker->diags, text_of(checker, item->origin),
		    "%s.%s is what `shoal config' writes in its place; write "
		    "the real one",
		    checker->where, setting->key);
}

void
sh_settings_group_check(const struct shoal_settings *group, const char *where,
    const char *origin, struct sh_diagnostics *diags)
{
	const struct checker checker = {
		.group = group, .where = where, .origin = origin, .diags = diags
	};
	const struct shoal_setting *row = group->schema;
	uint32_t i;

	for (i = 0; i < group->group.count; i++)
		check_item(&checker,
		    sh_settings_item(group->settings, group->group, i));
	for (; row != NULL && row->key != NULL; row++)
		if (row->fallback == NULL &&
		    sh_group_find(group, row->key) == NULL)
			sh_diagnose(diags, origin,
			    "%s.%s is missing: expected %s%s%s", where,
			    row->key, expectations[row->type],
			    row->doc != NULL ? ", " : "",
			    row->doc != NULL ? row->doc : "");
}

/* Whether a key is one that the configuration file can hold. */
static bool
is_key(const char *key)
{
	size_t i;

	for (i = 0; key[i] != '\0'; i++) {
		bool first = i == 0 || key[i - 1] == '.';

		if (first ? !isalpha((unsigned char)key[i])
			  : !isalnum((unsigned char)key[i]) && key[i] != '_' &&
			    key[i] != '-' && key[i] != '.')
			return false;
	}
	return i > 0 && key[i - 1] != '.';
}

static bool
is_sound(const struct shoal_setting *setting)
{
	struct sh_group_value value;

	return is_key(setting->key) && setting->type >= SHOAL_SETTING_STRING &&
	    setting->type <= SHOAL_SETTING_SIZE &&
	    setting->min <= setting->max &&
	    (setting->fallback == NULL ||
		sh_setting_parse(setting, setting->fallback, &value) == 0);
}

int
sh_settings_schema_check(
    const struct shoal_setting *schema, const char **key_out)
{
	const struct shoal_setting *row;

	for (row = schema; row != NULL && row->key != NULL; row++) {
		if (!is_sound(row) ||
		    sh_setting_find(schema, row->key) != row) {
			*key_out = row->key;
			return -SHOAL_EINVAL;
		}
	}
	return 0;
}
