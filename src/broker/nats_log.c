/*
 * This file keeps the histories of topics in streams of JetStream, one for each rule
 * of topic/keep.h. A message for a topic that is kept is published to a subject of
 * the stream only; the stream puts it in order, keeps it, and publishes it again to
 * the topic's own subject with its number. What place a message has by that is
 * nats_place.c.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/topic.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "broker/nats_private.h"
#include "topic/publication.h"

enum {
	UNANSWERED_MAX = 8192, /* messages that a stream has not confirmed */
	WHY_MAX = 200,         /* bytes of the server's words in the log */
	NONE_AGAIN_MS = 30000  /* after which a server is asked again that has
				  no streams */
};

/* --- asking for the stream -------------------------------------------------- */

/* One more than is promised: so the message that a client had last is still there
 * when nothing behind it has gone. */
static int64_t
per_subject(const struct sh_keep *keep)
{
	int64_t by_bytes =
	    keep->bytes > 0 ? keep->bytes / SH_KEEP_MESSAGE_COST + 1 : 0;
	int64_t count = keep->count > 0 ? keep->count : by_bytes;

	if (by_bytes > 0 && by_bytes < count)
		count = by_bytes;
	return count > 0 ? count + 1 : 0;
}

static void
try_again(struct sh_nats_log *log, int64_t ms)
{
	sh_wheel_set(log->carrier->loop, &log->again,
	    sh_loop_now_ms(log->carrier->loop) + ms);
}

static int64_t
pause_ms(struct sh_nats_log *log)
{
	int64_t pause = 100;
	int i;

	for (i = 0; i < log->attempt && pause < log->carrier->backoff_max_ms;
	     i++)
		pause *= 2;
	log->attempt++;
	return pause;
}

/* Not for ever, but nobody waits for it: live messages go on without it. */
static void
set_none(struct sh_nats_log *log, int result, const char *why)
{
	log->state = SH_NATS_LOG_NONE;
	if (!log->told && result == -ENOSYS)
		sh_log_err(
		    "nats: topics that match '%s' (topics.history) keep no "
		    "history, messages are only sent on: the server has no "
		    "JetStream; start it with -js or with jetstream in its "
		    "configuration",
		    sh_keep_filter(log->keep));
	else if (!log->told)
		sh_log_err(
		    "nats: topics that match '%s' (topics.history) keep no "
		    "history, messages are only sent on: stream '%s': %s",
		    sh_keep_filter(log->keep), log->name, why);
	log->told = true;
	log->made_ns = 0;
	sh_nats_log_trust(log);
	try_again(log, NONE_AGAIN_MS);
}

static void
set_there(struct sh_nats_log *log, uint64_t made_ns)
{
	if (log->told)
		sh_log_notice("nats: topics that match '%s' keep their "
			      "history in stream '%s'",
		    sh_keep_filter(log->keep), log->name);
	log->state = SH_NATS_LOG_THERE;
	log->told = false;
	log->attempt = 0;
	sh_nats_log_is_of(log, made_ns);
}

static void
on_made(int result, uint64_t made_ns, const char *why, void *arg)
{
	struct sh_nats_log *log = arg;

	log->request = NULL;
	if (result == 0) {
		set_there(log, made_ns);
	} else if (result == -SHOAL_ENOTCONN || result == -SHOAL_ETIMEDOUT ||
	    result == -SHOAL_ENOMEM) {
		log->state = SH_NATS_LOG_LATER;
		if (log->carrier->up)
			try_again(log, pause_ms(log));
	} else {
		set_none(log, result, why);
	}
	sh_nats_tell_room(log->carrier);
	sh_nats_settle(log->carrier);
	sh_nats_replays_kick(log->carrier);
}

void
sh_nats_log_ask(struct sh_nats_log *log)
{
	struct sh_carrier_nats *carrier = log->carrier;
	char source[SH_NATS_NAME_MAX], target[SH_NATS_NAME_MAX];
	struct sh_nats_stream stream = { .name = log->name,
		.description = sh_keep_filter(log->keep),
		.source = source,
		.target = target,
		.per_subject = per_subject(log->keep),
		.age_ms = log->keep->age_ms };

	if (log->request != NULL)
		return;
	sh_wheel_clear(carrier->loop, &log->again);
	if (log->state != SH_NATS_LOG_NONE)
		log->state = SH_NATS_LOG_LATER;
	if (!carrier->up)
		return;
	snprintf(source, sizeof(source), "%sk.%s.>", carrier->root, log->token);
	snprintf(target, sizeof(target), "%st.>", carrier->root);
	if (sh_nats_make_stream(carrier->loop, carrier->nats, &stream, on_made,
		log, &log->request) < 0)
		try_again(log, pause_ms(log));
	else if (log->state != SH_NATS_LOG_NONE)
		log->state = SH_NATS_LOG_ASKED;
}

static void
on_again(struct sh_wheel_timer *timer)
{
	sh_nats_log_ask((struct sh_nats_log *)(void *)((char *)timer -
	    offsetof(struct sh_nats_log, again)));
}

/* --- which stream ------------------------------------------------------------ */

static void
name_log(struct sh_nats_log *log)
{
	struct sh_carrier_nats *carrier = log->carrier;
	const char *filter = sh_keep_filter(log->keep);
	char text[SH_NATS_ROOT_MAX + SHOAL_TOPIC_MAX + 1], prefix[60];
	int n = snprintf(text, sizeof(text), "%s%s", carrier->root, filter);

	snprintf(log->token, sizeof(log->token), "%016llx",
	    (unsigned long long)sh_topic_hash(text, (size_t)n));
	sh_nats_stream_name(carrier->root, prefix, sizeof(prefix));
	snprintf(log->name, sizeof(log->name), "%s%s", prefix, log->token);
}

