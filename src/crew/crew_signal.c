/* This file handles the signals of a worker of a program's pool; it ends
 * nothing but orphans. */
#include "config.h"

#include "crew/crew_signal.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "proc/channel.h"

/* One per process: signals are the process's. */
static struct {
	volatile sig_atomic_t ending;
	volatile sig_atomic_t orphaned;
	int end_fd, channel_fd;
	pid_t pid, parent;
	int retire_ms, orphan_ms;
	timer_t killer;
} self = { .end_fd = -1 };

void
sh_crew_end(void)
{
	static const uint64_t one = 1;
	int saved = errno;

	self.ending = 1;
	/* it cannot be full: it is written once by each way to end */
	if (write(self.end_fd, &one, sizeof(one)) < 0)
		errno = saved;
	errno = saved;
}

bool
sh_crew_is_ending(void)
{
	return self.ending != 0;
}

int
sh_crew_end_fd(void)
{
	return self.end_fd;
}

void
sh_crew_end_orphan(void)
{
	struct itimerspec when = {
		.it_value = { .tv_sec = self.orphan_ms / 1000,
		    .tv_nsec = self.orphan_ms % 1000 * 1000000L },
	};
	int saved = errno;

	if (!self.orphaned)
		timer_settime(self.killer, 0, &when, NULL);
	self.orphaned = 1;
	sh_crew_end();
	errno = saved;
}

/* The code may wait in a call that does not see end_fd, so the parent is told
 * here: it sends a packet, which is async-signal-safe. */
static void
on_term(int signo)
{
	int saved = errno;

	/* a child that the program has forked shares our descriptors */
	if (getpid() != self.pid) {
		signal(signo, SIG_DFL);
		raise(signo);
		return;
	}
	if (getppid() != self.parent)
		sh_crew_end_orphan();
	else if (!self.ending)
		sh_channel_send_value(
		    self.channel_fd, SH_MESSAGE_RETIRE, self.retire_ms);
	sh_crew_end();
	errno = saved;
}

/* Unlike SIG_IGN it does not outlive exec(3) in children of the worker. */
static void
on_other(int signo)
{
}

static int
take_signals(void)
{
	/* the parent obeys them; writing to a peer that is gone is an error
	 * that the call returns */
	static const int others[] = { SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2,
		SIGPIPE };
	struct sigaction action = { .sa_handler = on_term,
		.sa_flags = SA_RESTART };
	size_t i;

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGTERM, &action, NULL) < 0)
		return -errno;
	action.sa_handler = on_other;
	for (i = 0; i < SH_ARRAY_LEN(others); i++)
		if (sigaction(others[i], &action, NULL) < 0)
			return -errno;
	return 0;
}

void
sh_crew_signals_follow_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	/* it may have died before */
	if (getppid() != self.parent)
		sh_crew_end_orphan();
}

int
sh_crew_signals_open(int channel_fd, pid_t parent, int retire_ms, int orphan_ms)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGKILL };
	int r;

	self.channel_fd = channel_fd;
	self.pid = getpid();
	self.parent = parent;
	self.retire_ms = retire_ms;
	self.orphan_ms = orphan_ms;
	self.end_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (self.end_fd < 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &self.killer) < 0)
		return -errno;
	r = take_signals();
	if (r == 0)
		sh_crew_signals_follow_parent();
	return r;
}
