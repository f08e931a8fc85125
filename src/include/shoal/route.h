/* Routes: which function answers which requests of an address. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <shoal/request.h>
#include <shoal/server.h>
#include <shoal/visibility.h>
#include <shoal/ws.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What HTTP requests may take; 0 is the default everywhere, -1 is "off". As
 * limits in shoal.conf(5), which are the defaults. */
struct shoal_http_limits {
	int64_t header_timeout_ms;    /* from the first byte to the end of the
					 head, 10 s */
	int64_t body_timeout_ms;      /* of the whole body, 60 s */
	int64_t keepalive_timeout_ms; /* between requests, 75 s */
	int64_t header_size;          /* bytes of the head, 16 KiB; not off */
	int64_t header_count;         /* fields, 100; not off */
	int64_t body_size;            /* bytes, 1 MiB */
};

/*
 * A path ends with '/' for a subtree: "/a/" takes "/a/b" and "/a/", and "/a" is
 * redirected there; "/" takes everything. Any other path is exact. The longest
 * one that fits is taken, whatever the order; a route with a host goes before
 * one without, for that host.
 */
struct shoal_route {
	size_t size;         /* sizeof(struct shoal_route) */
	const char *path;    /* decoded; "*" for OPTIONS * */
	bool exact;          /* also if it ends with '/' */
	const char *methods; /* "GET, POST"; NULL: all. HEAD goes with GET. A
				path whose routes all have others: 405 */
	const char *host; /* without a port, "*.example.org" for all below it;
			     NULL: any */
	shoal_request_fn *fn;
	void *arg; /* handed to it; the caller keeps it alive */
	/* Those of the head, and keepalive_timeout_ms, count before the route
	 * is known: they are the listener's. 0: all of them are. */
	struct shoal_http_limits limits;
	int gzip_level;        /* 1 to 9; 0: not compressed */
	int64_t gzip_min_size; /* bytes of a body worth it; 0: 1 KiB */
	const struct shoal_ws_options *websocket; /* NULL: defaults */
};

/**
 * Answer requests of an address; the first route makes it an HTTP listener.
 *
 * @param address  as in shoal_server_listen()
 * @param path     copied
 * @param fn       what answers
 * @param arg      handed to it; the caller keeps it alive
 *
 * Returns  0; -SHOAL_EINVAL for a malformed address or path; -SHOAL_EEXIST
 *          when there is such a route, or the address serves TCP;
 *          -SHOAL_ENOMEM
 * Context  before shoal_main()
 * Blocks   never
 * See      RFC 9110, 4.2.3 and 9
 */
SHOAL_API int shoal_server_route(struct shoal_server *server,
    const char *address, const char *path, shoal_request_fn *fn, void *arg);

/** Likewise, with all that a route may say; copied, strings too, but lends what
 *  websocket points to as long as the server lives. */
SHOAL_API int shoal_server_route_with(struct shoal_server *server,
    const char *address, const struct shoal_route *route);

/**
 * Make an HTTP listener with options; its routes come after it. Until it has
 * some, it answers all with 404.
 *
 * @param address  as in shoal_server_listen()
 * @param options  copied; NULL for none. Without framing and idle_timeout_ms,
 *                 which are TCP's
 * @param limits   copied; NULL: the defaults
 *
 * Returns  0; -SHOAL_EINVAL for a malformed address, options or limits that
 *          make no sense; -SHOAL_EEXIST when the server has the address
 *          already; -SHOAL_ENOMEM
 * Context  before shoal_main()
 * Blocks   never
 * See      shoal_server_listen_with()
 */
SHOAL_API int shoal_server_listen_http(struct shoal_server *server,
    const char *address, const struct shoal_listen_options *options,
    const struct shoal_http_limits *limits);

#ifdef __cplusplus
}
#endif
