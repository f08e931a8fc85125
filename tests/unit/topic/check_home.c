/* This file tests topic/home*.c: what happens to one message, and to one history. */
#include "config.h"

#include <string.h>

#include <shoal/error.h>

#include "support/suite.h"
#include "topic/home_private.h"
#include "topic/keep.h"
#include "topic/log.h"
#include "topic/publication.h"
#include "unit/topic/home_world.h"

static void
begin(uint32_t slots, int64_t count)
{
	struct sh_keep keep = { .count = count };
	uint32_t i;

	ck_assert_int_eq(sh_keep_add("#", &keep, false), 0);
	world_reset(slots);
	for (i = 0; i < slots; i++)
		world_add(1, i);
}

static void
end(void)
{
	world_clear();
	sh_keep_clear();
}

/* Everybody has got so many messages of a topic, in order, without a hole. */
static void
check_all(int proc, int topic, int count, int epochs)
{
	const struct world_proc *self = &world.procs[proc];
	uint64_t epoch = 0, offset = 0;
	int i, n = 0, changes = 0;

	for (i = 0; i < self->seen_count; i++) {
		const struct world_seen *seen = &self->seen[i];

		if (seen->topic != topic)
			continue;
		if (seen->epoch != epoch) {
			ck_assert_uint_gt(seen->epoch, epoch);
			changes++;
			epoch = seen->epoch;
			offset = 0;
		}
		ck_assert_uint_eq(seen->offset, ++offset);
		n++;
	}
	ck_assert_int_eq(n, count);
	ck_assert_int_eq(changes, epochs);
}

/* A topic whose home is the process, or is not. */
static int
topic_of_slot(uint32_t slot, bool is)
{
	int i;

	for (i = 0; i < WORLD_TOPICS; i++)
		if ((world_slot_of(i) == slot) == is)
			return i;
	ck_abort_msg("no topic fits");
	return -1;
}

START_TEST(messages_get_one_order)
{
	int i, topic;

	begin(2, 100);
	for (i = 0; i < 10; i++)
		for (topic = 0; topic < WORLD_TOPICS; topic++) {
			ck_assert_int_eq(world_publish(0, topic), 0);
			ck_assert_int_eq(world_publish(1, topic), 0);
		}
	/* never from within */
	ck_assert_int_eq(world.procs[0].seen_count, 0);
	world_settle();
	for (i = 0; i < 2; i++)
		for (topic = 0; topic < WORLD_TOPICS; topic++)
			check_all(i, topic, 20, 1);
	end();
}
END_TEST

START_TEST(who_does_not_want_it_knows_that_it_is_out)
{
	begin(2, 100);
	world.procs[0].wants = world.procs[1].wants = false;
	world_publish(0, topic_of_slot(0, false));
	world_publish(0, topic_of_slot(0, true));
	ck_assert(!sh_home_is_quiet(world.procs[0].home));
	world_settle();
	ck_assert(sh_home_is_quiet(world.procs[0].home));
	end();
}
END_TEST

START_TEST(what_is_not_out_is_bounded)
{
	static char big[32768];
	struct sh_publication publication = { .topic = "a",
		.topic_len = 1,
		.type = 1,
		.data = big,
		.len = sizeof(big) };
	struct world_proc *self;
	int i, r;

	begin(1, 10);
	self = &world.procs[0];
	publication.hash = sh_topic_hash("a", 1);
	for (i = 0; (r = sh_home_publish(self->home, &publication)) == 0; i++)
		ck_assert_int_lt(i, 1000);
	ck_assert_int_eq(r, -SHOAL_EAGAIN);
	ck_assert_int_ge(i, SH_HOME_OUTBOX_MAX / 33000 - 1);
	publication.len = 65536;
	ck_assert_int_eq(
	    sh_home_publish(self->home, &publication), -SHOAL_EMSGSIZE);
	end();
}
END_TEST

