/* This file tests the histories of the carrier through Redis. */
#include "config.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/attr.h"
#include "support/suite.h"
#include "topic/keep.h"
#include "unit/broker/redis_pair.h"

/* What a question was answered. */
struct answer {
	bool done, gap;
	int result, count, first, last, broken;
	uint64_t epoch, offset;          /* as done() tells */
	uint64_t previous, first_offset; /* of messages */
	struct side *forget_at;
};

static int64_t
now_ms(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return (int64_t)now.tv_sec * 1000 + now.tv_usec / 1000;
}

static void
on_message(const struct sh_publication *publication, void *arg)
{
	struct answer *answer = arg;
	int number = atoi(publication->data);

	if (answer->count++ == 0) {
		answer->first = number;
		answer->first_offset = publication->offset;
	} else if (publication->offset != answer->previous + 1) {
		answer->broken++;
	}
	answer->previous = publication->offset;
	answer->last = number;
	if (answer->forget_at != NULL)
		answer->forget_at->carrier->ops->forget(
		    answer->forget_at->carrier, answer);
}

static void
on_done(int result, uint64_t epoch, uint64_t offset, bool gap, void *arg)
{
	struct answer *answer = arg;

	answer->done = true;
	answer->result = result;
	answer->epoch = epoch;
	answer->offset = offset;
	answer->gap = gap;
}

static void
ask(struct side *side, const char *topic, uint64_t epoch, uint64_t offset,
    size_t max, struct answer *answer)
{
	const struct sh_replay replay = { .topic = topic,
		.topic_len = strlen(topic),
		.epoch = epoch,
		.offset = offset,
		.max = max,
		.message = on_message,
		.done = on_done,
		.arg = answer };

	memset(answer, 0, sizeof(*answer));
	OK(side->carrier->ops->replay(side->carrier, &replay) == 0);
	OK(!answer->done);
}

static struct answer
recall(struct side *side, const char *topic, uint64_t epoch, uint64_t offset,
    size_t max)
{
	struct answer answer;

	ask(side, topic, epoch, offset, max, &answer);
	WAIT_FOR(answer.done);
	OK(answer.broken == 0);
	return answer;
}

static void
add_rule(const char *filter, int64_t count, int64_t bytes, int64_t age_ms)
{
	const struct sh_keep keep = {
		.count = count, .bytes = bytes, .age_ms = age_ms
	};

	OK(sh_keep_add(filter, &keep, false) == 0);
}

static void
add_rules(void)
{
	add_rule("count/#", 5, 0, 0);
	add_rule("bytes", 0, 3 * (1000 + SH_KEEP_MESSAGE_COST), 0);
	add_rule("age", 1000, 0, 60000);
	add_rule("large", 0, 16 << 20, 0);
	sh_keep_settle();
}

/* --- bounds --- */

static void
bounds(void *arg)
{
	struct answer all;
	struct pair pair;
	int64_t now = now_ms();
	int i;

	add_rules();
	pair_open(&pair, NULL);
	side_want(&pair.a, "count/1");
	side_want(&pair.a, "#");
	pair_settle(&pair);
	all = recall(&pair.a, "count/1", 0, 0, SIZE_MAX);
	OK(all.result == 0 && all.count == 0 && all.offset == 0 && !all.gap);
	for (i = 1; i <= 8; i++) {
		side_keep(&pair.b, "count/1", i, 0, now);
		side_keep(&pair.a, "bytes", i, 1000, now);
	}
	for (i = 1; i <= 8; i++)
		side_keep(&pair.a, "age", i, 0, now - 70000 + i * 2000);
	WAIT_FOR(pair.a.arrived == 24);
	all = recall(&pair.a, "count/1", 0, 0, SIZE_MAX);
	OK(all.count == 5 && all.first == 4 && all.last == 8);
	OK(all.offset == 8 && all.epoch != 0 && !all.gap);
	all = recall(&pair.b, "bytes", 0, 0, SIZE_MAX);
	OK(all.count == 3 && all.first == 6 && all.last == 8);
	all = recall(&pair.b, "age", 0, 0, SIZE_MAX);
	OK(all.count == 3 && all.first == 6 && all.last == 8);
	all = recall(&pair.b, "age", 0, 0, 2);
	OK(all.count == 2 && all.first == 7 && all.offset == 8);
	all = recall(&pair.b, "age", 0, 0, 0);
	OK(all.count == 0 && all.offset == 8);
	pair_close(&pair);
	sh_keep_clear();
}

