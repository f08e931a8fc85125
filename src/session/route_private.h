/*
 * This file is the table of routes from inside: the paths of each host, sorted.
 * route_table.c builds it, route.c looks things up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/route.h"

enum { SH_ROUTE_NONE = -1 };

/* A path of a host, and its routes. */
struct sh_route_node {
	const char *path; /* with len bytes, lent from a route */
	size_t len;
	const struct sh_route *exact, *subtree; /* the first one, or NULL */
	size_t n_exact, n_subtree;
	int32_t above;  /* next shorter subtree that it is in; SH_ROUTE_NONE */
	bool redirects; /* the subtree is that of the path with a slash */
};

struct sh_route_host {
	const char *name; /* in any case; "*.example.org"; NULL: the rest */
	size_t len;
	struct sh_route_node *nodes;
	size_t count;
};

struct sh_routes {
	struct sh_route *routes; /* sorted by host, path, exact, and order */
	struct sh_route_node
	    *nodes; /* of all hosts; each has as many as it needs */
	struct sh_route_host
	    *hosts; /* sorted; the one without a name is first */
	size_t n_hosts, n_nodes;
};

/** Order of paths: byte by byte, the shorter one first. */
int sh_route_compare_paths(
    const char *a, size_t a_len, const char *b, size_t b_len);
/** Order of hosts: likewise, but for case. */
int sh_route_compare_hosts(
    const char *a, size_t a_len, const char *b, size_t b_len);
/** Last path of the host that is not above this one; SH_ROUTE_NONE. */
int32_t
sh_route_floor(const struct sh_route_host *host, const char *path, size_t len);
/** How many bytes at the front are the same. */
size_t
sh_route_common(const char *a, size_t a_len, const char *b, size_t b_len);
