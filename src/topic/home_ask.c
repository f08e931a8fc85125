/*
 * This file asks homes for histories. A question goes to the home of its topic, again
 * when that is another process or something was lost, each time behind what has come
 * already; answers to an older try are not looked at.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "topic/home_private.h"

static struct sh_ask *
find_ask(struct sh_home *home, uint64_t id)
{
	struct sh_ask *ask;

	TAILQ_FOREACH(ask, &home->asks, next)
		if (ask->id == id)
			break;
	return ask;
}

static void
remove_ask(struct sh_home *home, struct sh_ask *ask)
{
	TAILQ_REMOVE(&home->asks, ask, next);
	free(ask);
}

int
sh_home_replay(struct sh_home *home, const struct sh_replay *replay)
{
	struct sh_ask *ask =
	    sh_try_calloc(1, sizeof(*ask) + replay->topic_len + 1);

	if (ask == NULL)
		return -SHOAL_ENOMEM;
	memcpy(ask->topic, replay->topic, replay->topic_len);
	ask->replay = *replay;
	ask->replay.topic = ask->topic;
	ask->hash = sh_topic_hash(ask->topic, replay->topic_len);
	ask->heard_ms = sh_home_now(home);
	TAILQ_INSERT_TAIL(&home->asks, ask, next);
	home->link.soon(home->link.arg);
	return 0;
}

void
sh_home_forget(struct sh_home *home, void *arg)
{
	struct sh_ask *ask, *next;

	for (ask = TAILQ_FIRST(&home->asks); ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, next);
		if (ask->replay.arg == arg)
			remove_ask(home, ask);
	}
}

/* --- answers ----------------------------------------------------------------- */

void
sh_ask_tell(
    struct sh_home *home, uint64_t id, const struct sh_publication *publication)
{
	struct sh_ask *ask = find_ask(home, id);

	if (ask == NULL)
		return;
	ask->heard_ms = sh_home_now(home);
	ask->replay.epoch = publication->epoch;
	ask->replay.offset = publication->offset;
	if (ask->replay.max != SIZE_MAX && ask->replay.max > 0)
		ask->replay.max--;
	/* which may forget it */
	ask->replay.message(publication, ask->replay.arg);
}

static void
finish(struct sh_home *home, struct sh_ask *ask, int result, uint64_t epoch,
    uint64_t offset, bool gap)
{
	struct sh_replay replay = ask->replay;

	remove_ask(home, ask);
	replay.done(result, epoch, offset, gap, replay.arg);
}

void
sh_ask_told(struct sh_home *home, uint64_t id, uint64_t epoch, uint64_t offset,
    bool gap)
{
	struct sh_ask *ask = find_ask(home, id);

	if (ask != NULL)
		finish(home, ask, 0, epoch, offset, gap);
}

/* --- questions --------------------------------------------------------------- */

static void
put_question(
    struct sh_home *home, struct sh_ask *ask, const struct sh_bus_peer *to)
{
	const struct sh_replay *replay = &ask->replay;
	const uint64_t numbers[] = { ++home->ask_id, replay->epoch,
		replay->offset, replay->max };
	int r;

	ask->id = home->ask_id;
	if (sh_home_is_me(home, to))
		r = sh_tale_add(home, to, ask->id, replay->epoch,
		    replay->offset, replay->max, ask->topic, replay->topic_len);
	else
		r = sh_home_write(home, to, SH_HOME_ASK, numbers, 4, ask->topic,
		    replay->topic_len);
	ask->to = r == 0 ? to->incarnation : 0;
}

/* False: it was removed. Only who has read all knows that there is no answer. */
static bool
run_ask(struct sh_home *home, struct sh_ask *ask, bool read)
{
	struct sh_bus_peer peer;

	if (read && sh_home_now(home) - ask->heard_ms >= SH_HOME_ASK_MS) {
		finish(home, ask, -SHOAL_ETIMEDOUT, 0, 0, false);
		return false;
	}
	if (sh_home_find(home, sh_home_slot(home, ask->hash), &peer) &&
	    peer.incarnation != ask->to)
		put_question(home, ask, &peer);
	return true;
}

/* One that is removed may have removed others. */
void
sh_ask_run(struct sh_home *home, bool read)
{
	struct sh_ask *ask = TAILQ_FIRST(&home->asks);

	while (ask != NULL)
		ask = run_ask(home, ask, read) ? TAILQ_NEXT(ask, next)
					       : TAILQ_FIRST(&home->asks);
}

void
sh_ask_missed(struct sh_home *home, uint64_t incarnation)
{
	struct sh_ask *ask;

	TAILQ_FOREACH(ask, &home->asks, next)
		if (ask->to == incarnation)
			ask->to = 0;
}

void
sh_ask_free(struct sh_home *home)
{
	while (!TAILQ_EMPTY(&home->asks))
		remove_ask(home, TAILQ_FIRST(&home->asks));
}
