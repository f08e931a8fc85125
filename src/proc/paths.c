/* This file says where files of ours are when no setting does. */
#include "config.h"

#include "proc/paths.h"

#include <stdio.h>
#include <stdlib.h>
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
