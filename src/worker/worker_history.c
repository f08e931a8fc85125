/* This file tells the topics of a worker which of them keep a history. */
#include "config.h"

#include <stdio.h>

#include <shoal/error.h>

#include "proc/heritage.h"
#include "proc/plan.h"
#include "settings/settings.h"
#include "topic/keep.h"
#include "worker/worker.h"

int
sh_worker_keep_histories(struct sh_worker *worker)
{
	const struct sh_settings *settings =
	    sh_plan_settings(worker->heritage->plan);
	uint32_t i;

	for (i = 0; i < settings->history_count; i++) {
		const struct sh_settings_history *history =
		    sh_settings_history(settings, i);
		const char *filter =
		    sh_settings_text(settings, history->filter);
		const struct sh_keep keep = { .count = history->count,
			.bytes = history->bytes,
			.age_ms = history->age_ms };
		int r = sh_keep_add(filter, &keep, true);

		if (r == 0)
			continue;
		snprintf(worker->why, sizeof(worker->why),
		    "cannot keep a history of '%s': %s", filter,
		    shoal_strerror(r));
		return r;
	}
	return 0;
}
