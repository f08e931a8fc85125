/* This file tests proc/paths.c. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proc/paths.h"
#include "support/suite.h"

/* Each test runs in a process of its own. */
static void
be_nobody(void)
{
	if (geteuid() == 0)
		ck_assert_int_eq(setuid(54321), 0);
}

START_TEST(root_has_its_folder_below_run)
{
	char buf[256];

	if (geteuid() != 0)
		return;
	setenv("XDG_RUNTIME_DIR", "/tmp/elsewhere", 1);
	ck_assert_str_eq(sh_path_folder("demo", buf, sizeof(buf)), "/run/demo");
	ck_assert_str_eq(sh_path_control("demo", buf, sizeof(buf)),
	    "/run/demo/control.sock");
}
END_TEST

START_TEST(others_have_it_in_their_session)
{
	char buf[256];

	be_nobody();
	setenv("XDG_RUNTIME_DIR", "/tmp/session", 1);
	ck_assert_str_eq(
	    sh_path_folder("demo", buf, sizeof(buf)), "/tmp/session/demo");
	ck_assert_str_eq(sh_path_control("demo", buf, sizeof(buf)),
	    "/tmp/session/demo/control.sock");
}
END_TEST

START_TEST(without_a_session_it_is_below_tmp)
{
	char buf[256], wanted[256];

	be_nobody();
	snprintf(wanted, sizeof(wanted), "/tmp/demo-%u", (unsigned)geteuid());
	unsetenv("XDG_RUNTIME_DIR");
	ck_assert_str_eq(sh_path_folder("demo", buf, sizeof(buf)), wanted);
	/* relative ones would depend on the present folder */
	setenv("XDG_RUNTIME_DIR", "run", 1);
	ck_assert_str_eq(sh_path_folder("demo", buf, sizeof(buf)), wanted);
}
END_TEST

SH_SUITE("proc/paths", root_has_its_folder_below_run,
    others_have_it_in_their_session, without_a_session_it_is_below_tmp)
