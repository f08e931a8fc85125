/* This file is <shoal/thread.h>. */
#include "config.h"

#include <shoal/thread.h>

#include <stdlib.h>

#include "base/attr.h"
#include "base/mem.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/thread_pool.h"

struct call {
	struct sh_job job;
	shoal_blocking_fn *fn;
	void *arg;
	void (*free_arg)(void *arg);
	struct sh_co *waiter; /* NULL: it has given up */
	bool done;
};

static void
run_call(struct sh_job *job)
{
	struct call *call = SH_CONTAINER(job, struct call, job);

	call->fn(call->arg);
}

/* It has given up, and nobody else knows the call. */
static void
dispose(struct call *call)
{
	if (call->free_arg != NULL)
		call->free_arg(call->arg);
	free(call);
}

static void
on_done(struct sh_job *job)
{
	struct call *call = SH_CONTAINER(job, struct call, job);

	call->done = true;
	if (call->waiter != NULL)
		sh_co_wake(call->waiter, 0);
	else
		dispose(call);
}

static void
drop_call(struct sh_job *job)
{
	dispose(SH_CONTAINER(job, struct call, job));
}

/* The call is on the stack of one who waits for ever. */
static void
leave_call(struct sh_job *job)
{
}

/* Whether the running coroutine may wait: 0, or why not. */
static int
try_wait(const char *place)
{
	int r = sh_await(place, 0);

	return r == -SHOAL_ETIMEDOUT ? 0 : r;
}

int
shoal_co_blocking(shoal_blocking_fn *fn, void *arg)
{
	static const char place[] = "shoal_co_blocking";
	struct call call = {
		.job = { .run = run_call, .done = on_done, .drop = leave_call },
		.fn = fn,
		.arg = arg,
		.waiter = sh_co_running(),
	};
	int r = fn != NULL ? try_wait(place) : -SHOAL_EINVAL;

	if (r == 0)
		r = sh_job_start(sh_loop_current(), &call.job);
	if (r < 0)
		return r;
	r = sh_await(place, SH_NEVER);
	if (!call.done && sh_job_withdraw(&call.job))
		return r;
	while (!call.done)
		sh_await_firmly(place);
	return 0;
}

static int
start_call(struct call **out, shoal_blocking_fn *fn, void *arg,
    void (*free_arg)(void *arg))
{
	struct call *call = sh_try_calloc(1, sizeof(*call));

	if (call == NULL)
		return -SHOAL_ENOMEM;
	call->job.run = run_call;
	call->job.done = on_done;
	call->job.drop = drop_call;
	call->fn = fn;
	call->arg = arg;
	call->free_arg = free_arg;
	call->waiter = sh_co_running();
	if (sh_job_start(sh_loop_current(), &call->job) < 0) {
		free(call);
		return -SHOAL_ENOMEM;
	}
	*out = call;
	return 0;
}

static int
await_call(struct call *call, const char *place, int64_t deadline_us)
{
	int r = sh_await(place, deadline_us);

	if (call->done) {
		free(call);
		return 0;
	}
	if (sh_job_withdraw(&call->job))
		dispose(call);
	else
		call->waiter = NULL;
	return r;
}

int
shoal_co_blocking_for(shoal_blocking_fn *fn, void *arg,
    void (*free_arg)(void *arg), int timeout_ms)
{
	static const char place[] = "shoal_co_blocking_for";
	int64_t deadline_us = sh_deadline_us(timeout_ms);
	struct call *call;
	int r = fn != NULL ? try_wait(place) : -SHOAL_EINVAL;

	if (r == 0 && timeout_ms == 0)
		r = -SHOAL_ETIMEDOUT;
	if (r == 0)
		r = start_call(&call, fn, arg, free_arg);
	if (r == 0)
		return await_call(call, place, deadline_us);
	if (free_arg != NULL)
		free_arg(arg);
	return r;
}

/* The mailbox is one for the process, and so is the handle. */
struct shoal_worker {
	char unused;
};

static struct shoal_worker self;

struct shoal_worker *
shoal_worker_self(void)
{
	struct sh_loop *loop = sh_loop_current();

	if (loop == NULL || sh_mailbox_open(loop) < 0)
		return NULL;
	sh_await_expect_posts(loop);
	return &self;
}

struct post {
	struct sh_letter letter;
	shoal_co_fn *fn;
	void *arg;
};

static void
open_post(struct sh_letter *letter)
{
	struct post *post = SH_CONTAINER(letter, struct post, letter);
	shoal_co_fn *fn = post->fn;
	void *arg = post->arg;

	free(post);
	sh_co_call(
	    sh_loop_coroutines(sh_loop_current()), fn, arg, "shoal_post");
}

static void
drop_post(struct sh_letter *letter)
{
	free(SH_CONTAINER(letter, struct post, letter));
}

int
shoal_post(struct shoal_worker *worker, shoal_co_fn *fn, void *arg)
{
	struct post *post;
	int r;

	if (worker == NULL || fn == NULL)
		return -SHOAL_EINVAL;
	post = sh_try_calloc(1, sizeof(*post));
	if (post == NULL)
		return -SHOAL_ENOMEM;
	post->letter.open = open_post;
	post->letter.drop = drop_post;
	post->fn = fn;
	post->arg = arg;
	r = sh_mailbox_put(SH_MAILBOX_ANY, &post->letter);
	if (r < 0)
		free(post);
	return r;
}
