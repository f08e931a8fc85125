/*
 * This file is how the rest of shoal reads a configuration file. libconfig 1.5
 * may call exit(2) on a bad include, so it is used in a child process only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <shoal/settings.h>
#include "base/buf.h"
#include "settings/diagnostics.h"
#include "settings/settings.h"

/* What to read. All borrowed. */
struct sh_settings_source {
	const char *file;             /* NULL: no file, only defaults */
	const char *const *overrides; /* "path=value", as of -s */
	size_t override_count;
};

/* A loaded configuration: the flat block and where each value came from. */
struct sh_settings_doc;

/** Read, check against the schema and resolve. Every error found is added to
 *  diags. 0, or -SHOAL_ECONFIG with *doc_out untouched.
 *  Owner: the caller, sh_settings_doc_free(). */
int sh_settings_load(const struct sh_settings_source *source,
    struct sh_settings_doc **doc_out, struct sh_diagnostics *diags);
void sh_settings_doc_free(struct sh_settings_doc **doc);
/** The flat block; lent as long as doc lives; its size is settings->size. */
const struct sh_settings *
sh_settings_doc_value(const struct sh_settings_doc *doc);

/** Where a top-level key ("log.target") was written, "file:line:column" or
 *  "-s"; NULL when it has its default. Lent with doc. */
const char *
sh_settings_doc_place(const struct sh_settings_doc *doc, const char *path);

/** Find what a running master cannot change: every key that differs and is
 *  not reloadable becomes an error "needs restart: ...". */
void sh_settings_diff(const struct sh_settings *running,
    const struct sh_settings_doc *next, struct sh_diagnostics *diags);

/** Write the effective settings in libconfig syntax, or as JSON; with origin,
 *  each line ends in a comment "file:line", "default" or "-s". */
struct sh_settings_dump_options {
	bool json, origin;
};
void sh_settings_dump(const struct sh_settings_doc *doc,
    const struct sh_settings_dump_options *options, struct sh_buf *out);
/** Write every key: path, type, range, default, reloadable or not, doc. */
void sh_settings_dump_keys(bool json, struct sh_buf *out);

/** Find a top-level or one-level-deep string ("control.path", "pid_file")
 *  in a file that may be broken elsewhere, so that a command still reaches
 *  the running master. 0, -SHOAL_ENOENT, -SHOAL_EMSGSIZE when buf is too
 *  small, or the -errno of open(2). Does not use libconfig and is safe in
 *  any process. */
int sh_settings_peek(const char *file, const char *path, char *buf, size_t cap);

/* The values that a handler or module sees. */
struct shoal_settings {
	const struct sh_settings *settings;
	struct sh_settings_group group;
	const struct shoal_setting *schema; /* may be NULL: no keys */
};

/** Check a `config' group against the keys of its handler or module: unknown
 *  keys with a suggestion, wrong types, ranges, missing ones. where names it
 *  in messages, "listeners[0].config". */
void sh_settings_group_check(const struct shoal_settings *group,
    const char *where, const char *origin, struct sh_diagnostics *diags);
/** Whether a schema table itself makes sense (types, defaults that parse):
 *  0, or -SHOAL_EINVAL with the key at fault in *key_out. */
int sh_settings_schema_check(
    const struct shoal_setting *schema, const char **key_out);
