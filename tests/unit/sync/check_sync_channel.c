/* This file tests <shoal/channel.h>: every result, closing, cancelling. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/channel.h>

#include "base/log.h"
#include "support/suite.h"
#include "unit/sync/notes.h"

static struct shoal_channel *ch, *other;

static void
put(void *arg)
{
	int n = number_of(arg);

	note("put%d=%s", n, named(shoal_co_channel_put(ch, &n, SHOAL_FOREVER)));
}

static void
get(void *arg)
{
	int item = -1;
	int r = shoal_co_channel_get(ch, &item, SHOAL_FOREVER);

	note("get%d=%s:%d", number_of(arg), named(r), item);
}

static void
run(shoal_co_fn *fn, size_t capacity)
{
	notes[0] = '\0';
	ch = shoal_channel_new(capacity, sizeof(int));
	ck_assert_ptr_nonnull(ch);
	ck_assert_int_eq(shoal_run(fn, NULL), 0);
	shoal_channel_free(&ch);
	ck_assert_ptr_null(ch);
}

START_TEST(works_without_coroutines)
{
	int i, item;

	ch = shoal_channel_new(3, sizeof(int));
	/* more than once around */
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(shoal_channel_try_put(ch, &i), 0);
		ck_assert_uint_eq(shoal_channel_count(ch), i == 0 ? 1 : 2);
		if (i == 0)
			continue;
		ck_assert_int_eq(shoal_channel_try_get(ch, &item), 0);
		ck_assert_int_eq(item, i - 1);
	}
	ck_assert_int_eq(shoal_channel_try_put(ch, &i), 0);
	ck_assert_int_eq(shoal_channel_try_put(ch, &i), 0);
	ck_assert_int_eq(shoal_channel_try_put(ch, &i), -SHOAL_EAGAIN);
	ck_assert_int_eq(shoal_channel_try_get(ch, NULL), 0);
	ck_assert(!shoal_channel_is_closed(ch));
	shoal_channel_close(ch);
	shoal_channel_close(ch);
	ck_assert(shoal_channel_is_closed(ch));
	ck_assert_int_eq(shoal_channel_try_put(ch, &i), -SHOAL_ECLOSED);
	ck_assert_int_eq(shoal_channel_try_get(ch, &item), 0);
	ck_assert_int_eq(item, 10);
	ck_assert_int_eq(shoal_channel_try_get(ch, &item), 0);
	item = 77;
	ck_assert_int_eq(shoal_channel_try_get(ch, &item), -SHOAL_ECLOSED);
	ck_assert_int_eq(item, 77);
	shoal_channel_free(&ch);
	shoal_channel_free(&ch);
	shoal_channel_free(NULL);
}
END_TEST

START_TEST(items_may_have_no_bytes)
{
	ch = shoal_channel_new(2, 0);
	ck_assert_int_eq(shoal_channel_try_put(ch, NULL), 0);
	ck_assert_int_eq(shoal_channel_try_put(ch, NULL), 0);
	ck_assert_int_eq(shoal_channel_try_put(ch, NULL), -SHOAL_EAGAIN);
	ck_assert_int_eq(shoal_channel_try_get(ch, NULL), 0);
	ck_assert_uint_eq(shoal_channel_count(ch), 1);
	shoal_channel_free(&ch);
}
END_TEST

START_TEST(too_large_is_refused)
{
#ifndef SH_SANITIZE /* which does not let an allocation fail */
	ck_assert_ptr_null(shoal_channel_new(SIZE_MAX / 2, 3));
	ck_assert_ptr_null(shoal_channel_new(SIZE_MAX / 2, 1));
#endif
}
END_TEST

static void
time_out(void *arg)
{
	int item = 5;

	note("%s", named(shoal_co_channel_get(ch, &item, 0)));
	note("%s", named(shoal_co_channel_get(ch, &item, 1)));
	note("%d", item);
	note("%s", named(shoal_co_channel_put(ch, &item, 0)));
	note("%s", named(shoal_co_channel_put(ch, &item, 0)));
	note("%s", named(shoal_co_channel_put(ch, &item, 1)));
	note("%zu", shoal_channel_count(ch));
	note("%s", named(shoal_co_channel_get(ch, &item, 0)));
	note("%s", named(shoal_channel_try_get(ch, &item)));
}

START_TEST(timeout_consumes_nothing)
{
	run(time_out, 1);
	ck_assert_str_eq(
	    notes, "timeout timeout 5 ok timeout timeout 1 ok again");
}
END_TEST

