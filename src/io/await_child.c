/* This file waits for the end of one child; others are left to who made them.
 */
#include "config.h"

#include <errno.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/error.h>

#include "io/await.h"
#include "io/loop_private.h"

/* As waitpid(2) has it. */
static int
wait_status(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED: return (info->si_status & 0xff) << 8;
	case CLD_DUMPED: return info->si_status | WCOREFLAG;
	default: return info->si_status;
	}
}

/* 1 when it has ended and was reaped, 0 when it goes on. */
static int
reap(int pidfd, int *status_out)
{
	siginfo_t info = { 0 };

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0)
		if (errno != EINTR)
			return errno == ECHILD ? -SHOAL_ENOENT : -errno;
	if (info.si_pid == 0)
		return 0;
	if (status_out != NULL)
		*status_out = wait_status(&info);
	return 1;
}

static int
wait_and_reap(
    int pidfd, int *status_out, const char *place, int64_t deadline_us)
{
	int r;

	while ((r = reap(pidfd, status_out)) == 0) {
		r = sh_await_fd(pidfd, EV_READ, place, deadline_us);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

int
sh_await_child(
    pid_t pid, int *status_out, const char *place, int64_t deadline_us)
{
	int pidfd, r;

	if (pid <= 0)
		return -SHOAL_EINVAL;
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		/* EINVAL: the number of a thread that is not a process */
		return errno == ESRCH || errno == EINVAL ? -SHOAL_ENOENT
							 : -errno;
	r = wait_and_reap(pidfd, status_out, place, deadline_us);
	close(pidfd);
	return r;
}
