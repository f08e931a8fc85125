/* This file tests broker/hold.c. */
#include "config.h"

#include <stdlib.h>

#include "broker/hold.h"
#include "support/suite.h"

enum { ROOM = 1000 };

static struct sh_hold hold;

/* Each has another size, by which it is known again. */
static void
add(size_t size)
{
	struct sh_held *held = calloc(1, sizeof(*held));

	ck_assert_ptr_nonnull(held);
	held->size = size;
	sh_hold_add(&hold, held);
}

/* The size of the oldest, 0 of none. */
static size_t
take(void)
{
	struct sh_held *held = sh_hold_take(&hold);
	size_t size = held != NULL ? held->size : 0;

	free(held);
	return size;
}

START_TEST(they_come_in_their_order)
{
	sh_hold_init(&hold, ROOM);
	ck_assert(!hold.on);
	sh_hold_begin(&hold);
	ck_assert(hold.on);
	add(2);
	add(1);
	add(3);
	sh_hold_end(&hold);
	ck_assert(!hold.on);
	ck_assert_uint_eq(take(), 2);
	ck_assert_uint_eq(take(), 1);
	ck_assert_uint_eq(take(), 3);
	ck_assert_uint_eq(take(), 0);
	ck_assert_uint_eq(hold.size, 0);
}
END_TEST

/* What is missing has to be before all that is there. */
START_TEST(the_oldest_go)
{
	sh_hold_init(&hold, ROOM);
	sh_hold_begin(&hold);
	add(300);
	add(301);
	add(399);
	add(2);
	ck_assert_uint_eq(take(), 301);
	add(599);
	add(1);
	ck_assert_uint_eq(take(), 2);
	add(1001);
	ck_assert_uint_eq(take(), 0);
	add(5);
	sh_hold_add(&hold, NULL);
	ck_assert_uint_eq(take(), 0);
	add(1000);
	ck_assert_uint_eq(take(), 1000);
	add(6);
	sh_hold_fini(&hold);
}
END_TEST

START_TEST(another_gap_is_behind_what_is_held)
{
	sh_hold_init(&hold, ROOM);
	sh_hold_begin(&hold);
	add(1);
	sh_hold_begin(&hold);
	add(2);
	ck_assert_uint_eq(take(), 2);
	ck_assert_uint_eq(take(), 0);
}
END_TEST

SH_SUITE("broker/hold", they_come_in_their_order, the_oldest_go,
    another_gap_is_behind_what_is_held)
