/*
 * This file tests proc/bus*.c with several who take part in one process, so that
 * each step has its place. What processes do to each other is in
 * check_bus_processes.c.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "proc/bus.h"
#include "proc/bus_private.h"
#include "support/suite.h"
#include "unit/proc/bus_edges.h"

enum { COUNT = 8, SLOTS = 4, RING = SH_BUS_RING_MIN, NEVER_MS = 1 << 30 };

static struct sh_bus *bus;
static struct sh_bus_self *who[COUNT];

static void
join(uint32_t process, uint64_t incarnation)
{
	struct sh_bus_options options = { .bus = bus,
		.process = process,
		.incarnation = incarnation,
		.generation = 1,
		.slot = process };

	ck_assert_int_eq(sh_bus_join(&options, &who[process]), 0);
}

/* Those with the numbers 0 to n - 1 take part, as incarnations 100 and up. */
static void
setup_bus(uint32_t n, int64_t patience_ms)
{
	uint32_t i;

	ck_assert_int_eq(sh_bus_open(COUNT, SLOTS, RING, &bus), 0);
	bus->patience_ms = patience_ms;
	sh_bus_set_generation(bus, 1);
	for (i = 0; i < n; i++)
		join(i, 100 + i);
}

static void
teardown_bus(void)
{
	uint32_t i;

	for (i = 0; i < COUNT; i++)
		sh_bus_leave(&who[i]);
	sh_bus_close(&bus);
	ck_assert_ptr_null(bus);
}

static int
write_to(
    uint32_t from, uint32_t to, uint64_t hash, const void *data, size_t len)
{
	struct sh_record record = { .to = to, .kind = 7, .hash = hash };
	struct iovec parts[2] = { { .iov_base = (void *)(uintptr_t)data,
				      .iov_len = len / 3 },
		{ .iov_base = (char *)(uintptr_t)data + len / 3,
		    .iov_len = len - len / 3 } };

	return sh_bus_write(who[from], &record, parts, 2);
}

static int
write_text(uint32_t from, uint64_t hash, const char *text)
{
	return write_to(from, SH_BUS_ALL, hash, text, strlen(text));
}

/* The next record of a reader as text; "" when there is none. */
static const char *
next_text(uint32_t reader)
{
	static char text[256];
	struct sh_record record;
	int r = sh_bus_read(who[reader], &record);

	if (r < 0)
		return shoal_strerror(r);
	snprintf(text, sizeof(text), "%.*s", r == 0 ? 0 : (int)record.len,
	    r == 0 ? "" : (const char *)record.data);
	return text;
}

/* Write until it is refused. Returns how many there were. */
static unsigned
fill(uint32_t from, uint64_t hash)
{
	static const char block[1000];
	unsigned n = 0;

	while (write_to(from, SH_BUS_ALL, hash, block, sizeof(block)) == 0)
		n++;
	return n;
}

static unsigned
drain(uint32_t reader)
{
	struct sh_record record;
	unsigned n = 0;

	while (sh_bus_read(who[reader], &record) == 1)
		n++;
	return n;
}

START_TEST(records_of_all_lengths_come_as_they_are)
{
	static uint8_t sent[RING];
	struct sh_record record;
	size_t len, step, i;

	setup_bus(2, NEVER_MS);
	for (i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + i / 256);
	/* steps so that they cross the end of the ring at many places */
	for (step = 1; step < 700; step += 23)
		for (len = 0; len <= sh_bus_record_max(who[0]);
		     len += step * 7) {
			ck_assert_int_eq(
			    write_to(0, SH_BUS_ALL, 0, sent + len % 97, len),
			    0);
			ck_assert_int_eq(sh_bus_read(who[1], &record), 1);
			ck_assert_uint_eq(record.len, len);
			ck_assert_int_eq(
			    memcmp(record.data, sent + len % 97, len), 0);
			ck_assert_uint_eq(record.from, 0);
			ck_assert_uint_eq(record.from_incarnation, 100);
			ck_assert_uint_eq(record.kind, 7);
			ck_assert_int_eq(sh_bus_read(who[1], &record), 0);
		}
	ck_assert_uint_eq(
	    sh_bus_stats(who[0])->written, sh_bus_stats(who[1])->read);
	teardown_bus();
}
END_TEST

