/* This file is <shoal/timer.h>. */
#include "config.h"

#include <shoal/timer.h>

#include "io/loop.h"
#include "io/timer.h"

int64_t
shoal_timer_after(int delay_ms, shoal_timer_fn *fn, void *arg)
{
	struct sh_loop *loop = sh_loop_current();

	return loop != NULL ? sh_timer_start(loop, delay_ms, 0, fn, arg)
			    : -SHOAL_EPERM;
}

int64_t
shoal_timer_every(int interval_ms, shoal_timer_fn *fn, void *arg)
{
	struct sh_loop *loop = sh_loop_current();

	if (loop == NULL)
		return -SHOAL_EPERM;
	if (interval_ms <= 0)
		return -SHOAL_EINVAL;
	return sh_timer_start(loop, interval_ms, interval_ms, fn, arg);
}

int
shoal_timer_cancel(int64_t timer)
{
	struct sh_loop *loop = sh_loop_current();

	return loop != NULL ? sh_timer_stop(loop, timer) : -SHOAL_EPERM;
}
