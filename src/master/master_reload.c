/* This file brings a configuration into service. */
#include "config.h"

#include "master/master_reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "master/master.h"
#include "master/master_check.h"
#include "master/master_command.h"
#include "master/master_control.h"
#include "master/master_instance.h"
#include "master/master_log.h"
#include "master/master_notify.h"

static void start_reload(struct sh_master *master);

static void
record(struct sh_master *master, const char *result, const char *text)
{
	struct sh_reload *reload = &master->reload;

	free(reload->text);
	reload->text = sh_xstrdup(text);
	reload->result = result;
	reload->unix_time = sh_clock_unix();
	reload->took_ms = sh_clock_ms() - reload->started_ms;
	if (strcmp(result, "ok") == 0)
		reload->ok_count++;
	else
		reload->failed_count++;
}

/* Start the reload that was put behind the present one. */
static void
start_next(struct sh_master *master)
{
	struct sh_reload *reload = &master->reload;

	if (reload->ticket != 0 || reload->next_ticket == 0)
		return;
	reload->ticket = reload->next_ticket;
	reload->next_ticket = 0;
	start_reload(master);
}

/* The end of the present reload: tell who waits, go on with the next. */
static void
finish(struct sh_master *master, int status, const char *text)
{
	struct sh_reload *reload = &master->reload;
	uint64_t ticket = reload->ticket;

	reload->ticket = 0;
	record(master, status == SH_EXIT_OK ? "ok" : "failed", text);
	if (!master->ready) {
		sh_master_fail(master, status, "%s", text);
		return;
	}
	sh_log_lines(
	    status == SH_EXIT_OK ? SHOAL_LOG_NOTICE : SHOAL_LOG_ERR, text);
	if (status != SH_EXIT_OK)
		sh_log_err("reload failed; generation %llu goes on",
		    (unsigned long long)master->pool.state.current);
	sh_notify_reloaded(master);
	sh_command_answer_reload(master, ticket, status, text);
	start_next(master);
}

static void
start_reload(struct sh_master *master)
{
	char why[SH_WHY_MAX];

	master->reload.started_ms = sh_clock_ms();
	if (master->ready)
		sh_notify_reloading(master);
	if (sh_checking_start(
		master, master->reload.started_ms, why, sizeof(why)) < 0)
		finish(master, SH_EXIT_OS, why);
}

static bool
is_ending(const struct sh_master *master)
{
	return master->ended ||
	    (master->has_pool && master->pool.state.phase == SH_PHASE_STOPPING);
}

void
sh_reload_request(
    struct sh_master *master, int64_t timeout_ms, uint64_t *ticket_out)
{
	struct sh_reload *reload = &master->reload;

	if (is_ending(master)) {
		sh_log_notice("not reloading: the master is stopping");
		return;
	}
	reload->timeout_ms = timeout_ms;
	if (master->has_pool && sh_pool_is_busy(&master->pool)) {
		/* its workers are being forked: it is too late to join */
		if (reload->next_ticket == 0)
			reload->next_ticket = ++reload->last_ticket;
		if (ticket_out != NULL)
			*ticket_out = reload->next_ticket;
		return;
	}
	if (sh_checking_is_active(master)) {
		sh_checking_stop(master);
		sh_command_answer_reload(master, reload->ticket,
		    SH_EXIT_TIMEOUT, "superseded by a newer reload\n");
	}
	reload->ticket = ++reload->last_ticket;
	/* before it starts: the answer may come at once */
	if (ticket_out != NULL)
		*ticket_out = reload->ticket;
	start_reload(master);
}

void
sh_reload_cancel(struct sh_master *master)
{
	static const char text[] = "the master is stopping\n";
	struct sh_reload *reload = &master->reload;
	uint64_t ticket = reload->ticket, next_ticket = reload->next_ticket;

	sh_checking_stop(master);
	reload->ticket = reload->next_ticket = 0;
	sh_command_answer_reload(master, ticket, SH_EXIT_FAILED, text);
	sh_command_answer_reload(master, next_ticket, SH_EXIT_FAILED, text);
}

/* The first plan decides what cannot change later. */
static int
settle(
    struct sh_master *master, const struct sh_plan *plan, char *why, size_t cap)
{
	struct sh_pool_options options = {
		.slot_count = plan->worker_count,
		.max_old = plan->max_old,
		.ring_size = plan->ring_size,
		.worker = master->options.worker,
		.worker_arg = master->options.worker_arg,
		.on_outcome = sh_reload_outcome,
		.on_exit = sh_command_process_gone,
		.arg = master,
	};
	int r;

	if (sh_master_log_open(master, plan, why, cap) < 0)
		return SH_EXIT_CANNOT_CREATE;
	r = sh_instance_open(master, plan, why, cap);
	if (r < 0)
		return r == -SHOAL_EEXIST ? SH_EXIT_FAILED
					  : SH_EXIT_CANNOT_CREATE;
	r = sh_control_open(master, plan, why, cap);
	if (r < 0)
		return r == -SHOAL_EEXIST ? SH_EXIT_FAILED
					  : SH_EXIT_CANNOT_CREATE;
	r = sh_pool_init(&master->pool, &options);
	if (r < 0) {
		snprintf(why, cap,
		    "shared memory and its eventfds for %u processes, %llu "
		    "bytes each (workers.count, reload.max_old, topics.ring): "
		    "%s",
		    sh_process_count(plan->worker_count, plan->max_old),
		    (unsigned long long)plan->ring_size, strerror(-r));
		return SH_EXIT_OS;
	}
	master->has_pool = true;
	return SH_EXIT_OK;
}

