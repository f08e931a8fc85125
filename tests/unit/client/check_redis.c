/*
 * This file tests commands on one connection to a real Redis: replies,
 * arguments, pipelines, options, turns. Trouble is check_redis_fault.c.
 */
#include "config.h"

#include <stdio.h>

#include "support/suite.h"
#include "unit/client/rig.h"

enum { LARGE = 8 * 1024 * 1024, MANY = 10000, TURNS = 20 };

static struct shoal_redis *redis;
static struct shoal_redis_reply *reply;
static char order[TURNS + 1];
static size_t ordered;

static void
do_types(void *arg)
{
	redis = rig_connect();
	OK(shoal_co_redis_command(redis, &reply, "SET %s %s", "a", "") == 0);
	OK(reply->type == SHOAL_REDIS_STATUS);
	OK(rig_is_text(reply, "OK"));
	OK(shoal_co_redis_command(redis, &reply, "GET a") == 0);
	OK(reply->type == SHOAL_REDIS_STRING && reply->len == 0);
	OK(rig_is_text(reply, ""));
	OK(shoal_co_redis_command(redis, &reply, "GET none") == 0);
	OK(reply->type == SHOAL_REDIS_NIL && reply->text == NULL);
	shoal_redis_reply_free(&reply);
	OK(reply == NULL);
	OK(shoal_co_redis_command(
	       redis, &reply, "INCRBY n %lld", -9223372036854775807LL) == 0);
	OK(rig_is_number(reply, -INT64_C(9223372036854775807)));
	OK(shoal_co_redis_command(redis, &reply, "LPUSH a x") == 0);
	OK(reply->len > 9 && reply->text[reply->len] == '\0');
	OK(!shoal_redis_reply_is_error(reply, "WRONG"));
	OK(shoal_redis_reply_is_error(reply, NULL));
	OK(rig_is_error(reply, "WRONGTYPE"));
	OK(shoal_co_redis_command(redis, &reply, "LRANGE none 0 -1") == 0);
	OK(reply->type == SHOAL_REDIS_ARRAY && reply->count == 0);
	shoal_redis_reply_free(&reply);
	shoal_redis_free(&redis);
	OK(redis == NULL);
}

START_TEST(replies_of_all_types)
{
	rig_start(NULL, NULL);
	rig_run(do_types);
}
END_TEST

static void
do_nested(void *arg)
{
	const struct shoal_redis_reply *inner;

	redis = rig_connect();
	OK(shoal_co_redis_command(redis, &reply, "EVAL %s 0",
	       "return {1, {2, {'x', false, {}}}, redis.status_reply('S'), "
	       "redis.error_reply('E e')}") == 0);
	OK(reply->type == SHOAL_REDIS_ARRAY && reply->count == 4);
	OK(reply->items[0]->integer == 1);
	inner = reply->items[1];
	OK(inner->count == 2 && inner->items[0]->integer == 2);
	inner = inner->items[1];
	OK(inner->count == 3 && strcmp(inner->items[0]->text, "x") == 0);
	OK(inner->items[1]->type == SHOAL_REDIS_NIL);
	OK(inner->items[2]->type == SHOAL_REDIS_ARRAY);
	OK(reply->items[2]->type == SHOAL_REDIS_STATUS);
	OK(shoal_redis_reply_is_error(reply->items[3], "E"));
	shoal_redis_reply_free(&reply);

	/* seven deep, and one more than hiredis takes */
	OK(shoal_co_redis_command(
	       redis, &reply, "EVAL return{{{{{{{7}}}}}}} 0") == 0);
	shoal_redis_reply_free(&reply);
	OK(shoal_co_redis_command(redis, &reply,
	       "EVAL return{{{{{{{{{{9}}}}}}}}}} 0") == -SHOAL_EPROTO);
	OK(shoal_co_redis_command(redis, &reply, "PING") == 0);
	OK(rig_is_text(reply, "PONG"));
	shoal_redis_free(&redis);
}

