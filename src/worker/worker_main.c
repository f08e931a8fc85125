/* This file is a worker's life: the prologue in one fixed order, the loop, the
 * end. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "co/co.h"
#include "co/co_fault.h"
#include "io/await.h"
#include "io/loop.h"
#include "proc/channel.h"
#include "proc/privileges.h"
#include "session/service.h"
#include "settings/settings.h"
#include "topic/keep.h"
#include "worker/worker.h"

enum {
	/* what cancelled coroutines have to end */
	COROUTINES_END_MS = 1000,
	/* so many of the others are named */
	TOLD_MAX = 8
};

static struct sh_worker *current;

struct sh_worker *
sh_worker_current(void)
{
	return current;
}

static void
name_process(const struct sh_heritage *heritage)
{
	char role[48], name[16];

	snprintf(role, sizeof(role), "worker %u gen %llu", heritage->slot,
	    (unsigned long long)heritage->generation);
	sh_log_set_role(role);
	snprintf(name, sizeof(name), "shoal-w%u", heritage->slot);
	prctl(PR_SET_NAME, name, 0, 0, 0);
}

static int
set_limits(struct sh_worker *worker)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)worker->heritage->plan->nofile;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return 0;
	snprintf(worker->why, sizeof(worker->why),
	    "cannot have %llu descriptors (workers.nofile): %s",
	    (unsigned long long)wanted, strerror(errno));
	return -errno;
}

static int
drop_privileges(struct sh_worker *worker)
{
	char why[256];
	int r = sh_privileges_drop(
	    &worker->heritage->plan->identity, why, sizeof(why));

	if (r < 0) {
		snprintf(worker->why, sizeof(worker->why),
		    "cannot become the workers' user: %s", why);
		return r;
	}
	/* changing the user forbids core dumps, which are worth having */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return 0;
}

/* Connections of the mean worker, for sockets that all of them watch. */
static size_t
mean_connections(void *arg)
{
	const struct sh_worker *worker = arg;
	const struct sh_scoreboard *board = worker->heritage->board;
	size_t sum = 0, processes = 0;
	uint32_t i;

	for (i = 0; i < board->count; i++) {
		if (atomic_load_explicit(&board->blocks[i].incarnation,
			memory_order_relaxed) == 0)
			continue;
		sum += sh_block_connections(&board->blocks[i]);
		processes++;
	}
	return processes == 0 ? 0 : sum / processes;
}

static void
on_no_connections(void *arg)
{
	sh_worker_leave_when_idle(arg);
}

static int
make_loop(struct sh_worker *worker)
{
	const struct sh_heritage *heritage = worker->heritage;
	const struct sh_settings *settings = sh_plan_settings(heritage->plan);
	struct sh_block *block = &heritage->board->blocks[heritage->process];
	struct sh_loop_options options = {
		.counters = &block->counters,
		.user_counters = block->user,
		.heartbeat = &block->heartbeat,
		.incarnation = heritage->incarnation,
		.max_connections = (size_t)heritage->plan->max_connections,
		.queue_max = settings->worker_queue == SH_OFF
		    ? 0
		    : (size_t)settings->worker_queue,
		.stack_size = (size_t)settings->workers.stack_size,
		.unguarded_stacks =
		    settings->workers.stack_guard == SH_STACK_ANY,
		.mean_connections = mean_connections,
		.mean_arg = worker,
		.on_no_connections = on_no_connections,
		.idle_arg = worker,
	};
	int r = sh_loop_new(&options, &worker->loop);

	if (r < 0)
		snprintf(worker->why, sizeof(worker->why),
		    "cannot make the event loop: %s", shoal_strerror(r));
	return r;
}

/* Before the loop turns nobody sees the end of the channel, and code that hangs
 * would stay for ever. */
static void
die_with_master(bool yes)
{
	prctl(PR_SET_PDEATHSIG, yes ? SIGKILL : 0, 0, 0, 0);
}

/* Code of others that is called before or after the loop. */
struct code {
	struct sh_worker *worker;
	int (*fn)(struct sh_worker *worker);
	int result;
	bool done;
};

static void
call_code(void *arg)
{
	struct code *code = arg;

	code->result = code->fn(code->worker);
	code->done = true;
}

/* It may wait, as all code of others. The master has a deadline for it. */
static int
run_code(struct sh_worker *worker, int (*fn)(struct sh_worker *worker))
{
	struct code code = { .worker = worker, .fn = fn };
	int r = 0;

	sh_co_call(
	    sh_loop_coroutines(worker->loop), call_code, &code, "worker");
	while (!code.done && r == 0)
		r = sh_loop_turn(worker->loop);
	return r < 0 ? r : code.result;
}

