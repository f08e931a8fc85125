/*
 * This file is what the parts of `switch' agree on; it measures nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
	SWITCH_ROUNDS_MAX = 101,
	SWITCH_OK = 0,     /* exit status: all that was begun has ended */
	SWITCH_FAILED = 1, /* a figure is missing or stands for less */
	SWITCH_USAGE = 2   /* nothing was measured */
};

/* --- switch_series.c: one figure, measured in every round --- */

struct switch_series {
	double values[SWITCH_ROUNDS_MAX]; /* in the order of the rounds */
	int count;
};

/** Add the value of the next round. */
void switch_series_add(struct switch_series *series, double value);
/** Median of the values, 0 when there is none. */
double switch_series_median(const struct switch_series *series);
/** Smallest value, 0 when there is none. */
double switch_series_min(const struct switch_series *series);
/** Largest value, 0 when there is none. */
double switch_series_max(const struct switch_series *series);
/** Median over the rounds of value / value of base in the same round. */
double switch_series_ratio(
    const struct switch_series *series, const struct switch_series *base);

/* --- switch.c --- */

/** Nanoseconds of a clock. */
int64_t switch_now_ns(clockid_t clock);
/** Say on stderr what went wrong. */
void
switch_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- the measurements: each prints its table, and says whether it is one --- */

/** switch_context.c: from one stack to another, beside swapcontext(3). */
bool switch_measure_context(int rounds);
/** switch_start.c: begin and join, beside pthread_create(3). */
bool switch_measure_start(int rounds);
/** switch_asleep.c: user memory and mappings of n coroutines that sleep. */
bool switch_measure_asleep(int n);
