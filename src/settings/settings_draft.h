/*
 * This file is a configuration while it is read: the tree it comes from and
 * the image it becomes.
 */
#pragma once

#include "settings/settings_doc.h"
#include "settings/settings_image.h"
#include "settings/settings_tree.h"

struct sh_draft {
	struct sh_tree tree;
	struct sh_image image;
	struct sh_settings_doc *doc;
	struct sh_diagnostics *diags; /* borrowed */
};

/** Make a draft that adds its errors to diags. */
void sh_draft_init(struct sh_draft *draft, struct sh_diagnostics *diags);
void sh_draft_fini(struct sh_draft *draft);
/** Read every value of the tree into the image, defaults where there is none;
 *  unknown keys, wrong types and missing keys become errors. */
void sh_draft_read(struct sh_draft *draft);
/** Store what a key of a group has when it is not set; around is the index of
 *  the group that it stands in. */
void sh_draft_store_default(struct sh_draft *draft, const struct sh_key *key,
    uint32_t index, uint32_t around);
/** Read a `config' group, or strings, into items of the image. */
struct sh_settings_group
sh_draft_flatten(struct sh_draft *draft, const config_setting_t *config);
/** Check what concerns more than one value, and what a text must be. */
void sh_draft_check(struct sh_draft *draft);
/** Check the keys of a listener's `framing' against each other. */
void
sh_draft_check_framing(struct sh_draft *draft, const struct sh_record *record);
/** Check the keys of `broker' against each other. */
void
sh_draft_check_broker(struct sh_draft *draft, const struct sh_record *record);
/** Check what is said of a send queue against each other. */
void sh_draft_check_queue(struct sh_draft *draft,
    const struct sh_record *record, const struct sh_settings_queue *queue);
/** Check that a listener has a handler or routes, as its protocol wants it, and
 *  the routes. */
void
sh_draft_check_routes(struct sh_draft *draft, const struct sh_record *record);
/** Give listeners of HTTP that have a handler the one route that they mean. */
void sh_draft_add_routes(struct sh_draft *draft);
/** Read, check and build from the draft's tree: 0 with *doc_out set, or
 *  -SHOAL_ECONFIG when there are errors beyond the given count. */
int sh_draft_finish(
    struct sh_draft *draft, size_t errors, struct sh_settings_doc **doc_out);
/** What kind of value a setting is: "integer 30", "a list". Owner: the
 *  caller, free(3). */
char *sh_setting_describe(const config_setting_t *setting);
