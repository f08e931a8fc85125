/*
 * This file is where coroutines wait: with a deadline, until they are
 * cancelled. It does not know what they wait for.
 *
 * Who waits puts itself on some list, calls sh_await() and takes itself off
 * again, whatever the result. Who has what it waits for takes it from the list
 * and calls sh_co_wake().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "co/co.h"

struct sh_loop;

/* A deadline that never comes; one of 0 has come before anything else. */
#define SH_NEVER INT64_MAX

/** The moment, in microseconds of the monotonic clock, that is timeout_ms from
 *  now; SH_NEVER when negative; 0 when 0. */
int64_t sh_deadline_us(int timeout_ms);

/** The running coroutine; outside of one the process ends, and place is what it
 *  complains of. */
struct sh_co *sh_await_self(const char *place);
/** Suspend the running coroutine until sh_co_wake(): its result;
 *  -SHOAL_ETIMEDOUT at the deadline; -SHOAL_ECANCELED when the coroutine is
 *  cancelled, or was before; -SHOAL_ENOMEM when it may not wait at all. place
 *  says what it waits for; lent. */
int sh_await(const char *place, int64_t deadline_us);
/** Likewise, where only another coroutine can wake it. */
int sh_await_peer(const char *place, int64_t deadline_us);
/** Wait until a descriptor is readable (EV_READ) or writable (EV_WRITE), or
 *  both: which of them, else as sh_await(). -SHOAL_EINVAL or -errno for a
 *  descriptor that cannot be waited for. */
int sh_await_fd(int fd, short what, const char *place, int64_t deadline_us);
/** Likewise for SHOAL_READABLE and SHOAL_WRITABLE, but look first: what is ready
 *  already is told without waiting. */
int
sh_await_ready(int fd, unsigned what, const char *place, int64_t deadline_us);
/** As sh_await(), but neither a deadline nor a cancel counts: what it waits for
 *  has to come. May come back before, so it is called in a loop. */
void sh_await_firmly(const char *place);
/** Let others run, once. 0, or as sh_await(). */
int sh_await_turn(const char *place);

/** Wait for the end of a child and reap it: 0 with what waitpid(2) gives in
 *  *status_out unless that is NULL, else as sh_await(). -SHOAL_ENOENT when there
 *  is no such child, -SHOAL_EINVAL or -errno. */
int sh_await_child(
    pid_t pid, int *status_out, const char *place, int64_t deadline_us);
/** Wait for a signal: its number, else as sh_await(). -SHOAL_EINVAL for one that
 *  cannot be waited for, or -errno. It stays blocked until the loop is freed;
 *  who made the loop has not blocked it in other threads. */
int sh_await_signal(int signo, const char *place, int64_t deadline_us);

/** From now on, threads may wake any coroutine at any time. */
void sh_await_expect_posts(struct sh_loop *loop);
/** An answer was given without a wait, and will not change: the running
 *  coroutine is made to wait for a moment if it asks for it over and over. */
void sh_await_slow_down(const char *place);

/** Cancel a coroutine: its waits, the present one too, fail with
 *  -SHOAL_ECANCELED. */
void sh_await_cancel(struct sh_co *co);
/** Cancel all of them. */
void sh_await_cancel_all(struct sh_loop *loop);
/** Let the running coroutine wait for another ms though it is cancelled. */
void sh_await_shield(int64_t ms);
/** Whether a wait of the running coroutine would be refused. */
bool sh_await_is_cancelled(void);

/** Whether everyone waits for someone else who waits. */
bool sh_await_is_deadlock(struct sh_loop *loop);

/** For loop.c: forget the descriptors that coroutines still wait for. */
void sh_await_forget_fds(struct sh_loop *loop);
/** Likewise: bytes beside each coroutine, and their end. */
size_t sh_await_extra_size(void);
void sh_await_extra_fini(void *extra);
