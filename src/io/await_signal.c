/*
 * This file waits for signals; it does not know what they mean. They stay
 * pending in the kernel until somebody waits for them, so none is lost in
 * between.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "io/await.h"
#include "io/loop_private.h"

/* On the stack of the one that waits. */
struct waiter {
	TAILQ_ENTRY(waiter) next;
	struct sh_co *co;
	int signo;
};

TAILQ_HEAD(waiter_list, waiter);

struct sh_signals {
	sigset_t claimed; /* blocked here: to be given back */
	struct waiter_list waiters;
	int fd; /* reads what is waited for */
	struct sh_watch *watch;
};

static const struct timespec no_time;

static bool
can_wait_for(int signo)
{
	/* what a thread does to itself cannot be put off */
	static const int excluded[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
		SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };
	sigset_t set;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(excluded); i++)
		if (signo == excluded[i])
			return false;
	sigemptyset(&set);
	return sigaddset(&set, signo) == 0;
}

static void
wake_all(struct sh_signals *signals, int signo)
{
	struct waiter *waiter;

	TAILQ_FOREACH(waiter, &signals->waiters, next)
		if (waiter->signo == signo)
			sh_co_wake(waiter->co, signo);
}

/* Read what is waited for, or will be in a moment, and nothing else. */
static int
read_waited(struct sh_signals *signals)
{
	struct waiter *waiter;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	TAILQ_FOREACH(waiter, &signals->waiters, next)
		if (sh_co_is_waiting(waiter->co) ||
		    waiter->co == sh_co_running())
			sigaddset(&set, waiter->signo);
	fd = signalfd(signals->fd, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	signals->fd = fd;
	return 0;
}

static void
on_signal(int fd, void *arg)
{
	struct sh_signals *signals = arg;
	struct signalfd_siginfo info;

	/* those that have given up meanwhile shall take none */
	if (read_waited(signals) == 0 &&
	    read(fd, &info, sizeof(info)) == sizeof(info))
		wake_all(signals, (int)info.ssi_signo);
}

static struct sh_signals *
make(struct sh_loop *loop, int *error_out)
{
	struct sh_signals *signals = sh_try_calloc(1, sizeof(*signals));
	int r;

	*error_out = -SHOAL_ENOMEM;
	if (signals == NULL)
		return NULL;
	sigemptyset(&signals->claimed);
	TAILQ_INIT(&signals->waiters);
	signals->fd = -1;
	r = read_waited(signals);
	if (r == 0)
		r = sh_loop_watch(
		    loop, signals->fd, on_signal, signals, &signals->watch);
	if (r < 0) {
		*error_out = r;
		sh_signals_free(&signals);
	}
	return signals;
}

/* What came for nobody would now do what it does to others, such as to end the
 * process. */
static void
give_back(const sigset_t *claimed)
{
	while (sigtimedwait(claimed, NULL, &no_time) > 0 || errno == EINTR)
		continue;
	pthread_sigmask(SIG_UNBLOCK, claimed, NULL);
}

void
sh_signals_free(struct sh_signals **signals)
{
	if (signals == NULL || *signals == NULL)
		return;
	sh_loop_unwatch(&(*signals)->watch);
	if ((*signals)->fd >= 0)
		close((*signals)->fd);
	give_back(&(*signals)->claimed);
	free(*signals);
	*signals = NULL;
}

/* Block it from now on; one that the program has blocked is left to it. */
static void
claim(struct sh_signals *signals, int signo)
{
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	if (!sigismember(&before, signo))
		sigaddset(&signals->claimed, signo);
}

/* Take one that has come already. */
static bool
take_pending(struct sh_signals *signals, int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	if (sigtimedwait(&set, NULL, &no_time) != signo)
		return false;
	wake_all(signals, signo);
	return true;
}

static int
wait_for(struct sh_signals *signals, int signo, const char *place,
    int64_t deadline_us)
{
	struct waiter waiter = { .co = sh_co_running(), .signo = signo };
	int r;

	TAILQ_INSERT_TAIL(&signals->waiters, &waiter, next);
	r = read_waited(signals);
	if (r == 0)
		r = sh_await(place, deadline_us);
	TAILQ_REMOVE(&signals->waiters, &waiter, next);
	return r;
}

int
sh_await_signal(int signo, const char *place, int64_t deadline_us)
{
	struct sh_loop *loop = sh_loop_current();
	int r = 0;

	if (!can_wait_for(signo))
		return -SHOAL_EINVAL;
	if (loop->signals == NULL)
		loop->signals = make(loop, &r);
	if (loop->signals == NULL)
		return r;
	claim(loop->signals, signo);
	if (take_pending(loop->signals, signo))
		return signo;
	return wait_for(loop->signals, signo, place, deadline_us);
}