START_TEST(a_record_has_a_maximum)
{
	static const char block[RING];

	setup_bus(2, NEVER_MS);
	ck_assert_uint_le(sh_bus_record_max(who[0]), RING / 4);
	ck_assert_uint_ge(sh_bus_record_max(who[0]), RING / 4 - 64);
	ck_assert_int_eq(
	    write_to(0, SH_BUS_ALL, 0, block, sh_bus_record_max(who[0]) + 1),
	    -SHOAL_EMSGSIZE);
	ck_assert_int_eq(
	    write_to(0, SH_BUS_ALL, 0, block, sh_bus_record_max(who[0])), 0);
	ck_assert_uint_eq(drain(1), 1);
	teardown_bus();
}
END_TEST

START_TEST(only_who_wants_it_gets_it)
{
	setup_bus(3, NEVER_MS);
	ck_assert_int_eq(write_text(0, 11, "nobody wants"), 0);
	ck_assert_uint_eq(sh_bus_stats(who[0])->written, 0);
	sh_bus_want(who[1], 11);
	sh_bus_want(who[1], 11);
	sh_bus_want(who[2], 12);
	ck_assert_int_eq(write_text(0, 11, "eleven"), 0);
	ck_assert_int_eq(write_text(0, 12, "twelve"), 0);
	ck_assert_int_eq(write_text(0, 0, "all"), 0);
	ck_assert_str_eq(next_text(1), "eleven");
	ck_assert_str_eq(next_text(1), "all");
	ck_assert_str_eq(next_text(1), "");
	ck_assert_str_eq(next_text(2), "twelve");
	ck_assert_str_eq(next_text(2), "all");
	/* wanted twice */
	sh_bus_unwant(who[1], 11);
	ck_assert_int_eq(write_text(0, 11, "once more"), 0);
	ck_assert_str_eq(next_text(1), "once more");
	sh_bus_unwant(who[1], 11);
	ck_assert_uint_eq(sh_bus_stats(who[0])->written, 4);
	ck_assert_int_eq(write_text(0, 11, "not any more"), 0);
	ck_assert_uint_eq(sh_bus_stats(who[0])->written, 4);
	ck_assert_str_eq(next_text(2), "");
	sh_bus_want_all(who[2], true);
	ck_assert_int_eq(write_text(0, 99, "anything"), 0);
	ck_assert_str_eq(next_text(2), "anything");
	ck_assert_str_eq(next_text(1), "");
	sh_bus_want_all(who[2], false);
	ck_assert_int_eq(write_text(0, 99, "nothing"), 0);
	ck_assert_uint_eq(sh_bus_stats(who[0])->written, 5);
	teardown_bus();
}
END_TEST

START_TEST(what_was_written_before_it_was_wanted_does_not_come)
{
	setup_bus(3, NEVER_MS);
	sh_bus_want(who[1], 11);
	ck_assert_int_eq(write_text(0, 11, "before"), 0);
	sh_bus_want(who[2], 11);
	ck_assert_int_eq(write_text(0, 11, "after"), 0);
	ck_assert_str_eq(next_text(2), "after");
	ck_assert_str_eq(next_text(2), "");
	/* another one at the same place is no beginning */
	ck_assert_int_eq(write_text(0, 11, "between"), 0);
	sh_bus_want(who[2], 11);
	ck_assert_str_eq(next_text(2), "between");
	/* and there is none while it is wanted by nobody here */
	sh_bus_unwant(who[2], 11);
	sh_bus_unwant(who[2], 11);
	ck_assert_int_eq(write_text(0, 11, "unwanted"), 0);
	sh_bus_want_all(who[2], true);
	ck_assert_int_eq(write_text(0, 12, "all"), 0);
	ck_assert_str_eq(next_text(2), "all");
	ck_assert_str_eq(next_text(2), "");
	ck_assert_str_eq(next_text(1), "before");
	ck_assert_uint_eq(drain(1), 3);
	teardown_bus();
}
END_TEST

