/* This file brings a worker's service to an end. */
#include "config.h"

#include <limits.h>

#include <shoal/ws.h>

#include "base/clock.h"
#include "base/log.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"
#include "io/timer.h"
#include "module/program.h"
#include "proc/channel.h"
#include "session/service.h"
#include "topic/topics.h"
#include "worker/worker.h"

enum { BUSY_MS = 2000, LOOK_MS = 10 };

static void
stop_accepting(struct sh_worker *worker)
{
	size_t i;

	if (!worker->accepting)
		return;
	worker->accepting = false;
	for (i = 0; i < worker->service_count; i++) {
		struct sh_worker_service *at = &worker->services[i];

		/* if the address is going away, these would be reset */
		if (!at->stopped)
			sh_service_accept_queued(at->service);
		sh_service_stop_accepting(at->service);
	}
	sh_topics_drain(worker->topics);
	sh_channel_send_value(
	    worker->heritage->channel_fd, SH_MESSAGE_RELIEVED, 0);
}

/* Connections go on meanwhile; the worker stays until they have returned, or
 * its time is over. */
static void
call_drain_hooks(void *arg)
{
	struct sh_worker *worker = arg;
	const struct shoal_worker_hooks *hooks = &worker->program->hooks;
	int deadline_ms = worker->drain_ms;
	size_t i;

	if (hooks->on_drain != NULL)
		hooks->on_drain(deadline_ms, worker->program->hooks_arg);
	for (i = 0; i < worker->catalog.module_count; i++)
		if (worker->catalog.modules[i].module->drain != NULL)
			worker->catalog.modules[i].module->drain(deadline_ms);
	worker->in_drain_hooks = false;
	sh_worker_leave_when_idle(worker);
}

static void
tell_code(struct sh_worker *worker, int64_t ms)
{
	if (worker->draining)
		return;
	worker->draining = true;
	/* a year does not fit */
	worker->drain_ms = ms < INT_MAX ? (int)ms : INT_MAX;
	worker->in_drain_hooks = true;
	sh_co_call(sh_loop_coroutines(worker->loop), call_drain_hooks, worker,
	    "drain");
}

static void
set_deadline(struct sh_worker *worker, int64_t ms, sh_timer_fn *fn)
{
	if (worker->deadline_timer > 0)
		sh_timer_stop(worker->loop, worker->deadline_timer);
	worker->deadline_timer =
	    sh_timer_start(worker->loop, ms, 0, fn, worker);
}

static void
look_again(void *arg)
{
	struct sh_worker *worker = arg;

	worker->looks = false;
	sh_worker_leave_when_idle(worker);
}

/* What its topics have to hand over goes first, but nobody waits for long. */
static bool
must_stay(struct sh_worker *worker)
{
	int64_t now_ms = sh_clock_ms();

	if (worker->topics == NULL || !sh_topics_is_busy(worker->topics))
		return false;
	if (worker->busy_by_ms == 0)
		worker->busy_by_ms = now_ms + BUSY_MS;
	if (now_ms >= worker->busy_by_ms)
		return false;
	if (!worker->looks)
		worker->looks = sh_timer_start(worker->loop, LOOK_MS, 0,
				    look_again, worker) > 0;
	return worker->looks;
}

void
sh_worker_leave_when_idle(struct sh_worker *worker)
{
	if (!worker->accepting && !worker->in_drain_hooks &&
	    sh_loop_connections(worker->loop) == 0 && !must_stay(worker))
		sh_loop_stop(worker->loop);
}

static void
on_stop_deadline(void *arg)
{
	struct sh_worker *worker = arg;
	size_t i;

	worker->deadline_timer = 0;
	if (sh_loop_connections(worker->loop) != 0)
		sh_log_notice("%zu connections are cut at the deadline",
		    sh_loop_connections(worker->loop));
	for (i = 0; i < worker->service_count; i++)
		sh_service_abort(worker->services[i].service);
	sh_loop_stop(worker->loop);
}

/* Handlers that are in a wait could finish what they do. Now they shall only
 * clean up. */
static void
on_half_time(void *arg)
{
	struct sh_worker *worker = arg;

	sh_await_cancel_all(worker->loop);
}

/* End all connections within ms. code is for WebSockets. */
static void
end_all(struct sh_worker *worker, int64_t ms, int code)
{
	int64_t linger_ms = ms < SH_LINGER_MS ? ms : SH_LINGER_MS;
	size_t i;

	worker->stopping = true;
	set_deadline(worker, ms, on_stop_deadline);
	sh_timer_start(worker->loop, ms / 2, 0, on_half_time, worker);
	for (i = 0; i < worker->service_count; i++)
		sh_service_drain(worker->services[i].service, linger_ms, code);
	sh_worker_leave_when_idle(worker);
}

/* Others serve by now: clients are welcome to come back. */
static void
on_drain_deadline(void *arg)
{
	struct sh_worker *worker = arg;
	const struct sh_settings *settings =
	    sh_plan_settings(worker->heritage->plan);

	worker->deadline_timer = 0;
	end_all(worker, SH_LINGER_MS, (int)settings->reload.close_code);
}

void
sh_worker_drain(struct sh_worker *worker, int64_t ms)
{
	size_t i;

	if (worker->stopping)
		return;
	stop_accepting(worker);
	for (i = 0; i < worker->service_count; i++)
		sh_service_begin_drain(worker->services[i].service);
	tell_code(worker, ms);
	set_deadline(worker, ms, on_drain_deadline);
	sh_worker_leave_when_idle(worker);
}

void
sh_worker_stop(struct sh_worker *worker, int64_t ms)
{
	stop_accepting(worker);
	tell_code(worker, ms);
	end_all(worker, ms, SHOAL_WS_GOING_AWAY);
}
