/* This file tests proc/register.c. */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/attr.h"
#include "proc/register.h"
#include "support/descriptors.h"
#include "support/suite.h"

static int
open_one(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

START_TEST(closing_all_spares_what_is_kept_and_what_is_not_ours)
{
	int ours[200], keep[2], strange = open_one();
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(ours); i++) {
		ours[i] = open_one();
		ck_assert_int_eq(sh_register_add(ours[i]), ours[i]);
	}
	keep[0] = ours[0];
	keep[1] = ours[150];
	sh_register_close_all_but(keep, 2);
	for (i = 0; i < SH_ARRAY_LEN(ours); i++)
		ck_assert_msg(
		    is_open(ours[i]) == (i == 0 || i == 150), "%zu", i);
	ck_assert(is_open(strange));
}
END_TEST

START_TEST(closed_ones_are_forgotten)
{
	int fd = sh_register_add(open_one()), number = fd, again;

	sh_register_close(&fd);
	ck_assert_int_eq(fd, -1);
	ck_assert(!is_open(number));
	sh_register_close(&fd);
	/* the number, reused by somebody else, is not closed */
	again = open_one();
	ck_assert_int_eq(again, number);
	sh_register_close_all_but(NULL, 0);
	ck_assert(is_open(again));
}
END_TEST

START_TEST(descriptors_that_are_not_registered_are_closed_too)
{
	int fd = open_one(), number = fd;

	sh_register_close(&fd);
	ck_assert(!is_open(number));
}
END_TEST

START_TEST(closed_standard_descriptors_are_filled)
{
	size_t before;
	int fd;

	close(0);
	close(2);
	before = count_descriptors();
	sh_register_fill_standard();
	for (fd = 0; fd <= 2; fd++)
		ck_assert(is_open(fd));
	ck_assert_uint_eq(count_descriptors(), before + 2);
	sh_register_fill_standard();
	ck_assert_uint_eq(count_descriptors(), before + 2);
}
END_TEST

START_TEST(all_are_forgotten_after_closing_all)
{
	int fd = sh_register_add(open_one());

	sh_register_close_all_but(&fd, 1);
	sh_register_close_all_but(NULL, 0);
	ck_assert(is_open(fd));
}
END_TEST

SH_SUITE("proc/register", closing_all_spares_what_is_kept_and_what_is_not_ours,
    closed_ones_are_forgotten,
    descriptors_that_are_not_registered_are_closed_too,
    all_are_forgotten_after_closing_all, closed_standard_descriptors_are_filled)