START_TEST(one_process_can_be_told)
{
	struct sh_record record = { .to = 2, .to_incarnation = 102 };

	setup_bus(3, NEVER_MS);
	ck_assert_int_eq(write_to(0, 2, 0, "direct", 6), 0);
	ck_assert_str_eq(next_text(1), "");
	ck_assert_str_eq(next_text(2), "direct");
	ck_assert_int_eq(write_to(0, 5, 0, "x", 1), -SHOAL_ENOENT);
	ck_assert_int_eq(write_to(0, COUNT, 0, "x", 1), -SHOAL_ENOENT);
	ck_assert_int_eq(write_to(0, 0, 0, "x", 1), -SHOAL_ENOENT);
	ck_assert_int_eq(sh_bus_write(who[0], &record, NULL, 0), 0);
	record.to_incarnation = 101;
	ck_assert_int_eq(sh_bus_write(who[0], &record, NULL, 0), -SHOAL_ENOENT);
	ck_assert_uint_eq(drain(2), 1);
	teardown_bus();
}
END_TEST

START_TEST(each_writer_is_heard_in_turn)
{
	struct sh_record record;
	unsigned i;

	setup_bus(3, NEVER_MS);
	sh_bus_want(who[1], 5);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(write_text(0, 5, "many"), 0);
	ck_assert_int_eq(write_text(2, 5, "one"), 0);
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(sh_bus_read(who[1], &record), 1);
		if (record.from == 2)
			break;
	}
	ck_assert_uint_lt(i, 20);
	ck_assert_uint_eq(drain(1), 100 - i);
	teardown_bus();
}
END_TEST

START_TEST(who_sleeps_is_woken_once)
{
	int edges;

	setup_bus(3, NEVER_MS);
	edges = bus_edges_open(sh_bus_fd(who[1]));
	bus_edges_wait(edges, 0);
	sh_bus_awake(who[1]);
	sh_bus_want(who[1], 5);
	ck_assert_int_eq(write_text(0, 6, "not for it"), 0);
	ck_assert(!bus_edges_wait(edges, 0));
	ck_assert_int_eq(write_text(0, 5, "first"), 0);
	ck_assert(bus_edges_wait(edges, 0));
	ck_assert_int_eq(write_text(2, 5, "second"), 0);
	/* it is awake */
	ck_assert(!bus_edges_wait(edges, 0));
	ck_assert_uint_eq(drain(1), 2);
	sh_bus_awake(who[1]);
	ck_assert_int_eq(write_text(2, 5, "third"), 0);
	ck_assert(bus_edges_wait(edges, 0));
	sh_bus_yield(who[1]);
	ck_assert(bus_edges_wait(edges, 0));
	ck_assert_uint_eq(drain(1), 1);
	close(edges);
	teardown_bus();
}
END_TEST

static void
count_owed(void *arg)
{
	int *count = arg;

	(*count)++;
}

