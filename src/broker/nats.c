/*
 * This file carries topics through NATS. Subjects below the root, which is the
 * prefix of the settings:
 *
 *	t.TOPIC           messages, as subscribers get them
 *	k.STREAM.TOPIC    messages on their way into a stream that keeps them
 *	i.PROCESS.*       what is for one process
 *	h                 greetings of processes
 *	l                 topics of which an accepted message was lost; empty: of any
 *
 * A message is the number of the process and what topic/publication.h encodes. Each
 * wanted filter has subscriptions of its own. One message may come through several;
 * all of them come by one connection and in the order of its publisher, so that
 * what has a number that is not higher has come before.
 */
#include "config.h"

#include "broker/nats.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <shoal/error.h>
#include <shoal/topic.h>
#include <shoal/ws.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"
#include "base/server_url.h"
#include "proto/utf8.h"
#include "io/loop.h"
#include "broker/broker.h"
#include "topic/publication.h"

enum {
	PREAMBLE = 8, /* the publishing process, little-endian */
	SH_NATS_PORT = 4222,
	TELL_AGAIN_MS = 60000, /* of what lasts */
	/* lines of the log in so long, for what may be wrong with each message */
	TELL_MS = 60000,
	TELL_MAX = 10
};

static struct sh_carrier_nats *
nats_of(struct sh_carrier *carrier)
{
	return (struct sh_carrier_nats *)(void *)carrier;
}

int
sh_nats_say(struct sh_carrier_nats *carrier, const char *subject,
    const void *data, size_t len)
{
	struct iovec part = { .iov_base = (void *)data, .iov_len = len };
	char whole[SH_NATS_NAME_MAX];

	snprintf(whole, sizeof(whole), "%s%s", carrier->root, subject);
	return sh_nats_publish(carrier->nats, whole, NULL, &part, 1);
}

/* --- what is in effect ------------------------------------------------------ */

bool
sh_nats_is_settled(const struct sh_carrier_nats *carrier)
{
	return carrier->up && !carrier->barrier_out && !carrier->barrier_due &&
	    !sh_nats_logs_are_asked(carrier);
}

/* NATS takes what one connection sends in its order: when the message has come
 * back, the subscriptions before it are in effect. */
static void
send_barrier(struct sh_carrier_nats *carrier)
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
		send_barrier(carrier);
	if (!sh_nats_is_settled(carrier))
		return;
	sh_nats_replays_kick(carrier);
	carrier->base.events.settled(carrier->base.events.arg);
}

static void
on_barrier(struct sh_carrier_nats *carrier, const char *number)
{
	if (!carrier->barrier_out ||
	    strtoull(number, NULL, 10) != carrier->barrier)
		return;
	carrier->barrier_out = false;
	sh_nats_hold_end(carrier);
	sh_nats_settle(carrier);
}

void
sh_nats_tell_room(struct sh_carrier_nats *carrier)
{
	if (!carrier->wants_room)
		return;
	carrier->wants_room = false;
	carrier->base.events.room(carrier->base.events.arg);
}

/* --- what comes -------------------------------------------------------------- */

int
sh_nats_decode(const void *data, size_t len, uint64_t *process_out,
    struct sh_publication *out)
{
	uint64_t process;
	int r;

	if (len < PREAMBLE)
		return -SHOAL_EPROTO;
	memcpy(&process, data, PREAMBLE);
	*process_out = le64toh(process);
	r = sh_publication_decode(
	    out, (const char *)data + PREAMBLE, len - PREAMBLE);
	if (r == 0 && out->type == SHOAL_WS_TEXT &&
	    !sh_utf8_is_valid(out->data, out->len))
		r = -SHOAL_EPROTO;
	/* the number that counts is the stream's */
	out->epoch = out->offset = 0;
	return r;
}

void
sh_nats_foreign(struct sh_carrier_nats *carrier, const char *subject)
{
	SH_COUNT(carrier->counters->broker_strange, 1);
	if (carrier->told_foreign)
		return;
	carrier->told_foreign = true;
	sh_log_warning(
	    "nats: a message to subject '%s' is not of shoal and "
	    "was thrown away (told once); give shoal a prefix of its "
	    "own (broker.prefix)",
	    subject);
}

/* Who may publish to some subjects only says by them what he publishes to. */
static bool
is_its_subject(const struct sh_carrier_nats *carrier, const char *subject,
    const struct sh_publication *publication)
{
	char topic[SH_NATS_TOPIC_MAX];

	sh_nats_subject(publication->topic, publication->topic_len, topic);
	return strcmp(subject + carrier->root_len + strlen("t."), topic) == 0;
}

