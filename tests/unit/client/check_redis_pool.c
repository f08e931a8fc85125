/* This file tests a pool of connections to a real Redis. */
#include "config.h"

#include <stdio.h>

#include "support/suite.h"
#include "unit/client/rig.h"

enum { MAX = 3, CROWD = 30 };

static struct shoal_redis_pool *pool;
static struct shoal_redis_reply *reply;
static struct shoal_redis *taken[MAX];
static char order[8];
static size_t ordered;
static int result, done;

static void
make_pool(int idle_ms)
{
	OK(shoal_redis_pool_new(rig_address(), NULL, MAX, idle_ms, &pool) == 0);
	OK(shoal_redis_pool_count(pool) == 0);
}

static void
take_all(void)
{
	int i;

	for (i = 0; i < MAX; i++)
		OK(shoal_co_redis_pool_take(pool, WAIT_MS, &taken[i]) == 0);
}

static void
give_all(void)
{
	int i;

	for (i = 0; i < MAX; i++)
		shoal_redis_pool_give(pool, &taken[i]);
}

static void
wait_in_order(void *arg)
{
	struct shoal_redis *redis = NULL;

	OK(shoal_co_redis_pool_take(pool, WAIT_MS, &redis) == 0);
	order[ordered++] = (char)(intptr_t)arg;
	OK(shoal_co_redis_command(redis, NULL, "PING") == 0);
	shoal_redis_pool_give(pool, &redis);
}

static void
do_order(void *arg)
{
	struct shoal_redis *redis = NULL;
	int64_t ids[5];
	int i;

	make_pool(0);
	take_all();
	OK(shoal_redis_pool_count(pool) == MAX);
	OK(shoal_co_redis_pool_take(pool, SHORT_MS, &redis) ==
	    -SHOAL_ETIMEDOUT);
	OK(shoal_co_redis_pool_take(pool, 0, &redis) == -SHOAL_ETIMEDOUT);
	for (i = 0; i < 5; i++)
		ids[i] = shoal_co_start(
		    wait_in_order, (void *)(intptr_t)('a' + i), "wait");
	give_all();
	OK(taken[0] == NULL);
	for (i = 0; i < 5; i++)
		OK(shoal_co_join(ids[i], WAIT_MS) == 0);
	OK(strcmp(order, "abcde") == 0);
	OK(shoal_redis_pool_count(pool) == MAX);
	shoal_redis_pool_free(&pool);
	OK(pool == NULL);
}

START_TEST(first_come_first_served)
{
	rig_start(NULL, NULL);
	rig_run(do_order);
}
END_TEST

static void
use(void *arg)
{
	struct shoal_redis_reply *mine = NULL;

	OK(shoal_co_redis_pool_command(pool, &mine, "INCRBY n %d", 1) == 0);
	OK(mine != NULL && mine->type == SHOAL_REDIS_INTEGER);
	shoal_redis_reply_free(&mine);
	OK(shoal_redis_pool_count(pool) <= MAX);
	done++;
}

static void
do_commands(void *arg)
{
	int64_t ids[CROWD];
	int i;

	make_pool(0);
	for (i = 0; i < CROWD; i++)
		ids[i] = shoal_co_start(use, NULL, "use");
	for (i = 0; i < CROWD; i++)
		OK(shoal_co_join(ids[i], WAIT_MS) == 0);
	OK(done == CROWD);
	OK(shoal_co_redis_pool_command(pool, &reply, "GET n") == 0);
	OK(rig_is_text(reply, "30"));
	OK(shoal_co_redis_pool_command(pool, &reply, "%s", "MONITOR") ==
	    -SHOAL_EINVAL);
	shoal_redis_pool_free(&pool);
}

START_TEST(commands_share_it)
{
	rig_start(NULL, NULL);
	rig_run(do_commands);
}
END_TEST

/* Use a connection so, and say how many there are when it is given back. */
static size_t
left_after(const char *command)
{
	struct shoal_redis *redis = NULL;

	OK(shoal_co_redis_pool_take(pool, WAIT_MS, &redis) == 0);
	OK(shoal_co_redis_command(redis, NULL, command) == 0);
	shoal_redis_pool_give(pool, &redis);
	return shoal_redis_pool_count(pool);
}

