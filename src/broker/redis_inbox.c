/*
 * This file hands on what has come, on the loop's own stack, where others may call
 * functions of users: messages, gaps, answers about histories. It reads nothing.
 */
#include "config.h"

#include <string.h>

#include <shoal/error.h>

#include "client/redis_message.h"
#include "client/redis_reply.h"
#include "broker/redis_private.h"
#include "topic/publication.h"

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

void
sh_redis_arrived(
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
	if (publication.offset != 0)
		sh_redis_history_seen(carrier, message->channel,
		    message->channel_len, publication.epoch,
		    publication.offset);
	carrier->carrier.events.arrived(
	    &publication, carrier->carrier.events.arg);
}

/* --- replies --- */

/* What was wanted before the connection was made is in effect. Only then a gap is
 * told: who hears of it can look for what it has missed, and misses nothing after. What
 * was wanted since does not put it off. */
static void
resume(struct sh_redis_carrier *carrier)
{
	if (carrier->greeted || carrier->told < carrier->anew)
		return;
	carrier->greeted = carrier->relied_on = true;
	sh_redis_tell_up(carrier);
	sh_redis_peers_greet(carrier);
	sh_redis_hold_end(carrier);
}

static void
settle(struct sh_redis_carrier *carrier)
{
	const struct sh_carrier_events *events = &carrier->carrier.events;
	bool settles = !carrier->settled && STAILQ_EMPTY(&carrier->asks);

	if (!carrier->in_up || carrier->closed)
		return;
	if (settles) {
		carrier->settled = true;
		SH_SET(carrier->counters->broker_up, 1);
	}
	resume(carrier);
	if (settles && !carrier->closed)
		events->settled(events->arg);
}

static void
take_message(
    struct sh_redis_carrier *carrier, const struct shoal_redis_message *message)
{
	if (carrier->hold.on)
		sh_redis_hold_message(carrier, message);
	else
		sh_redis_arrived(carrier, message);
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
		settle(carrier);
	return r;
}

static void
take_replies(struct sh_redis_carrier *carrier)
{
	struct shoal_redis_reply *reply;

	while (carrier->inbox_at < carrier->inbox_count) {
		reply = carrier->inbox[carrier->inbox_at++];
		if (carrier->inbox_error == 0)
			carrier->inbox_error = take_reply(carrier, reply);
		sh_redis_reply_free(&reply);
	}
	if (carrier->handing)
		sh_co_wake(carrier->follower, 0);
}

static void
tell_room(struct sh_redis_carrier *carrier)
{
	const struct sh_carrier_events *events = &carrier->carrier.events;

	if (!carrier->has_room)
		return;
	carrier->has_room = false;
	events->room(events->arg);
}

/* --- the turn --- */

static bool
take_turn(void *arg)
{
	struct sh_redis_carrier *carrier = arg;

	take_replies(carrier);
	tell_room(carrier);
	return sh_redis_recalls_take_turn(carrier);
}

void
sh_redis_inbox_init(struct sh_redis_carrier *carrier)
{
	carrier->task.fn = take_turn;
	carrier->task.arg = carrier;
}

void
sh_redis_inbox_hand_on(struct sh_redis_carrier *carrier)
{
	if (!carrier->closed)
		sh_loop_task_begin(carrier->loop, &carrier->task);
}

void
sh_redis_inbox_end(struct sh_redis_carrier *carrier)
{
	sh_loop_task_end(carrier->loop, &carrier->task);
	while (carrier->inbox_at < carrier->inbox_count)
		sh_redis_reply_free(&carrier->inbox[carrier->inbox_at++]);
}
