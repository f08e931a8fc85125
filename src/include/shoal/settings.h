/*
 * Settings of a handler or a module: the `config' group beside its name in the
 * configuration file. A handler says which keys it knows; shoal checks the
 * file against them before anything is started, fills in defaults, and hands
 * over the values.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_settings;

enum shoal_setting_type {
	SHOAL_SETTING_STRING,
	SHOAL_SETTING_INT, /* a whole number */
	SHOAL_SETTING_BOOL,
	SHOAL_SETTING_FLOAT,
	SHOAL_SETTING_DURATION, /* "1m30s"; read as milliseconds */
	SHOAL_SETTING_SIZE      /* "64k", 65536; read as bytes */
};

/* One key that a handler or module knows. A table ends with key == NULL. What is set
 * for a key whose name ends in "password", "secret" or "token" is not shown. */
struct shoal_setting {
	const char *key;
	enum shoal_setting_type type;
	const char *fallback; /* default as it would be written, without
				   quotes; NULL: the key is required */
	int64_t min, max;     /* range of numbers; both 0: none */
	const char *doc;      /* one line */
};

/**
 * Read a string.
 *
 * @param key  one of the handler's own table (asserted)
 *
 * Returns  the text, never NULL
 * Owner    lends as long as the generation lives
 * Context  any that has been given settings
 * Blocks   never
 */
SHOAL_API const char *
shoal_settings_string(const struct shoal_settings *settings, const char *key);

/** Read a whole number, a duration in milliseconds or a size in bytes. */
SHOAL_API int64_t shoal_settings_int(
    const struct shoal_settings *settings, const char *key);

/** Read a truth value. */
SHOAL_API bool
shoal_settings_bool(const struct shoal_settings *settings, const char *key);

/** Read a number with a fraction. */
SHOAL_API double
shoal_settings_float(const struct shoal_settings *settings, const char *key);

#ifdef __cplusplus
}
#endif
