/* This file tests master/master_instance.c. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/error.h>

#include "master/master.h"
#include "master/master_instance.h"
#include "support/suite.h"

static struct sh_master master = { .pid_file_fd = -1 };
static struct sh_plan plan;
static char why[1024];

static void
choose_file(const char *below)
{
	char folder[] = "/tmp/shoal-instance-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(plan.pid_file, sizeof(plan.pid_file), "%s/%s", folder, below);
}

/* Remove the file and so many folders above it. */
static void
clean_up(int folders)
{
	unlink(plan.pid_file);
	while (folders-- > 0) {
		*strrchr(plan.pid_file, '/') = '\0';
		ck_assert_int_eq(rmdir(plan.pid_file), 0);
	}
}

/* What another process gets. */
static int
open_elsewhere(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct sh_master other = { .pid_file_fd = -1 };
		int r = sh_instance_open(&other, &plan, why, sizeof(why));
		char holder[32];

		snprintf(holder, sizeof(holder), "pid %d ", (int)getppid());
		_exit(r == 0                          ? 0
			: r != -SHOAL_EEXIST          ? 1
			: strstr(why, holder) != NULL ? 2
						      : 3);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

START_TEST(file_holds_the_pid_and_goes_with_it)
{
	char text[32] = "", wanted[32];
	FILE *file;

	choose_file("sub/pid");
	ck_assert_int_eq(sh_instance_open(&master, &plan, why, sizeof(why)), 0);
	file = fopen(plan.pid_file, "r");
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	fclose(file);
	snprintf(wanted, sizeof(wanted), "%d\n", (int)getpid());
	ck_assert_str_eq(text, wanted);
	sh_instance_close(&master);
	ck_assert_int_lt(access(plan.pid_file, F_OK), 0);
	clean_up(2);
}
END_TEST

START_TEST(second_one_is_refused_and_told_who_it_is)
{
	choose_file("pid");
	ck_assert_int_eq(sh_instance_open(&master, &plan, why, sizeof(why)), 0);
	ck_assert_int_eq(open_elsewhere(), 2);
	sh_instance_close(&master);
	ck_assert_int_eq(open_elsewhere(), 0);
	clean_up(1);
}
END_TEST

START_TEST(file_of_a_dead_one_is_taken_over)
{
	FILE *file;

	choose_file("pid");
	file = fopen(plan.pid_file, "w");
	fputs("99999999 and more than a pid\n", file);
	fclose(file);
	ck_assert_int_eq(sh_instance_open(&master, &plan, why, sizeof(why)), 0);
	sh_instance_close(&master);
	clean_up(1);
}
END_TEST

START_TEST(somebody_elses_file_is_not_removed)
{
	choose_file("pid");
	ck_assert_int_eq(sh_instance_open(&master, &plan, why, sizeof(why)), 0);
	unlink(plan.pid_file);
	close(open(plan.pid_file, O_CREAT | O_WRONLY, 0600));
	sh_instance_close(&master);
	ck_assert_int_eq(access(plan.pid_file, F_OK), 0);
	clean_up(1);
}
END_TEST

START_TEST(impossible_files_are_explained)
{
	strcpy(plan.pid_file, "/nonexistent-shoal/sub/pid");
	ck_assert_int_lt(sh_instance_open(&master, &plan, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent-shoal/sub/pid"));
	ck_assert_ptr_nonnull(strstr(why, "(pid_file)"));
	ck_assert_int_eq(master.pid_file_fd, -1);
	strcpy(plan.pid_file, "/proc/version/pid");
	ck_assert_int_lt(sh_instance_open(&master, &plan, why, sizeof(why)), 0);
	sh_instance_close(&master);
}
END_TEST

START_TEST(without_a_file_there_is_nothing_to_do)
{
	plan.pid_file[0] = '\0';
	ck_assert_int_eq(sh_instance_open(&master, &plan, why, sizeof(why)), 0);
	ck_assert_int_eq(master.pid_file_fd, -1);
	sh_instance_close(&master);
}
END_TEST

SH_SUITE("master/instance", file_holds_the_pid_and_goes_with_it,
    second_one_is_refused_and_told_who_it_is, file_of_a_dead_one_is_taken_over,
    somebody_elses_file_is_not_removed, impossible_files_are_explained,
    without_a_file_there_is_nothing_to_do)
