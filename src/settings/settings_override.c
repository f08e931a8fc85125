/*
 * This file sets single values that a command line gives; it does not check
 * them, which happens later together with the file's.
 */
#include "config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "settings/settings_schema.h"
#include "settings/settings_tree.h"

#define PLACE "-s"

/* One "path=value" while it is carried out. */
struct override {
	struct sh_tree *tree;
	struct sh_diagnostics *diags;
	char *path;               /* "listeners[0].address" */
	const char *text;         /* the value */
	const struct sh_key *key; /* NULL inside a `config' group */
	config_t value;           /* the value as a setting named v */
};

/* A step of a path: a name, or an index when name is NULL. */
struct step {
	char *name;
	int index;
};

enum { STEPS_MAX = 32, INDEX_MAX = 9999 };

/* Read one step at *p and move behind it and its dot. */
static bool
read_step(const char **p, struct step *step)
{
	size_t len;
	char *end;

	*step = (struct step){ 0 };
	if (**p == '[') {
		if (!isdigit((unsigned char)(*p)[1]))
			return false;
		step->index = (int)strtoul(*p + 1, &end, 10);
		if (*end != ']' || end - *p > 5 || step->index > INDEX_MAX)
			return false;
		*p = end + 1;
	} else {
		len = strcspn(*p, ".[");
		if (len == 0 || !isalpha((unsigned char)**p) ||
		    strspn(*p,
			"abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*") < len)
			return false;
		step->name = sh_xprintf("%.*s", (int)len, *p);
		*p += len;
	}
	if (**p == '.' && ((*p)[1] == '\0' || (*p)[1] == '['))
		return false;
	if (**p == '.')
		(*p)++;
	else if (**p != '\0' && **p != '[')
		return false;
	return true;
}

static void
free_steps(struct step *steps, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(steps[i].name);
}

/* Cut a path into steps. Their number, 0 when it is malformed. */
static size_t
read_steps(const char *path, struct step *steps)
{
	size_t count = 0;

	while (*path != '\0') {
		if (count == STEPS_MAX || !read_step(&path, &steps[count])) {
			if (count < STEPS_MAX)
				free(steps[count].name);
			free_steps(steps, count);
			return 0;
		}
		count++;
	}
	return count;
}

/* The scope that a path is in; *rest_out is the path inside it. */
static enum sh_key_scope
find_scope(const char *path, const char **rest_out)
{
	enum sh_key_scope scope = SH_SCOPE_TOP;
	const struct sh_key_list *list = sh_key_lists;

	/* lists stand in the table before those that are in them */
	for (; list->name != NULL; list++) {
		size_t len = strlen(list->name);

		if (list->in != scope || strncmp(path, list->name, len) != 0 ||
		    path[len] != '[')
			continue;
		path += len + strcspn(path + len, "]");
		path += strspn(path, "].");
		scope = list->scope;
	}
	*rest_out = path;
	return scope;
}

/* "; did you mean 'workers.count'?", from all paths of the scope. */
static char *
advise_path(enum sh_key_scope scope, const char *path, const char *rest)
{
	const char *paths[SH_KEYS_MAX + 1] = { NULL }, *near;
	const struct sh_key *key;
	size_t count = 0;

	for (key = sh_keys; key->path != NULL; key++)
		if (key->scope == scope)
			paths[count++] = key->path;
	near = sh_word_nearest(rest, paths);
	if (near == NULL)
		return sh_xstrdup("; `shoal config --keys' lists them all");
	return sh_xprintf(
	    "; did you mean '%.*s%s'?", (int)(rest - path), path, near);
}

/* Say that a path is not a single value, and which ones are inside. */
static void
refuse_group(
    struct override *override, enum sh_key_scope scope, const char *rest)
{
	char **names = sh_key_names(scope, rest);
	struct sh_buf list;
	char *text;
	size_t i;

	sh_buf_init(&list, 4096);
	for (i = 0; names[i] != NULL; i++)
		sh_buf_printf(&list, "%s%s", i == 0 ? "" : ", ", names[i]);
	text = sh_buf_take(&list);
	sh_diagnose(override->diags, PLACE,
	    "'%s' is a group; set one of its keys: %s", override->path,
	    text != NULL ? text : "");
	free(text);
	sh_key_names_free(names);
}

