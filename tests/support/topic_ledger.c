/*
 * This file is the ledger of the topics' test client: which messages of which feed
 * have to come to whom, and whether each has come once and in order. It does no
 * I/O.
 *
 * What has to come: the messages that were sent after the subscription was
 * confirmed and before its end was asked for. What must not: those that were sent
 * after the end was confirmed. Between, any may come, in order.
 */
#include "config.h"

#include "topic_clients.h"

#include <stdio.h>
#include <string.h>

bool
ledger_matches(const char *filter, const char *topic)
{
	for (;;) {
		size_t f = strcspn(filter, "/"), t = strcspn(topic, "/");

		if (strcmp(filter, "#") == 0)
			return true;
		if (strncmp(filter, "+", f) != 0 &&
		    (f != t || strncmp(filter, topic, f) != 0))
			return false;
		filter += f;
		topic += t;
		if (*topic == '\0')
			return *filter == '\0' || strcmp(filter, "/#") == 0;
		if (*filter == '\0')
			return false;
		filter++;
		topic++;
	}
}

/* How many messages have to come that have not. */
static uint64_t
pending(const struct view *view, const struct feed *feed)
{
	uint32_t from = view->next > view->from ? view->next : view->from;

	return view->due && feed->due > from ? feed->due - from : 0;
}

static void
set_due(struct view *view, struct feed *feed, bool due)
{
	if (view->due == due)
		return;
	crowd.counts.outstanding -= pending(view, feed);
	view->due = due;
	crowd.counts.outstanding += pending(view, feed);
	if (due)
		feed->followers++;
	else
		feed->followers--;
}

static void
set_feed_due(struct feed *feed, uint32_t due)
{
	size_t number = (size_t)(feed - crowd.feeds);
	int i;

	for (i = 0; i < crowd.client_count; i++)
		crowd.counts.outstanding -=
		    pending(&crowd.clients[i].views[number], feed);
	feed->due = due;
	for (i = 0; i < crowd.client_count; i++)
		crowd.counts.outstanding +=
		    pending(&crowd.clients[i].views[number], feed);
}

/* Whether one of its filters lets the feed through; confirmed ones only, or those
 * that were only asked for, too. */
static bool
follows(const struct client *client, const struct feed *feed, bool confirmed)
{
	int i;

	/* what it sent by a connection that was lost is another's */
	if (feed->client == client && !feed->dead &&
	    strchr(feed->flags, 'n') != NULL)
		return false;
	for (i = 0; i < client->filter_count; i++) {
		const struct filter *filter = &client->filters[i];

		if ((confirmed ? filter->confirmed : filter->wanted) &&
		    ledger_matches(filter->text, feed->topic))
			return true;
	}
	return false;
}

static void
set_from(struct view *view, struct feed *feed, uint32_t from)
{
	crowd.counts.outstanding -= pending(view, feed);
	view->from = from;
	crowd.counts.outstanding += pending(view, feed);
}

/* Messages may come. */
static void
allow(struct view *view, struct feed *feed)
{
	view->not_from = UINT32_MAX;
	if (view->due)
		return;
	view->open = true;
	set_from(view, feed, UINT32_MAX);
}

/* Messages have to come, from the next that is sent, or those behind one that
 * came already; who was excused has to get all of them. */
static void
demand(struct client *client, struct view *view, struct feed *feed)
{
	if (view->due || client->excused)
		return;
	if (view->from == UINT32_MAX)
		set_from(view, feed, view->open ? feed->sent : view->next);
	set_due(view, feed, true);
}

int
ledger_open_feed(struct client *client, const char *topic, const char *flags)
{
	int number = crowd.feed_count, i;
	struct feed *feed = &crowd.feeds[number];

	if (number == FEEDS_MAX)
		return -1;
	crowd.feed_count++;
	feed->client = client;
	snprintf(feed->topic, sizeof(feed->topic), "%s", topic);
	snprintf(feed->flags, sizeof(feed->flags), "%s", flags);
	for (i = 0; i < crowd.client_count; i++) {
		struct client *other = &crowd.clients[i];

		if (follows(other, feed, false))
			allow(&other->views[number], feed);
		if (follows(other, feed, true))
			demand(other, &other->views[number], feed);
	}
	return number;
}

void
ledger_sent(struct feed *feed)
{
	feed->sent++;
	if (feed->client->excused)
		return;
	feed->due = feed->sent;
	crowd.counts.outstanding += feed->followers;
}

void
ledger_acked(struct feed *feed)
{
	crowd.counts.acked++;
	feed->acked++;
	if (feed->due < feed->acked)
		set_feed_due(feed, feed->acked);
}

void
ledger_end_feed(struct feed *feed)
{
	feed->dead = true;
	feed->quota = 0;
	set_feed_due(feed, feed->acked);
}