void
sh_nats_arrived(
    struct sh_carrier_nats *carrier, const struct sh_nats_message *message)
{
	struct sh_publication publication;
	uint64_t process;
	bool is_new;

	if (sh_nats_decode(
		message->data, message->len, &process, &publication) < 0 ||
	    !is_its_subject(carrier, message->subject, &publication)) {
		sh_nats_foreign(carrier, message->subject);
		return;
	}
	/* numbers of streams come in another order than those of processes */
	if (message->stream != NULL)
		is_new = sh_nats_log_place(carrier, message, &publication);
	else
		is_new = sh_nats_is_new(carrier, process, publication.serial);
	if (!is_new)
		return;
	SH_COUNT(carrier->counters->broker_received, 1);
	carrier->base.events.arrived(&publication, carrier->base.events.arg);
}

static void
on_topic(struct sh_carrier_nats *carrier, const struct sh_nats_message *message)
{
	if (carrier->holding)
		sh_nats_hold_message(carrier, message);
	else
		sh_nats_arrived(carrier, message);
}

static void
on_own(struct sh_carrier_nats *carrier, const char *subject,
    const struct sh_nats_message *message)
{
	if (strncmp(subject, "s.", 2) == 0)
		on_barrier(carrier, subject + 2);
	else if (strncmp(subject, "a.", 2) == 0)
		sh_nats_log_answered(carrier, subject + 2, message);
	else if (strcmp(subject, "h") == 0)
		sh_nats_peers_heard(carrier, message->data, message->len);
}

static void
on_loss(struct sh_carrier_nats *carrier, const struct sh_nats_message *message)
{
	char topic[SHOAL_TOPIC_MAX + 1];

	if (message->len >= sizeof(topic))
		return;
	memcpy(topic, message->data, message->len);
	topic[message->len] = '\0';
	carrier->base.events.lost(
	    message->len > 0 ? topic : NULL, carrier->base.events.arg);
}

static void
on_message(const struct sh_nats_message *message, void *arg)
{
	struct sh_carrier_nats *carrier = arg;
	const char *subject = message->subject + carrier->root_len;

	if (strncmp(subject, "t.", 2) == 0)
		on_topic(carrier, message);
	else if (strncmp(subject, "i.", 2) == 0)
		on_own(
		    carrier, subject + strlen("i.0123456789abcdef."), message);
	else if (strcmp(subject, "h") == 0)
		sh_nats_peers_heard(carrier, message->data, message->len);
	else if (strcmp(subject, "l") == 0)
		on_loss(carrier, message);
}

/* --- what is said ------------------------------------------------------------- */

bool
sh_nats_may_tell(struct sh_carrier_nats *carrier)
{
	int64_t now_ms = sh_loop_now_ms(carrier->loop);

	if (now_ms >= carrier->tell_until_ms) {
		carrier->tell_until_ms = now_ms + TELL_MS;
		carrier->told = 0;
	}
	if (carrier->told < TELL_MAX) {
		carrier->told++;
		return true;
	}
	if (carrier->told++ == TELL_MAX)
		sh_log_warning("nats: there is more of this, which is not "
			       "written for a minute; see status");
	return false;
}

/* --- news --------------------------------------------------------------------- */

static void
on_up(struct sh_carrier_nats *carrier)
{
	sh_log_notice("nats: connected %sto %s",
	    carrier->was_up ? "again " : "", carrier->where);
	carrier->down_why[0] = '\0';
	if (carrier->was_up)
		SH_COUNT(carrier->counters->broker_reconnects, 1);
	SH_SET(carrier->counters->broker_up, 1);
	carrier->up = carrier->was_up = true;
	carrier->barrier_out = false;
	if (carrier->dropped)
		sh_nats_say(carrier, "l", NULL, 0);
	carrier->dropped = carrier->told_dropped = false;
	sh_nats_peers_up(carrier);
	sh_nats_logs_up(carrier);
	send_barrier(carrier);
	sh_nats_tell_room(carrier);
}

/* Each reason once, and again after a while when it lasts. */
static void
tell_down(struct sh_carrier_nats *carrier, const char *why)
{
	int64_t now_ms = sh_clock_ms();

	if (!carrier->up && strcmp(carrier->down_why, why) == 0 &&
	    now_ms - carrier->down_told_ms < TELL_AGAIN_MS)
		return;
	snprintf(carrier->down_why, sizeof(carrier->down_why), "%s", why);
	carrier->down_told_ms = now_ms;
	sh_log_warning("nats: %s %s: %s%s; until it is back, clients of other "
		       "workers get nothing published here",
	    carrier->up ? "the connection is lost to" : "cannot connect to",
	    carrier->where, why,
	    strcasestr(why, "authoriz") != NULL
		? "; see broker.user, broker.password"
		: "");
}

