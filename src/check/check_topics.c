/*
 * This file checks what settings say of topics: filters, which only topics know. It
 * lets the checks of handlers know which histories there are.
 */
#include "config.h"

#include <string.h>

#include "check/check_topics.h"
#include "settings/load.h"
#include "settings/settings.h"
#include "topic/filter.h"
#include "topic/keep.h"

static const char *
filter_of(const struct sh_settings *settings, uint32_t i)
{
	return sh_settings_text(
	    settings, sh_settings_history(settings, i)->filter);
}

static const char *
origin_of(const struct sh_settings *settings, uint32_t i)
{
	return sh_settings_text(
	    settings, sh_settings_history(settings, i)->origin);
}

static void
check_filter(const struct sh_settings *settings, uint32_t i,
    struct sh_diagnostics *diags)
{
	const char *filter = filter_of(settings, i);
	uint32_t j;

	if (!sh_filter_is_valid(filter, strlen(filter)))
		sh_diagnose(diags, origin_of(settings, i),
		    "topics.history[%u].filter: \"%s\" is no filter; it is "
		    "written like \"chat/42\", \"chat/+\" or \"chat/#\"",
		    i, filter);
	for (j = 0; j < i; j++)
		if (strcmp(filter_of(settings, j), filter) == 0)
			sh_diagnose(diags, origin_of(settings, i),
			    "topics.history[%u].filter: \"%s\" stands at %s "
			    "already",
			    i, filter, origin_of(settings, j));
}

/* As a worker does. What is wrong with it is told elsewhere. */
static void
keep(const struct sh_settings *settings, uint32_t i)
{
	const struct sh_settings_history *history =
	    sh_settings_history(settings, i);
	const struct sh_keep bounds = { .count = history->count,
		.bytes = history->bytes,
		.age_ms = history->age_ms };

	(void)sh_keep_add(filter_of(settings, i), &bounds, true);
}

void
sh_check_topics(
    const struct sh_settings *settings, struct sh_diagnostics *diags)
{
	uint32_t i;

	for (i = 0; i < settings->history_count; i++) {
		check_filter(settings, i, diags);
		keep(settings, i);
	}
}