void
ledger_subscribing(struct client *client)
{
	int i;

	for (i = 0; i < crowd.feed_count; i++)
		if (follows(client, &crowd.feeds[i], false))
			allow(&client->views[i], &crowd.feeds[i]);
}

void
ledger_subscribed(struct client *client)
{
	int i;

	for (i = 0; i < crowd.feed_count; i++)
		if (follows(client, &crowd.feeds[i], true))
			demand(client, &client->views[i], &crowd.feeds[i]);
}

void
ledger_unsubscribing(struct client *client)
{
	int i;

	for (i = 0; i < crowd.feed_count; i++)
		if (!follows(client, &crowd.feeds[i], true))
			set_due(&client->views[i], &crowd.feeds[i], false);
}

void
ledger_unsubscribed(struct client *client)
{
	int i;

	for (i = 0; i < crowd.feed_count; i++)
		if (!follows(client, &crowd.feeds[i], false) &&
		    client->views[i].not_from == UINT32_MAX)
			client->views[i].not_from = crowd.feeds[i].sent;
}

/* The message is not the one behind the last; whether it may come all the same. */
static void
judge(struct client *client, const struct view *view, uint32_t feed,
    uint32_t number)
{
	uint32_t wanted = view->open ? view->from : view->next;

	if (number >= view->not_from) {
		crowd.counts.unwanted++;
		complain(client, "feed %u: %u came without a subscription",
		    feed, number);
	} else if (number < view->next) {
		crowd.counts.doubled++;
		complain(client, "feed %u: %u came, %u is the next", feed,
		    number, view->next);
	} else if (number > wanted) {
		crowd.counts.missed += number - wanted;
		complain(client, "feed %u: %u came, %u was due", feed, number,
		    wanted);
	}
}

void
ledger_got(struct client *client, uint32_t number_of_feed, uint32_t number)
{
	struct feed *feed;
	struct view *view;

	crowd.counts.received++;
	if (number_of_feed >= (uint32_t)crowd.feed_count ||
	    number >= crowd.feeds[number_of_feed].sent) {
		crowd.counts.strange++;
		complain(
		    client, "feed %u: there is no %u", number_of_feed, number);
		return;
	}
	feed = &crowd.feeds[number_of_feed];
	view = &client->views[number_of_feed];
	judge(client, view, number_of_feed, number);
	if (number < view->next)
		return;
	crowd.counts.outstanding -= pending(view, feed);
	view->open = false;
	view->next = number + 1;
	crowd.counts.outstanding += pending(view, feed);
}

void
ledger_gap(struct client *client, const char *filter)
{
	int i;

	crowd.counts.gaps++;
	for (i = 0; i < crowd.feed_count; i++) {
		struct feed *feed = &crowd.feeds[i];
		struct view *view = &client->views[i];

		if (strcmp(filter, feed->topic) != 0 &&
		    !ledger_matches(filter, feed->topic))
			continue;
		view->open = true;
		set_from(view, feed, feed->sent);
	}
}

void
ledger_lost(struct client *client)
{
	int i;

	for (i = 0; i < crowd.feed_count; i++) {
		set_due(&client->views[i], &crowd.feeds[i], false);
		memset(&client->views[i], 0, sizeof(client->views[i]));
	}
	for (i = 0; i < client->filter_count; i++)
		client->filters[i].confirmed = client->filters[i].pending =
		    false;
	if (client->feed >= 0)
		ledger_end_feed(&crowd.feeds[client->feed]);
	client->feed = -1;
}

void
ledger_excuse(struct client *client, bool excused)
{
	int i;

	client->excused = excused;
	for (i = 0; i < crowd.feed_count; i++)
		if (excused)
			set_due(&client->views[i], &crowd.feeds[i], false);
		else if (follows(client, &crowd.feeds[i], true))
			demand(client, &client->views[i], &crowd.feeds[i]);
	if (client->feed >= 0)
		set_feed_due(&crowd.feeds[client->feed],
		    excused ? crowd.feeds[client->feed].acked
			    : crowd.feeds[client->feed].sent);
}

void
ledger_explain(void)
{
	int i, j;

	for (i = 0; i < crowd.feed_count; i++) {
		const struct feed *feed = &crowd.feeds[i];
		int waiting = 0, one = 0;

		for (j = 0; j < crowd.client_count; j++)
			if (pending(&crowd.clients[j].views[i], feed) > 0) {
				waiting++;
				one = j;
			}
		if (waiting == 0 && (feed->dead || feed->acked == feed->sent))
			continue;
		fprintf(stderr,
		    "feed %d (%s) of client %d%s: %u sent, %u acknowledged,"
		    " %d clients wait; client %d of worker %d for %u\n",
		    i, feed->topic, feed->client->index,
		    feed->dead ? ", lost" : "", feed->sent, feed->acked,
		    waiting, one, (int)crowd.clients[one].pid,
		    crowd.clients[one].views[i].next);
	}
}
