/*
 * This file finds keys in the schema, and what can be said about wrong ones; it
 * does not read values.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "settings/settings_schema.h"

const struct sh_key *
sh_key_find(enum sh_key_scope scope, const char *path)
{
	const struct sh_key *key;

	for (key = sh_keys; key->path != NULL; key++)
		if (key->scope == scope && strcmp(key->path, path) == 0)
			return key;
	return NULL;
}

const struct sh_key_list *
sh_key_list_find(enum sh_key_scope scope, const char *name)
{
	const struct sh_key_list *list;

	for (list = sh_key_lists; list->name != NULL; list++)
		if (list->in == scope && strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

enum sh_key_scope
sh_scope_around(enum sh_key_scope scope)
{
	return scope == SH_SCOPE_ROUTE ? SH_SCOPE_LISTENER : SH_SCOPE_TOP;
}

const struct sh_key *
sh_key_parent(const struct sh_key *key)
{
	return sh_key_find(sh_scope_around(key->scope),
	    key->from != NULL ? key->from : key->path);
}

/* What stands behind "path." in a key's path, or NULL. */
static const char *
strip_group(const char *key_path, const char *path)
{
	size_t len = strlen(path);

	if (len == 0)
		return key_path;
	if (strncmp(key_path, path, len) != 0 || key_path[len] != '.')
		return NULL;
	return key_path + len + 1;
}

bool
sh_key_is_group(enum sh_key_scope scope, const char *path)
{
	const struct sh_key *key;

	for (key = sh_keys; key->path != NULL; key++)
		if (key->scope == scope && strip_group(key->path, path) != NULL)
			return true;
	return false;
}

static void
add_name(char **names, size_t *count, const char *name, size_t len)
{
	/* keys of a group stand together, so it is enough to look back once */
	if (*count != 0 && strlen(names[*count - 1]) == len &&
	    strncmp(names[*count - 1], name, len) == 0)
		return;
	names[(*count)++] = sh_xprintf("%.*s", (int)len, name);
}

char **
sh_key_names(enum sh_key_scope scope, const char *path)
{
	/* with the lists and the end */
	char **names = sh_xcalloc(SH_KEYS_MAX + 4, sizeof(*names));
	const struct sh_key_list *list;
	const struct sh_key *key;
	size_t count = 0;

	for (key = sh_keys; key->path != NULL; key++) {
		const char *name =
		    key->scope == scope ? strip_group(key->path, path) : NULL;

		if (name != NULL)
			add_name(names, &count, name, strcspn(name, "."));
	}
	for (list = sh_key_lists; list->name != NULL; list++) {
		const char *name =
		    list->in == scope ? strip_group(list->name, path) : NULL;

		if (name != NULL && strchr(name, '.') == NULL)
			add_name(names, &count, name, strlen(name));
	}
	return names;
}

void
sh_key_names_free(char **names)
{
	size_t i;

	for (i = 0; names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

char *
sh_key_advice(enum sh_key_scope scope, const char *path, const char *wrong)
{
	char **names = sh_key_names(scope, path);
	const char *near = sh_word_nearest(wrong, (const char *const *)names);
	struct sh_buf text;
	size_t i;

	sh_buf_init(&text, 4096);
	if (near != NULL) {
		sh_buf_printf(&text, "; did you mean '%s'?", near);
	} else {
		for (i = 0; names[i] != NULL; i++)
			sh_buf_printf(&text, "%s%s",
			    i == 0 ? "; known here: " : ", ", names[i]);
	}
	sh_key_names_free(names);
	sh_buf_puts(&text, "");
	return sh_buf_take(&text);
}

const char *
sh_scope_prefix(enum sh_key_scope scope)
{
	static const char *const prefixes[] = { [SH_SCOPE_TOP] = "",
		[SH_SCOPE_MODULE] = "modules[].",
		[SH_SCOPE_LISTENER] = "listeners[].",
		[SH_SCOPE_ROUTE] = "listeners[].routes[].",
		[SH_SCOPE_HISTORY] = "topics.history[]." };

	return prefixes[scope];
}

bool
sh_key_is_beside(const struct sh_key *a, const struct sh_key *b)
{
	const char *end_a = strchr(a->path, '.'), *end_b = strchr(b->path, '.');

	if (a->scope != b->scope || end_a == NULL || end_b == NULL)
		return a->scope == b->scope && end_a == end_b;
	return end_a - a->path == end_b - b->path &&
	    strncmp(a->path, b->path, (size_t)(end_a - a->path)) == 0;
}
