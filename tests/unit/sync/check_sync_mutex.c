/* This file tests <shoal/mutex.h>. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/mutex.h>

#include "base/log.h"
#include "support/suite.h"
#include "unit/sync/notes.h"

static struct shoal_mutex *mutex;
static int inside, most_inside;

static void
run(shoal_co_fn *fn)
{
	notes[0] = '\0';
	mutex = shoal_mutex_new();
	ck_assert_ptr_nonnull(mutex);
	ck_assert_int_eq(shoal_run(fn, NULL), 0);
	shoal_mutex_free(&mutex);
	ck_assert_ptr_null(mutex);
}

static void
lock_once(void *arg)
{
	int n = number_of(arg);
	int r = shoal_co_mutex_lock(mutex, SHOAL_FOREVER);

	note("lock%d=%s", n, named(r));
	if (r != 0)
		return;
	inside++;
	most_inside = inside > most_inside ? inside : most_inside;
	shoal_co_sleep(0);
	inside--;
	shoal_mutex_unlock(mutex);
}

static void
hold_it(void *arg)
{
	shoal_co_mutex_lock(mutex, SHOAL_FOREVER);
	shoal_co_sleep(number_of(arg));
	shoal_mutex_unlock(mutex);
}

static void
go_through_results(void *arg)
{
	note("%s", named(shoal_mutex_unlock(mutex)));
	note("%s", named(shoal_co_mutex_lock(mutex, 0)));
	note("%s", named(shoal_co_mutex_lock(mutex, SHOAL_FOREVER)));
	note("%s", named(shoal_mutex_try_lock(mutex)));
	note("%d", shoal_mutex_is_locked(mutex));
	note("%s", named(shoal_mutex_unlock(mutex)));
	note("%d", shoal_mutex_is_locked(mutex));
	note("%s", named(shoal_mutex_try_lock(mutex)));
	shoal_mutex_unlock(mutex);
	start(hold_it, 50);
	note("%s", named(shoal_mutex_try_lock(mutex)));
	note("%s", named(shoal_co_mutex_lock(mutex, 0)));
	note("%s", named(shoal_co_mutex_lock(mutex, 1)));
	note("%s", named(shoal_mutex_unlock(mutex)));
	note("%s", named(shoal_co_mutex_lock(mutex, 30000)));
	shoal_mutex_unlock(mutex);
}

START_TEST(every_result)
{
	run(go_through_results);
	ck_assert_str_eq(notes,
	    "forbidden ok deadlock busy 1 ok 0 ok busy timeout timeout "
	    "forbidden ok");
	mutex = NULL;
	shoal_mutex_free(&mutex);
	shoal_mutex_free(NULL);
}
END_TEST

START_TEST(belongs_to_coroutines_only)
{
	mutex = shoal_mutex_new();
	ck_assert_int_eq(shoal_mutex_try_lock(mutex), -SHOAL_EPERM);
	ck_assert_int_eq(shoal_mutex_unlock(mutex), -SHOAL_EPERM);
	ck_assert(!shoal_mutex_is_locked(mutex));
	shoal_mutex_free(&mutex);
}
END_TEST

static void
line_up(void *arg)
{
	int i;

	for (i = 1; i <= 5; i++)
		start(lock_once, i);
}

START_TEST(handed_over_in_the_order_of_coming)
{
	run(line_up);
	ck_assert_str_eq(notes, "lock1=ok lock2=ok lock3=ok lock4=ok lock5=ok");
	ck_assert_int_eq(most_inside, 1);
}
END_TEST

static void
overtake(void *arg)
{
	shoal_co_mutex_lock(mutex, SHOAL_FOREVER);
	start(lock_once, 1);
	shoal_mutex_unlock(mutex);
	/* it is the other one's, which has not run yet */
	note("%s", named(shoal_mutex_try_lock(mutex)));
	note("%s", named(shoal_mutex_unlock(mutex)));
	note("%s", named(shoal_co_mutex_lock(mutex, SHOAL_FOREVER)));
	shoal_mutex_unlock(mutex);
}

START_TEST(nobody_overtakes_who_was_woken)
{
	run(overtake);
	ck_assert_str_eq(notes, "busy forbidden lock1=ok ok");
}
END_TEST

static void
cancel_some(void *arg)
{
	int64_t first, second;

	shoal_co_mutex_lock(mutex, SHOAL_FOREVER);
	first = start(lock_once, 1);
	second = start(lock_once, 2);
	shoal_co_cancel(first);
	shoal_mutex_unlock(mutex);
	shoal_co_cancel(second);
	settle();
	note("%d", shoal_mutex_is_locked(mutex));
}

START_TEST(first_of_cancel_and_unlock_wins)
{
	run(cancel_some);
	ck_assert_str_eq(notes, "lock1=canceled lock2=ok 0");
}
END_TEST

static void
free_while_waiting(void *arg)
{
	shoal_co_mutex_lock(mutex, SHOAL_FOREVER);
	start(lock_once, 1);
	start(lock_once, 2);
	shoal_mutex_free(&mutex);
	settle();
}

static void
leave_it_locked(void *arg)
{
	shoal_co_mutex_lock(mutex, SHOAL_FOREVER);
}

static void
free_when_abandoned(void *arg)
{
	start(leave_it_locked, 0);
	note("%s", named(shoal_co_mutex_lock(mutex, 0)));
	start(lock_once, 1);
	shoal_mutex_free(&mutex);
	settle();
}

START_TEST(free_wakes_who_waits)
{
	run(free_while_waiting);
	ck_assert_str_eq(notes, "lock1=closed lock2=closed");
	run(free_when_abandoned);
	ck_assert_str_eq(notes, "timeout lock1=closed");
	run(leave_it_locked);
}
END_TEST

static void
free_anothers(void *arg)
{
	start(hold_it, 1);
	shoal_mutex_free(&mutex);
}

START_TEST(free_of_a_held_one_ends_the_process)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		sh_log_open(open("/dev/null", O_WRONLY | O_CLOEXEC),
		    SH_LOG_TEXT, SHOAL_LOG_NOTICE);
		mutex = shoal_mutex_new();
		shoal_run(free_anothers, NULL);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

SH_SUITE("sync/mutex", every_result, belongs_to_coroutines_only,
    handed_over_in_the_order_of_coming, nobody_overtakes_who_was_woken,
    first_of_cancel_and_unlock_wins, free_wakes_who_waits,
    free_of_a_held_one_ends_the_process)
