/* This file is <shoal/semaphore.h>. */
#include "config.h"

#include <shoal/semaphore.h>

#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/panic.h"
#include "co/co.h"
#include "sync/sync_waiters.h"

#define MAGIC 0x616d6573

struct shoal_semaphore {
	unsigned magic;
	unsigned value; /* 0 while somebody waits */
	struct sh_waiters waiters;
};

struct shoal_semaphore *
shoal_semaphore_new(unsigned value)
{
	struct shoal_semaphore *semaphore =
	    sh_try_calloc(1, sizeof(*semaphore));

	if (semaphore == NULL)
		return NULL;
	semaphore->magic = MAGIC;
	semaphore->value = value;
	sh_waiters_init(&semaphore->waiters);
	return semaphore;
}

void
shoal_semaphore_free(struct shoal_semaphore **semaphore)
{
	if (semaphore == NULL || *semaphore == NULL)
		return;
	SH_CHECK(*semaphore, MAGIC);
	sh_waiters_wake_all(&(*semaphore)->waiters, -SHOAL_ECLOSED);
	(*semaphore)->magic = 0;
	free(*semaphore);
	*semaphore = NULL;
}

int
shoal_semaphore_try_wait(struct shoal_semaphore *semaphore)
{
	SH_CHECK(semaphore, MAGIC);
	if (semaphore->value == 0)
		return -SHOAL_EAGAIN;
	semaphore->value--;
	return 0;
}

int
shoal_co_semaphore_wait(struct shoal_semaphore *semaphore, int timeout_ms)
{
	sh_waiters_check(__func__);
	if (shoal_semaphore_try_wait(semaphore) == 0)
		return 0;
	return sh_waiters_wait(
	    &semaphore->waiters, NULL, "shoal_co_semaphore_wait", timeout_ms);
}

int
shoal_semaphore_post(struct shoal_semaphore *semaphore)
{
	struct sh_waiter *next;

	SH_CHECK(semaphore, MAGIC);
	next = sh_waiters_take(&semaphore->waiters);
	if (next != NULL) {
		sh_co_wake(next->co, 0);
		return 0;
	}
	if (semaphore->value == UINT_MAX)
		return -EOVERFLOW;
	semaphore->value++;
	return 0;
}

unsigned
shoal_semaphore_value(const struct shoal_semaphore *semaphore)
{
	SH_CHECK(semaphore, MAGIC);
	return semaphore->value;
}
