/* This file is the life of a pool's parent: one wait, ordered reactions. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "crew/crew.h"
#include "crew/crew_plan.h"
#include "master/master_fork.h"
#include "master/master_policy.h"
#include "proc/channel.h"
#include "proc/register.h"

/* Workers of a slot beside the one that serves: they retire, or are killed. */
enum { OLD_MAX = 2 };

bool
sh_crew_is_parent(const struct shoal_pool *pool)
{
	return pool->running && pool->parent == getpid();
}

bool
sh_crew_has_started(const struct shoal_pool *pool)
{
	return sh_crew_is_parent(pool) && pool->started;
}

void
sh_crew_stop(struct shoal_pool *pool, enum sh_stop stop)
{
	if (!pool->started && pool->result == 0)
		pool->result = -SHOAL_ECANCELED;
	sh_pool_stop(&pool->pool, stop);
}

static void
stop_by_signal(struct shoal_pool *pool, enum sh_stop wanted, int signo)
{
	sh_log_notice("signal %s: stopping", sigabbrev_np(signo));
	sh_crew_stop(pool, sh_policy_stronger(pool->pool.state.stop, wanted));
}

static void
restart_by_signal(struct shoal_pool *pool, int signo)
{
	sh_log_notice("signal %s: restarting", sigabbrev_np(signo));
	/* those of the first start are new enough */
	if (pool->started)
		sh_roll_start(&pool->roll, &pool->pool);
}

static void
on_signal(void *arg, int signo)
{
	struct shoal_pool *pool = arg;

	switch (signo) {
	case SIGTERM: stop_by_signal(pool, SH_STOP_GRACEFUL, signo); break;
	case SIGQUIT: stop_by_signal(pool, SH_STOP_DRAIN, signo); break;
	case SIGINT: stop_by_signal(pool, SH_STOP_FAST, signo); break;
	case SIGHUP:
	case SIGUSR1: restart_by_signal(pool, signo); break;
	/* SIGCHLD has woken the loop; the rest is for others */
	default: break;
	}
}

static void
let_go(struct shoal_pool *pool)
{
	const struct sh_pool_state *state = &pool->pool.state;
	uint32_t i;

	pool->started = true;
	for (i = 0; i < state->process_count; i++)
		if (state->processes[i].state == SH_PROCESS_READY)
			sh_channel_send_value(
			    state->processes[i].channel_fd, SH_MESSAGE_GO, 0);
	sh_log_notice("%u workers serve", state->slot_count);
	if (pool->hooks.on_start != NULL)
		pool->hooks.on_start(pool, pool->options.arg);
}

static void
on_outcome(
    enum sh_outcome outcome, uint64_t generation, const char *text, void *arg)
{
	struct shoal_pool *pool = arg;

	if (outcome == SH_OUTCOME_SERVING) {
		let_go(pool);
		return;
	}
	sh_log_err("cannot start: %s", text);
	pool->result = pool->start_error;
	if (pool->result == 0)
		pool->result =
		    sh_clock_ms() >= pool->pool.state.target_deadline_ms
		    ? -SHOAL_ETIMEDOUT
		    : -SHOAL_ECANCELED;
	sh_pool_stop(&pool->pool, SH_STOP_FAST);
}

static void
on_exit(const struct sh_process *process, const struct sh_exit *how, void *arg)
{
	struct shoal_pool *pool = arg;
	struct shoal_pool_exit told = {
		.slot = (int)process->slot,
		.pid = process->pid,
		.status = how->status,
		.signal = how->signal,
		.expected = process->told ||
		    pool->pool.state.phase == SH_PHASE_STOPPING,
	};

	sh_post_gone(
	    &pool->post, (uint32_t)(process - pool->pool.state.processes));
	if (!pool->started && !told.expected && pool->start_error == 0)
		pool->start_error =
		    process->error < 0 ? process->error : -SHOAL_ECANCELED;
	if (pool->hooks.on_worker_exit != NULL)
		pool->hooks.on_worker_exit(pool, &told, pool->options.arg);
}

/* Let the program read a message that is for the parent. */
static int
show(struct shoal_pool *pool, int from, const struct sh_body *body)
{
	struct shoal_pool_message message = { .from = from };
	struct sh_view view;
	int r = sh_view_open(&view, body);

	if (r < 0)
		return r;
	message.data = view.data;
	message.len = view.len;
	pool->hooks.on_message(pool, &message, pool->options.arg);
	sh_view_close(&view);
	return 0;
}

/* The answer comes before the hook, lest one that takes long keep the sender
 * waiting. */
static void
take_post(struct shoal_pool *pool, const struct sh_process *process,
    const struct sh_message *message, int *fd)
{
	struct sh_body body;
	int from = (int)process->slot;
	int r = sh_body_take(&body, message, fd);

	if (r == 0 && message->value == SHOAL_POOL_PARENT)
		r = pool->hooks.on_message != NULL ? 0 : -SHOAL_ENOENT;
	else if (r == 0)
		r = sh_post_put(&pool->post, from, message->value, &body);
	sh_channel_send_value(process->channel_fd, SH_MESSAGE_POSTED, r);
	if (r == 0 && message->value == SHOAL_POOL_PARENT) {
		r = show(pool, from, &body);
		if (r < 0)
			sh_log_err("a message of slot %d is lost: %s", from,
			    strerror(-r));
	}
	sh_body_close(&body);
}

