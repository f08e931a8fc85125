/*
 * This file is what the topics' test client says and hears: texts to the hub and
 * from it, and what follows from them. It opens no connection itself and knows no
 * commands.
 */
#include "config.h"

#include "topic_clients.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPLAINTS_MAX = 20 };

void
complain(const struct client *client, const char *format, ...)
{
	static int count;
	va_list args;

	if (count++ >= COMPLAINTS_MAX)
		return;
	fprintf(stderr, "client %d (%s) of worker %d: ", client->index,
	    client->group, (int)client->pid);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* --- what is sent --------------------------------------------------------- */

void
crowd_request(struct client *client, struct filter *filter, bool wanted)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "%c%s %s", wanted ? 'S' : 'U',
	    wanted ? filter->flags : "", filter->text);

	filter->wanted = wanted;
	filter->pending = true;
	if (wanted) {
		ledger_subscribing(client);
	} else {
		filter->confirmed = false;
		ledger_unsubscribing(client);
	}
	link_send(client, text, (size_t)len);
}

/* What a message is filled with. */
static const char *
filling(uint32_t feed, uint32_t number)
{
	static char rows[26][CONTENT_MAX];
	unsigned row = (feed * 7 + number) % 26;

	if (rows[row][0] == '\0')
		memset(rows[row], 'a' + (int)row, CONTENT_MAX);
	return rows[row];
}

static void
publish(struct feed *feed)
{
	char text[CONTENT_MAX + 256];
	uint32_t index = (uint32_t)(feed - crowd.feeds);
	int head, len;

	head =
	    snprintf(text, sizeof(text), "P%s %s\n", feed->flags, feed->topic);
	len = snprintf(text + head, sizeof(text) - (size_t)head, "m %u %u ",
	    index, feed->sent);
	memcpy(text + head + len, filling(index, feed->sent),
	    crowd.size - (size_t)len);
	ledger_sent(feed);
	feed->quota -= crowd.streaming ? 0 : 1;
	link_send(feed->client, text, (size_t)head + crowd.size);
}

void
crowd_publish(void)
{
	uint64_t most =
	    (uint64_t)crowd.ahead * (uint64_t)(crowd.client_count + 1);
	bool sent = true;
	int i;

	/* round by round, so that they take turns */
	while (sent) {
		sent = false;
		for (i = 0; i < crowd.feed_count; i++) {
			struct feed *feed = &crowd.feeds[i];

			if (feed->dead || feed->client->state != LINK_OPEN ||
			    feed->client->excused ||
			    (!crowd.streaming && feed->quota == 0) ||
			    feed->sent - feed->acked >= crowd.window ||
			    crowd.counts.outstanding >= most)
				continue;
			publish(feed);
			sent = true;
		}
	}
}

void
crowd_open_feed(struct client *client, const char *topic, const char *flags)
{
	client->feed = ledger_open_feed(client, topic, flags);
	if (client->feed < 0) {
		fprintf(stderr, "topic_clients: too many feeds\n");
		exit(2);
	}
}

/* --- what comes ----------------------------------------------------------- */

void
crowd_opened(struct client *client)
{
	int i;

	for (i = 0; i < client->filter_count; i++)
		if (client->filters[i].wanted || client->filters[i].churn)
			crowd_request(client, &client->filters[i], true);
}

static void
take_message(struct client *client, const char *text, size_t len)
{
	unsigned feed, number;
	int head = 0;

	if (sscanf(text, "m %u %u %n", &feed, &number, &head) < 2 ||
	    head == 0 || len != crowd.size ||
	    memcmp(text + head, filling(feed, number), len - (size_t)head) !=
		0) {
		crowd.counts.strange++;
		complain(client, "strange: %.60s", text);
		return;
	}
	ledger_got(client, feed, number);
}

static struct filter *
find_filter(struct client *client, const char *text)
{
	int i;

	for (i = 0; i < client->filter_count; i++)
		if (strcmp(client->filters[i].text, text) == 0)
			return &client->filters[i];
	return NULL;
}

/* "s result filter" or "u result filter" */
static void
take_answer(struct client *client, const char *text)
{
	char name[NAME_ROOM] = "";
	struct filter *filter;
	int result = -1;

	if (sscanf(text + 2, "%d %63s", &result, name) != 2 || result < 0 ||
	    (filter = find_filter(client, name)) == NULL) {
		crowd.counts.refused++;
		complain(client, "refused: %.60s", text);
		return;
	}
	filter->pending = false;
	filter->confirmed = text[0] == 's';
	if (filter->confirmed)
		ledger_subscribed(client);
	else
		ledger_unsubscribed(client);
	if (filter->churn)
		crowd_request(client, filter, !filter->wanted);
}

static void
take_acknowledgement(struct client *client, const char *text)
{
	if (client->feed < 0 || atoi(text + 2) < 0) {
		crowd.counts.refused++;
		complain(client, "refused: %.60s", text);
	} else {
		ledger_acked(&crowd.feeds[client->feed]);
	}
}

void
crowd_heard(struct client *client, const char *text, size_t len)
{
	switch (text[0]) {
	case 'm': take_message(client, text, len); break;
	case 'p': take_acknowledgement(client, text); break;
	case 's':
	case 'u': take_answer(client, text); break;
	case 'g': ledger_gap(client, text + 2); break;
	case 'w':
		client->pid = (pid_t)atoi(text + 2);
		client->state = LINK_OPEN;
		crowd_opened(client);
		break;
	default:
		crowd.counts.strange++;
		complain(client, "strange: %.60s", text);
	}
}

void
crowd_lost(struct client *client, unsigned code)
{
	int i, feed = client->feed;

	if (crowd.finishing) {
		crowd.counts.finished += code == 1000;
		code = code == 1000 ? 0 : code;
	} else {
		crowd.counts.lost++;
	}
	for (i = 0; code != 0 && i < CODES_MAX; i++)
		if (crowd.codes[i].code == code || crowd.codes[i].code == 0) {
			crowd.codes[i].code = code;
			crowd.codes[i].count++;
			break;
		}
	if (!crowd.finishing)
		ledger_lost(client);
	if (feed >= 0 && crowd.reconnect && !crowd.finishing)
		crowd_open_feed(
		    client, crowd.feeds[feed].topic, crowd.feeds[feed].flags);
}

void
crowd_reconnect(void)
{
	int i;

	for (i = 0; i < crowd.client_count; i++)
		if (crowd.clients[i].state == LINK_CLOSED) {
			crowd.counts.reconnected++;
			link_open(&crowd.clients[i]);
		}
}
