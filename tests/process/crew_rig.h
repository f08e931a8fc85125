/*
 * This file is a program with a pool, for tests: the parent is the test, the
 * workers are its functions. What a worker has to tell, it sends.
 */
#pragma once

#include <shoal/pool.h>

enum { PATIENCE_MS = 20000, EXITS = 40 };

/* What workers write, and the parent reads at the end. */
struct crew_facts {
	_Atomic unsigned starts, mains, stops;
	_Atomic unsigned begun_early; /* before all were ready */
	_Atomic unsigned told;        /* that it may go on */
};

extern struct crew_facts *shared;
extern struct shoal_pool *pool;
extern struct shoal_pool_hooks hooks;
extern struct shoal_pool_options options;
/* Of workers, in order. */
extern struct shoal_pool_exit exits[EXITS];
extern unsigned exit_count;

/** Prepare hooks and options for so many workers. */
void set_up(int workers, shoal_pool_main_fn *fn);
/** Make the pool of them. */
void make(void);
/** Make it, run it, free it. The result of the run. */
int run(void);
/** Record the end of a worker; set_up() makes it the hook. */
void on_worker_exit(
    struct shoal_pool *of, const struct shoal_pool_exit *how, void *arg);
/** A worker that takes messages until it is to end. */
int wait_for_end(struct shoal_pool_worker *worker, void *arg);
/** Assert that every worker has ended with exit status 0. */
void expect_good_exits(unsigned count);
/** Assert that no child is left, not even as a zombie. */
void expect_alone(void);
