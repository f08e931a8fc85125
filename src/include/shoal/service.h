/*
 * A service: a listening socket and the handler for its connections, opened by
 * code and for this process only. It can be stopped and started again while
 * the process lives, and there may be several. For programs under shoal_run()
 * and for workers of a shoal_pool; the listeners of a server are the master's
 * business, see shoal/listener.h.
 */
#pragma once

#include <stddef.h>
#include <shoal/conn.h>
#include <shoal/server.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_service;

struct shoal_route;

/* What a service is: address or listen_fd; and callbacks, serve or routes. */
struct shoal_service_options {
	size_t size; /* sizeof(struct shoal_service_options) */

	/* "host:port", "[v6]:port", "*:port" or "unix:/path", borrowed; port 0
	 * lets the kernel pick one; NULL: listen_fd says */
	const char *address;
	int listen_fd; /* listens already; not looked at when there is an
			  address; borrowed, the service has a duplicate */

	const struct shoal_tcp_callbacks *callbacks; /* copied */
	shoal_serve_fn *serve;
	void *arg; /* handed to them; the caller keeps it alive */
	/* HTTP, see shoal/route.h; copied as by shoal_server_route_with(). What
	 * counts before a route is known, and between requests, is the first
	 * one's limits */
	const struct shoal_route *routes;
	size_t route_count;

	/* copied, but for what framing points to; NULL: defaults. For
	 * listen_fd, options of sockets are those of that socket */
	const struct shoal_listen_options *listen;
};

/**
 * Open a service: bind, listen, and accept from the next turn on.
 *
 * @param options  borrowed
 * @param out      the service; untouched on failure
 *
 * Returns  0; -SHOAL_EINVAL for options that make no sense or a malformed
 *          address; -SHOAL_EPERM outside of a worker and shoal_run();
 *          -SHOAL_ENOMEM; -errno when the address cannot be bound
 * Owner    the caller; freed by shoal_co_service_free() before the process
 *          ends, in a worker by on_stop at the latest
 * Context  worker, shoal_run()
 * Blocks   never
 * See      bind(2), listen(2), accept4(2)
 */
SHOAL_API int shoal_service_open(
    const struct shoal_service_options *options, struct shoal_service **out);

/**
 * End all connections of a service at once and free it; clears the pointer.
 * NULL and a NULL pointer are fine. Handlers of it that wait are cancelled;
 * this comes back when all of them have returned, however long that takes, and
 * cannot be cancelled itself. Nobody else may be waiting for the service.
 *
 * Context  coroutine, but none that serves one of its connections
 * Suspends while handlers of it are in a wait
 */
SHOAL_API void shoal_co_service_free(struct shoal_service **service);

/* Flags of shoal_service_stop(). */
enum {
	/* Close the listening socket: who connects is refused. Without it,
	 * they wait in the backlog. */
	SHOAL_SERVICE_CLOSE = 1
};

/**
 * Stop accepting. A stopped service can be stopped again, with other flags or
 * another deadline; a closed one stays closed. With SHOAL_SERVICE_CLOSE, who is
 * in the backlog is accepted first.
 *
 * @param flags        0 or SHOAL_SERVICE_CLOSE
 * @param deadline_ms  when its connections are told to end, from now: input
 *                     that has come is handled, then handlers that wait for
 *                     more are cancelled; two seconds later connections are
 *                     cut and all handlers cancelled. SHOAL_FOREVER: they go on
 *
 * Returns  0; -SHOAL_EINVAL
 * Context  worker, shoal_run(), in its own handlers too
 * Blocks   never
 * See      listen(2)
 */
SHOAL_API int shoal_service_stop(
    struct shoal_service *service, unsigned flags, int deadline_ms);

/**
 * Accept again, on the same address and port. A deadline for its connections
 * that has not passed is forgotten.
 *
 * Returns  0, also when it is not stopped; -errno when the address of a closed
 *          one cannot be bound any more; -SHOAL_EINVAL for a closed one that
 *          was opened with listen_fd; -SHOAL_ENOMEM
 * Context  worker, shoal_run()
 * Blocks   never
 * See      bind(2), listen(2)
 */
SHOAL_API int shoal_service_start(struct shoal_service *service);

/**
 * Wait until a service has no connection.
 *
 * Returns  0; -SHOAL_ETIMEDOUT; -SHOAL_ECANCELED; -SHOAL_EBUSY when another
 *          coroutine waits for it; -SHOAL_ENOMEM
 * Context  coroutine
 * Suspends until then
 */
SHOAL_API int
shoal_co_service_wait(struct shoal_service *service, int timeout_ms);

/** Connections of a service whose descriptor is open. */
SHOAL_API size_t shoal_service_connections(const struct shoal_service *service);

/**
 * Write the address that a service is bound to as text, with the port that
 * port 0 has become; see shoal_conn_peer().
 *
 * Returns  buf
 */
SHOAL_API const char *shoal_service_address(
    const struct shoal_service *service, char *buf, size_t cap);

#ifdef __cplusplus
}
#endif
