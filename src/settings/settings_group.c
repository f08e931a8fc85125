/*
 * This file reads values of a `config' group by the table of its handler; it
 * does not report what is wrong with them.
 */
#include "config.h"

#include "settings/settings_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/panic.h"
#include "base/text.h"

const struct shoal_setting *
sh_setting_find(const struct shoal_setting *schema, const char *key)
{
	for (; schema != NULL && schema->key != NULL; schema++)
		if (strcmp(schema->key, key) == 0)
			return schema;
	return NULL;
}

/* What stands behind the last dot, without the index of a list. */
static size_t
find_name(const char *path, const char **name_out)
{
	const char *dot = strrchr(path, '.');

	*name_out = dot != NULL ? dot + 1 : path;
	return strcspn(*name_out, "[");
}

bool
sh_setting_is_secret(const char *path)
{
	static const char *const ends[] = { "password", "secret", "token" };
	const char *name;
	size_t len = find_name(path, &name), i;

	for (i = 0; i < SH_ARRAY_LEN(ends); i++) {
		size_t n = strlen(ends[i]);

		if (len >= n && strncasecmp(name + len - n, ends[i], n) == 0)
			return true;
	}
	return false;
}

static int
parse_bool(const char *text, int64_t *number_out)
{
	*number_out = strcmp(text, "true") == 0;
	return *number_out != 0 || strcmp(text, "false") == 0 ? 0
							      : -SHOAL_EINVAL;
}

static int
parse_int(const char *text, int64_t *number_out)
{
	char *end;

	errno = 0;
	*number_out = strtoll(text, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	return end != text && *end == '\0' ? 0 : -SHOAL_EINVAL;
}

static int
parse_float(const char *text, double *real_out)
{
	char *end;

	*real_out = strtod(text, &end);
	return end != text && *end == '\0' ? 0 : -SHOAL_EINVAL;
}

int
sh_setting_parse(const struct shoal_setting *setting, const char *text,
    struct sh_group_value *value_out)
{
	struct sh_group_value value = { .text = text };
	int r = -SHOAL_EINVAL;

	switch (setting->type) {
	case SHOAL_SETTING_STRING: r = 0; break;
	case SHOAL_SETTING_INT: r = parse_int(text, &value.number); break;
	case SHOAL_SETTING_BOOL: r = parse_bool(text, &value.number); break;
	case SHOAL_SETTING_FLOAT: r = parse_float(text, &value.real); break;
	case SHOAL_SETTING_DURATION:
		r = sh_duration_parse(text, &value.number);
		break;
	case SHOAL_SETTING_SIZE: r = sh_size_parse(text, &value.number); break;
	}
	if (r == 0)
		r = sh_setting_check_range(setting, &value);
	if (r == 0)
		*value_out = value;
	return r;
}

int
sh_setting_check_range(
    const struct shoal_setting *setting, const struct sh_group_value *value)
{
	if (setting->type == SHOAL_SETTING_STRING ||
	    setting->type == SHOAL_SETTING_BOOL ||
	    (setting->min == 0 && setting->max == 0))
		return 0;
	if (setting->type == SHOAL_SETTING_FLOAT)
		return value->real >= (double)setting->min &&
			value->real <= (double)setting->max
		    ? 0
		    : -ERANGE;
	return value->number >= setting->min && value->number <= setting->max
	    ? 0
	    : -ERANGE;
}

/* Whether a string of the file may stand for a value of this type. */
static bool
is_written_as_string(enum shoal_setting_type type)
{
	return type == SHOAL_SETTING_STRING || type == SHOAL_SETTING_DURATION ||
	    type == SHOAL_SETTING_SIZE;
}

int
sh_setting_read_item(const struct shoal_setting *setting,
    const struct sh_settings *settings, const struct sh_settings_item *item,
    struct sh_group_value *value_out)
{
	struct sh_group_value value = { .number = item->number,
		.real = item->real };
	bool fits = false;
	int r;

	switch ((enum sh_settings_type)item->type) {
	case SH_TYPE_STRING:
		if (!is_written_as_string(setting->type))
			return -SHOAL_EINVAL;
		return sh_setting_parse(
		    setting, sh_settings_text(settings, item->text), value_out);
	case SH_TYPE_BOOL: fits = setting->type == SHOAL_SETTING_BOOL; break;
	case SH_TYPE_FLOAT: fits = setting->type == SHOAL_SETTING_FLOAT; break;
	case SH_TYPE_INT:
		fits = setting->type == SHOAL_SETTING_INT ||
		    setting->type == SHOAL_SETTING_SIZE ||
		    setting->type == SHOAL_SETTING_FLOAT;
		value.real = (double)item->number;
		break;
	}
	if (!fits)
		return -SHOAL_EINVAL;
	if (setting->type == SHOAL_SETTING_SIZE && value.number < 0)
		return -ERANGE;
	r = sh_setting_check_range(setting, &value);
	if (r == 0)
		*value_out = value;
	return r;
}

const struct sh_settings_item *
sh_group_find(const struct shoal_settings *group, const char *key)
{
	uint32_t i;

	for (i = 0; i < group->group.count; i++) {
		const struct sh_settings_item *item =
		    sh_settings_item(group->settings, group->group, i);

		if (strcmp(sh_settings_text(group->settings, item->path),
			key) == 0)
			return item;
	}
	return NULL;
}

struct sh_group_value
sh_group_get(const struct shoal_settings *group, const char *key)
{
	const struct shoal_setting *setting =
	    sh_setting_find(group->schema, key);
	const struct sh_settings_item *item = sh_group_find(group, key);
	struct sh_group_value value = { 0 };
	int r;

	sh_assert(setting != NULL);
	if (item != NULL) {
		r = sh_setting_read_item(
		    setting, group->settings, item, &value);
	} else {
		sh_assert(setting->fallback != NULL);
		r = sh_setting_parse(setting, setting->fallback, &value);
	}
	sh_assert(r == 0);
	return value;
}
