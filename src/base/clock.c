/* This file reads the clocks. */
#include "config.h"

#include "base/clock.h"

#include <time.h>

int64_t
sh_clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
sh_clock_ms(void)
{
	return sh_clock_us() / 1000;
}

int64_t
sh_clock_unix(void)
{
	return (int64_t)time(NULL);
}
