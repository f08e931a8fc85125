/* This file is <shoal/mutex.h>. */
#include "config.h"

#include <shoal/mutex.h>

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/panic.h"
#include "co/co.h"
#include "io/loop.h"
#include "sync/sync_waiters.h"

#define MAGIC 0x7874756d

struct shoal_mutex {
	unsigned magic;
	int64_t owner; /* the number of a coroutine; 0: nobody */
	struct sh_waiters waiters;
};

struct shoal_mutex *
shoal_mutex_new(void)
{
	struct shoal_mutex *mutex = sh_try_calloc(1, sizeof(*mutex));

	if (mutex == NULL)
		return NULL;
	mutex->magic = MAGIC;
	sh_waiters_init(&mutex->waiters);
	return mutex;
}

/* The running coroutine's number, 0 outside of one. */
static int64_t
self(void)
{
	struct sh_co *co = sh_co_running();

	return co != NULL ? sh_co_id(co) : 0;
}

/* Whether somebody will yet unlock it, and that is not the one that asks. */
static bool
is_anothers(const struct shoal_mutex *mutex)
{
	struct sh_loop *loop = sh_loop_current();

	return mutex->owner != self() && loop != NULL &&
	    sh_co_find(sh_loop_coroutines(loop), mutex->owner) != NULL;
}

void
shoal_mutex_free(struct shoal_mutex **mutex)
{
	if (mutex == NULL || *mutex == NULL)
		return;
	SH_CHECK(*mutex, MAGIC);
	sh_assert(!is_anothers(*mutex));
	sh_waiters_wake_all(&(*mutex)->waiters, -SHOAL_ECLOSED);
	(*mutex)->magic = 0;
	free(*mutex);
	*mutex = NULL;
}

int
shoal_mutex_try_lock(struct shoal_mutex *mutex)
{
	SH_CHECK(mutex, MAGIC);
	if (self() == 0)
		return -SHOAL_EPERM;
	if (mutex->owner != 0)
		return -SHOAL_EBUSY;
	mutex->owner = self();
	return 0;
}

int
shoal_co_mutex_lock(struct shoal_mutex *mutex, int timeout_ms)
{
	sh_waiters_check(__func__);
	if (shoal_mutex_try_lock(mutex) == 0)
		return 0;
	if (mutex->owner == self())
		return -SHOAL_EDEADLK;
	return sh_waiters_wait(
	    &mutex->waiters, NULL, "shoal_co_mutex_lock", timeout_ms);
}

int
shoal_mutex_unlock(struct shoal_mutex *mutex)
{
	struct sh_waiter *next;

	SH_CHECK(mutex, MAGIC);
	if (mutex->owner == 0 || mutex->owner != self())
		return -SHOAL_EPERM;
	next = sh_waiters_take(&mutex->waiters);
	mutex->owner = next != NULL ? sh_co_id(next->co) : 0;
	if (next != NULL)
		sh_co_wake(next->co, 0);
	return 0;
}

bool
shoal_mutex_is_locked(const struct shoal_mutex *mutex)
{
	SH_CHECK(mutex, MAGIC);
	return mutex->owner != 0;
}
