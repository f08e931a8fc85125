/* This file is the parent's side of <shoal/pool.h>. */
#include "config.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/pool.h>

#include "base/mem.h"
#include "base/panic.h"
#include "base/sock.h"
#include "crew/crew.h"
#include "io/loop.h"

enum {
	BACKLOG = 4096,
	START_TIMEOUT_MS = 60000,
	STOP_TIMEOUT_MS = 10000,
	RESTART_TIMEOUT_MS = 30000,
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_MAX_MS = 60000,
	QUEUE_MESSAGES = 128,
	QUEUE_BYTES = 64 << 20
};

static bool
are_valid(const struct shoal_pool_options *options)
{
	return options != NULL && options->size >= sizeof(*options) &&
	    options->main != NULL && options->workers >= 0 &&
	    options->workers <= SHOAL_POOL_WORKERS_MAX &&
	    (options->hooks == NULL ||
		options->hooks->size >= sizeof(*options->hooks)) &&
	    options->start_timeout_ms >= 0 && options->stop_timeout_ms >= 0 &&
	    options->restart_timeout_ms >= 0 &&
	    options->backoff_first_ms >= 0 && options->backoff_max_ms >= 0 &&
	    options->queue_messages >= 0 && options->queue_bytes >= 0 &&
	    options->queue_bytes <= SHOAL_POOL_QUEUE_BYTES_MAX;
}

static int
count_processors(void)
{
	cpu_set_t set;

	/* more than the set can hold: one is safe */
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
							    : 1;
}

static void
put_default(int *value, int fallback)
{
	if (*value == 0)
		*value = fallback;
}

static void
put_defaults(struct shoal_pool_options *options)
{
	if (options->workers == 0)
		options->workers = count_processors();
	put_default(&options->start_timeout_ms, START_TIMEOUT_MS);
	put_default(&options->stop_timeout_ms, STOP_TIMEOUT_MS);
	put_default(&options->restart_timeout_ms, RESTART_TIMEOUT_MS);
	put_default(&options->backoff_first_ms, BACKOFF_FIRST_MS);
	put_default(&options->backoff_max_ms, BACKOFF_MAX_MS);
	put_default(&options->queue_messages, QUEUE_MESSAGES);
	put_default(&options->queue_bytes, QUEUE_BYTES);
	if (options->backoff_max_ms < options->backoff_first_ms)
		options->backoff_max_ms = options->backoff_first_ms;
}

int
shoal_pool_new(
    const struct shoal_pool_options *options, struct shoal_pool **pool_out)
{
	struct shoal_pool *pool;

	if (!are_valid(options) || pool_out == NULL)
		return -SHOAL_EINVAL;
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return -SHOAL_ENOMEM;
	pool->magic = SH_CREW_MAGIC;
	pool->options = *options;
	if (options->hooks != NULL)
		pool->hooks = *options->hooks;
	pool->options.hooks = NULL;
	put_defaults(&pool->options);
	*pool_out = pool;
	return 0;
}

void
shoal_pool_free(struct shoal_pool **pool)
{
	size_t i;

	if (pool == NULL || *pool == NULL)
		return;
	SH_CHECK(*pool, SH_CREW_MAGIC);
	sh_assert(!(*pool)->running);
	for (i = 0; i < (*pool)->address_count; i++)
		free((*pool)->addresses[i].text);
	free((*pool)->addresses);
	(*pool)->magic = 0;
	free(*pool);
	*pool = NULL;
}

static bool
has_address(const struct shoal_pool *pool, const char *text)
{
	size_t i;

	for (i = 0; i < pool->address_count; i++)
		if (strcmp(pool->addresses[i].text, text) == 0)
			return true;
	return false;
}

