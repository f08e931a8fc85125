/* This file stops and starts listeners of a worker, as the master orders, and
 * asks the master for it; it does not decide. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/ws.h>

#include "base/log.h"
#include "io/loop.h"
#include "io/timer.h"
#include "proc/channel.h"
#include "session/service.h"
#include "worker/worker.h"

/* Asking must leave room for what the master waits for; a quarter of what a
 * socket takes by default. */
enum { ASK_BELOW = 48 << 10 };

static void
forget_end(struct sh_worker *worker, struct sh_worker_service *at)
{
	if (at->end_timer > 0)
		sh_timer_stop(worker->loop, at->end_timer);
	at->end_timer = 0;
}

static void
on_end_deadline(void *arg)
{
	struct sh_worker_service *at = arg;

	at->end_timer = 0;
	sh_service_abort(at->service);
}

/* Peers that do not read hold their connections for the linger time only. */
static void
end_connections(struct sh_worker *worker, struct sh_worker_service *at)
{
	sh_service_drain(at->service, SH_LINGER_MS, SHOAL_WS_GOING_AWAY);
	forget_end(worker, at);
	at->end_timer =
	    sh_timer_start(worker->loop, SH_LINGER_MS, 0, on_end_deadline, at);
}

static void
start(struct sh_worker *worker, struct sh_worker_service *at, int *fd)
{
	int r = 0;

	at->stopped = false;
	forget_end(worker, at);
	if (!worker->accepting)
		return;
	if (*fd >= 0) {
		r = sh_service_listen(at->service, *fd);
		*fd = -1;
	} else if (!sh_service_resume_accepting(at->service)) {
		/* it was not let through, for want of descriptors */
		r = -EMFILE;
	}
	if (r == 0)
		return;
	sh_log_err("cannot listen again: %s; another worker has to",
	    shoal_strerror(r));
	sh_worker_resign(worker);
}

static void
close_listener(struct sh_worker_service *at)
{
	/* they have been there before the order, and would be reset */
	sh_service_accept_queued(at->service);
	sh_service_stop_accepting(at->service);
	at->stopped = true;
}

void
sh_worker_obey_listener(
    struct sh_worker *worker, const struct sh_message *message, int *fd)
{
	struct sh_worker_service *at;

	if (message->value < 0 ||
	    (uint64_t)message->value >= worker->service_count) {
		sh_log_err("the master speaks of a listener that is not there");
		return;
	}
	at = &worker->services[message->value];
	switch (message->type) {
	case SH_MESSAGE_LISTENER_STOP:
		sh_service_pause_accepting(at->service);
		at->stopped = true;
		break;
	case SH_MESSAGE_LISTENER_CLOSE: close_listener(at); break;
	case SH_MESSAGE_LISTENER_START: start(worker, at, fd); break;
	default: end_connections(worker, at); return;
	}
	worker->obeyed++;
}

void
sh_worker_report_listeners(struct sh_worker *worker)
{
	if (worker->obeyed != 0 &&
	    sh_channel_send_value(worker->heritage->channel_fd,
		SH_MESSAGE_LISTENER_DONE, worker->obeyed) == 0)
		worker->obeyed = 0;
}

/* The next listener of a name from *place on. */
static bool
find_next(const struct sh_worker *worker, const char *name, uint32_t *place)
{
	const struct sh_plan *plan = worker->heritage->plan;

	for (; *place < plan->address_count; ++*place)
		if (strcmp(sh_plan_address(plan, *place)->listener, name) == 0)
			return true;
	return false;
}

int
sh_worker_ask_listener(const struct sh_worker *worker,
    enum sh_message_type type, const char *name, int64_t value)
{
	struct sh_message message = { .type = type, .value = value };
	uint32_t place = 0;
	int r;

	if (!find_next(worker, name, &place))
		return -SHOAL_ENOENT;
	if (sh_channel_unread(worker->heritage->channel_fd) > ASK_BELOW)
		return -SHOAL_EAGAIN;
	message.text_len = (uint32_t)strlen(name);
	memcpy(message.text, name, message.text_len);
	r = sh_channel_send(worker->heritage->channel_fd, &message, -1);
	return r == 0 || r == -SHOAL_EAGAIN ? r : -SHOAL_ESTATE;
}

bool
sh_worker_is_stopped(const struct sh_worker *worker, const char *name)
{
	uint32_t place;

	for (place = 0; find_next(worker, name, &place); place++)
		/* services are made after start hooks have run */
		if (worker->services != NULL
			? worker->services[place].stopped
			: worker->heritage->listen_stopped[place])
			return true;
	return false;
}
