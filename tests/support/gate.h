/*
 * This file holds threads up until a test lets them go on; it starts none.
 */
#pragma once

#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

struct gate {
	int ends[2];
	atomic_int entered, left;
};

static inline void
gate_init(struct gate *gate)
{
	ck_assert_int_eq(pipe(gate->ends), 0);
	atomic_init(&gate->entered, 0);
	atomic_init(&gate->left, 0);
}

static inline void
gate_fini(struct gate *gate)
{
	close(gate->ends[0]);
	close(gate->ends[1]);
}

/* In a thread: wait for gate_open(). */
static inline void
gate_pass(struct gate *gate)
{
	char byte;

	atomic_fetch_add(&gate->entered, 1);
	if (read(gate->ends[0], &byte, 1) == 1)
		atomic_fetch_add(&gate->left, 1);
}

/* Let n threads pass, now or when they come. */
static inline bool
gate_open(struct gate *gate, int n)
{
	while (n-- > 0)
		if (write(gate->ends[1], "", 1) != 1)
			return false;
	return true;
}
