/*
 * This file counts the processes that take part: each is subscribed to one channel of
 * the carrier's own. The number is asked now and then, and when somebody has said
 * that it is there.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "broker/redis_private.h"

void
sh_redis_peers_take(
    struct sh_redis_carrier *carrier, const struct shoal_redis_reply *reply)
{
	if (reply->type == SHOAL_REDIS_ARRAY && reply->count == 2 &&
	    reply->items[1]->type == SHOAL_REDIS_INTEGER &&
	    reply->items[1]->integer > 0)
		carrier->peers = (size_t)reply->items[1]->integer;
}

void
sh_redis_peers_ask(struct sh_redis_carrier *carrier)
{
	struct sh_redis_words words = { .argc = 0 };
	int64_t now_us = sh_clock_us();

	if (now_us < carrier->peers_us)
		return;
	carrier->peers_us = now_us + SH_REDIS_PEERS_MS * 1000;
	sh_redis_word_add(&words, "PUBSUB", strlen("PUBSUB"));
	sh_redis_word_add(&words, "NUMSUB", strlen("NUMSUB"));
	sh_redis_word_add(
	    &words, carrier->peers_channel, strlen(carrier->peers_channel));
	sh_redis_post_add(
	    carrier, SH_REDIS_POST_PEERS, SH_REDIS_SCRIPT_NONE, &words);
}

void
sh_redis_peers_greet(struct sh_redis_carrier *carrier)
{
	struct sh_redis_words words = { .argc = 0 };

	sh_redis_word_add(&words, "PUBLISH", strlen("PUBLISH"));
	sh_redis_word_add(
	    &words, carrier->peers_channel, strlen(carrier->peers_channel));
	sh_redis_word_add(&words, "hello", strlen("hello"));
	/* without memory the others count a little later */
	sh_redis_post_add(
	    carrier, SH_REDIS_POST_ASIDE, SH_REDIS_SCRIPT_NONE, &words);
	sh_redis_send_wake(carrier);
}
