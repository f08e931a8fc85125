/* This file takes signals and gives them back; it does not act on them. */
#include "config.h"

#include "master/master_signalfd.h"

#include <assert.h>
#include <errno.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "master/master_poll.h"
#include "proc/register.h"

/* Terminals send the window ones; they must not reach anybody's default. */
static const int taken[] = { SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1, SIGUSR2,
	SIGWINCH, SIGTTIN, SIGTTOU, SIGALRM,
	/* wakes the first process of a container, see sh_bury_adopted() */
	SIGCHLD,
	/* is not read */
	SIGPIPE };

static_assert(SH_ARRAY_LEN(taken) == SH_SIGNALS_TAKEN, "one place for each");

static void
fill_set(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < SH_ARRAY_LEN(taken); i++)
		if (taken[i] != SIGPIPE)
			sigaddset(set, taken[i]);
}

int
sh_signalfd_open(struct sh_signalfd *signals, sh_signal_fn *fn, void *arg)
{
	/* an ignored signal never arrives, and shells ignore some for what
	 * they start in the background; an ignored SIGCHLD would make the
	 * kernel bury workers unseen */
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;
	size_t i;

	signals->fn = fn;
	signals->arg = arg;
	fill_set(&set);
	sigprocmask(SIG_BLOCK, &set, &signals->saved_mask);
	for (i = 0; i < SH_ARRAY_LEN(taken); i++)
		sigaction(taken[i], taken[i] == SIGPIPE ? &ignore : &dfl,
		    &signals->saved_actions[i]);
	signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals->fd < 0)
		return -errno;
	sh_register_add(signals->fd);
	return 0;
}

void
sh_signalfd_close(struct sh_signalfd *signals)
{
	struct timespec none = { 0 };
	sigset_t set;
	size_t i;

	sh_register_close(&signals->fd);
	/* one that came while the master ended was for the master */
	fill_set(&set);
	while (sigtimedwait(&set, NULL, &none) > 0 || errno == EINTR)
		;
	for (i = 0; i < SH_ARRAY_LEN(taken); i++)
		sigaction(taken[i], &signals->saved_actions[i], NULL);
	sigprocmask(SIG_SETMASK, &signals->saved_mask, NULL);
}

static void
on_readable(void *arg, short revents)
{
	struct sh_signalfd *signals = arg;
	struct signalfd_siginfo info;

	while (read(signals->fd, &info, sizeof(info)) == sizeof(info))
		signals->fn(signals->arg, (int)info.ssi_signo);
}

void
sh_signalfd_poll(struct sh_signalfd *signals, struct sh_poll_set *set)
{
	sh_poll_add(set, signals->fd, POLLIN, on_readable, signals);
}
