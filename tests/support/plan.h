/*
 * This file makes plans for a pool whose workers are fakes: they have
 * addresses and limits, and no settings.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proc/plan.h"

/* A plan with so many addresses, not filled in; free(3). */
static inline struct sh_plan *
new_plan(uint32_t address_count)
{
	size_t size = sizeof(struct sh_plan) +
	    address_count * sizeof(struct sh_plan_address);
	struct sh_plan *plan = calloc(1, size);

	plan->magic = SH_PLAN_MAGIC;
	plan->size = (uint32_t)size;
	plan->worker_count = 2;
	plan->max_old = 2;
	plan->address_count = address_count;
	plan->addresses_off = sizeof(struct sh_plan);
	plan->settings_off = (uint32_t)size;
	plan->start_timeout_ms = 10000;
	plan->drain_timeout_ms = 10000;
	plan->stop_timeout_ms = 5000;
	plan->orphan_grace_ms = 1000;
	plan->backoff_first_ms = 50;
	plan->backoff_max_ms = 200;
	plan->control_gid = (gid_t)-1;
	plan->control_mode = 0600;
	plan->log_level = 3;
	return plan;
}

static inline struct sh_plan_address *
plan_address(struct sh_plan *plan, uint32_t i)
{
	return (struct sh_plan_address *)(void *)((char *)plan +
		   plan->addresses_off) +
	    i;
}

/* Whether the text is an address. */
static inline int
set_plan_address(struct sh_plan *plan, uint32_t i, const char *text)
{
	struct sh_plan_address *address = plan_address(plan, i);
	const char *why = NULL;

	address->backlog = 64;
	snprintf(address->listener, sizeof(address->listener), "l%u", i);
	snprintf(address->text, sizeof(address->text), "%s", text);
	return sh_addr_parse(&address->addr, text, &why) == 0;
}

/* The plan as a sealed memfd; frees the plan. */
static inline int
seal_plan(struct sh_plan *plan)
{
	int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (write(fd, plan, plan->size) != (ssize_t)plan->size)
		abort();
	fcntl(fd, F_ADD_SEALS,
	    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	free(plan);
	return fd;
}
