/*
 * This file tells what has come on a connection with subscriptions, and keeps
 * messages until somebody receives them. It reads nothing and does not wait.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/mem.h"
#include "client/redis_private.h"

static const struct {
	const char *word;
	size_t count; /* of items, with the word */
	enum sh_redis_kind kind;
} forms[] = {
	{ "message", 3, SH_REDIS_KIND_MESSAGE },
	{ "pmessage", 4, SH_REDIS_KIND_MESSAGE },
	{ "subscribe", 3, SH_REDIS_KIND_CHANGE },
	{ "psubscribe", 3, SH_REDIS_KIND_CHANGE },
	{ "unsubscribe", 3, SH_REDIS_KIND_CHANGE },
	{ "punsubscribe", 3, SH_REDIS_KIND_CHANGE },
	{ "pong", 2, SH_REDIS_KIND_PONG },
};

static enum sh_redis_kind
kind_of(const struct shoal_redis_reply *reply)
{
	const struct shoal_redis_reply *word;
	size_t i;

	if (reply->type == SHOAL_REDIS_ERROR)
		return SH_REDIS_KIND_ERROR;
	if (reply->type != SHOAL_REDIS_ARRAY || reply->count == 0)
		return SH_REDIS_KIND_OTHER;
	word = reply->items[0];
	if (word->type != SHOAL_REDIS_STRING)
		return SH_REDIS_KIND_OTHER;
	for (i = 0; i < SH_ARRAY_LEN(forms); i++)
		if (strcmp(word->text, forms[i].word) == 0 &&
		    reply->count == forms[i].count)
			return forms[i].kind;
	return SH_REDIS_KIND_OTHER;
}

static bool
has_texts_only(const struct shoal_redis_reply *reply)
{
	size_t i;

	for (i = 0; i < reply->count; i++)
		if (reply->items[i]->type != SHOAL_REDIS_STRING)
			return false;
	return true;
}

enum sh_redis_kind
sh_redis_message_read(const struct shoal_redis_reply *reply,
    struct shoal_redis_message *message_out)
{
	enum sh_redis_kind kind = kind_of(reply);
	const struct shoal_redis_reply *const *item = reply->items;

	if (kind != SH_REDIS_KIND_MESSAGE)
		return kind;
	if (!has_texts_only(reply))
		return SH_REDIS_KIND_OTHER;
	memset(message_out, 0, sizeof(*message_out));
	if (reply->count == 4) {
		item++;
		message_out->pattern = (*item)->text;
		message_out->pattern_len = (*item)->len;
	}
	message_out->channel = item[1]->text;
	message_out->channel_len = item[1]->len;
	message_out->text = item[2]->text;
	message_out->len = item[2]->len;
	return kind;
}

static size_t
size_of(const struct shoal_redis_reply *reply)
{
	return sizeof(struct sh_redis_event) +
	    (reply != NULL ? sh_redis_reply_size(reply) : 0);
}

int
sh_redis_event_add(struct shoal_redis *redis, struct shoal_redis_reply *reply,
    const struct shoal_redis_message *message)
{
	struct sh_redis_subscriptions *subs = &redis->subs;
	struct sh_redis_event *event, *last;

	last = TAILQ_LAST(&subs->events, sh_redis_events);
	if (reply == NULL && last != NULL && last->reply == NULL)
		return 0;
	/* nobody receives, and somebody waits for the answers behind them */
	if (reply != NULL && last != NULL &&
	    subs->events_size + size_of(reply) > redis->options.reply_max) {
		sh_redis_reply_free(&reply);
		return -SHOAL_EMSGSIZE;
	}
	event = sh_try_calloc(1, sizeof(*event));
	if (event == NULL) {
		sh_redis_reply_free(&reply);
		return -SHOAL_ENOMEM;
	}
	event->reply = reply;
	if (message != NULL)
		event->message = *message;
	subs->events_size += size_of(reply);
	TAILQ_INSERT_TAIL(&subs->events, event, link);
	return 0;
}

static struct sh_redis_event *
pop(struct shoal_redis *redis)
{
	struct sh_redis_event *event = TAILQ_FIRST(&redis->subs.events);

	TAILQ_REMOVE(&redis->subs.events, event, link);
	redis->subs.events_size -= size_of(event->reply);
	return event;
}

int
sh_redis_event_take(
    struct shoal_redis *redis, struct shoal_redis_message **message_out)
{
	struct sh_redis_event *event = pop(redis);

	if (event->reply == NULL) {
		free(event);
		return -SHOAL_ECONNRESET;
	}
	*message_out = &event->message;
	return 0;
}

void
sh_redis_message_free(struct shoal_redis_message **message)
{
	struct sh_redis_event *event;

	if (message == NULL || *message == NULL)
		return;
	event = SH_CONTAINER(*message, struct sh_redis_event, message);
	sh_redis_reply_free(&event->reply);
	free(event);
	*message = NULL;
}

void
sh_redis_events_free(struct shoal_redis *redis)
{
	struct sh_redis_event *event;

	while (!TAILQ_EMPTY(&redis->subs.events)) {
		event = pop(redis);
		sh_redis_reply_free(&event->reply);
		free(event);
	}
}
