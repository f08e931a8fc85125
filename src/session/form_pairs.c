/*
 * This file takes an urlencoded form apart. A pair is kept as it was sent until
 * its end has come, and decoded where it is.
 */
#include "config.h"

#include "session/form_pairs.h"

#include <stdint.h>
#include <string.h>

#include <shoal/error.h>

#include "proto/uri.h"
#include "session/form_values.h"

void
sh_form_pairs_init(
    struct sh_form_pairs *pairs, const struct sh_form_values *values)
{
	int64_t max = values->memory_max;

	/* three bytes stand for one at most, and there is the '=' */
	sh_buf_init(&pairs->pair,
	    max < 0 || max > PTRDIFF_MAX / 4 ? PTRDIFF_MAX
					     : 3 * (size_t)max + 1);
}

void
sh_form_pairs_fini(struct sh_form_pairs *pairs)
{
	sh_buf_fini(&pairs->pair);
}

static size_t
decode(struct sh_form_pairs *pairs, const char *text, size_t len)
{
	char *own = pairs->pair.data + (text - pairs->pair.data);

	return sh_uri_form_decode(own, text, len);
}

int
sh_form_pairs_end(struct sh_form_pairs *pairs, struct sh_form_values *values,
    const char **why_out)
{
	const char *text = pairs->pair.data;
	size_t len = pairs->pair.len;
	struct sh_uri_pair pair;
	int r;

	if (!sh_uri_pair_next(&text, &len, &pair))
		return 0;
	pair.name_len = decode(pairs, pair.name, pair.name_len);
	r = sh_form_values_begin(values, pair.name, pair.name_len, why_out);
	if (r < 0)
		return r;
	if (pair.value != NULL) {
		pair.value_len = decode(pairs, pair.value, pair.value_len);
		r = sh_form_values_add(
		    values, pair.value, pair.value_len, why_out);
	}
	if (r < 0)
		return r;
	sh_form_values_end(values);
	pairs->pair.len = 0;
	return 0;
}

int
sh_form_pairs_take(struct sh_form_pairs *pairs, struct sh_form_values *values,
    const char *data, size_t len, const char **why_out)
{
	while (len > 0) {
		const char *end = memchr(data, '&', len);
		size_t n = end != NULL ? (size_t)(end - data) : len;
		int r = sh_buf_add(&pairs->pair, data, n);

		if (r == -SHOAL_EMSGSIZE)
			*why_out = "a field of the form is too long";
		if (r == 0 && end != NULL)
			r = sh_form_pairs_end(pairs, values, why_out);
		if (r < 0)
			return r;
		n += end != NULL ? 1 : 0;
		data += n;
		len -= n;
	}
	return 0;
}
