/*
 * This file builds the flat block of struct sh_settings piece by piece.
 */
#pragma once

#include "base/buf.h"
#include "settings/settings.h"
#include "settings/settings_schema.h"

struct sh_image {
	struct sh_settings top;
	struct sh_settings_history *histories;
	struct sh_settings_module *modules;
	struct sh_settings_listener *listeners;
	struct sh_settings_route *routes;
	struct sh_settings_item *items;
	size_t item_cap;
	struct sh_buf strings; /* stands right behind top in the block */
};

/** Make an image without lists. */
void sh_image_init(struct sh_image *image);
void sh_image_fini(struct sh_image *image);
/** Keep a copy of a string. */
struct sh_text sh_image_add_text(struct sh_image *image, const char *text);
/** Lend a string until the next one is added. */
const char *sh_image_text(const struct sh_image *image, struct sh_text text);
/** Append an empty history, module, listener or route, which is that of the last
 *  listener; its index. */
uint32_t sh_image_add_record(struct sh_image *image, enum sh_key_scope scope);
/** Append an empty route of a listener that has none, or is the last; its
 *  index. */
uint32_t sh_image_add_route(struct sh_image *image, uint32_t listener);
/** The struct that keys of a scope are stored in; lent until one is added. */
void *sh_image_record(
    struct sh_image *image, enum sh_key_scope scope, uint32_t index);
/** Append a copy of an item. */
void
sh_image_add_item(struct sh_image *image, const struct sh_settings_item *item);
/** Put everything into one block. Owner: the caller, free(3). NULL when it
 *  would not fit 32-bit offsets. */
struct sh_settings *sh_image_build(const struct sh_image *image);
