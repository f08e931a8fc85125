/*
 * This file gives a message that comes by a stream its place: the epoch is the stream's,
 * the offset its number. When a stream was deleted and made again, messages of both may
 * be on their way, and bear the same name: all of them are dropped until those of the
 * first one have come, and then a gap is told.
 */
#include "config.h"

#include <string.h>

#include "broker/nats_private.h"
#include "topic/publication.h"

/* Another one has its name, which one is not known yet. */
static void
doubt(struct sh_nats_log *log)
{
	log->doubted = true;
	log->until = UINT64_MAX;
	sh_nats_log_ask(log);
}

/* What was on its way when it became known has come when a barrier is back that is sent
 * later. */
void
sh_nats_log_is_of(struct sh_nats_log *log, uint64_t made_ns)
{
	struct sh_carrier_nats *carrier = log->carrier;
	bool other = log->made_ns != made_ns;

	if (other)
		log->last = 0;
	if (log->doubted || (other && log->made_ns != 0)) {
		log->doubted = true;
		log->until = carrier->barrier + 1;
		sh_nats_barrier_send(carrier);
	}
	log->made_ns = made_ns;
}

void
sh_nats_log_trust(struct sh_nats_log *log)
{
	struct sh_carrier_nats *carrier = log->carrier;

	if (!log->doubted)
		return;
	log->doubted = false;
	log->last = 0;
	carrier->base.events.lost(NULL, carrier->base.events.arg);
}

void
sh_nats_logs_barrier_back(struct sh_carrier_nats *carrier)
{
	struct sh_nats_log *log;

	SLIST_FOREACH(log, &carrier->logs, next)
	if (log->until <= carrier->barrier)
		sh_nats_log_trust(log);
}

/* The same number again came through another subscription; a lower one is of a
 * stream that was made anew. */
static bool
place(struct sh_nats_log *log, uint64_t sequence,
    struct sh_publication *publication)
{
	if (!log->doubted && sequence < log->last)
		doubt(log);
	if (log->doubted || sequence == log->last)
		return false;
	log->last = sequence;
	if (log->made_ns == 0 || log->state != SH_NATS_LOG_THERE)
		return true;
	publication->epoch = log->made_ns;
	publication->offset = sequence;
	return true;
}

bool
sh_nats_log_place(struct sh_carrier_nats *carrier,
    const struct sh_nats_message *message, struct sh_publication *publication)
{
	struct sh_nats_log *log;

	SLIST_FOREACH(log, &carrier->logs, next)
	if (strcmp(log->name, message->stream) == 0)
		return place(log, message->sequence, publication);
	/* the first of its rule, or of one that only others have */
	log =
	    sh_nats_log_of(carrier, publication->topic, publication->topic_len);
	return log == NULL || strcmp(log->name, message->stream) != 0 ||
	    place(log, message->sequence, publication);
}
