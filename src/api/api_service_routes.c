/* This file makes the routes of a service of those that code has given. */
#include "config.h"

#include "api/service_routes.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "session/route.h"

struct sh_route_copies {
	size_t count;
	struct sh_route *routes;
};

/* A route built with an older header says less. */
static struct shoal_route
known_part(const struct shoal_route *asked)
{
	struct shoal_route known = { .size = 0 };
	size_t size = asked->size < sizeof(known) ? asked->size : sizeof(known);

	memcpy(&known, asked, size);
	return known;
}

static bool
copy_text(const char **text)
{
	if (*text == NULL)
		return true;
	*text = strdup(*text);
	return *text != NULL;
}

static bool
copy_route(struct sh_route *route, const struct shoal_route *asked)
{
	bool path, methods, host;

	*route = sh_route_from_public(
	    asked, &sh_http_default_limits, &sh_ws_default_options);
	/* all of them: what is lent must not be freed */
	path = copy_text(&route->path);
	methods = copy_text(&route->methods);
	host = copy_text(&route->host);
	route->handler = route->path;
	return path && methods && host;
}

void
sh_route_copies_free(struct sh_route_copies **copies)
{
	size_t i;

	if (copies == NULL || *copies == NULL)
		return;
	for (i = 0; i < (*copies)->count; i++) {
		free((void *)(uintptr_t)(*copies)->routes[i].path);
		free((void *)(uintptr_t)(*copies)->routes[i].methods);
		free((void *)(uintptr_t)(*copies)->routes[i].host);
	}
	free((*copies)->routes);
	free(*copies);
	*copies = NULL;
}

static int
fill(struct sh_route_copies *copies, const struct shoal_route *routes,
    size_t count, struct sh_routes **table_out)
{
	struct sh_routes *table;
	size_t i;

	copies->routes = sh_try_calloc(count, sizeof(*copies->routes));
	if (copies->routes == NULL)
		return -SHOAL_ENOMEM;
	for (i = 0; i < count; i++) {
		struct shoal_route known = known_part(&routes[i]);

		if (sh_route_lacks(&known) != NULL)
			return -SHOAL_EINVAL;
		copies->count++;
		if (!copy_route(&copies->routes[i], &known))
			return -SHOAL_ENOMEM;
	}
	table = sh_routes_new(copies->routes, count);
	if (table == NULL)
		return -SHOAL_ENOMEM;
	*table_out = table;
	return 0;
}

int
sh_route_copies_new(const struct shoal_route *routes, size_t count,
    struct sh_route_copies **out, struct sh_routes **table_out)
{
	struct sh_route_copies *copies = sh_try_calloc(1, sizeof(*copies));
	int r = copies != NULL ? fill(copies, routes, count, table_out)
			       : -SHOAL_ENOMEM;

	if (r < 0)
		sh_route_copies_free(&copies);
	else
		*out = copies;
	return r;
}
