/* This file is the list of coroutines that wait for another one. */
#include "config.h"

#include "sync/sync_waiters.h"

#include "base/panic.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"

void
sh_waiters_init(struct sh_waiters *waiters)
{
	TAILQ_INIT(&waiters->list);
	waiters->loop = 0;
}

/* Those that shoal_run() gave up went away with their stacks. */
static void
forget_lost(struct sh_waiters *waiters)
{
	uint64_t loop = sh_loop_number();

	if (loop == waiters->loop)
		return;
	TAILQ_INIT(&waiters->list);
	waiters->loop = loop;
}

void
sh_waiters_check(const char *function)
{
	if (SH_UNLIKELY(sh_co_running() == NULL))
		sh_panic(__FILE__, __LINE__, function,
		    "a function that waits was called outside of a coroutine");
}

int
sh_waiters_wait(
    struct sh_waiters *waiters, void *item, const char *place, int timeout_ms)
{
	struct sh_waiter waiter = {
		.co = sh_co_running(), .item = item, .listed = true
	};
	int r;

	sh_assert(waiter.co != NULL);
	forget_lost(waiters);
	TAILQ_INSERT_TAIL(&waiters->list, &waiter, next);
	r = sh_await_peer(place, sh_deadline_us(timeout_ms));
	/* else the list may be gone */
	if (waiter.listed)
		TAILQ_REMOVE(&waiters->list, &waiter, next);
	return r;
}

static struct sh_waiter *
take_first(struct sh_waiters *waiters)
{
	struct sh_waiter *waiter = TAILQ_FIRST(&waiters->list);

	if (waiter == NULL)
		return NULL;
	TAILQ_REMOVE(&waiters->list, waiter, next);
	waiter->listed = false;
	return waiter;
}

struct sh_waiter *
sh_waiters_take(struct sh_waiters *waiters)
{
	struct sh_waiter *waiter;

	forget_lost(waiters);
	do {
		waiter = take_first(waiters);
	} while (waiter != NULL && !sh_co_is_waiting(waiter->co));
	return waiter;
}

void
sh_waiters_wake_all(struct sh_waiters *waiters, int result)
{
	struct sh_waiter *waiter;

	forget_lost(waiters);
	while ((waiter = take_first(waiters)) != NULL)
		sh_co_wake(waiter->co, result);
}
