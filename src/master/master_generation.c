/* This file keeps a generation; it starts no worker. */
#include "config.h"

#include "master/master_generation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proc/register.h"

static int
map_plan(int plan_fd, const struct sh_plan **plan_out)
{
	const struct sh_plan *plan;
	struct stat st;
	void *map;

	if (fstat(plan_fd, &st) < 0)
		return -errno;
	if ((size_t)st.st_size < sizeof(*plan))
		return -EPROTO;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, plan_fd,
	    0);
	if (map == MAP_FAILED)
		return -errno;
	plan = map;
	if (plan->magic != SH_PLAN_MAGIC || plan->size != st.st_size) {
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
	uint32_t i;
	int r;

	generation->module_fds = module_fds;
	generation->module_count = module_count;
	for (i = 0; i < module_count; i++)
		sh_register_add(module_fds[i]);
	r = map_plan(plan_fd, &generation->plan);
	close(plan_fd);
	if (r == 0 && generation->plan->module_count != module_count) {
		r = -EPROTO;
	}
	if (r < 0) {
		snprintf(why, cap, "the check process sent a bad plan: %s",
		    strerror(-r));
		sh_generation_free(&generation);
		return r;
	}
	generation->bounds = sh_xcalloc(generation->plan->address_count + 1,
	    sizeof(*generation->bounds));
	*out = generation;
	return 0;
}

int
sh_generation_bind(struct sh_generation *generation,
    struct sh_bound_list *list, char *why, size_t cap)
{
	uint32_t i;
	int r = 0;

	for (i = 0; i < generation->plan->address_count && r == 0; i++)
		if (generation->bounds[i] == NULL)
			r = sh_bound_acquire(list,
			    sh_plan_address(generation->plan, i),
			    &generation->bounds[i], why, cap);
	if (r < 0)
		sh_generation_unbind(generation, list);
	return r;
}

void
sh_generation_unbind(struct sh_generation *generation,
    struct sh_bound_list *list)
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
