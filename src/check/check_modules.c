/* This file checks modules and handlers. */
#include "config.h"

#include "check/check_modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "module/module_file.h"

enum { WHY_MAX = 1024 };

static const char *
module_name(const struct sh_settings *settings, uint32_t i)
{
	return sh_settings_text(
	    settings, sh_settings_module(settings, i)->name);
}

void
sh_check_open_modules(const struct sh_settings *settings,
    struct sh_check_result *result, struct sh_diagnostics *diags)
{
	char why[WHY_MAX];
	uint32_t i;

	result->module_fds =
	    sh_xcalloc(settings->module_count + 1, sizeof(int));
	for (i = 0; i < settings->module_count; i++) {
		const struct sh_settings_module *module =
		    sh_settings_module(settings, i);
		int fd = sh_module_open(
		    sh_settings_text(settings, module->file), why, sizeof(why));

		if (fd < 0)
			sh_diagnose(diags,
			    sh_settings_text(settings, module->origin),
			    "modules[%u] '%s': %s", i, module_name(settings, i),
			    why);
		else
			result->module_fds[result->module_count++] = fd;
	}
}

/* Let a loaded module judge its own settings and surroundings. */
static void
ask_module(const struct sh_settings *settings, uint32_t i,
    const struct shoal_module *module, struct sh_diagnostics *diags)
{
	const struct sh_settings_module *entry =
	    sh_settings_module(settings, i);
	const char *origin = sh_settings_text(settings, entry->origin);
	struct shoal_settings group = { .settings = settings,
		.group = entry->config,
		.schema = module->settings };
	size_t before = diags->errors;
	char why[WHY_MAX] = "", where[64];
	const char *bad_key;
	int r;

	snprintf(where, sizeof(where), "modules[%u].config", i);
	if (module->settings != NULL &&
	    sh_settings_schema_check(module->settings, &bad_key) < 0) {
		sh_diagnose(diags, origin,
		    "modules[%u] '%s': its table of "
		    "settings is wrong at '%s'; this is a bug in the module",
		    i, module_name(settings, i), bad_key);
		return;
	}
	sh_settings_group_check(&group, where, origin, diags);
	if (module->check == NULL || diags->errors != before)
		return;
	r = module->check(&group, why, sizeof(why));
	why[sizeof(why) - 1] = '\0';
	if (r < 0)
		sh_diagnose(diags, origin,
		    "modules[%u] '%s': its check "
		    "failed: %s",
		    i, module_name(settings, i),
		    why[0] != '\0' ? why : shoal_strerror(r));
}

void
sh_check_ask_modules(const struct sh_settings *settings,
    const struct sh_catalog *catalog, struct sh_diagnostics *diags)
{
	size_t loaded = 0;
	uint32_t i;

	/* in the same order, but for those that could not be loaded */
	for (i = 0;
	     i < settings->module_count && loaded < catalog->module_count;
	     i++) {
		const struct sh_catalog_module *module =
		    &catalog->modules[loaded];

		if (strcmp(module->name, module_name(settings, i)) != 0)
			continue;
		ask_module(settings, i, module->module, diags);
		loaded++;
	}
}

void
sh_check_load_modules(const struct sh_settings *settings,
    struct sh_check_result *result, struct sh_diagnostics *diags)
{
	char why[WHY_MAX];
	uint32_t i;

	for (i = 0; i < result->module_count; i++) {
		const struct sh_settings_module *entry =
		    sh_settings_module(settings, i);
		int r =
		    sh_catalog_load(&result->catalog, module_name(settings, i),
			result->module_fds[i], why, sizeof(why));

		if (r < 0)
			sh_diagnose(diags,
			    sh_settings_text(settings, entry->origin),
			    "modules[%u] '%s' (%s): %s", i,
			    module_name(settings, i),
			    sh_settings_text(settings, entry->file), why);
	}
}

/* A handler that a listener or route names. */
struct naming {
	const char *where; /* "listeners[0]." */
	const char *name, *origin, *handler_origin;
	struct sh_settings_group config;
	bool http;
};

static void
unknown_handler(const struct sh_catalog *catalog, const struct naming *naming,
    struct sh_diagnostics *diags)
{
	char near[128];
	const char *suggestion =
	    sh_catalog_suggest(catalog, naming->name, near, sizeof(near));
	struct sh_buf names;
	char *list;

