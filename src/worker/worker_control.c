/* This file obeys the master: messages of the channel, its end, and signals
 * sent to the worker itself. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/log.h"
#include "io/loop.h"
#include "proc/channel.h"
#include "worker/worker.h"

enum { FAST_MS = 1000 };

static void
take_log(struct sh_worker *worker, int *fd)
{
	if (*fd >= 0) {
		sh_log_reopen(*fd); /* takes it */
		*fd = -1;
	}
	sh_channel_send_value(
	    worker->heritage->channel_fd, SH_MESSAGE_REOPENED, 0);
}

static void
obey(struct sh_worker *worker, const struct sh_message *message, int *fd)
{
	switch (message->type) {
	case SH_MESSAGE_DRAIN: sh_worker_drain(worker, message->value); break;
	case SH_MESSAGE_STOP: sh_worker_stop(worker, message->value); break;
	case SH_MESSAGE_REOPEN: take_log(worker, fd); break;
	case SH_MESSAGE_LISTENER_STOP:
	case SH_MESSAGE_LISTENER_CLOSE:
	case SH_MESSAGE_LISTENER_START:
	case SH_MESSAGE_LISTENER_END:
		sh_worker_obey_listener(worker, message, fd);
		break;
	default:
		sh_log_err("the master sent '%s', which is not for a worker",
		    sh_message_type_str(message->type));
	}
}

/* Without a master nobody replaces this worker or stops it. */
static void
lose_master(struct sh_worker *worker)
{
	sh_log_err("the master is gone; ending");
	sh_loop_unwatch(&worker->channel_watch);
	sh_worker_stop(worker, worker->heritage->plan->orphan_grace_ms);
}

static void
on_channel(int channel_fd, void *arg)
{
	struct sh_worker *worker = arg;
	struct sh_message message;
	int fd, r;

	while ((r = sh_channel_receive(channel_fd, &message, &fd)) > 0) {
		obey(worker, &message, &fd);
		if (fd >= 0)
			close(fd);
	}
	sh_worker_report_listeners(worker);
	if (r == 0 || (r < 0 && r != -SHOAL_EAGAIN && r != -SHOAL_EINVAL))
		lose_master(worker);
}

/* The master must know that the slot needs another worker. */
static void
obey_signal(struct sh_worker *worker, enum sh_message_type type, int64_t ms)
{
	sh_channel_send_value(worker->heritage->channel_fd, type, ms);
	if (type == SH_MESSAGE_DRAIN)
		sh_worker_drain(worker, ms);
	else
		sh_worker_stop(worker, ms);
}

void
sh_worker_resign(struct sh_worker *worker)
{
	obey_signal(
	    worker, SH_MESSAGE_DRAIN, worker->heritage->plan->drain_timeout_ms);
}

/* A terminal's Ctrl-C and `pkill -HUP' reach the whole group; the master acts
 * on them, and tells its workers. */
static void
on_signal(int signal_fd, void *arg)
{
	struct sh_worker *worker = arg;
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTERM)
			sh_worker_resign(worker);
		else if (info.ssi_signo == SIGQUIT)
			obey_signal(worker, SH_MESSAGE_STOP, FAST_MS);
	}
}

/* Who waits for one of these would take it from the worker. */
static const int own_signals[] = { SIGTERM, SIGQUIT };

bool
sh_worker_owns_signal(int signo)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(own_signals); i++)
		if (signo == own_signals[i])
			return true;
	return false;
}

/* Everything but faults is blocked, for good. Those that are not read here stay
 * pending, for handlers that wait for them. */
static int
open_signals(struct sh_worker *worker)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT,
		SIGTRAP, SIGSYS };
	sigset_t set;
	size_t i;

	sigfillset(&set);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	sigemptyset(&set);
	for (i = 0; i < SH_ARRAY_LEN(own_signals); i++)
		sigaddset(&set, own_signals[i]);
	worker->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return worker->signal_fd < 0 ? -errno : 0;
}

static int
explain(struct sh_worker *worker, int r)
{
	if (r < 0)
		snprintf(worker->why, sizeof(worker->why),
		    "cannot watch signals and the master: %s",
		    shoal_strerror(r));
	return r;
}

int
sh_worker_open_control(struct sh_worker *worker)
{
	return explain(worker, open_signals(worker));
}

int
sh_worker_begin_control(struct sh_worker *worker)
{
	int r = sh_loop_watch(worker->loop, worker->signal_fd, on_signal,
	    worker, &worker->signal_watch);

	if (r == 0)
		r = sh_loop_watch(worker->loop, worker->heritage->channel_fd,
		    on_channel, worker, &worker->channel_watch);
	return explain(worker, r);
}

void
sh_worker_close_control(struct sh_worker *worker)
{
	sh_loop_unwatch(&worker->channel_watch);
	sh_loop_unwatch(&worker->signal_watch);
	if (worker->signal_fd >= 0)
		close(worker->signal_fd);
	worker->signal_fd = -1;
}
