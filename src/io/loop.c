/* This file is the turn of a worker. */
#include "config.h"

#include "io/loop.h"

#include <stdlib.h>
#include <time.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "co/co.h"
#include "io/await.h"
#include "io/conn_private.h"
#include "io/mailbox.h"
#include "io/resolve.h"
#include "io/socket.h"
#include "io/thread_pool.h"
#include "io/timer.h"

enum {
	/* some 5 ms of work, if all of them have just gone to sleep */
	TRIMMED_PER_TICK = 8192,
	/* stacks, a system call each */
	MEASURED_PER_TICK = 64
};

/* The loop of this process, and how many there were. */
static struct sh_loop *current;
static uint64_t made;

int64_t
sh_loop_coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
publish_coroutines(const struct sh_loop *loop)
{
	struct sh_counters *counters = loop->counters;
	struct sh_co_pool *pool = loop->coroutines;

	SH_SET(counters->coroutines, sh_co_pool_alive(pool));
	SH_SET(counters->coroutines_refused, sh_co_pool_refused(pool));
	SH_SET(counters->stack_guard, sh_co_pool_guard(pool));
	SH_SET(counters->stack_used,
	    sh_co_stack_high_water(pool, MEASURED_PER_TICK));
}

/* So the turn counter moves in an idle worker too. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sh_loop *loop = arg;

	sh_conn_prove_all(loop);
	sh_stall_check(loop);
	sh_co_trim(loop->coroutines, TRIMMED_PER_TICK);
	publish_coroutines(loop);
}

static struct event_base *
make_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	/* one thread; and the environment has no say in what is used */
	if (event_config_require_features(
		config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE) == 0 &&
	    event_config_set_flag(config,
		EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static struct sh_co_pool *
make_coroutines(const struct sh_loop_options *options)
{
	const struct sh_co_pool_options co_options = {
		.stack_size = options->stack_size,
		.unguarded = options->unguarded_stacks,
		.extra_size = sh_await_extra_size(),
		.extra_fini = sh_await_extra_fini,
	};

	return sh_co_pool_new(&co_options);
}

static void
init(struct sh_loop *loop, const struct sh_loop_options *options)
{
	static struct sh_counters unread;

	loop->options = *options;
	loop->queues_max =
	    options->queue_max != 0 ? options->queue_max : SIZE_MAX;
	loop->counters =
	    options->counters != NULL ? options->counters : &unread;
	TAILQ_INIT(&loop->ready);
	TAILQ_INIT(&loop->unsettled);
	TAILQ_INIT(&loop->unproven);
	TAILQ_INIT(&loop->dead);
	TAILQ_INIT(&loop->tasks);
	TAILQ_INIT(&loop->listeners);
	TAILQ_INIT(&loop->groups);
	LIST_INIT(&loop->sockets);
	LIST_INIT(&loop->fd_waits);
}

int
sh_loop_new(const struct sh_loop_options *options, struct sh_loop **out)
{
	static const struct timeval second = { .tv_sec = 1 };
	struct sh_loop *loop = sh_try_calloc(1, sizeof(*loop));

	sh_assert(current == NULL);
	if (loop == NULL)
		return -SHOAL_ENOMEM;
	init(loop, options);
	loop->base = make_base();
	loop->coroutines = make_coroutines(options);
	loop->read_buffer = malloc(SH_READ_SIZE + 1);
	loop->read_size = SH_READ_SIZE;
	if (loop->base == NULL || loop->coroutines == NULL ||
	    loop->read_buffer == NULL ||
	    event_assign(
		&loop->tick, loop->base, -1, EV_PERSIST, on_tick, loop) < 0 ||
	    event_add(&loop->tick, &second) < 0) {
		sh_loop_free(&loop);
		return -SHOAL_ENOMEM;
	}
	current = loop;
	made++;
	*out = loop;
	return 0;
}

void
sh_loop_free(struct sh_loop **loop)
{
	struct sh_loop *l;
	bool busy;

	if (loop == NULL || *loop == NULL)
		return;
	l = *loop;
	/* services that code has opened and not freed */
	sh_listener_close_all(l);
	sh_group_abandon_all(l);
	sh_socket_unwatch_all(l);
	sh_timer_stop_all(l);
	sh_wheel_free(&l->timer_wheel);
	sh_signals_free(&l->signals);
	sh_conn_free_dead(l);
	sh_id_table_fini(&l->conns);
	sh_id_table_fini(&l->timers);
	sh_resolver_free(&l->resolver);
	busy = sh_thread_pool_end(l);
	sh_mailbox_close(l);
	/* before the base: alarms are events, and stacks hold some. But a job
	   that still runs may have its argument on the stack of one that waits
	   for it. */
	sh_await_forget_fds(l);
	if (!busy || !sh_co_pool_has_frames(l->coroutines))
		sh_co_pool_free(&l->coroutines);
	if (event_initialized(&l->tick))
		event_del(&l->tick);
	if (l->base != NULL)
		event_base_free(l->base);
	free(l->read_buffer);
	free(l->spare_buffer);
	free(l->limits);
	free(l->stalls);
	if (current == l)
		current = NULL;
	free(l);
	*loop = NULL;
}

struct sh_loop *
sh_loop_current(void)
{
	return current;
}

uint64_t
sh_loop_number(void)
{
	return current != NULL ? made : 0;
}

static void
tell_emptied(struct sh_loop *loop)
{
	loop->emptied = false;
	if (loop->conn_count == 0 && loop->options.on_no_connections != NULL)
		loop->options.on_no_connections(loop->options.idle_arg);
}

void
sh_loop_task_begin(struct sh_loop *loop, struct sh_loop_task *task)
{
	if (task->begun)
		return;
	task->begun = true;
	TAILQ_INSERT_TAIL(&loop->tasks, task, link);
}

void
sh_loop_task_end(struct sh_loop *loop, struct sh_loop_task *task)
{
	if (!task->begun)
		return;
	task->begun = false;
	TAILQ_REMOVE(&loop->tasks, task, link);
}

/* One part of each; those that begin meanwhile have the next turn. */
static void
run_tasks(struct sh_loop *loop)
{
	struct sh_loop_task *task;
	size_t n = 0;

	TAILQ_FOREACH(task, &loop->tasks, link)
		n++;
	while (n-- > 0 && (task = TAILQ_FIRST(&loop->tasks)) != NULL) {
		sh_loop_task_end(loop, task);
		if (task->fn(task->arg))
			sh_loop_task_begin(loop, task);
	}
}

int
sh_loop_turn(struct sh_loop *loop)
{
	bool busy = loop->ready_count != 0 || !TAILQ_EMPTY(&loop->unsettled) ||
	    loop->emptied || sh_co_has_woken(loop->coroutines) ||
	    !TAILQ_EMPTY(&loop->tasks);

	/* the clock is read when somebody asks, but not before the wait */
	loop->now_known = false;
	if (event_base_loop(
		loop->base, EVLOOP_ONCE | (busy ? EVLOOP_NONBLOCK : 0)) < 0)
		return -SHOAL_ESTATE;
	if (loop->ready_count != 0)
		sh_conn_serve_ready(loop);
	if (sh_co_has_woken(loop->coroutines))
		sh_co_run_woken(loop->coroutines);
	if (!TAILQ_EMPTY(&loop->tasks))
		run_tasks(loop);
	if (!TAILQ_EMPTY(&loop->unsettled))
		sh_conn_settle_all(loop);
	if (!TAILQ_EMPTY(&loop->dead))
		sh_conn_free_dead(loop);
	if (loop->emptied)
		tell_emptied(loop);
	loop->turns++;
	if (loop->options.heartbeat != NULL)
		atomic_store_explicit(
		    loop->options.heartbeat, loop->turns, memory_order_relaxed);
	return 0;
}

int
sh_loop_run(struct sh_loop *loop)
{
	int r = 0;

	loop->stopping = false;
	while (r == 0 && !loop->stopping)
		r = sh_loop_turn(loop);
	return r;
}

void
sh_loop_stop(struct sh_loop *loop)
{
	loop->stopping = true;
}

int64_t
sh_loop_now_ms(struct sh_loop *loop)
{
	if (!loop->now_known) {
		loop->now_ms = sh_loop_coarse_ns() / 1000000;
		loop->now_known = true;
	}
	return loop->now_ms;
}

uint64_t
sh_loop_turns(const struct sh_loop *loop)
{
	return loop->turns;
}

size_t
sh_loop_connections(const struct sh_loop *loop)
{
	return loop->conn_count;
}

const struct sh_loop_options *
sh_loop_options(const struct sh_loop *loop)
{
	return &loop->options;
}

struct sh_co_pool *
sh_loop_coroutines(struct sh_loop *loop)
{
	return loop->coroutines;
}

bool
sh_loop_is_quiet(const struct sh_loop *loop)
{
	return loop->conn_count == 0 && TAILQ_EMPTY(&loop->listeners) &&
	    TAILQ_EMPTY(&loop->tasks) && loop->timers.count == 0;
}

bool
sh_loop_is_empty(const struct sh_loop *loop)
{
	return sh_loop_is_quiet(loop) &&
	    sh_co_pool_alive(loop->coroutines) == 0;
}
