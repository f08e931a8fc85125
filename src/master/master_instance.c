/* This file locks the pid file. */
#include "config.h"

#include "master/master_instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/error.h>

#include "master/master.h"
#include "proc/paths.h"
#include "proc/register.h"

/* F_SETLK belongs to the process: unlike flock(2) and OFD locks it does not
 * live on in a child that inherited the descriptor. */
static int
lock_file(int fd, pid_t *holder_out)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return -errno;
	*holder_out = 0;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		*holder_out = lock.l_pid;
	return -SHOAL_EEXIST;
}

/* Whether path is still the file that was opened and locked. */
static int
is_same_file(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int
open_locked(const char *path, pid_t *holder_out)
{
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		int r;

		if (fd < 0)
			return -errno;
		r = lock_file(fd, holder_out);
		if (r == 0 && is_same_file(fd, path))
			return fd;
		close(fd);
		/* the holder removed it just before it let the lock go */
		if (r < 0)
			return r;
	}
}

int
sh_instance_open(
    struct sh_master *master, const struct sh_plan *plan, char *why, size_t cap)
{
	pid_t holder = 0;
	int fd;

	if (plan->pid_file[0] == '\0')
		return 0;
	fd = sh_path_make_folder(plan->pid_file);
	if (fd == 0)
		fd = open_locked(plan->pid_file, &holder);
	if (fd == -SHOAL_EEXIST) {
		snprintf(why, cap, "already running, pid %d (%s is locked)",
		    (int)holder, plan->pid_file);
		return fd;
	}
	if (fd < 0) {
		snprintf(why, cap,
		    "cannot make the pid file %s: %s "
		    "(pid_file)",
		    plan->pid_file, strerror(-fd));
		return fd;
	}
	master->pid_file_fd = sh_register_add(fd);
	snprintf(
	    master->pid_file, sizeof(master->pid_file), "%s", plan->pid_file);
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
		int error = errno;

		snprintf(why, cap, "cannot write the pid file %s: %s",
		    plan->pid_file, strerror(error));
		return -error;
	}
	return 0;
}

void
sh_instance_close(struct sh_master *master)
{
	if (master->pid_file_fd < 0)
		return;
	if (is_same_file(master->pid_file_fd, master->pid_file))
		unlink(master->pid_file);
	sh_register_close(&master->pid_file_fd);
}
