/*
 * This file holds what comes by a new connection to NATS (hold.h), and hands it on
 * behind the gap.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/nats_private.h"

struct held {
	struct sh_held held; /* has to be the first */
	struct sh_nats_message message;
	char text[]; /* subject, stream and data */
};

void
sh_nats_hold_message(
    struct sh_carrier_nats *carrier, const struct sh_nats_message *message)
{
	size_t subject = strlen(message->subject) + 1;
	size_t name = message->stream != NULL ? strlen(message->stream) + 1 : 0;
	size_t size = sizeof(struct held) + subject + name + message->len;
	struct held *held = sh_try_calloc(1, size);

	if (held != NULL) {
		held->held.size = size;
		held->message = *message;
		held->message.subject =
		    memcpy(held->text, message->subject, subject);
		if (name != 0)
			held->message.stream =
			    memcpy(held->text + subject, message->stream, name);
		held->message.data = held->text + subject + name;
		if (message->len != 0)
			memcpy(held->text + subject + name, message->data,
			    message->len);
	}
	sh_hold_add(&carrier->hold, (struct sh_held *)held);
}

void
sh_nats_hold_end(struct sh_carrier_nats *carrier)
{
	struct sh_held *held;

	if (!carrier->hold.on)
		return;
	sh_hold_end(&carrier->hold);
	carrier->base.events.lost(NULL, carrier->base.events.arg);
	while ((held = sh_hold_take(&carrier->hold)) != NULL) {
		sh_nats_arrived(carrier, &((struct held *)held)->message);
		free(held);
	}
}