static int64_t
target_timeout_ms(const struct sh_master *master, const struct sh_plan *plan)
{
	if (!master->ready && master->options.start_timeout_ms > 0)
		return master->options.start_timeout_ms;
	if (master->reload.timeout_ms > 0 &&
	    master->reload.timeout_ms < plan->start_timeout_ms)
		return master->reload.timeout_ms;
	return plan->start_timeout_ms;
}

static int
bring_in(struct sh_master *master, struct sh_checking *checking, char *why,
    size_t cap)
{
	struct sh_generation *generation;
	int64_t timeout_ms;
	int plan_fd = checking->plan_fd, status, r;
	int *module_fds = checking->module_fds;

	if (plan_fd < 0) {
		snprintf(why, cap, "the check process sent no plan");
		return SH_EXIT_INTERNAL;
	}
	checking->plan_fd = -1;
	checking->module_fds = NULL;
	r = sh_generation_new(
	    plan_fd, module_fds, checking->module_count, &generation, why, cap);
	checking->module_count = 0;
	if (r < 0)
		return SH_EXIT_INTERNAL;
	if (!master->has_pool) {
		status = settle(master, generation->plan, why, cap);
		if (status != SH_EXIT_OK) {
			sh_generation_free(&generation);
			return status;
		}
	}
	timeout_ms = target_timeout_ms(master, generation->plan);
	r = sh_pool_offer(
	    &master->pool, generation, timeout_ms, sh_clock_ms(), why, cap);
	if (r < 0)
		return master->ready ? SH_EXIT_FAILED : SH_EXIT_OS;
	return SH_EXIT_OK;
}

/* While a configuration was being checked, the pool has begun to go back: what
 * was compared with the one that crashed is checked again afterwards. */
static void
put_behind(struct sh_master *master)
{
	struct sh_reload *reload = &master->reload;
	uint64_t ticket = reload->ticket;

	reload->ticket = 0;
	if (reload->next_ticket == 0)
		reload->next_ticket = ticket;
	else
		sh_command_answer_reload(master, ticket, SH_EXIT_TIMEOUT,
		    "superseded by a newer reload\n");
}

void
sh_reload_checked(struct sh_master *master, struct sh_checking *findings)
{
	char why[2048];
	int status = findings->status;

	if (master->has_pool && sh_pool_is_busy(&master->pool)) {
		put_behind(master);
		return;
	}
	if (status != SH_EXIT_OK) {
		char *text = sh_buf_take(&findings->text);

		finish(master, status,
		    text != NULL ? text : "the configuration is wrong\n");
		free(text);
		return;
	}
	if (findings->text.len != 0) {
		char *text = sh_buf_take(&findings->text);

		sh_log_lines(SHOAL_LOG_WARNING, text != NULL ? text : "");
		free(text);
	}
	status = bring_in(master, findings, why, sizeof(why));
	if (status != SH_EXIT_OK)
		finish(master, status, why);
}

static void
begin_service(struct sh_master *master)
{
	master->ready = true;
	sh_notify_ready(master);
	sh_command_announce_ready(master);
}

static const struct sh_plan *
current_plan(const struct sh_master *master)
{
	return sh_pool_generation(&master->pool, master->pool.state.current)
	    ->plan;
}

/* The end of the way back to a generation, which nobody has asked for; why is
 * NULL when it serves again. */
static void
end_revert(struct sh_master *master, uint64_t generation, const char *why)
{
	char words[SH_WHY_MAX + 128];

	if (why == NULL) {
		sh_log_notice("generation %llu serves again",
		    (unsigned long long)generation);
		record(master, "reverted",
		    "the workers of the new generation died; "
		    "the one before serves again");
	} else {
		snprintf(words, sizeof(words),
		    "the workers die, and "
		    "generation %llu cannot be brought back: %s",
		    (unsigned long long)generation, why);
		sh_log_err("%s", words);
		record(master, "failed", words);
	}
	sh_notify_reloaded(master);
	start_next(master);
}

void
sh_reload_outcome(
    enum sh_outcome outcome, uint64_t generation, const char *text, void *arg)
{
	struct sh_master *master = arg;
	char words[SH_WHY_MAX + 64];

	switch (outcome) {
	case SH_OUTCOME_FAILED: finish(master, SH_EXIT_FAILED, text); return;
	case SH_OUTCOME_STUCK: end_revert(master, generation, text); return;
	case SH_OUTCOME_REVERTED:
		sh_master_log_follow(master, current_plan(master));
		end_revert(master, generation, NULL);
		return;
	case SH_OUTCOME_SERVING: break;
	}
	sh_master_log_follow(master, current_plan(master));
	snprintf(words, sizeof(words),
	    "generation %llu serves with %u worker%s",
	    (unsigned long long)generation, master->pool.state.slot_count,
	    master->pool.state.slot_count == 1 ? "" : "s");
	if (master->ready)
		snprintf(words + strlen(words), sizeof(words) - strlen(words),
		    ", %llu connections go on in older ones",
		    (unsigned long long)sh_pool_draining_connections(
			&master->pool));
	else
		begin_service(master);
	finish(master, SH_EXIT_OK, words);
}
