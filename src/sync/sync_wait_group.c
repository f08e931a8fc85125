/* This file is <shoal/wait_group.h>. */
#include "config.h"

#include <shoal/wait_group.h>

#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/panic.h"
#include "sync/sync_waiters.h"

#define MAGIC 0x67746177

struct shoal_wait_group {
	unsigned magic;
	int count;
	struct sh_waiters waiters;
};

struct shoal_wait_group *
shoal_wait_group_new(void)
{
	struct shoal_wait_group *group = sh_try_calloc(1, sizeof(*group));

	if (group == NULL)
		return NULL;
	group->magic = MAGIC;
	sh_waiters_init(&group->waiters);
	return group;
}

void
shoal_wait_group_free(struct shoal_wait_group **group)
{
	if (group == NULL || *group == NULL)
		return;
	SH_CHECK(*group, MAGIC);
	sh_waiters_wake_all(&(*group)->waiters, -SHOAL_ECLOSED);
	(*group)->magic = 0;
	free(*group);
	*group = NULL;
}

int
shoal_wait_group_add(struct shoal_wait_group *group, int n)
{
	SH_CHECK(group, MAGIC);
	if (n < 0 || n > INT_MAX - group->count)
		return -SHOAL_EINVAL;
	group->count += n;
	return 0;
}

int
shoal_wait_group_done(struct shoal_wait_group *group)
{
	SH_CHECK(group, MAGIC);
	if (group->count == 0)
		return -SHOAL_ESTATE;
	if (--group->count == 0)
		sh_waiters_wake_all(&group->waiters, 0);
	return 0;
}

int
shoal_wait_group_count(const struct shoal_wait_group *group)
{
	SH_CHECK(group, MAGIC);
	return group->count;
}

int
shoal_co_wait_group_wait(struct shoal_wait_group *group, int timeout_ms)
{
	SH_CHECK(group, MAGIC);
	sh_waiters_check(__func__);
	if (group->count == 0)
		return 0;
	return sh_waiters_wait(
	    &group->waiters, NULL, "shoal_co_wait_group_wait", timeout_ms);
}
