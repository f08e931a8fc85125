/* This file tests master/master_generation.c and proc/plan.c. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"
#include "master/master_generation.h"
#include "proc/register.h"
#include "support/descriptors.h"
#include "support/plan.h"
#include "support/suite.h"

static char why[512];

static int
make_generation(int plan_fd, uint32_t module_count, struct sh_generation **out)
{
	int *modules = sh_xcalloc(module_count + 1, sizeof(int));
	uint32_t i;

	for (i = 0; i < module_count; i++)
		modules[i] = sh_register_add(open("/dev/null", O_RDONLY));
	return sh_generation_new(sh_register_add(plan_fd), modules,
	    module_count, out, why, sizeof(why));
}

START_TEST(generation_owns_and_frees_what_it_is_given)
{
	size_t before = count_descriptors();
	struct sh_plan *plan = new_plan(1);
	struct sh_generation *generation = NULL;

	set_plan_address(plan, 0, "127.0.0.1:0");
	plan->module_count = 2;
	ck_assert_msg(
	    make_generation(seal_plan(plan), 2, &generation) == 0, "%s", why);
	ck_assert_str_eq(
	    sh_plan_address(generation->plan, 0)->text, "127.0.0.1:0");
	/* the plan is mapped, its descriptor is not needed any more */
	ck_assert_uint_eq(count_descriptors(), before + 2);
	sh_generation_free(&generation);
	ck_assert_ptr_null(generation);
	ck_assert_uint_eq(count_descriptors(), before);
	sh_generation_free(&generation);
}
END_TEST

static void
wrong_magic(struct sh_plan *plan)
{
	plan->magic++;
}

static void
settings_in_the_head(struct sh_plan *plan)
{
	plan->settings_off = 8;
}

static void
no_workers(struct sh_plan *plan)
{
	plan->worker_count = 0;
}

static void
too_many_workers(struct sh_plan *plan)
{
	plan->worker_count = UINT32_MAX;
}

static void
too_many_old(struct sh_plan *plan)
{
	plan->max_old = UINT32_MAX;
}

static void
too_many_groups(struct sh_plan *plan)
{
	plan->identity.group_count = SH_PLAN_GROUPS_MAX + 1;
}

static void
too_many_addresses(struct sh_plan *plan)
{
	plan->address_count = 2;
}

static void
endless_addresses(struct sh_plan *plan)
{
	plan->address_count = UINT32_MAX;
}

static void
addresses_in_the_head(struct sh_plan *plan)
{
	plan->addresses_off = 0;
}

static void
addresses_beyond(struct sh_plan *plan)
{
	plan->addresses_off = UINT32_MAX & ~7u;
}

static void
crooked_addresses(struct sh_plan *plan)
{
	plan->addresses_off += 4;
	plan->address_count = 0;
}

static void
settings_beyond(struct sh_plan *plan)
{
	plan->settings_off = plan->size + 8;
}

static void
endless_path(struct sh_plan *plan)
{
	memset(plan->control_path, 'x', sizeof(plan->control_path));
}

static void
endless_text(struct sh_plan *plan)
{
	memset(plan_address(plan, 0)->text, 'x', SH_ADDR_TEXT_MAX);
}

static void
endless_socket_address(struct sh_plan *plan)
{
	plan_address(plan, 0)->addr.len = 4096;
}

static void
other_modules(struct sh_plan *plan)
{
	plan->module_count = 1;
}

START_TEST(damaged_plans_are_refused_without_a_leak)
{
	static void (*const damages[])(struct sh_plan * plan) = { wrong_magic,
		settings_in_the_head, no_workers, too_many_workers,
		too_many_old, too_many_groups, too_many_addresses,
		endless_addresses, addresses_in_the_head, addresses_beyond,
		crooked_addresses, settings_beyond, endless_path, endless_text,
		endless_socket_address, other_modules };
	size_t i, before = count_descriptors();

	for (i = 0; i < SH_ARRAY_LEN(damages); i++) {
		struct sh_plan *plan = new_plan(1);
		struct sh_generation *generation = NULL;

		set_plan_address(plan, 0, "127.0.0.1:0");
		damages[i](plan);
		ck_assert_msg(
		    make_generation(seal_plan(plan), 0, &generation) == -EPROTO,
		    "damage %zu", i);
		ck_assert_ptr_nonnull(strstr(why, "bad plan"));
		ck_assert_ptr_null(generation);
		ck_assert_uint_eq(count_descriptors(), before);
	}
}
END_TEST

START_TEST(plans_that_can_change_are_refused)
{
	struct sh_generation *generation = NULL;
	struct sh_plan *plan = new_plan(0);
	int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(write(fd, plan, plan->size), plan->size);
	free(plan);
	ck_assert_int_eq(make_generation(fd, 0, &generation), -EPROTO);
	fd = open("/etc/passwd", O_RDONLY);
	ck_assert_int_eq(make_generation(fd, 0, &generation), -EPROTO);
}
END_TEST

START_TEST(short_plans_are_refused)
{
	struct sh_generation *generation = NULL;
	struct sh_plan *plan = new_plan(0);

	plan->size = sizeof(*plan) - 8;
	ck_assert_int_eq(
	    make_generation(seal_plan(plan), 0, &generation), -EPROTO);
	plan = new_plan(0);
	plan->size = 0;
	ck_assert_int_eq(
	    make_generation(seal_plan(plan), 0, &generation), -EPROTO);
}
END_TEST

START_TEST(sockets_are_bound_all_or_none)
{
	struct sh_bound_list list = { .slot_count = 2 };
	struct sh_generation *generation = NULL;
	struct sh_plan *plan = new_plan(3);
	size_t before = count_descriptors();

	set_plan_address(plan, 0, "127.0.0.1:0");
	set_plan_address(plan, 1, "[::1]:0");
	set_plan_address(plan, 2, "unix:/nonexistent-shoal/s");
	ck_assert_int_eq(make_generation(seal_plan(plan), 0, &generation), 0);
	ck_assert_int_lt(
	    sh_generation_bind(generation, &list, why, sizeof(why)), 0);
	ck_assert_ptr_null(list.first);
	ck_assert_uint_eq(count_descriptors(), before);
	sh_generation_free(&generation);
}
END_TEST

START_TEST(one_address_of_two_listeners_is_refused)
{
	struct sh_bound_list list = { .slot_count = 2 };
	struct sh_generation *generation = NULL;
	struct sh_plan *plan = new_plan(2);

	set_plan_address(plan, 0, "127.0.0.1:0");
	set_plan_address(plan, 1, "127.0.0.1:0");
	ck_assert_int_eq(make_generation(seal_plan(plan), 0, &generation), 0);
	ck_assert_int_eq(
	    sh_generation_bind(generation, &list, why, sizeof(why)),
	    -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(why, "'l1'"));
	ck_assert_ptr_nonnull(strstr(why, "'l0'"));
	ck_assert_ptr_null(list.first);
	sh_generation_free(&generation);
}
END_TEST

SH_SUITE("master/generation", generation_owns_and_frees_what_it_is_given,
    damaged_plans_are_refused_without_a_leak, plans_that_can_change_are_refused,
    short_plans_are_refused, sockets_are_bound_all_or_none,
    one_address_of_two_listeners_is_refused)
