/* This file tests co/co_stack.c and co/co.c when there are very many stacks,
 * or none is left. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <shoal/co.h>
#include <shoal/error.h>

#include "co/co.h"
#include "co/co_stack.h"
#include "co/co_valgrind.h"
#include "io/loop.h"
#include "support/suite.h"

enum {
	MAP_COUNT_MAX = 100000, /* with more, the test would take too long */
	MAP_RESERVE = 8192,
	SLEEPERS = 100000,
	BYTES_PER_SLEEPER = 4608,
	TRIM_ROUNDS = 4
};

/* Whether memory and limits are those of a real process. */
static bool
is_real(void)
{
#ifdef SH_SANITIZE
	return false;
#else
	return !sh_valgrind_is_running();
#endif
}

/* A number in a file of /proc, behind a word; the first one without. */
static long
read_number(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	char line[256];
	long value = -1, one;

	if (file == NULL)
		return -1;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (word == NULL)
			value = sscanf(line, "%ld", &one) == 1 ? one : -1;
		else if (strncmp(line, word, strlen(word)) == 0 &&
		    sscanf(line + strlen(word), ": %ld", &one) == 1)
			value = (value < 0 ? 0 : value) + one;
	}
	fclose(file);
	return value;
}

/* Take stacks until none is left, or there are so many. */
static long
take_stacks(struct sh_stack_pool *pool, long max, void **last)
{
	long count = 0;

	while (count < max && sh_stack_take(pool, last) == 0) {
		/* it can be written to */
		*(char *)*last = 1;
		count++;
	}
	return count;
}

START_TEST(guards_by_mprotect_have_a_limit)
{
	long maps = read_number("/proc/sys/vm/max_map_count", NULL), limit;
	struct sh_stack_pool *pool;
	void *stack = NULL, *again;

	if (maps < MAP_RESERVE || maps > MAP_COUNT_MAX || !is_real())
		return;
	limit = (maps - MAP_RESERVE) / 2;
	pool = sh_stack_pool_new(4096, SH_STACK_GUARD_MPROTECT, false);
	ck_assert_int_eq(take_stacks(pool, limit + 1, &stack), limit);
	ck_assert_int_eq(sh_stack_take(pool, &again), -SHOAL_ENOMEM);
	ck_assert_int_eq(sh_stack_take(pool, &again), -SHOAL_ENOMEM);
	sh_stack_give(pool, stack);
	ck_assert_int_eq(sh_stack_take(pool, &again), 0);
	ck_assert_ptr_eq(again, stack);
	ck_assert_int_eq(sh_stack_take(pool, &again), -SHOAL_ENOMEM);
	/* there are mappings left for everything else */
	ck_assert_int_eq(sh_stack_pool_guard(pool), SH_STACK_GUARD_MPROTECT);
	sh_stack_pool_free(&pool);
}
END_TEST

START_TEST(unguarded_stacks_have_none)
{
	long maps = read_number("/proc/sys/vm/max_map_count", NULL), limit;
	struct sh_stack_pool *pool;
	void *stack;

	if (maps < MAP_RESERVE || maps > MAP_COUNT_MAX || !is_real())
		return;
	limit = (maps - MAP_RESERVE) / 2;
	pool = sh_stack_pool_new(4096, SH_STACK_GUARD_MPROTECT, true);
	ck_assert_int_eq(take_stacks(pool, limit + 1000, &stack), limit + 1000);
	sh_stack_pool_free(&pool);
}
END_TEST

static void
sleep_for_ever(void *arg)
{
	char text[200];

	/* what a handler does before it waits touches more than one page */
	snprintf(text, sizeof(text), "%s %f %p", "a text", 1.5, arg);
	*(size_t *)arg += strlen(text) > 10;
	(void)shoal_co_sleep(3600 * 1000);
}

static long
private_bytes(void)
{
	return (read_number("/proc/self/smaps_rollup", "Private_Dirty") +
		   read_number("/proc/self/smaps_rollup", "Private_Clean")) *
	    1024;
}

START_TEST(a_sleeper_takes_a_page)
{
	const struct sh_loop_options options = { .incarnation = 1 };
	struct sh_loop *loop;
	size_t begun = 0;
	long before, after, i;

	if (!is_real())
		return;
	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	ck_assert_int_gt(shoal_co_start(sleep_for_ever, &begun, "first"), 0);
	if (sh_co_pool_guard(sh_loop_coroutines(loop)) !=
	    SH_STACK_GUARD_MADVISE)
		goto out; /* there cannot be so many */
	before = private_bytes();
	for (i = 1; i < SLEEPERS; i++)
		ck_assert_int_gt(
		    shoal_co_start(sleep_for_ever, &begun, "sleeper"), 0);
	ck_assert_uint_eq(begun, SLEEPERS);
	for (i = 0; i < TRIM_ROUNDS; i++)
		sh_co_trim(sh_loop_coroutines(loop), SLEEPERS + 1);
	after = private_bytes();
	printf("%ld bytes a coroutine\n", (after - before) / SLEEPERS);
	ck_assert_int_le((after - before) / SLEEPERS, BYTES_PER_SLEEPER);
	ck_assert_uint_eq(shoal_co_count(), SLEEPERS);
out:
	sh_loop_free(&loop);
}
END_TEST

static void
go_away(void *arg)
{
	(void)shoal_co_sleep(3600 * 1000);
	--*(size_t *)arg;
}

/* They come out of their waits with frames that were kept. */
START_TEST(trimmed_ones_go_on)
{
	enum { COUNT = 2000 };
	const struct sh_loop_options options = { .incarnation = 1 };
	static int64_t ids[COUNT];
	struct sh_loop *loop;
	size_t left = COUNT, i;

	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	for (i = 0; i < COUNT; i++)
		ids[i] = shoal_co_start(go_away, &left, "sleeper");
	for (i = 0; i < TRIM_ROUNDS; i++)
		sh_co_trim(sh_loop_coroutines(loop), COUNT + 1);
	for (i = 0; i < COUNT; i++)
		ck_assert_int_eq(shoal_co_cancel(ids[i]), 0);
	while (left != 0)
		ck_assert_int_eq(sh_loop_turn(loop), 0);
	ck_assert_uint_eq(shoal_co_count(), 0);
	sh_loop_free(&loop);
}
END_TEST

SH_SUITE("co/co_scarce", guards_by_mprotect_have_a_limit,
    unguarded_stacks_have_none, a_sleeper_takes_a_page, trimmed_ones_go_on)