START_TEST(room_is_told)
{
	int topic;

	begin(2, 10);
	topic = topic_of_slot(1, true);
	world.procs[0].wants = world.procs[1].wants = false;
	while (world_publish(0, topic) == 0)
		continue;
	ck_assert_int_gt(world.procs[0].published[topic], 1000);
	ck_assert(!world.procs[0].room);
	world.mute = true;
	world_settle();
	ck_assert(world.procs[0].room);
	end();
}
END_TEST

START_TEST(a_reload_keeps_epoch_and_order)
{
	int topic, i;

	begin(2, 5);
	topic = topic_of_slot(0, true);
	for (i = 0; i < 10; i++)
		world_publish(1, topic);
	world_settle();
	world_add(2, 0);
	world_add(2, 1);
	world.generation = 2;
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(world_publish(i % 4, topic), 0);
	world_settle();
	check_all(0, topic, 20, 1);
	check_all(1, topic, 20, 1);
	world_replay(3, topic, 0, 0, SIZE_MAX);
	world_settle();
	ck_assert_int_eq(world.procs[3].done_count, 1);
	ck_assert_int_eq(world.procs[3].replayed_count, 5);
	ck_assert_uint_eq(world.procs[3].offset, 20);
	ck_assert(!world.procs[3].gap);
	end();
}
END_TEST

/* Whatever anybody has had with a number is the same message. */
static void
check_number(const struct world_seen *a)
{
	const struct world_seen *b;
	int i, k;

	for (i = 0; i < world.count; i++)
		for (k = 0; k < world.procs[i].seen_count; k++) {
			b = &world.procs[i].seen[k];
			if (a->topic != b->topic || a->epoch != b->epoch ||
			    a->offset != b->offset)
				continue;
			ck_assert_int_eq(a->publisher, b->publisher);
			ck_assert_int_eq(a->number, b->number);
		}
}

/* It waits in vain for whom it is to hear of, and serves. */
static void
wait_in_vain(int proc)
{
	int i;

	for (i = 0; i < 3; i++) {
		world.now_ms += SH_HOME_TAKE_MS;
		world_turn(proc);
	}
}

START_TEST(who_was_home_before_the_last_one_does_not_know_the_numbers)
{
	int i;

	begin(1, 5);
	for (i = 0; i < 10; i++)
		world_publish(0, 0);
	world_settle();
	world_add(2, 0);
	world.generation = 2;
	/* it gets serials and how far the log is, and no entries */
	world.cap = 2;
	world_turn(0);
	while (world_read(1, 0))
		continue;
	world.cap = 0;
	wait_in_vain(1);
	for (i = 0; i < 5; i++)
		world_publish(1, 0);
	world_turn(1);
	ck_assert_uint_eq(world.procs[1].seen[4].offset, 15);
	/* the next one does not hear of the second before it serves */
	world_add(3, 0);
	world.generation = 3;
	world_turn(0);
	wait_in_vain(2);
	for (i = 0; i < 3; i++)
		world_publish(2, 0);
	world_turn(2);
	ck_assert_int_ge(world.procs[2].seen_count, 3);
	world_settle();
	for (i = 0; i < world.procs[2].seen_count; i++)
		check_number(&world.procs[2].seen[i]);
	end();
}
END_TEST

START_TEST(a_history_survives_a_reload_without_publishing)
{
	int topic, i;

	begin(1, 5);
	topic = 0;
	for (i = 0; i < 10; i++)
		world_publish(0, topic);
	world_settle();
	world_add(2, 0);
	world.generation = 2;
	/* as it drains */
	world_turn(0);
	world_settle();
	world_kill(0);
	world_replay(1, topic, world.procs[0].seen[0].epoch, 5, SIZE_MAX);
	world_settle();
	ck_assert_int_eq(world.procs[1].replayed_count, 5);
	ck_assert(!world.procs[1].gap);
	end();
}
END_TEST

