/*
 * This file tests the eras of proc/bus*.c: what was written before something is known
 * is read before what was written with knowledge of it, whichever rings they are in.
 * First with several who take part in one process, then between processes.
 */
#include "config.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <shoal/error.h>

#include "proc/bus.h"
#include "proc/bus_private.h"
#include "support/suite.h"
#include "unit/proc/bus_edges.h"

enum {
	COUNT = 64,
	RING = SH_BUS_RING_MIN,
	NEVER_MS = 1 << 30,
	MANY = 40,       /* more than are read of one ring in a row */
	ALL = 20 * MANY, /* less than a ring holds */
	RUNNERS = 4
};

static struct sh_bus *bus;
static struct sh_bus_self *who[COUNT];
static volatile int said; /* numbers in what was written */
static int heard;

static void
join(uint32_t process)
{
	static uint64_t incarnation = 100;
	struct sh_bus_options options = { .bus = bus,
		.process = process,
		.incarnation = ++incarnation,
		.generation = 1 };

	ck_assert_int_eq(sh_bus_join(&options, &who[process]), 0);
}

/* The first one wants everything. */
static void
setup_bus(uint32_t n)
{
	uint32_t i;

	ck_assert_int_eq(sh_bus_open(COUNT, 1, RING, &bus), 0);
	bus->patience_ms = NEVER_MS;
	for (i = 0; i < n; i++)
		join(i);
	sh_bus_want_all(who[0], true);
	said = heard = 0;
}

static void
teardown_bus(void)
{
	uint32_t i;

	for (i = 0; i < COUNT; i++)
		sh_bus_leave(&who[i]);
	sh_bus_close(&bus);
}

/* The next number. */
static int
say_one(uint32_t from)
{
	struct sh_record record = { .to = SH_BUS_ALL, .hash = 1 };
	int number = ++said;
	struct iovec part = { &number, sizeof(number) };

	return sh_bus_write(who[from], &record, &part, 1);
}

static void
say(uint32_t from, int n)
{
	while (n-- > 0)
		ck_assert_int_eq(say_one(from), 0);
}

/* The number of the next record of a reader; 0: there is none. */
static int
next_number(uint32_t reader)
{
	struct sh_record record;
	int r = sh_bus_read(who[reader], &record), number;

	ck_assert_int_ge(r, 0);
	if (r == 0)
		return 0;
	ck_assert_uint_eq(record.len, sizeof(number));
	memcpy(&number, record.data, sizeof(number));
	return number;
}

/* All comes in the order of the numbers. */
static void
hear_in_order(uint32_t reader)
{
	while (heard < said)
		ck_assert_int_eq(next_number(reader), ++heard);
	ck_assert_int_eq(next_number(reader), 0);
}

/* Whichever ring is next, and the same one twice. */
START_TEST(an_era_is_read_before_the_next)
{
	static const uint32_t order[] = { 3, 1, 2, 3, 2, 1, 1, 3 };
	uint32_t turn;
	size_t i;

	for (turn = 0; turn < 4; turn++) {
		setup_bus(4);
		who[0]->turn = turn;
		for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
			say(order[i], MANY);
			sh_bus_begin_era(who[order[i]]);
		}
		hear_in_order(0);
		teardown_bus();
	}
}
END_TEST

/* Each has taken over from one with a higher index. */
START_TEST(the_dead_are_heard_in_the_order_of_their_deaths)
{
	setup_bus(4);
	say(3, MANY);
	sh_bus_bury(bus, 3);
	say(2, MANY);
	sh_bus_bury(bus, 2);
	say(1, MANY);
	hear_in_order(0);
	teardown_bus();
}
END_TEST

START_TEST(who_leaves_is_heard_before_who_sees_it)
{
	setup_bus(3);
	say(2, MANY);
	sh_bus_leave(&who[2]);
	say(1, MANY);
	hear_in_order(0);
	teardown_bus();
}
END_TEST

/* Behind what it has read when it finds the later one, there may be more. */
START_TEST(what_comes_while_it_waits_is_read_first)
{
	setup_bus(3);
	who[0]->turn = 1;
	say(1, 2);
	ck_assert_int_eq(next_number(0), 1);
	sh_bus_begin_era(who[1]);
	say(2, 1);
	/* of the era that was before */
	who[0]->turn = 2;
	ck_assert_int_eq(next_number(0), 2);
	ck_assert_int_eq(next_number(0), 3);
	ck_assert_int_eq(next_number(0), 0);
	teardown_bus();
}
END_TEST

