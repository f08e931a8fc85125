/* This file tests subscriptions with a real Redis. */
#include "config.h"

#include <stdio.h>

#include "support/suite.h"
#include "unit/client/rig.h"

static struct shoal_redis *sub, *pub;
static struct shoal_redis_message *message;
static int result;

/* Publish, and be sure that so many got it. */
static void
publish(const char *channel, const char *text, int64_t receivers)
{
	struct shoal_redis_reply *reply = NULL;

	OK(shoal_co_redis_command(
	       pub, &reply, "PUBLISH %s %s", channel, text) == 0);
	OK(rig_is_number(reply, receivers));
}

static bool
receives(const char *channel, const char *text)
{
	bool yes;

	if (shoal_co_redis_receive(sub, &message, WAIT_MS) != 0)
		return false;
	yes = strcmp(message->channel, channel) == 0 &&
	    strcmp(message->text, text) == 0;
	shoal_redis_message_free(&message);
	return yes;
}

static void
begin(void)
{
	sub = rig_connect();
	pub = rig_connect();
}

static void
end(void)
{
	shoal_redis_free(&sub);
	shoal_redis_free(&pub);
}

static void
do_messages(void *arg)
{
	begin();
	OK(shoal_co_redis_receive(sub, &message, WAIT_MS) == -SHOAL_ESTATE);
	OK(shoal_co_redis_subscribe(sub, "", WAIT_MS) == -SHOAL_EINVAL);
	OK(shoal_co_redis_subscribe(sub, "a", WAIT_MS) == 0);
	OK(shoal_co_redis_subscribe(sub, "a", WAIT_MS) == 0);
	OK(shoal_co_redis_command(sub, NULL, "PING") == -SHOAL_ESTATE);
	publish("a", "1", 1);
	publish("a", "2", 1);
	/* a message that comes while somebody waits for something else */
	OK(shoal_co_redis_psubscribe(sub, "b*", WAIT_MS) == 0);
	publish("bc", "3", 1);
	OK(receives("a", "1"));
	OK(receives("a", "2"));
	OK(shoal_co_redis_receive(sub, &message, WAIT_MS) == 0);
	OK(strcmp(message->pattern, "b*") == 0 && message->pattern_len == 2);
	OK(strcmp(message->channel, "bc") == 0 && message->channel_len == 2);
	OK(message->len == 1 && message->text[0] == '3');
	shoal_redis_message_free(&message);

	/* a time that is over loses nothing */
	OK(shoal_co_redis_receive(sub, &message, 0) == -SHOAL_ETIMEDOUT);
	OK(shoal_co_redis_receive(sub, &message, SHORT_MS) == -SHOAL_ETIMEDOUT);
	publish("a", "4", 1);
	OK(receives("a", "4"));

	OK(shoal_co_redis_unsubscribe(sub, "b*", WAIT_MS) == -SHOAL_ENOENT);
	OK(shoal_co_redis_unsubscribe(sub, "a", WAIT_MS) == 0);
	publish("a", "5", 0);
	OK(shoal_co_redis_punsubscribe(sub, "b*", WAIT_MS) == 0);
	OK(shoal_co_redis_receive(sub, &message, WAIT_MS) == -SHOAL_ESTATE);
	/* and commands are possible again */
	OK(shoal_co_redis_command(sub, NULL, "PING") == 0);
	OK(shoal_co_redis_subscribe(sub, "a", WAIT_MS) == 0);
	publish("a", "6", 1);
	OK(receives("a", "6"));
	end();
}

START_TEST(messages_come)
{
	rig_start(NULL, NULL);
	rig_run(do_messages);
}
END_TEST

static void
receive_one(void *arg)
{
	result = shoal_co_redis_receive(sub, &message, SHOAL_FOREVER);
}

static void
do_two(void *arg)
{
	int64_t id;

	begin();
	OK(shoal_co_redis_subscribe(sub, "a", WAIT_MS) == 0);
	result = 1;
	id = shoal_co_start(receive_one, NULL, "receive");
	OK(shoal_co_redis_receive(sub, &message, WAIT_MS) == -SHOAL_EBUSY);
	/* while one receives, others change what */
	OK(shoal_co_redis_subscribe(sub, "b", WAIT_MS) == 0);
	OK(shoal_co_redis_unsubscribe(sub, "a", WAIT_MS) == 0);
	OK(result == 1);
	publish("b", "x", 1);
	OK(shoal_co_join(id, WAIT_MS) == 0);
	OK(result == 0 && strcmp(message->channel, "b") == 0);
	shoal_redis_message_free(&message);

	id = shoal_co_start(receive_one, NULL, "receive");
	OK(shoal_co_cancel(id) == 0);
	OK(shoal_co_join(id, WAIT_MS) == 0);
	OK(result == -SHOAL_ECANCELED);
	publish("b", "y", 1);
	OK(receives("b", "y"));

	id = shoal_co_start(receive_one, NULL, "receive");
	OK(shoal_co_redis_unsubscribe(sub, "b", WAIT_MS) == 0);
	OK(shoal_co_join(id, WAIT_MS) == 0);
	OK(result == -SHOAL_ESTATE);

	OK(shoal_co_redis_subscribe(sub, "b", WAIT_MS) == 0);
	id = shoal_co_start(receive_one, NULL, "receive");
	shoal_redis_free(&sub);
	OK(shoal_co_join(id, WAIT_MS) == 0);
	OK(result == -SHOAL_ECANCELED);
	end();
}

