/*
 * This file publishes: messages of topics, and what processes say to each other.
 */
#include "config.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <shoal/error.h>

#include "broker/nats_private.h"
#include "topic/publication.h"

int
sh_nats_say(struct sh_carrier_nats *carrier, const char *subject,
    const void *data, size_t len)
{
	struct iovec part = { .iov_base = (void *)data, .iov_len = len };
	char whole[SH_NATS_NAME_MAX];

	snprintf(whole, sizeof(whole), "%s%s", carrier->root, subject);
	return sh_nats_publish(carrier->nats, whole, NULL, &part, 1);
}

void
sh_nats_tell_room(struct sh_carrier_nats *carrier)
{
	if (!carrier->wants_room)
		return;
	carrier->wants_room = false;
	carrier->base.events.room(carrier->base.events.arg);
}

static int
publish_live(struct sh_carrier_nats *carrier, const char *topic_subject,
    const struct iovec *parts, int count)
{
	char subject[SH_NATS_NAME_MAX];
	int r;

	snprintf(
	    subject, sizeof(subject), "%st.%s", carrier->root, topic_subject);
	r = sh_nats_publish(carrier->nats, subject, NULL, parts, count);
	if (r == -SHOAL_EAGAIN)
		carrier->wants_room = true;
	return r;
}

/* The message as it travels: its head, which goes into place, and its data. */
static void
wrap(struct sh_carrier_nats *carrier, const struct sh_publication *publication,
    uint8_t *head, struct iovec *parts)
{
	struct sh_publication numbered = *publication;
	uint64_t self = htole64(carrier->self);

	numbered.serial = ++carrier->serial;
	memcpy(head, &self, SH_NATS_PREAMBLE);
	parts[0].iov_base = head;
	parts[0].iov_len = SH_NATS_PREAMBLE +
	    sh_publication_encode(&numbered, head + SH_NATS_PREAMBLE);
	parts[1].iov_base = (void *)publication->data;
	parts[1].iov_len = publication->len;
}

int
sh_nats_publish_topic(struct sh_carrier *base,
    const struct sh_publication *publication, bool kept)
{
	struct sh_carrier_nats *carrier = sh_nats_carrier_of(base);
	struct sh_nats_log *log = NULL;
	uint8_t head[SH_NATS_PREAMBLE + SH_PUBLICATION_HEADER_MAX];
	char subject[SH_NATS_TOPIC_MAX];
	struct iovec parts[2];
	int r;

	wrap(carrier, publication, head, parts);
	sh_nats_subject(publication->topic, publication->topic_len, subject);
	if (kept)
		log = sh_nats_log_of(
		    carrier, publication->topic, publication->topic_len);
	if (log != NULL && log->state != SH_NATS_LOG_NONE)
		r = sh_nats_log_publish(log, subject, parts, 2);
	else
		r = publish_live(carrier, subject, parts, 2);
	if (r == 0)
		SH_COUNT(carrier->counters->broker_published, 1);
	return r;
}
