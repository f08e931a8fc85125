/* This file is the master's life: one wait, ordered reactions. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "master/master.h"
#include "master/master_check.h"
#include "master/master_command.h"
#include "master/master_control.h"
#include "master/master_instance.h"
#include "master/master_notify.h"
#include "master/master_reload.h"
#include "master/master_signal.h"
#include "proc/register.h"

void
sh_master_fail(struct sh_master *master, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(master->exit_text, sizeof(master->exit_text), format, args);
	va_end(args);
	master->exit_status = status;
	if (master->has_pool)
		sh_pool_stop(&master->pool, SH_STOP_FAST);
	else
		master->ended = true;
}

void
sh_master_stop(struct sh_master *master, enum sh_stop stop)
{
	sh_notify_stopping(master);
	sh_reload_cancel(master);
	if (!master->has_pool) {
		sh_master_fail(
		    master, SH_EXIT_FAILED, "stopped before it had started");
		return;
	}
	if (!master->ready && master->exit_status == SH_EXIT_OK)
		sh_master_fail(
		    master, SH_EXIT_FAILED, "stopped before it had started");
	sh_pool_stop(&master->pool, stop);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int64_t
next_timeout_ms(const struct sh_master *master, int64_t now_ms)
{
	int64_t next = sh_command_timeout_ms(master, now_ms);

	next = sooner(next, sh_notify_timeout_ms(master, now_ms));
	if (master->has_pool)
		next = sooner(next, sh_pool_timeout_ms(&master->pool, now_ms));
	if (sh_checking_is_active(master)) {
		int64_t left = master->checking.deadline_ms - now_ms;

		next = sooner(next, left > 0 ? left : 0);
	}
	return next;
}

static bool
is_own_child(pid_t pid, void *arg)
{
	const struct sh_master *master = arg;

	if (sh_checking_is_active(master) && master->checking.child.pid == pid)
		return true;
	return master->has_pool && sh_pool_owns(&master->pool, pid);
}

static void
turn(struct sh_master *master)
{
	int64_t now_ms = sh_clock_ms();

	sh_checking_turn(master, now_ms);
	if (master->has_pool) {
		sh_pool_turn(&master->pool, now_ms);
		master->ended = master->pool.ended_all;
	}
	if (getpid() == 1)
		sh_bury_adopted(is_own_child, master);
	sh_command_turn(master, now_ms);
	sh_notify_turn(master, now_ms);
}

/* Whoever interrupts `start' does not want a server that comes up later. */
static void
on_starter(void *arg, short revents)
{
	struct sh_master *master = arg;
	char byte;

	if (master->options.ready_fd < 0)
		return;
	if (read(master->options.ready_fd, &byte, 1) > 0) {
		/* it does not wait any longer, and says that it goes on */
		sh_register_close(&master->options.ready_fd);
		return;
	}
	sh_register_close(&master->options.ready_fd);
	sh_log_notice("`start' was interrupted: stopping");
	sh_master_stop(master, SH_STOP_FAST);
}

static void
wait_for_events(struct sh_master *master)
{
	int64_t timeout_ms = next_timeout_ms(master, sh_clock_ms());

	/* what workers said comes before what callers ask */
	if (master->has_pool)
		sh_pool_poll(&master->pool, &master->poll);
	sh_checking_poll(master);
	sh_signals_poll(master);
	sh_control_poll(master);
	sh_poll_add(&master->poll, master->options.ready_fd, POLLIN, on_starter,
	    master);
	sh_poll_wait(&master->poll, timeout_ms);
}

static struct sh_master *
new_master(const struct sh_master_options *options)
{
	struct sh_master *master = sh_xcalloc(1, sizeof(*master));
	size_t i;

	master->options = *options;
	master->signals.fd = master->control_fd = -1;
	master->pid_file_fd = master->log_fd = -1;
	master->checking.child.pidfd = master->checking.channel_fd = -1;
	master->checking.plan_fd = -1;
	master->reload.result = "";
	master->started_ms = sh_clock_ms();
	master->started_unix = sh_clock_unix();
	for (i = 0; i < SH_CONTROL_CLIENTS; i++) {
		master->clients[i].fd = -1;
		master->clients[i].master = master;
	}
	if (options->ready_fd >= 0)
		sh_register_add(options->ready_fd);
	return master;
}

/* Whoever reads what `start' writes waits for the last holder of the other
 * end. The log is open by now, and `start' is told by the record. */
static void
leave_terminal(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	close(fd);
}

static void
serve(struct sh_master *master)
{
	bool on_terminal = master->options.daemon;

	sh_notify_open(master);
	sh_reload_request(master, 0, NULL);
	while (!master->ended) {
		/* before the first worker: it would keep the terminal */
		if (on_terminal && master->has_pool) {
			leave_terminal();
			on_terminal = false;
		}
		turn(master);
		if (!master->ended)
			wait_for_events(master);
	}
}

/* The master holds a socket for each address and worker; its children set
 * their own limits. */
static void
raise_nofile(struct sh_master *master)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &master->saved_nofile) < 0)
		return;
	limit = master->saved_nofile;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The record that `start' waits for: status, a space, the text. */
static void
report_failure(struct sh_master *master)
{
	if (master->exit_status == SH_EXIT_OK)
		return;
	/* what `start' prints need not be on the same terminal twice */
	if (master->options.ready_fd < 0 || master->log_fd >= 0)
		sh_log_lines(SHOAL_LOG_ERR, master->exit_text);
	if (master->options.ready_fd >= 0)
		dprintf(master->options.ready_fd, "%d %s\n",
		    master->exit_status, master->exit_text);
}

static int
end(struct sh_master *master)
{
	int status = master->exit_status;

	report_failure(master);
	if (status == SH_EXIT_OK)
		sh_log_notice("stopped");
	sh_checking_stop(master);
	if (master->has_pool)
		sh_pool_fini(&master->pool);
	/* the socket file goes first, the lock last: whoever finds the lock
	 * free finds nothing of ours in the way */
	sh_control_close(master);
	sh_instance_close(master);
	sh_signals_close(master);
	setrlimit(RLIMIT_NOFILE, &master->saved_nofile);
	sh_register_close(&master->options.ready_fd);
	sh_poll_fini(&master->poll);
	if (master->log_fd >= 0) {
		sh_log_open(2, SH_LOG_TEXT, SHOAL_LOG_INFO);
		close(master->log_fd);
	}
	free(master->reload.text);
	free(master);
	return status;
}

int
sh_master_run(const struct sh_master_options *options)
{
	struct sh_master *master;
	int r;

	sh_register_fill_standard();
	master = new_master(options);
	sh_log_set_role("master");
	raise_nofile(master);
	r = sh_signals_open(master);
	if (r < 0)
		sh_master_fail(
		    master, SH_EXIT_OS, "signalfd: %s", strerror(-r));
	else
		serve(master);
	return end(master);
}
