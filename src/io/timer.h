/*
 * This file calls functions of handlers later; it is not for deadlines of
 * connections, which are many and rarely due.
 */
#pragma once

#include <stdint.h>

struct sh_loop;

typedef void sh_timer_fn(void *arg);

/** Call fn(arg) on a coroutine after delay_ms, and then every interval_ms if
 *  that is not 0. The timer's number, > 0 and never used again by the loop;
 *  -SHOAL_EINVAL or -SHOAL_ENOMEM. */
int64_t sh_timer_start(struct sh_loop *loop, int64_t delay_ms,
    int64_t interval_ms, sh_timer_fn *fn, void *arg);
/** Stop a timer, perhaps in its own function. 0; -SHOAL_ENOENT when it is gone
 *  or a one-shot has begun to run. */
int sh_timer_stop(struct sh_loop *loop, int64_t id);
/** Stop all of them. */
void sh_timer_stop_all(struct sh_loop *loop);