START_TEST(a_wakeup_may_be_owed)
{
	int edges, owed = 0, i;

	setup_bus(3, NEVER_MS);
	edges = bus_edges_open(sh_bus_fd(who[1]));
	bus_edges_wait(edges, 0);
	sh_bus_awake(who[1]);
	sh_bus_want(who[1], 5);
	sh_bus_defer(who[0], count_owed, &owed);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(write_text(0, 5, "together"), 0);
	ck_assert_int_eq(owed, 1);
	ck_assert(!bus_edges_wait(edges, 0));
	sh_bus_flush(who[0]);
	ck_assert(bus_edges_wait(edges, 0));
	ck_assert_uint_eq(drain(1), 3);
	sh_bus_awake(who[1]);
	sh_bus_flush(who[0]);
	ck_assert(!bus_edges_wait(edges, 0));
	/* of many it is told before the end */
	for (i = 0; i < 100 && !bus_edges_wait(edges, 0); i++)
		ck_assert_int_eq(write_text(0, 5, "many"), 0);
	ck_assert_int_eq(i, 32);
	ck_assert_int_eq(owed, 2);
	ck_assert_uint_eq(drain(1), 32);
	sh_bus_awake(who[1]);
	ck_assert_int_eq(write_to(0, 1, 0, "x", 1), 0);
	ck_assert_int_eq(owed, 3);
	ck_assert(!bus_edges_wait(edges, 0));
	/* who leaves owes nothing */
	sh_bus_leave(&who[0]);
	ck_assert(bus_edges_wait(edges, 0));
	ck_assert_str_eq(next_text(1), "x");
	close(edges);
	teardown_bus();
}
END_TEST

START_TEST(a_full_ring_refuses_until_there_is_room)
{
	int edges;
	unsigned n;

	setup_bus(2, NEVER_MS);
	edges = bus_edges_open(sh_bus_fd(who[0]));
	bus_edges_wait(edges, 0);
	sh_bus_awake(who[0]);
	sh_bus_want(who[1], 5);
	n = fill(0, 5);
	ck_assert_uint_ge(n, RING / 1100);
	ck_assert_uint_le(n, RING / 1000);
	ck_assert_int_eq(sh_bus_stats(who[0])->refused, 1);
	ck_assert_int_gt(sh_bus_retry_ms(who[0]), 1000);
	ck_assert(!bus_edges_wait(edges, 0));
	ck_assert_uint_eq(drain(1), n);
	ck_assert(bus_edges_wait(edges, 0));
	ck_assert_uint_eq(fill(0, 5), n);
	ck_assert_uint_eq(drain(1), n);
	ck_assert_uint_eq(sh_bus_stats(who[1])->lapped, 0);
	close(edges);
	teardown_bus();
}
END_TEST

START_TEST(who_wants_nothing_of_it_is_woken_to_move_on)
{
	int edges;
	unsigned n;

	setup_bus(3, NEVER_MS);
	edges = bus_edges_open(sh_bus_fd(who[2]));
	bus_edges_wait(edges, 0);
	sh_bus_awake(who[2]);
	sh_bus_want(who[1], 5);
	n = fill(0, 5);
	ck_assert(bus_edges_wait(edges, 0));
	ck_assert_uint_eq(drain(1), n);
	ck_assert_uint_eq(fill(0, 5), 0);
	ck_assert_uint_eq(drain(2), 0);
	ck_assert_uint_eq(fill(0, 5), n);
	close(edges);
	teardown_bus();
}
END_TEST

START_TEST(a_slow_reader_is_lapped_and_learns_it)
{
	struct sh_record record;
	unsigned i;

	setup_bus(3, 0);
	sh_bus_want(who[1], 5);
	sh_bus_want(who[2], 5);
	for (i = 0; i < 20 * RING / 1000; i++) {
		ck_assert_int_eq(write_text(0, 5, "a"), 0);
		if (i % 100 == 0)
			ck_assert_uint_gt(drain(2), 0);
	}
	while (sh_bus_stats(who[0])->laps == 0)
		ck_assert_int_eq(write_text(0, 5, "b"), 0);
	ck_assert_uint_eq(sh_bus_stats(who[0])->refused, 0);
	ck_assert_int_eq(sh_bus_read(who[1], &record), -SHOAL_ETRUNCATED);
	ck_assert_uint_eq(record.from, 0);
	ck_assert_uint_eq(record.from_incarnation, 100);
	ck_assert_int_eq(sh_bus_read(who[1], &record), 0);
	ck_assert_uint_eq(sh_bus_stats(who[1])->lapped, 1);
	ck_assert_int_eq(write_text(0, 5, "on it goes"), 0);
	ck_assert_str_eq(next_text(1), "on it goes");
	teardown_bus();
}
END_TEST

