/*
 * This file keeps what belongs to one coroutine: calls for its end, and values.
 * It does not run the coroutine.
 */
#include "config.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "co/co_private.h"

struct sh_co_deferred {
	struct sh_co_deferred *next;
	sh_co_fn *fn;
	void *arg;
};

struct sh_co_value {
	struct sh_co_value *next;
	const void *key;
	void *value;
	void (*free_value)(void *value);
};

int
sh_co_defer(sh_co_fn *fn, void *arg)
{
	struct sh_co *co = sh_co_running();
	struct sh_co_deferred *deferred = sh_try_calloc(1, sizeof(*deferred));

	sh_assert(co != NULL);
	if (deferred == NULL)
		return -SHOAL_ENOMEM;
	deferred->fn = fn;
	deferred->arg = arg;
	deferred->next = co->deferred;
	co->deferred = deferred;
	return 0;
}

static struct sh_co_value **
find_value(struct sh_co *co, const void *key)
{
	struct sh_co_value **place = &co->values;

	while (*place != NULL && (*place)->key != key)
		place = &(*place)->next;
	return place;
}

static void
drop_value(struct sh_co_value **place)
{
	struct sh_co_value *value = *place;

	*place = value->next;
	if (value->free_value != NULL)
		value->free_value(value->value);
	free(value);
}

int
sh_co_set(const void *key, void *value, void (*free_value)(void *value))
{
	struct sh_co *co = sh_co_running();
	struct sh_co_value **place, *fresh = NULL;

	sh_assert(co != NULL);
	if (value != NULL) {
		fresh = sh_try_calloc(1, sizeof(*fresh));
		if (fresh == NULL)
			return -SHOAL_ENOMEM;
	}
	place = find_value(co, key);
	if (*place != NULL)
		drop_value(place);
	if (fresh == NULL)
		return 0;
	fresh->key = key;
	fresh->value = value;
	fresh->free_value = free_value;
	fresh->next = co->values;
	co->values = fresh;
	return 0;
}

void *
sh_co_get(const void *key)
{
	struct sh_co *co = sh_co_running();
	struct sh_co_value *value;

	sh_assert(co != NULL);
	value = *find_value(co, key);
	return value != NULL ? value->value : NULL;
}

void
sh_co_end_local(void)
{
	struct sh_co *co = sh_co_running();

	sh_assert(co != NULL);
	if (SH_UNLIKELY(co->deferred != NULL || co->values != NULL))
		sh_co_local_end(co);
}

void
sh_co_call_local(struct sh_co *co, sh_co_fn *fn, void *arg)
{
	struct sh_co_deferred *deferred = co->deferred;
	struct sh_co_value *values = co->values;

	co->deferred = NULL;
	co->values = NULL;
	fn(arg);
	sh_co_local_end(co);
	co->deferred = deferred;
	co->values = values;
}

static void
run_deferred(struct sh_co *co)
{
	struct sh_co_deferred *deferred;

	/* each may defer again */
	while ((deferred = co->deferred) != NULL) {
		co->deferred = deferred->next;
		deferred->fn(deferred->arg);
		free(deferred);
	}
}

void
sh_co_local_end(struct sh_co *co)
{
	run_deferred(co);
	while (co->values != NULL) {
		drop_value(&co->values);
		/* whoever is called next has nothing to do with it */
		run_deferred(co);
	}
}