/* Of workers that crash in a row, for instance: more than a record has room for. */
START_TEST(a_home_that_has_heard_of_many_hands_over)
{
	enum { MANY = 10000 };
	uint64_t i;

	begin(1, 5);
	for (i = 0; i < 10; i++)
		world_publish(0, 0);
	world_settle();
	for (i = 0; i < MANY; i++)
		ck_assert_ptr_nonnull(
		    sh_order_writer(world.procs[0].home, 1000 + i));
	world_add(2, 0);
	world.generation = 2;
	world_turn(0);
	world_settle();
	ck_assert(sh_home_is_quiet(world.procs[0].home));
	world_kill(0);
	world_replay(1, 0, world.procs[0].seen[0].epoch, 5, SIZE_MAX);
	world_settle();
	ck_assert_int_eq(world.procs[1].replayed_count, 5);
	ck_assert(!world.procs[1].gap);
	end();
}
END_TEST

START_TEST(a_dead_home_begins_a_new_epoch)
{
	int topic, i;

	begin(2, 5);
	topic = topic_of_slot(0, true);
	for (i = 0; i < 3; i++)
		world_publish(1, topic);
	world_settle();
	/* out, but the publisher does not know it yet */
	world_publish(1, topic);
	world_turn(0);
	world_kill(0);
	world_publish(1, topic);
	world_add(1, 0);
	world_settle();
	check_all(1, topic, 5, 2);
	ck_assert_int_eq(world.procs[1].seen[3].number, 3);
	ck_assert_int_eq(world.procs[1].seen[4].number, 4);
	world_replay(1, topic, world.procs[1].seen[3].epoch, 4, SIZE_MAX);
	world_settle();
	ck_assert(world.procs[1].gap);
	ck_assert_int_eq(world.procs[1].replayed_count, 1);
	ck_assert_uint_eq(world.procs[1].offset, 1);
	end();
}
END_TEST

START_TEST(a_home_without_an_heir_is_waited_for)
{
	int topic;

	begin(2, 5);
	topic = topic_of_slot(0, true);
	world_kill(0);
	ck_assert_int_eq(world_publish(1, topic), 0);
	world_turn(1);
	world_turn(1);
	ck_assert(!sh_home_is_quiet(world.procs[1].home));
	world_add(1, 0);
	world_settle();
	check_all(1, topic, 1, 1);
	end();
}
END_TEST

START_TEST(an_old_home_that_does_not_answer_is_not_waited_for)
{
	int topic, i;

	begin(1, 5);
	topic = 0;
	world_publish(0, topic);
	world_settle();
	world_add(2, 0);
	world.generation = 2;
	world_publish(1, topic);
	for (i = 0; i < 3; i++)
		world_turn(1);
	ck_assert_int_eq(world.procs[1].seen_count, 0);
	world.now_ms += 3000;
	world_turn(1);
	ck_assert_int_eq(world.procs[1].seen_count, 1);
	ck_assert_uint_eq(world.procs[1].seen[0].offset, 1);
	/* what it has is of an epoch that is over */
	world_settle();
	world_publish(0, topic);
	world_settle();
	ck_assert_uint_eq(
	    world.procs[1].seen[1].epoch, world.procs[1].seen[0].epoch);
	ck_assert_uint_eq(world.procs[1].seen[1].offset, 2);
	end();
}
END_TEST

START_TEST(what_was_lost_on_the_way_comes_again)
{
	int topic, i;

	begin(2, 50);
	topic = topic_of_slot(0, true);
	world_publish(1, topic);
	world_settle();
	world_publish(1, topic);
	world_lap(0, 1);
	world_settle();
	check_all(1, topic, 2, 1);
	/* and what it was told */
	world_publish(1, topic);
	world_turn(0);
	world_lap(1, 0);
	world.now_ms += 3000;
	for (i = 0; i < 3; i++)
		world_settle();
	ck_assert(sh_home_is_quiet(world.procs[1].home));
	check_all(0, topic, 3, 1);
	end();
}
END_TEST