START_TEST(nobody_waits_for_who_is_late)
{
	static const char block[RING / 8];
	struct sh_record record;
	unsigned n;

	setup_bus(3, 0);
	sh_bus_want(who[2], 5);
	while (sh_bus_stats(who[0])->laps == 0)
		ck_assert_int_eq(
		    write_to(0, SH_BUS_ALL, 5, block, sizeof(block)), 0);
	/* from now on: patience would be long */
	bus->patience_ms = NEVER_MS;
	for (n = 0; n < 30; n++) {
		ck_assert_int_eq(
		    write_to(1, SH_BUS_ALL, 5, block, sizeof(block)), 0);
		drain(0);
	}
	while (sh_bus_read(who[2], &record) != 0)
		continue;
	/* now it has caught up, and is waited for again */
	ck_assert_uint_le(fill(1, 5), RING / 1000);
	ck_assert_uint_eq(drain(0), 0);
	teardown_bus();
}
END_TEST

START_TEST(the_dead_are_not_waited_for)
{
	int edges;
	unsigned n;

	setup_bus(3, NEVER_MS);
	edges = bus_edges_open(sh_bus_fd(who[0]));
	bus_edges_wait(edges, 0);
	sh_bus_awake(who[0]);
	sh_bus_want(who[1], 5);
	sh_bus_want(who[2], 5);
	fill(0, 5);
	drain(2);
	ck_assert(bus_edges_wait(edges, 0));
	sh_bus_awake(who[0]);
	ck_assert_uint_eq(fill(0, 5), 0);
	sh_bus_bury(bus, 1);
	ck_assert(bus_edges_wait(edges, 0));
	n = fill(0, 5);
	ck_assert_uint_ge(n, RING / 1100);
	ck_assert_uint_eq(sh_bus_peer_count(who[0]), 2);
	close(edges);
	teardown_bus();
}
END_TEST

START_TEST(the_dead_are_heard_before_who_outlives_them)
{
	int i;

	setup_bus(3, NEVER_MS);
	sh_bus_want_all(who[0], true);
	/* it is the turn of the third's ring */
	ck_assert_int_eq(write_text(2, 1, "begin"), 0);
	ck_assert_str_eq(next_text(0), "begin");
	for (i = 0; i < 40; i++)
		ck_assert_int_eq(write_text(1, 1, "old"), 0);
	sh_bus_bury(bus, 1);
	ck_assert_int_eq(write_text(2, 1, "new"), 0);
	for (i = 0; i < 40; i++)
		ck_assert_str_eq(next_text(0), "old");
	ck_assert_str_eq(next_text(0), "new");
	ck_assert_str_eq(next_text(0), "");
	teardown_bus();
}
END_TEST

START_TEST(a_wakeup_that_died_is_made_up_for)
{
	int edges;

	setup_bus(3, NEVER_MS);
	edges = bus_edges_open(sh_bus_fd(who[1]));
	bus_edges_wait(edges, 0);
	sh_bus_awake(who[1]);
	sh_bus_want(who[1], 5);
	/* killed between notified and eventfd */
	atomic_store(&who[1]->block->notified, 1);
	ck_assert_int_eq(write_text(0, 5, "unheard"), 0);
	ck_assert(!bus_edges_wait(edges, 0));
	sh_bus_bury(bus, 2);
	ck_assert(bus_edges_wait(edges, 0));
	ck_assert_str_eq(next_text(1), "unheard");
	close(edges);
	teardown_bus();
}
END_TEST

