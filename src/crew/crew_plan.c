/* This file makes a plan of options and addresses; it binds nothing. */
#include "config.h"

#include "crew/crew_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/panic.h"
#include "crew/crew.h"
#include "master/master_generation.h"
#include "proc/plan.h"
#include "proc/register.h"

static void
fill_address(
    struct sh_plan_address *address, const struct sh_crew_address *from)
{
	const char *why;

	snprintf(address->text, sizeof(address->text), "%s", from->text);
	snprintf(address->listener, sizeof(address->listener), "%.*s",
	    SH_PLAN_NAME_MAX - 1, from->text);
	address->backlog = from->backlog;
	address->program = 1;
	/* shoal_pool_listen() has tried it */
	if (sh_addr_parse(&address->addr, from->text, &why) < 0)
		sh_assert(!"an address");
}

static struct sh_plan *
make_plan(const struct shoal_pool *pool)
{
	const struct shoal_pool_options *options = &pool->options;
	size_t size = sizeof(struct sh_plan) +
	    pool->address_count * sizeof(struct sh_plan_address);
	struct sh_plan *plan = sh_xcalloc(1, size);
	size_t i;

	plan->magic = SH_PLAN_MAGIC;
	plan->size = (uint32_t)size;
	plan->worker_count = (uint32_t)options->workers;
	plan->address_count = (uint32_t)pool->address_count;
	plan->addresses_off = sizeof(struct sh_plan);
	plan->settings_off = (uint32_t)size;
	plan->start_timeout_ms = options->start_timeout_ms;
	plan->drain_timeout_ms = options->restart_timeout_ms;
	plan->stop_timeout_ms = options->stop_timeout_ms;
	plan->orphan_grace_ms = options->stop_timeout_ms;
	plan->backoff_first_ms = options->backoff_first_ms;
	plan->backoff_max_ms = options->backoff_max_ms;
	plan->control_gid = (gid_t)-1;
	for (i = 0; i < pool->address_count; i++)
		fill_address((struct sh_plan_address *)(void *)(plan + 1) + i,
		    &pool->addresses[i]);
	return plan;
}

/* A generation wants what the check process makes. */
static int
seal(const struct sh_plan *plan)
{
	int r, fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (write(fd, plan, plan->size) == (ssize_t)plan->size &&
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
		return fd;
	r = errno != 0 ? -errno : -EIO;
	close(fd);
	return r;
}

int
sh_crew_generation(const struct shoal_pool *pool, struct sh_generation **out,
    char *why, size_t cap)
{
	struct sh_plan *plan = make_plan(pool);
	int fd = seal(plan);

	free(plan);
	if (fd < 0) {
		snprintf(why, cap, "memfd_create: %s", strerror(-fd));
		return fd;
	}
	return sh_generation_new(sh_register_add(fd), NULL, 0, out, why, cap);
}
