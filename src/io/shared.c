/* This file is bytes that several send queues refer to; it counts who does. */
#include "config.h"

#include "io/shared.h"

#include <stdlib.h>

#include "base/panic.h"

size_t sh_shared_taken;

struct sh_shared *
sh_shared_new(size_t cap)
{
	struct sh_shared *shared;

	if (cap > SIZE_MAX - sizeof(*shared))
		return NULL;
	shared = malloc(sizeof(*shared) + cap);
	if (shared == NULL)
		return NULL;
	shared->users = 1;
	shared->len = 0;
	shared->cap = cap;
	sh_shared_taken += sizeof(*shared) + cap;
	return shared;
}

struct sh_shared *
sh_shared_hold(struct sh_shared *shared)
{
	sh_assert(shared->users != 0 && shared->users != UINT32_MAX);
	shared->users++;
	return shared;
}

void
sh_shared_drop(struct sh_shared **shared)
{
	struct sh_shared *dropped;

	if (shared == NULL || *shared == NULL)
		return;
	dropped = *shared;
	*shared = NULL;
	sh_assert(dropped->users != 0);
	if (--dropped->users != 0)
		return;
	sh_shared_taken -= sizeof(*dropped) + dropped->cap;
	free(dropped);
}
