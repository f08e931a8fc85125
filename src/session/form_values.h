/*
 * This file keeps the names and values of a form, and other texts that come with
 * it: one behind another in one block. The block moves as it grows, so they are
 * known by their place in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sh_form_field {
	size_t name, name_len, value, value_len;
};

struct sh_form_values {
	int64_t memory_max, field_max; /* -1: off */
	char *bytes;
	size_t len, cap;
	struct sh_form_field *fields;
	size_t field_count, field_cap;
};

void sh_form_values_fini(struct sh_form_values *values);
/** Add bytes to the text that is being made, and a NUL that is not counted. 0,
 *  -SHOAL_EMSGSIZE with *why_out, or -SHOAL_ENOMEM; so all that adds. */
int sh_form_values_add(struct sh_form_values *values, const void *data,
    size_t len, const char **why_out);
/** Add a whole text. */
int sh_form_values_add_text(struct sh_form_values *values, const void *data,
    size_t len, size_t *place_out, const char **why_out);
/** Begin a field of this name; what is added from then on is its value. */
int sh_form_values_begin(struct sh_form_values *values, const void *name,
    size_t len, const char **why_out);
/** The value is complete. */
void sh_form_values_end(struct sh_form_values *values);
/** Make an array at least one longer than count. 0 or -SHOAL_ENOMEM. */
int sh_form_array_grow(void *array_at, size_t *cap, size_t count, size_t size);
/** Whether a limit, of which -1 is none, is below a count. */
static inline bool
sh_form_is_beyond(int64_t limit, uint64_t count)
{
	return limit >= 0 && (uint64_t)limit < count;
}
