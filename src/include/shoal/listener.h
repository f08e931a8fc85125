/*
 * Listeners, as the code that runs in a worker sees them: stopped and started
 * again while the server lives, on all workers at once.
 */
#pragma once

#include <stdbool.h>
#include <shoal/error.h>
#include <shoal/visibility.h>
#include <shoal/worker.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of shoal_listener_stop(). */
enum {
	/* Close the listening sockets too: who connects is refused. Without
	 * it, they wait in the backlog. */
	SHOAL_LISTENER_CLOSE = 1
};

/**
 * Ask for a listener to be stopped on all workers.
 *
 * It is the master that does it, so it has not happened yet when this returns,
 * here neither; connections may still come. The state outlives the worker that
 * has asked: replacements come up with the listener stopped, and so does the
 * next generation if it has the same address. Stopping a stopped one again
 * changes what flags and deadline_ms say.
 *
 * @param name         of the listener, as shoal_conn_listener() returns it;
 *                     all of that name are meant
 * @param flags        0 or SHOAL_LISTENER_CLOSE
 * @param deadline_ms  milliseconds from now until its connections are ended
 *                     in good order, with SHOAL_CLOSE_SHUTDOWN; SHOAL_FOREVER:
 *                     they go on
 *
 * Returns  0 when it was asked for; -SHOAL_EINVAL for no name, other flags or a
 *          deadline below -1; -SHOAL_ENOENT for a name that this worker's
 *          configuration does not have; -SHOAL_EAGAIN when the master has too
 *          much to read, ask again later; -SHOAL_ESTATE when it is gone;
 *          -SHOAL_EPERM outside a worker
 * Owner    borrows name
 * Context  worker
 * Blocks   never
 * See      listen(2)
 */
SHOAL_API int
shoal_listener_stop(const char *name, unsigned flags, int deadline_ms);

/**
 * Ask for a stopped listener to be started on all workers. A deadline that is
 * not over yet is forgotten. When the address of a closed one has been taken by
 * another program, it stays closed, and the log says so.
 *
 * @param name  of the listener
 *
 * Returns  as shoal_listener_stop(); 0 for one that is not stopped, too
 * Owner    borrows name
 * Context  worker
 * Blocks   never
 * See      listen(2)
 */
SHOAL_API int shoal_listener_start(const char *name);

/** Whether a listener of that name is stopped in this worker; false for a name
 *  that it does not have, and outside a worker. */
SHOAL_API bool shoal_listener_is_stopped(const char *name);

#ifdef __cplusplus
}
#endif