START_TEST(within_an_era_each_writer_is_heard_in_turn)
{
	int i, number, later = 0;

	setup_bus(3);
	say(1, MANY);
	say(2, MANY);
	sh_bus_begin_era(who[1]);
	say(1, MANY);
	for (i = 0; i < MANY; i++)
		later += next_number(0) > MANY;
	ck_assert_int_gt(later, 0);
	ck_assert_int_lt(later, MANY);
	for (i = 0; i < MANY; i++)
		ck_assert_int_le(next_number(0), 2 * MANY);
	for (i = 0; i < MANY; i++) {
		number = next_number(0);
		ck_assert_int_eq(number, 2 * MANY + i + 1);
	}
	teardown_bus();
}
END_TEST

START_TEST(what_is_for_others_does_not_wait)
{
	const struct sh_bus_block *block;

	setup_bus(3);
	sh_bus_want_all(who[0], false);
	sh_bus_want(who[0], 2);
	sh_bus_want_all(who[1], true);
	block = who[0]->block;
	sh_bus_begin_era(who[2]);
	say(2, 3);
	ck_assert_int_eq(next_number(0), 0);
	ck_assert_uint_eq(
	    atomic_load(&block->cursors[2]), atomic_load(&who[2]->block->head));
	teardown_bus();
}
END_TEST

START_TEST(who_comes_later_hears_what_is_later)
{
	setup_bus(3);
	say(1, MANY);
	sh_bus_begin_era(who[1]);
	say(2, MANY);
	heard = said;
	join(3);
	sh_bus_want_all(who[3], true);
	ck_assert_int_eq(next_number(3), 0);
	say(2, MANY);
	sh_bus_begin_era(who[2]);
	say(1, MANY);
	hear_in_order(3);
	teardown_bus();
}
END_TEST

START_TEST(who_was_lapped_waits_for_nothing_that_is_gone)
{
	static const char block[RING / 8];
	struct sh_record record = { .to = SH_BUS_ALL, .hash = 1 };
	struct iovec part = { (void *)(uintptr_t)block, sizeof(block) };

	setup_bus(3);
	bus->patience_ms = 0;
	say(1, MANY);
	while (sh_bus_stats(who[1])->laps == 0)
		ck_assert_int_eq(sh_bus_write(who[1], &record, &part, 1), 0);
	heard = said;
	sh_bus_begin_era(who[1]);
	say(2, MANY);
	ck_assert_int_eq(sh_bus_read(who[0], &record), -SHOAL_ETRUNCATED);
	ck_assert_uint_eq(record.from, 1);
	hear_in_order(0);
	teardown_bus();
}
END_TEST

/* A ring that waits may be full: its writer goes on when it is its turn. */
START_TEST(who_waits_for_room_is_told_when_the_era_comes)
{
	static const char block[1000];
	struct sh_record record = { .to = SH_BUS_ALL, .hash = 1 };
	struct iovec part = { (void *)(uintptr_t)block, sizeof(block) };

	setup_bus(3);
	say(1, MANY);
	sh_bus_begin_era(who[1]);
	while (sh_bus_write(who[2], &record, &part, 1) == 0)
		continue;
	while (heard < said) {
		ck_assert_int_eq(next_number(0), ++heard);
		ck_assert(!sh_bus_has_been_told(who[2]));
	}
	while (sh_bus_read(who[0], &record) == 1)
		continue;
	ck_assert(sh_bus_has_been_told(who[2]));
	teardown_bus();
}
END_TEST

/* At any moment of a round over the rings, one that has been looked at already and one
 * that has not are written. Nothing of Check works here. */
static void
on_alarm(int number)
{
	int i, r = 0;

	(void)number;
	if (said >= ALL)
		return;
	for (i = 0; i < MANY && r == 0; i++)
		r = say_one(1);
	sh_bus_begin_era(who[1]);
	if (r < 0 || say_one(COUNT - 1) < 0)
		abort();
	sh_bus_begin_era(who[COUNT - 1]);
}

START_TEST(what_comes_during_a_look_at_all_is_not_missed)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = on_alarm }, before;
	int number;

	setup_bus(2);
	join(COUNT - 1);
	ck_assert_int_eq(sigaction(SIGALRM, &action, &before), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	while (heard < ALL) {
		number = next_number(0);
		if (number != 0)
			ck_assert_int_eq(number, ++heard);
		else
			who[0]->turn = 0;
	}
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	ck_assert_int_eq(sigaction(SIGALRM, &before, NULL), 0);
	hear_in_order(0);
	teardown_bus();
}
END_TEST

/* --- between processes --------------------------------------------------------- */

/* A baton goes round: who has it says some numbers that go on, begins an era, and
 * hands it to the next one. All hear all numbers in their order. */

