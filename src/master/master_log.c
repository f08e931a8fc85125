/* This file opens the log. */
#include "config.h"

#include "master/master_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "master/master.h"

static int
open_target(const char *target)
{
	int fd = open(target, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	return fd < 0 ? -errno : fd;
}

int
sh_master_log_open(
    struct sh_master *master, const struct sh_plan *plan, char *why, size_t cap)
{
	int fd = 2;

	if (plan->log_target[0] != '\0') {
		fd = open_target(plan->log_target);
		if (fd < 0) {
			snprintf(why, cap,
			    "cannot open the log %s: %s "
			    "(log.target)",
			    plan->log_target, strerror(-fd));
			return fd;
		}
		/* stays out of the register: every child keeps it */
		master->log_fd = fd;
		snprintf(master->log_target, sizeof(master->log_target), "%s",
		    plan->log_target);
	}
	sh_log_open(fd, (enum sh_log_format)plan->log_format,
	    (enum shoal_log_level)plan->log_level);
	return 0;
}

/* Make fd the log of the master and of every worker; takes it. */
static void
switch_to(struct sh_master *master, int fd)
{
	sh_pool_reopen(&master->pool, fd);
	sh_log_reopen(fd);
	master->log_fd = sh_log_fd() > STDERR_FILENO ? sh_log_fd() : -1;
}

void
sh_master_log_follow(struct sh_master *master, const struct sh_plan *plan)
{
	int fd;

	if (strcmp(plan->log_target, master->log_target) != 0) {
		fd = plan->log_target[0] != '\0'
		    ? open_target(plan->log_target)
		    : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		if (fd < 0) {
			sh_log_err("cannot open the log %s: %s; going on with "
				   "the old one (log.target)",
			    plan->log_target, strerror(errno));
		} else {
			switch_to(master, fd);
			snprintf(master->log_target, sizeof(master->log_target),
			    "%s", plan->log_target);
		}
	}
	sh_log_open(sh_log_fd(), (enum sh_log_format)plan->log_format,
	    (enum shoal_log_level)plan->log_level);
}

int
sh_master_log_reopen(struct sh_master *master)
{
	int fd;

	if (master->log_target[0] == '\0') {
		sh_log_notice("the log goes to stderr: nothing to reopen");
		return 1;
	}
	fd = open_target(master->log_target);
	if (fd < 0) {
		sh_log_err("cannot reopen the log %s: %s; going on with the "
			   "old one",
		    master->log_target, strerror(-fd));
		return fd;
	}
	switch_to(master, fd);
	sh_log_notice("log reopened");
	return 0;
}
