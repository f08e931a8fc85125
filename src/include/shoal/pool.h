/*
 * A pool of worker processes that is kept alive, without a server: the program
 * says what a worker does.
 *
 * The process that calls shoal_pool_run() is the parent. It forks the workers,
 * replaces those that end, and returns when the pool has been stopped. The
 * daemon's master stands on the same code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_pool;        /* in the parent */
struct shoal_pool_worker; /* in a worker; lent to what runs there */

enum {
	SHOAL_POOL_PARENT = -1,           /* instead of a slot */
	SHOAL_POOL_WORKERS_MAX = 4096,    /* of one pool */
	SHOAL_POOL_MESSAGE_MAX = 1 << 30, /* bytes of one message */
	SHOAL_POOL_QUEUE_BYTES_MAX = 1 << 30
};

/* A message; data is never NULL, and as aligned as from malloc(3). */
struct shoal_pool_message {
	int from; /* slot of the sender, or SHOAL_POOL_PARENT */
	const void *data;
	size_t len;
};

/* How a worker ended. */
struct shoal_pool_exit {
	int slot;
	pid_t pid;
	int status;    /* exit status when signal is 0; -1: unknown, somebody
			  else has collected the process */
	int signal;    /* that ended it, 0: none */
	bool expected; /* it had been told, or has asked, to end */
};

/*
 * What a worker does. It is called once all workers of the first start are
 * ready, in a replacement at once. Its result, 0 to 255, is the exit status of
 * the process; the worker is then replaced unless it had been told to end.
 */
typedef int shoal_pool_main_fn(struct shoal_pool_worker *worker, void *arg);

/* Hooks of a pool's life. Each may be NULL. */
struct shoal_pool_hooks {
	size_t size; /* sizeof(struct shoal_pool_hooks) */

	/* In the parent: all workers of the first start are ready. */
	void (*on_start)(struct shoal_pool *pool, void *arg);

	/* In the parent: the pool begins to stop. */
	void (*on_stop)(struct shoal_pool *pool, void *arg);

	/* In the parent: a worker has ended and has been collected. */
	void (*on_worker_exit)(struct shoal_pool *pool,
	    const struct shoal_pool_exit *how, void *arg);

	/*
	 * In the parent: a worker has sent something to SHOAL_POOL_PARENT.
	 * The message is borrowed until the hook returns.
	 */
	void (*on_message)(struct shoal_pool *pool,
	    const struct shoal_pool_message *message, void *arg);

	/*
	 * In a worker, before it is ready. A negative result keeps it from
	 * starting: the first start fails with it, a replacement is tried
	 * again with back-off.
	 */
	int (*on_worker_start)(struct shoal_pool_worker *worker, void *arg);

	/*
	 * In a worker, after its main function has returned, or when the
	 * pool was stopped before it was called.
	 */
	void (*on_worker_stop)(struct shoal_pool_worker *worker, void *arg);
};

/* What a pool is; 0 is the default everywhere but in size and main. */
struct shoal_pool_options {
	size_t size;                          /* sizeof(struct ...) */
	int workers;                          /* 0: one per processor */
	shoal_pool_main_fn *main;             /* required */
	const struct shoal_pool_hooks *hooks; /* copied; or NULL */
	void *arg;            /* of main and hooks; the caller keeps it alive */
	int start_timeout_ms; /* for on_worker_start; 0: 60 s */
	int stop_timeout_ms;  /* from a stop to SIGKILL; 0: 10 s */
	int restart_timeout_ms; /* from being replaced to SIGKILL, for each
				   worker; 0: 30 s */
	int backoff_first_ms;   /* after too many quick ends; 0: 1 s */
	int backoff_max_ms;     /* it doubles up to this; 0: 60 s */
	int queue_messages;     /* that may wait for a slot; 0: 128 */
	int queue_bytes;        /* in them; 0: 64 MiB */
};