START_TEST(the_next_one_of_an_index_begins_anew)
{
	struct sh_record record;

	setup_bus(3, NEVER_MS);
	sh_bus_want(who[1], 5);
	sh_bus_want(who[2], 5);
	ck_assert_int_eq(write_text(0, 5, "to the first"), 0);
	ck_assert_int_eq(write_text(1, 5, "last words"), 0);
	sh_bus_bury(bus, 1);
	ck_assert_int_eq(write_text(0, 5, "to nobody there"), 0);
	sh_bus_leave(&who[1]);
	join(1, 200);
	/* it wants nothing yet, and has missed what was before */
	ck_assert_str_eq(next_text(1), "");
	sh_bus_want(who[1], 5);
	ck_assert_str_eq(next_text(1), "");
	ck_assert_int_eq(write_text(0, 5, "to the second"), 0);
	ck_assert_str_eq(next_text(1), "to the second");
	/* what its predecessor wrote stays, in the order */
	ck_assert_int_eq(write_text(1, 5, "first words"), 0);
	drain(0);
	while (sh_bus_read(who[2], &record) == 1 && record.from != 1)
		continue;
	ck_assert_int_eq(memcmp(record.data, "last words", record.len), 0);
	ck_assert_uint_eq(record.from_incarnation, 101);
	while (sh_bus_read(who[2], &record) == 1 && record.from != 1)
		continue;
	ck_assert_int_eq(memcmp(record.data, "first words", record.len), 0);
	ck_assert_uint_eq(record.from_incarnation, 200);
	teardown_bus();
}
END_TEST

/* The dead one had begun to overwrite; the next one's shorter record must not make
 * that look whole. */
START_TEST(what_a_dead_one_has_overwritten_is_lost)
{
	static const char block[RING / 8];
	struct sh_record record;
	uint64_t head;

	setup_bus(2, 0);
	sh_bus_want(who[1], 5);
	while (sh_bus_stats(who[0])->written < 7)
		ck_assert_int_eq(
		    write_to(0, SH_BUS_ALL, 5, block, sizeof(block)), 0);
	head = atomic_load(&who[0]->block->head);
	/* dies behind the store of reserved */
	atomic_store(&who[0]->block->reserved, head + RING / 4);
	sh_bus_leave(&who[0]);
	join(0, 300);
	ck_assert_int_eq(write_text(0, 5, "x"), 0);
	ck_assert_uint_eq(
	    atomic_load(&who[0]->block->reserved), head + RING / 4);
	ck_assert_int_eq(sh_bus_read(who[1], &record), -SHOAL_ETRUNCATED);
	teardown_bus();
}
END_TEST

START_TEST(publishers_can_be_asked_to_pause)
{
	int edges;

	setup_bus(3, NEVER_MS);
	edges = bus_edges_open(sh_bus_fd(who[0]));
	bus_edges_wait(edges, 0);
	sh_bus_awake(who[0]);
	ck_assert(!sh_bus_is_paused(who[0], 5));
	sh_bus_pause(who[1], 5);
	sh_bus_pause(who[1], 5);
	ck_assert(sh_bus_is_paused(who[0], 5));
	ck_assert(!sh_bus_is_paused(who[0], 6));
	/* itself is not its business */
	ck_assert(!sh_bus_is_paused(who[1], 5));
	sh_bus_unpause(who[1], 5);
	ck_assert(sh_bus_is_paused(who[0], 5));
	ck_assert(!bus_edges_wait(edges, 0));
	sh_bus_unpause(who[1], 5);
	ck_assert(bus_edges_wait(edges, 0));
	ck_assert(!sh_bus_is_paused(who[0], 5));
	/* a dead one does not pause for ever */
	sh_bus_awake(who[0]);
	sh_bus_pause(who[2], 5);
	ck_assert(sh_bus_is_paused(who[0], 5));
	sh_bus_bury(bus, 2);
	ck_assert(bus_edges_wait(edges, 0));
	ck_assert(!sh_bus_is_paused(who[0], 5));
	close(edges);
	teardown_bus();
}
END_TEST