START_TEST(a_history_keeps_within_its_bounds)
{
	rig_start(NULL, NULL);
	rig_run(bounds);
	rig_kill();
}
END_TEST

static void
resume(void *arg)
{
	struct answer got;
	struct pair pair;
	uint64_t epoch;
	int i;

	add_rules();
	pair_open(&pair, NULL);
	side_want(&pair.a, "count/1");
	pair_settle(&pair);
	for (i = 1; i <= 8; i++)
		side_keep(&pair.b, "count/1", i, 0, 1);
	WAIT_FOR(pair.a.arrived == 8);
	OK(pair.a.offset == 8);
	epoch = pair.a.epoch;
	got = recall(&pair.a, "count/1", epoch, 6, SIZE_MAX);
	OK(got.count == 2 && got.first == 7 && !got.gap && got.epoch == epoch);
	got = recall(&pair.a, "count/1", epoch, 8, SIZE_MAX);
	OK(got.count == 0 && !got.gap && got.offset == 8);
	got = recall(&pair.a, "count/1", epoch, 3, SIZE_MAX);
	OK(got.count == 5 && !got.gap);
	got = recall(&pair.a, "count/1", epoch, 2, SIZE_MAX);
	OK(got.count == 5 && got.gap);
	got = recall(&pair.a, "count/1", epoch, 3, 2);
	OK(got.count == 2 && got.first == 7 && !got.gap);
	got = recall(&pair.a, "count/1", epoch, 9, SIZE_MAX);
	OK(got.count == 5 && got.gap);
	got = recall(&pair.a, "count/1", epoch + 1, 8, SIZE_MAX);
	OK(got.count == 5 && got.gap && got.epoch == epoch);
	got = recall(&pair.a, "count/2", epoch, 8, SIZE_MAX);
	OK(got.count == 0 && got.gap && got.offset == 0);
	pair_close(&pair);
	sh_keep_clear();
}

START_TEST(what_is_behind_an_offset_is_given)
{
	rig_start(NULL, NULL);
	rig_run(resume);
	rig_kill();
}
END_TEST

/* Several answers, in one order. */
static void
pages(void *arg)
{
	struct answer got;
	struct pair pair;
	int i;

	add_rules();
	pair_open(&pair, NULL);
	side_want(&pair.a, "large");
	pair_settle(&pair);
	for (i = 1; i <= 100; i++) {
		side_keep(&pair.b, "large", i, 20000, 1);
		if (i % 10 == 0)
			shoal_co_sleep(1);
	}
	WAIT_FOR(pair.a.arrived == 100);
	got = recall(&pair.a, "large", 0, 0, SIZE_MAX);
	OK(got.count == 100 && got.first == 1 && got.last == 100);
	got = recall(&pair.a, "large", pair.a.epoch, 10, 50);
	OK(got.count == 50 && got.first == 51 && !got.gap);
	/* who forgets at the first message gets no other one */
	ask(&pair.a, "large", 0, 0, SIZE_MAX, &got);
	got.forget_at = &pair.a;
	OK(recall(&pair.a, "large", 0, 0, 1).count == 1);
	OK(got.count == 1 && !got.done);
	pair_close(&pair);
	sh_keep_clear();
}

START_TEST(a_long_history_comes_in_pages)
{
	rig_start(NULL, NULL);
	rig_run(pages);
	rig_kill();
}
END_TEST

/* --- a Redis that was away --- */

