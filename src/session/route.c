/*
 * This file finds the route that a request takes. Routes of one host are like a
 * server of their own: the first one of exact host, wildcards from the longest,
 * and no host that knows the path decides.
 *
 * The paths of a host are sorted. When the last one that is not above the
 * request's begins like it, it is the longest that does; else a path that the
 * request's begins with is also a beginning of that last one, so each knows the
 * next shorter subtree that it is in. That is one binary search for a request.
 */
#include "config.h"

#include "session/route_private.h"

#include <string.h>

#include "proto/http_chars.h"

/* Names of hosts are not longer, RFC 1035 2.3.4; nor do longer ones match. */
enum { HOST_MAX = 255 };

static const struct sh_route_host *
find_host(const struct sh_routes *table, const char *name, size_t len)
{
	size_t low = 0, high = table->n_hosts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct sh_route_host *host = &table->hosts[middle];
		int r =
		    sh_route_compare_hosts(host->name, host->len, name, len);

		if (r == 0)
			return host;
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The node whose routes answer the path: one of the path itself, else that of
 * the longest subtree that it is in. */
static const struct sh_route_node *
find_node(const struct sh_route_host *host, const char *path, size_t len)
{
	int32_t at = sh_route_floor(host, path, len);
	const struct sh_route_node *node;
	size_t common;

	if (at == SH_ROUTE_NONE)
		return NULL;
	node = &host->nodes[at];
	common = sh_route_common(node->path, node->len, path, len);
	if (common == len) /* it is not above the path */
		return node;
	while (node->len > common || node->n_subtree == 0) {
		if (node->above == SH_ROUTE_NONE)
			return NULL;
		node = &host->nodes[node->above];
	}
	return node;
}

/* --- methods -------------------------------------------------------------- */

/* How well a route knows a method. */
enum fit { NO_FIT, ANY, AS_GET, BY_NAME };

static bool
is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* Methods are told apart by case, RFC 9110 9.1. */
static enum fit
fit_method(const struct sh_route *route, const char *method, size_t len)
{
	const char *list = route->methods, *item;
	size_t list_len, item_len;
	enum fit fit = NO_FIT;

	if (list == NULL)
		return ANY;
	list_len = strlen(list);
	while (sh_http_list_next(&list, &list_len, &item, &item_len)) {
		if (item_len == len && memcmp(item, method, len) == 0)
			return BY_NAME;
		if (is_word(item, item_len, "GET") &&
		    is_word(method, len, "HEAD"))
			fit = AS_GET;
	}
	return fit;
}

static const struct sh_route *
pick_method(const struct sh_route *routes, size_t count,
    const struct sh_route_query *query)
{
	const struct sh_route *best = NULL;
	enum fit best_fit = NO_FIT;
	size_t i;

	for (i = 0; i < count && best_fit != BY_NAME; i++) {
		enum fit fit =
		    fit_method(&routes[i], query->method, query->method_len);

		if (fit > best_fit) {
			best_fit = fit;
			best = &routes[i];
		}
	}
	return best;
}

/* --- Allow ---------------------------------------------------------------- */

/* Whether the list has the word; no method is a part of another with ", ". */
static bool
lists(const char *allow, const char *method, size_t len)
{
	size_t allow_len = strlen(allow), item_len;
	const char *item;

	while (sh_http_list_next(&allow, &allow_len, &item, &item_len))
		if (item_len == len && memcmp(item, method, len) == 0)
			return true;
	return false;
}

/* Leave out what there is no room for; room is kept for OPTIONS. */
static void
allow_method(struct sh_route_match *match, const char *method, size_t len)
{
	static const char *const last = ", OPTIONS";
	size_t used = strlen(match->allow);
	size_t keep = is_word(method, len, "OPTIONS") ? 0 : strlen(last);

	if (lists(match->allow, method, len) ||
	    used + 2 + len + keep >= sizeof(match->allow))
		return;
	if (used > 0) {
		memcpy(match->allow + used, ", ", 2);
		used += 2;
	}
	memcpy(match->allow + used, method, len);
	match->allow[used + len] = '\0';
}

static void
allow_route(struct sh_route_match *match, const struct sh_route *route)
{
	const char *list = route->methods != NULL
	    ? route->methods
	    : "GET, HEAD, POST, PUT, PATCH, DELETE";
	size_t len = strlen(list), item_len;
	const char *item;

	while (sh_http_list_next(&list, &len, &item, &item_len)) {
		allow_method(match, item, item_len);
		if (is_word(item, item_len, "GET"))
			allow_method(match, "HEAD", 4);
	}
}

static void
list_allowed(
    struct sh_route_match *match, const struct sh_route *routes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		allow_route(match, &routes[i]);
	allow_method(match, "OPTIONS", 7);
}

/* --- finding -------------------------------------------------------------- */

/* Whether the host knows the path. */
static bool
ask_host(const struct sh_route_host *host, const struct sh_route_query *query,
    struct sh_route_match *match)
{
	const struct sh_route_node *node =
	    host == NULL ? NULL : find_node(host, query->path, query->path_len);
	const struct sh_route *routes;
	size_t count;

	if (node == NULL)
		return false;
	if (node->redirects) {
		match->status = 308;
		return true;
	}
	routes = node->subtree;
	count = node->n_subtree;
	if (node->n_exact > 0 && node->len == query->path_len) {
		routes = node->exact;
		count = node->n_exact;
	}
	match->route = pick_method(routes, count, query);
	match->status = match->route != NULL ? 0 : 405;
	if (match->route == NULL ||
	    is_word(query->method, query->method_len, "OPTIONS"))
		list_allowed(match, routes, count);
	return true;
}

/* Length of a host without its port, and without the dot of a full name. */
static size_t
trim_host(const char *host, size_t len)
{
	const char *end =
	    len > 0 ? memchr(host, host[0] == '[' ? ']' : ':', len) : NULL;

	if (end != NULL)
		len = (size_t)(end - host) + (host[0] == '[' ? 1 : 0);
	return len > 0 && host[len - 1] == '.' ? len - 1 : len;
}

/* Ask the host itself, and then all that it is below of, the longest first. */
static bool
ask_named(const struct sh_routes *table, const struct sh_route_query *query,
    struct sh_route_match *match)
{
	size_t i, len = trim_host(query->host, query->host_len);
	char name[HOST_MAX];

	if (len == 0 || len > sizeof(name))
		return false;
	memcpy(name, query->host, len);
	if (ask_host(find_host(table, name, len), query, match))
		return true;
	for (i = 1; i < len; i++) {
		if (name[i] != '.')
			continue;
		/* what is before this dot is not needed any more */
		name[i - 1] = '*';
		if (ask_host(find_host(table, name + i - 1, len - i + 1), query,
			match))
			return true;
	}
	return false;
}

void
sh_routes_find(const struct sh_routes *routes,
    const struct sh_route_query *query, struct sh_route_match *match_out)
{
	const struct sh_route_host *rest = NULL;
	size_t named = routes->n_hosts;

	match_out->route = NULL;
	match_out->status = 404;
	match_out->allow[0] = '\0';
	if (named > 0 && routes->hosts[0].name == NULL) {
		rest = &routes->hosts[0];
		named--;
	}
	if (named == 0 || !ask_named(routes, query, match_out))
		(void)ask_host(rest, query, match_out);
}
