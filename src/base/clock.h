/* This file reads the clocks. */
#pragma once

#include <stdint.h>

/** Milliseconds of the monotonic clock. */
int64_t sh_clock_ms(void);
/** Microseconds of the monotonic clock. */
int64_t sh_clock_us(void);
/** Seconds since 1970. */
int64_t sh_clock_unix(void);
