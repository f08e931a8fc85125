/* This file starts and stops the code that a worker runs for others: modules,
 * handlers, hooks. It serves no connection. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <shoal/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "module/program.h"
#include "session/route.h"
#include "session/service.h"
#include "worker/worker.h"

static const struct sh_settings *
settings_of(const struct sh_worker *worker)
{
	return sh_plan_settings(worker->heritage->plan);
}

int
sh_worker_load_modules(struct sh_worker *worker)
{
	const struct sh_settings *settings = settings_of(worker);
	uint32_t i;

	worker->modules =
	    sh_xcalloc(settings->module_count + 1, sizeof(*worker->modules));
	for (i = 0; i < worker->heritage->module_count; i++) {
		const struct sh_settings_module *entry =
		    sh_settings_module(settings, i);
		const char *name = sh_settings_text(settings, entry->name);
		char why[800];
		int r = sh_catalog_load(&worker->catalog, name,
		    worker->heritage->module_fds[i], why, sizeof(why));

		if (r < 0) {
			snprintf(worker->why, sizeof(worker->why),
			    "module '%s': %s", name, why);
			return r;
		}
		worker->modules[i].settings = (struct shoal_settings){
			.settings = settings,
			.group = entry->config,
			.schema = worker->catalog.modules[i].module->settings,
		};
	}
	return 0;
}

static int
start_modules(struct sh_worker *worker)
{
	size_t i;

	for (i = 0; i < worker->catalog.module_count; i++) {
		const struct shoal_module *module =
		    worker->catalog.modules[i].module;
		int r = 0;

		if (module->worker_start != NULL)
			r = module->worker_start(&worker->modules[i].settings);
		if (r < 0) {
			snprintf(worker->why, sizeof(worker->why),
			    "module '%s': worker_start: %s",
			    worker->catalog.modules[i].name, shoal_strerror(r));
			return r;
		}
		worker->modules[i].started = true;
	}
	return 0;
}

int
sh_worker_open_handler(struct sh_worker *worker, struct sh_worker_handler *at,
    const char *name, struct sh_settings_group config, const char *where)
{
	int r = 0;

	at->handler = sh_catalog_find(&worker->catalog, name);
	if (at->handler == NULL) {
		/* the check has found it, so the program has changed since */
		snprintf(worker->why, sizeof(worker->why),
		    "no handler '%s' any more", name);
		return -SHOAL_ENOENT;
	}
	at->settings = (struct shoal_settings){ .settings = settings_of(worker),
		.group = config,
		.schema = at->handler->settings };
	at->arg = &at->settings;
	if (at->handler->open != NULL)
		r = at->handler->open(&at->settings, &at->arg);
	if (r < 0)
		snprintf(worker->why, sizeof(worker->why),
		    "handler '%s' of %s: open: %s", name, where,
		    shoal_strerror(r));
	at->opened = r >= 0;
	return r;
}

void
sh_worker_close_handler(struct sh_worker_handler *at)
{
	if (at->opened && at->handler->close != NULL)
		at->handler->close(at->arg);
	at->opened = false;
}

static int
open_listener(struct sh_worker *worker, struct sh_worker_service *service,
    const struct sh_settings_listener *listener)
{
	const struct sh_settings *settings = settings_of(worker);
	char where[300];

	if (listener->protocol == SH_PROTOCOL_HTTP)
		return sh_worker_open_routes(worker, service, listener);
	snprintf(where, sizeof(where), "listener '%s'",
	    sh_settings_text(settings, listener->name));
	return sh_worker_open_handler(worker, &service->own,
	    sh_settings_text(settings, listener->handler), listener->config,
	    where);
}

static int
open_handlers(struct sh_worker *worker)
{
	const struct sh_plan *plan = worker->heritage->plan;
	uint32_t i;

	worker->service_count = plan->address_count;
	worker->services =
	    sh_xcalloc(plan->address_count + 1, sizeof(*worker->services));
	for (i = 0; i < plan->address_count; i++) {
		const struct sh_plan_address *address =
		    sh_plan_address(plan, i);
		int r;

		if (address->program) {
			worker->services[i].own.arg =
			    worker->program->listeners[address->index].arg;
			continue;
		}
		r = open_listener(worker, &worker->services[i],
		    sh_settings_listener(settings_of(worker), address->index));
		if (r < 0)
			return r;
	}
	return 0;
}

int
sh_worker_start_code(struct sh_worker *worker)
{
	const struct shoal_worker_hooks *hooks = &worker->program->hooks;
	int r = start_modules(worker);

	if (r == 0 && hooks->on_start != NULL) {
		r = hooks->on_start(worker->program->hooks_arg);
		if (r < 0)
			snprintf(worker->why, sizeof(worker->why),
			    "the program's on_start: %s", shoal_strerror(r));
	}
	worker->hooks_started = r >= 0;
	return r < 0 ? r : open_handlers(worker);
}

static void
close_handlers(struct sh_worker *worker)
{
	size_t i;

	for (i = 0; i < worker->service_count; i++) {
		sh_worker_close_handler(&worker->services[i].own);
		sh_worker_close_routes(&worker->services[i]);
	}
}