/**
 * Make a pool. Nothing is started yet.
 *
 * @param options  copied
 * @param pool_out  the pool; untouched on failure
 *
 * Returns  0; -SHOAL_EINVAL for options that make no sense; -SHOAL_ENOMEM
 * Owner    the caller; freed by shoal_pool_free()
 * Context  any
 * Blocks   never
 */
SHOAL_API int shoal_pool_new(
    const struct shoal_pool_options *options, struct shoal_pool **pool_out);

/**
 * Free a pool that does not run and clear the pointer. NULL and a NULL pointer
 * are fine. Not for hooks, and not for workers.
 */
SHOAL_API void shoal_pool_free(struct shoal_pool **pool);

/**
 * Listen on an address. The sockets belong to the parent and its slots: each
 * slot has one of its own (SO_REUSEPORT), which outlives the worker, so that
 * connections wait for the replacement. A unix socket is one for all slots.
 *
 * @param address  "host:port", "[v6]:port" or "unix:/path", copied; port 0
 *                 lets the kernel pick one; "*" as host is every address
 * @param backlog  connections that may wait in each slot; 0: 4096
 *
 * Returns  the index of the address, from 0 on; -SHOAL_EINVAL, -SHOAL_ENOMEM;
 *          -SHOAL_EEXIST when the pool has the address already; -SHOAL_ESTATE
 *          while it runs. The address is bound by shoal_pool_run(), not here
 * Context  before shoal_pool_run()
 * Blocks   never
 * See      bind(2), listen(2), socket(7) SO_REUSEPORT; RFC 3986, 3.2.2
 */
SHOAL_API int
shoal_pool_listen(struct shoal_pool *pool, const char *address, int backlog);

/**
 * Write an address as it is bound, with the port that port 0 has become.
 *
 * @param index  of shoal_pool_listen()
 * @param buf    for the text and its NUL; 128 bytes are enough
 * @param cap    its size
 *
 * Returns  0; -SHOAL_ENOENT for an index that is not there; -SHOAL_EMSGSIZE
 *          when buf is too small; -SHOAL_ESTATE unless the pool runs
 * Context  the parent's hooks, until on_stop
 * Blocks   never
 */
SHOAL_API int shoal_pool_address(
    const struct shoal_pool *pool, int index, char *buf, size_t cap);

/**
 * Start the workers and keep them alive until the pool is stopped.
 *
 * Forks: call it with one thread only. SIGTERM stops in good order within
 * stop_timeout_ms, SIGQUIT within restart_timeout_ms, SIGINT within a second;
 * one more goes a step further, up to SIGKILL. SIGHUP and SIGUSR1 are
 * shoal_pool_restart(). Signal mask and actions of the program come back
 * before it returns. Children and descriptors of the program are left alone.
 *
 * Returns  0 after a stop; -SHOAL_EBUSY with more than one thread;
 *          -SHOAL_ESTATE when it runs already, in a worker of it, or in a
 *          process that runs coroutines; -errno when an address cannot be
 *          bound; the result of on_worker_start when the first start fails with
 *          it; -SHOAL_ETIMEDOUT when that takes too long; -SHOAL_ECANCELED when
 *          a worker could not be forked or ended in it, or the pool was stopped
 *          in it. The log has the reason
 * Context  any process that is no worker of this pool and not in shoal_run();
 *          it may be called again
 * Blocks   the process, until the pool is stopped
 * See      fork(2), signalfd(2), pidfd_open(2)
 */
SHOAL_API int shoal_pool_run(struct shoal_pool *pool);

/**
 * Stop the pool, as SIGTERM does: workers are told, and those that are left
 * after stop_timeout_ms are killed. Returns at once.
 *
 * Returns  0; -SHOAL_ESTATE unless the pool runs
 * Context  the parent's hooks
 * Blocks   never
 */
SHOAL_API int shoal_pool_stop(struct shoal_pool *pool);

/**
 * Replace all workers, one slot after the other: the new worker is ready before
 * the old one is told to end, which has restart_timeout_ms of its own for it.
 * Returns at once. Asked for during a restart, one more follows it.
 *
 * Returns  0; -SHOAL_ESTATE unless the pool runs and has started
 * Context  the parent's hooks
 * Blocks   never
 */
