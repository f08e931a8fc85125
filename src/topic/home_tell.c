/*
 * This file tells histories to who has asked: for each a tale, which goes on as there
 * is room. It ends where the log ended when it began; what comes later is published to
 * all.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "topic/home_private.h"
#include "topic/keep.h"
#include "topic/log.h"

int
sh_tale_add(struct sh_home *home, const struct sh_bus_peer *to, uint64_t id,
    uint64_t epoch, uint64_t offset, uint64_t max, const char *topic,
    size_t len)
{
	struct sh_tale *tale = sh_try_calloc(1, sizeof(*tale) + len + 1);

	if (tale == NULL)
		return -SHOAL_ENOMEM;
	tale->to = *to;
	tale->id = id;
	tale->epoch = epoch;
	tale->offset = offset;
	tale->max = max;
	tale->topic_len = len;
	memcpy(tale->topic, topic, len);
	tale->hash = sh_topic_hash(topic, len);
	TAILQ_INSERT_TAIL(&home->tales, tale, next);
	home->link.soon(home->link.arg);
	return 0;
}

static void
remove_tale(struct sh_home *home, struct sh_tale *tale)
{
	TAILQ_REMOVE(&home->tales, tale, next);
	free(tale);
}

/* --- to others, or here ------------------------------------------------------ */

static int
tell(struct sh_home *home, const struct sh_tale *tale,
    const struct sh_publication *publication)
{
	const struct sh_record record = { .to = tale->to.process,
		.to_incarnation = tale->to.incarnation,
		.kind = SH_HOME_TELL };

	if (!sh_home_is_me(home, &tale->to))
		return sh_home_write_publication(
		    home, &record, &tale->id, 1, publication);
	sh_ask_tell(home, tale->id, publication);
	return 0;
}

/* It is removed, unless there is no room. */
static void
end_tale(struct sh_home *home, struct sh_tale *tale)
{
	const uint64_t numbers[] = { tale->id, tale->epoch, tale->end,
		tale->gap };
	bool here = sh_home_is_me(home, &tale->to);

	if (!here &&
	    sh_home_write(home, &tale->to, SH_HOME_TOLD, numbers, 4, NULL, 0) ==
		-SHOAL_EAGAIN)
		return;
	remove_tale(home, tale);
	if (here)
		sh_ask_told(
		    home, numbers[0], numbers[1], numbers[2], numbers[3] != 0);
}

/* --- what is told ------------------------------------------------------------ */

/* The first message; sets where the tale begins and ends. */
static struct sh_log_entry *
begin(struct sh_home *home, struct sh_tale *tale, struct sh_log *log)
{
	const struct sh_keep *keep = sh_keep_find(tale->topic, tale->topic_len);
	struct sh_log_entry *entry, *first;
	bool asked = tale->epoch != 0 || tale->offset != 0;

	if (keep != NULL)
		sh_log_trim(home->logs, log, keep, sh_home_now(home));
	tale->begun = true;
	tale->gap = asked && sh_log_lacks(log, tale->epoch, tale->offset);
	if (tale->epoch != log->epoch)
		tale->offset = 0;
	tale->epoch = log->epoch;
	tale->end = log->offset;
	first = sh_log_behind(log, tale->offset);
	entry = sh_log_latest(log, tale->offset, tale->max);
	/* what is left out is missing to who was there */
	tale->gap = tale->gap || (asked && entry != first);
	tale->offset =
	    entry != NULL ? entry->publication.offset - 1 : tale->end;
	return entry;
}

/* The next one; NULL: that was all. What was forgotten meanwhile is a gap. */
static struct sh_log_entry *
go_on(struct sh_tale *tale, const struct sh_log *log)
{
	if (tale->offset < tale->end &&
	    sh_log_lacks(log, tale->epoch, tale->offset))
		tale->gap = true;
	/* another log has the name meanwhile */
	if (log->epoch != tale->epoch)
		return NULL;
	return sh_log_behind(log, tale->offset);
}

static struct sh_log_entry *
find_entry(struct sh_home *home, struct sh_tale *tale)
{
	struct sh_log *log =
	    sh_logs_find(home->logs, tale->topic, tale->topic_len, tale->hash);
	struct sh_log_entry *entry;

	if (log == NULL) {
		tale->gap = tale->gap || tale->begun || tale->epoch != 0;
		if (!tale->begun)
			tale->epoch = tale->end = 0;
		return NULL;
	}
	entry = tale->begun ? go_on(tale, log) : begin(home, tale, log);
	return entry != NULL && entry->publication.offset <= tale->end ? entry
								       : NULL;
}

static void
tell_some(struct sh_home *home, struct sh_tale *tale)
{
	struct sh_log_entry *entry = find_entry(home, tale);
	int steps = SH_HOME_STEPS;

	/* what is called here may publish: that changes no log at once */
	for (; entry != NULL && entry->publication.offset <= tale->end;
	     entry = TAILQ_NEXT(entry, next)) {
		if (steps-- == 0) {
			home->link.soon(home->link.arg);
			return;
		}
		if (tell(home, tale, &entry->publication) == -SHOAL_EAGAIN)
			return;
		tale->offset = entry->publication.offset;
	}
	end_tale(home, tale);
}

void
sh_tale_run(struct sh_home *home)
{
	struct sh_tale *tale, *next;

	for (tale = TAILQ_FIRST(&home->tales); tale != NULL; tale = next) {
		next = TAILQ_NEXT(tale, next);
		if (home->state == SH_HOME_SERVING)
			tell_some(home, tale);
		else if (home->state == SH_HOME_ELSEWHERE)
			/* who asks finds out */
			remove_tale(home, tale);
	}
}

void
sh_tale_free(struct sh_home *home)
{
	while (!TAILQ_EMPTY(&home->tales))
		remove_tale(home, TAILQ_FIRST(&home->tales));
}