int
sh_worker_stop_code(struct sh_worker *worker)
{
	const struct shoal_worker_hooks *hooks = &worker->program->hooks;
	size_t i;

	close_handlers(worker);
	if (worker->hooks_started && hooks->on_stop != NULL)
		hooks->on_stop(worker->program->hooks_arg);
	for (i = 0; i < worker->catalog.module_count; i++) {
		const struct shoal_module *module =
		    worker->catalog.modules[i].module;

		if (worker->modules[i].started && module->worker_stop != NULL)
			module->worker_stop();
	}
	return 0;
}

/* What code asked for goes before the limits of the file. */
static void
apply_program_options(const struct shoal_listen_options *asked,
    struct sh_service_options *options)
{
	options->framing = asked->framing;
	if (asked->queue_high != 0) {
		options->queue_high = asked->queue_high;
		options->queue_low = asked->queue_low;
	}
	if (asked->when_full != SHOAL_FULL_DEFAULT)
		options->when_full = asked->when_full;
	if (asked->stall_timeout_ms != 0)
		options->stall_ms = asked->stall_timeout_ms;
	if (asked->idle_timeout_ms != 0)
		options->idle_timeout_ms = asked->idle_timeout_ms;
}

static void
apply_http_limits(
    const struct sh_settings_http *limits, struct sh_service_options *options)
{
	const struct shoal_http_limits fallback = sh_worker_http_limits(limits);

	sh_http_limits_resolve(&options->http_limits, &fallback);
}

static void
apply_limits(
    const struct sh_settings_limits *limits, struct sh_service_options *options)
{
	options->queue_high = (size_t)limits->queue.high;
	options->queue_low = (size_t)limits->queue.low;
	options->when_full = (enum shoal_when_full)limits->queue.when_full;
	options->close_code = (int)limits->queue.close_code;
	options->stall_ms = limits->queue.stall_timeout_ms;
	options->idle_timeout_ms = limits->idle_timeout_ms;
}

/* A listener of the program. */
static void
fill_program_options(const struct sh_worker *worker,
    const struct sh_program_listener *listener,
    struct sh_service_options *options)
{
	options->callbacks = &listener->callbacks;
	options->serve = listener->serve;
	options->http_limits = listener->limits;
	apply_http_limits(&settings_of(worker)->http, options);
	apply_limits(&settings_of(worker)->limits, options);
	apply_program_options(&listener->options, options);
}

/* A listener of the file; room is for its framing. */
static void
fill_file_options(const struct sh_worker *worker,
    const struct sh_settings_listener *listener,
    const struct shoal_handler *handler, struct shoal_framing *room,
    struct sh_service_options *options)
{
	const struct sh_settings *settings = settings_of(worker);

	apply_limits(&listener->limits, options);
	apply_http_limits(&listener->http, options);
	if (handler == NULL)
		return; /* it has routes */
	options->handler = sh_settings_text(settings, listener->handler);
	options->callbacks = &handler->tcp;
	options->serve = handler->serve;
	options->framing = sh_settings_framing(settings, listener, room)
	    ? room
	    : handler->framing;
}

/* Everything but the routes. */
static void
fill_options(const struct sh_worker *worker, uint32_t i,
    struct shoal_framing *room, struct sh_service_options *options)
{
	const struct sh_plan_address *address =
	    sh_plan_address(worker->heritage->plan, i);
	const struct sh_worker_service *service = &worker->services[i];

	options->name = address->listener;
	options->handler = address->listener;
	options->arg = service->own.arg;
	options->shared = sh_addr_is_unix(&address->addr);
	if (address->program)
		fill_program_options(worker,
		    &worker->program->listeners[address->index], options);
	else
		fill_file_options(worker,
		    sh_settings_listener(settings_of(worker), address->index),
		    service->own.handler, room, options);
}

static struct sh_routes *
make_routes(const struct sh_worker *worker, uint32_t i)
{
	const struct sh_plan_address *address =
	    sh_plan_address(worker->heritage->plan, i);

	if (address->program)
		return sh_worker_program_routes(
		    worker, &worker->program->listeners[address->index]);
	return sh_worker_file_routes(worker, &worker->services[i],
	    sh_settings_listener(settings_of(worker), address->index));
}

static int
open_service(struct sh_worker *worker, uint32_t i)
{
	const struct sh_heritage *heritage = worker->heritage;
	struct sh_worker_service *service = &worker->services[i];
	struct sh_service_options options = { 0 };
	struct shoal_framing framing;
	int r;

	fill_options(worker, i, &framing, &options);
	if (sh_plan_address(heritage->plan, i)->http) {
		options.routes = make_routes(worker, i);
		if (options.routes == NULL)
			return -SHOAL_ENOMEM;
	}
	r = sh_service_open(
	    worker->loop, &options, heritage->listen_fds[i], &service->service);
	service->stopped = heritage->listen_stopped[i];
	if (r == 0 && service->stopped)
		sh_service_pause_accepting(service->service);
	return r;
}

int
sh_worker_open_services(struct sh_worker *worker)
{
	const struct sh_plan *plan = worker->heritage->plan;
	uint32_t i;

	for (i = 0; i < plan->address_count; i++) {
		int r = open_service(worker, i);

		if (r < 0) {
			snprintf(worker->why, sizeof(worker->why),
			    "listener '%s': %s",
			    sh_plan_address(plan, i)->listener,
			    shoal_strerror(r));
			return r;
		}
	}
	return 0;
}
