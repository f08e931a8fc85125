/*
 * This file knows what a route may be made of: paths, lists of methods, hosts,
 * and the origins and subprotocols of WebSockets. It matches nothing.
 *
 * Each function gives what is wrong with a text, to be read behind its name
 * ("path ..."), a constant; NULL: nothing.
 */
#pragma once

#include <stdbool.h>

/* Where a route stands. */
struct sh_http_place {
	const char *path;
	bool exact;
	const char *methods, *host; /* NULL: any */
};

/** A path: decoded and normalised; "*" for OPTIONS. */
const char *sh_http_path_lacks(const char *path);
/** Methods with commas between them, at least one. RFC 9110 9.1. */
const char *sh_http_methods_lack(const char *methods);
/** A host without a port, or "*.example.org". */
const char *sh_http_route_host_lacks(const char *host);
/** "https://example.org", whose host may begin with "*.", or "*". RFC 6454
 *  7. */
const char *sh_http_origin_lacks(const char *origin);
/** Whether no request could tell which of two is meant: same host and path, and
 *  a method in common. One that names its methods goes before one that takes
 *  all, so these may stand side by side. */
bool sh_http_places_clash(
    const struct sh_http_place *a, const struct sh_http_place *b);
/** A token. RFC 6455 4.1. */
const char *sh_http_subprotocol_lacks(const char *name);