static void
close_both(void *arg)
{
	int one = 1, item = 0;

	start(get, 1);
	start(get, 2);
	shoal_channel_close(ch);
	settle();
	note("%s", named(shoal_co_channel_put(ch, &one, SHOAL_FOREVER)));
	note("%s", named(shoal_co_channel_get(ch, &item, SHOAL_FOREVER)));
}

static void
close_full(void *arg)
{
	int item = 0;

	start(put, 1);
	start(put, 2);
	start(put, 3);
	shoal_channel_close(ch);
	settle();
	note("%s", named(shoal_co_channel_get(ch, &item, SHOAL_FOREVER)));
	note("%d", item);
	note("%s", named(shoal_co_channel_get(ch, &item, SHOAL_FOREVER)));
}

START_TEST(close_wakes_who_waits)
{
	run(close_both, 1);
	ck_assert_str_eq(notes, "get1=closed:-1 get2=closed:-1 closed closed");
	run(close_full, 1);
	ck_assert_str_eq(notes, "put1=ok put2=closed put3=closed ok 1 closed");
	run(close_full, 0);
	ck_assert_str_eq(
	    notes, "put1=closed put2=closed put3=closed closed 0 closed");
}
END_TEST

static void
free_while_waiting(void *arg)
{
	start(number_of(arg) ? put : get, 1);
	start(number_of(arg) ? put : get, 2);
	shoal_channel_free(&ch);
	settle();
}

static void
free_while_getting(void *arg)
{
	free_while_waiting(NULL);
}

static void
free_while_putting(void *arg)
{
	free_while_waiting((void *)1);
}

START_TEST(free_wakes_who_waits)
{
	run(free_while_getting, 1);
	ck_assert_str_eq(notes, "get1=closed:-1 get2=closed:-1");
	run(free_while_putting, 0);
	ck_assert_str_eq(notes, "put1=closed put2=closed");
}
END_TEST

/* A getter that was cancelled gets nothing; one that was served is served. */
static void
cancel_getters(void *arg)
{
	int64_t first = start(get, 1), second = start(get, 2);
	int item = 10;

	shoal_co_cancel(first);
	note("%s", named(shoal_channel_try_put(ch, &item)));
	shoal_co_cancel(second);
	settle();
	note("%zu", shoal_channel_count(ch));
}

static void
cancel_putters(void *arg)
{
	int64_t first = start(put, 1), second = start(put, 2);
	int item = 0;

	shoal_co_cancel(first);
	note("%s", named(shoal_channel_try_get(ch, &item)));
	note("%d", item);
	shoal_co_cancel(second);
	note("%s", named(shoal_channel_try_get(ch, &item)));
	settle();
}

START_TEST(first_of_cancel_and_item_wins)
{
	run(cancel_getters, 2);
	ck_assert_str_eq(notes, "ok get1=canceled:-1 get2=ok:10 0");
	run(cancel_getters, 0);
	ck_assert_str_eq(notes, "ok get1=canceled:-1 get2=ok:10 0");
	run(cancel_putters, 0);
	ck_assert_str_eq(notes, "ok 2 again put1=canceled put2=ok");
}
END_TEST

static void
go_on_cancelled(void *arg)
{
	int item = 3;

	note("%s", named(shoal_co_sleep(1000)));
	note("%s", named(shoal_co_channel_put(ch, &item, SHOAL_FOREVER)));
	note("%s", named(shoal_co_channel_put(ch, &item, SHOAL_FOREVER)));
	note("%s", named(shoal_co_channel_get(ch, &item, SHOAL_FOREVER)));
	note("%s", named(shoal_co_channel_get(ch, &item, 0)));
}

static void
cancel_it(void *arg)
{
	shoal_co_cancel(start(go_on_cancelled, 0));
}

START_TEST(cancelled_succeeds_where_it_need_not_wait)
{
	run(cancel_it, 1);
	ck_assert_str_eq(notes, "canceled ok canceled ok canceled");
}
END_TEST

/* Both must not be served twice: the alarm of the first has gone off in the
 * turn in which the item comes. */
static void
get_shortly(void *arg)
{
	int item = -1;
	int r = shoal_co_channel_get(ch, &item, 1);

	note("%s", r == 0 ? "got" : named(r));
}

