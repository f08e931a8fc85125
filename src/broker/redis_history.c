/*
 * This file puts the words of scripts together that keep messages in histories, and
 * look after them. What happens in Redis is redis_scripts.c.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <shoal/error.h>
#include <shoal/topic.h>

#include "broker/redis_private.h"
#include "topic/keep.h"
#include "topic/publication.h"

/* --- words --- */

void
sh_redis_script_begin(struct sh_redis_script_words *script,
    const struct sh_redis_carrier *carrier, const char *topic, size_t len)
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
add_text(struct sh_redis_script_words *script, int n)
{
	sh_redis_word_add(
	    &script->words, script->numbers[script->words.argc], (size_t)n);
}

void
sh_redis_script_add_signed(struct sh_redis_script_words *script, int64_t number)
{
	add_text(script,
	    snprintf(script->numbers[script->words.argc], SH_REDIS_DIGITS_MAX,
		"%" PRId64, number));
}

void
sh_redis_script_add_unsigned(
    struct sh_redis_script_words *script, uint64_t number)
{
	add_text(script,
	    snprintf(script->numbers[script->words.argc], SH_REDIS_DIGITS_MAX,
		"%" PRIu64, number));
}

/* Epochs go up: behind one that is known, and by the clock behind all others. */
static uint64_t
fresh_epoch(uint64_t known)
{
	struct timespec now;
	uint64_t now_us;

	clock_gettime(CLOCK_REALTIME, &now);
	now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	return now_us > known || known == UINT64_MAX ? now_us : known + 1;
}

/* --- publishing --- */

int
sh_redis_keep(struct sh_redis_carrier *carrier,
    const struct sh_publication *publication, const struct sh_keep *keep,
    const struct iovec *body, int parts)
{
	/* the script puts its own first byte before the number */
	struct iovec entry[4];
	struct sh_redis_script_words script;
	char channel[SHOAL_TOPIC_MAX * 2];
	int n;

	if (parts > 4)
		return -SHOAL_EINVAL;
	memcpy(entry, body, (size_t)parts * sizeof(*entry));
	entry[0].iov_base = (char *)entry[0].iov_base + 1;
	entry[0].iov_len--;
	sh_redis_script_begin(
	    &script, carrier, publication->topic, publication->topic_len);
	n = snprintf(channel, sizeof(channel), "%s%.*s", carrier->prefix,
	    (int)publication->topic_len, publication->topic);
	sh_redis_word_add(&script.words, channel, (size_t)n);
	sh_redis_script_add_unsigned(&script, fresh_epoch(0));
	sh_redis_script_add_signed(&script, publication->time_ms);
	sh_redis_script_add_signed(&script, keep->count);
	sh_redis_script_add_signed(&script, keep->bytes);
	sh_redis_script_add_signed(&script, keep->age_ms);
	sh_redis_script_add_unsigned(
	    &script, publication->len + SH_KEEP_MESSAGE_COST);
	script.words.last = entry;
	script.words.last_count = parts;
	if (sh_redis_post_add(carrier, SH_REDIS_POST_PUBLISH,
		SH_REDIS_SCRIPT_PUBLISH, &script.words) == NULL)
		return -SHOAL_ENOMEM;
	return 0;
}

/* --- data of before --- */

static int
renew(struct sh_redis_want *want, void *arg)
{
	struct sh_redis_carrier *carrier = arg;
	size_t prefix_len = strlen(carrier->prefix);
	struct sh_redis_script_words script;

	if (want->is_pattern || want->offset == 0)
		return 0;
	sh_redis_script_begin(
	    &script, carrier, want->name + prefix_len, want->len - prefix_len);
	sh_redis_script_add_unsigned(&script, want->epoch);
	sh_redis_script_add_unsigned(&script, want->offset);
	sh_redis_script_add_unsigned(&script, fresh_epoch(want->epoch));
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

void
sh_redis_history_seen(struct sh_redis_carrier *carrier, const char *name,
    size_t len, uint64_t epoch, uint64_t offset)
{
	struct sh_redis_want *want =
	    sh_redis_wanted_note(&carrier->wanted, name, len, epoch, offset);

	if (want == NULL)
		return;
	(void)renew(want, carrier);
	sh_redis_send_wake(carrier);
}
