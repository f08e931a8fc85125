/*
 * This file knows how the keys of routes go together, and whether a listener
 * has routes or a handler. It finds no routes.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "proto/http_route.h"
#include "settings/settings_draft.h"
#include "settings/settings_value.h"

enum { MESSAGE_MAX = 1024, METHODS_MAX = 4096 };

/* Say what is wrong with a key of a listener or route. */
static void SH_PRINTF(4, 5) report(struct sh_draft *draft,
    const struct sh_record *record, const char *path, const char *format, ...)
{
	char text[MESSAGE_MAX], prefix[SH_RECORD_PREFIX_MAX];
	const struct sh_key *key = sh_key_find(record->scope, path);
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sh_diagnose(draft->diags,
	    key != NULL ? sh_record_error_place(record, key) : record->place,
	    "%s%s %s", sh_record_prefix(record, prefix, sizeof(prefix)), path,
	    text);
}

static const char *
text_of(const struct sh_draft *draft, struct sh_text text)
{
	return sh_image_text(&draft->image, text);
}

/* --- one route -------------------------------------------------------------- */

static void
check_text(struct sh_draft *draft, const struct sh_record *record,
    const char *path, const char *text, const char *(*lacks)(const char *))
{
	const char *wrong = text[0] != '\0' ? lacks(text) : NULL;

	if (wrong != NULL)
		report(draft, record, path, "\"%s\" %s", text, wrong);
}

/* Each string knows where it stands itself. */
static void
check_strings(struct sh_draft *draft, const struct sh_record *record,
    const char *path, struct sh_settings_group group,
    const char *(*lacks)(const char *))
{
	char prefix[SH_RECORD_PREFIX_MAX];
	uint32_t i;

	for (i = 0; i < group.count; i++) {
		const struct sh_settings_item *item =
		    &draft->image.items[group.first + i];
		const char *text = text_of(draft, item->text);
		const char *wrong =
		    item->type == SH_TYPE_STRING ? lacks(text) : NULL;

		if (wrong != NULL)
			sh_diagnose(draft->diags, text_of(draft, item->origin),
			    "%s%s%s \"%s\" %s",
			    sh_record_prefix(record, prefix, sizeof(prefix)),
			    path, text_of(draft, item->path), text, wrong);
	}
}

/* Whether a key has another value than without it; the defaults may stand
 * everywhere, as they do in what is dumped. */
static bool
is_changed(struct sh_draft *draft, const struct sh_record *record,
    const struct sh_key *key)
{
	const char *slot =
	    sh_image_record(&draft->image, record->scope, record->index);
	int64_t number;

	memcpy(&number, slot + key->offset, sizeof(number));
	return number != sh_key_fallback(key);
}

static void
check_websocket(struct sh_draft *draft, const struct sh_record *record,
    const struct sh_settings_websocket *websocket)
{
	static const char *const pong = "websocket.pong_timeout";

	check_strings(draft, record, "websocket.origins", websocket->origins,
	    sh_http_origin_lacks);
	check_strings(draft, record, "websocket.subprotocols",
	    websocket->subprotocols, sh_http_subprotocol_lacks);
	if (!record->failed && websocket->ping_ms == SH_OFF &&
	    is_changed(draft, record, sh_key_find(SH_SCOPE_ROUTE, pong)))
		report(draft, record, pong,
		    "is nothing without websocket.ping, which is \"off\"");
}

static void
check_route(struct sh_draft *draft, const struct sh_record *record)
{
	const struct sh_settings_route *route =
	    &draft->image.routes[record->index];

	check_text(draft, record, "path", text_of(draft, route->path),
	    sh_http_path_lacks);
	check_text(draft, record, "host", text_of(draft, route->host),
	    sh_http_route_host_lacks);
	check_strings(
	    draft, record, "methods", route->methods, sh_http_methods_lack);
	sh_draft_check_queue(draft, record, &route->queue);
	check_websocket(draft, record, &route->websocket);
}

/* --- routes beside each other ------------------------------------------------ */

/* Methods as one list; NULL: all. Owner: the caller, free(3). */
static char *
join_methods(const struct sh_draft *draft, struct sh_settings_group methods)
{
	struct sh_buf list;
	uint32_t i;

	if (methods.count == 0)
		return NULL;
	sh_buf_init(&list, METHODS_MAX);
	for (i = 0; i < methods.count; i++)
		sh_buf_printf(&list, "%s%s", i > 0 ? "," : "",
		    text_of(draft, draft->image.items[methods.first + i].text));
	return sh_buf_take(&list);
}

