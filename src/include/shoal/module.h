/*
 * A module: a shared object with handlers, loaded by name from the
 * configuration file with dlopen(3). See shoal-module(7).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <shoal/handler.h>
#include <shoal/settings.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	SHOAL_MODULE_MAGIC = 0x6c6f6f70, /* "pool", little-endian */
	SHOAL_MODULE_ABI = 3
};

struct shoal_module {
	uint32_t magic;   /* SHOAL_MODULE_MAGIC */
	uint32_t abi;     /* SHOAL_MODULE_ABI */
	size_t size;      /* sizeof(struct shoal_module) */
	const char *name; /* [a-z][a-z0-9_]* */
	const char *version;
	const struct shoal_handler *const *handlers; /* ends with NULL */
	const struct shoal_setting *settings;        /* or NULL */

	/*
	 * Called in a short-lived process before a start or reload, as the
	 * workers' user: is everything there that the module needs? It may
	 * block, but nothing that suspends may be called here. On failure it
	 * writes the reason into why. Or NULL.
	 */
	int (*check)(
	    const struct shoal_settings *settings, char *why, size_t cap);

	/* Called in every worker, on a coroutine; as struct
	 * shoal_worker_hooks. Or NULL. */
	int (*worker_start)(const struct shoal_settings *settings);
	void (*drain)(int deadline_ms);
	void (*worker_stop)(void);
};

/*
 * Defines the one symbol that shoal looks for:
 *
 *	SHOAL_MODULE(.name = "chat", .version = "1.0", .handlers = handlers);
 */
#define SHOAL_MODULE(...)                                                  \
	SHOAL_API extern const struct shoal_module shoal_module;           \
	const struct shoal_module shoal_module = { .magic =                \
						       SHOAL_MODULE_MAGIC, \
		.abi = SHOAL_MODULE_ABI,                                   \
		.size = sizeof(struct shoal_module),                       \
		__VA_ARGS__ }

#ifdef __cplusplus
}
#endif
