/*
 * This file is a real nats-server, and carriers through it in one loop, as several
 * servers would have them. Including it makes a test that is skipped where there is no
 * nats-server.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/counters.h"
#include "io/loop.h"
#include "support/suite.h"
#include "topic/carrier.h"

enum { PATIENCE_MS = 20000, LINE_MAX_LEN = 128, LINES_MAX = 40000 };

/* One carrier and what it has told, a line each. */
struct side {
	struct sh_carrier *carrier;
	char (*lines)[LINE_MAX_LEN];
	size_t count;
	int lost, rooms, settled;
	/* a replay */
	bool done, gap;
	int result;
	uint64_t epoch, offset;
};

extern struct sh_loop *loop;
extern struct sh_counters counters;
extern pid_t server;
extern const char *password; /* that it wants, or NULL */
extern int port;
extern char folder[64];

/* Take turns until a condition holds. */
#define UNTIL(condition)                                                     \
	do {                                                                 \
		int64_t until_ = sh_clock_ms() + PATIENCE_MS;                \
		while (!(condition)) {                                       \
			ck_assert_int_eq(sh_loop_turn(loop), 0);             \
			ck_assert_msg(sh_clock_ms() < until_, "in vain: %s", \
			    #condition);                                     \
		}                                                            \
	} while (0)

/** Start the server, with JetStream or without; where it was, if it was there. */
void start_server(bool streams);
/** How often it has refused a password so far. */
int refusals(void);
/** End it, and wait for that. */
void stop_server(int signal_number);
/** Start it for the first time, and wait until it listens. */
void begin(bool streams);
void open_side(struct side *side, const char *prefix, size_t queue_max);
void close_side(struct side *side);
bool is_settled(const struct side *side);
void want(struct side *side, const char *filter);
/** As ops->publish(). */
int try_publish(struct side *side, const char *topic, const void *data,
    size_t len, bool kept);
/** Likewise, which succeeds: as a program does, it waits while there is no room. */
void publish(struct side *side, const char *topic, const char *text, bool kept);
/** Wait until all that was published has come or is lost. */
void drain(struct side *from, struct side *to);
void make_loop(void);
/** Ask for a history; its answer is noted by the side. */
void ask(struct side *side, const char *topic, uint64_t epoch, uint64_t offset,
    size_t max);
/** Likewise, and wait for the answer. */
void replay(struct side *side, const char *topic, uint64_t epoch,
    uint64_t offset, size_t max);
/** Keep so many messages of topics. */
void keep(const char *filter, int64_t count);
