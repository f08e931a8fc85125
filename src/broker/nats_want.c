/*
 * This file is what is wanted of NATS, and whether it is in effect: a message to
 * ourselves that was sent after the subscriptions comes back.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "broker/nats_private.h"
#include "topic/publication.h"

/* --- what is in effect ------------------------------------------------------ */

bool
sh_nats_is_settled(const struct sh_carrier_nats *carrier)
{
	return carrier->up && !carrier->barrier_out && !carrier->barrier_due &&
	    !sh_nats_logs_are_asked(carrier);
}

/* NATS takes what one connection sends in its order: when the message has come
 * back, the subscriptions before it are in effect. */
void
sh_nats_barrier_send(struct sh_carrier_nats *carrier)
{
	char subject[64];

	carrier->barrier_due = true;
	if (!carrier->up || carrier->barrier_out)
		return;
	snprintf(subject, sizeof(subject), "i.%016llx.s.%llu",
	    (unsigned long long)carrier->self,
	    (unsigned long long)carrier->barrier + 1);
	if (sh_nats_say(carrier, subject, NULL, 0) < 0)
		return; /* again when there is room, or a connection */
	carrier->barrier++;
	carrier->barrier_out = true;
	carrier->barrier_due = false;
}

void
sh_nats_settle(struct sh_carrier_nats *carrier)
{
	if (carrier->barrier_due)
		sh_nats_barrier_send(carrier);
	if (!sh_nats_is_settled(carrier))
		return;
	sh_nats_replays_kick(carrier);
	carrier->base.events.settled(carrier->base.events.arg);
}

void
sh_nats_barrier_back(struct sh_carrier_nats *carrier, const char *number)
{
	if (!carrier->barrier_out ||
	    strtoull(number, NULL, 10) != carrier->barrier)
		return;
	carrier->barrier_out = false;
	sh_nats_logs_barrier_back(carrier);
	sh_nats_hold_end(carrier);
	sh_nats_settle(carrier);
}

/* --- wanting ------------------------------------------------------------------ */

/* The place of a want among those with its hash, NULL there when it is none. */
static struct sh_nats_want **
find_want(struct sh_nats_want **first, const char *filter)
{
	while (*first != NULL && strcmp((*first)->filter, filter) != 0)
		first = &(*first)->same;
	return first;
}

static int
subscribe(struct sh_carrier_nats *carrier, struct sh_nats_want *want)
{
	char subject[SH_NATS_NAME_MAX];
	char *tail = subject + carrier->root_len + 2;
	size_t parent;

	memcpy(subject, carrier->root, carrier->root_len);
	memcpy(subject + carrier->root_len, "t.", 2);
	sh_nats_filter_subject(
	    want->filter, strlen(want->filter), tail, &parent);
	want->sub = sh_nats_subscribe(carrier->nats, subject);
	if (want->sub == NULL)
		return -SHOAL_ENOMEM;
	if (parent == 0)
		return 0;
	tail[parent] = '\0';
	want->parent = sh_nats_subscribe(carrier->nats, subject);
	return want->parent != NULL ? 0 : -SHOAL_ENOMEM;
}

static void
free_want(struct sh_carrier_nats *carrier, struct sh_nats_want *want)
{
	sh_nats_unsubscribe(carrier->nats, &want->sub);
	sh_nats_unsubscribe(carrier->nats, &want->parent);
	free(want);
}

/* Add it to the table. Filters that clients choose may be made to have the same
 * hash: the first of them is in the table. */
static int
add_want(struct sh_carrier_nats *carrier, struct sh_nats_want *want)
{
	struct sh_nats_want *first = (struct sh_nats_want *)sh_id_table_find(
	    &carrier->wants, want->node.id);

	if (first == NULL)
		return sh_id_table_add(&carrier->wants, &want->node);
	sh_assert(*find_want(&first, want->filter) == NULL);
	want->same = first->same;
	first->same = want;
	return 0;
}

int
sh_nats_want(struct sh_carrier *base, const char *filter)
{
	struct sh_carrier_nats *carrier = sh_nats_carrier_of(base);
	size_t len = strlen(filter);
	struct sh_nats_want *want = sh_try_calloc(1, sizeof(*want) + len + 1);

	if (want == NULL)
		return -SHOAL_ENOMEM;
	memcpy(want->filter, filter, len);
	want->node.id = sh_topic_hash(filter, len);
	if (subscribe(carrier, want) < 0 || add_want(carrier, want) < 0) {
		free_want(carrier, want);
		return -SHOAL_ENOMEM;
	}
	sh_nats_barrier_send(carrier);
	return 0;
}

/* Take the first of those with a hash out of the table, and the next one in. */
static void
remove_first(struct sh_carrier_nats *carrier, struct sh_nats_want *want)
{
	sh_id_table_remove(&carrier->wants, &want->node);
	/* there was one just now, so there is memory for this one */
	if (want->same != NULL)
		sh_id_table_add(&carrier->wants, &want->same->node);
}

void
sh_nats_unwant(struct sh_carrier *base, const char *filter)
{
	struct sh_carrier_nats *carrier = sh_nats_carrier_of(base);
	struct sh_nats_want *first, **place, *want;

	first = (struct sh_nats_want *)sh_id_table_find(
	    &carrier->wants, sh_topic_hash(filter, strlen(filter)));
	place = find_want(&first, filter);
	want = *place;
	if (want == NULL)
		return;
	if (place == &first)
		remove_first(carrier, want);
	else
		*place = want->same;
	free_want(carrier, want);
}

void
sh_nats_wants_close(struct sh_carrier_nats *carrier)
{
	struct sh_id_node *node;

	while ((node = sh_id_table_any(&carrier->wants)) != NULL) {
		struct sh_nats_want *want = (struct sh_nats_want *)node, *next;

		sh_id_table_remove(&carrier->wants, node);
		for (; want != NULL; want = next) {
			next = want->same;
			free(want);
		}
	}
	sh_id_table_fini(&carrier->wants);
}
