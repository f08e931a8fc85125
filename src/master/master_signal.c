/* This file turns signals into decisions. */
#include "config.h"

#include "master/master_signal.h"

#include <string.h>

#include "base/log.h"
#include "master/master.h"
#include "master/master_log.h"
#include "master/master_reload.h"
#include "master/master_policy.h"

static void
stop_by_signal(struct sh_master *master, enum sh_stop wanted, int signo)
{
	enum sh_stop now =
	    master->has_pool ? master->pool.state.stop : SH_STOP_NONE;

	sh_log_notice("signal %s: stopping", sigabbrev_np(signo));
	sh_master_stop(master, sh_policy_stronger(now, wanted));
}

static void
act(void *arg, int signo)
{
	struct sh_master *master = arg;

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

int
sh_signals_open(struct sh_master *master)
{
	return sh_signalfd_open(&master->signals, act, master);
}

void
sh_signals_close(struct sh_master *master)
{
	sh_signalfd_close(&master->signals);
}

void
sh_signals_poll(struct sh_master *master)
{
	sh_signalfd_poll(&master->signals, &master->poll);
}
