/*
 * This file runs jobs that block on a few threads, beside the loop; it does not
 * wait for them. The threads are started when there is work, so a process
 * without jobs has one thread, and they end with the loop.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include "io/mailbox.h"

struct sh_loop;
struct sh_thread_pool;

/* Threads of a process at most. They do not use the processor much. */
enum { SH_THREADS_MAX = 4 };

/*
 * A job lies in its owner's memory from sh_job_start() until done or drop is
 * called, or it is withdrawn. Only run is called in another thread while there
 * is a loop.
 */
struct sh_job {
	/* in a thread with all signals blocked and 256 KiB of stack; may
	   block, and call only what is for any thread */
	void (*run)(struct sh_job *job);
	/* after that, in a turn of the loop, on its own stack */
	void (*done)(struct sh_job *job);
	/* instead of done when the loop ends first, and when run has not been
	   called instead of it too; in whatever thread */
	void (*drop)(struct sh_job *job);

	/* the pool's */
	struct sh_thread_pool *pool;
	bool queued; /* run has not been called; under the pool's lock */
	TAILQ_ENTRY(sh_job) link;
	struct sh_letter letter;
};

/** Run a job as soon as a thread is free; jobs begin in the order of these
 *  calls. The queue has no limit of its own: somebody waits for each one in it,
 *  and withdraws it otherwise. 0 or -SHOAL_ENOMEM. */
int sh_job_start(struct sh_loop *loop, struct sh_job *job);
/** Take a job back that has been started and is not done. Whether it had not
 *  begun; otherwise it goes on. */
bool sh_job_withdraw(struct sh_job *job);

/** For loop.c: end the threads. A job that runs cannot be interrupted: nobody
 *  waits for it, and its thread ends after it. Whether there is one. */
bool sh_thread_pool_end(struct sh_loop *loop);
