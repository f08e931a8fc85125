/* This file says where a plan listens, and with which options. */
#include "config.h"

#include <string.h>

#include "check/check_planning.h"

static int32_t
or_zero(int64_t value, int64_t unit)
{
	return value == SH_OFF ? 0 : (int32_t)(value / unit);
}

static void
plan_address(struct sh_planning *p, struct sh_plan_address *to,
    const char *text, const char *name, const char *origin)
{
	const char *why = NULL;

	sh_planning_copy(p, to->text, sizeof(to->text), text, "address");
	sh_planning_copy(
	    p, to->listener, sizeof(to->listener), name, "listener name");
	sh_planning_copy(
	    p, to->origin, sizeof(to->origin), origin, "file name");
	if (sh_addr_parse(&to->addr, text, &why) < 0)
		sh_diagnose(p->diags, origin,
		    "listener '%s': address '%s': "
		    "%s",
		    name, text, why);
}

static void
plan_listener(struct sh_planning *p, uint32_t i, struct sh_plan_address *to)
{
	const struct sh_settings_listener *from =
	    sh_settings_listener(p->settings, i);

	plan_address(p, to, sh_planning_text(p, from->address),
	    sh_planning_text(p, from->name), sh_planning_text(p, from->origin));
	to->index = i;
	to->http = from->protocol == SH_PROTOCOL_HTTP;
	to->backlog = (int32_t)from->backlog;
	to->keepalive_idle_s = or_zero(from->keepalive_idle_ms, 1000);
	to->keepalive_interval_s = or_zero(from->keepalive_interval_ms, 1000);
	to->keepalive_count = (int32_t)from->keepalive_count;
	to->user_timeout_ms = or_zero(from->user_timeout_ms, 1);
	to->notsent_lowat = or_zero(from->notsent_lowat, 1);
}

/* The kernel counts in seconds; something asked for is at least one. */
static int32_t
whole_seconds(int ms)
{
	return ms / 1000 + (ms % 1000 != 0);
}

/* What a listener made by code gets: the defaults of one in a file. */
static void
plan_program_listener(
    struct sh_planning *p, uint32_t i, struct sh_plan_address *to)
{
	const struct sh_program_listener *from =
	    &p->input->program->listeners[i];
	const struct shoal_listen_options *options = &from->options;

	plan_address(p, to, from->address, from->name, "");
	to->program = 1;
	to->index = i;
	to->http = from->http;
	to->backlog =
	    options->backlog != 0 ? options->backlog : SH_DEFAULT_BACKLOG;
	to->keepalive_idle_s = whole_seconds(options->keepalive_idle_ms);
	to->keepalive_interval_s = options->keepalive_interval_ms != 0
	    ? whole_seconds(options->keepalive_interval_ms)
	    : SH_DEFAULT_KEEPALIVE_INTERVAL_S;
	to->keepalive_count = options->keepalive_count != 0
	    ? options->keepalive_count
	    : SH_DEFAULT_KEEPALIVE_COUNT;
	to->user_timeout_ms = options->user_timeout_ms;
	to->notsent_lowat = options->notsent_lowat != 0
	    ? options->notsent_lowat
	    : SH_DEFAULT_NOTSENT_LOWAT;
}

void
sh_planning_addresses(struct sh_planning *p, struct sh_plan_address *to)
{
	const struct sh_settings *s = p->settings;
	uint32_t i, j, n = 0;

	for (i = 0; i < p->input->program->listener_count; i++)
		plan_program_listener(p, i, &to[n++]);
	for (i = 0; i < s->listener_count; i++) {
		plan_listener(p, i, &to[n++]);
		for (j = 0; j + 1 < n; j++)
			if (strcmp(to[j].text, to[n - 1].text) == 0 &&
			    to[j].program)
				sh_diagnose(p->diags, to[n - 1].origin,
				    "listeners[%u].address %s is one that the "
				    "program itself listens on",
				    i, to[n - 1].text);
	}
	if (n == 0)
		sh_diagnose(p->diags, p->input->source.file,
		    "no listeners: nothing would be served");
}
