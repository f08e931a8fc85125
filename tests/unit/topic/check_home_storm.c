/*
 * This file tests topic/home*.c in storms: processes publish, read a little of one
 * ring or of another, have no room, are replaced and die, in an order that a number
 * decides. Whatever the order is, no message may be lost or doubled.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "support/suite.h"
#include "topic/keep.h"
#include "unit/topic/home_world.h"

enum {
	SLOTS = 2,
	STEPS = 3000,
	SEEDS = 40,
	NUMBERS = 2048 /* messages of a publisher to a topic, at most */
};

/* What happens in a storm. */
struct weather {
	int reload_at; /* every so many steps; 0: never */
	int kill_at;
	int lap_at;
};

/* The numbers that a message has got; who gave it others is caught. */
static struct {
	uint64_t epoch, offset;
} numbered[WORLD_PROCS][WORLD_TOPICS][NUMBERS];

static uint64_t dice;
static uint64_t storm;

static unsigned
throw_dice(unsigned sides)
{
	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(dice >> 33) % sides;
}

static int
any_proc(void)
{
	int i;

	do
		i = (int)throw_dice((unsigned)world.count);
	while (world.procs[i].home == NULL);
	return i;
}

static bool
serves(int proc)
{
	return world.procs[proc].home != NULL &&
	    world.procs[proc].peer.generation == world.generation;
}

/* The next generation is there, then it serves. */
static void
reload(void)
{
	uint32_t slot;

	if (world.count + 3 * SLOTS > WORLD_PROCS)
		return;
	for (slot = 0; slot < SLOTS; slot++)
		world_add(world.generation + 1, slot);
	world.generation++;
}

/* Those of older generations leave when they have nothing left to do. */
static void
leave(int proc)
{
	if (serves(proc))
		return;
	world_turn(proc);
	if (sh_home_is_quiet(world.procs[proc].home) && !world.procs[proc].soon)
		world_kill(proc);
}

static void
die(void)
{
	int proc = any_proc();
	struct sh_bus_peer peer = world.procs[proc].peer;
	bool served = serves(proc);

	/* the first one stays: it has seen everything */
	if (proc == 0 || world.count + 2 > WORLD_PROCS)
		return;
	world_kill(proc);
	if (served)
		world_add(peer.generation, peer.slot);
}

static void
step(const struct weather *weather, int i)
{
	int proc = any_proc();
	unsigned what = throw_dice(100);

	world.now_ms += throw_dice(3);
	if (what < 30)
		world_publish(proc, (int)throw_dice(WORLD_TOPICS));
	else if (what < 75)
		world_read(proc, (int)throw_dice((unsigned)world.count));
	else if (what < 85)
		world_turn(proc);
	else if (what < 95)
		sh_home_run(world.procs[proc].home, false);
	else if (what < 97)
		world.procs[proc].full = (int)throw_dice(6);
	else if (proc != 0)
		leave(proc);
	if (weather->reload_at != 0 && i % weather->reload_at == 77)
		reload();
	if (weather->kill_at != 0 && i % weather->kill_at == 55)
		die();
	if (weather->lap_at != 0 && i % weather->lap_at == 33)
		world_lap(any_proc(), (int)throw_dice((unsigned)world.count));
}

/* --- what must be true -------------------------------------------------------- */

#define HOLDS(cond)                                                            \
	ck_assert_msg((cond),                                                  \
	    "storm %llu: not true: %s, process %d, "                           \
	    "topic %d, message %d of %d",                                      \
	    (unsigned long long)storm, #cond, proc, seen->topic, seen->number, \
	    seen->publisher)

/* A message has the same numbers wherever it comes, and comes once. */
static void
check_seen(int proc)
{
	static bool had[WORLD_PROCS][WORLD_TOPICS][NUMBERS];
	const struct world_proc *self = &world.procs[proc];
	int i;

	memset(had, 0, sizeof(had));
	for (i = 0; i < self->seen_count; i++) {
		const struct world_seen *seen = &self->seen[i];
		uint64_t *epoch, *offset;

		ck_assert_int_lt(seen->number, NUMBERS);
		epoch =
		    &numbered[seen->publisher][seen->topic][seen->number].epoch;
		offset = &numbered[seen->publisher][seen->topic][seen->number]
			      .offset;
		HOLDS(!had[seen->publisher][seen->topic][seen->number]);
		had[seen->publisher][seen->topic][seen->number] = true;
		HOLDS(seen->epoch != 0 && seen->offset != 0);
		HOLDS(*epoch == 0 ||
		    (*epoch == seen->epoch && *offset == seen->offset));
		*epoch = seen->epoch;
		*offset = seen->offset;
	}
}