static int
add_address(struct shoal_pool *pool, const char *text, int backlog)
{
	size_t n = pool->address_count;
	struct sh_crew_address *list =
	    sh_try_grow(pool->addresses, n + 1, sizeof(*list));

	if (list == NULL)
		return -SHOAL_ENOMEM;
	pool->addresses = list;
	list[n].text = strdup(text);
	if (list[n].text == NULL)
		return -SHOAL_ENOMEM;
	list[n].backlog = backlog != 0 ? backlog : BACKLOG;
	return (int)pool->address_count++;
}

int
shoal_pool_listen(struct shoal_pool *pool, const char *address, int backlog)
{
	struct sh_addr parsed;
	const char *why;

	SH_CHECK(pool, SH_CREW_MAGIC);
	if (pool->running)
		return -SHOAL_ESTATE;
	if (address == NULL || backlog < 0 ||
	    strlen(address) >= SH_ADDR_TEXT_MAX ||
	    sh_addr_parse(&parsed, address, &why) < 0)
		return -SHOAL_EINVAL;
	if (has_address(pool, address))
		return -SHOAL_EEXIST;
	return add_address(pool, address, backlog);
}

int
shoal_pool_address(
    const struct shoal_pool *pool, int index, char *buf, size_t cap)
{
	SH_CHECK(pool, SH_CREW_MAGIC);
	if (!sh_crew_is_parent(pool))
		return -SHOAL_ESTATE;
	return sh_crew_address(pool, index, buf, cap);
}

int
shoal_pool_run(struct shoal_pool *pool)
{
	SH_CHECK(pool, SH_CREW_MAGIC);
	/* a worker would inherit the loop, and could not have its own */
	if (sh_loop_current() != NULL)
		return -SHOAL_ESTATE;
	return sh_crew_run(pool);
}

int
shoal_pool_stop(struct shoal_pool *pool)
{
	SH_CHECK(pool, SH_CREW_MAGIC);
	if (!sh_crew_is_parent(pool))
		return -SHOAL_ESTATE;
	sh_crew_stop(pool, SH_STOP_GRACEFUL);
	return 0;
}

int
shoal_pool_restart(struct shoal_pool *pool)
{
	SH_CHECK(pool, SH_CREW_MAGIC);
	if (!sh_crew_has_started(pool))
		return -SHOAL_ESTATE;
	sh_roll_start(&pool->roll, &pool->pool);
	return 0;
}

int
shoal_pool_retire(struct shoal_pool *pool, int slot)
{
	SH_CHECK(pool, SH_CREW_MAGIC);
	if (!sh_crew_has_started(pool))
		return -SHOAL_ESTATE;
	if (slot < 0 || slot >= pool->options.workers)
		return -SHOAL_ENOENT;
	return sh_pool_replace(&pool->pool, (uint32_t)slot);
}

int
shoal_pool_send(struct shoal_pool *pool, int slot, const void *data, size_t len)
{
	struct sh_body body;
	int r;

	SH_CHECK(pool, SH_CREW_MAGIC);
	if (!sh_crew_is_parent(pool))
		return -SHOAL_ESTATE;
	if (data == NULL && len != 0)
		return -SHOAL_EINVAL;
	if (len > SHOAL_POOL_MESSAGE_MAX)
		return -SHOAL_EMSGSIZE;
	r = sh_body_make(&body, data, len);
	if (r < 0)
		return r;
	r = sh_post_put(&pool->post, SHOAL_POOL_PARENT, slot, &body);
	sh_body_close(&body);
	return r;
}

int
shoal_pool_pid(const struct shoal_pool *pool, int slot)
{
	const struct sh_process *process;

	SH_CHECK(pool, SH_CREW_MAGIC);
	if (!sh_crew_is_parent(pool))
		return -SHOAL_ESTATE;
	if (slot < 0 || slot >= pool->options.workers)
		return -SHOAL_ENOENT;
	process = sh_pool_newest(&pool->pool.state, (uint32_t)slot);
	return process != NULL ? process->pid : -SHOAL_ENOENT;
}
