/*
 * This file hands what libnats' threads have got to the loop: they add to an array,
 * the loop takes all of it at once. One letter is on its way however many messages
 * there are. What is more than the bound is dropped, and in its place stands that
 * something was lost.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/nats_private.h"

enum {
	ENTRY_COST =
	    256,        /* of a message, besides its data: libnats' and ours */
	TURN_MAX = 256, /* messages that are told in a turn ... */
	TURN_SIZE_MAX = 256 << 10, /* ... and their bytes */
	KEPT_MAX = 4096            /* entries of an array that is kept */
};

static size_t
cost_of(const natsMsg *message)
{
	return ENTRY_COST + (size_t)natsMsg_GetDataLength(message);
}

static void
forget_entry(struct sh_nats_entry *entry)
{
	natsMsg_Destroy(entry->message);
	free(entry->text);
}

void
sh_nats_entries_fini(struct sh_nats_entries *entries, size_t from)
{
	for (; from < entries->count; from++)
		forget_entry(&entries->list[from]);
	free(entries->list);
	*entries = (struct sh_nats_entries){ 0 };
}

/* Room for one more and for a LOST behind it, so that this can always be said. */
static bool
make_room(struct sh_nats_entries *entries)
{
	size_t cap = entries->cap == 0 ? 64 : entries->cap * 2;
	void *list;

	if (entries->count + 2 <= entries->cap)
		return true;
	list = sh_try_grow(entries->list, cap, sizeof(*entries->list));
	if (list == NULL)
		return false;
	entries->list = list;
	entries->cap = cap;
	return true;
}

static bool
ends_with_lost(const struct sh_nats_entries *inbox)
{
	const struct sh_nats_entry *last;

	if (inbox->count == 0)
		return false;
	last = &inbox->list[inbox->count - 1];
	return last->message == NULL && last->news == SH_NATS_LOST;
}

static void
add_lost(struct sh_nats_entries *inbox)
{
	if (inbox->count < inbox->cap && !ends_with_lost(inbox))
		inbox->list[inbox->count++] =
		    (struct sh_nats_entry){ .news = SH_NATS_LOST };
}

static void open_letter(struct sh_letter *letter);
static void drop_letter(struct sh_letter *letter);

/* The lock is held. */
static void
post(struct sh_nats *nats)
{
	if (nats->posted || nats->closing)
		return;
	nats->letter =
	    (struct sh_letter){ .open = open_letter, .drop = drop_letter };
	sh_nats_hold(nats);
	nats->posted = true;
	if (sh_mailbox_put(nats->mailbox, &nats->letter) == 0)
		return;
	/* the loop has ended: nobody will look again */
	atomic_fetch_sub(&nats->users, 1);
}

void
sh_nats_put_news(struct sh_nats *nats, enum sh_nats_news news, const char *text)
{
	struct sh_nats_entries *inbox = &nats->inbox;

	if (nats->closing || !make_room(inbox))
		return;
	if (news == SH_NATS_LOST)
		add_lost(inbox);
	else
		inbox->list[inbox->count++] =
		    (struct sh_nats_entry){ .news = news,
			    .text = text != NULL ? strdup(text) : NULL };
	post(nats);
}

void
sh_nats_put_message(struct sh_nats *nats, natsMsg *message)
{
	struct sh_nats_entries *inbox = &nats->inbox;
	size_t cost = cost_of(message);

	pthread_mutex_lock(&nats->lock);
	if (!nats->closing && make_room(inbox) &&
	    nats->inbox_size + cost <= nats->queue_max) {
		inbox->list[inbox->count++] =
		    (struct sh_nats_entry){ .message = message };
		nats->inbox_size += cost;
		message = NULL;
	} else {
		add_lost(inbox);
	}
	post(nats);
	pthread_mutex_unlock(&nats->lock);
	natsMsg_Destroy(message);
}

static void
describe(natsMsg *from, struct sh_nats_message *to)
{
	const char *stream = NULL, *sequence = NULL;

	*to = (struct sh_nats_message){ .subject = natsMsg_GetSubject(from),
		.data = natsMsg_GetData(from),
		.len = (size_t)natsMsg_GetDataLength(from),
		.nobody = natsMsg_IsNoResponders(from) };
	if (natsMsgHeader_Get(from, "Nats-Stream", &stream) != NATS_OK ||
	    natsMsgHeader_Get(from, "Nats-Sequence", &sequence) != NATS_OK)
		return;
	to->stream = stream;
	to->sequence = strtoull(sequence, NULL, 10);
}

/* Tell one. Returns its bytes. */
static size_t
tell(struct sh_nats *nats, struct sh_nats_entry *entry)
{
	struct sh_nats_message message;
	size_t cost = 0;

	if (entry->message != NULL) {
		cost = cost_of(entry->message);
		describe(entry->message, &message);
		nats->events.message(&message, nats->events.arg);
	} else {
		nats->events.news(entry->news, entry->text, nats->events.arg);
	}
	forget_entry(entry);
	return cost;
}

/* Tell some of the batch; an event may close us. Returns their bytes. */
static size_t
tell_some(struct sh_nats *nats)
{
	size_t size = 0;
	int n = 0;

	while (nats->batch_at < nats->batch.count && n++ < TURN_MAX &&
	    size < TURN_SIZE_MAX && !nats->closing)
		size += tell(nats, &nats->batch.list[nats->batch_at++]);
	return size;
}

/* Take what has come and leave an empty array, a small one. */
static void
take_batch(struct sh_nats *nats)
{
	struct sh_nats_entries empty = nats->batch;

	empty.count = 0;
	if (empty.cap > KEPT_MAX)
		sh_nats_entries_fini(&empty, 0);
	nats->batch = nats->inbox;
	nats->batch_at = 0;
	nats->inbox = empty;
}

static void
open_letter(struct sh_letter *letter)
{
	struct sh_nats *nats =
	    (void *)((char *)letter - offsetof(struct sh_nats, letter));
	size_t size;

	pthread_mutex_lock(&nats->lock);
	if (nats->batch_at == nats->batch.count)
		take_batch(nats);
	pthread_mutex_unlock(&nats->lock);
	size = tell_some(nats);
	pthread_mutex_lock(&nats->lock);
	nats->inbox_size -= size;
	nats->posted = false;
	if (nats->batch_at < nats->batch.count || nats->inbox.count != 0)
		post(nats);
	pthread_mutex_unlock(&nats->lock);
	sh_nats_drop(nats);
}

static void
drop_letter(struct sh_letter *letter)
{
	sh_nats_drop(
	    (void *)((char *)letter - offsetof(struct sh_nats, letter)));
}
