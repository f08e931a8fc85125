/*
 * This file is <shoal/settings.h>: a handler's view of its settings. It does
 * not check them; that is done before anything is started.
 */
#include "config.h"

#include <shoal/settings.h>

#include "base/panic.h"
#include "settings/settings_group.h"

/* The value of a key, which must have been declared with one of the types. */
static struct sh_group_value
get_typed(
    const struct shoal_settings *settings, const char *key, unsigned types)
{
	const struct shoal_setting *setting;

	sh_assert(settings != NULL && key != NULL);
	setting = sh_setting_find(settings->schema, key);
	sh_assert(setting != NULL && (types >> setting->type & 1u) != 0);
	return sh_group_get(settings, key);
}

const char *
shoal_settings_string(const struct shoal_settings *settings, const char *key)
{
	return get_typed(settings, key, 1u << SHOAL_SETTING_STRING).text;
}

int64_t
shoal_settings_int(const struct shoal_settings *settings, const char *key)
{
	return get_typed(settings, key,
	    1u << SHOAL_SETTING_INT | 1u << SHOAL_SETTING_DURATION |
		1u << SHOAL_SETTING_SIZE)
	    .number;
}

bool
shoal_settings_bool(const struct shoal_settings *settings, const char *key)
{
	return get_typed(settings, key, 1u << SHOAL_SETTING_BOOL).number != 0;
}

double
shoal_settings_float(const struct shoal_settings *settings, const char *key)
{
	return get_typed(settings, key, 1u << SHOAL_SETTING_FLOAT).real;
}