static void
put_at_the_deadline(void *arg)
{
	int i, item, left = 0, got = 0, put_ok = 0;
	const char *at;

	for (i = 0; i < 200; i++) {
		start(get_shortly, i);
		shoal_co_sleep(1);
		put_ok += shoal_channel_try_put(ch, &i) == 0;
		settle();
		while (shoal_channel_try_get(ch, &item) == 0)
			left++;
	}
	for (at = notes; (at = strstr(at, "got")) != NULL; at++)
		got++;
	notes[0] = '\0';
	note("%d %s", put_ok, left + got == put_ok ? "all" : "not all");
}

START_TEST(item_is_not_lost_at_a_deadline)
{
	run(put_at_the_deadline, 1000);
	ck_assert_str_eq(notes, "200 all");
}
END_TEST

static void
wait_for_other(void *arg)
{
	note("%s", named(shoal_co_channel_get(other, NULL, SHOAL_FOREVER)));
}

static void
wait_for_each_other(void *arg)
{
	shoal_co_start(wait_for_other, NULL, "second");
	note("%s", named(shoal_co_channel_get(ch, NULL, SHOAL_FOREVER)));
}

static void
run_deadlock(int fd)
{
	int r;

	sh_log_open(fd, SH_LOG_TEXT, SHOAL_LOG_NOTICE);
	ch = shoal_channel_new(1, 1);
	other = shoal_channel_new(0, 1);
	r = shoal_run(wait_for_each_other, NULL);
	sh_log_open(2, SH_LOG_TEXT, SHOAL_LOG_NOTICE);
	ck_assert_int_eq(r, -SHOAL_EDEADLK);
	shoal_channel_free(&ch);
	shoal_channel_free(&other);
}

START_TEST(deadlock_is_reported)
{
	char text[2048];
	ssize_t len;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	run_deadlock(fds[1]);
	close(fds[1]);
	len = read(fds[0], text, sizeof(text) - 1);
	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "'main' ("));
	ck_assert_ptr_nonnull(strstr(text, "'second' ("));
	ck_assert_ptr_nonnull(
	    strstr(strstr(text, "'second'"), "waits in shoal_co_channel_get"));
	ck_assert_ptr_nonnull(
	    strstr(strstr(text, "'main'"), "waits in shoal_co_channel_get"));
	ck_assert_str_eq(notes, "canceled canceled");
	close(fds[0]);
}
END_TEST

static void
refuse_to_end(void *arg)
{
	while (shoal_co_channel_get(ch, NULL, SHOAL_FOREVER) != 0)
		continue;
}

START_TEST(channel_outlives_those_that_were_given_up)
{
	ch = shoal_channel_new(1, 1);
	ck_assert_int_eq(shoal_run(refuse_to_end, NULL), -SHOAL_EDEADLK);
	ck_assert_int_eq(shoal_channel_try_put(ch, "x"), 0);
	ck_assert_uint_eq(shoal_channel_count(ch), 1);
	shoal_channel_free(&ch);
}
END_TEST

/* A mistake ends the process, and names the function. */
static int
signal_of(void (*fn)(void), const char *named)
{
	int fds[2], status;
	char said[1024];
	ssize_t len;
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		sh_log_open(fds[1], SH_LOG_TEXT, SHOAL_LOG_NOTICE);
		fn();
		_exit(0);
	}
	close(fds[1]);
	len = read(fds[0], said, sizeof(said) - 1);
	close(fds[0]);
	said[len > 0 ? len : 0] = '\0';
	ck_assert_ptr_nonnull(strstr(said, named));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
get_outside(void)
{
	ch = shoal_channel_new(1, 1);
	shoal_channel_try_put(ch, "x");
	shoal_co_channel_get(ch, NULL, 0);
}

static void
put_nothing(void)
{
	ch = shoal_channel_new(1, 1);
	shoal_channel_try_put(ch, NULL);
}

START_TEST(mistakes_end_the_process)
{
	ck_assert_int_eq(
	    signal_of(get_outside,
		"in shoal_co_channel_get: "
		"a function that waits was called outside of a coroutine"),
	    SIGABRT);
	ck_assert_int_eq(signal_of(put_nothing, "item != NULL"), SIGABRT);
}
END_TEST

SH_SUITE("sync/channel", works_without_coroutines, items_may_have_no_bytes,
    too_large_is_refused, timeout_consumes_nothing, close_wakes_who_waits,
    free_wakes_who_waits, first_of_cancel_and_item_wins,
    cancelled_succeeds_where_it_need_not_wait, item_is_not_lost_at_a_deadline,
    deadlock_is_reported, channel_outlives_those_that_were_given_up,
    mistakes_end_the_process)
