/* This file runs the check process. */
#include "config.h"

#include "master/master_check.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "master/master.h"
#include "master/master_reload.h"
#include "proc/channel.h"
#include "proc/register.h"

enum {
	TEXT_MAX = 256 << 10,
	MODULES_MAX = 256,
	/* messages read at once: other things have their turn too */
	BATCH = 64,
	/* it ends by itself if there is no master any more to end it */
	ALARM_S = SH_CHECK_TIMEOUT_MS / 1000 + 5
};

/* What the child needs. */
struct errand {
	const struct sh_master *master;
	const struct sh_plan *previous;
	int channel_fd;
};

static int
run_check(void *arg)
{
	struct errand *errand = arg;
	const struct sh_master_options *options = &errand->master->options;

	alarm(ALARM_S);
	return options->check(
	    errand->previous, errand->channel_fd, options->check_arg);
}

static const struct sh_plan *
serving_plan(const struct sh_master *master)
{
	const struct sh_generation *generation = master->has_pool
	    ? sh_pool_generation(&master->pool, master->pool.state.current)
	    : NULL;

	return generation != NULL ? generation->plan : NULL;
}

int
sh_checking_start(
    struct sh_master *master, int64_t now_ms, char *why, size_t cap)
{
	struct sh_checking *checking = &master->checking;
	struct errand errand = { .master = master,
		.previous = serving_plan(master) };
	int ends[2];
	int r = sh_channel_pair(ends);

	if (r < 0) {
		snprintf(why, cap, "socketpair: %s", strerror(-r));
		return r;
	}
	sh_register_add(ends[0]);
	errand.channel_fd = ends[1];
	r = sh_fork(
	    run_check, &errand, &ends[1], 1, &checking->child, why, cap);
	close(ends[1]);
	if (r < 0) {
		sh_register_close(&ends[0]);
		checking->child.pidfd = -1;
		return r;
	}
	checking->channel_fd = ends[0];
	checking->deadline_ms = now_ms + SH_CHECK_TIMEOUT_MS;
	checking->status = -1;
	checking->plan_fd = -1;
	sh_buf_init(&checking->text, TEXT_MAX);
	return 0;
}

bool
sh_checking_is_active(const struct sh_master *master)
{
	return master->checking.child.pidfd >= 0;
}

static void
free_findings(struct sh_checking *checking)
{
	uint32_t i;

	for (i = 0; i < checking->module_count; i++)
		sh_register_close(&checking->module_fds[i]);
	free(checking->module_fds);
	checking->module_fds = NULL;
	checking->module_count = 0;
	sh_register_close(&checking->plan_fd);
	sh_register_close(&checking->channel_fd);
	sh_buf_fini(&checking->text);
}

void
sh_checking_stop(struct sh_master *master)
{
	struct sh_checking *checking = &master->checking;

	if (!sh_checking_is_active(master))
		return;
	pidfd_send_signal(checking->child.pidfd, SIGKILL, NULL, 0);
	waitpid(checking->child.pid, NULL, 0);
	sh_register_close(&checking->child.pidfd);
	free_findings(checking);
}

static void
take_module(struct sh_checking *checking, int fd)
{
	if (checking->module_count == MODULES_MAX) {
		close(fd);
		return;
	}
	checking->module_fds = sh_xgrow(
	    checking->module_fds, checking->module_count + 1, sizeof(int));
	checking->module_fds[checking->module_count++] = sh_register_add(fd);
}

static void
take_message(
    struct sh_checking *checking, const struct sh_message *message, int fd)
{
	switch (message->type) {
	case SH_MESSAGE_TEXT:
		sh_buf_puts(&checking->text, message->text);
		break;
	case SH_MESSAGE_PLAN:
		if (fd >= 0 && checking->plan_fd < 0) {
			checking->plan_fd = sh_register_add(fd);
			return;
		}
		break;
	case SH_MESSAGE_MODULE:
		if (fd >= 0) {
			take_module(checking, fd);
			return;
		}
		break;
	case SH_MESSAGE_DONE: checking->status = (int)message->value; break;
	default: break;
	}
	if (fd >= 0)
		close(fd);
}

/* Whether there may be more. */
static bool
read_findings(struct sh_checking *checking)
{
	struct sh_message message;
	int fd, i, r = 1;

	for (i = 0; i < BATCH && r > 0 && checking->channel_fd >= 0; i++) {
		r = sh_channel_receive(checking->channel_fd, &message, &fd);
		if (r > 0)
			take_message(checking, &message, fd);
		/* nonsense, or the end: it has nothing more to say, and its
		 * exit comes over the pidfd */
		if (r <= 0 && r != -SHOAL_EAGAIN)
			sh_register_close(&checking->channel_fd);
	}
	return r > 0 && checking->channel_fd >= 0;
}

static void
on_findings(void *arg, short revents)
{
	struct sh_master *master = arg;

	read_findings(&master->checking);
}

/* What it was, when it has not said how it went. */
static void
explain_end(struct sh_checking *checking, const struct sh_exit *how)
{
	char text[128];

	sh_buf_printf(&checking->text,
	    "the check of the configuration did not finish: %s; "
	    "`test' runs it alone\n",
	    sh_exit_format(how, text, sizeof(text)));
	checking->status = SH_EXIT_CONFIG;
}

static void
on_end(void *arg, short revents)
{
	struct sh_master *master = arg;
	struct sh_checking *checking = &master->checking, findings;
	struct sh_exit how;

	if (!sh_checking_is_active(master) ||
	    sh_reap(&checking->child, &how) <= 0)
		return;
	while (read_findings(checking))
		;
	if (checking->status < 0)
		explain_end(checking, &how);
	/* what follows may start the next check */
	findings = *checking;
	*checking = (struct sh_checking){
		.child.pidfd = -1, .channel_fd = -1, .plan_fd = -1
	};
	sh_reload_checked(master, &findings);
	free_findings(&findings);
}

void
sh_checking_poll(struct sh_master *master)
{
	if (!sh_checking_is_active(master))
		return;
	sh_poll_add(&master->poll, master->checking.channel_fd, POLLIN,
	    on_findings, master);
	sh_poll_add(&master->poll, master->checking.child.pidfd, POLLIN, on_end,
	    master);
}

void
sh_checking_turn(struct sh_master *master, int64_t now_ms)
{
	struct sh_checking *checking = &master->checking;

	if (!sh_checking_is_active(master) || now_ms < checking->deadline_ms)
		return;
	sh_buf_printf(&checking->text,
	    "the check of the configuration took "
	    "longer than %d s\n",
	    SH_CHECK_TIMEOUT_MS / 1000);
	pidfd_send_signal(checking->child.pidfd, SIGKILL, NULL, 0);
	checking->deadline_ms = INT64_MAX;
}
