/*
 * This file keeps a generation: one configuration as the check process made
 * it, with its modules and sockets. Workers of a generation, first or
 * replacement, are started from exactly this. It starts none.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "master/master_listen.h"
#include "proc/plan.h"

struct sh_generation {
	struct sh_generation *next;
	uint64_t id;
	const struct sh_plan *plan; /* mapped read-only */
	uint32_t module_count;
	int *module_fds;
	struct sh_bound **bounds; /* by address; NULL until bound */
};

/** Make a generation of a plan, a sealed memfd; takes plan_fd and, with the
 *  array, module_fds, all registered. 0, or -errno with the reason in why. */
int sh_generation_new(int plan_fd, int *module_fds, uint32_t module_count,
    struct sh_generation **out, char *why, size_t cap);
/** Get the sockets of all its addresses; all or none. 0 or -errno with why. */
int sh_generation_bind(struct sh_generation *generation,
    struct sh_bound_list *list, char *why, size_t cap);
/** Give its sockets back, so that addresses that no other generation has are
 *  closed. */
void sh_generation_unbind(
    struct sh_generation *generation, struct sh_bound_list *list);
/** Free it; NULL is fine; it must be unbound. */
void sh_generation_free(struct sh_generation **generation);
