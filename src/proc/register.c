/* This file remembers the descriptors that shoal has opened. */
#include "config.h"

#include "proc/register.h"

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/panic.h"

/* One per process: descriptors are the process's. */
static struct {
	int *fds;
	unsigned count, cap;
} opened;

void
sh_register_fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int
sh_register_add(int fd)
{
	sh_assert(fd >= 0);
	if (opened.count == opened.cap) {
		opened.cap = opened.cap == 0 ? 64 : opened.cap * 2;
		opened.fds = sh_xgrow(opened.fds, opened.cap, sizeof(int));
	}
	opened.fds[opened.count++] = fd;
	return fd;
}

void
sh_register_close(int *fd)
{
	unsigned i;

	if (*fd < 0)
		return;
	for (i = 0; i < opened.count; i++) {
		if (opened.fds[i] != *fd)
			continue;
		opened.fds[i] = opened.fds[--opened.count];
		break;
	}
	close(*fd);
	*fd = -1;
}

static bool
contains(const int *list, unsigned count, int fd)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (list[i] == fd)
			return true;
	return false;
}

void
sh_register_close_all_but(const int *keep, unsigned count)
{
	unsigned i;

	for (i = 0; i < opened.count; i++)
		if (!contains(keep, count, opened.fds[i]))
			close(opened.fds[i]);
	opened.count = 0;
}
