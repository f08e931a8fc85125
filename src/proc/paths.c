/* This file says where files of ours are when no setting does. */
#include "config.h"

#include "proc/paths.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
sh_path_folder(const char *name, char *buf, size_t cap)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		snprintf(buf, cap, "/run/%s", name);
	else if (runtime != NULL && runtime[0] == '/')
		snprintf(buf, cap, "%s/%s", runtime, name);
	else
		snprintf(buf, cap, "/tmp/%s-%u", name, (unsigned)geteuid());
	return buf;
}

const char *
sh_path_control(const char *name, char *buf, size_t cap)
{
	char folder[512];

	snprintf(buf, cap, "%s/control.sock",
	    sh_path_folder(name, folder, sizeof(folder)));
	return buf;
}

int
sh_path_make_folder(const char *path)
{
	char folder[PATH_MAX], above[PATH_MAX];
	struct stat st, st_above;
	int error;

	snprintf(folder, sizeof(folder), "%s", path);
	dirname(folder);
	error = mkdir(folder, 0755) < 0 ? errno : 0;
	snprintf(above, sizeof(above), "%s", folder);
	if (lstat(folder, &st) < 0)
		return -error;
	if (stat(dirname(above), &st_above) < 0)
		return 0;
	if ((st_above.st_mode & (S_IWOTH | S_ISVTX)) == (S_IWOTH | S_ISVTX) &&
	    !(st.st_mode & S_ISVTX) && st.st_uid != 0 && st.st_uid != geteuid())
		return -EPERM;
	return 0;
}
