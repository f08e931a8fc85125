/* This file tests io/thread_pool.c and io/mailbox.c. */
#include "config.h"

#include "io/thread_pool.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "io/loop.h"
#include "io/timer.h"
#include "support/gate.h"
#include "support/suite.h"

enum { JOBS = 8, MANY = 2000 };

static const int64_t DEADLINE_MS = 10000;
static struct sh_loop *loop;
static pthread_t loop_thread;

#define UNTIL(cond)                                              \
	do {                                                     \
		int64_t end_ms = sh_clock_ms() + DEADLINE_MS;    \
                                                                 \
		while (!(cond) && sh_clock_ms() < end_ms)        \
			ck_assert_int_eq(sh_loop_turn(loop), 0); \
		ck_assert_msg((cond), "in time: " #cond);        \
	} while (0)

struct task {
	struct sh_job job;
	struct gate *gate;
	atomic_int *order; /* counts begins */
	atomic_int begun, done, dropped;
	bool in_other_thread, in_loop_thread, blocks_signals;
};

static struct task *
task_of(struct sh_job *job)
{
	return SH_CONTAINER(job, struct task, job);
}

static bool
blocks_all_signals(void)
{
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, SIGTERM) == 1 &&
	    sigismember(&set, SIGCHLD) == 1 && sigismember(&set, SIGALRM) == 1;
}

static void
run(struct sh_job *job)
{
	struct task *task = task_of(job);

	task->in_other_thread = !pthread_equal(pthread_self(), loop_thread);
	task->blocks_signals = blocks_all_signals();
	task->begun =
	    task->order == NULL ? 1 : atomic_fetch_add(task->order, 1) + 1;
	if (task->gate != NULL)
		gate_pass(task->gate);
}

static void
done(struct sh_job *job)
{
	struct task *task = task_of(job);

	task->in_loop_thread = pthread_equal(pthread_self(), loop_thread);
	task->done++;
}

static void
drop(struct sh_job *job)
{
	task_of(job)->dropped++;
}

static void
start(struct task *task, struct gate *gate)
{
	*task =
	    (struct task){ .job = { .run = run, .done = done, .drop = drop },
		    .gate = gate };
	ck_assert_int_eq(sh_job_start(loop, &task->job), 0);
}

static void
tick(void *arg)
{
	++*(int *)arg;
}

static void
open_loop(void)
{
	static const struct sh_loop_options options;
	static int ticks;

	loop_thread = pthread_self();
	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	ck_assert_int_gt(sh_timer_start(loop, 1, 1, tick, &ticks), 0);
}

static int
count_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	int n = -2; /* "." and ".." */

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder) != NULL)
		n++;
	closedir(folder);
	return n;
}

static int
count_done(const struct task *tasks, int n)
{
	int i, sum = 0;

	for (i = 0; i < n; i++)
		sum += tasks[i].done;
	return sum;
}

START_TEST(jobs_run_beside_the_loop)
{
	struct task tasks[JOBS];
	struct gate gate;
	uint64_t turns;
	int i;

	gate_init(&gate);
	open_loop();
	for (i = 0; i < JOBS; i++)
		start(&tasks[i], &gate);
	UNTIL(gate.entered == SH_THREADS_MAX);
	turns = sh_loop_turns(loop);
	UNTIL(sh_loop_turns(loop) > turns + 20);
	ck_assert_int_eq(gate.entered, SH_THREADS_MAX);
	ck_assert_int_eq(count_done(tasks, JOBS), 0);
	ck_assert(gate_open(&gate, JOBS));
	UNTIL(count_done(tasks, JOBS) == JOBS);
	for (i = 0; i < JOBS; i++) {
		ck_assert(tasks[i].in_other_thread);
		ck_assert(tasks[i].in_loop_thread);
		ck_assert(tasks[i].blocks_signals);
	}
	sh_loop_free(&loop);
	gate_fini(&gate);
}
END_TEST

START_TEST(threads_are_started_for_work_and_end_with_the_loop)
{
	struct task tasks[JOBS];
	struct gate gate;
	int i;

	gate_init(&gate);
	open_loop();
	ck_assert_int_eq(count_threads(), 1);
	start(&tasks[0], NULL);
	UNTIL(tasks[0].done);
	ck_assert_int_eq(count_threads(), 2);
	for (i = 0; i < JOBS; i++)
		start(&tasks[i], &gate);
	UNTIL(gate.entered == SH_THREADS_MAX);
	ck_assert_int_eq(count_threads(), 1 + SH_THREADS_MAX);
	ck_assert(gate_open(&gate, JOBS));
	UNTIL(count_done(tasks, JOBS) == JOBS);
	sh_loop_free(&loop);
	open_loop();
	/* joined, but the kernel takes it out of /proc a moment later */
	UNTIL(count_threads() == 1);
	sh_loop_free(&loop);
	gate_fini(&gate);
}
END_TEST

START_TEST(jobs_begin_in_order)
{
	static struct task tasks[MANY];
	struct task held[SH_THREADS_MAX - 1];
	atomic_int order = 0;
	struct gate gate;
	size_t i;

	gate_init(&gate);
	open_loop();
	/* one thread is left */
	for (i = 0; i < SH_ARRAY_LEN(held); i++)
		start(&held[i], &gate);
	UNTIL(gate.entered == SH_ARRAY_LEN(held));
	for (i = 0; i < MANY; i++) {
		tasks[i] = (struct task){
			.job = { .run = run, .done = done, .drop = drop },
			.order = &order
		};
		ck_assert_int_eq(sh_job_start(loop, &tasks[i].job), 0);
	}
	UNTIL(count_done(tasks, MANY) == MANY);
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(tasks[i].begun, i + 1);
	ck_assert(gate_open(&gate, SH_ARRAY_LEN(held)));
	UNTIL(count_done(held, SH_ARRAY_LEN(held)) == SH_ARRAY_LEN(held));
	sh_loop_free(&loop);
	gate_fini(&gate);
}
END_TEST

