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
 *
 * This file opens and closes the carrier.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "base/server_url.h"
#include "io/loop.h"
#include "broker/broker.h"
#include "broker/nats_private.h"

enum { SH_NATS_PORT = 4222 };

static bool
is_settled(const struct sh_carrier *base)
{
	return sh_nats_is_settled(sh_nats_carrier_of(base));
}

static size_t
peers(const struct sh_carrier *base)
{
	const struct sh_carrier_nats *carrier = sh_nats_carrier_of(base);

	if (!carrier->up)
		return SIZE_MAX;
	return carrier->greeted_count > 0 ? carrier->greeted_count : 1;
}

static void
close_carrier(struct sh_carrier **base)
{
	struct sh_carrier_nats *carrier = sh_nats_carrier_of(*base);

	*base = NULL;
	sh_nats_replays_close(carrier);
	sh_nats_logs_close(carrier);
	sh_nats_peers_close(carrier);
	sh_nats_close(&carrier->nats);
	sh_hold_fini(&carrier->hold);
	sh_nats_wants_close(carrier);
	free(carrier->where);
	free(carrier);
}

static const struct sh_carrier_ops ops = {
	.name = "nats",
	.loops_back = true,
	.offsets_skip = true,
	.want = sh_nats_want,
	.unwant = sh_nats_unwant,
	.publish = sh_nats_publish_topic,
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
	const struct sh_nats_events events = { .message = sh_nats_take_message,
		.news = sh_nats_take_news,
		.arg = carrier };
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
	sh_hold_init(&carrier->hold, options->queue_max);
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
