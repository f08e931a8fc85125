/*
 * Counters and gauges of handlers. They appear in `shoal status --json', summed
 * over all workers; a counter does not go back when a worker ends.
 */
#pragma once

#include <stdint.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_counter;

/**
 * Get the counter of a name, made at the first call.
 *
 * @param name  [a-z][a-z0-9_]*, at most 47 bytes, copied
 *
 * Returns  the counter; NULL when the worker has SHOAL_COUNTERS_MAX already,
 *          when the name is malformed, or outside a worker
 * Owner    lends as long as the process lives
 * Context  worker
 * Blocks   never
 * See      mmap(2) MAP_SHARED: each worker writes its own part
 */
SHOAL_API struct shoal_counter *shoal_counter_get(const char *name);

/** As shoal_counter_get(); the value is what is there now, and ends with its
 *  worker. */
SHOAL_API struct shoal_counter *shoal_gauge_get(const char *name);

enum { SHOAL_COUNTERS_MAX = 64 };

/** Add to a counter or gauge (a counter only takes >= 0). NULL is ignored. */
SHOAL_API void shoal_counter_add(struct shoal_counter *counter, int64_t n);

/** Set a gauge. NULL is ignored. */
SHOAL_API void shoal_gauge_set(struct shoal_counter *gauge, int64_t value);

/** This worker's part of the value; 0 for NULL. */
SHOAL_API int64_t shoal_counter_value(const struct shoal_counter *counter);

#ifdef __cplusplus
}
#endif
