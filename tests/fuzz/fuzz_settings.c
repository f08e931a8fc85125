/*
 * This file feeds arbitrary bytes to the reading of a configuration. What
 * loads must dump to a text that loads and dumps the same. A byte 0x01 ends
 * the configuration; what follows is an override.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "proto/framing.h"
#include "proto/http_route.h"
#include "settings/load.h"
#include "settings/settings_draft.h"

enum { DUMP_MAX = 1 << 26 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sh_settings_doc *
load_text(const char *text, size_t len, const char *override)
{
	struct sh_diagnostics diags = { 0 };
	struct sh_settings_doc *doc = NULL;
	struct sh_draft draft;
	struct sh_buf out;

	sh_draft_init(&draft, &diags);
	draft.tree.lexed.follow = false;
	sh_lexed_add_text(&draft.tree.lexed, "fuzz", text, len, &diags);
	if (sh_tree_build(&draft.tree, 0, &diags) == 0) {
		if (override != NULL)
			sh_tree_override(&draft.tree, override, &diags);
		sh_draft_finish(&draft, 0, &doc);
	}
	sh_assert((doc == NULL) == (diags.errors != 0));
	sh_buf_init(&out, DUMP_MAX);
	sh_diagnostics_format(&diags, &out);
	sh_buf_fini(&out);
	sh_draft_fini(&draft);
	sh_diagnostics_fini(&diags);
	return doc;
}

static char *
dump(const struct sh_settings_doc *doc, bool json, bool origin)
{
	const struct sh_settings_dump_options options = { .json = json,
		.origin = origin };
	struct sh_buf out;

	sh_buf_init(&out, DUMP_MAX);
	sh_settings_dump(doc, &options, &out);
	return sh_buf_take(&out);
}

static void
check_round_trip(const struct sh_settings_doc *doc)
{
	struct sh_diagnostics diags = { 0 };
	char *first = dump(doc, false, true), *plain = dump(doc, false, false);
	struct sh_settings_doc *again = load_text(first, strlen(first), NULL);
	char *second;

	sh_assert(again != NULL);
	second = dump(again, false, false);
	sh_assert(strcmp(plain, second) == 0);
	sh_settings_diff(sh_settings_doc_value(doc), again, &diags);
	sh_assert(diags.count == 0);
	free(dump(doc, true, true));
	free(second);
	free(plain);
	free(first);
	sh_settings_doc_free(&again);
}

/* What the checks of the settings let through must do for the engine. */
static void
check_framings(const struct sh_settings *settings)
{
	struct shoal_framing framing;
	uint32_t i;

	for (i = 0; i < settings->listener_count; i++)
		if (sh_settings_framing(
			settings, sh_settings_listener(settings, i), &framing))
			sh_assert(sh_framing_check(&framing, NULL) == 0);
}

static void
check_routes(const struct sh_settings *settings)
{
	uint32_t i, j;

	for (i = 0; i < settings->listener_count; i++) {
		const struct sh_settings_listener *listener =
		    sh_settings_listener(settings, i);

		sh_assert((listener->route_count != 0) ==
		    (listener->protocol == SH_PROTOCOL_HTTP));
		for (j = 0; j < listener->route_count; j++) {
			const struct sh_settings_route *route =
			    sh_settings_route(settings, listener, j);

			sh_assert(sh_http_path_lacks(sh_settings_text(
				      settings, route->path)) == NULL);
			sh_assert(route->handler.off != 0);
			sh_assert(route->limits.header_size > 0);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *mark = size != 0 ? memchr(data, 1, size) : NULL;
	size_t len = mark != NULL ? (size_t)(mark - data) : size;
	char *override = NULL;
	struct sh_settings_doc *doc;

	if (mark != NULL)
		override = strndup((const char *)mark + 1, size - len - 1);
	doc = load_text((const char *)data, len, override);
	if (doc != NULL) {
		check_framings(sh_settings_doc_value(doc));
		check_routes(sh_settings_doc_value(doc));
		check_round_trip(doc);
	}
	sh_settings_doc_free(&doc);
	free(override);
	return 0;
}
