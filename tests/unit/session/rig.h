/*
 * This file is a service and its clients in one process, for tests: the test
 * takes the loop's turns itself. It holds no tests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shoal/conn.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/sock.h"
#include "io/loop.h"
#include "session/service.h"
#include "support/suite.h"

enum { RIG_DEADLINE_MS = 15000 };

struct rig {
	/* set before rig_open(), all of them optional */
	struct sh_loop_options loop_options;
	struct sh_service_options options;
	bool echo; /* on_receive sends everything back */

	struct sh_loop *loop;
	struct sh_service *service;
	struct sh_counters counters;
	struct sh_addr addr;

	/* what the callbacks have seen */
	int connects, receives, writables, closes;
	size_t bytes;
	enum shoal_close_cause cause;
	int error;
	struct shoal_conn *conn; /* the last one that had a callback */
};

/** Serve 127.0.0.1, or the address that the test has put into addr. */
void rig_open(struct rig *rig);
/** End everything. */
void rig_close(struct rig *rig);
/** A connected socket, non-blocking; the service may not know it yet. */
int rig_connect(struct rig *rig);
/** A connected socket that the service has accepted. */
int rig_connect_accepted(struct rig *rig);
/** Read what is there; true at the end of file or error, see errno_out. */
bool rig_read(int fd, size_t *total, int *errno_out);
/** Write all of it now; asserts that the kernel takes it. */
void rig_write(int fd, const void *data, size_t len);
/** Close with a reset. */
void rig_reset(int fd);

/* Take turns until cond holds; it is not asked again when it has. */
#define RIG_UNTIL(rig, cond)                                            \
	do {                                                            \
		int64_t end_ms = sh_clock_ms() + RIG_DEADLINE_MS;       \
		bool met;                                               \
                                                                        \
		while (!(met = (cond)) && sh_clock_ms() < end_ms)       \
			ck_assert_int_eq(sh_loop_turn((rig)->loop), 0); \
		ck_assert_msg(met, "not in time: " #cond);              \
	} while (0)

/* Take a few turns, for what shall not happen. */
#define RIG_TURNS(rig, n)                                               \
	do {                                                            \
		int turns_left = (n);                                   \
                                                                        \
		while (turns_left-- > 0)                                \
			ck_assert_int_eq(sh_loop_turn((rig)->loop), 0); \
	} while (0)
