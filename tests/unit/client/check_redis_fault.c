/*
 * This file tests what happens when Redis is slow, dies, comes back or talks
 * nonsense, and when those who wait are cancelled.
 */
#include "config.h"

#include <stdio.h>

#include "base/attr.h"
#include "support/suite.h"
#include "unit/client/rig.h"

enum { CROWD = 50, ROUNDS = 3 };

static struct shoal_redis *redis;
static struct shoal_redis_reply *reply;
static int result;

/* --- time and cancel --- */

static void
do_timeouts(void *arg)
{
	const char *blpop[] = { "BLPOP", "none", "0" };

	redis = rig_connect();
	OK(shoal_co_redis_command_argv(
	       redis, &reply, 3, blpop, NULL, SHORT_MS) == -SHOAL_ETIMEDOUT);
	/* the late answer is not that of the next command */
	OK(shoal_co_redis_command(redis, &reply, "ECHO 1") == 0);
	OK(rig_is_text(reply, "1"));
	OK(shoal_co_redis_command(redis, NULL, "CLIENT PAUSE 100 ALL") == 0);
	shoal_redis_set_timeout(redis, SHORT_MS);
	OK(shoal_co_redis_command(redis, &reply, "SET a 1") ==
	    -SHOAL_ETIMEDOUT);
	shoal_redis_set_timeout(redis, SHOAL_FOREVER);
	OK(shoal_co_redis_command(redis, &reply, "ECHO 2") == 0);
	OK(rig_is_text(reply, "2"));
	shoal_redis_free(&redis);
}

START_TEST(time_is_limited)
{
	rig_start(NULL, NULL);
	rig_run(do_timeouts);
}
END_TEST

static void
block(void *arg)
{
	result = shoal_co_redis_command(redis, &reply, "BLPOP none 0");
}

static void
do_cancel(void *arg)
{
	int64_t first, second;

	redis = rig_connect();
	shoal_redis_set_timeout(redis, SHOAL_FOREVER);
	first = shoal_co_start(block, NULL, "first");
	second = shoal_co_start(block, NULL, "second");
	OK(shoal_co_sleep(SHORT_MS) == 0);
	OK(shoal_co_cancel(second) == 0);
	OK(shoal_co_join(second, WAIT_MS) == 0);
	OK(result == -SHOAL_ECANCELED);
	result = 0;
	OK(shoal_co_cancel(first) == 0);
	OK(shoal_co_join(first, WAIT_MS) == 0);
	OK(result == -SHOAL_ECANCELED);
	OK(shoal_co_redis_command(redis, &reply, "ECHO 1") == 0);
	OK(rig_is_text(reply, "1"));

	/* who frees it cancels as well */
	first = shoal_co_start(block, NULL, "first");
	second = shoal_co_start(block, NULL, "second");
	result = 0;
	shoal_redis_free(&redis);
	OK(shoal_co_join(first, WAIT_MS) == 0);
	OK(shoal_co_join(second, WAIT_MS) == 0);
	OK(result == -SHOAL_ECANCELED);
}

START_TEST(waits_are_cancelled)
{
	rig_start(NULL, NULL);
	rig_run(do_cancel);
}
END_TEST

/* --- Redis dies and comes back --- */

static void
do_restart(void *arg)
{
	int64_t id;

	redis = rig_connect();
	rig_kill();
	OK(shoal_co_redis_command(redis, &reply, "PING") == -ECONNREFUSED);
	rig_start(NULL, NULL);
	/* it was broken before anything was sent */
	OK(shoal_co_redis_command(redis, &reply, "PING") == 0);
	OK(rig_is_text(reply, "PONG"));
	rig_kill();
	rig_start(NULL, NULL);
	OK(shoal_co_redis_command(redis, &reply, "PING") == 0);
	OK(rig_is_text(reply, "PONG"));

	/* a command whose fate is unknown is not repeated */
	shoal_redis_set_timeout(redis, WAIT_MS);
	id = shoal_co_start(block, NULL, "block");
	OK(shoal_co_sleep(SHORT_MS) == 0);
	rig_kill();
	rig_start(NULL, NULL);
	OK(shoal_co_join(id, WAIT_MS) == 0);
	OK(result == -SHOAL_ECONNRESET);

	/* nor is half a transaction carried out */
	OK(shoal_co_redis_command(redis, NULL, "MULTI") == 0);
	rig_kill();
	rig_start(NULL, NULL);
	OK(shoal_co_redis_command(redis, NULL, "SET a 1") == -SHOAL_ECONNRESET);
	OK(shoal_co_redis_command(redis, &reply, "GET a") == 0);
	OK(reply->type == SHOAL_REDIS_NIL);
	shoal_redis_reply_free(&reply);
	shoal_redis_free(&redis);
}

