/*
 * This file is the connection that publishes: what has collected goes in one write,
 * and then its answers are read. A message that was sent without an answer is not
 * sent again: nobody knows whether it was published.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/redis_reply.h"
#include "io/await.h"
#include "broker/redis_private.h"

enum {
	/* of one write */
	BATCH_POSTS = 512,
	BATCH_BYTES = 512 * 1024,
	/* how long a worker that ends goes on with what it has */
	FLUSH_MS = 500,
	LOADING_MS = 100,
	TRIES_MAX = 3
};

/* --- a batch --- */

static int
format(struct sh_redis_carrier *carrier, struct sh_redis_post *post)
{
	if (post->script != SH_REDIS_SCRIPT_NONE) {
		post->argv[1] = carrier->sha[post->script];
		post->lens[1] = SH_REDIS_SHA_LEN;
	}
	return sh_redis_command_raw(
	    &post->command, post->argc, post->argv, post->lens);
}

/* A message that was refused, or cannot be sent at all. */
static void
drop(struct sh_redis_carrier *carrier, struct sh_redis_post *post, int error)
{
	if (post->kind == SH_REDIS_POST_PUBLISH)
		SH_COUNT(carrier->counters->broker_dropped, 1);
	sh_redis_recall_fail(post->recall, error);
	sh_redis_post_free(carrier, post);
}

