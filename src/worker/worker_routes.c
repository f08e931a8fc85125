/*
 * This file brings the routes of the file and of the program into the form that
 * a session asks, and opens their handlers.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "module/program.h"
#include "session/route.h"
#include "worker/worker.h"

enum { METHODS_MAX = 1 << 20 };

static const struct sh_settings *
settings_of(const struct sh_worker *worker)
{
	return sh_plan_settings(worker->heritage->plan);
}

/* --- what a route of the file says ------------------------------------------- */

static const char *
string_at(const struct sh_settings *settings, struct sh_settings_group group,
    uint32_t i)
{
	return sh_settings_text(
	    settings, sh_settings_item(settings, group, i)->text);
}

/* Strings up to NULL; NULL for none. Owner: the caller, free(3). */
static const char **
list_strings(const struct sh_settings *settings, struct sh_settings_group group)
{
	const char **list;
	uint32_t i;

	if (group.count == 0)
		return NULL;
	list = sh_xcalloc((size_t)group.count + 1, sizeof(*list));
	for (i = 0; i < group.count; i++)
		list[i] = string_at(settings, group, i);
	return list;
}

/* Methods with commas between them; NULL: all. Owner: the caller, free(3). */
static char *
join_methods(const struct sh_settings *settings, struct sh_settings_group group)
{
	struct sh_buf list;
	uint32_t i;

	if (group.count == 0)
		return NULL;
	sh_buf_init(&list, METHODS_MAX);
	for (i = 0; i < group.count; i++)
		sh_buf_printf(&list, "%s%s", i > 0 ? ", " : "",
		    string_at(settings, group, i));
	return sh_buf_take(&list);
}

int
sh_worker_open_routes(struct sh_worker *worker,
    struct sh_worker_service *service,
    const struct sh_settings_listener *listener)
{
	const struct sh_settings *settings = settings_of(worker);
	uint32_t i;

	service->routes =
	    sh_xcalloc(listener->route_count + 1, sizeof(*service->routes));
	for (i = 0; i < listener->route_count; i++) {
		const struct sh_settings_route *route =
		    sh_settings_route(settings, listener, i);
		struct sh_worker_route *at = &service->routes[i];
		char where[600];
		int r;

		service->route_count++;
		at->methods = join_methods(settings, route->methods);
		at->origins = list_strings(settings, route->websocket.origins);
		at->subprotocols =
		    list_strings(settings, route->websocket.subprotocols);
		snprintf(where, sizeof(where), "route '%s' of listener '%s'",
		    sh_settings_text(settings, route->path),
		    sh_settings_text(settings, listener->name));
		r = sh_worker_open_handler(worker, &at->own,
		    sh_settings_text(settings, route->handler), route->config,
		    where);
		if (r < 0)
			return r;
	}
	return 0;
}

void
sh_worker_close_routes(struct sh_worker_service *service)
{
	size_t i;

	for (i = 0; i < service->route_count; i++)
		sh_worker_close_handler(&service->routes[i].own);
}

void
sh_worker_free_routes(struct sh_worker_service *service)
{
	size_t i;

	for (i = 0; i < service->route_count; i++) {
		free(service->routes[i].methods);
		free(service->routes[i].origins);
		free(service->routes[i].subprotocols);
	}
	free(service->routes);
	service->routes = NULL;
	service->route_count = 0;
}

/* --- the table -------------------------------------------------------------- */

struct shoal_http_limits
sh_worker_http_limits(const struct sh_settings_http *limits)
{
	_Static_assert(SH_OFF == -1, "off is the same in settings and in code");
	return (struct shoal_http_limits){
		.header_timeout_ms = limits->header_timeout_ms,
		.body_timeout_ms = limits->body_timeout_ms,
		.keepalive_timeout_ms = limits->keepalive_timeout_ms,
		.header_size = limits->header_size,
		.header_count = limits->header_count,
		.body_size = limits->body_size,
	};
}

static struct shoal_send_queue
queue_limits(const struct sh_settings_queue *queue)
{
	return (struct shoal_send_queue){
		.high = queue->high,
		.low = queue->low,
		.when_full = (enum shoal_when_full)queue->when_full,
		.close_code = (int)queue->close_code,
		.stall_timeout_ms = queue->stall_timeout_ms,
	};
}

static struct shoal_ws_options
websocket_options(
    const struct sh_worker_route *at, const struct sh_settings_route *route)
{
	const struct sh_settings_websocket *websocket = &route->websocket;

	return (struct shoal_ws_options){
		.size = sizeof(struct shoal_ws_options),
		.origins = at->origins,
		.subprotocols = at->subprotocols,
		.message_size = websocket->message_size,
		.fragments = websocket->fragments,
		.control_rate = websocket->control_rate,
		.ping_ms = websocket->ping_ms,
		.pong_timeout_ms = websocket->pong_timeout_ms,
		.close_timeout_ms = websocket->close_timeout_ms,
		.compression =
		    (enum shoal_ws_compression)websocket->compression,
		.compression_min_size = websocket->compression_min_size,
		.send_queue = queue_limits(&route->queue),
	};
}

static struct sh_route
file_route(const struct sh_settings *settings,
    const struct sh_settings_route *route, const struct sh_worker_route *at)
{
	const char *host = sh_settings_text(settings, route->host);

	return (struct sh_route){
		.path = sh_settings_text(settings, route->path),
		.exact = route->exact != 0,
		.methods = at->methods,
		.host = host[0] != '\0' ? host : NULL,
		.fn = at->own.handler->request,
		.arg = at->own.arg,
		.handler = sh_settings_text(settings, route->handler),
		.limits = sh_worker_http_limits(&route->limits),
		.gzip_level = (int)route->gzip.level,
		.gzip_min_size = route->gzip.min_size,
		.websocket = websocket_options(at, route),
	};
}

struct sh_routes *
sh_worker_file_routes(const struct sh_worker *worker,
    const struct sh_worker_service *service,
    const struct sh_settings_listener *listener)
{
	const struct sh_settings *settings = settings_of(worker);
	struct sh_route *list =
	    sh_xcalloc(listener->route_count + 1, sizeof(*list));
	struct sh_routes *routes;
	uint32_t i;

	for (i = 0; i < listener->route_count; i++)
		list[i] = file_route(settings,
		    sh_settings_route(settings, listener, i),
		    &service->routes[i]);
	routes = sh_routes_new(list, listener->route_count);
	free(list);
	return routes;
}

struct sh_routes *
sh_worker_program_routes(
    const struct sh_worker *worker, const struct sh_program_listener *listener)
{
	const struct sh_settings *settings = settings_of(worker);
	const struct shoal_http_limits file =
	    sh_worker_http_limits(&settings->http);
	struct shoal_http_limits limits = listener->limits;
	struct shoal_ws_options websocket = sh_ws_default_options;
	struct sh_route *list =
	    sh_xcalloc(listener->route_count + 1, sizeof(*list));
	struct sh_routes *routes;
	size_t i;

	/* what a route leaves open is its listener's, then the file's */
	sh_http_limits_resolve(&limits, &file);
	websocket.message_size = settings->message_size;
	for (i = 0; i < listener->route_count; i++)
		list[i] = sh_route_from_public(
		    &listener->routes[i].route, &limits, &websocket);
	routes = sh_routes_new(list, listener->route_count);
	free(list);
	return routes;
}
