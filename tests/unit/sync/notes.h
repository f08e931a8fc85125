/*
 * This file lets coroutines note what they saw, to be asserted on the test's
 * own stack; it asserts nothing itself.
 */
#pragma once

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <shoal/co.h>

static char notes[8192];

/* Add words, with a blank between them. */
static inline void __attribute__((format(printf, 1, 2)))
note(const char *format, ...)
{
	size_t len = strlen(notes);
	va_list ap;

	if (len != 0 && len + 1 < sizeof(notes)) {
		notes[len++] = ' ';
		notes[len] = '\0';
	}
	va_start(ap, format);
	vsnprintf(notes + len, sizeof(notes) - len, format, ap);
	va_end(ap);
}

/* A result, by a name that is short. */
static inline const char *
named(int r)
{
	switch (r) {
	case 0: return "ok";
	case -SHOAL_EAGAIN: return "again";
	case -SHOAL_EBUSY: return "busy";
	case -SHOAL_ECANCELED: return "canceled";
	case -SHOAL_ECLOSED: return "closed";
	case -SHOAL_EDEADLK: return "deadlock";
	case -SHOAL_EINVAL: return "invalid";
	case -SHOAL_ENOENT: return "none";
	case -SHOAL_EPERM: return "forbidden";
	case -SHOAL_ESTATE: return "state";
	case -SHOAL_ETIMEDOUT: return "timeout";
	default: return r > 0 ? "positive" : "other";
	}
}

/* A coroutine of a test, with a number to tell it from others. */
static inline int64_t
start(shoal_co_fn *fn, int number)
{
	return shoal_co_start(fn, (void *)(intptr_t)number, "test");
}

/* The number that it was started with. */
static inline int
number_of(void *arg)
{
	return (int)(intptr_t)arg;
}

/* Let everybody else run, and those that they wake. */
static inline void
settle(void)
{
	int i;

	for (i = 0; i < 4; i++)
		shoal_co_sleep(0);
}
