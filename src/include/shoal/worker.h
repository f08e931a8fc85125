/* The worker process, as the code that runs in it sees it. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A timeout in milliseconds that never comes. One of 0 means not to wait. */
enum { SHOAL_FOREVER = -1 };

/*
 * Hooks of a worker's life, which begins with fork(2). They run on a coroutine
 * and may wait. Each may be NULL.
 */
struct shoal_worker_hooks {
	size_t size; /* sizeof(struct shoal_worker_hooks) */

	/*
	 * Before the first connection. A negative result keeps the worker
	 * from starting: a start or reload fails with it. Coroutines that it
	 * has started are cancelled at the worker's end.
	 */
	int (*on_start)(void *arg);

	/* Draining begins: no new connections; those there are have
	 * deadline_ms from now. The worker stays until it has returned. */
	void (*on_drain)(int deadline_ms, void *arg);

	/*
	 * After the last connection, within what is left of the worker's
	 * time; from half of a stop on, waits are cancelled.
	 */
	void (*on_stop)(void *arg);
};

/** Slot of this worker, 0 up to the number of workers less one; -1 elsewhere. */
SHOAL_API int shoal_worker_slot(void);

/** Number of workers that serve side by side; 0 outside a worker. */
SHOAL_API int shoal_worker_count(void);

/** Generation of the configuration that this worker serves, from 1 on. */
SHOAL_API uint64_t shoal_worker_generation(void);

/** Open connections of this worker. */
SHOAL_API size_t shoal_worker_connections(void);

#ifdef __cplusplus
}
#endif
