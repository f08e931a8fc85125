/* This file is the clocks of a home, as its links want them. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base/clock.h"

static inline int64_t
sh_home_clock_ms(void *arg)
{
	return sh_clock_ms();
}

static inline uint64_t
sh_home_wall_us(void *arg)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
