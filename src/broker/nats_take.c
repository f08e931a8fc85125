/*
 * This file takes the messages that come by NATS: it looks whether they are of shoal
 * and new, and hands them on.
 */
#include "config.h"

#include <endian.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/topic.h>
#include <shoal/ws.h>

#include "base/log.h"
#include "proto/utf8.h"
#include "broker/nats_private.h"
#include "topic/publication.h"

int
sh_nats_decode(const void *data, size_t len, uint64_t *process_out,
    struct sh_publication *out)
{
	uint64_t process;
	int r;

	if (len < SH_NATS_PREAMBLE)
		return -SHOAL_EPROTO;
	memcpy(&process, data, SH_NATS_PREAMBLE);
	*process_out = le64toh(process);
	r = sh_publication_decode(
	    out, (const char *)data + SH_NATS_PREAMBLE, len - SH_NATS_PREAMBLE);
	if (r == 0 && out->type == SHOAL_WS_TEXT &&
	    !sh_utf8_is_valid(out->data, out->len))
		r = -SHOAL_EPROTO;
	/* the number that counts is the stream's */
	out->epoch = out->offset = 0;
	return r;
}

void
sh_nats_foreign(struct sh_carrier_nats *carrier, const char *subject)
{
	SH_COUNT(carrier->counters->broker_strange, 1);
	if (carrier->told_foreign)
		return;
	carrier->told_foreign = true;
	sh_log_warning(
	    "nats: a message to subject '%s' is not of shoal and "
	    "was thrown away (told once); give shoal a prefix of its "
	    "own (broker.prefix)",
	    subject);
}

/* Who may publish to some subjects only says by them what he publishes to. */
static bool
is_its_subject(const struct sh_carrier_nats *carrier, const char *subject,
    const struct sh_publication *publication)
{
	char topic[SH_NATS_TOPIC_MAX];

	sh_nats_subject(publication->topic, publication->topic_len, topic);
	return strcmp(subject + carrier->root_len + strlen("t."), topic) == 0;
}

void
sh_nats_arrived(
    struct sh_carrier_nats *carrier, const struct sh_nats_message *message)
{
	struct sh_publication publication;
	uint64_t process;
	bool is_new;

	if (sh_nats_decode(
		message->data, message->len, &process, &publication) < 0 ||
	    !is_its_subject(carrier, message->subject, &publication)) {
		sh_nats_foreign(carrier, message->subject);
		return;
	}
	/* numbers of streams come in another order than those of processes */
	if (message->stream != NULL)
		is_new = sh_nats_log_place(carrier, message, &publication);
	else
		is_new = sh_nats_is_new(carrier, process, publication.serial);
	if (!is_new)
		return;
	SH_COUNT(carrier->counters->broker_received, 1);
	carrier->base.events.arrived(&publication, carrier->base.events.arg);
}

static void
on_topic(struct sh_carrier_nats *carrier, const struct sh_nats_message *message)
{
	if (carrier->hold.on)
		sh_nats_hold_message(carrier, message);
	else
		sh_nats_arrived(carrier, message);
}

static void
on_own(struct sh_carrier_nats *carrier, const char *subject,
    const struct sh_nats_message *message)
{
	if (strncmp(subject, "s.", 2) == 0)
		sh_nats_barrier_back(carrier, subject + 2);
	else if (strncmp(subject, "a.", 2) == 0)
		sh_nats_log_answered(carrier, subject + 2, message);
	else if (strcmp(subject, "h") == 0)
		sh_nats_peers_heard(carrier, message->data, message->len);
}

static void
on_loss(struct sh_carrier_nats *carrier, const struct sh_nats_message *message)
{
	char topic[SHOAL_TOPIC_MAX + 1];

	if (message->len >= sizeof(topic))
		return;
	memcpy(topic, message->data, message->len);
	topic[message->len] = '\0';
	carrier->base.events.lost(
	    message->len > 0 ? topic : NULL, carrier->base.events.arg);
}

void
sh_nats_take_message(const struct sh_nats_message *message, void *arg)
{
	struct sh_carrier_nats *carrier = arg;
	const char *subject = message->subject + carrier->root_len;

	if (strncmp(subject, "t.", 2) == 0)
		on_topic(carrier, message);
	else if (strncmp(subject, "i.", 2) == 0)
		on_own(
		    carrier, subject + strlen("i.0123456789abcdef."), message);
	else if (strcmp(subject, "h") == 0)
		sh_nats_peers_heard(carrier, message->data, message->len);
	else if (strcmp(subject, "l") == 0)
		on_loss(carrier, message);
}
