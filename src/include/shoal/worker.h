/* The worker process, as the code that runs in it sees it. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Hooks of a worker's life, which begins with fork(2). Each may be NULL, and may
 * wait (shoal/co.h).
 */
struct shoal_worker_hooks {
	size_t size; /* sizeof(struct shoal_worker_hooks) */

	/*
	 * Before the first connection. A negative result keeps the worker
	 * from starting: a start or reload fails with it.
	 */
	int (*on_start)(void *arg);

	/* Draining begins: no new connections; deadline_ms from now. The
	 * worker stays until it has returned. */
	void (*on_drain)(int deadline_ms, void *arg);

	/* After the last connection. */
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
