/*
 * This file is the pool of a program, struct shoal_pool: what its parent and
 * its workers know. The pool itself is the master's; here is what stands in
 * the place of the daemon, on both sides of the fork.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <shoal/pool.h>

#include "crew/crew_body.h"
#include "crew/crew_inbox.h"
#include "crew/crew_post.h"
#include "crew/crew_roll.h"
#include "master/master_poll.h"
#include "master/master_pool.h"
#include "master/master_signalfd.h"

enum { SH_CREW_MAGIC = 0x504f4f4c, SH_CREW_WORKER_MAGIC = 0x574f524b };

/* An address of shoal_pool_listen(). */
struct sh_crew_address {
	char *text;
	int backlog;
};

struct shoal_pool {
	uint32_t magic;
	struct shoal_pool_options options; /* without zeros and hooks */
	struct shoal_pool_hooks hooks;
	struct sh_crew_address *addresses;
	size_t address_count;

	/* while it runs */
	bool running;
	pid_t parent; /* who runs it */
	struct sh_pool pool;
	struct sh_post post;
	struct sh_roll roll;
	struct sh_poll_set poll;
	struct sh_signalfd signals;
	bool started;    /* all workers have been ready */
	bool stop_told;  /* on_stop has been called */
	int start_error; /* what kept the first worker from starting, 0 */
	int result;      /* of the run */
};

struct shoal_pool_worker {
	uint32_t magic;
	const struct shoal_pool *pool; /* as it was when it was forked */
	const struct sh_heritage *heritage;
	struct sh_inbox inbox;
	struct sh_inbox_entry *lent; /* what receive() has returned */
	struct sh_view view;
	uint32_t taken_count, taken_bytes; /* not told yet */
};

/** Run a pool: shoal_pool_run(). */
int sh_crew_run(struct shoal_pool *pool);
/** Whether this is the parent of a pool that runs. */
bool sh_crew_is_parent(const struct shoal_pool *pool);
/** Whether the pool runs here and its workers have been ready. */
bool sh_crew_has_started(const struct shoal_pool *pool);
/** Begin to stop. */
void sh_crew_stop(struct shoal_pool *pool, enum sh_stop stop);
/** An address as it is bound; also in a worker. As shoal_pool_address(). */
int sh_crew_address(
    const struct shoal_pool *pool, int index, char *buf, size_t cap);

/** A worker's life: an sh_worker_fn, whose argument is the pool. */
int sh_crew_worker(const struct sh_heritage *heritage, void *arg);
/** Send from a worker: shoal_pool_worker_send() without checks. */
int sh_crew_send(struct shoal_pool_worker *worker, int to, const void *data,
    size_t len, int timeout_ms);
/** Receive in a worker: shoal_pool_worker_receive(). */
int sh_crew_receive(struct shoal_pool_worker *worker,
    struct shoal_pool_message *message_out, int timeout_ms);
/** Give back what receive() has lent. */
void sh_crew_return(struct shoal_pool_worker *worker);
/** Say something without text to the parent. 0; -SHOAL_EAGAIN;
 *  -SHOAL_ECLOSED. */
int sh_crew_say(
    struct shoal_pool_worker *worker, enum sh_message_type type, int64_t value);