/* The key that says which group of a list it is. */
static const char *
first_key(enum sh_key_scope scope)
{
	const struct sh_key *key = sh_keys;

	while (key->scope != scope)
		key++;
	return key->path;
}

/* Say why a path is not one that can be set. */
static void
refuse_path(
    struct override *override, enum sh_key_scope scope, const char *rest)
{
	const char *path = override->path;
	char *advice;

	if (sh_key_list_find(scope, rest) != NULL) {
		sh_diagnose(override->diags, PLACE,
		    "'%s' is a list; set a key of an element: %s[0].%s", path,
		    path, first_key(sh_key_list_find(scope, rest)->scope));
	} else if (strcmp(rest, "config") == 0) {
		sh_diagnose(override->diags, PLACE,
		    "'%s' is a group; set one key in it: %s.KEY", path, path);
	} else if (sh_key_is_group(scope, rest)) {
		refuse_group(override, scope, rest);
	} else {
		advice = advise_path(scope, path, rest);
		sh_diagnose(
		    override->diags, PLACE, "unknown key '%s'%s", path, advice);
		free(advice);
	}
}

/* The key of strings that a path is one of, "methods[0]"; or NULL. */
static const struct sh_key *
find_strings(enum sh_key_scope scope, const char *rest)
{
	size_t len = strcspn(rest, "[");
	char *path = sh_xprintf("%.*s", (int)len, rest);
	const struct sh_key *key = sh_key_find(scope, path);

	free(path);
	if (key == NULL || key->type != SH_KEY_STRINGS || rest[len] != '[' ||
	    strchr(rest + len, ']')[1] != '\0')
		return NULL;
	return key;
}

/* Find the key, so that a path that nothing obeys is refused. */
static bool
find_key(struct override *override)
{
	const char *rest;
	enum sh_key_scope scope = find_scope(override->path, &rest);
	const struct sh_key *key = sh_key_find(scope, rest);

	if (key != NULL && key->type != SH_KEY_CONFIG) {
		override->key = key;
		return true;
	}
	if (scope != SH_SCOPE_TOP && strncmp(rest, "config.", 7) == 0)
		return true;
	override->key = find_strings(scope, rest);
	if (override->key != NULL)
		return true;
	refuse_path(override, scope, rest);
	return false;
}

/* Whether libconfig can read the text as one scalar. */
static bool
is_scalar(const char *text)
{
	struct sh_lexed lexed = { .follow = false };
	struct sh_diagnostics diags = { 0 };
	bool scalar, strings = true;
	size_t i;

	sh_lexed_add_text(&lexed, PLACE, text, strlen(text), &diags);
	for (i = 0; i < lexed.token_count; i++)
		strings = strings && lexed.tokens[i].type == SH_TOKEN_STRING;
	scalar = diags.errors == 0 && lexed.token_count > 0 &&
	    (strings ||
		(lexed.token_count == 1 &&
		    lexed.tokens[0].type >= SH_TOKEN_INT &&
		    lexed.tokens[0].type <= SH_TOKEN_STRING));
	sh_diagnostics_fini(&diags);
	sh_lexed_fini(&lexed);
	return scalar;
}

/* Whether the text is meant as it stands, without a look at what it is. */
static bool
is_verbatim(const struct override *override)
{
	const struct sh_key *key = override->key;

	if (key != NULL && key->type != SH_KEY_INT && key->type != SH_KEY_SIZE)
		return override->text[0] != '"' || !is_scalar(override->text);
	return !is_scalar(override->text);
}

/* Make the setting v from the text. */
static void
read_value(struct override *override)
{
	config_setting_t *root, *v;
	char *line;

	if (!is_verbatim(override)) {
		line = sh_xprintf("v =\n%s\n;", override->text);
		if (config_read_string(&override->value, line)) {
			free(line);
			return;
		}
		free(line);
	}
	root = config_root_setting(&override->value);
	v = config_setting_add(root, "v", CONFIG_TYPE_STRING);
	config_setting_set_string(v, override->text);
}