START_TEST(only_what_has_not_begun_is_withdrawn)
{
	struct task held[SH_THREADS_MAX], task, next;
	struct gate gate;
	int i;

	gate_init(&gate);
	open_loop();
	for (i = 0; i < SH_THREADS_MAX; i++)
		start(&held[i], &gate);
	UNTIL(gate.entered == SH_THREADS_MAX);
	start(&task, NULL);
	start(&next, NULL);
	ck_assert(!sh_job_withdraw(&held[0].job));
	ck_assert(sh_job_withdraw(&task.job));
	ck_assert(gate_open(&gate, SH_THREADS_MAX));
	UNTIL(next.done && count_done(held, SH_THREADS_MAX) == SH_THREADS_MAX);
	ck_assert(!sh_job_withdraw(&next.job));
	ck_assert(!task.begun && !task.done && !task.dropped);
	sh_loop_free(&loop);
	ck_assert(!task.dropped);
	gate_fini(&gate);
}
END_TEST

/* Turn a loop, so as to wait, until a thread has done something. */
static void
await_dropped(struct task *task)
{
	UNTIL(task->dropped == 1);
	ck_assert_int_eq(task->done, 0);
}

START_TEST(loop_ends_beside_a_job_that_is_stuck)
{
	struct task held[SH_THREADS_MAX], queued, later;
	struct gate gate;
	int i;

	gate_init(&gate);
	open_loop();
	for (i = 0; i < SH_THREADS_MAX; i++)
		start(&held[i], &gate);
	UNTIL(gate.entered == SH_THREADS_MAX);
	start(&queued, NULL);
	sh_loop_free(&loop);
	ck_assert_int_eq(queued.dropped, 1);
	ck_assert_int_eq(queued.begun, 0);
	ck_assert_int_eq(gate.left, 0);

	/* the next loop has threads of its own, and none of those jobs */
	open_loop();
	start(&later, NULL);
	UNTIL(later.done);
	ck_assert_int_eq(held[0].dropped, 0);
	ck_assert(gate_open(&gate, SH_THREADS_MAX));
	for (i = 0; i < SH_THREADS_MAX; i++)
		await_dropped(&held[i]);
	sh_loop_free(&loop);
	gate_fini(&gate);
}
END_TEST

START_TEST(what_is_done_is_dropped_when_the_loop_ends_first)
{
	struct task task;
	struct gate gate;
	int64_t end_ms = sh_clock_ms() + DEADLINE_MS;

	gate_init(&gate);
	open_loop();
	start(&task, &gate);
	ck_assert(gate_open(&gate, 1));
	/* the loop does not turn */
	while (gate.left == 0 && sh_clock_ms() < end_ms)
		sched_yield();
	sh_loop_free(&loop);
	open_loop();
	await_dropped(&task);
	sh_loop_free(&loop);
	gate_fini(&gate);
}
END_TEST

struct note {
	struct sh_letter letter;
	int opened, dropped;
};

static void
open_note(struct sh_letter *letter)
{
	SH_CONTAINER(letter, struct note, letter)->opened++;
}

static void
drop_note(struct sh_letter *letter)
{
	SH_CONTAINER(letter, struct note, letter)->dropped++;
}

START_TEST(letters_are_for_one_loop)
{
	struct note note = { .letter = {
				 .open = open_note, .drop = drop_note } };
	struct note other = note;
	int64_t number;

	ck_assert_int_eq(
	    sh_mailbox_put(SH_MAILBOX_ANY, &note.letter), -SHOAL_ESTATE);
	open_loop();
	number = sh_mailbox_open(loop);
	ck_assert_int_gt(number, 0);
	ck_assert_int_eq(sh_mailbox_open(loop), number);
	ck_assert_int_eq(sh_mailbox_put(number, &note.letter), 0);
	UNTIL(note.opened == 1);
	ck_assert_int_eq(sh_mailbox_put(number, &other.letter), 0);
	sh_loop_free(&loop);
	ck_assert_int_eq(other.dropped, 1);
	ck_assert_int_eq(sh_mailbox_put(number, &note.letter), -SHOAL_ESTATE);

	open_loop();
	ck_assert_int_gt(sh_mailbox_open(loop), number);
	ck_assert_int_eq(sh_mailbox_put(number, &note.letter), -SHOAL_ESTATE);
	ck_assert_int_eq(sh_mailbox_put(SH_MAILBOX_ANY, &note.letter), 0);
	UNTIL(note.opened == 2);
	sh_loop_free(&loop);
	ck_assert_int_eq(note.dropped + other.opened, 0);
}
END_TEST

SH_SUITE("io/thread_pool", jobs_run_beside_the_loop,
    threads_are_started_for_work_and_end_with_the_loop, jobs_begin_in_order,
    only_what_has_not_begun_is_withdrawn, loop_ends_beside_a_job_that_is_stuck,
    what_is_done_is_dropped_when_the_loop_ends_first, letters_are_for_one_loop)
