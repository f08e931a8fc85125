/* This file tests <shoal/semaphore.h>. */
#include "config.h"

#include <errno.h>
#include <limits.h>

#include <shoal/semaphore.h>

#include "support/suite.h"
#include "unit/sync/notes.h"

static struct shoal_semaphore *semaphore;
static int inside, most_inside;

static void
run(shoal_co_fn *fn, unsigned value)
{
	notes[0] = '\0';
	semaphore = shoal_semaphore_new(value);
	ck_assert_ptr_nonnull(semaphore);
	ck_assert_int_eq(shoal_run(fn, NULL), 0);
	shoal_semaphore_free(&semaphore);
	ck_assert_ptr_null(semaphore);
}

static void
pass(void *arg)
{
	note("wait%d=%s", number_of(arg),
	    named(shoal_co_semaphore_wait(semaphore, SHOAL_FOREVER)));
}

START_TEST(works_without_coroutines)
{
	semaphore = shoal_semaphore_new(1);
	ck_assert_uint_eq(shoal_semaphore_value(semaphore), 1);
	ck_assert_int_eq(shoal_semaphore_try_wait(semaphore), 0);
	ck_assert_int_eq(shoal_semaphore_try_wait(semaphore), -SHOAL_EAGAIN);
	ck_assert_int_eq(shoal_semaphore_post(semaphore), 0);
	ck_assert_uint_eq(shoal_semaphore_value(semaphore), 1);
	shoal_semaphore_free(&semaphore);
	shoal_semaphore_free(&semaphore);
	shoal_semaphore_free(NULL);
}
END_TEST

START_TEST(value_does_not_overflow)
{
	semaphore = shoal_semaphore_new(UINT_MAX);
	ck_assert_int_eq(shoal_semaphore_post(semaphore), -EOVERFLOW);
	ck_assert_uint_eq(shoal_semaphore_value(semaphore), UINT_MAX);
	shoal_semaphore_free(&semaphore);
}
END_TEST

static void
time_out(void *arg)
{
	note("%s", named(shoal_co_semaphore_wait(semaphore, 0)));
	note("%s", named(shoal_co_semaphore_wait(semaphore, 0)));
	note("%s", named(shoal_co_semaphore_wait(semaphore, 1)));
	shoal_semaphore_post(semaphore);
	note("%u", shoal_semaphore_value(semaphore));
}

START_TEST(timeout_takes_nothing)
{
	run(time_out, 1);
	ck_assert_str_eq(notes, "ok timeout timeout 1");
}
END_TEST

static void
line_up(void *arg)
{
	int i;

	for (i = 1; i <= 4; i++)
		start(pass, i);
	note("posts");
	shoal_semaphore_post(semaphore);
	/* let through already, so nothing is left for others */
	note("%s", named(shoal_semaphore_try_wait(semaphore)));
	note("%u", shoal_semaphore_value(semaphore));
	shoal_semaphore_post(semaphore);
	shoal_semaphore_post(semaphore);
	settle();
	note("%u", shoal_semaphore_value(semaphore));
}

START_TEST(served_in_the_order_of_coming)
{
	run(line_up, 1);
	ck_assert_str_eq(
	    notes, "wait1=ok posts again 0 wait2=ok wait3=ok wait4=ok 0");
}
END_TEST

static void
cancel_some(void *arg)
{
	int64_t first = start(pass, 1), second = start(pass, 2);

	shoal_co_cancel(first);
	shoal_semaphore_post(semaphore);
	shoal_co_cancel(second);
	settle();
	note("%u", shoal_semaphore_value(semaphore));
}

START_TEST(first_of_cancel_and_post_wins)
{
	run(cancel_some, 0);
	ck_assert_str_eq(notes, "wait1=canceled wait2=ok 0");
}
END_TEST

static void
free_while_waiting(void *arg)
{
	start(pass, 1);
	start(pass, 2);
	shoal_semaphore_free(&semaphore);
	settle();
}

START_TEST(free_wakes_who_waits)
{
	run(free_while_waiting, 0);
	ck_assert_str_eq(notes, "wait1=closed wait2=closed");
}
END_TEST

static void
work(void *arg)
{
	if (shoal_co_semaphore_wait(semaphore, SHOAL_FOREVER) != 0)
		return;
	inside++;
	most_inside = inside > most_inside ? inside : most_inside;
	shoal_co_sleep(number_of(arg) % 3);
	inside--;
	shoal_semaphore_post(semaphore);
}

static void
work_in_numbers(void *arg)
{
	int i;

	for (i = 0; i < 200; i++)
		start(work, i);
}

START_TEST(at_most_so_many_at_a_time)
{
	run(work_in_numbers, 7);
	ck_assert_int_eq(most_inside, 7);
	ck_assert_int_eq(inside, 0);
}
END_TEST

SH_SUITE("sync/semaphore", works_without_coroutines, value_does_not_overflow,
    timeout_takes_nothing, served_in_the_order_of_coming,
    first_of_cancel_and_post_wins, free_wakes_who_waits,
    at_most_so_many_at_a_time)
