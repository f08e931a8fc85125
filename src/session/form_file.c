/*
 * This file makes files that vanish with their last descriptor, so that nothing
 * is left behind by whoever crashes. open(2): O_TMPFILE.
 */
#include "config.h"

#include "session/form_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

int
sh_form_file_open_unlinked(const char *folder)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/shoal-XXXXXX", folder) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

int
sh_form_file_open(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* EISDIR is what kernels say that do not know the flag */
	if (errno != EOPNOTSUPP && errno != EISDIR)
		return -errno;
	return sh_form_file_open_unlinked(folder);
}

int
sh_form_file_write(int fd, const void *data, size_t len)
{
	const char *next = data;

	while (len > 0) {
		ssize_t n = write(fd, next, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			next += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int
copy(int from, int to)
{
	struct stat st;
	off_t at = 0;

	if (fstat(from, &st) < 0)
		return -errno;
	while (at < st.st_size) {
		ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));

		if (n == 0)
			return -EIO; /* somebody has cut it */
		if (n < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

static int
copy_to(int fd, const char *path)
{
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (to < 0)
		return -errno;
	r = copy(fd, to);
	if (close(to) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		unlink(path);
	return r;
}

int
sh_form_file_keep(int fd, const char *path)
{
	char own[64];
	int error;

	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	error = errno;
	/* another file system, no /proc, or a file that had a name and has
	 * none; whatever else it is, the copy will meet with it too */
	if (error == EEXIST)
		return -error;
	return copy_to(fd, path);
}
