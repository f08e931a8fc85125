/*
 * This file tests topic/bus_link.c and topic/carrier_bus.c: the loop of this process
 * at one end, and who stands for another worker at the other, without a loop.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/ws.h>

#include "base/log.h"
#include "base/counters.h"
#include "io/loop.h"
#include "proc/bus_private.h"
#include "support/suite.h"
#include "topic/bus_link.h"
#include "topic/carrier_bus.h"
#include "topic/publication.h"

enum { RING = SH_BUS_RING_MIN, NEVER_MS = 1 << 30, TURNS = 100000 };

static struct sh_counters counters;
static struct sh_bus *bus;
static struct sh_loop *loop;
static struct sh_bus_link *bus_link;
static struct sh_carrier *carrier;
static struct sh_bus_self *other;

/* What the carrier has told. */
static unsigned arrived, lost, rooms;
static size_t arrived_bytes;
static char last[64];

static void
on_arrived(const struct sh_publication *publication, void *arg)
{
	arrived++;
	arrived_bytes += publication->len;
	snprintf(last, sizeof(last), "%s %.*s", publication->topic,
	    publication->len < 40 ? (int)publication->len : 40,
	    (const char *)publication->data);
}

static void
on_lost(const char *filter, void *arg)
{
	ck_assert_ptr_null(filter);
	lost++;
}

static void
on_room(void *arg)
{
	rooms++;
}

static void
setup_carrier(int64_t patience_ms)
{
	struct sh_loop_options loop_options = { .counters = &counters };
	struct sh_bus_options options = {
		.process = 0, .incarnation = 1, .generation = 1
	};

	sh_log_open(2, SH_LOG_TEXT, SHOAL_LOG_CRIT);
	arrived = lost = rooms = 0;
	arrived_bytes = 0;
	ck_assert_int_eq(sh_bus_open(4, 2, RING, &bus), 0);
	bus->patience_ms = patience_ms;
	ck_assert_int_eq(sh_loop_new(&loop_options, &loop), 0);
	options.bus = bus;
	ck_assert_int_eq(sh_bus_link_open(loop, &options, &bus_link), 0);
	ck_assert_ptr_eq(sh_bus_link_current(), bus_link);
	ck_assert_int_eq(sh_carrier_bus_open(loop, bus_link, &carrier), 0);
	carrier->events = (struct sh_carrier_events){
		.arrived = on_arrived, .lost = on_lost, .room = on_room
	};
	options.process = options.incarnation = 2;
	options.slot = 1;
	ck_assert_int_eq(sh_bus_join(&options, &other), 0);
}

static void
teardown_carrier(void)
{
	carrier->ops->close(&carrier);
	ck_assert_ptr_null(carrier);
	sh_bus_link_close(&bus_link);
	ck_assert_ptr_null(sh_bus_link_current());
	sh_bus_leave(&other);
	sh_loop_free(&loop);
	sh_bus_close(&bus);
}

static void
turn_until(const unsigned *counter, unsigned wanted)
{
	unsigned turns;

	for (turns = 0; turns < TURNS && *counter < wanted; turns++)
		ck_assert_int_eq(sh_loop_turn(loop), 0);
	ck_assert_uint_ge(*counter, wanted);
}

static struct sh_publication
publication_of(const char *topic, const void *data, size_t len)
{
	return (struct sh_publication){ .topic = topic,
		.topic_len = strlen(topic),
		.hash = sh_topic_hash(topic, strlen(topic)),
		.type = SHOAL_WS_TEXT,
		.data = data,
		.len = len };
}

/* The other worker publishes. */
static int
tell(const char *topic, const void *data, size_t len)
{
	struct sh_publication publication = publication_of(topic, data, len);
	struct sh_record record = { .to = SH_BUS_ALL,
		.kind = SH_BUS_KIND_PUBLICATION,
		.hash = publication.hash };
	uint8_t head[SH_PUBLICATION_HEADER_MAX];
	struct iovec parts[2] = {
		{ head, sh_publication_encode(&publication, head) },
		{ (void *)(uintptr_t)data, len }
	};

	return sh_bus_write(other, &record, parts, 2);
}

static int
publish(const char *topic, const void *data, size_t len)
{
	struct sh_publication publication = publication_of(topic, data, len);

	return carrier->ops->publish(carrier, &publication, false);
}

/* What the other worker gets. */
static unsigned
read_other(void)
{
	struct sh_publication publication;
	struct sh_record record;
	unsigned n = 0;

	while (sh_bus_read(other, &record) == 1) {
		ck_assert_int_eq(sh_publication_decode(
				     &publication, record.data, record.len),
		    0);
		snprintf(last, sizeof(last), "%s %.*s", publication.topic,
		    publication.len < 40 ? (int)publication.len : 40,
		    (const char *)publication.data);
		n++;
	}
	return n;
}