/* Move what waits to what is sent. Returns the number of parts to write. */
static int
take_batch(struct sh_redis_carrier *carrier, struct iovec *parts)
{
	struct sh_redis_post *post;
	size_t bytes = 0;
	int count = 0, r;

	while (count < BATCH_POSTS && bytes < BATCH_BYTES &&
	    (post = STAILQ_FIRST(&carrier->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&carrier->waiting, link);
		r = format(carrier, post);
		if (r < 0) {
			drop(carrier, post, r);
			continue;
		}
		STAILQ_INSERT_TAIL(&carrier->sent, post, link);
		parts[count].iov_base = post->command.data;
		parts[count].iov_len = post->command.len;
		bytes += post->command.len;
		count++;
	}
	return count;
}

static bool
batch_has_scripts(const struct sh_redis_carrier *carrier)
{
	const struct sh_redis_post *post;
	int count = 0;

	STAILQ_FOREACH(post, &carrier->waiting, link)
	{
		if (post->script != SH_REDIS_SCRIPT_NONE)
			return true;
		if (++count == BATCH_POSTS)
			break;
	}
	return false;
}

/* --- answers --- */

/* An answer, also by a coroutine that was cancelled: it has a while to end. */
static int
read_reply(
    struct sh_redis_carrier *carrier, struct shoal_redis_reply **reply_out)
{
	int64_t deadline_us = sh_deadline_us((int)carrier->timeout_ms);
	int r;

	sh_redis_reader_refill(&carrier->out_link->reader);
	r = sh_redis_link_read(carrier->out_link, deadline_us, reply_out);
	if (r != -SHOAL_ECANCELED || !sh_await_is_cancelled() ||
	    carrier->closed)
		return r;
	sh_await_shield(FLUSH_MS);
	return sh_redis_link_read(carrier->out_link, deadline_us, reply_out);
}

static bool
is_error(const struct shoal_redis_reply *reply, const char *kind)
{
	return strncmp(reply->text, kind, strlen(kind)) == 0;
}

/* Whether it is sent again: a script that Redis does not know has done nothing, and
 * one that comes while it loads its data neither. */
static bool
has_done_nothing(struct sh_redis_carrier *carrier, struct sh_redis_post *post,
    const struct shoal_redis_reply *reply)
{
	if (post->script == SH_REDIS_SCRIPT_NONE)
		return false;
	if (is_error(reply, "LOADING")) {
		carrier->is_loading = true;
		return true;
	}
	if (!is_error(reply, "NOSCRIPT") || ++post->tries == TRIES_MAX)
		return false;
	carrier->scripts_loaded = false;
	return true;
}

static void
take_error(struct sh_redis_carrier *carrier, struct sh_redis_post *post,
    const struct shoal_redis_reply *reply)
{
	static const char *const names[] = {
		[SH_REDIS_POST_PUBLISH] = "to publish",
		[SH_REDIS_POST_RECALL] = "to read a history",
		[SH_REDIS_POST_ASIDE] = "to look at a history",
		[SH_REDIS_POST_PEERS] = "PUBSUB NUMSUB",
	};

	sh_redis_tell_refused(carrier, names[post->kind], reply->text);
	drop(carrier, post, -SHOAL_ENOTCONN);
}

/* Takes the post, and perhaps the reply. */
static void
take_answer(struct sh_redis_carrier *carrier, struct sh_redis_post *post,
    struct shoal_redis_reply **reply)
{
	if (post->kind == SH_REDIS_POST_PUBLISH)
		SH_COUNT(carrier->counters->broker_published, 1);
	else if (post->kind == SH_REDIS_POST_RECALL)
		sh_redis_recall_answer(post->recall, reply);
	else if (post->kind == SH_REDIS_POST_PEERS)
		sh_redis_peers_take(carrier, *reply);
	sh_redis_post_free(carrier, post);
}

/* Read the answers to what was sent, in that order. */
static int
read_answers(struct sh_redis_carrier *carrier)
{
	struct sh_redis_posts again = STAILQ_HEAD_INITIALIZER(again);
	struct shoal_redis_reply *reply = NULL;
	struct sh_redis_post *post;
	int r = 0;

	while ((post = STAILQ_FIRST(&carrier->sent)) != NULL) {
		r = read_reply(carrier, &reply);
		if (r < 0)
			break;
		STAILQ_REMOVE_HEAD(&carrier->sent, link);
		carrier->out_answered = true;
		if (reply->type != SHOAL_REDIS_ERROR) {
			take_answer(carrier, post, &reply);
		} else if (has_done_nothing(carrier, post, reply)) {
			sh_redis_command_free(&post->command);
			STAILQ_INSERT_TAIL(&again, post, link);
		} else {
			take_error(carrier, post, reply);
		}
		sh_redis_reply_free(&reply);
	}
	/* before what came later */
	STAILQ_CONCAT(&again, &carrier->waiting);
	STAILQ_CONCAT(&carrier->waiting, &again);
	return r;
}

/* --- scripts --- */

static int
ask_to_load(struct sh_redis_carrier *carrier, const char *text)
{
	const char *words[] = { "SCRIPT", "LOAD", text };
	struct sh_redis_command command;
	int r = sh_redis_command_raw(&command, 3, words, NULL);

	if (r < 0)
		return r;
	r = sh_redis_link_send(carrier->out_link, command.data, command.len,
	    sh_deadline_us((int)carrier->timeout_ms));
	sh_redis_command_free(&command);
	return r;
}

/* Without them the histories do not work, and the rest does. */
static int
load_scripts(struct sh_redis_carrier *carrier)
{
	struct shoal_redis_reply *reply = NULL;
	int i, r = 0;

	if (carrier->scripts_loaded || !batch_has_scripts(carrier))
		return 0;
	for (i = 0; i < SH_REDIS_SCRIPTS && r == 0 && !carrier->is_loading;
	     i++) {
		r = ask_to_load(carrier, sh_redis_scripts[i]);
		if (r == 0)
			r = read_reply(carrier, &reply);
		if (r < 0)
			return r;
		if (reply->type == SHOAL_REDIS_ERROR &&
		    is_error(reply, "LOADING"))
			carrier->is_loading = true;
		else if (reply->type == SHOAL_REDIS_ERROR)
			sh_redis_tell_refused(carrier, "a script", reply->text);
		else if (reply->type != SHOAL_REDIS_STRING)
			r = -SHOAL_EPROTO;
		if (r == 0)
			snprintf(carrier->sha[i], sizeof(carrier->sha[i]),
			    "%-*.*s", SH_REDIS_SHA_LEN, SH_REDIS_SHA_LEN,
			    reply->type == SHOAL_REDIS_STRING ? reply->text
							      : "none");
		sh_redis_reply_free(&reply);
	}
	carrier->scripts_loaded = r == 0 && !carrier->is_loading;
	return r;
}

/* --- a connection --- */

void
sh_redis_send_wake(struct sh_redis_carrier *carrier)
{
	if (carrier->idle && carrier->sender != NULL)
		sh_co_wake(carrier->sender, 0);
}

static int
wait_for_work(struct sh_redis_carrier *carrier)
{
	int r = 0;

	sh_redis_peers_ask(carrier);
	while (r == 0 && STAILQ_EMPTY(&carrier->waiting)) {
		carrier->idle = true;
		r = sh_await(
		    "broker, for something to publish", carrier->peers_us);
		carrier->idle = false;
		if (r == -SHOAL_ETIMEDOUT)
			r = 0;
		if (r == 0)
			sh_redis_peers_ask(carrier);
	}
	if (r == -SHOAL_ECANCELED && !STAILQ_EMPTY(&carrier->waiting))
		r = 0;
	return r;
}

/* A moment, before it is asked again. */
static int
wait_while_loading(struct sh_redis_carrier *carrier)
{
	int r;

	if (!carrier->is_loading)
		return 0;
	carrier->is_loading = false;
	sh_redis_posts_expire(carrier, false);
	r = sh_await(
	    "broker, which loads its data", sh_deadline_us(LOADING_MS));
	return r == -SHOAL_ETIMEDOUT ? 0 : r;
}

static int
send_batch(struct sh_redis_carrier *carrier, struct iovec *parts)
{
	int count, r;

	/* what has ended since is seen before anything is sent */
	r = sh_redis_link_check(carrier->out_link);
	if (r == 0)
		r = load_scripts(carrier);
	if (r < 0)
		return r;
	count = carrier->is_loading ? 0 : take_batch(carrier, parts);
	if (count != 0)
		r = sh_redis_link_sendv(carrier->out_link, parts, count,
		    sh_deadline_us((int)carrier->timeout_ms));
	if (r == 0)
		r = read_answers(carrier);
	if (r == 0)
		r = wait_while_loading(carrier);
	sh_redis_posts_tell_room(carrier);
	sh_redis_tell_drops(carrier, false);
	return r;
}

/* Nobody knows what has become of what was sent; questions may be asked again. */
static void
give_up_sent(struct sh_redis_carrier *carrier)
{
	struct sh_redis_posts again = STAILQ_HEAD_INITIALIZER(again);
	struct sh_redis_post *post;

	while ((post = STAILQ_FIRST(&carrier->sent)) != NULL) {
		STAILQ_REMOVE_HEAD(&carrier->sent, link);
		if (post->kind == SH_REDIS_POST_RECALL) {
			sh_redis_command_free(&post->command);
			STAILQ_INSERT_TAIL(&again, post, link);
			continue;
		}
		if (post->kind == SH_REDIS_POST_PUBLISH) {
			carrier->telling.unknown++;
			SH_COUNT(carrier->counters->broker_dropped, 1);
		}
		sh_redis_post_free(carrier, post);
	}
	STAILQ_CONCAT(&again, &carrier->waiting);
	STAILQ_CONCAT(&carrier->waiting, &again);
}

static void
lose(struct sh_redis_carrier *carrier)
{
	if (carrier->out_up) {
		carrier->out_down_us = sh_clock_us();
		carrier->restored = true;
		/* one without an answer would be made again and again */
		if (!carrier->out_answered)
			sh_redis_put_off(carrier->out, -SHOAL_ECONNRESET);
	}
	carrier->out_up = carrier->scripts_loaded = false;
	sh_redis_link_close(carrier->out_link);
	give_up_sent(carrier);
	sh_redis_posts_expire(carrier, false);
}

/* Send what comes until the connection ends: why it did. */
static int
serve(struct sh_redis_carrier *carrier, struct iovec *parts)
{
	int r = 0;

	carrier->out_up = true;
	carrier->out_answered = false;
	carrier->peers_us = 0;
	if (carrier->restored)
		sh_redis_renew(carrier);
	carrier->restored = false;
	sh_redis_tell_drops(carrier, true);
	while (r == 0 && !carrier->closed) {
		r = wait_for_work(carrier);
		if (r == 0 && sh_await_is_cancelled())
			sh_await_shield(FLUSH_MS);
		if (r == 0 && !carrier->closed)
			r = send_batch(carrier, parts);
	}
	return carrier->closed ? -SHOAL_ECANCELED : r;
}

/* --- the coroutine --- */

static void
run(struct sh_redis_carrier *carrier, struct iovec *parts)
{
	int r = sh_await_turn("broker, before it connects");

	while (r != -SHOAL_ECANCELED && !carrier->closed) {
		r = sh_redis_connect(carrier->out, SH_NEVER);
		if (r == 0)
			r = serve(carrier, parts);
		if (r != -SHOAL_ECANCELED)
			lose(carrier);
	}
}

void
sh_redis_send_main(void *arg)
{
	struct sh_redis_carrier *carrier = arg;
	struct iovec *parts;

	carrier->sender = sh_co_running();
	parts = sh_xcalloc(BATCH_POSTS, sizeof(*parts));
	run(carrier, parts);
	free(parts);
	lose(carrier);
	carrier->out_ended = true;
	if (!carrier->closed)
		sh_redis_posts_expire(carrier, true);
	sh_redis_tell_drops(carrier, true);
	carrier->sender = NULL;
	sh_redis_carrier_unref(carrier);
}
