/*
 * This file builds the table of routes: it sorts them, and tells each path the
 * next shorter subtree that it is in.
 */
#include "config.h"

#include "session/route_private.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"

int
sh_route_compare_paths(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int r = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return r != 0 ? r : (a_len > b_len) - (a_len < b_len);
}

static unsigned char
to_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

int
sh_route_compare_hosts(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t i;

	for (i = 0; i < a_len && i < b_len; i++)
		if (to_lower(a[i]) != to_lower(b[i]))
			return to_lower(a[i]) - to_lower(b[i]);
	return (a_len > b_len) - (a_len < b_len);
}

int32_t
sh_route_floor(const struct sh_route_host *host, const char *path, size_t len)
{
	size_t low = 0, high = host->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct sh_route_node *node = &host->nodes[middle];

		if (sh_route_compare_paths(node->path, node->len, path, len) <=
		    0)
			low = middle + 1;
		else
			high = middle;
	}
	return (int32_t)low - 1;
}

size_t
sh_route_common(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t i = 0;

	while (i < a_len && i < b_len && a[i] == b[i])
		i++;
	return i;
}

static const char *
text_of(const char *text)
{
	return text != NULL ? text : "";
}

/* What is told apart by host and path, and whether it is exact. */
static int
compare_places(const struct sh_route *a, const struct sh_route *b)
{
	const char *a_host = text_of(a->host), *b_host = text_of(b->host);
	int r = sh_route_compare_hosts(
	    a_host, strlen(a_host), b_host, strlen(b_host));

	if (r == 0)
		r = sh_route_compare_paths(
		    a->path, strlen(a->path), b->path, strlen(b->path));
	return r != 0 ? r : b->exact - a->exact;
}

struct entry {
	const struct sh_route *route;
	size_t order;
};

static int
compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = compare_places(x->route, y->route);

	return r != 0 ? r : (x->order > y->order) - (x->order < y->order);
}

/* A path that does not end with a slash has no subtree; so there is one way to
 * say it. */
static bool
is_exact(const struct sh_route *route)
{
	size_t len = strlen(route->path);

	return route->exact || len == 0 || route->path[len - 1] != '/';
}

static int
copy_sorted(
    struct sh_routes *table, const struct sh_route *routes, size_t count)
{
	struct entry *entries = sh_try_calloc(count + 1, sizeof(*entries));
	struct sh_route *copies = sh_try_calloc(count + 1, sizeof(*copies));
	size_t i;

	table->routes = sh_try_calloc(count + 1, sizeof(*table->routes));
	if (entries != NULL && copies != NULL && table->routes != NULL) {
		for (i = 0; i < count; i++) {
			copies[i] = routes[i];
			copies[i].exact = is_exact(&routes[i]);
			entries[i] = (struct entry){ &copies[i], i };
		}
		qsort(entries, count, sizeof(*entries), compare_entries);
		for (i = 0; i < count; i++)
			table->routes[i] = *entries[i].route;
	} else {
		free(table->routes);
		table->routes = NULL;
	}
	free(entries);
	free(copies);
	return table->routes != NULL ? 0 : -SHOAL_ENOMEM;
}

static void
link_above(const struct sh_route_host *host, struct sh_route_node *node)
{
	const struct sh_route_node *before = node - 1;
	size_t common;

	node->above = SH_ROUTE_NONE;
	if (node == host->nodes)
		return;
	common =
	    sh_route_common(before->path, before->len, node->path, node->len);
	while (before->len > common || before->n_subtree == 0) {
		if (before->above == SH_ROUTE_NONE)
			return;
		before = &host->nodes[before->above];
	}
	node->above = (int32_t)(before - host->nodes);
}

static struct sh_route_node *
add_node(struct sh_routes *table, struct sh_route_host *host, const char *path,
    size_t len)
{
	struct sh_route_node *node = &table->nodes[table->n_nodes++];

	if (host->nodes == NULL)
		host->nodes = node;
	host->count++;
	node->path = path;
	node->len = len;
	return node;
}

