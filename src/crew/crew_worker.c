/* This file is the life of a worker that runs a program's code. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/log.h"
#include "crew/crew.h"
#include "crew/crew_signal.h"
#include "proc/channel.h"
#include "proc/heritage.h"

static void
name_process(const struct sh_heritage *heritage)
{
	char role[32], name[16];

	snprintf(role, sizeof(role), "worker %u", heritage->slot);
	sh_log_set_role(role);
	snprintf(name, sizeof(name), "shoal-w%u", heritage->slot);
	prctl(PR_SET_NAME, name, 0, 0, 0);
}

static int
prologue(struct shoal_pool_worker *worker)
{
	const struct shoal_pool *pool = worker->pool;
	int channel_fd = worker->heritage->channel_fd, r;

	r = sh_crew_signals_open(channel_fd, pool->parent,
	    pool->options.restart_timeout_ms, pool->options.stop_timeout_ms);
	if (r == 0)
		r = sh_inbox_open(&worker->inbox, channel_fd, sh_crew_end_fd());
	if (r == 0 && pool->hooks.on_worker_start != NULL)
		r = pool->hooks.on_worker_start(worker, pool->options.arg);
	/* the hook may have become another user */
	if (r >= 0)
		sh_crew_signals_follow_parent();
	return r;
}

static int
fail(const struct shoal_pool_worker *worker, int error)
{
	struct sh_message message = { .type = SH_MESSAGE_FAILED,
		.value = error };

	snprintf(message.text, sizeof(message.text), "cannot start: %s",
	    shoal_strerror(error));
	message.text_len = (uint32_t)strlen(message.text);
	sh_channel_send(worker->heritage->channel_fd, &message, -1);
	return SH_WORKER_FAILED;
}

/* In the first start nobody begins before all are ready. */
static void
await_go(struct shoal_pool_worker *worker)
{
	/* not the inbox's own, since messages may wait there */
	struct pollfd fds[] = {
		{ .fd = worker->inbox.channel_fd, .events = POLLIN },
		{ .fd = sh_crew_end_fd(), .events = POLLIN },
	};

	while (!worker->pool->started) {
		sh_inbox_read(&worker->inbox);
		if (worker->inbox.go || sh_crew_is_ending())
			return;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
	}
}

static int
work(struct shoal_pool_worker *worker)
{
	const struct shoal_pool *pool = worker->pool;
	int status = SH_WORKER_DONE;

	sh_crew_say(worker, SH_MESSAGE_READY, 0);
	/* one that came earlier found a worker that could not retire yet */
	if (sh_crew_is_ending())
		shoal_pool_worker_retire(worker);
	await_go(worker);
	if (worker->inbox.go || pool->started)
		status = pool->options.main(worker, pool->options.arg);
	if (pool->hooks.on_worker_stop != NULL)
		pool->hooks.on_worker_stop(worker, pool->options.arg);
	return status;
}

int
sh_crew_worker(const struct sh_heritage *heritage, void *arg)
{
	struct shoal_pool_worker worker = {
		.magic = SH_CREW_WORKER_MAGIC, .pool = arg, .heritage = heritage
	};
	int r;

	name_process(heritage);
	r = prologue(&worker);
	if (r < 0)
		return fail(&worker, r);
	r = work(&worker);
	sh_crew_return(&worker);
	sh_inbox_close(&worker.inbox);
	return r;
}
