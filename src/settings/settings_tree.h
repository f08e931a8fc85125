/*
 * This file is a configuration as libconfig's tree in which every setting
 * knows its place in the files.
 */
#pragma once

#include <libconfig.h>
#include <stdbool.h>
#include "settings/diagnostics.h"
#include "settings/settings_lex.h"

struct sh_tree {
	struct sh_lexed lexed;
	config_t config; /* the hook of a setting is its struct sh_node, or
			    NULL when an override made it */
};

/** Make an empty tree. */
void sh_tree_init(struct sh_tree *tree);
/** Read a file into the tree. 0, or -SHOAL_ECONFIG with the errors added. */
int sh_tree_read(
    struct sh_tree *tree, const char *file, struct sh_diagnostics *diags);
/** Make the tree from the tokens in lexed; errors is the count of them before
 *  the tokens were made. 0 or -SHOAL_ECONFIG. */
int sh_tree_build(
    struct sh_tree *tree, size_t errors, struct sh_diagnostics *diags);
void sh_tree_fini(struct sh_tree *tree);

/** Set what "path=value" of a command line says. An error has place "-s". */
void sh_tree_override(
    struct sh_tree *tree, const char *assignment, struct sh_diagnostics *diags);

enum sh_setting_part { SH_PART_KEY, SH_PART_VALUE };

/** "file:line:column" of a setting's name or value, "-s" when an override
 *  made it. Owner: the caller, free(3). */
char *sh_tree_place(const struct sh_tree *tree, const config_setting_t *setting,
    enum sh_setting_part part);
/** "file:line" of a place, which is what people want to see beside a value
 *  that is right. Owner: the caller, free(3). */
char *sh_place_line(const char *place);
