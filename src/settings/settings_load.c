/*
 * This file loads a configuration: the order of the steps, and nothing else.
 */
#include "config.h"

#include "settings/load.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "settings/settings_draft.h"

void
sh_draft_init(struct sh_draft *draft, struct sh_diagnostics *diags)
{
	*draft = (struct sh_draft){ .diags = diags };
	sh_tree_init(&draft->tree);
	sh_image_init(&draft->image);
	draft->doc = sh_xcalloc(1, sizeof(*draft->doc));
}

void
sh_draft_fini(struct sh_draft *draft)
{
	sh_tree_fini(&draft->tree);
	sh_image_fini(&draft->image);
	sh_settings_doc_free(&draft->doc);
}

/* "file:line" where a value was written, kept in the image. */
static struct sh_text
keep_line(struct sh_draft *draft, const char *place)
{
	char *line = sh_place_line(place);
	struct sh_text text = sh_image_add_text(&draft->image, line);

	free(line);
	return text;
}

/* Listeners, routes and modules tell where they are written to those who use
 * them. */
static void
keep_origins(struct sh_draft *draft)
{
	size_t i;

	for (i = 1; i < draft->doc->record_count; i++) {
		const struct sh_record *record = &draft->doc->records[i];
		const struct sh_key *handler =
		    sh_key_find(record->scope, "handler");
		struct sh_text origin = keep_line(draft, record->place);
		struct sh_text handler_origin = handler != NULL
		    ? keep_line(draft, sh_record_error_place(record, handler))
		    : origin;

		if (record->scope == SH_SCOPE_HISTORY) {
			draft->image.histories[record->index].origin = origin;
		} else if (record->scope == SH_SCOPE_MODULE) {
			draft->image.modules[record->index].origin = origin;
		} else if (record->scope == SH_SCOPE_ROUTE) {
			draft->image.routes[record->index].origin = origin;
			draft->image.routes[record->index].handler_origin =
			    handler_origin;
		} else {
			draft->image.listeners[record->index].origin = origin;
			draft->image.listeners[record->index].handler_origin =
			    handler_origin;
		}
	}
}

int
sh_draft_finish(
    struct sh_draft *draft, size_t errors, struct sh_settings_doc **doc_out)
{
	sh_draft_read(draft);
	sh_draft_check(draft);
	if (draft->diags->errors != errors)
		return -SHOAL_ECONFIG;
	keep_origins(draft);
	sh_draft_add_routes(draft);
	draft->doc->block = sh_image_build(&draft->image);
	if (draft->doc->block == NULL) {
		sh_diagnose(
		    draft->diags, NULL, "the configuration is too large");
		return -SHOAL_ECONFIG;
	}
	*doc_out = draft->doc;
	draft->doc = NULL;
	return 0;
}

int
sh_settings_load(const struct sh_settings_source *source,
    struct sh_settings_doc **doc_out, struct sh_diagnostics *diags)
{
	struct sh_draft draft;
	size_t i, errors = diags->errors;
	int r = 0;

	sh_draft_init(&draft, diags);
	if (source->file != NULL)
		r = sh_tree_read(&draft.tree, source->file, diags);
	if (r == 0) {
		for (i = 0; i < source->override_count; i++)
			sh_tree_override(
			    &draft.tree, source->overrides[i], diags);
		r = sh_draft_finish(&draft, errors, doc_out);
	}
	sh_draft_fini(&draft);
	return r;
}