	sh_buf_init(&names, 4096);
	sh_catalog_names(catalog, &names);
	list = sh_buf_take(&names);
	sh_diagnose(diags, naming->handler_origin,
	    "%shandler '%s': no such "
	    "handler%s%s%s; known: %s",
	    naming->where, naming->name,
	    suggestion != NULL ? "; did you mean '" : "",
	    suggestion != NULL ? suggestion : "",
	    suggestion != NULL ? "'?" : "", list != NULL ? list : "too many");
	free(list);
}

static void
ask_handler(const struct shoal_handler *handler, const struct naming *naming,
    const struct shoal_settings *group, struct sh_diagnostics *diags)
{
	char why[WHY_MAX] = "";
	int r;

	if (handler->check == NULL)
		return;
	r = handler->check(group, why, sizeof(why));
	why[sizeof(why) - 1] = '\0';
	if (r < 0)
		sh_diagnose(diags, naming->origin, "%shandler '%s': %s",
		    naming->where, naming->name,
		    why[0] != '\0' ? why : shoal_strerror(r));
}

/* A handler has to speak what its listener does. */
static void
check_protocol(const struct shoal_handler *handler, const struct naming *naming,
    struct sh_diagnostics *diags)
{
	if (naming->http && handler->request == NULL)
		sh_diagnose(diags, naming->handler_origin,
		    "%shandler '%s' does not answer HTTP requests; it serves "
		    "connections, of listeners with protocol = \"tcp\"",
		    naming->where, naming->name);
	if (!naming->http && !sh_handler_serves_tcp(handler))
		sh_diagnose(diags, naming->handler_origin,
		    "%shandler '%s' only answers HTTP requests; set protocol = "
		    "\"http\"",
		    naming->where, naming->name);
}

static void
check_handler(const struct sh_settings *settings,
    const struct sh_catalog *catalog, const struct naming *naming,
    struct sh_diagnostics *diags)
{
	const struct shoal_handler *handler =
	    sh_catalog_find(catalog, naming->name);
	struct shoal_settings group = { .settings = settings,
		.group = naming->config };
	size_t before = diags->errors;
	char where[64];

	if (handler == NULL) {
		unknown_handler(catalog, naming, diags);
		return;
	}
	check_protocol(handler, naming, diags);
	group.schema = handler->settings;
	snprintf(where, sizeof(where), "%sconfig", naming->where);
	sh_settings_group_check(&group, where, naming->origin, diags);
	if (diags->errors == before)
		ask_handler(handler, naming, &group, diags);
}

/* A handler in place of routes has been made one, and is still called what it
 * is in the file. */
static void
check_routes(const struct sh_settings *settings,
    const struct sh_catalog *catalog, uint32_t index,
    struct sh_diagnostics *diags)
{
	const struct sh_settings_listener *listener =
	    sh_settings_listener(settings, index);
	bool only = listener->handler.off != 0;
	uint32_t i;

	for (i = 0; i < listener->route_count; i++) {
		const struct sh_settings_route *route =
		    sh_settings_route(settings, listener, i);
		char where[64];
		const struct naming naming = {
			.where = where,
			.name = sh_settings_text(settings, route->handler),
			.origin = sh_settings_text(settings, route->origin),
			.handler_origin =
			    sh_settings_text(settings, route->handler_origin),
			.config = route->config,
			.http = true,
		};

		if (only)
			snprintf(where, sizeof(where), "listeners[%u].", index);
		else
			snprintf(where, sizeof(where),
			    "listeners[%u].routes[%u].", index, i);
		check_handler(settings, catalog, &naming, diags);
	}
}

static void
check_listener(const struct sh_settings *settings,
    const struct sh_catalog *catalog, uint32_t index,
    struct sh_diagnostics *diags)
{
	const struct sh_settings_listener *listener =
	    sh_settings_listener(settings, index);
	char where[32];
	const struct naming naming = {
		.where = where,
		.name = sh_settings_text(settings, listener->handler),
		.origin = sh_settings_text(settings, listener->origin),
		.handler_origin =
		    sh_settings_text(settings, listener->handler_origin),
		.config = listener->config,
	};

	snprintf(where, sizeof(where), "listeners[%u].", index);
	check_handler(settings, catalog, &naming, diags);
}

void
sh_check_handlers(const struct sh_settings *settings,
    const struct sh_catalog *catalog, struct sh_diagnostics *diags)
{
	uint32_t i;

	for (i = 0; i < settings->listener_count; i++)
		if (sh_settings_listener(settings, i)->protocol ==
		    SH_PROTOCOL_HTTP)
			check_routes(settings, catalog, i, diags);
		else
			check_listener(settings, catalog, i, diags);
}