START_TEST(two_coroutines_use_it)
{
	rig_start(NULL, NULL);
	rig_run(do_two);
}
END_TEST

static void
do_restart(void *arg)
{
	int64_t id;

	begin();
	OK(shoal_co_redis_subscribe(sub, "a", WAIT_MS) == 0);
	OK(shoal_co_redis_psubscribe(sub, "p*", WAIT_MS) == 0);
	publish("a", "before", 1);
	OK(receives("a", "before"));
	rig_kill();
	OK(shoal_co_redis_receive(sub, &message, SHORT_MS) == -ECONNREFUSED);
	/* asked for while Redis is down */
	OK(shoal_co_redis_subscribe(sub, "c", SHORT_MS) == -ECONNREFUSED);
	OK(shoal_co_redis_punsubscribe(sub, "p*", SHORT_MS) == 0);
	result = 1;
	id = shoal_co_start(receive_one, NULL, "receive");
	OK(shoal_co_sleep(SHORT_MS) == 0);
	OK(result == 1);
	rig_start(NULL, NULL);
	OK(shoal_co_join(id, WAIT_MS) == 0);
	/* told once, when all is there again */
	OK(result == -SHOAL_ECONNRESET);
	publish("a", "after", 1);
	publish("c", "new", 1);
	publish("pq", "none", 0);
	OK(receives("a", "after"));
	OK(receives("c", "new"));
	OK(shoal_co_redis_receive(sub, &message, 0) == -SHOAL_ETIMEDOUT);

	/* by who subscribes, with nobody receiving */
	rig_kill();
	rig_start(NULL, NULL);
	OK(shoal_co_redis_subscribe(sub, "d", WAIT_MS) == 0);
	publish("a", "x", 1);
	publish("d", "y", 1);
	OK(shoal_co_redis_receive(sub, &message, WAIT_MS) == -SHOAL_ECONNRESET);
	OK(receives("a", "x"));
	OK(receives("d", "y"));
	end();
}

START_TEST(subscriptions_are_restored)
{
	rig_start(NULL, NULL);
	rig_run(do_restart);
}
END_TEST

static void
do_frozen(void *arg)
{
	begin();
	OK(shoal_co_redis_subscribe(sub, "a", WAIT_MS) == 0);
	rig_freeze(true);
	OK(shoal_co_redis_subscribe(sub, "b", SHORT_MS) == -SHOAL_ETIMEDOUT);
	OK(shoal_co_redis_receive(sub, &message, SHORT_MS) == -SHOAL_ETIMEDOUT);
	rig_freeze(false);
	/* it counts as subscribed */
	OK(shoal_co_redis_subscribe(sub, "b", WAIT_MS) == 0);
	publish("b", "x", 1);
	OK(receives("b", "x"));
	rig_freeze(true);
	OK(shoal_co_redis_unsubscribe(sub, "b", SHORT_MS) == -SHOAL_ETIMEDOUT);
	rig_freeze(false);
	OK(shoal_co_redis_receive(sub, &message, WAIT_MS) == -SHOAL_ECONNRESET);
	publish("b", "y", 0);
	publish("a", "z", 1);
	OK(receives("a", "z"));
	end();
}

START_TEST(redis_does_not_answer)
{
	rig_start(NULL, NULL);
	rig_run(do_frozen);
}
END_TEST

static void
do_denied(void *arg)
{
	const struct shoal_redis_options options = {
		.size = sizeof(options), .user = "u", .password = "p"
	};

	pub = rig_connect();
	OK(shoal_co_redis_command(
	       pub, NULL, "ACL SETUSER u on >p resetchannels &a +@all") == 0);
	OK(shoal_co_redis_connect(rig_address(), &options, WAIT_MS, &sub) == 0);
	OK(shoal_co_redis_subscribe(sub, "b", WAIT_MS) == -EACCES);
	OK(shoal_co_redis_command(sub, NULL, "PING") == 0);
	OK(shoal_co_redis_subscribe(sub, "a", WAIT_MS) == 0);
	OK(shoal_co_redis_subscribe(sub, "b", WAIT_MS) == -EACCES);
	publish("a", "x", 1);
	OK(receives("a", "x"));
	end();
}

START_TEST(redis_refuses)
{
	rig_start(NULL, NULL);
	rig_run(do_denied);
}
END_TEST

SH_SUITE("client/redis_subscribe", messages_come, two_coroutines_use_it,
    subscriptions_are_restored, redis_does_not_answer, redis_refuses)
