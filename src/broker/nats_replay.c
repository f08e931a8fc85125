/*
 * This file answers what is asked of histories. A question waits until everything
 * that is wanted is in effect and the stream is known: what comes live goes on
 * where the answer ends.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "io/loop.h"
#include "broker/nats_private.h"
#include "topic/publication.h"

static void
free_replay(struct sh_nats_replay *replay)
{
	struct sh_carrier_nats *carrier = replay->carrier;

	sh_nats_forget(&replay->request);
	sh_wheel_clear(carrier->loop, &replay->deadline);
	TAILQ_REMOVE(&carrier->replays, replay, link);
	if (replay->freed != NULL)
		*replay->freed = true;
	free(replay);
}

/* Tell the end and free it. */
static void
finish(struct sh_nats_replay *replay, int result, uint64_t epoch,
    uint64_t offset, bool gap)
{
	struct sh_replay asked = replay->asked;

	free_replay(replay);
	asked.done(result, epoch, offset, gap, asked.arg);
}

/* --- what was read ---------------------------------------------------------- */

/* The first message that the bounds of the rule leave: a stream may have more. */
static size_t
first_within(const struct sh_keep *keep, const struct sh_nats_reading *reading)
{
	size_t first = reading->count;
	int64_t size = 0;

	while (first > 0) {
		size += (int64_t)reading->list[first - 1].len +
		    SH_KEEP_MESSAGE_COST;
		if (keep->bytes > 0 && size > keep->bytes)
			break;
		if (keep->count > 0 &&
		    (int64_t)(reading->count - first) >= keep->count)
			break;
		first--;
	}
	return first;
}

static bool
is_its_topic(
    const struct sh_replay *asked, const struct sh_publication *publication)
{
	return publication->topic_len == asked->topic_len &&
	    memcmp(publication->topic, asked->topic, asked->topic_len) == 0;
}

/* Tell the messages; what is none is a gap. False when the replay was forgotten
 * meanwhile. */
static bool
tell_messages(struct sh_nats_replay *replay,
    const struct sh_nats_reading *reading, size_t first, bool *gap)
{
	struct sh_replay asked = replay->asked;
	bool freed = false;
	size_t i;

	replay->freed = &freed;
	for (i = first; i < reading->count && !freed; i++) {
		const struct sh_nats_kept *kept = &reading->list[i];
		struct sh_publication publication;
		uint64_t process;

		if (sh_nats_decode(
			kept->data, kept->len, &process, &publication) < 0 ||
		    !is_its_topic(&asked, &publication)) {
			sh_nats_foreign(replay->carrier, "of a history");
			*gap = true;
			continue;
		}
		publication.epoch = reading->made_ns;
		publication.offset = kept->sequence;
		asked.message(&publication, asked.arg);
	}
	if (!freed)
		replay->freed = NULL;
	return !freed;
}

static void
tell_reading(
    struct sh_nats_replay *replay, const struct sh_nats_reading *reading)
{
	struct sh_nats_log *log = sh_nats_log_of(
	    replay->carrier, replay->asked.topic, replay->asked.topic_len);
	size_t first = 0;
	bool gap = reading->gap;

	if (log != NULL) {
		first = first_within(log->keep, reading);
		/* it may be known by now that there is a later one */
		if (reading->made_ns > log->made_ns)
			sh_nats_log_is_of(log, reading->made_ns);
	}
	gap = gap || (first > 0 && replay->asked.epoch != 0);
	if (reading->count - first > replay->asked.max)
		first = reading->count - replay->asked.max;
	if (tell_messages(replay, reading, first, &gap))
		finish(replay, 0, reading->made_ns, reading->last, gap);
}

static void
on_read(int result, const struct sh_nats_reading *reading, void *arg)
{
	struct sh_nats_replay *replay = arg;
	struct sh_nats_log *log;

	replay->request = NULL;
	if (result == 0) {
		tell_reading(replay, reading);
		return;
	}
	if (result != -SHOAL_ENOENT) {
		finish(replay,
		    result == -SHOAL_ETIMEDOUT ? result : -SHOAL_ENOTCONN, 0, 0,
		    false);
		return;
	}
	/* somebody has deleted the stream: it waits for the next one */
	log = sh_nats_log_of(
	    replay->carrier, replay->asked.topic, replay->asked.topic_len);
	if (log != NULL)
		sh_nats_log_ask(log);
}

/* --- asking ------------------------------------------------------------------ */

/* One more than is wanted may be there, and what the client had last. */
static size_t
read_max(const struct sh_nats_replay *replay, const struct sh_nats_log *log)
{
	if (log->keep->bytes > 0 || log->keep->count == 0 ||
	    replay->asked.max < (size_t)log->keep->count)
		return replay->asked.max;
	return (size_t)log->keep->count;
}

