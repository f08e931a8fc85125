/*
 * This file tests broker/redis*.c with two carriers in one process and a real
 * redis-server between them. Histories are check_redis_history.c.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "unit/broker/redis_pair.h"
#include "support/suite.h"

/* --- what is published comes back --- */

static void
each_once_and_in_order(void *arg)
{
	static const char *const topics[] = { "chat/1", "chat/2", "other" };
	struct pair pair;
	int i, n = 3000;

	pair_open(&pair, NULL);
	side_want(&pair.a, "chat/1");
	side_want(&pair.a, "chat/+");
	side_want(&pair.a, "#");
	side_want(&pair.b, "chat/#");
	side_want(&pair.b, "chat/1");
	pair_settle(&pair);
	for (i = 0; i < n; i++) {
		side_publish(&pair.a, topics[i % 3], i);
		side_publish(&pair.b, topics[i % 3], i);
		if (i % 100 == 0)
			shoal_co_sleep(0);
	}
	WAIT_FOR(pair.a.arrived == 2 * n);
	WAIT_FOR(pair.b.arrived == 2 * n / 3 * 2);
	OK(pair.a.wrong == NULL);
	OK(pair.b.wrong == NULL);
	OK(pair.a.lost == 0 && pair.b.lost == 0);
	WAIT_FOR(pair.a.carrier->ops->peers(pair.a.carrier) == 2);
	WAIT_FOR(pair.b.carrier->ops->peers(pair.b.carrier) == 2);
	pair_close(&pair);
}

START_TEST(messages_come_once_and_in_order)
{
	rig_start(NULL, NULL);
	rig_run(each_once_and_in_order);
	rig_kill();
}
END_TEST

static void
want_and_unwant(void *arg)
{
	struct pair pair;

	pair_open(&pair, NULL);
	side_want(&pair.a, "x*[a]?\\/+");
	side_want(&pair.a, "y");
	side_want(&pair.a, "z");
	pair_settle(&pair);
	side_unwant(&pair.a, "y");
	side_want(&pair.a, "y");
	side_unwant(&pair.a, "z");
	pair_settle(&pair);
	side_publish(&pair.b, "xx[a]?\\/1", 0);
	side_publish(&pair.b, "z", 1);
	side_publish(&pair.b, "x*[a]?\\/1", 2);
	side_publish(&pair.b, "y", 3);
	WAIT_FOR(pair.a.arrived == 2);
	OK(pair.a.last == 3);
	side_unwant(&pair.a, "x*[a]?\\/+");
	pair_settle(&pair);
	side_publish(&pair.b, "x*[a]?\\/1", 4);
	side_publish(&pair.b, "y", 5);
	WAIT_FOR(pair.a.arrived == 3);
	OK(pair.a.last == 5);
	pair_close(&pair);
}

START_TEST(only_what_is_wanted_comes)
{
	rig_start(NULL, NULL);
	rig_run(want_and_unwant);
	rig_kill();
}
END_TEST

static void
strangers(void *arg)
{
	static const char *const payloads[] = { "", "P", "hello", "K1 2 ",
		"K01 2 0123456789abcdef" };
	struct shoal_redis *redis = rig_connect();
	struct pair pair;
	size_t i;

	pair_open(&pair, NULL);
	side_want(&pair.a, "t");
	pair_settle(&pair);
	for (i = 0; i < SH_ARRAY_LEN(payloads); i++)
		OK(shoal_co_redis_command(
		       redis, NULL, "PUBLISH test:t %s", payloads[i]) == 0);
	side_publish(&pair.b, "t", 7);
	WAIT_FOR(pair.a.arrived == 1);
	OK(pair.a.last == 7);
	pair_close(&pair);
	shoal_redis_free(&redis);
}

START_TEST(what_others_publish_is_left_alone)
{
	rig_start(NULL, NULL);
	rig_run(strangers);
	rig_kill();
}
END_TEST

/* --- trouble --- */

static void
full_queue(void *arg)
{
	struct pair_options options = { .queue_max = 64 << 10,
		.timeout_ms = WAIT_MS };
	struct pair pair;
	int n = 0, r;

	pair_open(&pair, &options);
	side_want(&pair.b, "t");
	pair_settle(&pair);
	rig_freeze(true);
	while ((r = side_try(&pair.a, "t", n)) == 0 && n < 100000)
		n++;
	OK(r == -SHOAL_EAGAIN);
	OK(n > 50 && n < 1000);
	OK(pair.a.room == 0);
	rig_freeze(false);
	WAIT_FOR(pair.a.room == 1);
	WAIT_FOR(pair.b.arrived == n);
	side_publish(&pair.a, "t", n);
	WAIT_FOR(pair.b.arrived == n + 1);
	OK(pair.b.wrong == NULL);
	pair_close(&pair);
}