START_TEST(messages_go_to_who_wants_them)
{
	setup_carrier(NEVER_MS);
	ck_assert_uint_eq(carrier->ops->peers(carrier), 2);
	ck_assert(carrier->ops->is_settled(carrier));
	ck_assert_int_eq(carrier->ops->want(carrier, "a/b"), 0);
	ck_assert_int_eq(tell("a/c", "x", 1), 0);
	ck_assert_int_eq(tell("a/b", "hello", 5), 0);
	turn_until(&arrived, 1);
	ck_assert_str_eq(last, "a/b hello");
	ck_assert_uint_eq(SH_COUNTER(counters.bus_read), 1);
	/* a wildcard has to have everything */
	ck_assert_int_eq(carrier->ops->want(carrier, "a/+"), 0);
	ck_assert_int_eq(tell("a/c", "y", 1), 0);
	turn_until(&arrived, 2);
	ck_assert_str_eq(last, "a/c y");
	carrier->ops->unwant(carrier, "a/+");
	carrier->ops->unwant(carrier, "a/b");
	ck_assert_int_eq(tell("a/b", "z", 1), 0);
	ck_assert_uint_eq(sh_bus_stats(other)->written, 2);
	/* and from here; nothing comes back */
	ck_assert_int_eq(publish("q", "nobody", 6), 0);
	ck_assert_uint_eq(SH_COUNTER(counters.bus_written), 0);
	sh_bus_want(other, sh_topic_hash("q", 1));
	ck_assert_int_eq(carrier->ops->want(carrier, "q"), 0);
	ck_assert_int_eq(publish("q", "other", 5), 0);
	ck_assert_uint_eq(read_other(), 1);
	ck_assert_str_eq(last, "q other");
	ck_assert_uint_eq(SH_COUNTER(counters.bus_written), 1);
	ck_assert_uint_eq(arrived, 2);
	teardown_carrier();
}
END_TEST

START_TEST(a_flood_comes_in_portions)
{
	static const char block[1000];
	unsigned n, turns = 0;

	setup_carrier(NEVER_MS);
	carrier->ops->want(carrier, "t");
	for (n = 0; n < 50; n++)
		ck_assert_int_eq(tell("t", block, sizeof(block)), 0);
	while (arrived < 50) {
		unsigned before = arrived;

		ck_assert_int_eq(sh_loop_turn(loop), 0);
		ck_assert_uint_le(arrived - before, 66);
		turns++;
	}
	for (n = 0; n < 300; n++)
		ck_assert_int_eq(tell("t", "x", 1), 0);
	for (turns = 0; arrived < 350; turns++) {
		unsigned before = arrived;

		ck_assert_int_eq(sh_loop_turn(loop), 0);
		ck_assert_uint_le(arrived - before, 128);
	}
	ck_assert_uint_ge(turns, 3);
	teardown_carrier();
}
END_TEST

START_TEST(room_is_told_when_the_other_has_read)
{
	static const char block[1000];
	unsigned n = 0;

	setup_carrier(NEVER_MS);
	sh_bus_want(other, sh_topic_hash("t", 1));
	while (publish("t", block, sizeof(block)) == 0)
		n++;
	ck_assert_int_eq(publish("t", block, sizeof(block)), -SHOAL_EAGAIN);
	ck_assert_uint_eq(rooms, 0);
	ck_assert_uint_eq(read_other(), n);
	turn_until(&rooms, 1);
	ck_assert_int_eq(publish("t", block, sizeof(block)), 0);
	ck_assert_uint_eq(SH_COUNTER(counters.bus_refused), 2);
	teardown_carrier();
}
END_TEST

START_TEST(who_never_reads_is_not_waited_for)
{
	static const char block[1000];

	setup_carrier(20);
	sh_bus_want(other, sh_topic_hash("t", 1));
	while (publish("t", block, sizeof(block)) == 0)
		continue;
	turn_until(&rooms, 1);
	ck_assert_int_eq(publish("t", block, sizeof(block)), 0);
	ck_assert_uint_eq(sh_bus_stats(sh_bus_link_bus(bus_link))->laps, 1);
	teardown_carrier();
}
END_TEST

START_TEST(what_was_missed_is_told)
{
	static const char block[1000];

	setup_carrier(0);
	carrier->ops->want(carrier, "t");
	while (sh_bus_stats(other)->laps == 0)
		ck_assert_int_eq(tell("t", block, sizeof(block)), 0);
	turn_until(&lost, 1);
	ck_assert_uint_eq(SH_COUNTER(counters.bus_lapped), 1);
	ck_assert_uint_eq(arrived, 0);
	ck_assert_int_eq(tell("t", "on", 2), 0);
	turn_until(&arrived, 1);
	ck_assert_uint_eq(lost, 1);
	teardown_carrier();
}
END_TEST

/* A worker that is slow all the time has gaps all the time, but its log is for
 * people. */
