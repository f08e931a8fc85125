/* This file tests <shoal/wait.h>: descriptors and children. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/wait.h>

#include "support/suite.h"
#include "unit/sync/notes.h"

static int fds[2], results[8];
static int64_t waiter;

static int
wait_fd(int fd, unsigned what, int timeout_ms)
{
	int r = shoal_co_wait_fd(fd, what, timeout_ms);

	if (r >= 0)
		note("%d", r);
	else
		note("%s", named(r));
	return r;
}

static void
refuse_descriptors(void *arg)
{
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);

	results[0] = shoal_co_wait_fd(-1, SHOAL_READABLE, 0);
	results[1] = shoal_co_wait_fd(9999, SHOAL_READABLE, SHOAL_FOREVER);
	results[2] = shoal_co_wait_fd(file, 0, 0);
	results[3] = shoal_co_wait_fd(file, 4, 0);
	results[4] = shoal_co_wait_fd(
	    file, SHOAL_READABLE | SHOAL_WRITABLE, SHOAL_FOREVER);
	close(file);
}

START_TEST(descriptors_that_cannot_be_waited_for)
{
	ck_assert_int_eq(shoal_run(refuse_descriptors, NULL), 0);
	ck_assert_int_eq(results[0], -EBADF);
	ck_assert_int_eq(results[1], -EBADF);
	ck_assert_int_eq(results[2], -SHOAL_EINVAL);
	ck_assert_int_eq(results[3], -SHOAL_EINVAL);
	ck_assert_int_eq(results[4], SHOAL_READABLE | SHOAL_WRITABLE);
}
END_TEST

static void
write_one(void *arg)
{
	shoal_co_sleep(1);
	note("writes");
	if (write(fds[1], "x", 1) < 0)
		note("cannot");
}

static void
wait_for_pipe(void *arg)
{
	char buf[8];

	wait_fd(fds[0], SHOAL_READABLE, 0);
	wait_fd(fds[0], SHOAL_READABLE, 1);
	wait_fd(fds[1], SHOAL_WRITABLE, 0);
	start(write_one, 0);
	wait_fd(fds[0], SHOAL_READABLE, SHOAL_FOREVER);
	/* nothing was consumed */
	wait_fd(fds[0], SHOAL_READABLE, 0);
	note("%zd", read(fds[0], buf, sizeof(buf)));
	close(fds[1]);
	wait_fd(fds[0], SHOAL_READABLE, SHOAL_FOREVER);
	note("%zd", read(fds[0], buf, sizeof(buf)));
}

START_TEST(pipe_becomes_readable)
{
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(shoal_run(wait_for_pipe, NULL), 0);
	ck_assert_str_eq(notes, "timeout timeout 2 writes 1 1 1 1 0");
	close(fds[0]);
}
END_TEST

static void
wait_for_end(void *arg)
{
	wait_fd(fds[0], SHOAL_READABLE, SHOAL_FOREVER);
}

static void
close_other_end(void *arg)
{
	start(wait_for_end, 0);
	start(wait_for_end, 0);
	shutdown(fds[1], SHUT_WR);
	settle();
	wait_fd(fds[0], SHOAL_READABLE | SHOAL_WRITABLE, SHOAL_FOREVER);
	waiter = start(wait_for_end, 0);
}

static void
cancel_end(void *arg)
{
	waiter = start(wait_for_end, 0);
	shoal_co_cancel(waiter);
}

START_TEST(several_wait_for_one_descriptor)
{
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(shoal_run(cancel_end, NULL), 0);
	ck_assert_str_eq(notes, "canceled");
	ck_assert_int_eq(shoal_run(close_other_end, NULL), 0);
	ck_assert_str_eq(notes, "canceled 1 1 3 1");
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* Workers and programs that wait for signals have some blocked; a child begins
 * with none. */
static pid_t
spawn(const char *command)
{
	char name[] = "sh", option[] = "-c";
	char *const argv[] = { name, option, (char *)(uintptr_t)command, NULL };
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int r;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn(&pid, "/bin/sh", NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return r == 0 ? pid : -1;
}

static void
wait_child(pid_t pid, int timeout_ms)
{
	int status = -1;
	int r = shoal_co_wait_child(pid, &status, timeout_ms);

	if (r < 0)
		note("%s", named(r));
	else if (WIFEXITED(status))
		note("exit%d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		note("signal%d", WTERMSIG(status));
	else
		note("neither");
}

static void
wait_for_children(void *arg)
{
	pid_t pid = spawn("exit 3"), other = spawn("exit 0");
	pid_t killed = spawn("kill -KILL $$");

	wait_child(pid, SHOAL_FOREVER);
	wait_child(pid, SHOAL_FOREVER);
	wait_child(killed, SHOAL_FOREVER);
	note("%s", named(shoal_co_wait_child(other, NULL, SHOAL_FOREVER)));
	wait_child(0, SHOAL_FOREVER);
	wait_child(-1, SHOAL_FOREVER);
	wait_child(getpid(), SHOAL_FOREVER);
}

START_TEST(children_end)
{
	ck_assert_int_eq(shoal_run(wait_for_children, NULL), 0);
	ck_assert_str_eq(notes, "exit3 none signal9 ok invalid invalid none");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static pid_t child;

static void
wait_for_it(void *arg)
{
	wait_child(child, SHOAL_FOREVER);
}

/* It ends when its standard input does. */
static void
leave_a_child(void *arg)
{
	child = spawn("read x; exit 4");
	wait_child(child, 0);
	wait_child(child, 1);
	waiter = start(wait_for_it, 0);
	shoal_co_cancel(waiter);
	settle();
	start(wait_for_it, 1);
	start(wait_for_it, 2);
	close(fds[1]);
	wait_fd(fds[0], SHOAL_READABLE, SHOAL_FOREVER);
}

START_TEST(wait_that_fails_reaps_nothing)
{
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(fds[0], 0), 0);
	ck_assert_int_eq(shoal_run(leave_a_child, NULL), 0);
	/* one of two gets it, and the other one is told */
	ck_assert_str_eq(notes, "timeout timeout canceled 1 exit4 none");
	close(fds[0]);
}
END_TEST

static void
find_it_ended(void *arg)
{
	child = spawn("exit 5");
	/* a child that has ended is there until it is reaped */
	waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	wait_child(child, 0);
}

START_TEST(child_that_has_ended_needs_no_wait)
{
	ck_assert_int_eq(shoal_run(find_it_ended, NULL), 0);
	ck_assert_str_eq(notes, "exit5");
}
END_TEST

static void
leave_others_alone(void *arg)
{
	pid_t others[3];
	int i;

	for (i = 0; i < 3; i++)
		others[i] = spawn("exit 6");
	child = spawn("exit 7");
	wait_child(child, SHOAL_FOREVER);
	for (i = 0; i < 3; i++)
		results[i] = waitpid(others[i], NULL, 0) == others[i];
}

START_TEST(other_children_are_left_alone)
{
	ck_assert_int_eq(shoal_run(leave_others_alone, NULL), 0);
	ck_assert_str_eq(notes, "exit7");
	ck_assert(results[0] && results[1] && results[2]);
}
END_TEST

SH_SUITE("api/wait", descriptors_that_cannot_be_waited_for,
    pipe_becomes_readable, several_wait_for_one_descriptor, children_end,
    wait_that_fails_reaps_nothing, child_that_has_ended_needs_no_wait,
    other_children_are_left_alone)