static void
on_down(struct sh_carrier_nats *carrier, const char *why)
{
	tell_down(carrier, why);
	SH_SET(carrier->counters->broker_up, 0);
	carrier->up = false;
	carrier->barrier_out = false;
	carrier->barrier_due = true;
	sh_nats_logs_down(carrier);
}

/* Those who have subscribed elsewhere learn that when we are connected again. */
static void
on_dropped(struct sh_carrier_nats *carrier, const char *why)
{
	if (!carrier->told_dropped)
		sh_log_warning(
		    "nats: messages that were published are lost: %s", why);
	SH_COUNT(carrier->counters->broker_dropped, 1);
	carrier->told_dropped = true;
	carrier->dropped = true;
	if (carrier->up && sh_nats_say(carrier, "l", NULL, 0) == 0)
		carrier->dropped = false;
	carrier->base.events.lost(NULL, carrier->base.events.arg);
}

static void
on_news(enum sh_nats_news news, const char *text, void *arg)
{
	struct sh_carrier_nats *carrier = arg;

	switch (news) {
	case SH_NATS_UP: on_up(carrier); break;
	case SH_NATS_DOWN: on_down(carrier, text); break;
	case SH_NATS_BREAK: sh_nats_hold_begin(carrier); break;
	case SH_NATS_LOST:
		carrier->base.events.lost(NULL, carrier->base.events.arg);
		break;
	case SH_NATS_ROOM:
		if (carrier->barrier_due)
			send_barrier(carrier);
		sh_nats_tell_room(carrier);
		break;
	case SH_NATS_DROPPED: on_dropped(carrier, text); break;
	case SH_NATS_TROUBLE:
		if (sh_nats_may_tell(carrier))
			sh_log_warning("nats: %s", text);
		break;
	}
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

static int
want_filter(struct sh_carrier *base, const char *filter)
{
	struct sh_carrier_nats *carrier = nats_of(base);
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
	send_barrier(carrier);
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

static void
unwant_filter(struct sh_carrier *base, const char *filter)
{
	struct sh_carrier_nats *carrier = nats_of(base);
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

/* --- publishing ---------------------------------------------------------------- */

static int
publish_live(struct sh_carrier_nats *carrier, const char *topic_subject,
    const struct iovec *parts, int count)
{
	char subject[SH_NATS_NAME_MAX];
	int r;

	snprintf(
	    subject, sizeof(subject), "%st.%s", carrier->root, topic_subject);
	r = sh_nats_publish(carrier->nats, subject, NULL, parts, count);
	if (r == -SHOAL_EAGAIN)
		carrier->wants_room = true;
	return r;
}

/* The message as it travels: its head, which goes into place, and its data. */
static void
wrap(struct sh_carrier_nats *carrier, const struct sh_publication *publication,
    uint8_t *head, struct iovec *parts)
{
	struct sh_publication numbered = *publication;
	uint64_t self = htole64(carrier->self);

	numbered.serial = ++carrier->serial;
	memcpy(head, &self, PREAMBLE);
	parts[0].iov_base = head;
	parts[0].iov_len =
	    PREAMBLE + sh_publication_encode(&numbered, head + PREAMBLE);
	parts[1].iov_base = (void *)publication->data;
	parts[1].iov_len = publication->len;
}

static int
publish(struct sh_carrier *base, const struct sh_publication *publication,
    bool kept)
{
	struct sh_carrier_nats *carrier = nats_of(base);
	struct sh_nats_log *log = NULL;
	uint8_t head[PREAMBLE + SH_PUBLICATION_HEADER_MAX];
	char subject[SH_NATS_TOPIC_MAX];
	struct iovec parts[2];
	int r;

	wrap(carrier, publication, head, parts);
	sh_nats_subject(publication->topic, publication->topic_len, subject);
	if (kept)
		log = sh_nats_log_of(
		    carrier, publication->topic, publication->topic_len);
	if (log != NULL && log->state != SH_NATS_LOG_NONE)
		r = sh_nats_log_publish(log, subject, parts, 2);
	else
		r = publish_live(carrier, subject, parts, 2);
	if (r == 0)
		SH_COUNT(carrier->counters->broker_published, 1);
	return r;
}

/* --- the table ------------------------------------------------------------------ */

static bool
is_settled(const struct sh_carrier *base)
{
	return sh_nats_is_settled(
	    (const struct sh_carrier_nats *)(const void *)base);
}

static size_t
peers(const struct sh_carrier *base)
{
	const struct sh_carrier_nats *carrier = (const void *)base;

	if (!carrier->up)
		return SIZE_MAX;
	return carrier->greeted_count > 0 ? carrier->greeted_count : 1;
}

static void
free_wants(struct sh_carrier_nats *carrier)
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

static void
close_carrier(struct sh_carrier **base)
{
	struct sh_carrier_nats *carrier = nats_of(*base);

	*base = NULL;
	sh_nats_replays_close(carrier);
	sh_nats_logs_close(carrier);
	sh_nats_peers_close(carrier);
	sh_nats_close(&carrier->nats);
	sh_nats_hold_close(carrier);
	free_wants(carrier);
	free(carrier->where);
	free(carrier);
}

static const struct sh_carrier_ops ops = {
	.name = "nats",
	.loops_back = true,
	.offsets_skip = true,
	.want = want_filter,
	.unwant = unwant_filter,
	.publish = publish,
	.replay = sh_nats_replay,
	.forget = sh_nats_replay_forget,
	.is_settled = is_settled,
	.peers = peers,
	.close = close_carrier,
};

/* What is for this process, and for all. */
static int
subscribe_own(struct sh_carrier_nats *carrier)
{
	char subject[SH_NATS_NAME_MAX];

	snprintf(subject, sizeof(subject), "%si.%016llx.>", carrier->root,
	    (unsigned long long)carrier->self);
	if (sh_nats_subscribe(carrier->nats, subject) == NULL)
		return -SHOAL_ENOMEM;
	snprintf(subject, sizeof(subject), "%sh", carrier->root);
	if (sh_nats_subscribe(carrier->nats, subject) == NULL)
		return -SHOAL_ENOMEM;
	snprintf(subject, sizeof(subject), "%sl", carrier->root);
	if (sh_nats_subscribe(carrier->nats, subject) == NULL)
		return -SHOAL_ENOMEM;
	return 0;
}

/* libnats takes a user without a password for a token: the URL is given without. */
static void
take_urls(const struct sh_broker_options *options, char **urls,
    struct sh_server_url *last)
{
	const char *why;
	size_t i;

	for (i = 0; i < options->url_count; i++) {
		sh_assert(sh_server_url_parse(
			      last, options->urls[i], SH_NATS_PORT, &why) == 0);
		urls[i] = sh_xprintf("nats://%s", last->address);
	}
}

static void
free_urls(char **urls, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(urls[i]);
	free(urls);
}

static int
open_client(
    struct sh_carrier_nats *carrier, const struct sh_broker_options *options)
{
	char name[64], **urls = sh_xcalloc(options->url_count, sizeof(*urls));
	struct sh_server_url url = { .user = "" };
	struct sh_nats_options client = { .urls = (const char *const *)urls,
		.url_count = options->url_count,
		.password = options->password,
		.name = name,
		.timeout_ms = options->timeout_ms,
		.backoff_first_ms = options->backoff_first_ms,
		.backoff_max_ms = options->backoff_max_ms,
		.queue_max = options->queue_max };
	const struct sh_nats_events events = {
		.message = on_message, .news = on_news, .arg = carrier
	};
	int r;

	take_urls(options, urls, &url);
	carrier->where = sh_xprintf(
	    "%s%s", urls[0], options->url_count > 1 ? " and others" : "");
	client.user = options->user[0] != '\0' ? options->user : url.user;
	snprintf(name, sizeof(name), "shoal %ld", (long)getpid());
	r = sh_nats_open(carrier->loop, &client, &events, &carrier->nats);
	free_urls(urls, options->url_count);
	return r;
}

int
sh_carrier_nats_open(struct sh_loop *loop,
    const struct sh_broker_options *options, struct sh_carrier **out)
{
	struct sh_carrier_nats *carrier = sh_xcalloc(1, sizeof(*carrier));
	struct sh_carrier *base = &carrier->base;

	carrier->base.ops = &ops;
	carrier->loop = loop;
	carrier->counters = sh_loop_options(loop)->counters;
	if (carrier->counters == NULL)
		carrier->counters = &carrier->own_counters;
	carrier->timeout_ms = options->timeout_ms;
	carrier->backoff_max_ms = options->backoff_max_ms;
	carrier->root_len =
	    sh_nats_root(options->prefix, carrier->root, sizeof(carrier->root));
	sh_assert(getrandom(&carrier->self, sizeof(carrier->self), 0) ==
	    sizeof(carrier->self));
	carrier->barrier_due = true;
	STAILQ_INIT(&carrier->held);
	carrier->held_max = options->queue_max;
	SLIST_INIT(&carrier->logs);
	TAILQ_INIT(&carrier->replays);
	sh_nats_peers_open(carrier);
	if (open_client(carrier, options) == 0 && subscribe_own(carrier) == 0) {
		*out = base;
		return 0;
	}
	close_carrier(&base);
	return -SHOAL_ENOMEM;
}
