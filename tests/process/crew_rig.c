/* This file is a program with a pool, for tests. */
#include "config.h"

#include "crew_rig.h"

#include <check.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/log.h"

struct crew_facts *shared;
struct shoal_pool *pool;
struct shoal_pool_hooks hooks;
struct shoal_pool_options options;

struct shoal_pool_exit exits[EXITS];
unsigned exit_count;

void
on_worker_exit(
    struct shoal_pool *of, const struct shoal_pool_exit *how, void *arg)
{
	ck_assert_uint_lt(exit_count, EXITS);
	exits[exit_count++] = *how;
}

int
wait_for_end(struct shoal_pool_worker *worker, void *arg)
{
	struct shoal_pool_message message;

	while (shoal_pool_worker_receive(worker, &message, -1) > 0)
		;
	return 0;
}

void
set_up(int workers, shoal_pool_main_fn *fn)
{
	sh_log_open(2, SH_LOG_TEXT, SHOAL_LOG_CRIT);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	hooks = (struct shoal_pool_hooks){ .size = sizeof(hooks),
		.on_worker_exit = on_worker_exit };
	options = (struct shoal_pool_options){ .size = sizeof(options),
		.workers = workers,
		.main = fn,
		.start_timeout_ms = PATIENCE_MS,
		.stop_timeout_ms = PATIENCE_MS,
		.restart_timeout_ms = PATIENCE_MS,
		.backoff_first_ms = 50,
		.backoff_max_ms = 200 };
}

void
make(void)
{
	options.hooks = &hooks;
	ck_assert_int_eq(shoal_pool_new(&options, &pool), 0);
}

int
run(void)
{
	int r;

	make();
	r = shoal_pool_run(pool);
	shoal_pool_free(&pool);
	ck_assert_ptr_null(pool);
	return r;
}

void
expect_alone(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

void
expect_good_exits(unsigned count)
{
	unsigned i;

	ck_assert_uint_eq(exit_count, count);
	for (i = 0; i < exit_count; i++) {
		ck_assert_int_eq(exits[i].signal, 0);
		ck_assert_int_eq(exits[i].status, 0);
	}
}
