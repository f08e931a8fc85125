/* This file keeps a generation; it starts no worker. */
#include "config.h"

#include "master/master_generation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proc/register.h"

/* Seals that keep the sender from changing what has been checked, and from
 * cutting off what is mapped. */
enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

/* The sender runs code of modules: it is believed that it means well, not that
 * it has not been damaged. */
static int
map_plan(int plan_fd, uint32_t module_count, const struct sh_plan **plan_out)
{
	const struct sh_plan *plan;
	struct stat st;
	void *map;
	int seals = fcntl(plan_fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EPROTO;
	if (fstat(plan_fd, &st) < 0)
		return -errno;
	if ((size_t)st.st_size < sizeof(*plan))
		return -EPROTO;
	map =
	    mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, plan_fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	plan = map;
	if (!sh_plan_is_valid(plan, (size_t)st.st_size) ||
	    plan->module_count != module_count) {
		munmap(map, (size_t)st.st_size);
		return -EPROTO;
	}
	*plan_out = plan;
	return 0;
}

int
sh_generation_new(int plan_fd, int *module_fds, uint32_t module_count,
    struct sh_generation **out, char *why, size_t cap)
{
	struct sh_generation *generation = sh_xcalloc(1, sizeof(*generation));
	int r = map_plan(plan_fd, module_count, &generation->plan);

	sh_register_close(&plan_fd);
	generation->module_fds = module_fds;
	generation->module_count = module_count;
	if (r < 0) {
		snprintf(why, cap, "the check process sent a bad plan: %s",
		    strerror(-r));
		sh_generation_free(&generation);
		return r;
	}
	generation->bounds = sh_xcalloc(
	    generation->plan->address_count + 1, sizeof(*generation->bounds));
	*out = generation;
	return 0;
}

/* A worker cannot watch one socket for two listeners. */
static int
refuse_twice(
    const struct sh_generation *generation, uint32_t i, char *why, size_t cap)
{
	const struct sh_plan_address *address =
					 sh_plan_address(generation->plan, i),
				     *other;
	uint32_t j;

	for (j = 0; j < i; j++) {
		if (generation->bounds[j] != generation->bounds[i])
			continue;
		other = sh_plan_address(generation->plan, j);
		snprintf(why, cap,
		    "%s%slistener '%s': %s is the address of "
		    "listener '%s' (%s) already; one of them must go",
		    address->origin, address->origin[0] != '\0' ? ": " : "",
		    address->listener, address->text, other->listener,
		    other->text);
		return -EADDRINUSE;
	}
	return 0;
}

int
sh_generation_bind(struct sh_generation *generation, struct sh_bound_list *list,
    char *why, size_t cap)
{
	uint32_t i;
	int r = 0;

	for (i = 0; i < generation->plan->address_count && r == 0; i++) {
		if (generation->bounds[i] != NULL)
			continue;
		r = sh_bound_acquire(list, sh_plan_address(generation->plan, i),
		    &generation->bounds[i], why, cap);
		if (r == 0)
			r = refuse_twice(generation, i, why, cap);
	}
	if (r < 0)
		sh_generation_unbind(generation, list);
	return r;
}

void
sh_generation_unbind(
    struct sh_generation *generation, struct sh_bound_list *list)
{
	uint32_t i;

	for (i = 0; i < generation->plan->address_count; i++)
		sh_bound_release(list, &generation->bounds[i]);
}

void
sh_generation_free(struct sh_generation **generation)
{
	uint32_t i;

	if (*generation == NULL)
		return;
	for (i = 0; i < (*generation)->module_count; i++)
		sh_register_close(&(*generation)->module_fds[i]);
	free((*generation)->module_fds);
	free((*generation)->bounds);
	if ((*generation)->plan != NULL)
		munmap((void *)(uintptr_t)(*generation)->plan,
		    (*generation)->plan->size);
	free(*generation);
	*generation = NULL;
}
