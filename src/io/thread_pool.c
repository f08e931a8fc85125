/* This file runs jobs that block on a few threads. */
#include "config.h"

#include "io/thread_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "io/loop_private.h"

enum { STACK_SIZE = 256 * 1024 };

TAILQ_HEAD(sh_job_list, sh_job);

struct thread {
	struct sh_thread_pool *pool;
	pthread_t id;
	bool is_busy; /* in a job's run */
};

/*
 * Threads that are in a job when the loop ends are left to themselves, and the
 * last one of them frees the pool.
 */
struct sh_thread_pool {
	int64_t mailbox; /* the loop's */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work;  /* there is a job, or the end */
	struct sh_job_list queue;
	size_t queued, idle;
	bool ended;
	unsigned users; /* the loop and the threads */
	struct thread threads[SH_THREADS_MAX];
	size_t thread_count;
};

static void
release(struct sh_thread_pool *pool)
{
	bool last;

	pthread_mutex_lock(&pool->lock);
	last = --pool->users == 0;
	pthread_mutex_unlock(&pool->lock);
	if (!last)
		return;
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static void
unqueue(struct sh_thread_pool *pool, struct sh_job *job)
{
	TAILQ_REMOVE(&pool->queue, job, link);
	pool->queued--;
	job->queued = false;
}

/* Wait for a job; NULL at the end. */
static struct sh_job *
take(struct thread *thread)
{
	struct sh_thread_pool *pool = thread->pool;
	struct sh_job *job = NULL;

	pthread_mutex_lock(&pool->lock);
	pool->idle++;
	while (pool->queued == 0 && !pool->ended)
		pthread_cond_wait(&pool->work, &pool->lock);
	pool->idle--;
	if (!pool->ended) {
		job = TAILQ_FIRST(&pool->queue);
		unqueue(pool, job);
		thread->is_busy = true;
	}
	pthread_mutex_unlock(&pool->lock);
	return job;
}

static void *
run_thread(void *arg)
{
	struct thread *thread = arg;
	struct sh_thread_pool *pool = thread->pool;
	struct sh_job *job;

	prctl(PR_SET_NAME, "shoal-blocking", 0, 0, 0);
	while ((job = take(thread)) != NULL) {
		job->run(job);
		/* before the loop knows, which may end then */
		pthread_mutex_lock(&pool->lock);
		thread->is_busy = false;
		pthread_mutex_unlock(&pool->lock);
		if (sh_mailbox_put(pool->mailbox, &job->letter) < 0)
			job->drop(job);
	}
	release(pool);
	return NULL;
}

static void
open_letter(struct sh_letter *letter)
{
	struct sh_job *job = SH_CONTAINER(letter, struct sh_job, letter);

	job->done(job);
}

static void
drop_letter(struct sh_letter *letter)
{
	struct sh_job *job = SH_CONTAINER(letter, struct sh_job, letter);

	job->drop(job);
}

static int
make_pool(struct sh_loop *loop)
{
	struct sh_thread_pool *pool = sh_try_calloc(1, sizeof(*pool));

	if (pool == NULL)
		return -SHOAL_ENOMEM;
	pool->mailbox = sh_mailbox_open(loop);
	if (pool->mailbox < 0) {
		free(pool);
		return -SHOAL_ENOMEM;
	}
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	TAILQ_INIT(&pool->queue);
	pool->users = 1;
	loop->threads = pool;
	return 0;
}

/* The loop's thread gets the signals. */
static int
create(struct thread *thread)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int r;

	if (pthread_attr_init(&attr) != 0)
		return -SHOAL_ENOMEM;
	sigfillset(&all);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread->id, &attr, run_thread, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return r == 0 ? 0 : -SHOAL_ENOMEM;
}

/* See to it that somebody takes the jobs in the queue; called with the lock. */
static int
find_thread(struct sh_thread_pool *pool)
{
	struct thread *thread = &pool->threads[pool->thread_count];

	pthread_cond_signal(&pool->work);
	if (pool->queued <= pool->idle || pool->thread_count == SH_THREADS_MAX)
		return 0;
	thread->pool = pool;
	/* those that are there will do, if need be */
	if (create(thread) < 0)
		return pool->thread_count != 0 ? 0 : -SHOAL_ENOMEM;
	pool->thread_count++;
	pool->users++;
	return 0;
}

int
sh_job_start(struct sh_loop *loop, struct sh_job *job)
{
	struct sh_thread_pool *pool;
	int r = loop->threads != NULL ? 0 : make_pool(loop);

	if (r < 0)
		return r;
	pool = loop->threads;
	job->pool = pool;
	job->letter.open = open_letter;
	job->letter.drop = drop_letter;
	pthread_mutex_lock(&pool->lock);
	TAILQ_INSERT_TAIL(&pool->queue, job, link);
	pool->queued++;
	job->queued = true;
	r = find_thread(pool);
	if (r < 0)
		unqueue(pool, job);
	pthread_mutex_unlock(&pool->lock);
	return r;
}

bool
sh_job_withdraw(struct sh_job *job)
{
	struct sh_thread_pool *pool = job->pool;
	bool queued;

	pthread_mutex_lock(&pool->lock);
	queued = job->queued;
	if (queued)
		unqueue(pool, job);
	pthread_mutex_unlock(&pool->lock);
	return queued;
}

static void
drop_all(struct sh_job_list *jobs)
{
	struct sh_job *job;

	while ((job = TAILQ_FIRST(jobs)) != NULL) {
		TAILQ_REMOVE(jobs, job, link);
		job->drop(job);
	}
}

bool
sh_thread_pool_end(struct sh_loop *loop)
{
	struct sh_thread_pool *pool = loop->threads;
	struct sh_job_list jobs = TAILQ_HEAD_INITIALIZER(jobs);
	bool is_left[SH_THREADS_MAX], any_left = false;
	size_t i;

	if (pool == NULL)
		return false;
	loop->threads = NULL;
	pthread_mutex_lock(&pool->lock);
	pool->ended = true;
	TAILQ_CONCAT(&jobs, &pool->queue, link);
	pool->queued = 0;
	for (i = 0; i < pool->thread_count; i++) {
		is_left[i] = pool->threads[i].is_busy;
		any_left = any_left || is_left[i];
	}
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->thread_count; i++)
		if (is_left[i])
			pthread_detach(pool->threads[i].id);
		else
			pthread_join(pool->threads[i].id, NULL);
	drop_all(&jobs);
	release(pool);
	return any_left;
}