/* All of a publisher that lives are out, in the order of their numbers; the first
 * process has got them. */
static void
check_publisher(int proc, int topic)
{
	uint64_t epoch = 0, offset = 0;
	int i;

	for (i = 0; i < world.procs[proc].published[topic]; i++) {
		const struct world_seen seen_one = { topic, proc, i, 0, 0 };
		const struct world_seen *seen = &seen_one;
		uint64_t next = numbered[proc][topic][i].epoch;

		HOLDS(next != 0);
		HOLDS(next > epoch ||
		    (next == epoch &&
			numbered[proc][topic][i].offset > offset));
		epoch = next;
		offset = numbered[proc][topic][i].offset;
	}
}

/* As it comes, the next one of a topic is always the one that is the next, or the first
 * one of a later epoch; so nobody has to ask for what it has not read yet. */
static void
check_order(int proc)
{
	const struct world_proc *self = &world.procs[proc];
	const struct world_seen *last[WORLD_TOPICS] = { NULL };
	int i;

	for (i = 0; i < self->seen_count; i++) {
		const struct world_seen *seen = &self->seen[i];
		const struct world_seen *before = last[seen->topic];

		HOLDS(before == NULL || seen->epoch > before->epoch ||
		    (seen->epoch == before->epoch &&
			seen->offset == before->offset + 1));
		last[seen->topic] = seen;
	}
}

static int
published(void)
{
	int proc, topic, n = 0;

	for (proc = 0; proc < world.count; proc++)
		for (topic = 0; topic < WORLD_TOPICS; topic++)
			n += world.procs[proc].published[topic];
	return n;
}

/* Offsets of the only epoch of each topic have no hole: the first process has as
 * many as the highest offset says. */
static void
check_one_epoch(void)
{
	const struct world_proc *self = &world.procs[0];
	uint64_t epochs[WORLD_TOPICS] = { 0 }, highest[WORLD_TOPICS] = { 0 };
	uint64_t sum = 0;
	int i, proc = 0;

	for (i = 0; i < self->seen_count; i++) {
		const struct world_seen *seen = &self->seen[i];

		HOLDS(epochs[seen->topic] == 0 ||
		    epochs[seen->topic] == seen->epoch);
		epochs[seen->topic] = seen->epoch;
		if (highest[seen->topic] < seen->offset)
			highest[seen->topic] = seen->offset;
	}
	for (i = 0; i < WORLD_TOPICS; i++)
		sum += highest[i];
	ck_assert_uint_eq(sum, (uint64_t)self->seen_count);
	ck_assert_int_eq(self->seen_count, published());
}

static void
check_storm(const struct weather *weather)
{
	int proc, topic;

	memset(numbered, 0, sizeof(numbered));
	for (proc = 0; proc < world.count; proc++)
		check_seen(proc);
	for (proc = 0; proc < world.count && weather->lap_at == 0; proc++)
		check_order(proc);
	for (proc = 0; proc < world.count; proc++)
		for (topic = 0; topic < WORLD_TOPICS; topic++)
			if (world.procs[proc].home != NULL ||
			    weather->kill_at == 0)
				check_publisher(proc, topic);
	if (weather->kill_at == 0 && weather->lap_at == 0)
		check_one_epoch();
}

static void
run(const struct weather *weather)
{
	struct sh_keep keep = { .count = 50 };
	int i;

	ck_assert_int_eq(sh_keep_add("#", &keep, false), 0);
	for (storm = 1; storm <= SEEDS; storm++) {
		dice = storm;
		world_reset(SLOTS);
		for (i = 0; i < SLOTS; i++)
			world_add(1, (uint32_t)i);
		world.cap = storm % 3 == 0 ? 10 : 0;
		for (i = 0; i < STEPS; i++)
			step(weather, i);
		world.cap = 0;
		world_settle();
		world.now_ms += 3000;
		world_settle();
		check_storm(weather);
		world_clear();
	}
	sh_keep_clear();
}

START_TEST(in_calm_weather)
{
	run(&(struct weather){ 0 });
}
END_TEST

START_TEST(during_reloads)
{
	run(&(struct weather){ .reload_at = 500 });
}
END_TEST

START_TEST(while_processes_die)
{
	run(&(struct weather){ .kill_at = 300 });
}
END_TEST

START_TEST(during_reloads_while_processes_die)
{
	run(&(struct weather){ .reload_at = 700, .kill_at = 450 });
}
END_TEST

START_TEST(while_records_are_lost)
{
	run(&(struct weather){ .lap_at = 100 });
}
END_TEST

SH_SUITE("topic/home_storm", in_calm_weather, during_reloads,
    while_processes_die, during_reloads_while_processes_die,
    while_records_are_lost)