START_TEST(a_full_queue_refuses_and_tells_of_room)
{
	rig_start(NULL, NULL);
	rig_run(full_queue);
	rig_kill();
}
END_TEST

static void
restart(void *arg)
{
	struct pair_options options = { .timeout_ms = 300 };
	struct pair pair;
	int i;

	pair_open(&pair, &options);
	side_want(&pair.a, "t");
	side_want(&pair.b, "t/#");
	pair_settle(&pair);
	for (i = 0; i < 100; i++)
		side_publish(&pair.a, "t", i);
	WAIT_FOR(pair.b.arrived == 100);
	rig_kill();
	WAIT_FOR(!pair.a.carrier->ops->is_settled(pair.a.carrier));
	/* it is taken for a while, then no longer */
	WAIT_FOR(side_try(&pair.a, "t", ++i) == -SHOAL_ENOTCONN);
	OK(pair.a.lost == 0);
	rig_start(NULL, NULL);
	pair_settle(&pair);
	OK(pair.a.lost == 1 && pair.b.lost == 1);
	WAIT_FOR(side_try(&pair.a, "t", 20000) == 0);
	WAIT_FOR(pair.a.last == 20000 && pair.b.last == 20000);
	OK(pair.a.wrong == NULL && pair.b.wrong == NULL);
	WAIT_FOR(pair.b.carrier->ops->peers(pair.b.carrier) == 2);
	pair_close(&pair);
}

START_TEST(a_redis_that_comes_back_is_used_again)
{
	rig_start(NULL, NULL);
	rig_run(restart);
	rig_kill();
}
END_TEST

/* The peer is silent: no end, no reset. */
static void
frozen(void *arg)
{
	struct pair_options options = { .timeout_ms = 200 };
	struct pair pair;

	pair_open(&pair, &options);
	side_want(&pair.a, "t");
	pair_settle(&pair);
	rig_freeze(true);
	side_publish(&pair.a, "t", 1);
	WAIT_FOR(!pair.a.carrier->ops->is_settled(pair.a.carrier));
	rig_freeze(false);
	pair_settle(&pair);
	OK(pair.a.lost == 1);
	WAIT_FOR(side_try(&pair.a, "t", 2) == 0);
	WAIT_FOR(pair.a.last == 2);
	/* the first of them perhaps, but not twice */
	OK(pair.a.arrived <= 2 && pair.a.wrong == NULL);
	pair_close(&pair);
}

START_TEST(a_silent_redis_is_given_up)
{
	rig_start(NULL, NULL);
	rig_run(frozen);
	rig_kill();
}
END_TEST

static void
late(void *arg)
{
	struct pair_options options = { .timeout_ms = WAIT_MS };
	struct pair pair;

	pair_open(&pair, &options);
	side_want(&pair.b, "t");
	side_publish(&pair.a, "t", 1);
	shoal_co_sleep(SHORT_MS);
	OK(!pair.b.carrier->ops->is_settled(pair.b.carrier));
	rig_start(NULL, NULL);
	pair_settle(&pair);
	/* nothing was there that could be lost */
	OK(pair.b.lost == 0);
	side_publish(&pair.a, "t", 2);
	WAIT_FOR(pair.b.last == 2);
	pair_close(&pair);
}

START_TEST(a_redis_that_starts_late_is_waited_for)
{
	rig_run(late);
	rig_kill();
}
END_TEST

static void
passwords(void *arg)
{
	struct pair_options wrong = { .password = "wrong" };
	struct pair_options right = { .password = "right" };
	struct pair pair;

	pair_open(&pair, &wrong);
	side_want(&pair.a, "t");
	shoal_co_sleep(SHORT_MS * 10);
	OK(!pair.a.carrier->ops->is_settled(pair.a.carrier));
	pair_close(&pair);
	pair_open(&pair, &right);
	side_want(&pair.a, "t");
	pair_settle(&pair);
	side_publish(&pair.b, "t", 2);
	WAIT_FOR(pair.a.last == 2);
	pair_close(&pair);
}

START_TEST(a_password_counts)
{
	rig_start("--requirepass", "right");
	rig_run(passwords);
	rig_kill();
}
END_TEST

SH_SUITE("broker/redis", messages_come_once_and_in_order,
    only_what_is_wanted_comes, what_others_publish_is_left_alone,
    a_full_queue_refuses_and_tells_of_room,
    a_redis_that_comes_back_is_used_again, a_silent_redis_is_given_up,
    a_redis_that_starts_late_is_waited_for, a_password_counts)