START_TEST(connects_again)
{
	rig_start(NULL, NULL);
	rig_run(do_restart);
}
END_TEST

static void
do_no_reconnect(void *arg)
{
	const struct shoal_redis_options options = { .size = sizeof(options),
		.no_reconnect = true };

	OK(shoal_co_redis_connect(rig_address(), &options, WAIT_MS, &redis) ==
	    0);
	rig_kill();
	rig_start(NULL, NULL);
	OK(shoal_co_redis_command(redis, &reply, "PING") == -SHOAL_ENOTCONN);
	shoal_redis_free(&redis);
}

START_TEST(connects_once_only)
{
	rig_start(NULL, NULL);
	rig_run(do_no_reconnect);
}
END_TEST

static void
do_nobody(void *arg)
{
	const char *ping[] = { "PING" };
	int i;

	redis = rig_connect();
	rig_kill();
	/* each attempt is put off more, and never beyond the time */
	for (i = 0; i < 10; i++)
		OK(shoal_co_redis_command_argv(
		       redis, &reply, 1, ping, NULL, 100) == -ECONNREFUSED);
	shoal_redis_free(&redis);
	OK(shoal_co_redis_connect("unix:/nowhere/s", NULL, WAIT_MS, &redis) ==
	    -ENOENT);
}

START_TEST(nobody_is_there)
{
	rig_start(NULL, NULL);
	rig_run(do_nobody);
}
END_TEST

static void
ping(void *arg)
{
	result = shoal_co_redis_command(redis, &reply, "PING");
}

static void
receive(void *arg)
{
	struct shoal_redis_message *message;

	result = shoal_co_redis_receive(redis, &message, SHOAL_FOREVER);
}

/* Cancel what waits for its next attempt to connect. */
static void
cancel_one(shoal_co_fn *fn)
{
	int64_t id = shoal_co_start(fn, NULL, "waits");

	result = 0;
	OK(shoal_co_cancel(id) == 0);
	OK(shoal_co_join(id, WAIT_MS) == 0);
	OK(result == -SHOAL_ECANCELED);
}

static void
do_cancel_attempt(void *arg)
{
	int64_t id;

	redis = rig_connect();
	rig_kill();
	OK(shoal_co_redis_command(redis, NULL, "PING") == -ECONNREFUSED);
	OK(shoal_co_redis_command(redis, NULL, "PING") == -ECONNREFUSED);
	cancel_one(ping);
	/* who frees it while another one waits for that */
	result = 0;
	id = shoal_co_start(ping, NULL, "waits");
	shoal_redis_free(&redis);
	OK(shoal_co_join(id, WAIT_MS) == 0);
	OK(result == -SHOAL_ECANCELED);

	rig_start(NULL, NULL);
	redis = rig_connect();
	OK(shoal_co_redis_subscribe(redis, "a", WAIT_MS) == 0);
	rig_kill();
	cancel_one(receive);
	result = 0;
	id = shoal_co_start(receive, NULL, "waits");
	OK(shoal_co_sleep(SHORT_MS) == 0);
	shoal_redis_free(&redis);
	OK(shoal_co_join(id, WAIT_MS) == 0);
	OK(result == -SHOAL_ECANCELED);
}

START_TEST(attempts_are_cancelled)
{
	rig_start(NULL, NULL);
	rig_run(do_cancel_attempt);
}
END_TEST

static bool over;
static int answered, failures, unclear, at_work;

static bool
is_clear(int r)
{
	return r == -SHOAL_ECONNRESET || r == -ECONNREFUSED ||
	    r == -SHOAL_ETIMEDOUT || r == -ENOENT;
}

static void
issue(void *arg)
{
	struct shoal_redis *mine = arg != NULL ? redis : rig_connect();
	struct shoal_redis_reply *answer = NULL;
	int r;

	at_work++;
	while (!over && mine != NULL) {
		r = shoal_co_redis_command(mine, &answer, "ECHO x");
		answered += r == 0;
		failures += r != 0;
		unclear += r != 0 && !is_clear(r);
		if (r == 0)
			OK(rig_is_text(answer, "x"));
		/* not in a circle while it is known to be down */
		OK(shoal_co_sleep(1) == 0);
	}
	if (mine != NULL)
		OK(shoal_co_redis_command(mine, NULL, "ECHO y") == 0);
	if (arg == NULL)
		shoal_redis_free(&mine);
	at_work--;
}

