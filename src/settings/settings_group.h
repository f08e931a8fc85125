/*
 * This file is a `config' group as its handler sees it: values by key, with
 * the defaults of the handler's table.
 */
#pragma once

#include "settings/load.h"

/* The value of one key; the member of its type is set. */
struct sh_group_value {
	const char *text; /* STRING; lent by the settings or the schema */
	int64_t number;   /* INT, BOOL, DURATION, SIZE */
	double real;      /* FLOAT */
};

/** The row of a key, or NULL. */
const struct shoal_setting *
sh_setting_find(const struct shoal_setting *schema, const char *key);
/** Whether what a key is set to is not shown, by its name: the last of its path ends
 *  in password, secret or token. */
bool sh_setting_is_secret(const char *path);
/** Read a default, which is written without quotes. 0, -SHOAL_EINVAL when it
 *  is not of the row's type, -ERANGE. */
int sh_setting_parse(const struct shoal_setting *setting, const char *text,
    struct sh_group_value *value_out);
/** Check a number's range. 0 or -ERANGE. */
int sh_setting_check_range(
    const struct shoal_setting *setting, const struct sh_group_value *value);
/** Read an item of the file as a row's type; results as sh_setting_parse(). */
int sh_setting_read_item(const struct shoal_setting *setting,
    const struct sh_settings *settings, const struct sh_settings_item *item,
    struct sh_group_value *value_out);
/** The item whose path is key, or NULL. */
const struct sh_settings_item *
sh_group_find(const struct shoal_settings *group, const char *key);
/** The value of a key that passed sh_settings_group_check(); an unknown key
 *  is a mistake of the caller (asserted). */
struct sh_group_value
sh_group_get(const struct shoal_settings *group, const char *key);
