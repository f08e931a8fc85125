/*
 * This file is the histories of topics as the carrier through Redis has them: it puts
 * words of scripts together, and makes messages of what they answer. What happens in
 * Redis is redis_scripts.c.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <shoal/error.h>
#include <shoal/topic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/redis_reply.h"
#include "topic/carrier_redis_private.h"
#include "topic/keep.h"
#include "topic/publication.h"

enum {
	NUMBER_MAX = 24,
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

/* --- words --- */

/* The texts of a command, which are on the caller's stack while it is made. */
struct script_words {
	struct sh_redis_words words;
	char stream[SHOAL_TOPIC_MAX * 2], place[SHOAL_TOPIC_MAX * 2];
	char numbers[SH_REDIS_WORDS_MAX][NUMBER_MAX];
};

static void
begin(struct script_words *script, const struct sh_redis_carrier *carrier,
    const char *topic, size_t len)
{
	memset(&script->words, 0, sizeof(script->words));
	snprintf(script->stream, sizeof(script->stream), "%shistory:%.*s",
	    carrier->prefix, (int)len, topic);
	snprintf(script->place, sizeof(script->place), "%splace:%.*s",
	    carrier->prefix, (int)len, topic);
	sh_redis_word_add(&script->words, "EVALSHA", strlen("EVALSHA"));
	/* its hash comes here when it is sent */
	sh_redis_word_add(&script->words, "", 0);
	sh_redis_word_add(&script->words, "2", 1);
	sh_redis_word_add(
	    &script->words, script->stream, strlen(script->stream));
	sh_redis_word_add(&script->words, script->place, strlen(script->place));
}

static void
add_text(struct script_words *script, int n)
{
	sh_redis_word_add(
	    &script->words, script->numbers[script->words.argc], (size_t)n);
}

static void
add_signed(struct script_words *script, int64_t number)
{
	add_text(script,
	    snprintf(script->numbers[script->words.argc], NUMBER_MAX,
		"%" PRId64, number));
}

static void
add_unsigned(struct script_words *script, uint64_t number)
{
	add_text(script,
	    snprintf(script->numbers[script->words.argc], NUMBER_MAX,
		"%" PRIu64, number));
}

static uint64_t
fresh_epoch(void)
{
	uint64_t epoch;

	arc4random_buf(&epoch, sizeof(epoch));
	return epoch != 0 ? epoch : 1;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- publishing --- */

int
sh_redis_keep(struct sh_redis_carrier *carrier,
    const struct sh_publication *publication, const struct sh_keep *keep,
    const struct iovec *body, int parts)
{
	/* the script puts its own first byte before the number */
	struct iovec entry[4];
	struct script_words script;
	char channel[SHOAL_TOPIC_MAX * 2];
	int n;

	if (parts > 4)
		return -SHOAL_EINVAL;
	memcpy(entry, body, (size_t)parts * sizeof(*entry));
	entry[0].iov_base = (char *)entry[0].iov_base + 1;
	entry[0].iov_len--;
	begin(&script, carrier, publication->topic, publication->topic_len);
	n = snprintf(channel, sizeof(channel), "%s%.*s", carrier->prefix,
	    (int)publication->topic_len, publication->topic);
	sh_redis_word_add(&script.words, channel, (size_t)n);
	add_unsigned(&script, fresh_epoch());
	add_signed(&script, publication->time_ms);
	add_signed(&script, keep->count);
	add_signed(&script, keep->bytes);
	add_signed(&script, keep->age_ms);
	add_unsigned(&script, publication->len + SH_KEEP_MESSAGE_COST);
	script.words.last = entry;
	script.words.last_count = parts;
	if (sh_redis_post_add(carrier, SH_REDIS_POST_PUBLISH,
		SH_REDIS_SCRIPT_PUBLISH, &script.words) == NULL)
		return -SHOAL_ENOMEM;
	return 0;
}

static int
renew(struct sh_redis_want *want, void *arg)
{
	struct sh_redis_carrier *carrier = arg;
	size_t prefix_len = strlen(carrier->prefix);
	struct script_words script;

	if (want->is_pattern || want->offset == 0)
		return 0;
	begin(
	    &script, carrier, want->name + prefix_len, want->len - prefix_len);
	add_unsigned(&script, want->epoch);
	add_unsigned(&script, want->offset);
	add_unsigned(&script, fresh_epoch());
	sh_redis_post_add(
	    carrier, SH_REDIS_POST_ASIDE, SH_REDIS_SCRIPT_RENEW, &script.words);
	return 0;
}

/* Without memory for all of them, some may be older than they should. */
void
sh_redis_renew(struct sh_redis_carrier *carrier)
{
	(void)sh_redis_wanted_each(&carrier->wanted, renew, carrier);
}

/* --- asking --- */

static int
ask_page(struct sh_redis_recall *recall)
{
	const struct sh_keep *keep =
	    sh_keep_find(recall->topic, recall->ask.topic_len);
	const struct sh_replay *ask = &recall->ask;
	bool bounded = ask->max <= INT64_MAX && recall->until == 0;
	struct sh_redis_post *post;
	struct script_words script;

	begin(&script, recall->carrier, recall->topic, ask->topic_len);
	add_unsigned(&script, ask->epoch);
	add_unsigned(&script, ask->offset);
	add_signed(&script, bounded ? (int64_t)ask->max : -1);
	add_signed(&script,
	    keep != NULL && keep->age_ms > 0 ? now_ms() - keep->age_ms : 0);
	add_unsigned(&script, PAGE_BYTES);
	add_unsigned(&script, recall->until);
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

static void
end(struct sh_redis_recall *recall, int result)
{
	const struct sh_replay ask = recall->ask;
	uint64_t offset = recall->until;
	bool gap = recall->gap, told = !recall->forgotten;

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
	/* another epoch in the middle begins from its first */
	if (recall->until == 0 || recall->ask.epoch != epoch)
		recall->until = last;
	recall->ask.epoch = epoch;
	return 0;
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
	if (sh_redis_entry_read(&publication, entry->text, entry->len) < 0) {
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
