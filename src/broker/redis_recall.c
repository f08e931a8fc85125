/*
 * This file asks for what is in histories, page by page, and makes messages of the
 * answers. What happens in Redis is redis_scripts.c.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <shoal/error.h>
#include <shoal/topic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/redis_reply.h"
#include "broker/redis_private.h"
#include "topic/keep.h"
#include "topic/publication.h"

enum {
	/* of one answer: others wait behind it */
	PAGE_BYTES = 256 * 1024,
	REPLY_HEAD = 4
};

/* A question about a history, with its pages. */
struct sh_redis_recall {
	LIST_ENTRY(sh_redis_recall) link;
	STAILQ_ENTRY(sh_redis_recall) answered_link;
	struct shoal_redis_reply
	    *reply; /* its answer, until it is handed on; */
	int failed; /* or why there is none */
	struct sh_redis_carrier *carrier;
	struct sh_replay ask; /* epoch and offset: as far as was answered */
	uint64_t until;      /* the last offset at the first answer, 0 before */
	uint64_t after;      /* asks that have to be answered before */
	int64_t deadline_us; /* for that */
	bool held, gap, forgotten;
	char topic[SHOAL_TOPIC_MAX + 1];
};

/* --- asking --- */

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
ask_page(struct sh_redis_recall *recall)
{
	const struct sh_keep *keep =
	    sh_keep_find(recall->topic, recall->ask.topic_len);
	const struct sh_replay *ask = &recall->ask;
	bool bounded = ask->max <= INT64_MAX && recall->until == 0;
	struct sh_redis_post *post;
	struct sh_redis_script_words script;

	sh_redis_script_begin(
	    &script, recall->carrier, recall->topic, ask->topic_len);
	sh_redis_script_add_unsigned(&script, ask->epoch);
	sh_redis_script_add_unsigned(&script, ask->offset);
	sh_redis_script_add_signed(&script, bounded ? (int64_t)ask->max : -1);
	sh_redis_script_add_signed(&script,
	    keep != NULL && keep->age_ms > 0 ? now_ms() - keep->age_ms : 0);
	sh_redis_script_add_unsigned(&script, PAGE_BYTES);
	sh_redis_script_add_unsigned(&script, recall->until);
	post = sh_redis_post_add(recall->carrier, SH_REDIS_POST_RECALL,
	    SH_REDIS_SCRIPT_READ, &script.words);
	if (post == NULL)
		return -SHOAL_ENOMEM;
	post->recall = recall;
	sh_redis_send_wake(recall->carrier);
	return 0;
}

/* What is read before the channel is subscribed would leave out what is published
 * between. */
static bool
is_due(const struct sh_redis_recall *recall)
{
	return recall->held && recall->carrier->in_up &&
	    recall->carrier->told >= recall->after;
}

static int
release(struct sh_redis_recall *recall)
{
	recall->held = false;
	/* what comes goes on where the answer ends */
	recall->carrier->relied_on = true;
	return ask_page(recall);
}

int
sh_redis_recall(
    struct sh_redis_carrier *carrier, const struct sh_replay *replay)
{
	struct sh_redis_recall *recall;
	int r;

	if (replay->topic_len > SHOAL_TOPIC_MAX)
		return -SHOAL_EINVAL;
	recall = sh_try_calloc(1, sizeof(*recall));
	if (recall == NULL)
		return -SHOAL_ENOMEM;
	recall->carrier = carrier;
	recall->ask = *replay;
	memcpy(recall->topic, replay->topic, replay->topic_len);
	recall->ask.topic = recall->topic;
	if (replay->epoch == 0)
		recall->ask.offset = 0;
	recall->held = true;
	recall->after = carrier->asked;
	recall->deadline_us = sh_clock_us() + carrier->timeout_ms * 1000;
	LIST_INSERT_HEAD(&carrier->recalls, recall, link);
	if (!is_due(recall))
		return 0;
	r = release(recall);
	if (r < 0) {
		LIST_REMOVE(recall, link);
		free(recall);
	}
	return r;
}

void
sh_redis_recalls_release(struct sh_redis_carrier *carrier)
{
	struct sh_redis_recall *recall;

	/* nobody is called: none goes away */
	LIST_FOREACH(recall, &carrier->recalls, link)
		if (is_due(recall) && release(recall) < 0)
			recall->held = true; /* it ends at its deadline */
}

void
sh_redis_recalls_put_off(struct sh_redis_carrier *carrier)
{
	struct sh_redis_recall *recall;

	LIST_FOREACH(recall, &carrier->recalls, link)
		recall->after = carrier->asked;
}

/* Its answer may be on the way, or be looked at just now. */
void
sh_redis_recall_forget(struct sh_redis_carrier *carrier, void *arg)
{
	struct sh_redis_recall *recall;

	LIST_FOREACH(recall, &carrier->recalls, link)
		if (recall->ask.arg == arg)
			recall->forgotten = true;
}

/* --- answers --- */

/* What was told must not be told of other messages, as what has come. */
static void
note_place(const struct sh_redis_recall *recall)
{
	struct sh_redis_carrier *carrier = recall->carrier;
	size_t len = sh_redis_name_write(
	    carrier->name, carrier->prefix, recall->topic, false);

	sh_redis_history_seen(
	    carrier, carrier->name, len, recall->ask.epoch, recall->until);
}

