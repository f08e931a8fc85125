/* This file takes signals from a process for a while and reads them; it does
 * not know what they mean. Nothing runs in a signal handler. */
#pragma once

#include <signal.h>
#include <stddef.h>

struct sh_poll_set;

typedef void sh_signal_fn(void *arg, int signo);

enum { SH_SIGNALS_TAKEN = 12 };

struct sh_signalfd {
	int fd; /* -1: not open */
	sh_signal_fn *fn;
	void *arg;
	sigset_t saved_mask;
	struct sigaction saved_actions[SH_SIGNALS_TAKEN];
};

/** Block the signals that end, reload or wake a process that has children, and
 *  read them from now on: sh_signalfd_poll() has fn called. SIGPIPE is
 *  ignored. 0 or -errno. */
int sh_signalfd_open(struct sh_signalfd *signals, sh_signal_fn *fn, void *arg);
/** Give the program its own signal mask and actions back; what has come by
 *  then is dropped. */
void sh_signalfd_close(struct sh_signalfd *signals);
/** Add it to the next wait. */
void sh_signalfd_poll(struct sh_signalfd *signals, struct sh_poll_set *set);
