/* This file tests proc/privileges.c. Without root it tests little. */
#include "config.h"

#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/privileges.h"
#include "support/suite.h"

enum { STRANGER = 54321, GROUP = 54322, EXTRA = 54323 };

/* Check runs each test in a process of its own, so becoming somebody else is
 * fine. */
static struct sh_plan_identity
stranger(void)
{
	struct sh_plan_identity identity = { .change = true,
		.uid = STRANGER,
		.gid = GROUP,
		.group_count = 2,
		.groups = { GROUP, EXTRA } };

	return identity;
}

START_TEST(staying_who_we_are_forbids_gaining_privileges)
{
	struct sh_plan_identity identity = { .change = false };
	char why[256] = "";
	uid_t uid = getuid();

	ck_assert_int_eq(sh_privileges_drop(&identity, why, sizeof(why)), 0);
	ck_assert_uint_eq(getuid(), uid);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}
END_TEST

START_TEST(root_becomes_the_user_for_good)
{
	struct sh_plan_identity identity = stranger();
	uid_t real, effective, saved;
	gid_t groups[8];
	char why[256] = "";

	if (geteuid() != 0)
		return;
	ck_assert_msg(
	    sh_privileges_drop(&identity, why, sizeof(why)) == 0, "%s", why);
	ck_assert_int_eq(getresuid(&real, &effective, &saved), 0);
	ck_assert(
	    real == STRANGER && effective == STRANGER && saved == STRANGER);
	ck_assert_uint_eq(getgid(), GROUP);
	ck_assert_int_eq(getgroups(8, groups), 2);
	ck_assert_int_lt(setuid(0), 0);
	ck_assert_int_lt(setgid(0), 0);
	ck_assert_int_lt(open("/etc/shadow", O_RDONLY), 0);
}
END_TEST

START_TEST(root_directory_changes_first)
{
	struct sh_plan_identity identity = stranger();
	char why[256] = "";
	struct stat usr, root, here;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		return;
	strcpy(identity.chroot, "/usr");
	ck_assert_int_eq(stat("/usr", &usr), 0);
	pid = fork();
	if (pid == 0)
		/* sanitizers want /proc at an ordinary end */
		_exit(sh_privileges_drop(&identity, why, sizeof(why)) != 0 ||
		    stat("/", &root) < 0 || stat(".", &here) < 0 ||
		    root.st_ino != usr.st_ino || here.st_ino != usr.st_ino ||
		    getuid() != STRANGER);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(missing_root_directory_fails_and_says_so)
{
	struct sh_plan_identity identity = stranger();
	char why[256] = "";

	strcpy(identity.chroot, "/nonexistent-shoal");
	ck_assert_int_lt(sh_privileges_drop(&identity, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "chroot"));
}
END_TEST

START_TEST(others_cannot_become_anybody)
{
	struct sh_plan_identity identity = stranger();
	char why[256] = "";

	if (geteuid() == 0) {
		ck_assert_int_eq(setgroups(0, NULL), 0);
		ck_assert_int_eq(setgid(GROUP), 0);
		ck_assert_int_eq(setuid(STRANGER + 1), 0);
	}
	ck_assert_int_lt(sh_privileges_drop(&identity, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "setgroups"));
}
END_TEST

SH_SUITE("proc/privileges", staying_who_we_are_forbids_gaining_privileges,
    root_becomes_the_user_for_good, root_directory_changes_first,
    missing_root_directory_fails_and_says_so, others_cannot_become_anybody)
