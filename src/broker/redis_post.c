/*
 * This file keeps what waits for the publishing connection, within its bound. It
 * sends nothing.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "broker/redis_private.h"

void
sh_redis_word_add(struct sh_redis_words *words, const char *text, size_t len)
{
	/* the last place may be taken by what lies in several */
	sh_assert(words->argc < SH_REDIS_WORDS_MAX - 1);
	words->argv[words->argc] = text;
	words->lens[words->argc] = len;
	words->argc++;
}

static size_t
text_len(const struct sh_redis_words *words)
{
	size_t len = 0;
	int i;

	for (i = 0; i < words->argc; i++)
		len += words->lens[i];
	for (i = 0; i < words->last_count; i++)
		len += words->last[i].iov_len;
	return len;
}

static void
copy_words(struct sh_redis_post *post, const struct sh_redis_words *words)
{
	char *at = post->text;
	int i;

	for (i = 0; i < words->argc; i++) {
		post->argv[i] = at;
		post->lens[i] = words->lens[i];
		if (words->lens[i] != 0)
			memcpy(at, words->argv[i], words->lens[i]);
		at += words->lens[i];
	}
	post->argc = words->argc;
	if (words->last_count == 0)
		return;
	post->argv[post->argc] = at;
	for (i = 0; i < words->last_count; i++) {
		if (words->last[i].iov_len != 0)
			memcpy(at, words->last[i].iov_base,
			    words->last[i].iov_len);
		at += words->last[i].iov_len;
	}
	post->lens[post->argc] = (size_t)(at - post->argv[post->argc]);
	post->argc++;
}

/* An allocation for each message: it has to outlive the caller, and which of them
 * goes first is known to nobody. hiredis makes another one of it. */
struct sh_redis_post *
sh_redis_post_add(struct sh_redis_carrier *carrier,
    enum sh_redis_post_kind kind, enum sh_redis_script script,
    const struct sh_redis_words *words)
{
	size_t len = text_len(words);
	struct sh_redis_post *post = sh_try_calloc(1, sizeof(*post) + len);

	if (post == NULL)
		return NULL;
	post->kind = kind;
	post->script = script;
	post->deadline_us = sh_clock_us() + carrier->timeout_ms * 1000;
	if (kind == SH_REDIS_POST_PUBLISH)
		post->size = sizeof(*post) + len;
	carrier->queued += post->size;
	copy_words(post, words);
	STAILQ_INSERT_TAIL(&carrier->waiting, post, link);
	return post;
}

bool
sh_redis_post_fits(const struct sh_redis_carrier *carrier, size_t size)
{
	return carrier->queued == 0 ||
	    (size <= carrier->queue_max &&
		carrier->queued <= carrier->queue_max - size);
}

void
sh_redis_post_free(struct sh_redis_carrier *carrier, struct sh_redis_post *post)
{
	carrier->queued -= post->size;
	sh_redis_command_free(&post->command);
	free(post);
}

/* What waits is in the order of its deadlines, more or less: what is asked again
 * stands before. */
void
sh_redis_posts_expire(struct sh_redis_carrier *carrier, bool all)
{
	int64_t now_us = sh_clock_us();
	struct sh_redis_post *post;

	while ((post = STAILQ_FIRST(&carrier->waiting)) != NULL) {
		if (!all && post->deadline_us > now_us)
			break;
		STAILQ_REMOVE_HEAD(&carrier->waiting, link);
		if (post->kind == SH_REDIS_POST_PUBLISH) {
			carrier->telling.unsent++;
			SH_COUNT(carrier->counters->broker_dropped, 1);
		}
		sh_redis_recall_fail(post->recall, -SHOAL_ENOTCONN);
		sh_redis_post_free(carrier, post);
	}
}

static void
clear(struct sh_redis_carrier *carrier, struct sh_redis_posts *posts)
{
	struct sh_redis_post *post;

	while ((post = STAILQ_FIRST(posts)) != NULL) {
		STAILQ_REMOVE_HEAD(posts, link);
		sh_redis_post_free(carrier, post);
	}
}

void
sh_redis_posts_clear(struct sh_redis_carrier *carrier)
{
	clear(carrier, &carrier->waiting);
	clear(carrier, &carrier->sent);
}

void
sh_redis_posts_tell_room(struct sh_redis_carrier *carrier)
{
	/* half of it, so that nobody is told for each message */
	if (!carrier->wants_room || carrier->queued > carrier->queue_max / 2)
		return;
	carrier->wants_room = false;
	carrier->has_room = true;
	sh_redis_inbox_hand_on(carrier);
}
