/*
 * This file holds what comes by a new connection to Redis (hold.h), and hands it on
 * behind the gap.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/redis_private.h"

struct held {
	struct sh_held held; /* has to be the first */
	struct shoal_redis_message message;
	char text[]; /* channel and message */
};

void
sh_redis_hold_message(
    struct sh_redis_carrier *carrier, const struct shoal_redis_message *message)
{
	size_t size = sizeof(struct held) + message->channel_len + message->len;
	struct held *held = sh_try_calloc(1, size);

	if (held != NULL) {
		held->held.size = size;
		held->message.channel_len = message->channel_len;
		held->message.channel =
		    memcpy(held->text, message->channel, message->channel_len);
		held->message.len = message->len;
		held->message.text = memcpy(held->text + message->channel_len,
		    message->text, message->len);
	}
	sh_hold_add(&carrier->hold, (struct sh_held *)held);
}

void
sh_redis_hold_end(struct sh_redis_carrier *carrier)
{
	const struct sh_carrier_events *events = &carrier->carrier.events;
	struct sh_held *held;

	if (!carrier->hold.on)
		return;
	sh_hold_end(&carrier->hold);
	carrier->gap = false;
	events->lost(NULL, events->arg);
	while (
	    !carrier->closed && (held = sh_hold_take(&carrier->hold)) != NULL) {
		sh_redis_arrived(carrier, &((struct held *)held)->message);
		free(held);
	}
}
