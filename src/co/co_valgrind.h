/*
 * This file tells valgrind of stacks, so that it does not take a switch for
 * lost memory; it does nothing when the program does not run under it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#endif

/** A stack of size bytes from low on is going to be used. Its number. */
static inline unsigned
sh_valgrind_add_stack(const char *low, size_t size)
{
#ifdef HAVE_VALGRIND_VALGRIND_H
	return VALGRIND_STACK_REGISTER(low, low + size - 1);
#else
	(void)low;
	(void)size;
	return 0;
#endif
}

/** It is not used any more. */
static inline void
sh_valgrind_remove_stack(unsigned number)
{
#ifdef HAVE_VALGRIND_VALGRIND_H
	VALGRIND_STACK_DEREGISTER(number);
#else
	(void)number;
#endif
}

/** Whether the program runs under it. */
static inline bool
sh_valgrind_is_running(void)
{
#ifdef HAVE_VALGRIND_VALGRIND_H
	return RUNNING_ON_VALGRIND != 0;
#else
	return false;
#endif
}