/* Its methods are the caller's, free(3). */
static struct sh_http_place
place_of(const struct sh_draft *draft, const struct sh_record *record)
{
	const struct sh_settings_route *route =
	    &draft->image.routes[record->index];

	return (struct sh_http_place){
		.path = text_of(draft, route->path),
		.exact = route->exact != 0,
		.host = text_of(draft, route->host),
		.methods = join_methods(draft, route->methods),
	};
}

static void
check_clash(struct sh_draft *draft, const struct sh_record *record,
    const struct sh_record *elder)
{
	struct sh_http_place place = place_of(draft, record);
	struct sh_http_place other = place_of(draft, elder);
	char *line;

	if (place.path[0] != '\0' && sh_http_places_clash(&place, &other)) {
		line = sh_place_line(elder->place);
		report(draft, record, "path",
		    "\"%s\" has a route already, for the same host and method, "
		    "at %s",
		    place.path, line);
		free(line);
	}
	free((char *)place.methods);
	free((char *)other.methods);
}

static void
check_list(
    struct sh_draft *draft, const struct sh_record *first, uint32_t count)
{
	uint32_t i, j;

	for (i = 0; i < count; i++) {
		check_route(draft, &first[i]);
		for (j = 0; j < i; j++)
			if (!first[i].failed && !first[j].failed)
				check_clash(draft, &first[i], &first[j]);
	}
}

/* --- a listener ------------------------------------------------------------- */

static void
check_http(struct sh_draft *draft, const struct sh_record *record,
    const struct sh_settings_listener *listener)
{
	bool handler = listener->handler.off != 0;

	if (!handler && listener->route_count == 0)
		report(draft, record, "routes",
		    "are missing: what answers which requests (or a handler, "
		    "for all)");
	if (handler && listener->route_count > 0)
		report(draft, record, "handler",
		    "and routes exclude each other: each route has a handler "
		    "of its own");
	if (!handler && listener->config.count > 0)
		report(draft, record, "config",
		    "is without a handler: each route has its own");
}

static void
check_tcp(struct sh_draft *draft, const struct sh_record *record,
    const struct sh_settings_listener *listener)
{
	const struct sh_key *handler =
	    sh_key_find(SH_SCOPE_LISTENER, "handler");
	bool judged =
	    !record->failed || sh_record_place(record, handler) == NULL;

	if (listener->route_count > 0 && !record->failed)
		report(draft, record, "routes", "need protocol = \"http\"");
	else if (listener->route_count == 0 && listener->handler.off == 0 &&
	    judged)
		report(draft, record, "handler",
		    "is missing: what serves the connections");
}

void
sh_draft_check_routes(struct sh_draft *draft, const struct sh_record *record)
{
	const struct sh_settings_listener *listener =
	    &draft->image.listeners[record->index];

	if (listener->protocol == SH_PROTOCOL_TCP)
		check_tcp(draft, record, listener);
	else if (!record->failed)
		check_http(draft, record, listener);
	check_list(draft, record + 1, listener->route_count);
}

static void
add_route(struct sh_draft *draft, uint32_t index)
{
	const struct sh_settings_listener *listener;
	struct sh_settings_route *route;
	const struct sh_key *key;
	uint32_t at = sh_image_add_route(&draft->image, index);

	for (key = sh_keys; key->path != NULL; key++)
		if (key->scope == SH_SCOPE_ROUTE)
			sh_draft_store_default(draft, key, at, index);
	listener = &draft->image.listeners[index];
	route = &draft->image.routes[at];
	route->path = sh_image_add_text(&draft->image, "/");
	route->handler = listener->handler;
	route->config = listener->config;
	route->limits = listener->http;
	route->origin = listener->origin;
	route->handler_origin = listener->handler_origin;
}

/* What is before the route is known does not differ by it. */
static void
complete_routes(struct sh_draft *draft, uint32_t index)
{
	const struct sh_settings_listener *listener =
	    &draft->image.listeners[index];
	uint32_t i;

	for (i = 0; i < listener->route_count; i++) {
		struct sh_settings_http *limits =
		    &draft->image.routes[listener->first_route + i].limits;
		struct sh_settings_http own = *limits;

		*limits = listener->http;
		limits->body_timeout_ms = own.body_timeout_ms;
		limits->body_size = own.body_size;
	}
}

void
sh_draft_add_routes(struct sh_draft *draft)
{
	uint32_t i;

	for (i = 0; i < draft->image.top.listener_count; i++) {
		const struct sh_settings_listener *listener =
		    &draft->image.listeners[i];

		if (listener->protocol == SH_PROTOCOL_HTTP &&
		    listener->route_count == 0)
			add_route(draft, i);
		complete_routes(draft, i);
	}
}
