/* This file finds and opens the file of a module. */
#include "config.h"

#include "module/module_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whoever can write a module can be the server. */
static int
check_owner(int fd, const char *path, char *why, size_t cap)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		int error = errno;

		snprintf(why, cap, "%s: %s", path, strerror(error));
		return -error;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, cap, "%s is not a regular file", path);
		return -EINVAL;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		snprintf(why, cap,
		    "%s belongs to user %u; a module must "
		    "belong to root or to the user who starts shoal",
		    path, (unsigned)st.st_uid);
		return -EPERM;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, cap,
		    "%s can be written by others; "
		    "use chmod go-w",
		    path);
		return -EPERM;
	}
	return 0;
}

int
sh_module_open(const char *name, char *why, size_t cap)
{
	char path[4096];
	int fd, r;

	if (name[0] == '/')
		snprintf(path, sizeof(path), "%s", name);
	else
		snprintf(path, sizeof(path), "%s/%s", SH_MODULEDIR, name);
	/* a pipe in its place must not hold the check up */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		int error = errno;

		snprintf(why, cap, "cannot open module %s: %s", path,
		    strerror(error));
		return -error;
	}
	r = check_owner(fd, path, why, cap);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}