/*
 * The order matters: limits are raised while that is still allowed; no code of
 * modules or handlers runs before privileges are gone, but for the constructors
 * of modules under a changed root, which hides the path below /proc that they
 * are loaded by; no connection comes before the handlers are ready.
 */
static int
prologue(struct sh_worker *worker)
{
	bool hides_proc = worker->heritage->plan->identity.chroot[0] != '\0';
	int r;

	die_with_master(true);
	r = hides_proc ? sh_worker_load_modules(worker) : 0;
	if (r == 0)
		r = set_limits(worker);
	if (r == 0)
		r = drop_privileges(worker);
	die_with_master(true); /* another user forgets it */
	if (r == 0 && !hides_proc)
		r = sh_worker_load_modules(worker);
	if (r == 0)
		r = make_loop(worker);
	if (r == 0)
		r = sh_worker_open_control(worker);
	if (r == 0)
		r = sh_worker_open_topics(worker);
	if (r == 0)
		r = run_code(worker, sh_worker_start_code);
	/* it may have been told to end while that code was in a wait */
	if (r == 0 && worker->accepting) {
		sh_worker_begin_topics(worker);
		r = sh_worker_open_services(worker);
	}
	if (r == 0)
		r = sh_worker_begin_control(worker);
	/* all workers have said the same by now */
	sh_keep_settle();
	die_with_master(false);
	return r;
}

static void
report_failure(struct sh_worker *worker, int error)
{
	if (worker->why[0] == '\0')
		snprintf(worker->why, sizeof(worker->why), "%s",
		    shoal_strerror(error));
	sh_log_err("cannot start: %s", worker->why);
	sh_channel_send_text(
	    worker->heritage->channel_fd, SH_MESSAGE_FAILED, "%s", worker->why);
}

static void
tell_left_behind(struct sh_co *co, void *arg)
{
	int *told = arg;

	if ((*told)++ < TOLD_MAX)
		sh_log_warning("handler '%s' does not end; it waits in %s",
		    sh_co_name(co), sh_co_place(co));
}

/* Those that are in a wait come out of it, clean up and return. */
static void
end_coroutines(struct sh_worker *worker)
{
	struct sh_co_pool *coroutines = sh_loop_coroutines(worker->loop);
	int64_t until_ms = sh_clock_ms() + COROUTINES_END_MS;
	int told = 0;

	sh_await_cancel_all(worker->loop);
	while (sh_co_pool_alive(coroutines) != 0 && sh_clock_ms() < until_ms)
		if (sh_loop_turn(worker->loop) < 0)
			break;
	if (sh_co_pool_alive(coroutines) == 0)
		return;
	sh_log_warning("%zu coroutines do not end and are left behind",
	    sh_co_pool_alive(coroutines));
	sh_co_each(coroutines, tell_left_behind, &told);
	/* what they use is going to be freed */
	sh_co_forget_all(coroutines);
}

static void
epilogue(struct sh_worker *worker)
{
	size_t i;

	end_coroutines(worker);

	/* it may wait, and what is ordered meanwhile is meant for services */
	run_code(worker, sh_worker_stop_code);
	for (i = 0; i < worker->service_count; i++) {
		sh_service_free(&worker->services[i].service);
		sh_worker_free_routes(&worker->services[i]);
	}
	sh_worker_close_topics(worker);
	sh_worker_close_control(worker);
	sh_loop_free(&worker->loop);
	free(worker->services);
	free(worker->modules);
	sh_catalog_fini(&worker->catalog);
}

int
sh_worker_main(const struct sh_heritage *heritage, void *arg)
{
	struct sh_worker worker = { .heritage = heritage,
		.program = arg,
		.signal_fd = -1,
		.accepting = true };
	int r;

	name_process(heritage);
	sh_mem_keep_freed();
	sh_co_fault_install();
	sh_catalog_init(&worker.catalog, worker.program);
	sh_catalog_make_current(&worker.catalog);
	current = &worker;
	r = prologue(&worker);
	if (r < 0) {
		report_failure(&worker, r);
		return SH_WORKER_FAILED;
	}
	sh_channel_send_value(heritage->channel_fd, SH_MESSAGE_READY, 0);
	if (worker.accepting)
		r = sh_loop_run(worker.loop);
	epilogue(&worker);
	return r < 0 ? SH_WORKER_FAILED : SH_WORKER_DONE;
}
