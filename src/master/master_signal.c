/* This file turns signals into decisions. */
#include "config.h"

#include "master/master_signal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/log.h"
#include "master/master.h"
#include "master/master_log.h"
#include "master/master_reload.h"
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
sh_signals_open(struct sh_master *master)
{
	/* an ignored signal never arrives, and shells ignore some for what
	 * they start in the background; an ignored SIGCHLD would make the
	 * kernel bury workers unseen */
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;
	size_t i;

	fill_set(&set);
	sigprocmask(SIG_BLOCK, &set, &master->saved_mask);
	for (i = 0; i < SH_ARRAY_LEN(taken); i++)
		sigaction(taken[i], taken[i] == SIGPIPE ? &ignore : &dfl,
		    &master->saved_actions[i]);
	master->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (master->signal_fd < 0)
		return -errno;
	sh_register_add(master->signal_fd);
	return 0;
}

void
sh_signals_close(struct sh_master *master)
{
	struct timespec none = { 0 };
	sigset_t set;
	size_t i;

	sh_register_close(&master->signal_fd);
	/* one that came while the master ended was for the master */
	fill_set(&set);
	while (sigtimedwait(&set, NULL, &none) > 0 || errno == EINTR)
		;
	for (i = 0; i < SH_ARRAY_LEN(taken); i++)
		sigaction(taken[i], &master->saved_actions[i], NULL);
	sigprocmask(SIG_SETMASK, &master->saved_mask, NULL);
}

static void
stop_by_signal(struct sh_master *master, enum sh_stop wanted, int signo)
{
	enum sh_stop now =
	    master->has_pool ? master->pool.state.stop : SH_STOP_NONE;

	/* whoever signals twice means it more than once */
	if (now >= wanted)
		wanted = now + 1 > SH_STOP_KILL ? SH_STOP_KILL : now + 1;
	sh_log_notice("signal %s: stopping", sigabbrev_np(signo));
	sh_master_stop(master, wanted);
}

static void
act(struct sh_master *master, int signo)
{
	switch (signo) {
	case SIGTERM: stop_by_signal(master, SH_STOP_GRACEFUL, signo); break;
	case SIGQUIT: stop_by_signal(master, SH_STOP_DRAIN, signo); break;
	case SIGINT: stop_by_signal(master, SH_STOP_FAST, signo); break;
	case SIGHUP:
		sh_log_notice("signal HUP: reloading");
		sh_reload_request(master, 0, NULL);
		break;
	case SIGUSR1: sh_master_log_reopen(master); break;
	case SIGUSR2:
		sh_log_notice("signal USR2 is reserved and ignored");
		break;
	/* SIGCHLD has woken the loop, which is all it is for */
	default: break;
	}
}

static void
on_signal(void *arg, short revents)
{
	struct sh_master *master = arg;
	struct signalfd_siginfo info;

	while (read(master->signal_fd, &info, sizeof(info)) == sizeof(info))
		act(master, (int)info.ssi_signo);
}

void
sh_signals_poll(struct sh_master *master)
{
	sh_poll_add(
	    &master->poll, master->signal_fd, POLLIN, on_signal, master);
}