START_TEST(replies_nest)
{
	rig_start(NULL, NULL);
	rig_run(do_nested);
}
END_TEST

static void
do_large(void *arg)
{
	char *value = malloc(LARGE);
	size_t i;

	for (i = 0; i < LARGE; i++)
		value[i] = (char)(i * 7);
	redis = rig_connect();
	OK(shoal_co_redis_command(
	       redis, NULL, "SET big %b", value, (size_t)LARGE) == 0);
	OK(shoal_co_redis_command(redis, &reply, "GET big") == 0);
	OK(reply->len == LARGE && memcmp(reply->text, value, LARGE) == 0);
	shoal_redis_reply_free(&reply);
	OK(shoal_co_redis_command(redis, &reply, "EVAL %s 0",
	       "local t = {} for i = 1, 200000 do t[i] = i end return t") == 0);
	OK(reply->count == 200000);
	for (i = 0; i < reply->count; i++)
		OK(reply->items[i]->integer == (int64_t)i + 1);
	shoal_redis_reply_free(&reply);
	free(value);
	shoal_redis_free(&redis);
}

START_TEST(replies_are_large)
{
	rig_start(NULL, NULL);
	rig_run(do_large);
}
END_TEST

static void
do_limit(void *arg)
{
	const struct shoal_redis_options options = { .size = sizeof(options),
		.reply_max = 10000 };

	OK(shoal_co_redis_connect(rig_address(), &options, WAIT_MS, &redis) ==
	    0);
	OK(shoal_co_redis_command(redis, NULL, "SETRANGE a 9000 x") == 0);
	OK(shoal_co_redis_command(redis, NULL, "SETRANGE b 90000 x") == 0);
	OK(shoal_co_redis_command(redis, &reply, "GET a") == 0);
	shoal_redis_reply_free(&reply);
	OK(shoal_co_redis_command(redis, &reply, "GET b") == -SHOAL_EMSGSIZE);
	OK(reply == NULL);
	OK(shoal_co_redis_command(redis, &reply, "EVAL %s 0",
	       "local t = {} for i = 1, 2000 do t[i] = i end return t") ==
	    -SHOAL_EMSGSIZE);
	/* the limit is that of a whole exchange */
	OK(shoal_redis_append(redis, "GET a") == 0);
	OK(shoal_redis_append(redis, "GET a") == 0);
	OK(shoal_co_redis_exchange(redis, &reply, 2, WAIT_MS) ==
	    -SHOAL_EMSGSIZE);
	OK(shoal_co_redis_command(redis, &reply, "GET a") == 0);
	shoal_redis_reply_free(&reply);
	shoal_redis_free(&redis);
}

START_TEST(replies_have_a_limit)
{
	rig_start(NULL, NULL);
	rig_run(do_limit);
}
END_TEST

static void
do_arguments(void *arg)
{
	const char *words[] = { "SET", "a\0b", "c\0\r\nd" };
	const size_t lens[] = { 3, 3, 5 };
	const char *get[] = { "GET", "k" };

	redis = rig_connect();
	OK(shoal_co_redis_command_argv(
	       redis, &reply, 3, words, lens, WAIT_MS) == 0);
	OK(rig_is_text(reply, "OK"));
	OK(shoal_co_redis_command(redis, &reply, "GET %b", "a\0b", (size_t)3) ==
	    0);
	OK(reply->len == 5 && memcmp(reply->text, "c\0\r\nd", 5) == 0);
	shoal_redis_reply_free(&reply);
	OK(shoal_co_redis_command(
	       redis, &reply, "SET k pre%dpost%%%s", 12, "x y") == 0);
	shoal_redis_reply_free(&reply);
	OK(shoal_co_redis_command_argv(redis, &reply, 2, get, NULL, WAIT_MS) ==
	    0);
	OK(rig_is_text(reply, "pre12post%x y"));

	OK(shoal_co_redis_command(redis, &reply, "") == -SHOAL_EINVAL);
	OK(shoal_co_redis_command(redis, &reply, "%s", "") == -SHOAL_EINVAL);
	OK(shoal_co_redis_command(redis, &reply, "SET a %!") == -SHOAL_EINVAL);
	OK(shoal_co_redis_command(redis, &reply, "subscribe a") ==
	    -SHOAL_EINVAL);
	OK(shoal_co_redis_command(redis, &reply, "%s", "MoNiToR") ==
	    -SHOAL_EINVAL);
	OK(shoal_co_redis_command_argv(redis, &reply, 0, get, NULL, WAIT_MS) ==
	    -SHOAL_EINVAL);
	OK(shoal_co_redis_command(redis, NULL, "LPUSH k x") == -EREMOTEIO);
	OK(shoal_co_redis_command(redis, NULL, "SET k v") == 0);
	OK(shoal_co_redis_command(redis, &reply,
	       "a-command-that-is-longer-than-what-is-looked-at-for-its-name-"
	       "which-is-not-much") == 0);
	OK(rig_is_error(reply, "ERR"));
	shoal_redis_free(&redis);
}