START_TEST(the_next_home_knows_what_was_had)
{
	int topic, i;

	begin(2, 50);
	topic = topic_of_slot(0, true);
	world_publish(1, topic);
	for (i = 0; i < 3; i++)
		world_turn(0);
	ck_assert_int_eq(world.procs[0].seen_count, 1);
	/* it is out, but its publisher does not come to know that */
	world_lap(1, 0);
	world_add(2, 0);
	world_add(2, 1);
	world.generation = 2;
	world_settle();
	check_all(0, topic, 1, 1);
	ck_assert(sh_home_is_quiet(world.procs[1].home));
	end();
}
END_TEST

START_TEST(replays_have_bounds)
{
	const struct world_proc *self;
	uint64_t epoch;
	int topic, i;

	begin(2, 10);
	topic = topic_of_slot(0, true);
	for (i = 0; i < 15; i++)
		world_publish(1, topic);
	world_settle();
	self = &world.procs[1];
	epoch = self->seen[0].epoch;
	world_replay(1, topic, 0, 0, 3);
	world_settle();
	ck_assert_int_eq(self->replayed_count, 3);
	ck_assert_uint_eq(self->replayed[0].offset, 13);
	ck_assert(!self->gap);
	world_replay(1, topic, epoch, 12, 2);
	world_settle();
	ck_assert_int_eq(self->replayed_count, 2);
	ck_assert(self->gap);
	world_replay(1, topic, epoch, 15, 2);
	world_settle();
	ck_assert_int_eq(self->replayed_count, 0);
	ck_assert(!self->gap);
	world_replay(1, topic, epoch, 3, SIZE_MAX);
	world_settle();
	ck_assert_int_eq(self->replayed_count, 10);
	ck_assert(self->gap);
	world_replay(1, topic, epoch, 5, SIZE_MAX);
	world_settle();
	ck_assert_int_eq(self->replayed_count, 10);
	ck_assert(!self->gap);
	world_replay(1, topic, epoch, 15, 0);
	world_settle();
	ck_assert_int_eq(self->done_count, 1);
	ck_assert_int_eq(self->replayed_count, 0);
	/* a topic that was never published to */
	world_replay(0, (topic + 1) % WORLD_TOPICS, 0, 0, 5);
	world_settle();
	ck_assert_int_eq(world.procs[0].done_count, 1);
	ck_assert(!world.procs[0].gap);
	ck_assert_uint_eq(world.procs[0].epoch, 0);
	end();
}
END_TEST

START_TEST(a_replay_goes_on_when_there_is_room)
{
	const struct world_proc *self;
	int topic, i;

	begin(2, 1000);
	topic = topic_of_slot(0, true);
	for (i = 0; i < 600; i++) {
		world_publish(1, topic);
		if (i % 50 == 0)
			world_settle();
	}
	world_settle();
	self = &world.procs[1];
	world.cap = 7;
	world_replay(1, topic, 0, 0, SIZE_MAX);
	for (i = 0; i < 400 && self->done_count == 0; i++) {
		world_turn(0);
		world_turn(1);
	}
	ck_assert_int_eq(self->done_count, 1);
	ck_assert_int_eq(self->replayed_count, 600);
	for (i = 0; i < 600; i++)
		ck_assert_uint_eq(self->replayed[i].offset, (uint64_t)i + 1);
	end();
}
END_TEST

START_TEST(a_replay_goes_on_at_the_next_home)
{
	const struct world_proc *self;
	int topic, i;

	begin(2, 1000);
	topic = topic_of_slot(0, true);
	for (i = 0; i < 100; i++)
		world_publish(1, topic);
	world_settle();
	self = &world.procs[1];
	world.cap = 20;
	world_replay(1, topic, 0, 0, SIZE_MAX);
	for (i = 0; i < 3; i++) {
		world_turn(0);
		world_turn(1);
	}
	ck_assert_int_eq(self->done_count, 0);
	ck_assert_int_gt(self->replayed_count, 10);
	world_add(2, 0);
	world_add(2, 1);
	world.generation = 2;
	world_settle();
	ck_assert_int_eq(self->done_count, 1);
	ck_assert(!self->gap);
	ck_assert_int_eq(self->replayed_count, 100);
	for (i = 0; i < 100; i++)
		ck_assert_uint_eq(self->replayed[i].offset, (uint64_t)i + 1);
	end();
}
END_TEST

