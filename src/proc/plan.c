/* This file finds out whether a block of memory is a plan; it makes none. */
#include "config.h"

#include "proc/plan.h"

#include "proc/bus.h"

#include <string.h>

static bool
is_text(const char *text, size_t cap)
{
	return memchr(text, '\0', cap) != NULL;
}

/* Whether an array lies between the plan's head and the end of the block. */
static bool
is_within(uint32_t off, uint64_t count, size_t size, const struct sh_plan *plan)
{
	return off >= sizeof(*plan) && off % _Alignof(struct sh_plan) == 0 &&
	    off <= plan->size && count * size <= plan->size - off;
}

static bool
is_address(const struct sh_plan_address *address)
{
	return is_text(address->text, sizeof(address->text)) &&
	    is_text(address->listener, sizeof(address->listener)) &&
	    is_text(address->origin, sizeof(address->origin)) &&
	    address->addr.len <= sizeof(address->addr.storage);
}

static bool
is_ring_size(uint64_t size)
{
	return size == 0 ||
	    (size >= SH_BUS_RING_MIN && size <= SH_BUS_RING_MAX &&
		(size & (size - 1)) == 0);
}

bool
sh_plan_is_valid(const struct sh_plan *plan, size_t size)
{
	uint32_t i;

	if (size < sizeof(*plan) || plan->magic != SH_PLAN_MAGIC ||
	    plan->size != size)
		return false;
	if (plan->worker_count == 0 ||
	    plan->worker_count > SH_PLAN_WORKERS_MAX ||
	    plan->max_old > SH_PLAN_WORKERS_MAX ||
	    plan->identity.group_count > SH_PLAN_GROUPS_MAX ||
	    !is_ring_size(plan->ring_size))
		return false;
	if (!is_within(plan->addresses_off, plan->address_count,
		sizeof(struct sh_plan_address), plan) ||
	    !is_within(plan->settings_off, 1, 0, plan))
		return false;
	if (!is_text(plan->identity.chroot, sizeof(plan->identity.chroot)) ||
	    !is_text(plan->control_path, sizeof(plan->control_path)) ||
	    !is_text(plan->pid_file, sizeof(plan->pid_file)) ||
	    !is_text(plan->log_target, sizeof(plan->log_target)) ||
	    !is_text(plan->config_path, sizeof(plan->config_path)) ||
	    !is_text(plan->broker, sizeof(plan->broker)) ||
	    !is_text(plan->broker_password, sizeof(plan->broker_password)))
		return false;
	for (i = 0; i < plan->address_count; i++)
		if (!is_address(sh_plan_address(plan, i)))
			return false;
	return true;
}