START_TEST(arguments_are_any_bytes)
{
	rig_start(NULL, NULL);
	rig_run(do_arguments);
}
END_TEST

static void
do_pipeline(void *arg)
{
	const char *incr[] = { "INCR", "n" };
	struct shoal_redis_reply **replies;
	int i;

	redis = rig_connect();
	replies = calloc(MANY, sizeof(*replies));
	OK(shoal_co_redis_exchange(redis, replies, 0, WAIT_MS) ==
	    -SHOAL_EINVAL);
	for (i = 0; i < MANY; i++)
		OK(i % 2 == 0
			? shoal_redis_append(redis, "ECHO %d", i) == 0
			: shoal_redis_append_argv(redis, 2, incr, NULL) == 0);
	OK(shoal_redis_appended(redis) == MANY);
	OK(shoal_co_redis_exchange(redis, replies, 3, WAIT_MS) ==
	    -SHOAL_EINVAL);
	OK(shoal_co_redis_exchange(redis, replies, MANY, WAIT_MS) == 0);
	OK(shoal_redis_appended(redis) == 0);
	for (i = 0; i < MANY && !rig_wrong; i++)
		if (i % 2 == 0)
			OK(atoi(replies[i]->text) == i);
		else
			OK(replies[i]->integer == i / 2 + 1);
	for (i = 0; i < MANY; i++)
		shoal_redis_reply_free(&replies[i]);
	free(replies);
	OK(shoal_redis_append(redis, "INCR n") == 0);
	OK(shoal_redis_append(redis, "LPUSH n 1") == 0);
	OK(shoal_co_redis_exchange(redis, NULL, 2, WAIT_MS) == -EREMOTEIO);
	OK(shoal_co_redis_command(redis, &reply, "GET n") == 0);
	OK(rig_is_text(reply, "5001"));
	shoal_redis_free(&redis);
}

START_TEST(pipelines)
{
	rig_start(NULL, NULL);
	rig_run(do_pipeline);
}
END_TEST