static void
emptied(void *arg)
{
	struct pair_options options = { .timeout_ms = 300 };
	struct answer got;
	struct pair pair;
	uint64_t epoch;

	add_rules();
	pair_open(&pair, &options);
	side_want(&pair.a, "count/1");
	pair_settle(&pair);
	side_keep(&pair.b, "count/1", 1, 0, 1);
	side_keep(&pair.b, "count/1", 2, 0, 1);
	WAIT_FOR(pair.a.arrived == 2);
	epoch = pair.a.epoch;
	rig_kill();
	WAIT_FOR(!pair.a.carrier->ops->is_settled(pair.a.carrier));
	ask(&pair.a, "count/1", epoch, 1, SIZE_MAX, &got);
	WAIT_FOR(got.done);
	OK(got.result == -SHOAL_ENOTCONN);
	rig_start(NULL, NULL);
	pair_settle(&pair);
	got = recall(&pair.a, "count/1", epoch, 1, SIZE_MAX);
	OK(got.result == 0 && got.gap && got.count == 0);
	WAIT_FOR(side_try_keep(&pair.b, "count/1", 3, 0, 1) == 0);
	WAIT_FOR(pair.a.last == 3);
	OK(pair.a.offset == 1 && pair.a.epoch != epoch);
	pair_close(&pair);
	sh_keep_clear();
}

START_TEST(an_empty_redis_begins_a_new_epoch)
{
	rig_start(NULL, NULL);
	rig_run(emptied);
	rig_kill();
}
END_TEST