static void
copy_scalar(config_setting_t *to, const config_setting_t *from)
{
	switch (config_setting_type(from)) {
	case CONFIG_TYPE_INT:
		config_setting_set_int(to, config_setting_get_int(from));
		break;
	case CONFIG_TYPE_INT64:
		config_setting_set_int64(to, config_setting_get_int64(from));
		break;
	case CONFIG_TYPE_FLOAT:
		config_setting_set_float(to, config_setting_get_float(from));
		break;
	case CONFIG_TYPE_BOOL:
		config_setting_set_bool(to, config_setting_get_bool(from));
		break;
	default: config_setting_set_string(to, config_setting_get_string(from));
	}
	config_setting_set_hook(to, NULL); /* no longer the file's */
}

/* Whether a step can be taken from a setting. */
static bool
check_step(struct override *override, const config_setting_t *at,
    const struct step *step)
{
	int length = config_setting_length(at);

	if (step->name != NULL && !config_setting_is_group(at)) {
		sh_diagnose(override->diags, PLACE,
		    "%s: '%s' can be set in a group only, and this is none",
		    override->path, step->name);
		return false;
	}
	if (step->name == NULL && !config_setting_is_list(at) &&
	    !config_setting_is_array(at)) {
		sh_diagnose(override->diags, PLACE,
		    "%s: [%d] is for a list, and this is none", override->path,
		    step->index);
		return false;
	}
	if (step->name == NULL && step->index > length) {
		sh_diagnose(override->diags, PLACE,
		    "%s: the list has %d element%s; [%d] would add one",
		    override->path, length, length == 1 ? "" : "s", length);
		return false;
	}
	return true;
}

static config_setting_t *
get_child(config_setting_t *at, const struct step *step)
{
	return step->name != NULL
	    ? config_setting_get_member(at, step->name)
	    : config_setting_get_elem(at, (unsigned)step->index);
}

/* Put the value at the last step. */
static bool
set_value(
    struct override *override, config_setting_t *at, const struct step *step)
{
	const config_setting_t *value = config_lookup(&override->value, "v");
	config_setting_t *child = get_child(at, step);
	int type = config_setting_type(value);

	if (child != NULL && step->name != NULL &&
	    config_setting_type(child) != type) {
		config_setting_remove(at, step->name);
		child = NULL;
	}
	if (child == NULL)
		child = config_setting_add(at, step->name, type);
	if (child == NULL || config_setting_type(child) != type)
		return false;
	copy_scalar(child, value);
	return true;
}

/* Walk to the last step, making what is not there yet. */
static void
apply_steps(struct override *override, const struct step *steps, size_t count)
{
	config_setting_t *at = config_root_setting(&override->tree->config);
	size_t i;

	for (i = 0; i < count; i++) {
		config_setting_t *child;

		if (!check_step(override, at, &steps[i]))
			return;
		if (i + 1 == count)
			break;
		child = get_child(at, &steps[i]);
		if (child == NULL)
			child = config_setting_add(at, steps[i].name,
			    steps[i + 1].name != NULL ? CONFIG_TYPE_GROUP
						      : CONFIG_TYPE_LIST);
		if (child == NULL)
			break;
		at = child;
	}
	if (i + 1 != count || !set_value(override, at, &steps[i]))
		sh_diagnose(override->diags, PLACE,
		    "%s: the elements beside it are of another type",
		    override->path);
}

void
sh_tree_override(
    struct sh_tree *tree, const char *assignment, struct sh_diagnostics *diags)
{
	struct override override = { .tree = tree, .diags = diags };
	const char *equals = strchr(assignment, '=');
	struct step steps[STEPS_MAX];
	size_t count;

	if (equals == NULL || equals == assignment) {
		sh_diagnose(diags, PLACE,
		    "expected path=value, such as "
		    "workers.count=4, got '%s'",
		    assignment);
		return;
	}
	override.path =
	    sh_xprintf("%.*s", (int)(equals - assignment), assignment);
	override.text = equals + 1;
	config_init(&override.value);
	count = read_steps(override.path, steps);
	if (count == 0) {
		sh_diagnose(diags, PLACE,
		    "'%s' is not a path; expected such "
		    "as log.level or listeners[0].address",
		    override.path);
	} else if (find_key(&override)) {
		read_value(&override);
		apply_steps(&override, steps, count);
	}
	free_steps(steps, count);
	config_destroy(&override.value);
	free(override.path);
}