static void
do_options(void *arg)
{
	struct shoal_redis_options options = { .size = sizeof(options),
		.password = "secret",
		.db = 3,
		.name = "shoal-test" };

	OK(shoal_co_redis_connect(rig_address(), &options, WAIT_MS, &redis) ==
	    0);
	OK(shoal_co_redis_command(redis, &reply, "CLIENT GETNAME") == 0);
	OK(rig_is_text(reply, "shoal-test"));
	OK(shoal_co_redis_command(redis, &reply, "CLIENT LIST") == 0);
	OK(strstr(reply->text, " db=3 ") != NULL);
	shoal_redis_reply_free(&reply);
	shoal_redis_free(&redis);

	options.user = "default";
	OK(shoal_co_redis_connect(rig_address(), &options, WAIT_MS, &redis) ==
	    0);
	shoal_redis_free(&redis);
	options.password = "wrong";
	OK(shoal_co_redis_connect(rig_address(), &options, WAIT_MS, &redis) ==
	    -EACCES);
	options.password = "secret";
	options.db = 99;
	OK(shoal_co_redis_connect(rig_address(), &options, WAIT_MS, &redis) ==
	    -EREMOTEIO);
	options.password = options.user = NULL;
	OK(shoal_co_redis_connect(rig_address(), &options, WAIT_MS, &redis) ==
	    -EACCES);
	OK(redis == NULL);
	OK(shoal_co_redis_connect(rig_address(), NULL, WAIT_MS, &redis) == 0);
	OK(shoal_co_redis_command(redis, &reply, "GET a") == 0);
	OK(rig_is_error(reply, "NOAUTH"));
	shoal_redis_free(&redis);

	options.db = -1;
	OK(shoal_co_redis_connect(rig_address(), &options, WAIT_MS, &redis) ==
	    -SHOAL_EINVAL);
	OK(shoal_co_redis_connect(NULL, NULL, WAIT_MS, &redis) ==
	    -SHOAL_EINVAL);
	OK(shoal_co_redis_connect("nowhere", NULL, WAIT_MS, &redis) ==
	    -SHOAL_EINVAL);
	shoal_redis_free(&redis);
}

START_TEST(options_are_obeyed)
{
	rig_start("--requirepass", "secret");
	rig_run(do_options);
}
END_TEST

static void
take_turn(void *arg)
{
	struct shoal_redis_reply *mine = NULL;
	char text[8];

	snprintf(text, sizeof(text), "%c", 'a' + (int)(intptr_t)arg);
	OK(shoal_co_redis_command(redis, &mine, "ECHO %s", text) == 0);
	order[ordered++] = mine->text[0];
	OK(rig_is_text(mine, text));
}

static void
do_turns(void *arg)
{
	int64_t ids[TURNS];
	int i;

	redis = rig_connect();
	for (i = 0; i < TURNS; i++)
		ids[i] = shoal_co_start(take_turn, (void *)(intptr_t)i, "turn");
	/* the time is for the wait, too */
	OK(shoal_co_redis_command_argv(redis, NULL, 1,
	       (const char *const[]){ "PING" }, NULL, 0) == -SHOAL_ETIMEDOUT);
	for (i = 0; i < TURNS; i++)
		OK(shoal_co_join(ids[i], WAIT_MS) == 0);
	OK(strcmp(order, "abcdefghijklmnopqrst") == 0);
	OK(shoal_co_redis_command(redis, &reply, "PING") == 0);
	OK(rig_is_text(reply, "PONG"));
	shoal_redis_free(&redis);
}

START_TEST(callers_take_turns)
{
	rig_start(NULL, NULL);
	rig_run(do_turns);
}
END_TEST

static void
do_transaction(void *arg)
{
	redis = rig_connect();
	OK(shoal_co_redis_command(redis, NULL, "WATCH a") == 0);
	OK(shoal_co_redis_command(redis, NULL, "MULTI") == 0);
	OK(shoal_co_redis_command(redis, &reply, "SET a 1") == 0);
	OK(rig_is_text(reply, "QUEUED"));
	OK(shoal_co_redis_subscribe(redis, "c", WAIT_MS) == -SHOAL_ESTATE);
	OK(shoal_co_redis_command(redis, &reply, "EXEC") == 0);
	OK(reply->count == 1 && strcmp(reply->items[0]->text, "OK") == 0);
	shoal_redis_reply_free(&reply);
	shoal_redis_free(&redis);
}

START_TEST(transactions)
{
	rig_start(NULL, NULL);
	rig_run(do_transaction);
}
END_TEST

SH_SUITE("client/redis", replies_of_all_types, replies_nest, replies_are_large,
    replies_have_a_limit, arguments_are_any_bytes, pipelines,
    options_are_obeyed, callers_take_turns, transactions)
