/*
 * This file is the connection that is subscribed: it is made, and made again, and
 * what comes by it is read. What it is subscribed to is redis_ask.c, where it
 * goes redis_inbox.c.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/clock.h"
#include "client/redis_reply.h"
#include "io/await.h"
#include "broker/redis_private.h"

/* Of messages that are handed on together, more or less. */
enum { BATCH_BYTES = 1024 * 1024 };

/* --- a connection --- */

/* The next reply. One that does not come for long is asked for, and then has as
 * long again. */
static int
read_reply(
    struct sh_redis_carrier *carrier, struct shoal_redis_reply **reply_out)
{
	int timeout_ms = (int)carrier->timeout_ms, r;

	sh_redis_reader_refill(&carrier->in_link->reader);
	r = sh_redis_link_read(
	    carrier->in_link, sh_deadline_us(timeout_ms), reply_out);
	if (r != -SHOAL_ETIMEDOUT)
		return r;
	r = sh_redis_ask_ping(carrier);
	if (r < 0)
		return r;
	return sh_redis_link_read(
	    carrier->in_link, sh_deadline_us(timeout_ms), reply_out);
}

static void
put(struct sh_redis_carrier *carrier, struct shoal_redis_reply *reply,
    size_t *size_io)
{
	carrier->inbox[carrier->inbox_count++] = reply;
	*size_io += sh_redis_reply_size(reply);
	sh_redis_reader_refill(&carrier->in_link->reader);
}

/* Wait for a reply, and take those that have come with it. */
static int
read_batch(struct sh_redis_carrier *carrier)
{
	struct shoal_redis_reply *reply = NULL;
	size_t size = 0;
	int r = read_reply(carrier, &reply);

	carrier->inbox_count = carrier->inbox_at = 0;
	if (r < 0)
		return r;
	do {
		put(carrier, reply, &size);
		r = carrier->inbox_count < SH_REDIS_INBOX_MAX &&
			size < BATCH_BYTES
		    ? sh_redis_reader_next(&carrier->in_link->reader, &reply)
		    : 0;
	} while (r > 0);
	return r;
}

/* Others do not read on before it is done. */
static int
hand_on(struct sh_redis_carrier *carrier)
{
	int r = 0;

	sh_redis_inbox_hand_on(carrier);
	carrier->handing = true;
	while (r == 0 && carrier->inbox_at < carrier->inbox_count)
		r = sh_await("broker, handing on", SH_NEVER);
	carrier->handing = false;
	return r == 0 ? carrier->inbox_error : r;
}

/* Hand on what comes until the connection ends: why it did. */
static int
follow(struct sh_redis_carrier *carrier)
{
	int r, handed;

	carrier->in_up = true;
	carrier->inbox_error = 0;
	if (carrier->gap)
		sh_hold_begin(&carrier->hold);
	r = sh_redis_ask_all(carrier);
	carrier->anew = carrier->asked;
	sh_redis_recalls_put_off(carrier);
	while (r == 0 && !carrier->closed) {
		r = read_batch(carrier);
		if (carrier->inbox_count == 0)
			continue;
		/* what came before an error counts */
		handed = hand_on(carrier);
		r = r == 0 ? handed : r;
	}
	return carrier->closed ? -SHOAL_ECANCELED : r;
}

static void
lose(struct sh_redis_carrier *carrier, int error)
{
	if (carrier->in_up) {
		SH_COUNT(carrier->counters->broker_reconnects, 1);
		carrier->gap |= carrier->relied_on;
		/* one that ends before anything is subscribed would be made
		 * again and again */
		if (!carrier->greeted)
			sh_redis_put_off(carrier->in, error);
	}
	carrier->in_up = carrier->settled = carrier->greeted = false;
	SH_SET(carrier->counters->broker_up, 0);
	sh_redis_link_close(carrier->in_link);
	sh_redis_asks_clear(carrier);
	sh_hold_fini(&carrier->hold);
	/* that the other one is lost is noticed when it is used */
	carrier->peers_us = 0;
	sh_redis_send_wake(carrier);
}

void
sh_redis_follow_main(void *arg)
{
	struct sh_redis_carrier *carrier = arg;
	bool was_up;
	int r;

	carrier->follower = sh_co_running();
	/* events are set by who opens it, who has not returned yet */
	r = sh_await_turn("broker, before it connects");
	while (r != -SHOAL_ECANCELED && !carrier->closed) {
		r = sh_redis_connect(carrier->in, SH_NEVER);
		if (r == 0)
			r = follow(carrier);
		if (r == -SHOAL_ECANCELED || carrier->closed)
			break;
		was_up = carrier->in_up;
		lose(carrier, r);
		sh_redis_tell_down(carrier, r, was_up);
		sh_redis_recalls_expire(carrier, false);
	}
	lose(carrier, r);
	if (!carrier->closed)
		sh_redis_recalls_expire(carrier, true);
	carrier->follower = NULL;
	sh_redis_carrier_unref(carrier);
}
