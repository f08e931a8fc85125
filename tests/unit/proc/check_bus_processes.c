/*
 * This file tests proc/bus*.c between processes: all write and read at once, sleep
 * whenever there is nothing, and are killed. SHOAL_SLOW makes it longer.
 */
#include "config.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <shoal/error.h>

#include "proc/bus.h"
#include "proc/bus_private.h"
#include "support/suite.h"
#include "unit/proc/bus_edges.h"

enum {
	RING = SH_BUS_RING_MIN,
	NEVER_MS = 1 << 30, /* how long a busy machine takes is not tested */
	TALKERS = 5,
	LEN_MAX = RING / 4 - 64,
	LAST = 1 /* kind of a record: there is no other behind it */
};

struct words {
	uint64_t incarnation, number;
	uint32_t len, sum;
};

/* What one reader knows of the writer of an index. */
struct heard {
	uint64_t incarnation, number;
	bool last;
};

struct party {
	struct sh_bus_self *self;
	int edges;
	struct heard heard[16];
	uint64_t lapped;
	uint32_t random;
	uint64_t written;
	char bytes[LEN_MAX];
};

static struct sh_bus *bus;
static struct party party;

static uint32_t
draw(uint32_t below)
{
	party.random = party.random * 1103515245u + 12345u;
	return (party.random >> 8) % below;
}

static uint32_t
sum_of(const char *bytes, size_t len)
{
	uint32_t sum = 2166136261u;
	size_t i;

	for (i = 0; i < len; i++)
		sum = (sum ^ (uint8_t)bytes[i]) * 16777619u;
	return sum;
}

static unsigned
rounds(unsigned usual)
{
	const char *slow = getenv("SHOAL_SLOW");

#ifdef SH_SANITIZE
	/* they make it many times slower */
	usual /= 4;
#endif
	return slow != NULL && slow[0] == '1' ? usual * 20 : usual;
}

/* A child's failure: nothing of Check works there. */
#define NEED(cond)                                                     \
	do {                                                           \
		if (!(cond)) {                                         \
			fprintf(stderr, "%d: %d: %s\n", (int)getpid(), \
			    __LINE__, #cond);                          \
			_exit(1);                                      \
		}                                                      \
	} while (0)

static void
enter(uint32_t process, uint64_t incarnation)
{
	struct sh_bus_options options = { .bus = bus,
		.process = process,
		.incarnation = incarnation,
		.generation = 1 };

	memset(&party, 0, sizeof(party));
	party.random = (uint32_t)incarnation * 2654435761u;
	NEED(sh_bus_join(&options, &party.self) == 0);
	party.edges = bus_edges_open(sh_bus_fd(party.self));
	NEED(party.edges >= 0);
}

/* A record: most are short, some are as long as can be. */
static int
say(uint64_t incarnation, uint64_t hash, uint32_t kind)
{
	struct sh_record record = {
		.to = SH_BUS_ALL, .hash = hash, .kind = kind
	};
	struct words words = { .incarnation = incarnation,
		.number = party.written + 1 };
	struct iovec parts[2] = { { &words, sizeof(words) } };
	uint32_t i;
	int r;

	words.len = draw(50) == 0 ? draw(LEN_MAX) : draw(300);
	for (i = 0; i < words.len; i += 8)
		party.bytes[i] = (char)draw(256);
	words.sum = sum_of(party.bytes, words.len);
	parts[1] = (struct iovec){ party.bytes, words.len };
	r = sh_bus_write(party.self, &record, parts, 2);
	party.written += r == 0;
	return r;
}

static void
hear(const struct sh_record *record)
{
	struct heard *heard = &party.heard[record->from];
	struct words words;

	NEED(record->len >= sizeof(words));
	memcpy(&words, record->data, sizeof(words));
	NEED(words.len == record->len - sizeof(words));
	NEED(words.incarnation == record->from_incarnation);
	NEED(words.sum ==
	    sum_of((const char *)record->data + sizeof(words), words.len));
	if (words.incarnation != heard->incarnation) {
		NEED(words.incarnation > heard->incarnation);
		*heard = (struct heard){ .incarnation = words.incarnation };
		if (party.lapped == 0)
			NEED(words.number == 1);
	} else if (party.lapped == 0) {
		NEED(words.number == heard->number + 1);
	} else {
		NEED(words.number > heard->number);
	}
	heard->number = words.number;
	heard->last = record->kind == LAST;
}

/* Read at most so many. Whether there was nothing more. */
static bool
listen(unsigned max)
{
	struct sh_record record;

	while (max-- > 0) {
		int r = sh_bus_read(party.self, &record);

		if (r == 0)
			return true;
		if (r == 1) {
			hear(&record);
			continue;
		}
		NEED(r == -SHOAL_ETRUNCATED);
		party.lapped++;
	}
	return false;
}

/* Sleep if there is nothing to do; a wakeup that gets lost hangs the test. What is
 * waited for beside records has to be looked for behind sh_bus_awake() too: who
 * has been woken before it is not woken again. */
static void
sleep_until(bool (*has_come)(void))
{
	/* let others come between */
	if (draw(4) == 0)
		sched_yield();
	sh_bus_awake(party.self);
	if (listen(1) && (has_come == NULL || !has_come()))
		bus_edges_wait(party.edges, -1);
}

static void
sleep_well(void)
{
	sleep_until(NULL);
}

static bool
has_been_told(void)
{
	return sh_bus_has_been_told(party.self);
}

/* Another one takes part. */
static bool
has_company(void)
{
	return sh_bus_peer_count(party.self) >= 2;
}

static bool
have_all_said(uint32_t count, uint32_t but)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (i != but && !party.heard[i].last)
			return false;
	return true;
}