START_TEST(a_slow_worker_does_not_fill_the_log)
{
	enum { TIMES = 200, LINES = 10 };
	static const char block[1000];
	FILE *file = tmpfile();
	unsigned times, lines = 0;
	char line[512];

	setup_carrier(0);
	carrier->ops->want(carrier, "t");
	sh_log_open(fileno(file), SH_LOG_TEXT, SHOAL_LOG_WARNING);
	for (times = 1; times <= TIMES; times++) {
		while (sh_bus_stats(other)->laps < times)
			ck_assert_int_eq(tell("t", block, sizeof(block)), 0);
		turn_until(&lost, times);
		/* it has caught up: it is waited for */
		ck_assert_int_eq(tell("t", "on", 2), 0);
		turn_until(&arrived, times);
	}
	sh_log_open(2, SH_LOG_TEXT, SHOAL_LOG_CRIT);
	rewind(file);
	while (fgets(line, sizeof(line), file) != NULL)
		lines++;
	ck_assert_uint_ge(lines, 1);
	ck_assert_uint_le(lines, LINES);
	fclose(file);
	teardown_carrier();
}
END_TEST

START_TEST(a_message_has_a_maximum_whoever_wants_it)
{
	static const char block[RING / 4];

	setup_carrier(NEVER_MS);
	ck_assert_int_eq(publish("t", block, sizeof(block)), -SHOAL_EMSGSIZE);
	ck_assert_int_eq(publish("t", block, sizeof(block) - 1024), 0);
	teardown_carrier();
}
END_TEST

START_TEST(the_end_of_a_pause_is_room)
{
	uint64_t hash = sh_topic_hash("t", 1);

	setup_carrier(NEVER_MS);
	ck_assert(!carrier->ops->is_paused(carrier, hash));
	sh_bus_pause(other, hash);
	ck_assert(carrier->ops->is_paused(carrier, hash));
	sh_bus_unpause(other, hash);
	turn_until(&rooms, 1);
	ck_assert(!carrier->ops->is_paused(carrier, hash));
	/* and the other way */
	carrier->ops->pause(carrier, hash, true);
	ck_assert(sh_bus_is_paused(other, hash));
	carrier->ops->pause(carrier, hash, false);
	ck_assert(!sh_bus_is_paused(other, hash));
	teardown_carrier();
}
END_TEST

/* --- others who follow the link ---------------------------------------------- */

static unsigned received, turned_all, losses;

static void
on_received(const struct sh_record *record, void *arg)
{
	struct sh_bus_follower *gone = arg;

	received++;
	/* may be said at any time, of itself too */
	sh_bus_link_unfollow(bus_link, gone);
}

static void
on_turned(bool read_all, void *arg)
{
	turned_all += read_all;
}

static void
on_losses(uint32_t process, void *arg)
{
	ck_assert_uint_eq(process, 2);
	losses++;
}

START_TEST(records_go_to_who_follows_their_kind)
{
	struct sh_bus_follower watcher = { .from_kind = 1,
		.to_kind = 0,
		.turned = on_turned,
		.lost = on_losses };
	struct sh_bus_follower second = {
		.from_kind = 7, .to_kind = 9, .received = on_received
	};
	struct sh_bus_follower first = second;
	struct sh_record record = { .to = 0, .kind = 8 };
	struct sh_bus_peer peer;

	setup_carrier(NEVER_MS);
	received = turned_all = losses = 0;
	first.arg = &second;
	second.arg = &second;
	sh_bus_link_follow(bus_link, &first);
	sh_bus_link_follow(bus_link, &second);
	sh_bus_link_follow(bus_link, &watcher);
	ck_assert_int_eq(sh_bus_write(other, &record, NULL, 0), 0);
	record.kind = 10;
	ck_assert_int_eq(sh_bus_write(other, &record, NULL, 0), 0);
	turn_until(&received, 1);
	turn_until(&turned_all, 1);
	/* the first has taken the second away before its turn */
	ck_assert_uint_eq(received, 1);
	/* asked for, and when somebody goes */
	turned_all = 0;
	sh_bus_link_soon(bus_link);
	turn_until(&turned_all, 1);
	ck_assert(sh_bus_find_process(other, 2, &peer));
	ck_assert_int_eq(sh_bus_link_tell(bus_link, &peer, 8, NULL, 0), 0);
	peer.incarnation++;
	ck_assert_int_eq(
	    sh_bus_link_tell(bus_link, &peer, 8, NULL, 0), -SHOAL_ENOENT);
	turned_all = 0;
	sh_bus_leave(&other);
	turn_until(&turned_all, 1);
	sh_bus_link_unfollow(bus_link, &first);
	sh_bus_link_unfollow(bus_link, &watcher);
	sh_bus_link_unfollow(bus_link, &watcher);
	teardown_carrier();
}
END_TEST

SH_SUITE("topic/carrier_bus", messages_go_to_who_wants_them,
    a_flood_comes_in_portions, room_is_told_when_the_other_has_read,
    who_never_reads_is_not_waited_for, what_was_missed_is_told,
    a_slow_worker_does_not_fill_the_log,
    a_message_has_a_maximum_whoever_wants_it, the_end_of_a_pause_is_room,
    records_go_to_who_follows_their_kind)
