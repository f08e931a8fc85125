/*
 * This file has libconfig parse what the lexer let pass, and marks every
 * setting with its place; it does not know which keys there are.
 */
#include "config.h"

#include "settings/settings_tree.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"

/* Every byte of the files becomes at most two: a separator on its own line. */
enum { EMITTED_MAX = 1 << 30 };

void
sh_tree_init(struct sh_tree *tree)
{
	tree->lexed = (struct sh_lexed){ .follow = true };
	config_init(&tree->config);
}

void
sh_tree_fini(struct sh_tree *tree)
{
	config_destroy(&tree->config);
	sh_lexed_fini(&tree->lexed);
}

/* Put the places of the settings into their hooks: both sides are in the
 * order in which settings begin. */
static void
attach_places(struct sh_tree *tree, config_setting_t *parent, size_t *next)
{
	int i, count = config_setting_length(parent);

	for (i = 0; i < count; i++) {
		config_setting_t *child =
		    config_setting_get_elem(parent, (unsigned)i);

		sh_assert(*next < tree->lexed.node_count);
		config_setting_set_hook(child, &tree->lexed.nodes[*next]);
		(*next)++;
		if (config_setting_is_aggregate(child))
			attach_places(tree, child, next);
	}
}

/* The structure is right, so this is rare: a limit of libconfig's. */
static void
report_libconfig(const struct sh_tree *tree, struct sh_diagnostics *diags)
{
	const struct sh_lexed *lexed = &tree->lexed;
	size_t line = (size_t)config_error_line(&tree->config);

	if (lexed->token_count == 0) {
		sh_diagnose(
		    diags, NULL, "%s", config_error_text(&tree->config));
		return;
	}
	if (line == 0 || line > lexed->token_count)
		line = lexed->token_count;
	sh_lexed_report(lexed, lexed->tokens[line - 1].pos, diags, "%s",
	    config_error_text(&tree->config));
}

int
sh_tree_build(struct sh_tree *tree, size_t errors, struct sh_diagnostics *diags)
{
	struct sh_buf out;
	char *text;
	size_t next = 0;
	int ok;

	if (sh_lexed_parse(&tree->lexed, diags) < 0 || diags->errors != errors)
		return -SHOAL_ECONFIG;
	sh_buf_init(&out, EMITTED_MAX);
	sh_lexed_emit(&tree->lexed, &out);
	text = sh_buf_take(&out);
	ok = text != NULL && config_read_string(&tree->config, text);
	free(text);
	if (!ok) {
		report_libconfig(tree, diags);
		return -SHOAL_ECONFIG;
	}
	attach_places(tree, config_root_setting(&tree->config), &next);
	sh_assert(next == tree->lexed.node_count);
	return 0;
}

int
sh_tree_read(
    struct sh_tree *tree, const char *file, struct sh_diagnostics *diags)
{
	size_t errors = diags->errors;
	int r = sh_lexed_read(&tree->lexed, file, diags);

	if (r < 0) {
		sh_diagnose(diags, file, "cannot read the configuration: %s",
		    r == -EFBIG ? "it is larger than 1 MiB"
				: shoal_strerror(r));
		return -SHOAL_ECONFIG;
	}
	return sh_tree_build(tree, errors, diags);
}

char *
sh_tree_place(const struct sh_tree *tree, const config_setting_t *setting,
    enum sh_setting_part part)
{
	const struct sh_node *node = config_setting_get_hook(setting);

	if (node == NULL)
		return sh_xstrdup("-s");
	return sh_lexed_place(&tree->lexed,
	    part == SH_PART_KEY && node->name != NULL ? node->name->pos
						      : node->value->pos);
}

char *
sh_place_line(const char *place)
{
	const char *colon = strrchr(place, ':');

	if (colon == NULL)
		return sh_xstrdup(place);
	return sh_xprintf("%.*s", (int)(colon - place), place);
}
