/* This file is <shoal/counter.h>. */
#include "config.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <shoal/counter.h>

#include "base/counters.h"
#include "io/loop.h"

static bool
is_name(const char *name)
{
	size_t i;

	if (name == NULL || name[0] < 'a' || name[0] > 'z')
		return false;
	for (i = 0; name[i] != '\0'; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') ||
			(name[i] >= '0' && name[i] <= '9') || name[i] == '_'))
			return false;
	return i < SH_USER_COUNTER_NAME_MAX;
}

static uint32_t
kind_of(const struct shoal_counter *counter)
{
	return atomic_load_explicit(&counter->used, memory_order_relaxed);
}

static struct shoal_counter *
get(const char *name, enum sh_counter_kind kind)
{
	struct sh_loop *loop = sh_loop_current();
	struct shoal_counter *counters;
	size_t i;

	counters = loop != NULL ? sh_loop_options(loop)->user_counters : NULL;
	if (counters == NULL || !is_name(name))
		return NULL;
	for (i = 0; i < SH_USER_COUNTERS; i++) {
		if (kind_of(&counters[i]) == SH_COUNTER_NONE)
			break;
		/* one name cannot be both */
		if (strcmp(counters[i].name, name) == 0)
			return kind_of(&counters[i]) == kind ? &counters[i]
							     : NULL;
	}
	if (i == SH_USER_COUNTERS)
		return NULL;
	strcpy(counters[i].name, name);
	/* whoever sees the kind sees the name */
	atomic_store_explicit(&counters[i].used, kind, memory_order_release);
	return &counters[i];
}

struct shoal_counter *
shoal_counter_get(const char *name)
{
	return get(name, SH_COUNTER_COUNTER);
}

struct shoal_counter *
shoal_gauge_get(const char *name)
{
	return get(name, SH_COUNTER_GAUGE);
}

void
shoal_counter_add(struct shoal_counter *counter, int64_t n)
{
	if (counter == NULL || (n < 0 && kind_of(counter) != SH_COUNTER_GAUGE))
		return;
	/* this process is the only writer */
	atomic_store_explicit(&counter->value,
	    atomic_load_explicit(&counter->value, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

void
shoal_gauge_set(struct shoal_counter *gauge, int64_t value)
{
	if (gauge != NULL && kind_of(gauge) == SH_COUNTER_GAUGE)
		atomic_store_explicit(
		    &gauge->value, value, memory_order_relaxed);
}

int64_t
shoal_counter_value(const struct shoal_counter *counter)
{
	return counter == NULL
	    ? 0
	    : atomic_load_explicit(&counter->value, memory_order_relaxed);
}
