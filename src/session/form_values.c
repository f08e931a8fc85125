/* This file keeps texts of forms, within the limits of one. */
#include "config.h"

#include "session/form_values.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"

void
sh_form_values_fini(struct sh_form_values *values)
{
	free(values->bytes);
	free(values->fields);
	*values = (struct sh_form_values){ .bytes = NULL };
}

/* A place for bytes and a NUL behind them. */
static int
make_room(struct sh_form_values *values, size_t len, const char **why_out)
{
	size_t cap = values->cap;
	char *grown;

	if (sh_form_is_beyond(values->memory_max, values->len + len)) {
		*why_out = "the fields of the form are too long";
		return -SHOAL_EMSGSIZE;
	}
	if (cap - values->len > len)
		return 0;
	cap = 2 * cap + len + 512;
	grown = sh_try_grow(values->bytes, cap, 1);
	if (grown == NULL)
		return -SHOAL_ENOMEM;
	values->bytes = grown;
	values->cap = cap;
	return 0;
}

int
sh_form_values_add(struct sh_form_values *values, const void *data, size_t len,
    const char **why_out)
{
	int r = make_room(values, len, why_out);

	if (r < 0)
		return r;
	if (len > 0)
		memcpy(values->bytes + values->len, data, len);
	values->len += len;
	values->bytes[values->len] = '\0';
	return 0;
}

int
sh_form_values_add_text(struct sh_form_values *values, const void *data,
    size_t len, size_t *place_out, const char **why_out)
{
	size_t place = values->len;
	int r = sh_form_values_add(values, data, len, why_out);

	if (r < 0)
		return r;
	values->len++; /* the NUL is there */
	*place_out = place;
	return 0;
}

int
sh_form_values_begin(struct sh_form_values *values, const void *name,
    size_t len, const char **why_out)
{
	size_t place = 0;
	int r;

	if (sh_form_is_beyond(values->field_max, values->field_count + 1)) {
		*why_out = "the form has too many fields";
		return -SHOAL_EMSGSIZE;
	}
	r = sh_form_array_grow(&values->fields, &values->field_cap,
	    values->field_count, sizeof(*values->fields));
	if (r == 0)
		r = sh_form_values_add_text(values, name, len, &place, why_out);
	if (r == 0) /* for a value without a byte, too */
		r = make_room(values, 0, why_out);
	if (r < 0)
		return r;
	values->bytes[values->len] = '\0';
	values->fields[values->field_count++] = (struct sh_form_field){
		.name = place, .name_len = len, .value = values->len
	};
	return 0;
}

void
sh_form_values_end(struct sh_form_values *values)
{
	struct sh_form_field *field = &values->fields[values->field_count - 1];

	field->value_len = values->len - field->value;
	values->len++;
}

int
sh_form_array_grow(void *array_at, size_t *cap, size_t count, size_t size)
{
	void *array, *grown;

	if (count < *cap)
		return 0;
	memcpy(&array, array_at, sizeof(array));
	grown = sh_try_grow(array, 2 * *cap + 8, size);
	if (grown == NULL)
		return -SHOAL_ENOMEM;
	memcpy(array_at, &grown, sizeof(grown));
	*cap = 2 * *cap + 8;
	return 0;
}