static struct sh_route_host *
add_host(struct sh_routes *table, const char *name)
{
	struct sh_route_host *host = &table->hosts[table->n_hosts++];

	host->name = name;
	host->len = strlen(text_of(name));
	return host;
}

static bool
is_same_host(const struct sh_route_host *host, const struct sh_route *route)
{
	const char *name = text_of(route->host);

	return sh_route_compare_hosts(
		   text_of(host->name), host->len, name, strlen(name)) == 0;
}

/* Routes come sorted, so those of a node come together, the exact ones first,
 * and one that redirects comes right before what it leads to. */
static void
add_route(struct sh_routes *table, const struct sh_route *route)
{
	struct sh_route_host *host =
	    table->n_hosts > 0 ? &table->hosts[table->n_hosts - 1] : NULL;
	size_t len = strlen(route->path);
	struct sh_route_node *last;

	if (host == NULL || !is_same_host(host, route))
		host = add_host(table, route->host);
	last = host->count > 0 ? &host->nodes[host->count - 1] : NULL;
	if (last == NULL ||
	    sh_route_compare_paths(last->path, last->len, route->path, len) !=
		0)
		last = add_node(table, host, route->path, len);
	if (route->exact) {
		last->exact = last->n_exact++ == 0 ? route : last->exact;
	} else {
		last->subtree = last->n_subtree++ == 0 ? route : last->subtree;
	}
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct sh_route_node *x = a, *y = b;

	return sh_route_compare_paths(x->path, x->len, y->path, y->len);
}

/* For "/a/" have an "/a" that says where it is. */
static void
add_redirects(struct sh_routes *table, struct sh_route_host *host)
{
	size_t i, count = host->count;

	for (i = 0; i < count; i++) {
		const struct sh_route_node *node = &host->nodes[i];
		int32_t at;

		if (node->n_subtree == 0 || node->len < 2)
			continue;
		host->count = count;
		at = sh_route_floor(host, node->path, node->len - 1);
		if (at != SH_ROUTE_NONE &&
		    host->nodes[at].len == node->len - 1 &&
		    memcmp(host->nodes[at].path, node->path, node->len - 1) ==
			0)
			continue;
		table->nodes[table->n_nodes++] = (struct sh_route_node){
			.path = node->path,
			.len = node->len - 1,
			.redirects = true,
		};
	}
	host->count = (size_t)(&table->nodes[table->n_nodes] - host->nodes);
	qsort(host->nodes, host->count, sizeof(*host->nodes), compare_nodes);
}

static void
finish_host(struct sh_routes *table, struct sh_route_host *host)
{
	size_t i;

	add_redirects(table, host);
	for (i = 0; i < host->count; i++)
		link_above(host, &host->nodes[i]);
}

static void
add_routes(struct sh_routes *table, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		size_t hosts = table->n_hosts;

		if (hosts > 0 &&
		    !is_same_host(&table->hosts[hosts - 1], &table->routes[i]))
			finish_host(table, &table->hosts[hosts - 1]);
		add_route(table, &table->routes[i]);
	}
	if (table->n_hosts > 0)
		finish_host(table, &table->hosts[table->n_hosts - 1]);
}

struct sh_routes *
sh_routes_new(const struct sh_route *routes, size_t count)
{
	struct sh_routes *table = sh_try_calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	/* each route may need a node, and one that redirects there */
	table->nodes = sh_try_calloc(count + 1, 2 * sizeof(*table->nodes));
	table->hosts = sh_try_calloc(count + 1, sizeof(*table->hosts));
	if (table->nodes == NULL || table->hosts == NULL ||
	    copy_sorted(table, routes, count) < 0) {
		sh_routes_free(&table);
		return NULL;
	}
	add_routes(table, count);
	return table;
}

void
sh_routes_free(struct sh_routes **routes)
{
	if (routes == NULL || *routes == NULL)
		return;
	free((*routes)->routes);
	free((*routes)->nodes);
	free((*routes)->hosts);
	free(*routes);
	*routes = NULL;
}
