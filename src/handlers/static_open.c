/*
 * This file finds and opens the files of the handler `static', in a thread. It
 * never leaves the root: the kernel resolves the path beneath it, symbolic links
 * included, so nothing can change between a check and its use.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "handlers/static.h"

enum {
	PATH_SIZE = 4096,
	/* how often a path is looked up again that others are renaming */
	ATTEMPTS = 8,
	/* what is read in advance, so that the loop need not wait for a disk */
	WARM_SIZE = 16 * 1024,
	/* a fifo does not wait for its writer, a terminal does not become ours */
	FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
};

/* One component after another, for kernels before 5.6. Symbolic links are
 * refused. */
static int
open_by_components(int root, const char *path, int flags)
{
	int folder = fcntl(root, F_DUPFD_CLOEXEC, 0), next;
	char name[256];
	size_t n;

	while (folder >= 0) {
		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n >= sizeof(name) ||
		    (n == 2 && memcmp(path, "..", 2) == 0)) {
			close(folder);
			errno = n >= sizeof(name) ? ENAMETOOLONG : EXDEV;
			return -1;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		path += n;
		next = openat(folder, n == 0 ? "." : name,
		    O_NOFOLLOW |
			(*path == '\0' ? flags
				       : O_PATH | O_DIRECTORY | O_CLOEXEC));
		close(folder);
		if (*path == '\0')
			return next;
		folder = next;
	}
	return -1;
}

static int
open_beneath(int root, const char *path)
{
	const struct open_how how = { .flags = FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd;
	int i;

	for (i = 0; i < ATTEMPTS; i++) {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	/* some sandboxes know it no better than an old kernel */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_components(root, path, FLAGS);
	return (int)fd;
}

/* A regular file, with 0; else the status of the answer: 308 for a folder. */
static int
look_at(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 500;
	if (S_ISREG(st.st_mode))
		return 0;
	return S_ISDIR(st.st_mode) ? 308 : 404;
}

static int
status_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
	case ELOOP:
	case EXDEV: /* it leads out of the root */
	case EINVAL:
	case ENXIO: /* a socket */
	case ENODEV: return 404;
	case EACCES:
	case EPERM: return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN: return 503;
	default: return 500;
	}
}

static void
fail(struct sh_static_file *file, int error)
{
	file->status = status_of(error);
	file->error = error;
}

static void
open_plain(struct sh_static_file *file, int root, const char *path)
{
	int fd = open_beneath(root, path), status;

	if (fd < 0) {
		fail(file, errno);
		return;
	}
	status = look_at(fd);
	if (status != 0) {
		file->status = status;
		file->error = errno;
		close(fd);
		return;
	}
	file->fd = fd;
	file->status = 200;
	file->coding = SH_STATIC_IDENTITY;
}

/* Take FILE.br or FILE.gz instead, if it is there and wanted more. */
static void
try_coding(struct sh_static_file *file, int root, const char *path,
    enum sh_static_coding coding, const char *suffix)
{
	char name[PATH_SIZE + 4];
	int fd;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	fd = open_beneath(root, name);
	if (fd < 0)
		return;
	if (look_at(fd) != 0) {
		close(fd);
		return;
	}
	file->varies = true;
	/* encoded goes before not encoded, if both are as good */
	if (file->wanted[coding] == 0 ||
	    file->wanted[coding] < file->wanted[file->coding] ||
	    (file->wanted[coding] == file->wanted[file->coding] &&
		file->coding != SH_STATIC_IDENTITY)) {
		close(fd);
		return;
	}
	close(file->fd);
	file->fd = fd;
	file->coding = coding;
}

static void
open_in_root(struct sh_static_file *file, int root)
{
	size_t len = strlen(file->path);
	bool is_folder = len == 0 || file->path[len - 1] == '/';
	char path[PATH_SIZE];
	int n;

	n = snprintf(path, sizeof(path), "%s%s", file->path,
	    is_folder ? file->site->index : "");
	if (n < 0 || (size_t)n >= sizeof(path)) {
		file->status = 404;
		return;
	}
	open_plain(file, root, path);
	/* a folder that is called like an index is none */
	if (file->status == 308 && is_folder)
		file->status = 404;
	if (file->fd < 0 || !file->site->precompressed)
		return;
	try_coding(file, root, path, SH_STATIC_BR, ".br");
	try_coding(file, root, path, SH_STATIC_GZIP, ".gz");
}

void
sh_static_open(struct sh_static_file *file)
{
	char warm[WARM_SIZE];
	/* each time: another folder may have got its name */
	int root = open(file->site->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	file->fd = -1;
	if (root < 0) {
		file->root_error = errno;
		fail(file, errno);
		return;
	}
	open_in_root(file, root);
	close(root);
	if (file->fd >= 0 && pread(file->fd, warm, sizeof(warm), 0) < 0) {
		fail(file, errno);
		close(file->fd);
		file->fd = -1;
	}
}
