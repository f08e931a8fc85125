/* This file is <shoal/route.h>: the routes of a program's HTTP listeners. */
#include "config.h"

#include <shoal/route.h>

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "api/listen_options.h"
#include "base/mem.h"
#include "base/panic.h"
#include "module/program.h"
#include "proto/http_route.h"
#include "session/route.h"

static void
free_route(struct sh_program_route *route)
{
	free(route->path);
	free(route->methods);
	free(route->host);
}

void
sh_server_free_routes(struct sh_program_listener *listener)
{
	size_t i;

	for (i = 0; i < listener->route_count; i++)
		free_route(&listener->routes[i]);
	free(listener->routes);
	listener->routes = NULL;
	listener->route_count = 0;
}

/* Copy a string that need not be there. */
static int
copy_text(char **to, const char *from)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL ? 0 : -SHOAL_ENOMEM;
}

static int
copy_route(struct sh_program_route *to, const struct shoal_route *from)
{
	*to = (struct sh_program_route){ .route = *from };
	if (copy_text(&to->path, from->path) == 0 &&
	    copy_text(&to->methods, from->methods) == 0 &&
	    copy_text(&to->host, from->host) == 0) {
		to->route.path = to->path;
		to->route.methods = to->methods;
		to->route.host = to->host;
		return 0;
	}
	free_route(to);
	return -SHOAL_ENOMEM;
}

static struct sh_http_place
place_of(const struct shoal_route *route)
{
	return (struct sh_http_place){ .path = route->path,
		.exact = route->exact,
		.methods = route->methods,
		.host = route->host };
}

static bool
has_route(
    const struct sh_program_listener *listener, const struct shoal_route *route)
{
	const struct sh_http_place place = place_of(route);
	size_t i;

	for (i = 0; i < listener->route_count; i++) {
		const struct sh_http_place other =
		    place_of(&listener->routes[i].route);

		if (sh_http_places_clash(&place, &other))
			return true;
	}
	return false;
}

static int
append_route(
    struct sh_program_listener *listener, const struct shoal_route *route)
{
	struct sh_program_route *list = sh_try_grow(
	    listener->routes, listener->route_count + 1, sizeof(*list));
	int r;

	if (list == NULL)
		return -SHOAL_ENOMEM;
	listener->routes = list;
	r = copy_route(&list[listener->route_count], route);
	if (r == 0)
		listener->route_count++;
	return r;
}

int
shoal_server_listen_http(struct shoal_server *server, const char *address,
    const struct shoal_listen_options *options,
    const struct shoal_http_limits *limits)
{
	struct sh_program_listener listener = { .http = true };

	if (options != NULL &&
	    (options->framing != NULL || options->idle_timeout_ms != 0))
		return -SHOAL_EINVAL;
	if (limits != NULL) {
		if (sh_http_limits_lack(limits) != NULL)
			return -SHOAL_EINVAL;
		listener.limits = *limits;
	}
	return sh_server_add_listener(server, address, options, listener);
}

int
shoal_server_route_with(struct shoal_server *server, const char *address,
    const struct shoal_route *route)
{
	struct sh_program_listener *listener;
	int r = 0;

	SH_CHECK(server, SH_SERVER_MAGIC);
	if (address == NULL || route == NULL || route->size < sizeof(*route) ||
	    sh_route_lacks(route) != NULL)
		return -SHOAL_EINVAL;
	if (sh_server_find_listener(server, address) == NULL)
		r = shoal_server_listen_http(server, address, NULL, NULL);
	if (r < 0)
		return r;
	listener = sh_server_find_listener(server, address);
	if (!listener->http || has_route(listener, route))
		return -SHOAL_EEXIST;
	return append_route(listener, route);
}

int
shoal_server_route(struct shoal_server *server, const char *address,
    const char *path, shoal_request_fn *fn, void *arg)
{
	const struct shoal_route route = {
		.size = sizeof(route), .path = path, .fn = fn, .arg = arg
	};

	return shoal_server_route_with(server, address, &route);
}
