/* This file is a queue with a bound of which the oldest are dropped. */
#include "config.h"

#include "broker/hold.h"

#include <stdlib.h>

void
sh_hold_init(struct sh_hold *hold, size_t max)
{
	*hold = (struct sh_hold){ .max = max };
	STAILQ_INIT(&hold->held);
}

void
sh_hold_begin(struct sh_hold *hold)
{
	sh_hold_fini(hold);
	hold->on = true;
}

void
sh_hold_add(struct sh_hold *hold, struct sh_held *held)
{
	/* none behind it may be held without it */
	if (held == NULL || held->size > hold->max) {
		free(held);
		sh_hold_fini(hold);
		return;
	}
	while (hold->size + held->size > hold->max)
		free(sh_hold_take(hold));
	STAILQ_INSERT_TAIL(&hold->held, held, next);
	hold->size += held->size;
}

void
sh_hold_end(struct sh_hold *hold)
{
	hold->on = false;
}

struct sh_held *
sh_hold_take(struct sh_hold *hold)
{
	struct sh_held *held = STAILQ_FIRST(&hold->held);

	if (held == NULL)
		return NULL;
	STAILQ_REMOVE_HEAD(&hold->held, next);
	hold->size -= held->size;
	return held;
}

void
sh_hold_fini(struct sh_hold *hold)
{
	struct sh_held *held;

	while ((held = sh_hold_take(hold)) != NULL)
		free(held);
}
