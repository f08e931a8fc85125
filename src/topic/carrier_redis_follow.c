/*
 * This file is the connection that is subscribed: it is made, and made again, and
 * what comes by it is handed on. What it is subscribed to is carrier_redis_ask.c.
 */
#include "config.h"

#include <string.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "client/redis_message.h"
#include "client/redis_reply.h"
#include "io/await.h"
#include "topic/carrier_redis_private.h"
#include "topic/publication.h"

/* After so many messages others have their turn. */
enum { MESSAGES_MAX = 128 };

/* --- a message --- */

static bool
is_peers(const struct sh_redis_carrier *carrier,
    const struct shoal_redis_message *message)
{
	return message->channel_len == strlen(carrier->peers_channel) &&
	    memcmp(message->channel, carrier->peers_channel,
		message->channel_len) == 0;
}

/* Whether it came by the channel of its topic. */
static bool
is_its_channel(const struct sh_redis_carrier *carrier,
    const struct shoal_redis_message *message,
    const struct sh_publication *publication)
{
	size_t len = strlen(carrier->prefix);

	return message->channel_len == len + publication->topic_len &&
	    memcmp(message->channel, carrier->prefix, len) == 0 &&
	    memcmp(message->channel + len, publication->topic,
		publication->topic_len) == 0;
}

/* Whether it has come just before, by the channel or another pattern. Redis hands
 * one message to all subscriptions that match before it takes the next one. */
static bool
is_double(struct sh_redis_carrier *carrier, const uint8_t *number)
{
	if (memcmp(carrier->last_number, number, SH_REDIS_NUMBER_LEN) == 0)
		return true;
	memcpy(carrier->last_number, number, SH_REDIS_NUMBER_LEN);
	return false;
}

static void
note_place(struct sh_redis_carrier *carrier,
    const struct shoal_redis_message *message,
    const struct sh_publication *publication)
{
	struct sh_redis_want *want;

	if (publication->offset == 0)
		return;
	want = sh_redis_wanted_find(
	    &carrier->wanted, message->channel, message->channel_len, false);
	if (want == NULL)
		return;
	want->epoch = publication->epoch;
	want->offset = publication->offset;
}

static void
take_message(
    struct sh_redis_carrier *carrier, const struct shoal_redis_message *message)
{
	struct sh_publication publication;
	const uint8_t *number;

	if (is_peers(carrier, message)) {
		/* somebody has come: count anew */
		carrier->peers_us = 0;
		sh_redis_send_wake(carrier);
		return;
	}
	/* others may publish there too; what is not ours is left alone */
	if (sh_redis_payload_read(
		&publication, &number, message->text, message->len) < 0 ||
	    !is_its_channel(carrier, message, &publication)) {
		SH_COUNT(carrier->counters->broker_strange, 1);
		return;
	}
	if (is_double(carrier, number))
		return;
	SH_COUNT(carrier->counters->broker_received, 1);
	note_place(carrier, message, &publication);
	carrier->carrier.events.arrived(
	    &publication, carrier->carrier.events.arg);
}

/* Lends the reply. */
static int
take_reply(
    struct sh_redis_carrier *carrier, const struct shoal_redis_reply *reply)
{
	struct shoal_redis_message message;
	int r = 0;

	switch (sh_redis_message_read(reply, &message)) {
	case SH_REDIS_KIND_MESSAGE: take_message(carrier, &message); break;
	case SH_REDIS_KIND_CHANGE: r = sh_redis_answered(carrier, NULL); break;
	case SH_REDIS_KIND_ERROR:
		r = sh_redis_answered(carrier, reply->text);
		break;
	case SH_REDIS_KIND_PONG: break;
	case SH_REDIS_KIND_OTHER:
		/* PONG of a connection whose subscriptions were refused */
		if (reply->type != SHOAL_REDIS_STATUS)
			r = -SHOAL_EPROTO;
		break;
	}
	if (r == 0)
		sh_redis_follow_settle(carrier);
	return r;
}

/* --- a connection --- */

/* Only then a gap is told: who hears of it can look for what it has missed, and
 * misses nothing after. */
void
sh_redis_follow_settle(struct sh_redis_carrier *carrier)
{
	const struct sh_carrier_events *events = &carrier->carrier.events;

	if (carrier->settled || !carrier->in_up || carrier->closed ||
	    !STAILQ_EMPTY(&carrier->asks))
		return;
	carrier->settled = carrier->was_settled = true;
	SH_SET(carrier->counters->broker_up, 1);
	sh_redis_tell_up(carrier);
	if (!carrier->greeted)
		sh_redis_send_hello(carrier);
	carrier->greeted = true;
	if (carrier->gap) {
		carrier->gap = false;
		events->lost(NULL, events->arg);
	}
	if (!carrier->closed)
		events->settled(events->arg);
}

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

/* Hand on what comes until the connection ends: why it did. */
static int
follow(struct sh_redis_carrier *carrier)
{
	struct shoal_redis_reply *reply = NULL;
	unsigned messages = 0;
	int r;

	carrier->in_up = true;
	carrier->in_number++;
	r = sh_redis_ask_all(carrier);
	sh_redis_recalls_put_off(carrier);
	while (r == 0 && !carrier->closed) {
		r = read_reply(carrier, &reply);
		if (r < 0)
			break;
		r = take_reply(carrier, reply);
		sh_redis_reply_free(&reply);
		if (r == 0 && ++messages % MESSAGES_MAX == 0)
			r = sh_await_turn("broker, receiving");
	}
	return carrier->closed ? -SHOAL_ECANCELED : r;
}

static void
lose(struct sh_redis_carrier *carrier)
{
	if (carrier->in_up) {
		SH_COUNT(carrier->counters->broker_reconnects, 1);
		carrier->gap |= carrier->was_settled;
	}
	carrier->in_up = carrier->settled = carrier->greeted = false;
	SH_SET(carrier->counters->broker_up, 0);
	sh_redis_link_close(carrier->in_link);
	sh_redis_asks_clear(carrier);
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
		lose(carrier);
		sh_redis_tell_down(carrier, r, was_up);
		sh_redis_recalls_expire(carrier, false);
	}
	lose(carrier);
	if (!carrier->closed)
		sh_redis_recalls_expire(carrier, true);
	carrier->follower = NULL;
	sh_redis_carrier_unref(carrier);
}
