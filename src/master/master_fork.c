/* This file forks and collects children. */
#include "config.h"

#include "master/master_fork.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/register.h"

/* Fork copies only the calling thread; locks of others would stay locked. */
int
sh_fork_is_safe(char *why, size_t cap)
{
	struct stat st;

	/* "." and ".." and one entry for each thread */
	if (stat("/proc/self/task", &st) < 0 || st.st_nlink <= 3)
		return 0;
	snprintf(why, cap,
	    "the process has %lu threads, and fork(2) is safe with one only; "
	    "start threads in the workers, or after the server has ended",
	    (unsigned long)st.st_nlink - 2);
	return -EBUSY;
}

static void
reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
run_child(sh_child_fn *fn, void *arg, const int *keep, unsigned keep_count)
{
	int status;

	reset_signals();
	sh_register_close_all_but(keep, keep_count);
	/* a child must not speak to systemd in the master's name */
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	status = fn(arg);
	fflush(NULL);
	_exit(status);
}

int
sh_fork(sh_child_fn *fn, void *arg, const int *keep, unsigned keep_count,
    struct sh_child *child, char *why, size_t cap)
{
	int r = sh_fork_is_safe(why, cap);

	if (r < 0)
		return r;
	/* or both processes would write what is in stdio's buffers */
	fflush(NULL);
	child->pid = fork();
	if (child->pid == 0)
		run_child(fn, arg, keep, keep_count);
	if (child->pid < 0) {
		r = -errno;
		snprintf(why, cap, "fork: %s", strerror(-r));
		return r;
	}
	child->pidfd = pidfd_open(child->pid, 0);
	if (child->pidfd < 0) {
		r = -errno;
		snprintf(why, cap, "pidfd_open: %s", strerror(-r));
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
		return r;
	}
	sh_register_add(child->pidfd);
	return 0;
}

int
sh_reap(struct sh_child *child, struct sh_exit *how)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) < 0) {
		if (errno != ECHILD)
			return -errno;
		/* somebody else has collected it: gone all the same */
		info.si_pid = child->pid;
		info.si_code = CLD_EXITED;
		info.si_status = SH_EXIT_UNKNOWN;
	}
	if (info.si_pid == 0)
		return 0;
	*how = (struct sh_exit){ 0 };
	if (info.si_code == CLD_EXITED)
		how->status = info.si_status;
	else
		how->signal = info.si_status;
	sh_register_close(&child->pidfd);
	return 1;
}

void
sh_bury_adopted(bool (*is_ours)(pid_t pid, void *arg), void *arg)
{
	for (;;) {
		siginfo_t info = { 0 };

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    info.si_pid == 0 || is_ours(info.si_pid, arg))
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}

const char *
sh_exit_format(const struct sh_exit *how, char *buf, size_t cap)
{
	if (how->signal == 0)
		snprintf(buf, cap,
		    how->status == SH_EXIT_UNKNOWN
			? "unknown, since the program has collected it"
			: "exit status %d",
		    how->status);
	else
		snprintf(buf, cap, "signal %d (%s)%s", how->signal,
		    strsignal(how->signal),
		    how->signal == SIGKILL ? ", killed or out of memory" : "");
	return buf;
}
