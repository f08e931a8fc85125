/* This file tests <shoal/thread.h>. */
#include "config.h"

#include <shoal/thread.h>

#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "co/co.h"
#include "io/loop.h"
#include "io/thread_pool.h"
#include "support/gate.h"
#include "support/suite.h"

enum { CALLS = 8, LONG_MS = 10000, POSTERS = 4, POSTS = 10000 };

static struct gate gate;

static void
run(shoal_co_fn *fn, void *arg)
{
	ck_assert_int_eq(shoal_run(fn, arg), 0);
}

static void
await_count(const atomic_int *count, int n)
{
	int i;

	for (i = 0; i < LONG_MS && *count < n; i++)
		shoal_co_sleep(1);
}

/* --- blocking ------------------------------------------------------------- */

struct call {
	int input, output;
	int timeout_ms; /* 0: shoal_co_blocking() */
	int result;
	int next_wait; /* of this coroutine */
	atomic_int begun, freed;
	sem_t *tell_freed;
};

static void
block(void *arg)
{
	struct call *call = arg;

	call->begun++;
	gate_pass(&gate);
	call->output = call->input * 2;
}

static void
free_call(void *arg)
{
	struct call *call = arg;
	sem_t *tell_freed = call->tell_freed;

	call->freed++;
	if (tell_freed != NULL)
		sem_post(tell_freed);
}

static void
call_blocking(void *arg)
{
	struct call *call = arg;

	call->result = call->timeout_ms == 0
	    ? shoal_co_blocking(block, call)
	    : shoal_co_blocking_for(block, call, free_call, call->timeout_ms);
	call->next_wait = shoal_co_sleep(1);
}

/* Calls that keep all threads busy until the gate opens. */
static void
hold_threads(struct call *calls)
{
	int i;

	for (i = 0; i < SH_THREADS_MAX; i++)
		shoal_co_start(call_blocking, &calls[i], "holder");
	await_count(&gate.entered, SH_THREADS_MAX);
}

struct crowd {
	struct call calls[CALLS];
	int entered, left;
};

static void
call_together(void *arg)
{
	struct crowd *crowd = arg;
	int i;

	for (i = 0; i < CALLS; i++) {
		crowd->calls[i].input = i + 1;
		shoal_co_start(call_blocking, &crowd->calls[i], "caller");
	}
	await_count(&gate.entered, SH_THREADS_MAX);
	/* the others go on */
	for (i = 0; i < 20; i++)
		shoal_co_sleep(1);
	crowd->entered = gate.entered;
	crowd->left = gate.left;
	gate_open(&gate, CALLS);
}

START_TEST(blocking_calls_leave_the_loop_alone)
{
	struct crowd crowd = { 0 };
	int i;

	gate_init(&gate);
	run(call_together, &crowd);
	ck_assert_int_eq(crowd.entered, SH_THREADS_MAX);
	ck_assert_int_eq(crowd.left, 0);
	for (i = 0; i < CALLS; i++) {
		ck_assert_int_eq(crowd.calls[i].result, 0);
		ck_assert_int_eq(crowd.calls[i].output, 2 * (i + 1));
	}
	gate_fini(&gate);
}
END_TEST

struct canceled {
	struct call held[SH_THREADS_MAX], queued, refused;
	int early;
};

static void
call_refused(void *arg)
{
	shoal_co_cancel(shoal_co_self());
	call_blocking(arg);
}

static void
cancel_calls(void *arg)
{
	struct canceled *c = arg;
	int64_t id;

	hold_threads(c->held);
	id = shoal_co_start(call_blocking, &c->queued, "queued");
	shoal_co_cancel(id);
	shoal_co_join(id, LONG_MS);
	shoal_co_start(call_refused, &c->refused, "refused");
	c->early = gate.left;
	gate_open(&gate, SH_THREADS_MAX);
}

START_TEST(cancel_keeps_a_call_from_beginning)
{
	struct canceled c = { 0 };
	int i;

	gate_init(&gate);
	run(cancel_calls, &c);
	ck_assert_int_eq(c.early, 0);
	ck_assert_int_eq(c.queued.result, -SHOAL_ECANCELED);
	ck_assert_int_eq(c.queued.begun, 0);
	ck_assert_int_eq(c.refused.result, -SHOAL_ECANCELED);
	ck_assert_int_eq(c.refused.begun, 0);
	for (i = 0; i < SH_THREADS_MAX; i++)
		ck_assert_int_eq(c.held[i].result, 0);
	gate_fini(&gate);
}
END_TEST

