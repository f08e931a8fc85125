/*
 * This file builds the flat block of settings; it does not know what the
 * values mean.
 */
#include "config.h"

#include "settings/settings_image.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"

enum { STRINGS_MAX = 1 << 29, ALIGNMENT = 8 };

void
sh_image_init(struct sh_image *image)
{
	memset(image, 0, sizeof(*image));
	image->top.magic = SH_SETTINGS_MAGIC;
	sh_buf_init(&image->strings, STRINGS_MAX);
}

void
sh_image_fini(struct sh_image *image)
{
	free(image->histories);
	free(image->modules);
	free(image->listeners);
	free(image->routes);
	free(image->items);
	sh_buf_fini(&image->strings);
	memset(image, 0, sizeof(*image));
}

struct sh_text
sh_image_add_text(struct sh_image *image, const char *text)
{
	/* strings follow the struct, so that no offset of one is 0 */
	struct sh_text at = { (
	    uint32_t)(sizeof(image->top) + image->strings.len) };

	if (text[0] == '\0' ||
	    sh_buf_add(&image->strings, text, strlen(text) + 1) < 0)
		return (struct sh_text){ 0 };
	return at;
}

const char *
sh_image_text(const struct sh_image *image, struct sh_text text)
{
	return text.off == 0
	    ? ""
	    : image->strings.data + (text.off - sizeof(image->top));
}

/* Make an array one longer, the new element zeroed. */
static void *
grow_by_one(void *array, size_t count, size_t size)
{
	char *grown = sh_xgrow(array, count + 1, size);

	memset(grown + count * size, 0, size);
	return grown;
}

uint32_t
sh_image_add_route(struct sh_image *image, uint32_t index)
{
	struct sh_settings_listener *listener;

	sh_assert(index < image->top.listener_count);
	listener = &image->listeners[index];
	sh_assert(listener->route_count == 0 ||
	    listener->first_route + listener->route_count ==
		image->top.route_count);
	image->routes = grow_by_one(
	    image->routes, image->top.route_count, sizeof(*image->routes));
	if (listener->route_count++ == 0)
		listener->first_route = image->top.route_count;
	return image->top.route_count++;
}

uint32_t
sh_image_add_record(struct sh_image *image, enum sh_key_scope scope)
{
	sh_assert(scope != SH_SCOPE_TOP);
	if (scope == SH_SCOPE_MODULE) {
		image->modules = grow_by_one(image->modules,
		    image->top.module_count, sizeof(*image->modules));
		return image->top.module_count++;
	}
	if (scope == SH_SCOPE_HISTORY) {
		image->histories = grow_by_one(image->histories,
		    image->top.history_count, sizeof(*image->histories));
		return image->top.history_count++;
	}
	if (scope == SH_SCOPE_ROUTE)
		return sh_image_add_route(image, image->top.listener_count - 1);
	image->listeners = grow_by_one(image->listeners,
	    image->top.listener_count, sizeof(*image->listeners));
	return image->top.listener_count++;
}

void *
sh_image_record(struct sh_image *image, enum sh_key_scope scope, uint32_t index)
{
	if (scope == SH_SCOPE_MODULE) {
		sh_assert(index < image->top.module_count);
		return &image->modules[index];
	}
	if (scope == SH_SCOPE_HISTORY) {
		sh_assert(index < image->top.history_count);
		return &image->histories[index];
	}
	if (scope == SH_SCOPE_LISTENER) {
		sh_assert(index < image->top.listener_count);
		return &image->listeners[index];
	}
	if (scope == SH_SCOPE_ROUTE) {
		sh_assert(index < image->top.route_count);
		return &image->routes[index];
	}
	return &image->top;
}

void
sh_image_add_item(struct sh_image *image, const struct sh_settings_item *item)
{
	if (image->top.item_count == image->item_cap) {
		image->item_cap = image->item_cap ? 2 * image->item_cap : 16;
		image->items = sh_xgrow(
		    image->items, image->item_cap, sizeof(*image->items));
	}
	/* the padding too, as the block goes to another process */
	memcpy(&image->items[image->top.item_count++], item, sizeof(*item));
}

/* Copy an array to offset *at and move *at behind it. */
static uint32_t
place_array(char *block, size_t *at, const void *array, size_t bytes)
{
	size_t start = *at;

	if (bytes != 0)
		memcpy(block + start, array, bytes);
	*at += bytes;
	return (uint32_t)start;
}

struct sh_settings *
sh_image_build(const struct sh_image *image)
{
	size_t modules = image->top.module_count * sizeof(*image->modules);
	size_t histories = image->top.history_count * sizeof(*image->histories);
	size_t listeners =
	    image->top.listener_count * sizeof(*image->listeners);
	size_t routes = image->top.route_count * sizeof(*image->routes);
	size_t items = image->top.item_count * sizeof(*image->items);
	size_t at = sizeof(image->top) + image->strings.len;
	struct sh_settings *block;
	size_t size;

	/* modules, which hold nothing that needs it, come last */
	_Static_assert(sizeof(struct sh_settings_listener) % ALIGNMENT == 0 &&
		sizeof(struct sh_settings_route) % ALIGNMENT == 0 &&
		sizeof(struct sh_settings_history) % ALIGNMENT == 0 &&
		sizeof(struct sh_settings_item) % ALIGNMENT == 0,
	    "arrays stand side by side");
	at = (at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	size = at + modules + histories + listeners + routes + items;
	if (image->strings.failed || size > UINT32_MAX)
		return NULL;
	block = sh_xcalloc(1, size);
	memcpy(block, &image->top, sizeof(image->top));
	block->size = (uint32_t)size;
	if (image->strings.len != 0)
		memcpy(block + 1, image->strings.data, image->strings.len);
	block->listeners_off =
	    place_array((char *)block, &at, image->listeners, listeners);
	block->histories_off =
	    place_array((char *)block, &at, image->histories, histories);
	block->routes_off =
	    place_array((char *)block, &at, image->routes, routes);
	block->items_off = place_array((char *)block, &at, image->items, items);
	block->modules_off =
	    place_array((char *)block, &at, image->modules, modules);
	return block;
}