#define NEED(cond)                                                     \
	do {                                                           \
		if (!(cond)) {                                         \
			fprintf(stderr, "%d: %d: %s\n", (int)getpid(), \
			    __LINE__, #cond);                          \
			_exit(1);                                      \
		}                                                      \
	} while (0)

enum { NUMBER, BATON };

struct runner {
	struct sh_bus_self *self;
	uint32_t process;
	int edges;
	uint64_t last; /* the last number that was heard or said */
	bool has_baton;
	uint32_t random;
};

static struct runner me;

static uint32_t
draw(uint32_t below)
{
	me.random = me.random * 1103515245u + 12345u;
	return (me.random >> 8) % below;
}

static bool
listen(void)
{
	struct sh_record record;
	int r = sh_bus_read(me.self, &record);
	uint64_t number;

	if (r == 0)
		return false;
	NEED(r == 1 && record.len == sizeof(number));
	memcpy(&number, record.data, sizeof(number));
	if (record.kind == NUMBER)
		NEED(number == ++me.last);
	else
		NEED(number == me.last);
	me.has_baton |= record.kind == BATON;
	return true;
}

/* Until there is something to be read, or room. */
static void
rest(bool for_room)
{
	sh_bus_awake(me.self);
	if (!listen() && !(for_room && sh_bus_has_been_told(me.self)))
		bus_edges_wait(me.edges, -1);
}

static void
tell(uint32_t to, uint32_t kind)
{
	struct sh_record record = { .to = to, .hash = 1, .kind = kind };
	struct iovec part = { &me.last, sizeof(me.last) };
	int r;

	while ((r = sh_bus_write(me.self, &record, &part, 1)) == -SHOAL_EAGAIN)
		rest(true);
	NEED(r == 0);
}

static void
run_lap(uint64_t end)
{
	uint32_t n = draw(6);

	me.has_baton = false;
	while (n-- > 0 && me.last < end) {
		me.last++;
		tell(SH_BUS_ALL, NUMBER);
	}
	sh_bus_begin_era(me.self);
	if (me.last < end)
		tell((me.process + 1 + draw(RUNNERS - 1)) % RUNNERS, BATON);
}

/* What is said before somebody wants it is not for that one. */
static bool
are_all_ready(void)
{
	struct sh_bus_peer peers[COUNT];
	size_t count = sh_bus_peers(me.self, peers, COUNT), i, ready = 0;

	for (i = 0; i < count; i++)
		ready += peers[i].ready;
	return ready == RUNNERS + 1;
}

static void
take_place(uint32_t process)
{
	struct sh_bus_options options = { .bus = bus,
		.process = process,
		.incarnation = 10 + process,
		.generation = 1 };

	me =
	    (struct runner){ .process = process, .random = 77 * (process + 1) };
	NEED(sh_bus_join(&options, &me.self) == 0);
	me.edges = bus_edges_open(sh_bus_fd(me.self));
	NEED(me.edges >= 0);
	sh_bus_want_all(me.self, true);
	sh_bus_set_ready(me.self);
	while (!are_all_ready())
		sched_yield();
}

static void
run_relay(uint32_t process, uint64_t end)
{
	take_place(process);
	me.has_baton = process == 0;
	while (me.last < end) {
		if (me.has_baton)
			run_lap(end);
		else if (draw(3) == 0)
			rest(false);
		else if (!listen())
			sched_yield();
	}
	_exit(0);
}

START_TEST(a_baton_comes_behind_what_was_said)
{
	const char *slow = getenv("SHOAL_SLOW");
	uint64_t end = slow != NULL && slow[0] == '1' ? 1000000 : 30000;
	pid_t pids[RUNNERS];
	uint32_t i;
	int status;

	ck_assert_int_eq(sh_bus_open(COUNT, 1, RING, &bus), 0);
	bus->patience_ms = NEVER_MS;
	for (i = 0; i < RUNNERS; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0)
			run_relay(i, end);
	}
	/* an onlooker, who is behind most of the time */
	take_place(RUNNERS);
	while (me.last < end)
		if (draw(3) == 0)
			rest(false);
		else if (draw(20) == 0 || !listen())
			sched_yield();
	for (i = 0; i < RUNNERS; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	sh_bus_leave(&me.self);
	close(me.edges);
	sh_bus_close(&bus);
}
END_TEST

SH_SUITE("proc/bus_eras", an_era_is_read_before_the_next,
    the_dead_are_heard_in_the_order_of_their_deaths,
    who_leaves_is_heard_before_who_sees_it,
    what_comes_while_it_waits_is_read_first,
    within_an_era_each_writer_is_heard_in_turn,
    what_is_for_others_does_not_wait, who_comes_later_hears_what_is_later,
    who_was_lapped_waits_for_nothing_that_is_gone,
    who_waits_for_room_is_told_when_the_era_comes,
    what_comes_during_a_look_at_all_is_not_missed,
    a_baton_comes_behind_what_was_said)
