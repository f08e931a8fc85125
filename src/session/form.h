/*
 * This file collects the fields and files of a form while its body comes. It
 * neither receives nor waits: what blocks is for form_file.h, in a thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <shoal/form.h>

struct sh_form;
struct sh_loop;

/** Begin with a form of this Content-Type, NULL for none. Options are copied,
 *  and resolved, but folder is lent. 0 or -SHOAL_EINVAL when it is that of no
 *  form, -SHOAL_EPROTO, with *why_out, when it has no good boundary,
 *  -SHOAL_ENOMEM. */
int sh_form_new(const char *type, const struct shoal_form_options *options,
    struct sh_form **out, const char **why_out);
/** Close its files, in a thread of the loop if they are large, and free it. */
void sh_form_free(struct sh_form **form, struct sh_loop *loop);

/** Take bytes of the body in. 0 when all are used; 1 when the front was used, and
 *  sh_form_write() has to be called before the rest is given; -SHOAL_EPROTO or
 *  -SHOAL_EMSGSIZE, with *why_out, or -SHOAL_ENOMEM. */
int sh_form_take(
    struct sh_form *form, const char **data, size_t *len, const char **why_out);
/** The body is complete: as sh_form_take(), but never 1. */
int sh_form_end(struct sh_form *form, const char **why_out);
/** Write what has come of a file. Blocks; for a thread, while the form is
 *  otherwise left alone. 0 or -errno. */
int sh_form_write(struct sh_form *form);

/* What the functions of <shoal/form.h> say. */
size_t sh_form_field_count(const struct sh_form *form);
const char *sh_form_field_at(const struct sh_form *form, size_t i,
    const char **value_out, size_t *len_out);
const char *
sh_form_field(const struct sh_form *form, const char *name, size_t *len_out);
size_t sh_form_upload_count(const struct sh_form *form);
const struct shoal_upload *
sh_form_upload_at(const struct sh_form *form, size_t i);
