/*
 * This file is a pool with workers that are fakes, for tests: the test drives
 * it itself. It holds no tests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fake_worker.h"
#include "master/master_pool.h"
#include "support/suite.h"

enum { PATIENCE_MS = 10000, OUTCOMES = 128 };

struct outcome {
	enum sh_outcome outcome;
	uint64_t generation;
	char text[SH_WHY_MAX];
};

extern struct sh_pool pool;
extern struct sh_poll_set set;
extern struct fake_report *report;
extern char pool_why[SH_WHY_MAX];
extern struct outcome outcomes[OUTCOMES];
extern unsigned outcome_count, wanted_outcomes;
extern uint64_t deaths_caused; /* of workers that the test has killed */

/** Make a pool without a generation. */
void open_pool(uint32_t slots, uint32_t max_old);
/** Likewise, with a bus; each worker joins it. */
void open_pool_with_bus(uint32_t slots, uint32_t max_old);
/** End it, and all its processes. */
void close_pool(void);
/** Offer a generation with the words for its workers and up to two addresses.
 *  As sh_pool_offer(). */
int offer_at(const char *words, int64_t timeout_ms, const char *first,
    const char *second);
/** Offer one with 127.0.0.1:0, which must be taken. */
void offer(const char *words);
/** Let the pool work until something is so. Whether it came to be. */
bool drive_until(bool (*is_so)(void));
/** The next outcome must be this one; its text. */
const char *expect(enum sh_outcome outcome);

/* For drive_until(). */
bool has_outcome(void); /* as many as are wanted */
bool is_settled(void);  /* each slot has one worker, which is ready */
bool is_alone(void);    /* each slot has one that is ready, at least */
bool is_over(void);

/** A process of a slot in a state, or NULL. */
struct sh_process *find_process(uint32_t slot, enum sh_process_state state);
/** The same; the test is aborted when there is none. */
struct sh_process *must_find(uint32_t slot, enum sh_process_state state);
/** Kill a worker and wait for its end without the pool's knowing. */
void kill_worker(uint32_t slot);
/** An address of the current generation. */
const struct sh_bound *bound(uint32_t i);
/** A connected socket, or -errno. */
int connect_to(const struct sh_addr *addr);
/** What a worker says to a connection; closes it. "" for a reset. */
const char *read_line(int fd);
