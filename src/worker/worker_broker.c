/*
 * This file opens the carrier that the group `broker' of the settings asks for;
 * it knows nothing of what goes through it.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "settings/settings.h"
#include "broker/broker.h"
#include "worker/worker.h"

static const char *
prefix_of(const struct sh_settings *settings)
{
	const char *prefix =
	    sh_settings_text(settings, settings->broker.prefix);

	if (strcmp(prefix, "auto") != 0)
		return prefix;
	return settings->broker.type == SH_BROKER_NATS ? "shoal." : "shoal:";
}

/* The URLs of the settings. Owner: the caller, free(3); the strings are lent. */
static const char **
list_urls(const struct sh_settings *settings)
{
	struct sh_settings_group group = settings->broker.url;
	const char **urls = sh_xcalloc(group.count, sizeof(*urls));
	uint32_t i;

	for (i = 0; i < group.count; i++)
		urls[i] = sh_settings_text(
		    settings, sh_settings_item(settings, group, i)->text);
	return urls;
}

static int
open_carrier(struct sh_worker *worker, int64_t type,
    const struct sh_broker_options *options, struct sh_carrier **out)
{
	if (type == SH_BROKER_REDIS)
		return sh_carrier_redis_open(worker->loop, options, out);
#ifdef HAVE_NATS
	if (type == SH_BROKER_NATS)
		return sh_carrier_nats_open(worker->loop, options, out);
#endif
	/* the check has refused what is not built in */
	return -SHOAL_EINVAL;
}

int
sh_worker_open_broker(struct sh_worker *worker, struct sh_carrier **out)
{
	const struct sh_plan *plan = worker->heritage->plan;
	const struct sh_settings *settings = sh_plan_settings(plan);
	const struct sh_settings_broker *broker = &settings->broker;
	struct sh_broker_options options = {
		.url_count = broker->url.count,
		.user = sh_settings_text(settings, broker->user),
		.password = plan->broker_password,
		.prefix = prefix_of(settings),
		.timeout_ms = broker->timeout_ms,
		.backoff_first_ms = broker->backoff_first_ms,
		.backoff_max_ms = broker->backoff_max_ms,
		.queue_max = (size_t)broker->queue,
	};
	const char **urls;
	int r;

	*out = NULL;
	if (broker->type == SH_BROKER_NONE)
		return 0;
	urls = list_urls(settings);
	options.urls = urls;
	r = open_carrier(worker, broker->type, &options, out);
	free(urls);
	if (r < 0)
		snprintf(worker->why, sizeof(worker->why),
		    "cannot open the broker: %s", shoal_strerror(r));
	return r;
}