/* Others may need the memory of a log while it is told. */
START_TEST(a_replay_of_a_log_that_is_gone_has_a_gap)
{
	const char *name;
	struct sh_log *log;
	int topic, i, again;

	for (again = 0; again < 2; again++) {
		begin(2, 1000);
		topic = topic_of_slot(0, true);
		name = world_topic(topic);
		for (i = 0; i < 100; i++)
			world_publish(1, topic);
		world_settle();
		world.cap = 20;
		world_replay(1, topic, 0, 0, SIZE_MAX);
		for (i = 0; i < 3; i++) {
			world_turn(0);
			world_turn(1);
		}
		ck_assert_int_gt(world.procs[1].replayed_count, 10);
		ck_assert_int_eq(world.procs[1].done_count, 0);
		log = sh_logs_find(
		    world.procs[0].home->logs, name, 1, sh_topic_hash(name, 1));
		sh_logs_remove(world.procs[0].home->logs, &log);
		/* a new one may have taken its place */
		if (again)
			world_publish(0, topic);
		world_settle();
		ck_assert_int_eq(world.procs[1].done_count, 1);
		ck_assert_int_lt(world.procs[1].replayed_count, 100);
		ck_assert(world.procs[1].gap);
		end();
	}
}
END_TEST

START_TEST(a_replay_ends_in_time)
{
	int topic, i;

	begin(2, 5);
	topic = topic_of_slot(0, true);
	world_kill(0);
	world_replay(1, topic, 0, 0, 1);
	for (i = 0; i < 12; i++) {
		world_turn(1);
		world.now_ms += 1000;
	}
	ck_assert_int_eq(world.procs[1].done_count, 1);
	ck_assert_int_eq(world.procs[1].result, -SHOAL_ETIMEDOUT);
	world_replay(1, topic, 0, 0, 1);
	sh_home_forget(world.procs[1].home, &world.procs[1]);
	world.now_ms += 20000;
	world_turn(1);
	ck_assert_int_eq(world.procs[1].done_count, 0);
	end();
}
END_TEST

START_TEST(an_answer_that_lies_unread_is_one)
{
	const struct world_proc *self;
	int topic, i;

	begin(2, 1000);
	topic = topic_of_slot(0, true);
	for (i = 0; i < 100; i++)
		world_publish(1, topic);
	world_settle();
	self = &world.procs[1];
	world_replay(1, topic, 0, 0, SIZE_MAX);
	world_turn(1);
	world_turn(0);
	world.now_ms += 2 * SH_HOME_ASK_MS;
	sh_home_run(self->home, false);
	ck_assert_int_eq(self->done_count, 0);
	world_settle();
	ck_assert_int_eq(self->done_count, 1);
	ck_assert_int_eq(self->result, 0);
	ck_assert_int_eq(self->replayed_count, 100);
	end();
}
END_TEST

SH_SUITE("topic/home", messages_get_one_order,
    who_does_not_want_it_knows_that_it_is_out, what_is_not_out_is_bounded,
    room_is_told, a_reload_keeps_epoch_and_order,
    who_was_home_before_the_last_one_does_not_know_the_numbers,
    a_history_survives_a_reload_without_publishing,
    a_home_that_has_heard_of_many_hands_over, a_dead_home_begins_a_new_epoch,
    a_home_without_an_heir_is_waited_for,
    an_old_home_that_does_not_answer_is_not_waited_for,
    what_was_lost_on_the_way_comes_again, the_next_home_knows_what_was_had,
    replays_have_bounds, a_replay_goes_on_when_there_is_room,
    a_replay_goes_on_at_the_next_home, a_replay_of_a_log_that_is_gone_has_a_gap,
    a_replay_ends_in_time, an_answer_that_lies_unread_is_one)
