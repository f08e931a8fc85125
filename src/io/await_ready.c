/* This file waits for descriptors, having looked first; it does not use them.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>

#include <shoal/error.h>
#include <shoal/wait.h>

#include "io/await.h"
#include "io/loop_private.h"

/* What is ready now: 0 when nothing is. As epoll has it, an error is both. */
static int
look(int fd, unsigned what)
{
	struct pollfd one = { .fd = fd };
	unsigned ready = 0;

	if (what & SHOAL_READABLE)
		one.events |= POLLIN | POLLRDHUP;
	if (what & SHOAL_WRITABLE)
		one.events |= POLLOUT;
	if (fd < 0)
		return -EBADF;
	if (poll(&one, 1, 0) < 0)
		return errno == EINTR ? 0 : -errno;
	if (one.revents & POLLNVAL)
		return -EBADF;
	if (one.revents & (POLLERR | POLLHUP))
		return (int)what;
	if (one.revents & (POLLIN | POLLRDHUP))
		ready |= SHOAL_READABLE;
	if (one.revents & POLLOUT)
		ready |= SHOAL_WRITABLE;
	return (int)ready;
}

int
sh_await_ready(int fd, unsigned what, const char *place, int64_t deadline_us)
{
	short events = 0;
	int r;

	if (what == 0 || (what & ~(SHOAL_READABLE | SHOAL_WRITABLE)) != 0)
		return -SHOAL_EINVAL;
	r = look(fd, what);
	if (r != 0)
		return r;
	if (what & SHOAL_READABLE)
		events |= EV_READ;
	if (what & SHOAL_WRITABLE)
		events |= EV_WRITE;
	r = sh_await_fd(fd, events, place, deadline_us);
	if (r < 0)
		return r;
	return (r & EV_READ ? SHOAL_READABLE : 0) |
	    (r & EV_WRITE ? SHOAL_WRITABLE : 0);
}
