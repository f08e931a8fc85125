/*
 * This file asks Redis for channels and patterns, and gives them up. The answers
 * come in the order of the questions; who reads them is redis_follow.c.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "io/await.h"
#include "io/loop.h"
#include "broker/redis_private.h"

/* Send what has been asked, in the turn in which it was, or when the one before has
 * been sent. */
static void
ask_main(void *arg)
{
	struct sh_redis_carrier *carrier = arg;
	struct sh_buf bytes;
	int r = sh_await_turn("broker, before it subscribes");

	while (r == 0 && carrier->in_up && carrier->ask_bytes.len != 0) {
		bytes = carrier->ask_bytes;
		sh_buf_init(&carrier->ask_bytes, SIZE_MAX);
		/* who reads finds out if it has failed: there is no answer */
		r = sh_redis_link_send(carrier->in_link, bytes.data, bytes.len,
		    sh_deadline_us((int)carrier->timeout_ms));
		sh_buf_fini(&bytes);
		/* it was another connection's */
		if (r == -SHOAL_ECANCELED && !sh_await_is_cancelled())
			r = 0;
	}
	carrier->asking = false;
	sh_redis_carrier_unref(carrier);
}

static int
send_asks(struct sh_redis_carrier *carrier)
{
	int64_t r;

	if (carrier->asking || !carrier->in_up)
		return 0;
	carrier->asking = true;
	sh_redis_carrier_ref(carrier);
	r = sh_co_start(sh_loop_coroutines(carrier->loop), ask_main, carrier,
	    "broker, subscribing");
	if (r >= 0)
		return 0;
	carrier->asking = false;
	sh_redis_carrier_unref(carrier);
	return (int)r;
}

static int
append(struct sh_redis_carrier *carrier, int argc, const char *const *argv)
{
	struct sh_redis_command command;
	int r = sh_redis_command_raw(&command, argc, argv, NULL);

	if (r < 0)
		return r;
	r = sh_buf_add(&carrier->ask_bytes, command.data, command.len);
	sh_redis_command_free(&command);
	return r;
}

static const char *
verb_of(bool is_pattern, bool subscribe)
{
	if (is_pattern)
		return subscribe ? "PSUBSCRIBE" : "PUNSUBSCRIBE";
	return subscribe ? "SUBSCRIBE" : "UNSUBSCRIBE";
}

int
sh_redis_ask(struct sh_redis_carrier *carrier, const char *name,
    bool is_pattern, bool subscribe)
{
	const char *words[] = { verb_of(is_pattern, subscribe), name };
	size_t len = strlen(name) + 1;
	struct sh_redis_asked *asked;
	int r;

	/* a new connection asks for all */
	if (!carrier->in_up)
		return 0;
	asked = sh_try_calloc(1, sizeof(*asked) + len);
	if (asked == NULL)
		return -SHOAL_ENOMEM;
	asked->subscribe = subscribe;
	memcpy(asked->name, name, len);
	r = append(carrier, 2, words);
	if (r < 0) {
		free(asked);
		return r;
	}
	STAILQ_INSERT_TAIL(&carrier->asks, asked, link);
	carrier->asked++;
	carrier->settled = false;
	return send_asks(carrier);
}

static int
ask_want(struct sh_redis_want *want, void *arg)
{
	return sh_redis_ask(arg, want->name, want->is_pattern, true);
}

int
sh_redis_ask_all(struct sh_redis_carrier *carrier)
{
	int r = sh_redis_ask(carrier, carrier->peers_channel, false, true);

	return r < 0
	    ? r
	    : sh_redis_wanted_each(&carrier->wanted, ask_want, carrier);
}

int
sh_redis_ask_ping(struct sh_redis_carrier *carrier)
{
	const char *words[] = { "PING" };
	int r = append(carrier, 1, words);

	return r < 0 ? r : send_asks(carrier);
}

int
sh_redis_answered(struct sh_redis_carrier *carrier, const char *error)
{
	struct sh_redis_asked *asked = STAILQ_FIRST(&carrier->asks);

	if (asked == NULL)
		return -SHOAL_EPROTO;
	STAILQ_REMOVE_HEAD(&carrier->asks, link);
	if (error != NULL)
		sh_redis_tell_refused(carrier,
		    asked->subscribe ? asked->name : "an UNSUBSCRIBE", error);
	free(asked);
	carrier->told++;
	sh_redis_recalls_release(carrier);
	return 0;
}

void
sh_redis_asks_clear(struct sh_redis_carrier *carrier)
{
	struct sh_redis_asked *asked;

	while ((asked = STAILQ_FIRST(&carrier->asks)) != NULL) {
		STAILQ_REMOVE_HEAD(&carrier->asks, link);
		free(asked);
	}
	sh_buf_fini(&carrier->ask_bytes);
	carrier->told = carrier->asked;
}
