/*
 * This file finds the route that a request takes: by path, method and host.
 * Pure: it knows no connection, and the same list gives the same answers.
 */
#pragma once

#include <stddef.h>
#include <stdbool.h>
#include <shoal/route.h>

/* A route with nothing left to look up: what was not said is filled in. */
struct sh_route {
	const char *path; /* as in struct shoal_route */
	bool exact;
	const char *methods, *host; /* NULL: any */
	shoal_request_fn *fn;
	void *arg;
	const char *handler; /* its name, for logs and crash reports */
	struct shoal_http_limits limits;   /* none is 0; -1: off */
	int gzip_level;                    /* 0: off */
	int64_t gzip_min_size;             /* bytes */
	struct shoal_ws_options websocket; /* no number is 0; -1: off */
};

struct sh_routes;

/** Build the table of a listener. What the routes point to is lent for its life,
 *  the structs are copied. NULL when out of memory. */
struct sh_routes *sh_routes_new(const struct sh_route *routes, size_t count);
void sh_routes_free(struct sh_routes **routes);

struct sh_route_query {
	const char *method, *host, *path; /* host with or without a port, in any
					     case; path decoded */
	size_t method_len, host_len, path_len;
};

/* What was found. */
struct sh_route_match {
	const struct sh_route *route; /* NULL: none; status says why */
	int status; /* 0; 404; 405 with allow; 308: path is that of a subtree
		       without its last slash */
	char allow[128]; /* "GET, HEAD, POST": what the path knows, also when
			    route is not NULL, for OPTIONS */
};

/** Find the route for a request. OPTIONS for a path that has no route for it is
 *  404 or 405 like any other; who asks answers it from allow. */
void sh_routes_find(const struct sh_routes *routes,
    const struct sh_route_query *query, struct sh_route_match *match_out);

/** What is wrong with limits that code gives, as below. */
const char *sh_http_limits_lack(const struct shoal_http_limits *limits);
/** What is wrong with a route as code or a file gives it; NULL: nothing. A
 *  constant sentence. */
const char *sh_route_lacks(const struct shoal_route *route);
/** What is wrong with options that code gives, as above. */
const char *sh_ws_options_lack(const struct shoal_ws_options *asked);
/** A route as code gives it, with nothing wrong in it, as one to look up: what it
 *  does not say is that of limits and websocket. Strings and lists are lent by
 *  it. */
struct sh_route sh_route_from_public(const struct shoal_route *route,
    const struct shoal_http_limits *limits,
    const struct shoal_ws_options *websocket);
/** Fill in what is 0 with the values of defaults. */
void sh_http_limits_resolve(
    struct shoal_http_limits *limits, const struct shoal_http_limits *defaults);
void sh_ws_options_resolve(
    struct shoal_ws_options *options, const struct shoal_ws_options *defaults);
/** What a route has that says nothing; the schema of shoal.conf says the same.
 *  None is 0. */
extern const struct shoal_http_limits sh_http_default_limits;
extern const struct shoal_ws_options sh_ws_default_options;
