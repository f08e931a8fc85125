/* This file takes an urlencoded form apart while it comes. */
#pragma once

#include "base/buf.h"

struct sh_form_values;

/* The pair that is not complete yet. */
struct sh_form_pairs {
	struct sh_buf pair;
};

void sh_form_pairs_init(
    struct sh_form_pairs *pairs, const struct sh_form_values *values);
void sh_form_pairs_fini(struct sh_form_pairs *pairs);
/** Take bytes in. As sh_form_values_add(). */
int
sh_form_pairs_take(struct sh_form_pairs *pairs, struct sh_form_values *values,
    const char *data, size_t len, const char **why_out);
/** There are no more. */
int sh_form_pairs_end(struct sh_form_pairs *pairs,
    struct sh_form_values *values, const char **why_out);