static void
cancel_begun(void *arg)
{
	struct call *call = arg;
	int64_t id = shoal_co_start(call_blocking, call, "caller");
	int i;

	await_count(&gate.entered, 1);
	for (i = 0; i < 30; i++) {
		shoal_co_cancel(id);
		shoal_co_sleep(i % 2);
	}
	call->input = call->next_wait == 0 && call->output == 0 ? 21 : 0;
	gate_open(&gate, 1);
	shoal_co_join(id, LONG_MS);
}

START_TEST(cancel_does_not_end_a_call_that_has_begun)
{
	struct call call = { 0 };

	gate_init(&gate);
	run(cancel_begun, &call);
	ck_assert_int_eq(call.result, 0);
	ck_assert_int_eq(call.output, 42);
	ck_assert_int_eq(call.next_wait, -SHOAL_ECANCELED);
	gate_fini(&gate);
}
END_TEST

static void
call_in_time(void *arg)
{
	gate_open(&gate, 1);
	call_blocking(arg);
}

START_TEST(call_in_time_leaves_the_argument)
{
	struct call call = { .input = 5, .timeout_ms = LONG_MS };

	gate_init(&gate);
	run(call_in_time, &call);
	ck_assert_int_eq(call.result, 0);
	ck_assert_int_eq(call.output, 10);
	ck_assert_int_eq(call.freed, 0);
	gate_fini(&gate);
}
END_TEST

struct given_up {
	struct call held[SH_THREADS_MAX], queued, cancelled;
	int held_freed, queued_freed;
};

static void
give_up(void *arg)
{
	struct given_up *g = arg;
	int64_t id;
	int i;

	for (i = 0; i < SH_THREADS_MAX; i++)
		g->held[i].timeout_ms = 500;
	g->held[0].timeout_ms = LONG_MS;
	id = shoal_co_start(call_blocking, &g->held[0], "cancelled");
	for (i = 1; i < SH_THREADS_MAX; i++)
		shoal_co_start(call_blocking, &g->held[i], "holder");
	await_count(&gate.entered, SH_THREADS_MAX);
	shoal_co_cancel(id);
	g->queued.timeout_ms = 1;
	call_blocking(&g->queued);
	g->queued_freed = g->queued.freed;
	g->cancelled.timeout_ms = LONG_MS;
	id = shoal_co_start(call_blocking, &g->cancelled, "cancelled");
	shoal_co_cancel(id);
	/* all have given up, and have not returned */
	while (shoal_co_count() > 1)
		shoal_co_sleep(1);
	for (i = 0; i < SH_THREADS_MAX; i++)
		g->held_freed += g->held[i].freed;
	gate_open(&gate, SH_THREADS_MAX);
	for (i = 0; i < SH_THREADS_MAX; i++)
		await_count(&g->held[i].freed, 1);
}

START_TEST(who_gives_up_leaves_the_argument_behind)
{
	struct given_up g = { 0 };
	int i;

	gate_init(&gate);
	run(give_up, &g);
	ck_assert_int_eq(g.queued.result, -SHOAL_ETIMEDOUT);
	ck_assert_int_eq(g.queued.begun, 0);
	ck_assert_int_eq(g.queued_freed, 1);
	ck_assert_int_eq(g.cancelled.result, -SHOAL_ECANCELED);
	ck_assert_int_eq(g.cancelled.begun, 0);
	ck_assert_int_eq(g.cancelled.freed, 1);
	ck_assert_int_eq(g.held_freed, 0);
	for (i = 0; i < SH_THREADS_MAX; i++) {
		ck_assert_int_eq(g.held[i].begun, 1);
		ck_assert_int_eq(g.held[i].freed, 1);
		ck_assert_int_eq(g.held[i].result,
		    i == 0 ? -SHOAL_ECANCELED : -SHOAL_ETIMEDOUT);
	}
	gate_fini(&gate);
}
END_TEST

static void
call_wrongly(void *arg)
{
	struct call *calls = arg;

	calls[0].result = shoal_co_blocking(NULL, &calls[0]);
	calls[1].result =
	    shoal_co_blocking_for(NULL, &calls[1], free_call, LONG_MS);
	calls[2].result = shoal_co_blocking_for(block, &calls[2], free_call, 0);
	calls[3].result = shoal_co_blocking_for(block, &calls[3], NULL, 0);
}

