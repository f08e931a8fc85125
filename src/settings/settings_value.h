/*
 * This file turns the text of a value into what is stored, and back, by the
 * key's row in the schema; it does not know where values stand.
 */
#pragma once

#include "base/buf.h"
#include "settings/settings_schema.h"

/* Whether the value of a key is stored as text. */
static inline bool
sh_key_is_text(const struct sh_key *key)
{
	return key->type == SH_KEY_STRING || key->type == SH_KEY_PATH;
}

/** Read a value that was written as a string. A text's value is the text, so
 *  number_out is set for the others only. 0, or -SHOAL_EINVAL with what is
 *  wrong appended to why. */
int sh_key_parse(const struct sh_key *key, const char *text,
    int64_t *number_out, struct sh_buf *why);
/** Check a value that was written as a whole number; as sh_key_parse(). */
int sh_key_take_number(
    const struct sh_key *key, int64_t number, struct sh_buf *why);
/** The number that a key's fallback stands for; the key must have one. */
int64_t sh_key_fallback(const struct sh_key *key);
/** Append what the key takes, for a message: "auto" or an integer 1..512. */
void sh_key_expect(const struct sh_key *key, struct sh_buf *out);
/** Append the same for a table: "auto" | 1..512. */
void sh_key_describe_values(const struct sh_key *key, struct sh_buf *out);
/** Append the default as a reader would write it, or what else holds. */
void sh_key_describe_fallback(const struct sh_key *key, struct sh_buf *out);
/** Append the smallest or largest value in the unit of the key. */
void
sh_key_format_bound(const struct sh_key *key, int64_t n, struct sh_buf *out);
/** Append a stored number as it would be written: 4, "30s", "64k", "off". */
void
sh_key_format(const struct sh_key *key, int64_t number, struct sh_buf *out);
/** Append a text as a libconfig string with its quotes. */
void sh_text_quote(const char *text, struct sh_buf *out);