SHOAL_API int shoal_pool_restart(struct shoal_pool *pool);

/**
 * Replace the worker of one slot, in the same way. Returns at once.
 *
 * Returns  0; -SHOAL_ENOENT for a slot that is not there; -SHOAL_ESTATE unless
 *          the pool runs and has started
 * Context  the parent's hooks
 * Blocks   never
 */
SHOAL_API int shoal_pool_retire(struct shoal_pool *pool, int slot);

/**
 * Send a message to the worker of a slot. It is copied, and waits in the
 * parent while the worker is busy or dead: the next one gets it.
 *
 * @param data  borrowed, may be NULL when len is 0
 * @param len   bytes, up to SHOAL_POOL_MESSAGE_MAX
 *
 * Returns  0; -SHOAL_EAGAIN when too much waits for the slot; -SHOAL_EINVAL,
 *          -SHOAL_EMSGSIZE; -SHOAL_ENOENT for a slot that is not there;
 *          -SHOAL_ECANCELED when the pool stops; -SHOAL_ESTATE unless it runs;
 *          -SHOAL_ENOMEM or another -errno
 * Context  the parent's hooks
 * Blocks   never
 * See      unix(7) SOCK_SEQPACKET, memfd_create(2)
 */
SHOAL_API int shoal_pool_send(
    struct shoal_pool *pool, int slot, const void *data, size_t len);

/**
 * Process number of the newest worker of a slot that is ready.
 *
 * Returns  a number > 0; -SHOAL_ENOENT when there is none; -SHOAL_ESTATE
 *          unless the pool runs
 * Context  the parent's hooks
 * Blocks   never
 */
SHOAL_API int shoal_pool_pid(const struct shoal_pool *pool, int slot);

/** Slot of a worker, 0 up to the number of workers less one. */
SHOAL_API int shoal_pool_worker_slot(const struct shoal_pool_worker *worker);

/** Number of slots of its pool. */
SHOAL_API int shoal_pool_worker_count(const struct shoal_pool_worker *worker);

/**
 * Number of the worker: the first one of the pool is 1, and none is used
 * again, unlike slots.
 */
SHOAL_API uint64_t shoal_pool_worker_incarnation(
    const struct shoal_pool_worker *worker);

/**
 * The listening socket of this worker's slot.
 *
 * It is non-blocking, close-on-exec and shared with the parent and, during a
 * restart, with the worker that follows: do not change or shut it down. A
 * worker that has been told to end stops accepting; what waits is left to the
 * one that follows.
 *
 * @param index  of shoal_pool_listen()
 *
 * Returns  a descriptor; -SHOAL_ENOENT for an index that is not there
 * Owner    lends
 * Context  worker
 * Blocks   never
 * See      accept4(2)
 */
SHOAL_API int
shoal_pool_worker_listen_fd(const struct shoal_pool_worker *worker, int index);

/** As shoal_pool_address(), in a worker, at any time. */
SHOAL_API int shoal_pool_worker_address(
    const struct shoal_pool_worker *worker, int index, char *buf, size_t cap);

/**
 * Accept a connection, unless there is something else to do.
 *
 * @param index       of shoal_pool_listen()
 * @param timeout_ms  milliseconds, 0: do not wait, -1: for ever
 *
 * Returns  a descriptor, blocking and close-on-exec; -SHOAL_ECANCELED when the
 *          worker is to end; -SHOAL_EAGAIN when there is a message for
 *          shoal_pool_worker_receive(); -SHOAL_ETIMEDOUT; -SHOAL_ENOENT for an
 *          index that is not there; -errno of accept4(2)
 * Owner    gives the descriptor away: close(2)
 * Context  worker
 * Blocks   the process, up to timeout_ms
 * See      accept4(2)
 */
SHOAL_API int shoal_pool_worker_accept(
    struct shoal_pool_worker *worker, int index, int timeout_ms);

