/* A handler: code that the configuration file can name for a listener. */
#pragma once

#include <stddef.h>
#include <shoal/conn.h>
#include <shoal/framing.h>
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
	 * Called in every worker, once for each listener that names the
	 * handler, before the first connection. What it stores in arg_out is
	 * the argument of the callbacks. NULL: the argument is the settings.
	 * A negative result keeps the worker from starting.
	 */
	int (*open)(const struct shoal_settings *settings, void **arg_out);

	/* Called once for each open(), after the last connection. Or NULL. */
	void (*close)(void *arg);

	struct shoal_tcp_callbacks tcp; /* callback style; or ... */
	shoal_serve_fn *serve;          /* ... coroutine style; one of them */

	/*
	 * How its connections are cut into packets, when the listener's
	 * `framing' does not say; NULL: not at all. Lent like the handler.
	 */
	const struct shoal_framing *framing;
};

#ifdef __cplusplus
}
#endif
