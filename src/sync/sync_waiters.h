/*
 * This file is the list of coroutines that wait for something of another one,
 * in the order in which they came; it does not know what it is.
 *
 * Who gives something takes the first waiter, gives it what it waits for, and
 * only then wakes it: nobody can come in between. One whose time has ended or
 * that was cancelled is passed over, though it has not run yet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct sh_co;

/* On the stack of the one that waits. */
struct sh_waiter {
	TAILQ_ENTRY(sh_waiter) next;
	struct sh_co *co;
	void *item; /* what it brings, or where it wants it */
	bool listed;
};

struct sh_waiters {
	TAILQ_HEAD(, sh_waiter) list;
	uint64_t loop; /* number of the one that they wait in */
};

/** End the process when this is not a coroutine, with a message that names the
 *  public function that was called. */
void sh_waiters_check(const char *function);
/** Make an empty list. */
void sh_waiters_init(struct sh_waiters *waiters);
/** Let the running coroutine wait at the end of the list: the result of its
 *  waker, or as sh_await_peer(). place is lent. */
int sh_waiters_wait(
    struct sh_waiters *waiters, void *item, const char *place, int timeout_ms);
/** Take the first one that still waits off the list; NULL when there is none.
 *  The caller wakes it in any case, before anything else can happen. */
struct sh_waiter *sh_waiters_take(struct sh_waiters *waiters);
/** Wake all, with the same result. Nothing refers to the list any more. */
void sh_waiters_wake_all(struct sh_waiters *waiters, int result);