static int
ask(struct sh_nats_replay *replay, const struct sh_nats_log *log)
{
	struct sh_carrier_nats *carrier = replay->carrier;
	char topic[SH_NATS_TOPIC_MAX], subject[SH_NATS_NAME_MAX];
	struct sh_nats_read read = { .stream = log->name,
		.subject = subject,
		.made_ns = replay->asked.epoch,
		.behind = replay->asked.offset,
		.max = read_max(replay, log) };

	sh_nats_subject(replay->asked.topic, replay->asked.topic_len, topic);
	sh_nats_log_subject(log, topic, subject);
	return sh_nats_read_stream(carrier->loop, carrier->nats, &read, on_read,
	    replay, &replay->request);
}

static void
go_on(struct sh_nats_replay *replay)
{
	struct sh_carrier_nats *carrier = replay->carrier;
	struct sh_nats_log *log = sh_nats_log_of(
	    carrier, replay->asked.topic, replay->asked.topic_len);

	if (log == NULL || log->state == SH_NATS_LOG_NONE)
		finish(replay, -SHOAL_ENOENT, 0, 0, false);
	else if (sh_nats_is_away(carrier->nats))
		finish(replay, -SHOAL_ENOTCONN, 0, 0, false);
	else if (log->state == SH_NATS_LOG_THERE &&
	    sh_nats_is_settled(carrier) && ask(replay, log) < 0)
		finish(replay, -SHOAL_ETIMEDOUT, 0, 0, false);
}

/* One that waits and was not looked at in this round. What looking at one calls may
 * end any others. */
static struct sh_nats_replay *
next_waiting(struct sh_carrier_nats *carrier)
{
	struct sh_nats_replay *replay;

	TAILQ_FOREACH(replay, &carrier->replays, link)
		if (replay->request == NULL && replay->looked != carrier->kicks)
			break;
	return replay;
}

static void
on_kick(struct sh_letter *letter)
{
	struct sh_nats_kick *kick = (void *)letter;
	struct sh_carrier_nats *carrier = kick->carrier;
	struct sh_nats_replay *replay;

	free(kick);
	if (carrier == NULL)
		return;
	carrier->kick = NULL;
	carrier->kicks++;
	while ((replay = next_waiting(carrier)) != NULL) {
		replay->looked = carrier->kicks;
		go_on(replay);
	}
}

static void
on_kick_dropped(struct sh_letter *letter)
{
	struct sh_nats_kick *kick = (void *)letter;

	if (kick->carrier != NULL)
		kick->carrier->kick = NULL;
	free(kick);
}

void
sh_nats_replays_kick(struct sh_carrier_nats *carrier)
{
	struct sh_nats_kick *kick;

	if (carrier->kick != NULL || TAILQ_EMPTY(&carrier->replays))
		return;
	kick = sh_xcalloc(1, sizeof(*kick));
	kick->letter.open = on_kick;
	kick->letter.drop = on_kick_dropped;
	kick->carrier = carrier;
	carrier->kick = kick;
	if (sh_mailbox_put(SH_MAILBOX_ANY, &kick->letter) < 0)
		on_kick_dropped(&kick->letter);
}

static void
on_deadline(struct sh_wheel_timer *timer)
{
	struct sh_nats_replay *replay =
	    (void *)((char *)timer - offsetof(struct sh_nats_replay, deadline));

	finish(replay, replay->carrier->up ? -SHOAL_ETIMEDOUT : -SHOAL_ENOTCONN,
	    0, 0, false);
}

/* --- the table ---------------------------------------------------------------- */

int
sh_nats_replay(struct sh_carrier *base, const struct sh_replay *asked)
{
	struct sh_carrier_nats *carrier = (void *)base;
	struct sh_nats_replay *replay =
	    sh_try_calloc(1, sizeof(*replay) + asked->topic_len + 1);

	if (replay == NULL)
		return -SHOAL_ENOMEM;
	replay->carrier = carrier;
	replay->asked = *asked;
	memcpy(replay->topic, asked->topic, asked->topic_len);
	replay->asked.topic = replay->topic;
	sh_wheel_timer_init(&replay->deadline, on_deadline);
	/* it has the time of a request, and that of waiting for its turn */
	sh_wheel_set(carrier->loop, &replay->deadline,
	    sh_loop_now_ms(carrier->loop) + 2 * carrier->timeout_ms);
	TAILQ_INSERT_TAIL(&carrier->replays, replay, link);
	sh_nats_replays_kick(carrier);
	return 0;
}

void
sh_nats_replay_forget(struct sh_carrier *base, void *arg)
{
	struct sh_carrier_nats *carrier = (void *)base;
	struct sh_nats_replay *replay, *next;

	for (replay = TAILQ_FIRST(&carrier->replays); replay != NULL;
	     replay = next) {
		next = TAILQ_NEXT(replay, link);
		if (replay->asked.arg == arg)
			free_replay(replay);
	}
}

void
sh_nats_replays_close(struct sh_carrier_nats *carrier)
{
	struct sh_nats_replay *replay;

	if (carrier->kick != NULL)
		carrier->kick->carrier = NULL;
	carrier->kick = NULL;
	while ((replay = TAILQ_FIRST(&carrier->replays)) != NULL)
		free_replay(replay);
}
