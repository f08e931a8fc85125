/* This file runs a command that calls code of modules in a child, so that a
 * crash is told like any other finding; it does not know what the command
 * does. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/cmd_client.h"

/* as long as a reload gives its check */
enum { TIMEOUT_MS = 30000 };

/* The child: the byte says that the command has returned, which an exit() in a
 * module does not. */
SH_NORETURN static void
run_command(
    sh_cmd_apart_fn *fn, const struct sh_cmd_line *line, void *arg, int fd)
{
	char status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	status = (char)sh_cmd_finish_output(line, fn(line, arg));
	if (write(fd, &status, 1) != 1) {
		/* nobody is there to be told */
	}
	fflush(NULL);
	_exit(0);
}

/* Wait for that byte: 1, 0 at the end without it, -ETIMEDOUT. */
static int
read_status(int fd, int64_t timeout_ms, char *status_out)
{
	int64_t deadline_ms = sh_clock_ms() + timeout_ms;
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	while (poll(&entry, 1, sh_cmd_poll_ms(deadline_ms)) <= 0)
		if (sh_clock_ms() >= deadline_ms)
			return -ETIMEDOUT;
	return read(fd, status_out, 1) == 1;
}

static void
complain_of_end(
    const struct sh_cmd_line *line, int r, int64_t timeout_ms, int how)
{
	static const char did_not[] =
	    "the check of the configuration did not finish";

	if (r < 0)
		sh_cmd_complain(line, "%s within %lld s", did_not,
		    (long long)timeout_ms / 1000);
	else if (WIFSIGNALED(how))
		sh_cmd_complain(line, "%s: signal %d (%s) in code of a module",
		    did_not, WTERMSIG(how), strsignal(WTERMSIG(how)));
	else
		sh_cmd_complain(line,
		    "%s: code of a module has ended the process, status %d",
		    did_not, WEXITSTATUS(how));
}

int
sh_cmd_apart(const struct sh_cmd_line *line, sh_cmd_apart_fn *fn, void *arg)
{
	int64_t timeout_ms =
	    line->timeout_ms >= 0 ? line->timeout_ms : TIMEOUT_MS;
	int ends[2], how, r;
	char status;
	pid_t pid;

	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) < 0) {
		sh_cmd_complain(line, "pipe: %s", strerror(errno));
		return SH_CMD_OS;
	}
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run_command(fn, line, arg, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		sh_cmd_complain(line, "fork: %s", strerror(errno));
		return SH_CMD_OS;
	}
	r = read_status(ends[0], timeout_ms, &status);
	close(ends[0]);
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (r > 0)
		return status;
	complain_of_end(line, r, timeout_ms, how);
	return SH_CMD_CONFIG;
}