START_TEST(calls_that_do_not_begin)
{
	struct call calls[4] = { 0 };

	run(call_wrongly, calls);
	ck_assert_int_eq(calls[0].result, -SHOAL_EINVAL);
	ck_assert_int_eq(calls[1].result, -SHOAL_EINVAL);
	ck_assert_int_eq(calls[1].freed, 1);
	ck_assert_int_eq(calls[2].result, -SHOAL_ETIMEDOUT);
	ck_assert_int_eq(calls[2].freed, 1);
	ck_assert_int_eq(calls[2].begun, 0);
	ck_assert_int_eq(calls[3].result, -SHOAL_ETIMEDOUT);
}
END_TEST

static void
leave_begun(void *arg)
{
	struct call *call = arg;
	int64_t id = shoal_co_start(call_blocking, call, "caller");

	await_count(&gate.entered, 1);
	shoal_co_cancel(id);
}

static bool
await_semaphore(sem_t *semaphore)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LONG_MS / 1000;
	return sem_timedwait(semaphore, &until) == 0;
}

START_TEST(loop_ends_beside_a_call)
{
	sem_t tell_freed;
	struct call call = { .timeout_ms = LONG_MS, .tell_freed = &tell_freed };

	sem_init(&tell_freed, 0, 0);
	gate_init(&gate);
	run(leave_begun, &call);
	ck_assert_int_eq(call.result, -SHOAL_ECANCELED);
	ck_assert_int_eq(call.freed, 0);
	ck_assert(gate_open(&gate, 1));
	ck_assert(await_semaphore(&tell_freed));
	ck_assert_int_eq(call.freed, 1);
	sem_destroy(&tell_freed);
}
END_TEST

static sem_t written;

static void
block_and_tell(void *arg)
{
	block(arg);
	sem_post(&written);
}

static void
call_on_stack(void *arg)
{
	struct call *outer = arg, call = { .input = outer->input };

	outer->result = shoal_co_blocking(block_and_tell, &call);
	outer->begun = 1;
}

/* A worker ends by its deadline, whoever still waits. */
START_TEST(loop_ends_with_a_stack_in_use)
{
	static const struct sh_loop_options options;
	static struct sh_co_pool *volatile kept; /* known to leak checkers */
	struct sh_loop *loop;
	struct call call = { .input = 3 };
	int i;

	sem_init(&written, 0, 0);
	gate_init(&gate);
	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	kept = sh_loop_coroutines(loop);
	ck_assert_int_gt(sh_co_start(kept, call_on_stack, &call, "caller"), 0);
	for (i = 0; i < LONG_MS && gate.entered == 0; i++)
		ck_assert_int_eq(sh_loop_turn(loop), 0);
	ck_assert_int_eq(gate.entered, 1);
	sh_co_forget_all(kept);
	sh_loop_free(&loop);
	ck_assert(gate_open(&gate, 1));
	/* the thread writes to the stack, then tells */
	ck_assert(await_semaphore(&written));
	ck_assert_int_eq(call.result, 0);
	ck_assert_int_eq(call.begun, 0);
}
END_TEST

/* --- posts ---------------------------------------------------------------- */

struct posting {
	struct shoal_worker *worker;
	pthread_t loop_thread;
	int64_t main, first;
	int arrived, disordered, elsewhere, failed;
	sem_t seen;
	struct poster {
		struct posting *all;
		pthread_t thread;
		int last;
		struct parcel {
			struct poster *poster;
			int number;
		} parcels[POSTS];
	} posters[POSTERS];
};

static struct posting posting;

static void
receive(void *arg)
{
	struct parcel *parcel = arg;
	struct poster *poster = parcel->poster;
	struct posting *all = poster->all;

	all->disordered += parcel->number != ++poster->last;
	all->elsewhere += !pthread_equal(pthread_self(), all->loop_thread) ||
	    shoal_co_self() == 0;
	if (++all->arrived == POSTERS * POSTS)
		shoal_co_resume(all->main, 0);
}

static void *
post_many(void *arg)
{
	struct poster *poster = arg;
	int i;

	for (i = 0; i < POSTS; i++) {
		struct parcel *parcel = &poster->parcels[i];

		parcel->poster = poster;
		parcel->number = i + 1;
		if (shoal_post(poster->all->worker, receive, parcel) < 0)
			return poster;
	}
	return NULL;
}

static void
receive_all(void *arg)
{
	struct posting *all = arg;
	void *failed;
	int i;

	all->worker = shoal_worker_self();
	all->loop_thread = pthread_self();
	all->main = shoal_co_self();
	for (i = 0; i < POSTERS; i++) {
		all->posters[i].all = all;
		pthread_create(
		    &all->posters[i].thread, NULL, post_many, &all->posters[i]);
	}
	shoal_co_suspend(LONG_MS);
	for (i = 0; i < POSTERS; i++) {
		pthread_join(all->posters[i].thread, &failed);
		all->failed += failed != NULL;
	}
}

