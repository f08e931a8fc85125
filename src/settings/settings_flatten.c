/*
 * This file reads a `config' group, whose keys only its handler knows, into
 * items with paths; it does not check them.
 */
#include "config.h"

#include <stdlib.h>

#include "base/mem.h"
#include "settings/settings_draft.h"

static struct sh_text
keep_origin(struct sh_draft *draft, const config_setting_t *setting)
{
	char *place = sh_tree_place(&draft->tree, setting, SH_PART_VALUE);
	char *line = sh_place_line(place);
	struct sh_text text = sh_image_add_text(&draft->image, line);

	free(line);
	free(place);
	return text;
}

static void
add_item(
    struct sh_draft *draft, const config_setting_t *setting, const char *path)
{
	struct sh_settings_item item = {
		.path = sh_image_add_text(&draft->image, path),
		.origin = keep_origin(draft, setting),
	};

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_BOOL:
		item.type = SH_TYPE_BOOL;
		item.number = config_setting_get_bool(setting);
		break;
	case CONFIG_TYPE_FLOAT:
		item.type = SH_TYPE_FLOAT;
		item.real = config_setting_get_float(setting);
		break;
	case CONFIG_TYPE_STRING:
		item.type = SH_TYPE_STRING;
		item.text = sh_image_add_text(
		    &draft->image, config_setting_get_string(setting));
		break;
	default:
		item.type = SH_TYPE_INT;
		item.number = config_setting_get_int64(setting);
	}
	sh_image_add_item(&draft->image, &item);
}

static void
flatten(
    struct sh_draft *draft, const config_setting_t *parent, const char *path)
{
	int i, count = config_setting_length(parent);

	for (i = 0; i < count; i++) {
		const config_setting_t *child =
		    config_setting_get_elem(parent, (unsigned)i);
		const char *name = config_setting_name(child);
		char *child_path = name != NULL
		    ? sh_xprintf(
			  "%s%s%s", path, path[0] != '\0' ? "." : "", name)
		    : sh_xprintf("%s[%d]", path, i);

		if (config_setting_is_aggregate(child))
			flatten(draft, child, child_path);
		else
			add_item(draft, child, child_path);
		free(child_path);
	}
}

struct sh_settings_group
sh_draft_flatten(struct sh_draft *draft, const config_setting_t *config)
{
	struct sh_settings_group group = { .first =
					       draft->image.top.item_count };

	if (config_setting_is_aggregate(config))
		flatten(draft, config, "");
	else
		add_item(draft, config, "[0]");
	group.count = draft->image.top.item_count - group.first;
	return group;
}