/**
 * A descriptor that is readable when shoal_pool_worker_receive() has something:
 * a message, or the request to end. For poll(2), select(2) and event loops,
 * level-triggered. Do not read from it.
 *
 * Returns  a descriptor, the same one during the worker's life
 * Owner    lends
 * Context  worker
 * Blocks   never
 * See      epoll(7)
 */
SHOAL_API int shoal_pool_worker_fd(const struct shoal_pool_worker *worker);

/**
 * Wait for a message or for the request to end.
 *
 * Messages of one sender come in the order in which they were sent; what has
 * come before the request to end is returned before it. From then on the
 * result is 0 whenever no message is there.
 *
 * @param message_out  the message, whose data is borrowed until the next call
 *                     for this worker
 * @param timeout_ms   milliseconds, 0: do not wait, -1: for ever
 *
 * Returns  1 with a message; 0 when the worker is to end: it was told to, by
 *          the parent, by SIGTERM or by shoal_pool_worker_retire(), or the
 *          parent is gone; -SHOAL_ETIMEDOUT; -SHOAL_ENOMEM, and the message
 *          waits for the next call
 * Context  worker
 * Blocks   the process, up to timeout_ms; a signal does not end the wait
 * See      poll(2)
 */
SHOAL_API int shoal_pool_worker_receive(struct shoal_pool_worker *worker,
    struct shoal_pool_message *message_out, int timeout_ms);

/**
 * Send a message to the worker of a slot, or to the parent's on_message. The
 * parent hands it on, or keeps it while the worker is busy or dead: the next
 * one gets it. What a worker had not received when it died is lost.
 *
 * @param to          a slot, also its own, or SHOAL_POOL_PARENT
 * @param data        borrowed, may be NULL when len is 0
 * @param len         bytes, up to SHOAL_POOL_MESSAGE_MAX
 * @param timeout_ms  milliseconds to wait while too much waits for the slot,
 *                    0: do not wait, -1: for ever
 *
 * Returns  0 when the parent has it; -SHOAL_EAGAIN when too much waits for the
 *          slot and timeout_ms is 0; -SHOAL_ETIMEDOUT; -SHOAL_ENOENT for a
 *          slot that is not there or a parent without on_message;
 *          -SHOAL_EINVAL, -SHOAL_EMSGSIZE; -SHOAL_ECANCELED for a slot when
 *          the pool stops; -SHOAL_ECLOSED when the parent is gone;
 *          -SHOAL_ENOMEM or another -errno
 * Context  worker
 * Blocks   the process, up to timeout_ms and as long as a hook of the parent
 *          takes
 * See      unix(7) SOCK_SEQPACKET, memfd_create(2), fcntl(2) F_ADD_SEALS
 */
SHOAL_API int shoal_pool_worker_send(struct shoal_pool_worker *worker, int to,
    const void *data, size_t len, int timeout_ms);

/**
 * Whether the worker is to end. For code that does not wait for messages.
 *
 * Returns  true from the request to end on
 * Context  worker
 * Blocks   never
 */
SHOAL_API bool shoal_pool_worker_is_stopping(struct shoal_pool_worker *worker);

/**
 * Leave the pool: the replacement is forked at once, or with back-off when
 * workers of this slot do so soon after their start too often. This worker
 * goes on with what it has, gets no more messages, and is to end within
 * restart_timeout_ms.
 *
 * Returns  0, also when it is to end already; -SHOAL_ECLOSED when the parent
 *          is gone; -SHOAL_EAGAIN when the parent does not listen
 * Context  worker, after on_worker_start
 * Blocks   never
 */
SHOAL_API int shoal_pool_worker_retire(struct shoal_pool_worker *worker);

/**
 * Stop the whole pool, as shoal_pool_stop() does. Returns at once.
 *
 * Returns  0; -SHOAL_ECLOSED when the parent is gone; -SHOAL_EAGAIN when the
 *          parent does not listen
 * Context  worker
 * Blocks   never
 */
SHOAL_API int shoal_pool_worker_stop_pool(struct shoal_pool_worker *worker);

#ifdef __cplusplus
}
#endif
