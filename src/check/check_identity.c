/* This file finds out who the workers are to be. */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/check_planning.h"

static void
plan_groups(struct sh_planning *p, const char *user)
{
	struct sh_plan_identity *identity = &p->plan->identity;
	int count = SH_PLAN_GROUPS_MAX;

	if (user == NULL) {
		identity->groups[0] = identity->gid;
		identity->group_count = 1;
		return;
	}
	if (getgrouplist(user, identity->gid, identity->groups, &count) < 0) {
		sh_diagnose(p->diags, sh_planning_place(p, "workers.user"),
		    "workers.user '%s' is in more than %d groups", user,
		    SH_PLAN_GROUPS_MAX);
		return;
	}
	identity->group_count = (uint32_t)count;
}

static bool
find_user(struct sh_planning *p, const char *user)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL) {
		sh_diagnose(p->diags, sh_planning_place(p, "workers.user"),
		    "workers.user '%s': %s", user,
		    errno != 0 ? strerror(errno)
			       : "no such user; create it, or name another");
		return false;
	}
	p->plan->identity.uid = pw->pw_uid;
	p->plan->identity.gid = pw->pw_gid;
	return true;
}

bool
sh_planning_group(
    struct sh_planning *p, const char *name, const char *key, gid_t *gid_out)
{
	const struct group *gr;

	errno = 0;
	gr = getgrnam(name);
	if (gr == NULL) {
		sh_diagnose(p->diags, sh_planning_place(p, key), "%s '%s': %s",
		    key, name,
		    errno != 0 ? strerror(errno)
			       : "no such group; create it, or name another");
		return false;
	}
	*gid_out = gr->gr_gid;
	return true;
}

/* Each worker would find out, but only when it is too late for `test'. */
static void
check_chroot(struct sh_planning *p, const char *path)
{
	const char *place = sh_planning_place(p, "workers.chroot");
	struct stat st;

	if (geteuid() != 0)
		sh_diagnose(p->diags, place, "workers.chroot needs root");
	else if (stat(path, &st) < 0)
		sh_diagnose(p->diags, place, "workers.chroot '%s': %s", path,
		    strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		sh_diagnose(p->diags, place,
		    "workers.chroot '%s' is not a "
		    "folder",
		    path);
}

void
sh_planning_identity(struct sh_planning *p)
{
	struct sh_plan_identity *identity = &p->plan->identity;
	const char *user = sh_planning_text(p, p->settings->workers.user);
	const char *group = sh_planning_text(p, p->settings->workers.group);

	sh_planning_copy(p, identity->chroot, sizeof(identity->chroot),
	    sh_planning_text(p, p->settings->workers.chroot), "workers.chroot");
	if (identity->chroot[0] != '\0')
		check_chroot(p, identity->chroot);
	identity->uid = geteuid();
	identity->gid = getegid();
	if (user[0] != '\0' && !find_user(p, user))
		return;
	if (group[0] != '\0' &&
	    !sh_planning_group(p, group, "workers.group", &identity->gid))
		return;
	identity->change =
	    identity->uid != geteuid() || identity->gid != getegid();
	if (!identity->change)
		return;
	if (geteuid() != 0)
		sh_diagnose(p->diags, sh_planning_place(p, "workers.user"),
		    "workers.user and workers.group "
		    "can be changed by root only; started as uid %u",
		    (unsigned)geteuid());
	else
		plan_groups(p, user[0] != '\0' ? user : NULL);
}