/* What Redis has written about its data. */
static void
remove_data(void)
{
	const char *address = rig_address() + strlen("unix:");
	char path[256];
	glob_t found;
	size_t i;

	snprintf(path, sizeof(path), "%.*s/appendonlydir",
	    (int)(strrchr(address, '/') - address), address);
	strcat(path, "/*");
	if (glob(path, 0, NULL, &found) == 0) {
		for (i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	path[strlen(path) - 2] = '\0';
	rmdir(path);
}

/* Who comes again gets what it has missed, as if nothing had been. */
static void
kept(void *arg)
{
	struct pair_options options = { .timeout_ms = 300 };
	struct shoal_redis *redis = rig_connect();
	struct answer got;
	struct pair pair;
	uint64_t epoch;
	int i;

	/* otherwise a write may be put off, and is lost */
	OK(shoal_co_redis_command(
	       redis, NULL, "CONFIG SET appendfsync always") == 0);
	shoal_redis_free(&redis);
	add_rules();
	pair_open(&pair, &options);
	side_want(&pair.a, "count/1");
	pair_settle(&pair);
	for (i = 1; i <= 4; i++)
		side_keep(&pair.b, "count/1", i, 0, 1);
	WAIT_FOR(pair.a.arrived == 4);
	epoch = pair.a.epoch;
	rig_kill();
	WAIT_FOR(!pair.a.carrier->ops->is_settled(pair.a.carrier));
	rig_start("--appendonly", "yes");
	pair_settle(&pair);
	WAIT_FOR(side_try_keep(&pair.b, "count/1", 5, 0, 1) == 0);
	WAIT_FOR(pair.a.last == 5);
	OK(pair.a.epoch == epoch && pair.a.offset == 5);
	got = recall(&pair.a, "count/1", epoch, 2, SIZE_MAX);
	OK(got.result == 0 && !got.gap && got.count == 3 && got.first == 3);
	pair_close(&pair);
	sh_keep_clear();
}

START_TEST(a_redis_that_kept_its_data_goes_on)
{
	rig_start("--appendonly", "yes");
	rig_run(kept);
	rig_kill();
	remove_data();
}
END_TEST

/* Redis comes back, but as it was some time ago. */
static void
set_back(void *arg)
{
	struct shoal_redis *redis = rig_connect();
	struct pair pair;
	uint64_t epoch;
	int i;

	add_rules();
	pair_open(&pair, NULL);
	side_want(&pair.a, "count/1");
	pair_settle(&pair);
	for (i = 1; i <= 4; i++)
		side_keep(&pair.b, "count/1", i, 0, 1);
	WAIT_FOR(pair.a.arrived == 4);
	epoch = pair.a.epoch;
	OK(shoal_co_redis_command(
	       redis, NULL, "HSET test:place:count/1 offset 2") == 0);
	OK(shoal_co_redis_command(redis, NULL, "CLIENT KILL TYPE pubsub") == 0);
	OK(shoal_co_redis_command(
	       redis, NULL, "CLIENT KILL TYPE normal SKIPME yes") == 0);
	WAIT_FOR(pair.a.lost == 1);
	WAIT_FOR(recall(&pair.a, "count/1", 0, 0, SIZE_MAX).epoch != epoch);
	WAIT_FOR(side_try_keep(&pair.b, "count/1", 9, 0, 1) == 0);
	WAIT_FOR(pair.a.last == 9);
	OK(pair.a.epoch != epoch && pair.a.offset == 1);
	pair_close(&pair);
	shoal_redis_free(&redis);
	sh_keep_clear();
}

START_TEST(old_data_begin_a_new_epoch)
{
	rig_start(NULL, NULL);
	rig_run(set_back);
	rig_kill();
}
END_TEST

/* Nothing has come since, but what was told is known. */
static void
set_back_told(void *arg)
{
	struct shoal_redis *redis = rig_connect();
	struct answer got;
	struct pair pair;
	int i;

	add_rules();
	pair_open(&pair, NULL);
	pair_settle(&pair);
	for (i = 1; i <= 4; i++)
		side_keep(&pair.b, "count/1", i, 0, 1);
	WAIT_FOR(recall(&pair.b, "count/1", 0, 0, SIZE_MAX).offset == 4);
	side_want(&pair.a, "count/1");
	pair_settle(&pair);
	got = recall(&pair.a, "count/1", 0, 0, SIZE_MAX);
	OK(got.offset == 4 && pair.a.arrived == 0);
	OK(shoal_co_redis_command(
	       redis, NULL, "HSET test:place:count/1 offset 2") == 0);
	OK(shoal_co_redis_command(
	       redis, NULL, "CLIENT KILL TYPE normal SKIPME yes") == 0);
	WAIT_FOR(side_try_keep(&pair.b, "count/1", 9, 0, 1) == 0);
	WAIT_FOR(recall(&pair.a, "count/1", 0, 0, SIZE_MAX).epoch != got.epoch);
	pair_close(&pair);
	shoal_redis_free(&redis);
	sh_keep_clear();
}

START_TEST(old_data_are_older_than_what_was_told)
{
	rig_start(NULL, NULL);
	rig_run(set_back_told);
	rig_kill();
}
END_TEST

/* Redis has data of an epoch before, and nobody was cut off. */
static void
set_back_epoch(void *arg)
{
	struct shoal_redis *redis = rig_connect();
	struct pair pair;
	uint64_t epoch;
	int i = 1;

	add_rules();
	pair_open(&pair, NULL);
	side_want(&pair.a, "count/1");
	pair_settle(&pair);
	side_keep(&pair.b, "count/1", i, 0, 1);
	WAIT_FOR(pair.a.arrived == 1);
	epoch = pair.a.epoch;
	OK(shoal_co_redis_command(
	       redis, NULL, "HSET test:place:count/1 epoch 9 offset 700") == 0);
	side_keep(&pair.b, "count/1", ++i, 0, 1);
	WAIT_FOR(pair.a.last == i);
	OK(pair.a.epoch == 9 && pair.a.offset == 701);
	WAIT_FOR(recall(&pair.b, "count/1", 0, 0, SIZE_MAX).epoch > epoch);
	side_keep(&pair.b, "count/1", ++i, 0, 1);
	WAIT_FOR(pair.a.last == i);
	OK(pair.a.epoch > epoch && pair.a.offset == 1);
	/* the same by what is told */
	epoch = pair.a.epoch;
	OK(shoal_co_redis_command(
	       redis, NULL, "HSET test:place:count/1 epoch 9 offset 700") == 0);
	OK(recall(&pair.a, "count/1", 0, 0, SIZE_MAX).epoch == 9);
	WAIT_FOR(recall(&pair.b, "count/1", 0, 0, SIZE_MAX).epoch > epoch);
	pair_close(&pair);
	shoal_redis_free(&redis);
	sh_keep_clear();
}

START_TEST(epochs_go_up)
{
	rig_start(NULL, NULL);
	rig_run(set_back_epoch);
	rig_kill();
}
END_TEST

static void
no_script(void *arg)
{
	struct shoal_redis *redis = rig_connect();
	struct pair pair;
	int i;

	add_rules();
	pair_open(&pair, NULL);
	side_want(&pair.a, "count/1");
	pair_settle(&pair);
	for (i = 1; i <= 200; i++) {
		side_keep(&pair.b, "count/1", i, 0, 1);
		if (i % 50 == 0)
			OK(shoal_co_redis_command(
			       redis, NULL, "SCRIPT FLUSH") == 0);
	}
	WAIT_FOR(pair.a.arrived == 200);
	OK(pair.a.offset == 200 && pair.a.wrong == NULL);
	pair_close(&pair);
	shoal_redis_free(&redis);
	sh_keep_clear();
}

START_TEST(scripts_that_were_forgotten_are_loaded_again)
{
	rig_start(NULL, NULL);
	rig_run(no_script);
	rig_kill();
}
END_TEST

/* What is published between the answer and the subscription would be lost. */
static void
replay_and_live(void *arg)
{
	struct answer got;
	struct pair pair;
	int i, round;

	add_rules();
	pair_open(&pair, NULL);
	pair_settle(&pair);
	for (round = 0; round < 20; round++) {
		char topic[32];

		snprintf(topic, sizeof(topic), "large");
		for (i = 0; i < 10; i++)
			side_keep(&pair.b, topic, round * 20 + i + 1, 0, 1);
		pair.a.arrived = 0;
		pair.a.offset = 0;
		side_want(&pair.a, topic);
		ask(&pair.a, topic, 0, 0, SIZE_MAX, &got);
		for (i = 10; i < 20; i++)
			side_keep(&pair.b, topic, round * 20 + i + 1, 0, 1);
		WAIT_FOR(got.done &&
		    (got.offset == (uint64_t)round * 20 + 20 ||
			pair.a.offset == (uint64_t)round * 20 + 20));
		/* live ones begin no later than behind the replayed */
		OK(pair.a.arrived == 0 ||
		    pair.a.offset - (uint64_t)pair.a.arrived <= got.offset);
		side_unwant(&pair.a, topic);
		pair_settle(&pair);
	}
	pair_close(&pair);
	sh_keep_clear();
}

START_TEST(nothing_falls_between_replay_and_live)
{
	rig_start(NULL, NULL);
	rig_run(replay_and_live);
	rig_kill();
}
END_TEST

/* --- what others have written --- */

/* A message of one topic behind those of another. */
static const char mix[] =
    "local e = redis.call('XRANGE', 'test:history:count/2', '-', '+')[1]\n"
    "redis.call('XADD', 'test:history:count/1', '4-0', 't', e[2][2],\n"
    "	'c', e[2][4], 'm', e[2][6])\n"
    "return redis.call('HSET', 'test:place:count/1', 'offset', 4)\n";

static void
foreign_entry(void *arg)
{
	struct shoal_redis *redis = rig_connect();
	struct answer got;
	struct pair pair;
	int i;

	add_rules();
	pair_open(&pair, NULL);
	side_want(&pair.a, "count/1");
	pair_settle(&pair);
	for (i = 1; i <= 3; i++)
		side_keep(&pair.b, "count/1", i, 0, now_ms());
	side_keep(&pair.b, "count/2", 9, 0, now_ms());
	WAIT_FOR(pair.a.arrived == 3);
	got = recall(&pair.b, "count/2", 0, 0, SIZE_MAX);
	OK(got.count == 1 && got.last == 9);
	OK(shoal_co_redis_command(redis, NULL, "EVAL %s 0", mix) == 0);
	got = recall(&pair.a, "count/1", 0, 0, SIZE_MAX);
	OK(got.result == 0 && got.count == 3 && got.last == 3);
	OK(got.gap && got.offset == 4);
	pair_close(&pair);
	shoal_redis_free(&redis);
	sh_keep_clear();
}

START_TEST(an_entry_of_another_topic_is_a_gap)
{
	rig_start(NULL, NULL);
	rig_run(foreign_entry);
	rig_kill();
}
END_TEST

SH_SUITE("broker/redis_history", a_history_keeps_within_its_bounds,
    what_is_behind_an_offset_is_given, a_long_history_comes_in_pages,
    an_empty_redis_begins_a_new_epoch, a_redis_that_kept_its_data_goes_on,
    old_data_begin_a_new_epoch, old_data_are_older_than_what_was_told,
    epochs_go_up, scripts_that_were_forgotten_are_loaded_again,
    nothing_falls_between_replay_and_live, an_entry_of_another_topic_is_a_gap)
