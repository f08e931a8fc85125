/* This file tests co/co_fault.c. */
#include "config.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/log.h>

#include "base/log.h"
#include "co/co.h"
#include "co/co_fault.h"
#include "support/suite.h"

/* How a child has died, and what it wrote to its log. */
struct death {
	int status;
	char text[4096];
};

/* Not a tail call, not optimised away: every level uses stack. */
static int
recurse(int depth)
{
	volatile char room[1024];

	room[0] = (char)depth;
	return depth < 0 ? 0 : recurse(depth + 1) + room[0];
}

static void
overflow(void *arg)
{
	*(int *)arg = recurse(0);
}

static void
write_near_null(void *arg)
{
	/* sanitizers catch NULL itself before the processor does */
	volatile uintptr_t nothing = 0x10;

	*(volatile char *)nothing = 1;
}

static void
give_up(void *arg)
{
	abort();
}

static void
run_child(int log_fd, enum sh_stack_guard guard, sh_co_fn *fn)
{
	static const struct rlimit no_core;
	const struct sh_co_pool_options options = { .guard = guard };
	struct sh_co_pool *pool = sh_co_pool_new(&options);
	int result;

	setrlimit(RLIMIT_CORE, &no_core);
	sh_log_open(log_fd, SH_LOG_TEXT, SHOAL_LOG_INFO);
	if (sh_co_fault_install() < 0)
		_exit(1);
	sh_co_call(pool, fn, &result, "chat");
	_exit(2);
}

static void
die(struct death *death, enum sh_stack_guard guard, sh_co_fn *fn)
{
	size_t len = 0;
	ssize_t n;
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		run_child(fds[1], guard, fn);
	close(fds[1]);
	while ((n = read(fds[0], death->text + len,
		    sizeof(death->text) - 1 - len)) > 0)
		len += (size_t)n;
	death->text[len] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &death->status, 0), pid);
}

static void
expect(const struct death *death, int number, const char *text)
{
	ck_assert_msg(
	    WIFSIGNALED(death->status) && WTERMSIG(death->status) == number,
	    "status %#x", (unsigned)death->status);
	ck_assert_msg(strstr(death->text, text) != NULL, "%s", death->text);
	ck_assert_msg(
	    strchr(death->text, '\n') == death->text + strlen(death->text) - 1,
	    "not one line: %s", death->text);
}

START_TEST(overflow_names_the_handler)
{
	struct death death;

	die(&death, SH_STACK_GUARD_AUTO, overflow);
	expect(&death, SIGSEGV, "SIGSEGV in handler chat");
	expect(&death, SIGSEGV, "stack overflow");
	die(&death, SH_STACK_GUARD_MPROTECT, overflow);
	expect(&death, SIGSEGV, "stack overflow");
}
END_TEST

START_TEST(other_faults_are_no_overflow)
{
	struct death death;

	die(&death, SH_STACK_GUARD_AUTO, write_near_null);
	expect(&death, SIGSEGV, "SIGSEGV in handler chat at 0x10");
	ck_assert_ptr_null(strstr(death.text, "overflow"));
}
END_TEST

START_TEST(abort_names_the_handler)
{
	struct death death;

	die(&death, SH_STACK_GUARD_AUTO, give_up);
	expect(&death, SIGABRT, "SIGABRT in handler chat");
}
END_TEST

SH_SUITE("co/co_fault", overflow_names_the_handler,
    other_faults_are_no_overflow, abort_names_the_handler)