static void
end(struct sh_redis_recall *recall, int result)
{
	const struct sh_replay ask = recall->ask;
	uint64_t offset = recall->until;
	bool gap = recall->gap, told = !recall->forgotten;

	if (result == 0 && told && recall->until != 0)
		note_place(recall);
	LIST_REMOVE(recall, link);
	free(recall);
	if (told)
		ask.done(result, ask.epoch, offset, gap, ask.arg);
}

static bool
is_text(const struct shoal_redis_reply *item)
{
	return item->type == SHOAL_REDIS_STRING;
}

/* The first four items. */
static int
take_head(struct sh_redis_recall *recall, const struct shoal_redis_reply *reply,
    bool *more_out)
{
	const struct shoal_redis_reply *const *item = reply->items;
	uint64_t epoch, last;

	if (reply->type != SHOAL_REDIS_ARRAY || reply->count < REPLY_HEAD ||
	    reply->count % 2 != 0 || !is_text(item[0]) || !is_text(item[1]) ||
	    item[2]->type != SHOAL_REDIS_INTEGER ||
	    item[3]->type != SHOAL_REDIS_INTEGER)
		return -SHOAL_EPROTO;
	if (sh_redis_number_read(&epoch, item[0]->text, item[0]->len) < 0 ||
	    sh_redis_number_read(&last, item[1]->text, item[1]->len) < 0)
		return -SHOAL_EPROTO;
	recall->gap |= item[2]->integer != 0;
	*more_out = item[3]->integer != 0;
	/* another epoch in the middle begins from its first, and goes no further,
	 * as the script does */
	if (recall->until == 0 || last < recall->until)
		recall->until = last;
	recall->ask.epoch = epoch;
	return 0;
}

static bool
is_its_topic(const struct sh_redis_recall *recall,
    const struct sh_publication *publication)
{
	return publication->topic_len == recall->ask.topic_len &&
	    memcmp(publication->topic, recall->topic, publication->topic_len) ==
	    0;
}

static int
take_entry(struct sh_redis_recall *recall,
    const struct shoal_redis_reply *number,
    const struct shoal_redis_reply *entry)
{
	struct sh_publication publication;
	uint64_t offset;

	if (!is_text(number) || !is_text(entry) ||
	    sh_redis_number_read(&offset, number->text, number->len) < 0)
		return -SHOAL_EPROTO;
	recall->ask.offset = offset;
	/* it was not us who wrote that */
	if (sh_redis_entry_read(&publication, entry->text, entry->len) < 0 ||
	    !is_its_topic(recall, &publication)) {
		recall->gap = true;
		SH_COUNT(recall->carrier->counters->broker_strange, 1);
		return 0;
	}
	publication.epoch = recall->ask.epoch;
	publication.offset = offset;
	recall->ask.message(&publication, recall->ask.arg);
	return 0;
}

/* Hand on an answer, and ask for the rest. */
static void
take_answer(
    struct sh_redis_recall *recall, const struct shoal_redis_reply *reply)
{
	bool more = false;
	size_t i;
	int r;

	r = take_head(recall, reply, &more);
	for (i = REPLY_HEAD; r == 0 && i + 1 < reply->count; i += 2) {
		if (recall->forgotten)
			break;
		r = take_entry(recall, reply->items[i], reply->items[i + 1]);
	}
	if (r == 0 && more && !recall->forgotten) {
		r = ask_page(recall);
		if (r == 0)
			return;
	}
	end(recall, r == -SHOAL_EPROTO ? -SHOAL_ENOTCONN : r);
}

static void
note_answered(struct sh_redis_recall *recall)
{
	STAILQ_INSERT_TAIL(&recall->carrier->answered, recall, answered_link);
	sh_redis_inbox_hand_on(recall->carrier);
}

void
sh_redis_recall_answer(
    struct sh_redis_recall *recall, struct shoal_redis_reply **reply)
{
	recall->reply = *reply;
	*reply = NULL;
	note_answered(recall);
}

void
sh_redis_recall_fail(struct sh_redis_recall *recall, int error)
{
	if (recall == NULL)
		return;
	recall->failed = error;
	note_answered(recall);
}

bool
sh_redis_recalls_take_turn(struct sh_redis_carrier *carrier)
{
	struct sh_redis_recall *recall = STAILQ_FIRST(&carrier->answered);
	struct shoal_redis_reply *reply;

	if (recall == NULL)
		return false;
	STAILQ_REMOVE_HEAD(&carrier->answered, answered_link);
	reply = recall->reply;
	recall->reply = NULL;
	if (reply != NULL)
		take_answer(recall, reply);
	else
		end(recall, recall->failed);
	sh_redis_reply_free(&reply);
	return !STAILQ_EMPTY(&carrier->answered);
}

/* Those that still wait for subscriptions. */
void
sh_redis_recalls_expire(struct sh_redis_carrier *carrier, bool all)
{
	int64_t now_us = sh_clock_us();
	struct sh_redis_recall *recall;

	LIST_FOREACH(recall, &carrier->recalls, link) {
		if (!recall->held || (!all && recall->deadline_us > now_us))
			continue;
		recall->held = false;
		sh_redis_recall_fail(recall, -SHOAL_ENOTCONN);
	}
}

void
sh_redis_recalls_clear(struct sh_redis_carrier *carrier)
{
	struct sh_redis_recall *recall;

	while ((recall = LIST_FIRST(&carrier->recalls)) != NULL) {
		LIST_REMOVE(recall, link);
		sh_redis_reply_free(&recall->reply);
		free(recall);
	}
}
