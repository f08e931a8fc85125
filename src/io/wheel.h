/*
 * This file is deadlines by the ten thousand, which are set often and are met
 * seldom: setting and clearing one costs a few instructions and no allocation.
 * They are coarse: one comes up to a tick late, never early.
 *
 * A timer that is set keeps no loop alive: it belongs to something that does,
 * such as a connection.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct sh_loop;
struct sh_wheel_timer;

typedef void sh_wheel_fn(struct sh_wheel_timer *timer);

enum { SH_WHEEL_TICK_MS = 100 };

/* Lies in the object that it is for. */
struct sh_wheel_timer {
	LIST_ENTRY(sh_wheel_timer) link;
	sh_wheel_fn *fn;
	int64_t due_ms; /* of sh_loop_now_ms(); 0: not set */
};

/** Make one that is not set. */
void sh_wheel_timer_init(struct sh_wheel_timer *timer, sh_wheel_fn *fn);
/** Call its function, once, on the loop's stack, at due_ms or soon after; the
 *  function may set and clear any timer and free this one. Moves one that is
 *  set; one that is set for earlier keeps its place, so to put off is nearly
 *  free. */
void sh_wheel_set(
    struct sh_loop *loop, struct sh_wheel_timer *timer, int64_t due_ms);
/** Forget it; idempotent. Before its object goes. */
void sh_wheel_clear(struct sh_loop *loop, struct sh_wheel_timer *timer);
/** Whether it is set. */
static inline bool
sh_wheel_is_set(const struct sh_wheel_timer *timer)
{
	return timer->due_ms != 0;
}
