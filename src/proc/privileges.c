/* This file changes user, groups and root of a process. */
#include "config.h"

#include "proc/privileges.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int
failed(char *why, size_t cap, const char *step)
{
	int error = errno;

	snprintf(why, cap, "%s: %s", step, strerror(error));
	return -error;
}

/* Gone for good means that the way back is closed. */
static int
verify(const struct sh_plan_identity *identity, char *why, size_t cap)
{
	errno = EPERM;
	if (getuid() != identity->uid || geteuid() != identity->uid ||
	    getgid() != identity->gid || getegid() != identity->gid)
		return failed(why, cap, "user or group did not change");
	if (identity->uid != 0 && setuid(0) == 0) {
		errno = EPERM;
		return failed(why, cap, "root could be regained");
	}
	return 0;
}

int
sh_privileges_drop(
    const struct sh_plan_identity *identity, char *why, size_t cap)
{
	if (identity->chroot[0] != '\0' &&
	    (chroot(identity->chroot) < 0 || chdir("/") < 0))
		return failed(why, cap, "chroot");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed(why, cap, "prctl(PR_SET_NO_NEW_PRIVS)");
	if (!identity->change)
		return 0;
	if (setgroups(identity->group_count, identity->groups) < 0)
		return failed(why, cap, "setgroups");
	if (setgid(identity->gid) < 0)
		return failed(why, cap, "setgid");
	if (setuid(identity->uid) < 0)
		return failed(why, cap, "setuid");
	return verify(identity, why, cap);
}