START_TEST(posts_of_many_threads_arrive_in_order)
{
	ck_assert_ptr_null(shoal_worker_self());
	memset(&posting, 0, sizeof(posting));
	run(receive_all, &posting);
	ck_assert_ptr_nonnull(posting.worker);
	ck_assert_int_eq(posting.arrived, POSTERS * POSTS);
	ck_assert_int_eq(posting.disordered, 0);
	ck_assert_int_eq(posting.elsewhere, 0);
	ck_assert_int_eq(posting.failed, 0);
}
END_TEST

START_TEST(post_after_the_end_is_refused)
{
	memset(&posting, 0, sizeof(posting));
	run(receive_all, &posting);
	ck_assert_int_eq(
	    shoal_post(posting.worker, receive, NULL), -SHOAL_ESTATE);
	ck_assert_int_eq(shoal_post(NULL, receive, NULL), -SHOAL_EINVAL);
	ck_assert_int_eq(shoal_post(posting.worker, NULL, NULL), -SHOAL_EINVAL);
}
END_TEST

/* Threads post while the loop ends. */
static void
count_arrival(void *arg)
{
	struct posting *all = arg;

	all->arrived++;
}

static void *
post_until_refused(void *arg)
{
	struct posting *all = arg;
	int r;

	do
		r = shoal_post(all->worker, count_arrival, all);
	while (r == 0 || r == -SHOAL_ENOMEM);
	return r == -SHOAL_ESTATE ? NULL : arg;
}

static void
receive_some(void *arg)
{
	struct posting *all = arg;
	int i;

	all->worker = shoal_worker_self();
	for (i = 0; i < POSTERS; i++)
		pthread_create(
		    &all->posters[i].thread, NULL, post_until_refused, all);
	while (all->arrived < 100)
		shoal_co_sleep(1);
}

START_TEST(loop_ends_while_threads_post)
{
	void *failed;
	int i;

	memset(&posting, 0, sizeof(posting));
	run(receive_some, &posting);
	ck_assert_int_ge(posting.arrived, 100);
	for (i = 0; i < POSTERS; i++) {
		pthread_join(posting.posters[i].thread, &failed);
		ck_assert_ptr_null(failed);
	}
}
END_TEST

static void
wait_and_tell(void *arg)
{
	struct posting *all = arg;

	if (++all->arrived == 1)
		all->first = shoal_co_self();
	sem_post(&all->seen);
	if (all->arrived == 1)
		all->failed += shoal_co_suspend(SHOAL_FOREVER) != 8;
	else if (shoal_co_resume(all->first, 8) < 0 ||
	    shoal_co_resume(all->main, 7) < 0)
		all->failed++;
}

/* The second one comes when all that there are wait, and the loop has seen
 * it. */
static void *
post_two(void *arg)
{
	struct posting *all = arg;

	if (shoal_post(all->worker, wait_and_tell, all) < 0 ||
	    !await_semaphore(&all->seen) ||
	    shoal_post(all->worker, wait_and_tell, all) < 0)
		return all;
	return NULL;
}

static void
await_post(void *arg)
{
	struct posting *all = arg;
	struct poster *poster = &all->posters[0];
	void *failed;

	all->worker = shoal_worker_self();
	all->main = shoal_co_self();
	pthread_create(&poster->thread, NULL, post_two, all);
	all->failed += shoal_co_suspend(SHOAL_FOREVER) != 7;
	pthread_join(poster->thread, &failed);
	all->failed += failed != NULL;
}

START_TEST(whoever_waits_for_a_post_is_no_deadlock)
{
	memset(&posting, 0, sizeof(posting));
	sem_init(&posting.seen, 0, 0);
	run(await_post, &posting);
	ck_assert_int_eq(posting.failed, 0);
	ck_assert_int_eq(posting.arrived, 2);
	sem_destroy(&posting.seen);
}
END_TEST

SH_SUITE("api/thread", blocking_calls_leave_the_loop_alone,
    cancel_keeps_a_call_from_beginning,
    cancel_does_not_end_a_call_that_has_begun, call_in_time_leaves_the_argument,
    who_gives_up_leaves_the_argument_behind, calls_that_do_not_begin,
    loop_ends_beside_a_call, loop_ends_with_a_stack_in_use,
    posts_of_many_threads_arrive_in_order, post_after_the_end_is_refused,
    loop_ends_while_threads_post, whoever_waits_for_a_post_is_no_deadlock)