static bool
on_message(const struct sh_process *process, const struct sh_message *message,
    int *fd, void *arg)
{
	struct shoal_pool *pool = arg;
	uint32_t index = (uint32_t)(process - pool->pool.state.processes);

	switch (message->type) {
	case SH_MESSAGE_POST:
	case SH_MESSAGE_PARCEL: take_post(pool, process, message, fd); break;
	case SH_MESSAGE_TAKEN:
		sh_post_taken(&pool->post, index, message->value);
		break;
	case SH_MESSAGE_AWAIT:
		sh_post_await(&pool->post, index, message->value);
		break;
	case SH_MESSAGE_STOP_POOL:
		sh_log_notice("slot %u: worker %d stops the pool",
		    process->slot, (int)process->pid);
		sh_crew_stop(pool, SH_STOP_GRACEFUL);
		break;
	default: return false;
	}
	return true;
}

static bool
is_own_child(pid_t pid, void *arg)
{
	const struct shoal_pool *pool = arg;

	return sh_pool_owns(&pool->pool, pid);
}

static void
turn(struct shoal_pool *pool)
{
	sh_pool_turn(&pool->pool, sh_clock_ms());
	sh_roll_turn(&pool->roll, &pool->pool);
	if (pool->pool.state.phase == SH_PHASE_STOPPING && !pool->stop_told) {
		pool->stop_told = true;
		if (pool->hooks.on_stop != NULL)
			pool->hooks.on_stop(pool, pool->options.arg);
	}
	if (getpid() == 1)
		sh_bury_adopted(is_own_child, pool);
	/* the roll and the hooks may have given the pool something to do */
	sh_pool_turn(&pool->pool, sh_clock_ms());
	sh_post_turn(&pool->post);
}

static void
serve(struct shoal_pool *pool)
{
	for (;;) {
		int64_t timeout_ms;

		turn(pool);
		if (pool->pool.ended_all)
			return;
		timeout_ms = sh_pool_timeout_ms(&pool->pool, sh_clock_ms());
		sh_pool_poll(&pool->pool, &pool->poll);
		sh_post_poll(&pool->post, &pool->poll);
		sh_signalfd_poll(&pool->signals, &pool->poll);
		sh_poll_wait(&pool->poll, timeout_ms);
	}
}

/* Give the pool its one generation. */
static int
offer(struct shoal_pool *pool)
{
	struct sh_generation *generation;
	char why[SH_WHY_MAX];
	int r = sh_crew_generation(pool, &generation, why, sizeof(why));

	if (r == 0)
		r = sh_pool_offer(&pool->pool, generation,
		    pool->options.start_timeout_ms, sh_clock_ms(), why,
		    sizeof(why));
	if (r < 0)
		sh_log_err("cannot start: %s", why);
	return r;
}

static int
open_pool(struct shoal_pool *pool)
{
	struct sh_pool_options options = {
		.slot_count = (uint32_t)pool->options.workers,
		.max_old = OLD_MAX,
		.worker = sh_crew_worker,
		.worker_arg = pool,
		.on_outcome = on_outcome,
		.on_exit = on_exit,
		.on_message = on_message,
		.arg = pool,
		.runs_program = true,
	};
	int r = sh_pool_init(&pool->pool, &options);

	sh_post_init(&pool->post, &pool->pool.state,
	    (size_t)pool->options.queue_messages,
	    (size_t)pool->options.queue_bytes);
	return r;
}

static void
close_pool(struct shoal_pool *pool)
{
	sh_post_fini(&pool->post);
	sh_pool_fini(&pool->pool);
	sh_signalfd_close(&pool->signals);
	sh_poll_fini(&pool->poll);
	pool->running = false;
}

/* Nothing of an earlier run is left. */
static void
begin(struct shoal_pool *pool)
{
	memset((void *)&pool->pool, 0, sizeof(pool->pool));
	pool->post = (struct sh_post){ 0 };
	pool->roll = (struct sh_roll){ 0 };
	pool->running = true;
	pool->parent = getpid();
	pool->started = pool->stop_told = false;
	pool->start_error = pool->result = 0;
	sh_log_set_role("pool");
}

int
sh_crew_run(struct shoal_pool *pool)
{
	char why[SH_WHY_MAX];
	int r;

	if (pool->running)
		return -SHOAL_ESTATE;
	r = sh_fork_is_safe(why, sizeof(why));
	if (r < 0) {
		sh_log_err("cannot start: %s", why);
		return r;
	}
	sh_register_fill_standard();
	begin(pool);
	r = sh_signalfd_open(&pool->signals, on_signal, pool);
	if (r == 0)
		r = open_pool(pool);
	if (r == 0)
		r = offer(pool);
	if (r == 0) {
		serve(pool);
		r = pool->result;
	}
	close_pool(pool);
	return r;
}

int
sh_crew_address(const struct shoal_pool *pool, int index, char *buf, size_t cap)
{
	const struct sh_generation *generation = pool->pool.generations;
	char text[SH_ADDR_TEXT_MAX];

	if (index < 0 || (size_t)index >= pool->address_count)
		return -SHOAL_ENOENT;
	if (generation == NULL || generation->bounds[index] == NULL)
		return -SHOAL_ESTATE;
	sh_addr_format(&generation->bounds[index]->addr, text, sizeof(text));
	return snprintf(buf, cap, "%s", text) < (int)cap ? 0 : -SHOAL_EMSGSIZE;
}
