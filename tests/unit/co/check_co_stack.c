/* This file tests co/co_stack.c. */
#include "config.h"

#include <string.h>

#include "base/attr.h"
#include "co/co_stack.h"
#include "support/suite.h"

START_TEST(last_given_is_taken_first)
{
	struct sh_stack_pool *pool =
	    sh_stack_pool_new(0, SH_STACK_GUARD_AUTO, false);
	void *a, *b, *c;

	ck_assert_int_eq(sh_stack_take(pool, &a), 0);
	ck_assert_int_eq(sh_stack_take(pool, &b), 0);
	ck_assert_ptr_ne(a, b);
	sh_stack_give(pool, a);
	sh_stack_give(pool, b);
	ck_assert_int_eq(sh_stack_take(pool, &c), 0);
	ck_assert_ptr_eq(c, b);
	ck_assert_int_eq(sh_stack_take(pool, &c), 0);
	ck_assert_ptr_eq(c, a);
	sh_stack_pool_free(&pool);
}
END_TEST

START_TEST(given_stack_gives_its_pages_back)
{
	struct sh_stack_pool *pool =
	    sh_stack_pool_new(0, SH_STACK_GUARD_AUTO, false);
	void *stack;

	ck_assert_int_eq(sh_stack_take(pool, &stack), 0);
	memset(stack, 1, sh_stack_pool_size(pool));
	sh_stack_give(pool, stack);
	ck_assert_int_eq(sh_stack_take(pool, &stack), 0);
	ck_assert_int_eq(*(char *)stack, 0);
	sh_stack_pool_free(&pool);
}
END_TEST

START_TEST(stacks_of_many_slabs_are_apart)
{
	enum { COUNT = 200 };
	struct sh_stack_pool *pool =
	    sh_stack_pool_new(4097, SH_STACK_GUARD_AUTO, false);
	char *stacks[COUNT];
	void *stack;
	size_t i, size = sh_stack_pool_size(pool);

	ck_assert_uint_eq(size % 4096, 0);
	for (i = 0; i < COUNT; i++) {
		ck_assert_int_eq(sh_stack_take(pool, &stack), 0);
		stacks[i] = stack;
		memset(stack, (int)i, size);
	}
	for (i = 0; i < COUNT; i++) {
		ck_assert_int_eq((unsigned char)stacks[i][0], i);
		ck_assert_int_eq((unsigned char)stacks[i][size - 1], i);
	}
	sh_stack_pool_free(&pool);
}
END_TEST

static void
check_guard(enum sh_stack_guard guard)
{
	struct sh_stack_pool *pool = sh_stack_pool_new(0, guard, false);
	void *stack;
	char *low;

	ck_assert_int_eq(sh_stack_take(pool, &stack), 0);
	low = stack;
	ck_assert(sh_stack_pool_is_guard(pool, low - 1));
	ck_assert(sh_stack_pool_is_guard(pool, low - SH_STACK_GUARD_SIZE));
	ck_assert(!sh_stack_pool_is_guard(pool, low));
	ck_assert(!sh_stack_pool_is_guard(pool, low - SH_STACK_GUARD_SIZE - 1));
	ck_assert(!sh_stack_pool_is_guard(pool, &pool));
	ck_assert_int_ne(sh_stack_pool_guard(pool), SH_STACK_GUARD_AUTO);
	if (guard != SH_STACK_GUARD_AUTO)
		ck_assert_int_eq(sh_stack_pool_guard(pool), guard);
	sh_stack_pool_free(&pool);
}

START_TEST(guards_are_known)
{
	check_guard(SH_STACK_GUARD_AUTO);
	check_guard(SH_STACK_GUARD_MPROTECT);
	ck_assert_str_eq(
	    sh_stack_guard_str(SH_STACK_GUARD_MPROTECT), "mprotect");
}
END_TEST

SH_SUITE("co/co_stack", last_given_is_taken_first,
    given_stack_gives_its_pages_back, stacks_of_many_slabs_are_apart,
    guards_are_known)
