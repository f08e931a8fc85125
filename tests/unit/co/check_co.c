/* This file tests co/co.c, co/co_pool.c and co/co_switch.c. */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "co/co.h"
#include "support/suite.h"

static struct sh_co_pool *pool;
static const struct sh_co_pool_options plain;

/* What a call saw; asserted on the test's own stack. */
struct seen {
	int calls;
	uintptr_t stack;
	char name[32];
	int depth;
};

static void
note(void *arg)
{
	struct seen *seen = arg;
	int here;

	seen->calls++;
	seen->stack = (uintptr_t)&here;
	strcpy(seen->name, sh_co_running_name());
}

static void
note_deeper(void *arg)
{
	struct seen *seen = arg;

	if (--seen->depth > 0)
		sh_co_call(pool, note_deeper, seen, "deeper");
	note(seen);
}

START_TEST(call_runs_on_another_stack)
{
	struct seen seen = { 0 };
	uintptr_t here = (uintptr_t)&seen;

	pool = sh_co_pool_new(&plain);
	ck_assert_ptr_null(sh_co_running_name());
	ck_assert_ptr_null(sh_co_call(pool, note, &seen, "one"));
	ck_assert_int_eq(seen.calls, 1);
	ck_assert_str_eq(seen.name, "one");
	ck_assert(seen.stack > here + 65536 || seen.stack + 65536 < here);
	ck_assert_ptr_null(sh_co_running_name());
	sh_co_pool_free(&pool);
	ck_assert_ptr_null(pool);
}
END_TEST

START_TEST(calls_reuse_one_stack)
{
	struct seen seen = { 0 };
	uintptr_t first = 0;
	int i, moved = 0;

	pool = sh_co_pool_new(&plain);
	for (i = 0; i < 100000; i++) {
		sh_co_call(pool, note, &seen, "again");
		if (i == 0)
			first = seen.stack;
		moved += seen.stack != first;
	}
	ck_assert_int_eq(seen.calls, 100000);
	ck_assert_int_eq(moved, 0);
	sh_co_pool_free(&pool);
}
END_TEST

START_TEST(nested_calls_return_in_order)
{
	/* more of them than stay warm, twice, so that cold stacks are reused */
	struct seen seen = { .depth = SH_CO_WARM_MAX + 100 };

	pool = sh_co_pool_new(&plain);
	sh_co_call(pool, note_deeper, &seen, "outer");
	ck_assert_int_eq(seen.calls, SH_CO_WARM_MAX + 100);
	/* the outermost call has the last word, under its own name */
	ck_assert_str_eq(seen.name, "outer");
	seen.depth = SH_CO_WARM_MAX + 100;
	sh_co_call(pool, note_deeper, &seen, "outer");
	ck_assert_int_eq(seen.calls, 2 * (SH_CO_WARM_MAX + 100));
	sh_co_pool_free(&pool);
}
END_TEST

static void
fill_stack(void *arg)
{
	/* three quarters of the default: it is really there */
	volatile char room[48 * 1024];
	size_t i;

	for (i = 0; i < sizeof(room); i += 1024)
		room[i] = (char)i;
	*(int *)arg = room[1024 * 47] == (char)(1024 * 47);
}

START_TEST(stack_holds_what_it_promises)
{
	int ok = 0;

	pool = sh_co_pool_new(&plain);
	ck_assert_ptr_null(sh_co_call(pool, fill_stack, &ok, "big"));
	ck_assert_int_eq(ok, 1);
	sh_co_pool_free(&pool);
}
END_TEST

START_TEST(free_of_null_is_fine)
{
	pool = NULL;
	sh_co_pool_free(&pool);
	sh_co_pool_free(NULL);
}
END_TEST

SH_SUITE("co/co", call_runs_on_another_stack, calls_reuse_one_stack,
    nested_calls_return_in_order, stack_holds_what_it_promises,
    free_of_null_is_fine)
