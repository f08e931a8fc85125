/*
 * This file keeps what comes by a new connection back until all that is wanted is in
 * effect there again. Then the gap is told, first, and there is none behind it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/nats_private.h"

struct sh_nats_held {
	STAILQ_ENTRY(sh_nats_held) next;
	struct sh_nats_message message;
	char text[]; /* subject, stream and data */
};

void
sh_nats_hold_begin(struct sh_carrier_nats *carrier)
{
	carrier->holding = true;
}

void
sh_nats_hold_message(
    struct sh_carrier_nats *carrier, const struct sh_nats_message *message)
{
	size_t subject = strlen(message->subject) + 1;
	size_t name = message->stream != NULL ? strlen(message->stream) + 1 : 0;
	size_t size =
	    sizeof(struct sh_nats_held) + subject + name + message->len;
	struct sh_nats_held *held;

	/* what is not held is part of the gap */
	if (carrier->held_size + size > carrier->held_max)
		return;
	held = sh_try_calloc(1, size);
	if (held == NULL)
		return;
	held->message = *message;
	held->message.subject = memcpy(held->text, message->subject, subject);
	if (name != 0)
		held->message.stream =
		    memcpy(held->text + subject, message->stream, name);
	held->message.data = held->text + subject + name;
	if (message->len != 0)
		memcpy(
		    held->text + subject + name, message->data, message->len);
	STAILQ_INSERT_TAIL(&carrier->held, held, next);
	carrier->held_size += size;
}

void
sh_nats_hold_end(struct sh_carrier_nats *carrier)
{
	struct sh_nats_held *held;

	if (!carrier->holding)
		return;
	carrier->holding = false;
	carrier->base.events.lost(NULL, carrier->base.events.arg);
	while ((held = STAILQ_FIRST(&carrier->held)) != NULL) {
		STAILQ_REMOVE_HEAD(&carrier->held, next);
		sh_nats_arrived(carrier, &held->message);
		free(held);
	}
	carrier->held_size = 0;
}

void
sh_nats_hold_close(struct sh_carrier_nats *carrier)
{
	struct sh_nats_held *held;

	while ((held = STAILQ_FIRST(&carrier->held)) != NULL) {
		STAILQ_REMOVE_HEAD(&carrier->held, next);
		free(held);
	}
}
