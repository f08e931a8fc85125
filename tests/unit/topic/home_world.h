/*
 * This file is a world of processes for tests of homes: rings, cursors and who is
 * there, without processes and clocks. What the world does next is the test's choice.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "topic/home.h"

enum {
	WORLD_PROCS = 24, /* ever */
	WORLD_TOPICS = 4,
	WORLD_SEEN = 4096
};

/* A message as it came. */
struct world_seen {
	int topic, publisher, number;
	uint64_t epoch, offset;
};

struct world_proc {
	struct sh_bus_peer peer;
	struct sh_home *home; /* NULL: dead, or not born */
	bool wants;           /* everything, not only its own */
	int wanted[WORLD_TOPICS];
	uint64_t cursors[WORLD_PROCS]; /* records read of each ring */
	bool soon, room;
	int full; /* so many writes are refused */
	int published[WORLD_TOPICS];
	struct world_seen seen[WORLD_SEEN];
	int seen_count;

	/* of the last replay */
	struct world_seen replayed[WORLD_SEEN];
	int replayed_count, done_count, result;
	uint64_t epoch, offset;
	bool gap;
};

struct world {
	uint32_t slots;
	uint64_t generation, era;
	int64_t now_ms;
	uint64_t wall_us;
	int count;
	struct world_proc procs[WORLD_PROCS];
	bool mute; /* no notes are taken of what comes */
	int cap;   /* records in a ring that somebody has not read; 0: any */
};

extern struct world world;

/** Begin anew. */
void world_reset(uint32_t slots);
/** End it: frees all. */
void world_clear(void);
/** A process is born; returns its number. */
int world_add(uint64_t generation, uint32_t slot);
/** It dies; its ring stays. */
void world_kill(int proc);
/** Which topics belong to a slot. */
uint32_t world_slot_of(int topic);
const char *world_topic(int topic);
/** A process publishes its next message to a topic; what sh_home_publish() says. */
int world_publish(int proc, int topic);
/** A process reads one record of a ring, or of another one that has to be read before
 *  it. False: there is none. */
bool world_read(int proc, int from);
/** A process loses what is unread in a ring. */
void world_lap(int proc, int from);
/** A process reads everything and goes on. */
void world_turn(int proc);
/** All do, and time goes by, until nothing is left. */
void world_settle(void);
/** A process asks for a history. */
void
world_replay(int proc, int topic, uint64_t epoch, uint64_t offset, size_t max);