START_TEST(processes_are_found)
{
	struct sh_bus_options next = { .process = 5,
		.incarnation = (UINT64_C(3) << 24) + 9,
		.generation = 2,
		.slot = 1 };
	struct sh_bus_peer peers[COUNT], peer;

	setup_bus(3, NEVER_MS);
	next.bus = bus;
	ck_assert_uint_eq(sh_bus_peers(who[0], peers, COUNT), 3);
	ck_assert_uint_eq(peers[1].process, 1);
	ck_assert_uint_eq(peers[1].incarnation, 101);
	ck_assert_uint_eq(peers[1].slot, 1);
	ck_assert_uint_eq(sh_bus_peers(who[0], peers, 2), 2);
	ck_assert(sh_bus_find_slot(who[0], 1, &peer));
	ck_assert_uint_eq(peer.incarnation, 101);
	ck_assert_int_eq(sh_bus_join(&next, &who[5]), 0);
	ck_assert_uint_eq(sh_bus_peer_count(who[0]), 4);
	/* its generation does not serve yet */
	ck_assert(sh_bus_find_slot(who[0], 1, &peer));
	ck_assert_uint_eq(peer.incarnation, 101);
	sh_bus_set_generation(bus, 2);
	ck_assert(sh_bus_find_slot(who[0], 1, &peer));
	ck_assert_uint_eq(peer.process, 5);
	ck_assert(!peer.ready);
	/* another one that replaces it comes, and then serves */
	next.process = 6;
	next.incarnation++;
	sh_bus_set_ready(who[5]);
	ck_assert_int_eq(sh_bus_join(&next, &who[6]), 0);
	ck_assert(sh_bus_find_slot(who[0], 1, &peer));
	ck_assert_uint_eq(peer.process, 5);
	ck_assert(peer.ready);
	sh_bus_set_ready(who[6]);
	ck_assert(sh_bus_find_slot(who[0], 1, &peer));
	ck_assert_uint_eq(peer.process, 6);
	sh_bus_leave(&who[6]);
	ck_assert(sh_bus_find_process(who[0], next.incarnation - 1, &peer));
	ck_assert_uint_eq(peer.process, 5);
	ck_assert(!sh_bus_find_process(who[0], next.incarnation, &peer));
	ck_assert(!sh_bus_find_slot(who[0], 0, &peer));
	ck_assert(
	    sh_bus_find_connection(who[0], UINT64_C(9) << 40 | 77, &peer));
	ck_assert_uint_eq(peer.process, 5);
	ck_assert(!sh_bus_find_connection(who[0], UINT64_C(8) << 40, &peer));
	ck_assert_uint_eq(sh_bus_slot_count(who[0]), SLOTS);
	ck_assert_uint_eq(sh_bus_me(who[5]).generation, 2);
	sh_bus_leave(&who[5]);
	ck_assert(
	    !sh_bus_find_connection(who[0], UINT64_C(9) << 40 | 77, &peer));
	ck_assert_uint_eq(sh_bus_current_generation(who[0]), 2);
	teardown_bus();
}
END_TEST

SH_SUITE("proc/bus", records_of_all_lengths_come_as_they_are,
    a_record_has_a_maximum, only_who_wants_it_gets_it,
    what_was_written_before_it_was_wanted_does_not_come,
    one_process_can_be_told, each_writer_is_heard_in_turn,
    who_sleeps_is_woken_once, a_wakeup_may_be_owed,
    a_full_ring_refuses_until_there_is_room,
    who_wants_nothing_of_it_is_woken_to_move_on,
    a_slow_reader_is_lapped_and_learns_it, nobody_waits_for_who_is_late,
    the_dead_are_not_waited_for, the_dead_are_heard_before_who_outlives_them,
    a_wakeup_that_died_is_made_up_for, the_next_one_of_an_index_begins_anew,
    what_a_dead_one_has_overwritten_is_lost, publishers_can_be_asked_to_pause,
    processes_are_found)
