/* A handler: code that the configuration file can name for a listener. */
#pragma once

#include <stddef.h>
#include <shoal/conn.h>
#include <shoal/framing.h>
#include <shoal/request.h>
#include <shoal/settings.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_handler {
	size_t size;      /* sizeof(struct shoal_handler) */
	const char *name; /* [a-z][a-z0-9_]*; a module's is "module.name" */
	const char *doc;  /* one line, for `shoal modules' */
	const struct shoal_setting *settings; /* its keys, or NULL for none */

	/*
	 * Called in every worker, once for each listener or route that names
	 * the handler, before the first connection. What it stores in arg_out
	 * is the argument of the callbacks, of serve or of request. NULL: the
	 * argument is the settings. A negative result keeps the worker from
	 * starting. It may wait, and so may close.
	 */
	int (*open)(const struct shoal_settings *settings, void **arg_out);

	/* Called once for each open(), after the last connection. Or NULL. */
	void (*close)(void *arg);

	/*
	 * TCP: callback style or coroutine style, one of them or none.
	 */
	struct shoal_tcp_callbacks tcp;
	shoal_serve_fn *serve;

	/*
	 * How its connections are cut into packets, when the listener's
	 * `framing' does not say; NULL: not at all. Lent like the handler.
	 */
	const struct shoal_framing *framing;

	/*
	 * HTTP and WebSocket: what answers the requests of a route that names
	 * the handler. A handler may do both, TCP and this.
	 */
	shoal_request_fn *request;

	/*
	 * Called when a configuration is checked, once for each listener or
	 * route that names the handler, with settings that are as its table
	 * says: may it be started with them? It runs in a short-lived process
	 * and as the workers' user, as `check' of a module does: it may block,
	 * but nothing that suspends may be called here. On failure it writes
	 * the reason into why. Or NULL.
	 */
	int (*check)(
	    const struct shoal_settings *settings, char *why, size_t cap);
};

/* --- handlers that ask others --------------------------------------------- */

/* A handler that another one has opened, to hand requests to: one that decides
 * who may come in, for instance. Its settings are the defaults. */
struct shoal_delegate;

/**
 * Whether a handler can be opened by its name: there is one, it answers requests,
 * has no keys that are required, and its `check' agrees to the defaults.
 *
 * @param name  as the configuration would name it: "greet", "module.handler"
 * @param why   set to the reason when it cannot
 *
 * Returns  0; -SHOAL_ENOENT when there is none; -SHOAL_ECONFIG; -SHOAL_ESTATE at
 *          another time
 * Context  check and open of a handler, start hooks, worker
 * Blocks   as long as the `check' of that handler does
 */
SHOAL_API int shoal_delegate_check(const char *name, char *why, size_t cap);

/**
 * Open a handler by its name.
 *
 * @param out  yours: shoal_delegate_close(), in `close' of the handler
 *
 * Returns  0; as shoal_delegate_check(); what its `open' returned; -SHOAL_ENOMEM
 * Context  open of a handler, start hooks, worker
 * Suspends if its `open' does
 */
SHOAL_API int
shoal_delegate_open(const char *name, struct shoal_delegate **out);
/** Close it and clear the variable; NULL is fine. Suspends if its `close' does. */
SHOAL_API void shoal_delegate_close(struct shoal_delegate **delegate);
/**
 * Hand a request to it, and come back when it has returned: it has answered (see
 * shoal_response_has_begun()), or has not and left that to who asks. It may say
 * who the client is, by shoal_request_grant(); it may not detach the request.
 *
 * Context  the request's handler
 * Suspends if it does
 */
SHOAL_API void shoal_delegate_request(
    struct shoal_delegate *delegate, struct shoal_request *req);

#ifdef __cplusplus
}
#endif