/* --- all talk to all ------------------------------------------------------- */

struct start {
	int joined[2], go[2];
};

static void
talk(const struct start *start, uint32_t process, uint64_t hash, unsigned n)
{
	uint64_t incarnation = 10 + process;
	char byte = 'x';
	unsigned i = 0;

	enter(process, incarnation);
	sh_bus_want(party.self, 5);
	NEED(write(start->joined[1], &byte, 1) == 1);
	close(start->go[1]);
	NEED(read(start->go[0], &byte, 1) == 0);
	while (i < n) {
		int r = say(incarnation, hash, i + 1 == n ? LAST : 0);

		NEED(r == 0 || r == -SHOAL_EAGAIN);
		i += r == 0;
		if (r == 0)
			listen(draw(8));
		else
			sleep_until(has_been_told);
	}
	while (!have_all_said(TALKERS, process))
		sleep_well();
	NEED(party.lapped == 0);
	sh_bus_leave(&party.self);
	_exit(0);
}

static void
run_talkers(uint64_t hash)
{
	struct start start;
	pid_t pids[TALKERS];
	char byte;
	uint32_t i;
	int status;

	ck_assert_int_eq(sh_bus_open(TALKERS, 1, RING, &bus), 0);
	bus->patience_ms = NEVER_MS;
	ck_assert_int_eq(pipe(start.joined), 0);
	ck_assert_int_eq(pipe(start.go), 0);
	for (i = 0; i < TALKERS; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0)
			talk(&start, i, hash, rounds(20000));
	}
	for (i = 0; i < TALKERS; i++)
		ck_assert_int_eq(read(start.joined[0], &byte, 1), 1);
	close(start.go[1]);
	for (i = 0; i < TALKERS; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
		sh_bus_bury(bus, i);
	}
	close(start.go[0]);
	close(start.joined[0]);
	close(start.joined[1]);
	sh_bus_close(&bus);
}

START_TEST(all_hear_all_that_all_say)
{
	run_talkers(5);
}
END_TEST

START_TEST(also_what_is_for_everybody)
{
	run_talkers(0);
}
END_TEST

/* --- each sleeps until the other has said something --------------------------- */

static void
answer(uint32_t process, uint64_t incarnation, unsigned n)
{
	uint32_t other = 1 - process;
	uint64_t i;

	for (i = 0; i < n; i++) {
		if (process == 0)
			NEED(say(incarnation, 5, 0) == 0);
		while (party.heard[other].number <= i)
			sleep_well();
		if (process == 1)
			NEED(say(incarnation, 5, 0) == 0);
	}
	sh_bus_leave(&party.self);
}

START_TEST(no_wakeup_is_lost)
{
	unsigned n = rounds(20000);
	pid_t pid;
	int status;

	ck_assert_int_eq(sh_bus_open(2, 1, RING, &bus), 0);
	enter(0, 6);
	sh_bus_want(party.self, 5);
	pid = fork();
	if (pid == 0) {
		enter(1, 7);
		sh_bus_want(party.self, 5);
		/* which the other one can see: it may begin */
		sh_bus_pause(party.self, 5);
		answer(1, 7, n);
		_exit(0);
	}
	while (!sh_bus_is_paused(party.self, 5))
		sched_yield();
	answer(0, 6, n);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	sh_bus_close(&bus);
}
END_TEST

/* --- writers are killed ----------------------------------------------------- */