static void
wait_for_more(const int *count, int more)
{
	int goal = *count + more, i;

	for (i = 0; *count < goal && i < WAIT_MS; i++)
		OK(shoal_co_sleep(1) == 0);
	OK(*count >= goal);
}

static void
do_load(void *arg)
{
	int64_t ids[CROWD];
	int i;

	redis = rig_connect();
	/* half of them have one connection together */
	for (i = 0; i < CROWD; i++)
		ids[i] =
		    shoal_co_start(issue, i % 2 == 0 ? redis : NULL, "issue");
	for (i = 0; i < ROUNDS; i++) {
		wait_for_more(&answered, CROWD);
		rig_kill();
		wait_for_more(&failures, CROWD / 2 + 1);
		rig_spawn(NULL, NULL);
	}
	wait_for_more(&answered, 4 * CROWD);
	over = true;
	for (i = 0; i < CROWD; i++)
		OK(shoal_co_join(ids[i], WAIT_MS) == 0);
	OK(unclear == 0);
	OK(at_work == 0);
	shoal_redis_free(&redis);
}

START_TEST(killed_under_load)
{
	rig_start(NULL, NULL);
	rig_run(do_load);
}
END_TEST

/* --- a server that is none --- */

struct nonsense {
	const char *text;
	int result;
	bool stays; /* the connection is not closed */
};

static const struct nonsense nonsenses[] = {
	{ "HTTP/1.1 400 Bad Request\r\n\r\n", -SHOAL_EPROTO, true },
	{ "$-2\r\n", -SHOAL_EPROTO, true },
	{ ":12a\r\n", -SHOAL_EPROTO, true },
	{ "*99999999999999999999\r\n", -SHOAL_EPROTO, true },
	{ "*2000000000\r\n", -SHOAL_EMSGSIZE, true },
	{ "+OK\r\n+OK\r\n", -SHOAL_EPROTO, true },
	{ "*2\r\n$3\r\nab", -SHOAL_ECONNRESET, false },
	{ "*2\r\n$3\r\nab", -SHOAL_ETIMEDOUT, true },
	{ "+OK", -SHOAL_ECONNRESET, false },
	{ "", -SHOAL_ECONNRESET, false },
	{ "%1\r\n+a\r\n+b\r\n", -SHOAL_EPROTO, true },
	{ "+OK\r\n", 0, true },
};

static struct shoal_sock *listener;
static char where[128];

static void
serve(void *arg)
{
	const struct nonsense *nonsense = arg;
	struct shoal_sock *sock = NULL;
	char bytes[256];

	OK(shoal_co_sock_accept(listener, WAIT_MS, &sock) == 0);
	OK(shoal_co_sock_recv(sock, bytes, sizeof(bytes), WAIT_MS) > 0);
	OK(shoal_co_sock_send(
	       sock, nonsense->text, strlen(nonsense->text), WAIT_MS) == 0);
	if (nonsense->stays)
		(void)shoal_co_sock_recv(sock, bytes, 1, WAIT_MS);
	shoal_sock_close(&sock);
}

static void
talk_to(const struct nonsense *nonsense)
{
	int64_t id;
	int r;

	id = shoal_co_start(serve, (void *)(uintptr_t)nonsense, "serve");
	OK(shoal_co_redis_connect(where, NULL, WAIT_MS, &redis) == 0);
	if (nonsense->result == -SHOAL_ETIMEDOUT)
		shoal_redis_set_timeout(redis, SHORT_MS);
	r = shoal_co_redis_command(redis, &reply, "PING");
	if (r != nonsense->result)
		fprintf(stderr, "'%s': %d\n", nonsense->text, r);
	OK(r == nonsense->result);
	shoal_redis_reply_free(&reply);
	shoal_redis_free(&redis);
	OK(shoal_co_join(id, WAIT_MS) == 0);
}

static void
do_nonsense(void *arg)
{
	size_t i;

	OK(shoal_sock_listen("127.0.0.1:0", 0, &listener) == 0);
	shoal_sock_local(listener, where, sizeof(where));
	for (i = 0; i < SH_ARRAY_LEN(nonsenses); i++)
		talk_to(&nonsenses[i]);
	shoal_sock_close(&listener);
}

START_TEST(nonsense_is_refused)
{
	rig_run(do_nonsense);
}
END_TEST

SH_SUITE("client/redis_fault", time_is_limited, waits_are_cancelled,
    connects_again, connects_once_only, nobody_is_there, attempts_are_cancelled,
    killed_under_load, nonsense_is_refused)
