/* This file tests <shoal/wait.h>: signals. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/wait.h>

#include "support/suite.h"
#include "unit/sync/notes.h"

static void
wait_signal(int signo, int timeout_ms)
{
	int r = shoal_co_wait_signal(signo, timeout_ms);

	if (r > 0)
		note("%s", r == signo ? "came" : "another");
	else
		note("%s", named(r));
}

static void
wait_usr1(void *arg)
{
	wait_signal(SIGUSR1, SHOAL_FOREVER);
}

static void
run(shoal_co_fn *fn)
{
	notes[0] = '\0';
	ck_assert_int_eq(shoal_run(fn, NULL), 0);
}

static bool
is_blocked(int signo)
{
	sigset_t set;

	sigprocmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, signo);
}

static void
go_through_bad_ones(void *arg)
{
	static const int bad[] = { 0, -1, 65, 32, SIGKILL, SIGSTOP, SIGSEGV,
		SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (shoal_co_wait_signal(bad[i], 0) != -SHOAL_EINVAL)
			note("%d", bad[i]);
}

START_TEST(some_signals_cannot_be_waited_for)
{
	run(go_through_bad_ones);
	ck_assert_str_eq(notes, "");
}
END_TEST

static void
send_to_all(void *arg)
{
	wait_signal(SIGUSR1, 0);
	wait_signal(SIGUSR1, 1);
	start(wait_usr1, 0);
	start(wait_usr1, 0);
	shoal_co_cancel(start(wait_usr1, 0));
	settle();
	kill(getpid(), SIGUSR1);
	wait_signal(SIGUSR1, SHOAL_FOREVER);
	settle();
	wait_signal(SIGUSR1, 0);
}

START_TEST(all_that_wait_get_it)
{
	run(send_to_all);
	ck_assert_str_eq(
	    notes, "timeout timeout canceled came came came timeout");
	ck_assert(!is_blocked(SIGUSR1));
}
END_TEST

static void
wait_again(void *arg)
{
	wait_signal(SIGTERM, 0);
	kill(getpid(), SIGTERM);
	settle();
	note("lives");
	wait_signal(SIGTERM, SHOAL_FOREVER);
	wait_signal(SIGTERM, 0);
	kill(getpid(), SIGTERM);
	wait_signal(SIGTERM, 0);
}

START_TEST(one_between_two_waits_is_not_lost)
{
	run(wait_again);
	ck_assert_str_eq(notes, "timeout lives came timeout came");
}
END_TEST

/* Real-time signals queue up: one wait takes one of them. */
static void
wait_for_queued(void *arg)
{
	int i;

	wait_signal(SIGRTMIN, 0);
	for (i = 0; i < 3; i++)
		kill(getpid(), SIGRTMIN);
	for (i = 0; i < 4; i++)
		wait_signal(SIGRTMIN, 1);
}

static void
wait_rt(void *arg)
{
	int i;

	for (i = 0; i < 3; i++)
		wait_signal(SIGRTMIN, SHOAL_FOREVER);
}

static void
wait_while_queued(void *arg)
{
	int i;

	start(wait_rt, 0);
	for (i = 0; i < 3; i++)
		kill(getpid(), SIGRTMIN);
}

START_TEST(one_wait_takes_one_signal)
{
	run(wait_for_queued);
	ck_assert_str_eq(notes, "timeout came came came timeout");
	run(wait_while_queued);
	ck_assert_str_eq(notes, "came came came");
}
END_TEST

/* A waiter that was cancelled takes none, though it has not run yet. */
static void
cancel_at_once(void *arg)
{
	int64_t waiter = start(wait_usr1, 0);

	kill(getpid(), SIGUSR1);
	shoal_co_cancel(waiter);
	settle();
	wait_signal(SIGUSR1, 0);
}

START_TEST(cancelled_wait_takes_none)
{
	run(cancel_at_once);
	ck_assert_str_eq(notes, "canceled came");
}
END_TEST

static void
wait_usr2(void *arg)
{
	wait_signal(SIGUSR2, SHOAL_FOREVER);
	note("usr2");
}

static void
wait_for_different(void *arg)
{
	start(wait_usr2, 0);
	start(wait_usr1, 0);
	kill(getpid(), SIGUSR1);
	settle();
	note("then");
	kill(getpid(), SIGUSR2);
}

START_TEST(others_go_on_waiting)
{
	run(wait_for_different);
	ck_assert_str_eq(notes, "came then came usr2");
}
END_TEST

static void
leave_one_behind(void *arg)
{
	wait_signal(SIGTERM, 0);
	kill(getpid(), SIGTERM);
}

/* Unblocked with one pending, the process would end. */
START_TEST(what_nobody_waited_for_is_thrown_away)
{
	run(leave_one_behind);
	ck_assert(!is_blocked(SIGTERM));
	run(leave_one_behind);
	ck_assert_str_eq(notes, "timeout");
}
END_TEST

START_TEST(what_the_program_has_blocked_is_left_to_it)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	run(wait_usr1);
	ck_assert_str_eq(notes, "came");
	run(leave_one_behind);
	ck_assert(is_blocked(SIGUSR1));
	ck_assert(is_blocked(SIGTERM));
	sigpending(&set);
	ck_assert(sigismember(&set, SIGTERM));
	ck_assert(!sigismember(&set, SIGUSR1));
}
END_TEST

static void
wait_for_end_of_child(void *arg)
{
	pid_t pid;

	wait_signal(SIGCHLD, 0);
	pid = fork();
	if (pid == 0)
		_exit(0);
	wait_signal(SIGCHLD, SHOAL_FOREVER);
	note("%d", waitpid(pid, NULL, 0) == pid);
}

/* Those that would be ignored too. */
START_TEST(ignored_ones_come)
{
	run(wait_for_end_of_child);
	ck_assert_str_eq(notes, "timeout came 1");
	ck_assert(!is_blocked(SIGCHLD));
}
END_TEST

SH_SUITE("api/wait_signal", some_signals_cannot_be_waited_for,
    all_that_wait_get_it, one_between_two_waits_is_not_lost,
    one_wait_takes_one_signal, cancelled_wait_takes_none, others_go_on_waiting,
    what_nobody_waited_for_is_thrown_away,
    what_the_program_has_blocked_is_left_to_it, ignored_ones_come)
