/* This file tests <shoal/wait_group.h>. */
#include "config.h"

#include <limits.h>

#include <shoal/wait_group.h>

#include "support/suite.h"
#include "unit/sync/notes.h"

static struct shoal_wait_group *group;

static void
run(shoal_co_fn *fn)
{
	notes[0] = '\0';
	group = shoal_wait_group_new();
	ck_assert_ptr_nonnull(group);
	ck_assert_int_eq(shoal_run(fn, NULL), 0);
	shoal_wait_group_free(&group);
	ck_assert_ptr_null(group);
}

static void
wait_for_all(void *arg)
{
	note("wait%d=%s", number_of(arg),
	    named(shoal_co_wait_group_wait(group, SHOAL_FOREVER)));
}

static void
do_something(void *arg)
{
	shoal_co_sleep(number_of(arg));
	note("done");
	shoal_wait_group_done(group);
}

START_TEST(works_without_coroutines)
{
	group = shoal_wait_group_new();
	ck_assert_int_eq(shoal_wait_group_done(group), -SHOAL_ESTATE);
	ck_assert_int_eq(shoal_wait_group_add(group, -1), -SHOAL_EINVAL);
	ck_assert_int_eq(shoal_wait_group_add(group, 0), 0);
	ck_assert_int_eq(shoal_wait_group_add(group, 2), 0);
	ck_assert_int_eq(shoal_wait_group_add(group, INT_MAX), -SHOAL_EINVAL);
	ck_assert_int_eq(shoal_wait_group_add(group, INT_MAX - 2), 0);
	ck_assert_int_eq(shoal_wait_group_count(group), INT_MAX);
	ck_assert_int_eq(shoal_wait_group_done(group), 0);
	ck_assert_int_eq(shoal_wait_group_count(group), INT_MAX - 1);
	shoal_wait_group_free(&group);
	shoal_wait_group_free(&group);
	shoal_wait_group_free(NULL);
}
END_TEST

static void
wait_for_three(void *arg)
{
	int i;

	note("%s", named(shoal_co_wait_group_wait(group, 0)));
	shoal_wait_group_add(group, 3);
	for (i = 0; i < 3; i++)
		start(do_something, i);
	start(wait_for_all, 1);
	wait_for_all((void *)2);
	note("%d", shoal_wait_group_count(group));
}

START_TEST(wakes_all_when_all_is_done)
{
	run(wait_for_three);
	ck_assert_str_eq(notes, "ok done done done wait1=ok wait2=ok 0");
}
END_TEST

static void
time_out(void *arg)
{
	shoal_wait_group_add(group, 1);
	note("%s", named(shoal_co_wait_group_wait(group, 0)));
	note("%s", named(shoal_co_wait_group_wait(group, 1)));
	note("%d", shoal_wait_group_count(group));
}

START_TEST(timeout_leaves_it_as_it_is)
{
	run(time_out);
	ck_assert_str_eq(notes, "timeout timeout 1");
}
END_TEST

/* What was reached was reached, though more is begun or it is cancelled. */
static void
begin_again(void *arg)
{
	int64_t first, second;

	shoal_wait_group_add(group, 1);
	first = start(wait_for_all, 1);
	second = start(wait_for_all, 2);
	shoal_co_cancel(first);
	shoal_wait_group_done(group);
	shoal_wait_group_add(group, 1);
	shoal_co_cancel(second);
	settle();
}

START_TEST(first_of_cancel_and_done_wins)
{
	run(begin_again);
	ck_assert_str_eq(notes, "wait1=canceled wait2=ok");
}
END_TEST

static void
free_while_waiting(void *arg)
{
	shoal_wait_group_add(group, 1);
	start(wait_for_all, 1);
	start(wait_for_all, 2);
	shoal_wait_group_free(&group);
	settle();
}

START_TEST(free_wakes_who_waits)
{
	run(free_while_waiting);
	ck_assert_str_eq(notes, "wait1=closed wait2=closed");
}
END_TEST

SH_SUITE("sync/wait_group", works_without_coroutines,
    wakes_all_when_all_is_done, timeout_leaves_it_as_it_is,
    first_of_cancel_and_done_wins, free_wakes_who_waits)