static void
do_tidy(void *arg)
{
	struct shoal_redis *redis = NULL;

	make_pool(0);
	OK(left_after("SET a 1") == 1);
	OK(left_after("MULTI") == 0);
	OK(left_after("WATCH a") == 0);
	OK(left_after("SELECT 2") == 0);
	OK(shoal_co_redis_pool_take(pool, WAIT_MS, &redis) == 0);
	OK(shoal_co_redis_subscribe(redis, "c", WAIT_MS) == 0);
	shoal_redis_pool_give(pool, &redis);
	OK(shoal_redis_pool_count(pool) == 0);

	/* a whole transaction, in one exchange, and appended ones are dropped */
	OK(shoal_co_redis_pool_take(pool, WAIT_MS, &redis) == 0);
	OK(shoal_redis_append(redis, "MULTI") == 0);
	OK(shoal_redis_append(redis, "GET a") == 0);
	OK(shoal_redis_append(redis, "EXEC") == 0);
	OK(shoal_co_redis_exchange(redis, NULL, 3, WAIT_MS) == 0);
	OK(shoal_redis_append(redis, "GET a") == 0);
	shoal_redis_pool_give(pool, &redis);
	OK(shoal_redis_pool_count(pool) == 1);
	OK(shoal_co_redis_pool_take(pool, WAIT_MS, &redis) == 0);
	OK(shoal_redis_appended(redis) == 0);
	shoal_redis_free(&redis);
	OK(shoal_redis_pool_count(pool) == 0);
	shoal_redis_pool_free(&pool);
}

START_TEST(used_connections_are_as_new)
{
	rig_start(NULL, NULL);
	rig_run(do_tidy);
}
END_TEST

static void
do_idle(void *arg)
{
	struct shoal_redis *watcher = rig_connect();
	int i;

	make_pool(SHORT_MS);
	take_all();
	give_all();
	OK(shoal_redis_pool_count(pool) == MAX);
	for (i = 0; shoal_redis_pool_count(pool) != 0 && i < WAIT_MS; i++)
		OK(shoal_co_sleep(1) == 0);
	OK(shoal_redis_pool_count(pool) == 0);
	OK(shoal_co_redis_command(watcher, &reply, "CLIENT LIST") == 0);
	OK(strchr(reply->text, '\n') == reply->text + reply->len - 1);
	shoal_redis_reply_free(&reply);
	OK(left_after("PING") == 1);
	shoal_redis_pool_free(&pool);
	shoal_redis_free(&watcher);
}

START_TEST(idle_ones_are_closed)
{
	rig_start(NULL, NULL);
	rig_run(do_idle);
}
END_TEST

static void
take_one(void *arg)
{
	struct shoal_redis *redis = NULL;

	result = shoal_co_redis_pool_take(pool, SHOAL_FOREVER, &redis);
	shoal_redis_pool_give(pool, &redis);
}

static void
do_end(void *arg)
{
	struct shoal_redis_pool *same;
	int64_t first, second;

	make_pool(0);
	same = pool;
	take_all();
	first = shoal_co_start(take_one, NULL, "first");
	OK(shoal_co_cancel(first) == 0);
	OK(shoal_co_join(first, WAIT_MS) == 0);
	OK(result == -SHOAL_ECANCELED);

	/* cancelled at the moment in which it is served: the next one is */
	result = 1;
	first = shoal_co_start(take_one, NULL, "first");
	second = shoal_co_start(take_one, NULL, "second");
	OK(shoal_co_cancel(first) == 0);
	shoal_redis_pool_give(pool, &taken[0]);
	OK(shoal_co_join(second, WAIT_MS) == 0);
	OK(result == 0);
	OK(shoal_co_join(first, WAIT_MS) == 0);
	OK(shoal_co_redis_pool_take(pool, WAIT_MS, &taken[0]) == 0);

	first = shoal_co_start(take_one, NULL, "first");
	result = 0;
	shoal_redis_pool_free(&pool);
	OK(shoal_co_join(first, WAIT_MS) == 0);
	OK(result == -SHOAL_ECANCELED);
	/* those that are taken still work */
	OK(shoal_co_redis_command(taken[0], NULL, "PING") == 0);
	pool = same;
	give_all();
	pool = NULL;
}

START_TEST(it_ends)
{
	rig_start(NULL, NULL);
	rig_run(do_end);
}
END_TEST

static void
do_down(void *arg)
{
	int i;

	make_pool(0);
	take_all();
	give_all();
	rig_kill();
	for (i = 0; i < 2 * MAX; i++)
		OK(shoal_co_redis_pool_command(pool, &reply, "PING") ==
		    -ECONNREFUSED);
	OK(shoal_redis_pool_count(pool) == 0);
	rig_start(NULL, NULL);
	OK(shoal_co_redis_pool_command(pool, &reply, "PING") == 0);
	OK(rig_is_text(reply, "PONG"));
	shoal_redis_pool_free(&pool);
	OK(shoal_redis_pool_new(rig_address(), NULL, 0, 0, &pool) ==
	    -SHOAL_EINVAL);
}

START_TEST(redis_dies)
{
	rig_start(NULL, NULL);
	rig_run(do_down);
}
END_TEST

SH_SUITE("client/redis_pool", first_come_first_served, commands_share_it,
    used_connections_are_as_new, idle_ones_are_closed, it_ends, redis_dies)