/* Talk without end, or n records. */
static void
babble(uint64_t incarnation, unsigned n)
{
	unsigned i;

	enter(1, incarnation);
	for (i = 0; n == 0 || i < n; i++) {
		while (
		    say(incarnation, 5, i + 1 == n ? LAST : 0) == -SHOAL_EAGAIN)
			sleep_until(has_been_told);
	}
	sh_bus_leave(&party.self);
	_exit(0);
}

static void
overhear(void)
{
	enter(2, 7);
	sh_bus_want(party.self, 5);
	NEED(kill(getppid(), 0) == 0);
	while (!party.heard[1].last)
		sleep_well();
	NEED(party.lapped == 0);
	sh_bus_leave(&party.self);
	_exit(0);
}

static pid_t
start_babbler(uint64_t incarnation, unsigned n)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		babble(incarnation, n);
	return pid;
}

/* Listen until a writer has said something random, and kill it. */
static void
kill_in_the_middle(pid_t pid, uint64_t incarnation)
{
	uint64_t number = 1 + draw(300);
	int status;

	while (party.heard[1].incarnation != incarnation ||
	    party.heard[1].number < number) {
		listen(1 + draw(20));
		sleep_well();
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	sh_bus_bury(bus, 1);
}

START_TEST(of_a_writer_that_is_killed_whole_records_are_left)
{
	uint64_t incarnation = 100;
	unsigned n = rounds(200);
	pid_t pid, other;
	int status;

	ck_assert_int_eq(sh_bus_open(3, 1, RING, &bus), 0);
	bus->patience_ms = NEVER_MS;
	enter(0, 6);
	sh_bus_want(party.self, 5);
	other = fork();
	if (other == 0)
		overhear();
	while (!has_company())
		sleep_until(has_company);
	while (n-- > 0) {
		pid = start_babbler(++incarnation, 0);
		kill_in_the_middle(pid, incarnation);
	}
	pid = start_babbler(++incarnation, 200);
	while (!party.heard[1].last)
		sleep_well();
	ck_assert_uint_eq(party.lapped, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert_int_eq(status, 0);
	sh_bus_leave(&party.self);
	sh_bus_close(&bus);
}
END_TEST

/* --- readers are lapped in the middle of their copying ----------------------- */

/* Wait until the writer is near to overwriting what is to be read next, or over
 * it. */
static void
hang_back(void)
{
	uint64_t cursor = atomic_load(&party.self->block->cursors[1]);
	uint64_t far = cursor + RING - LEN_MAX + draw(2 * LEN_MAX);

	while (atomic_load(&sh_bus_block(bus, 1)->head) < far)
		sched_yield();
}

START_TEST(who_is_lapped_sees_whole_records_only)
{
	unsigned n = rounds(400);
	pid_t pid;
	int status;

	ck_assert_int_eq(sh_bus_open(3, 1, RING, &bus), 0);
	bus->patience_ms = 0;
	enter(0, 6);
	sh_bus_want(party.self, 5);
	pid = start_babbler(100, 0);
	while (party.lapped < n) {
		hang_back();
		listen(1 + draw(100));
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	sh_bus_bury(bus, 1);
	listen(100000);
	sh_bus_leave(&party.self);
	sh_bus_close(&bus);
}
END_TEST

/* --- readers are killed ------------------------------------------------------ */

static void
listen_for_ever(uint32_t process, uint64_t incarnation)
{
	enter(process, incarnation);
	sh_bus_want(party.self, 5);
	/* what was said before it came is not known to it */
	party.lapped = 1;
	for (;;)
		sleep_well();
}

START_TEST(a_writer_goes_on_when_readers_are_killed)
{
	uint64_t incarnation = 100, until;
	unsigned n = rounds(200);
	pid_t pid;
	int status;

	ck_assert_int_eq(sh_bus_open(3, 1, RING, &bus), 0);
	bus->patience_ms = NEVER_MS;
	enter(0, 6);
	while (n-- > 0) {
		pid = fork();
		if (pid == 0)
			listen_for_ever(1, ++incarnation);
		incarnation++;
		while (!has_company())
			sleep_until(has_company);
		until = party.written + 1 + draw(1000);
		while (party.written < until)
			if (say(6, 5, 0) == -SHOAL_EAGAIN)
				sleep_until(has_been_told);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		/* it fails on what is not whole */
		ck_assert(WIFSIGNALED(status));
		sh_bus_bury(bus, 1);
	}
	sh_bus_leave(&party.self);
	sh_bus_close(&bus);
}
END_TEST

SH_SUITE("proc/bus_processes", all_hear_all_that_all_say,
    also_what_is_for_everybody, no_wakeup_is_lost,
    of_a_writer_that_is_killed_whole_records_are_left,
    who_is_lapped_sees_whole_records_only,
    a_writer_goes_on_when_readers_are_killed)