static struct sh_nats_log *
log_of_rule(struct sh_carrier_nats *carrier, const struct sh_keep *keep)
{
	struct sh_nats_log *log;

	SLIST_FOREACH(log, &carrier->logs, next)
	if (log->keep == keep)
		return log;
	log = sh_try_calloc(1, sizeof(*log));
	if (log == NULL)
		return NULL;
	log->carrier = carrier;
	log->keep = keep;
	log->state = SH_NATS_LOG_LATER;
	sh_wheel_timer_init(&log->again, on_again);
	name_log(log);
	SLIST_INSERT_HEAD(&carrier->logs, log, next);
	sh_nats_log_ask(log);
	return log;
}

struct sh_nats_log *
sh_nats_log_of(struct sh_carrier_nats *carrier, const char *topic, size_t len)
{
	const struct sh_keep *keep = sh_keep_find(topic, len);

	return keep != NULL ? log_of_rule(carrier, keep) : NULL;
}

static void
ask_rule(const struct sh_keep *keep, void *arg)
{
	struct sh_nats_log *log = log_of_rule(arg, keep);

	if (log != NULL)
		sh_nats_log_ask(log);
}

/* The server may be another one, or have lost its files. */
void
sh_nats_logs_up(struct sh_carrier_nats *carrier)
{
	carrier->unanswered = 0;
	sh_keep_each(ask_rule, carrier);
}

void
sh_nats_logs_down(struct sh_carrier_nats *carrier)
{
	struct sh_nats_log *log;

	SLIST_FOREACH(log, &carrier->logs, next)
	{
		sh_wheel_clear(carrier->loop, &log->again);
		sh_nats_forget(&log->request);
		if (log->state != SH_NATS_LOG_NONE)
			log->state = SH_NATS_LOG_LATER;
	}
}

bool
sh_nats_logs_are_asked(const struct sh_carrier_nats *carrier)
{
	const struct sh_nats_log *log;

	SLIST_FOREACH(log, &carrier->logs, next)
	if (log->state == SH_NATS_LOG_ASKED)
		return true;
	return false;
}

void
sh_nats_logs_close(struct sh_carrier_nats *carrier)
{
	struct sh_nats_log *log;

	sh_nats_logs_down(carrier);
	while ((log = SLIST_FIRST(&carrier->logs)) != NULL) {
		SLIST_REMOVE_HEAD(&carrier->logs, next);
		free(log);
	}
}

/* --- publishing --------------------------------------------------------------- */

void
sh_nats_log_subject(
    const struct sh_nats_log *log, const char *topic_subject, char *to)
{
	snprintf(to, SH_NATS_NAME_MAX, "%sk.%s.%s", log->carrier->root,
	    log->token, topic_subject);
}

int
sh_nats_log_publish(struct sh_nats_log *log, const char *topic_subject,
    const struct iovec *parts, int count)
{
	struct sh_carrier_nats *carrier = log->carrier;
	char subject[SH_NATS_NAME_MAX], reply[SH_NATS_NAME_MAX];
	int r;

	if (log->state != SH_NATS_LOG_THERE ||
	    carrier->unanswered >= UNANSWERED_MAX) {
		if (sh_nats_is_away(carrier->nats))
			return -SHOAL_ENOTCONN;
		carrier->wants_room = true;
		return -SHOAL_EAGAIN;
	}
	sh_nats_log_subject(log, topic_subject, subject);
	/* the answer comes back with the topic in its subject */
	snprintf(reply, sizeof(reply), "%si.%016llx.a.%s", carrier->root,
	    (unsigned long long)carrier->self, topic_subject);
	r = sh_nats_publish(carrier->nats, subject, reply, parts, count);
	if (r == 0)
		carrier->unanswered++;
	return r;
}

/* It was accepted and is lost: those who have subscribed, here and elsewhere, are
 * told of a gap. */
static void
tell_loss(struct sh_carrier_nats *carrier, const char *topic,
    const struct sh_nats_message *message)
{
	struct sh_nats_log *log = sh_nats_log_of(carrier, topic, strlen(topic));
	const char *why =
	    message->nobody ? "its stream has gone" : message->data;
	size_t len = message->nobody ? strlen(why) : message->len;

	if (sh_nats_may_tell(carrier))
		sh_log_warning("nats: a message to '%s' was not kept and is "
			       "lost: %.*s",
		    topic, (int)(len < WHY_MAX ? len : WHY_MAX), why);
	SH_COUNT(carrier->counters->broker_dropped, 1);
	sh_nats_say(carrier, "l", topic, strlen(topic));
	if (log != NULL && message->nobody)
		sh_nats_log_ask(log);
}

void
sh_nats_log_answered(struct sh_carrier_nats *carrier, const char *topic_subject,
    const struct sh_nats_message *message)
{
	char topic[SHOAL_TOPIC_MAX + 1];

	if (carrier->unanswered > 0)
		carrier->unanswered--;
	if ((message->nobody ||
		memmem(message->data, message->len, "\"error\"", 7) != NULL) &&
	    sh_nats_topic_of(topic_subject, topic))
		tell_loss(carrier, topic, message);
	if (carrier->unanswered <= UNANSWERED_MAX / 2)
		sh_nats_tell_room(carrier);
}
