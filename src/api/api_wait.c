/* This file is <shoal/wait.h>. */
#include "config.h"

#include <shoal/wait.h>

#include "io/await.h"
#include "worker/worker.h"

int
shoal_co_wait_fd(int fd, unsigned what, int timeout_ms)
{
	(void)sh_await_self(__func__);
	return sh_await_ready(
	    fd, what, "shoal_co_wait_fd", sh_deadline_us(timeout_ms));
}

int
shoal_co_wait_child(pid_t pid, int *status_out, int timeout_ms)
{
	(void)sh_await_self(__func__);
	return sh_await_child(
	    pid, status_out, "shoal_co_wait_child", sh_deadline_us(timeout_ms));
}

int
shoal_co_wait_signal(int signo, int timeout_ms)
{
	(void)sh_await_self(__func__);
	if (sh_worker_current() != NULL && sh_worker_owns_signal(signo))
		return -SHOAL_EPERM;
	return sh_await_signal(
	    signo, "shoal_co_wait_signal", sh_deadline_us(timeout_ms));
}
