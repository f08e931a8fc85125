/* This file collects the answers to a question about subscribers. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/topic.h>

#include "base/mem.h"
#include "topic/presence_private.h"

struct sh_asking *
sh_asking_new(const char *topic, bool names)
{
	struct sh_asking *asking = sh_try_calloc(1, sizeof(*asking));

	if (asking == NULL)
		return NULL;
	asking->topic = topic;
	asking->names = names;
	LIST_INIT(&asking->answerers);
	sh_buf_init(&asking->here, SH_ANSWERS_MAX);
	return asking;
}

void
sh_asking_free(struct sh_asking **asking)
{
	struct sh_answerer *answerer;

	if (asking == NULL || *asking == NULL)
		return;
	while ((answerer = LIST_FIRST(&(*asking)->answerers)) != NULL) {
		LIST_REMOVE(answerer, link);
		sh_buf_fini(&answerer->entries);
		free(answerer);
	}
	sh_buf_fini(&(*asking)->here);
	free(*asking);
	*asking = NULL;
}

static struct sh_answerer *
find(const struct sh_asking *asking, struct sh_asker who)
{
	struct sh_answerer *answerer;

	LIST_FOREACH(answerer, &asking->answerers, link)
		if (answerer->who.node == who.node &&
		    answerer->who.incarnation == who.incarnation)
			return answerer;
	return NULL;
}

static struct sh_answerer *
need(struct sh_asking *asking, struct sh_asker who)
{
	struct sh_answerer *answerer = find(asking, who);

	if (answerer != NULL)
		return answerer;
	answerer = sh_try_calloc(1, sizeof(*answerer));
	if (answerer == NULL)
		return NULL;
	answerer->who = who;
	sh_buf_init(&answerer->entries, SH_ANSWERS_MAX);
	LIST_INSERT_HEAD(&asking->answerers, answerer, link);
	return answerer;
}

bool
sh_asking_expect(struct sh_asking *asking, struct sh_asker who)
{
	struct sh_answerer *answerer = need(asking, who);

	if (answerer != NULL)
		answerer->expected = true;
	return answerer != NULL;
}

/* Parts of one round come in their order, or not at all. */
static void
begin_round(struct sh_asking *asking, struct sh_answerer *answerer,
    const struct sh_answer *answer)
{
	asking->bytes -= answerer->entries.len;
	sh_buf_fini(&answerer->entries);
	answerer->round = answer->round;
	answerer->parts = 0;
	answerer->count = 0;
	answerer->broken = false;
}

static bool
keep_entries(struct sh_asking *asking, struct sh_answerer *answerer,
    const struct sh_answer *answer)
{
	if (!asking->names || answer->len == 0)
		return true;
	if (asking->bytes + answer->len > SH_ANSWERS_MAX ||
	    sh_buf_add(&answerer->entries, answer->entries, answer->len) < 0)
		return false;
	asking->bytes += answer->len;
	return true;
}

bool
sh_asking_take(struct sh_asking *asking, const struct sh_answer *answer)
{
	struct sh_answerer *answerer;

	if (answer->number != asking->number || answer->round > asking->round)
		return false;
	answerer = need(asking, answer->from);
	if (answerer == NULL) {
		asking->failed = true;
		return true;
	}
	if (answerer->done || answer->round < answerer->round)
		return false;
	if (answer->round > answerer->round)
		begin_round(asking, answerer, answer);
	if (answerer->broken || answer->part != answerer->parts) {
		answerer->broken = true;
		return false;
	}
	asking->failed |= !keep_entries(asking, answerer, answer);
	answerer->parts++;
	answerer->count = answer->count;
	answerer->done = answer->last;
	return true;
}

size_t
sh_asking_done(const struct sh_asking *asking)
{
	const struct sh_answerer *answerer;
	size_t done = 0;

	LIST_FOREACH(answerer, &asking->answerers, link)
		done += answerer->done;
	return done;
}

/* --- the result --------------------------------------------------------------- */

/* What is written: nowhere, to count; or behind the list. */
struct writing {
	struct shoal_topic_members *members;
	size_t len;  /* of the list */
	size_t text; /* bytes of names and their NULs */
	char *at;    /* NULL: it is only counted */
};

static void
write_entries(struct writing *writing, const struct sh_buf *entries)
{
	const uint8_t *at = (const uint8_t *)entries->data;
	size_t left = entries->len;
	struct sh_entry entry;

	while (sh_entry_next(&at, &left, &entry)) {
		if (writing->at != NULL) {
			struct shoal_topic_member *member =
			    &writing->members->list[writing->len];

			member->id = entry.id;
			member->name = writing->at;
			memcpy(writing->at, entry.name, entry.name_len);
			writing->at[entry.name_len] = '\0';
			writing->at += entry.name_len + 1;
		}
		writing->len++;
		writing->text += entry.name_len + 1;
	}
}

static void
write_all(struct writing *writing, const struct sh_asking *asking)
{
	const struct sh_answerer *answerer;

	writing->len = writing->text = 0;
	write_entries(writing, &asking->here);
	LIST_FOREACH(answerer, &asking->answerers, link)
		if (answerer->done)
			write_entries(writing, &answerer->entries);
}

/* One piece of memory: it, the list, the names. */
struct shoal_topic_members *
sh_asking_result(const struct sh_asking *asking, bool complete)
{
	struct writing writing = { .at = NULL };
	struct shoal_topic_members *members;
	const struct sh_answerer *answerer;

	write_all(&writing, asking);
	members = sh_try_calloc(1,
	    sizeof(*members) + writing.len * sizeof(*members->list) +
		writing.text);
	if (members == NULL)
		return NULL;
	members->list = (struct shoal_topic_member *)(void *)(members + 1);
	writing.members = members;
	writing.at = (char *)(members->list + writing.len);
	write_all(&writing, asking);
	members->len = writing.len;
	members->complete = complete;
	members->count = asking->count;
	LIST_FOREACH(answerer, &asking->answerers, link)
		if (answerer->done)
			members->count += answerer->count;
	return members;
}
