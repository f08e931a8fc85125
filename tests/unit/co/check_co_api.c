/* This file tests <shoal/co.h>: api/api_co.c, io/await.c and co/co_local.c. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <event2/event.h>
#include <shoal/co.h>
#include <shoal/error.h>
#include <shoal/timer.h>

#include "base/clock.h"
#include "base/log.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"
#include "support/suite.h"

enum { MANY = 50, NOTES = 64, NOT_YET = 1 };

/* What coroutines have noted; asserted on the test's own stack. */
static struct {
	int64_t notes[NOTES];
	int count;
	int64_t ids[MANY];
	int ended;
	char text[NOTES];
} seen;

static void
note(int64_t value)
{
	if (seen.count < NOTES)
		seen.notes[seen.count] = value;
	seen.count++;
}

static void
say(char letter)
{
	size_t len = strlen(seen.text);

	if (len < sizeof(seen.text) - 1)
		seen.text[len] = letter;
}

static void
run(shoal_co_fn *fn, int result)
{
	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(shoal_run(fn, NULL), result);
	ck_assert_int_le(seen.count, NOTES);
}

static void
check_notes(const int64_t *expected, int count)
{
	int i;

	ck_assert_int_eq(seen.count, count);
	for (i = 0; i < count; i++)
		ck_assert_msg(seen.notes[i] == expected[i],
		    "note %d: %lld instead of %lld", i,
		    (long long)seen.notes[i], (long long)expected[i]);
}

#define CHECK_NOTES(...)                                                \
	do {                                                            \
		const int64_t list[] = { __VA_ARGS__ };                 \
                                                                        \
		check_notes(list, (int)(sizeof(list) / sizeof(*list))); \
	} while (0)

/* A letter as an argument; lent for ever. */
static void *
letter(char c)
{
	static char letters[128];

	letters[(int)c] = c;
	return &letters[(int)c];
}

/* --- cancel and shield --- */

static void
sleep_long(void *arg)
{
	note(shoal_co_sleep(3600 * 1000));
	note(shoal_co_is_cancelled());
	note(shoal_co_suspend(SHOAL_FOREVER));
	note(shoal_co_sleep(0));
}

static void
cancel_a_sleeper(void *arg)
{
	int64_t co = shoal_co_start(sleep_long, NULL, "sleeper");

	note(shoal_co_cancel(co));
	note(shoal_co_cancel(co));
	note(shoal_co_join(co, SHOAL_FOREVER));
	note(shoal_co_cancel(co));
	note(shoal_co_cancel(-7));
	note(shoal_co_join(co, SHOAL_FOREVER));
	note(shoal_co_is_cancelled());
}

START_TEST(cancel_ends_every_wait)
{
	run(cancel_a_sleeper, 0);
	CHECK_NOTES(0, 0, -SHOAL_ECANCELED, 1, -SHOAL_ECANCELED,
	    -SHOAL_ECANCELED, 0, -SHOAL_ENOENT, -SHOAL_ENOENT, 0, 0);
}
END_TEST

static void
cancel_itself(void *arg)
{
	int64_t begun_ms = sh_clock_ms();

	note(shoal_co_cancel(shoal_co_self()));
	note(shoal_co_is_cancelled());
	note(shoal_co_sleep(1));
	note(shoal_co_shield(-1));
	note(shoal_co_shield(60));
	note(shoal_co_is_cancelled());
	note(shoal_co_sleep(5));
	note(shoal_co_suspend(5));
	/* the shield ends this one */
	note(shoal_co_sleep(3600 * 1000));
	note(sh_clock_ms() - begun_ms >= 60);
	note(shoal_co_is_cancelled());
	note(shoal_co_shield(3600 * 1000));
	note(shoal_co_sleep(1));
	note(shoal_co_shield(0));
	note(shoal_co_sleep(1));
}

START_TEST(shield_lets_wait)
{
	run(cancel_itself, 0);
	CHECK_NOTES(0, 1, -SHOAL_ECANCELED, -SHOAL_EINVAL, 0, 0, 0,
	    -SHOAL_ETIMEDOUT, -SHOAL_ECANCELED, 1, 1, 0, 0, 0,
	    -SHOAL_ECANCELED);
}
END_TEST

static void
sleep_shielded(void *arg)
{
	shoal_co_shield(*(int *)arg);
	note(shoal_co_sleep(50));
}

static void
cancel_the_shielded(void *arg)
{
	static int shields[] = { 3600 * 1000, 10, 0 };
	int i;

	for (i = 0; i < 3; i++) {
		int64_t co =
		    shoal_co_start(sleep_shielded, &shields[i], "shielded");

		shoal_co_cancel(co);
		shoal_co_join(co, SHOAL_FOREVER);
	}
}

START_TEST(cancel_waits_for_a_shield)
{
	run(cancel_the_shielded, 0);
	CHECK_NOTES(0, -SHOAL_ECANCELED, -SHOAL_ECANCELED);
}
END_TEST

static void
never_end(void *arg)
{
	int64_t until_ms = sh_clock_ms() + 350;

	while (sh_clock_ms() < until_ms) {
		(void)shoal_co_sleep(3600 * 1000);
		(void)shoal_co_suspend(SHOAL_FOREVER);
		(void)shoal_co_sleep(0);
		seen.ended++;
	}
}

static void
cancel_the_stubborn(void *arg)
{
	int64_t co = shoal_co_start(never_end, NULL, "mule");
	int turns = 0;

	shoal_co_cancel(co);
	/* others go on */
	while (shoal_co_join(co, 1) == -SHOAL_ETIMEDOUT)
		turns++;
	note(turns > 5);
	note(seen.ended >= 5 && seen.ended < 30);
}

/* What is logged meanwhile, up to the next call. */
static const char *
logged_while(shoal_co_fn *fn, int result)
{
	static char text[8192];
	int fd = memfd_create("log", MFD_CLOEXEC);
	ssize_t n;

	sh_log_reopen(fcntl(fd, F_DUPFD_CLOEXEC, 0));
	run(fn, result);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

START_TEST(sixteen_refused_waits_are_told_and_slowed)
{
	const char *text = logged_while(cancel_the_stubborn, 0);

	CHECK_NOTES(1, 1);
	ck_assert_ptr_nonnull(strstr(text, "'mule'"));
	/* once */
	ck_assert_ptr_null(strstr(strstr(text, "'mule'") + 1, "'mule'"));
}
END_TEST

/* --- join --- */

static int64_t joined;

static void
join_it(void *arg)
{
	int64_t result = shoal_co_join(joined, (int)(intptr_t)arg);

	note(result);
	seen.ended++;
}

static void
be_joined(void *arg)
{
	note(shoal_co_suspend(SHOAL_FOREVER));
}

static void
join_many(void *arg)
{
	static const intptr_t timeouts[] = { SHOAL_FOREVER, 1, SHOAL_FOREVER,
		SHOAL_FOREVER, 0 };
	int64_t ids[5];
	int i;

	joined = shoal_co_start(be_joined, NULL, "joined");
	for (i = 0; i < 5; i++)
		ids[i] = shoal_co_start(join_it, (void *)timeouts[i], "joiner");
	shoal_co_cancel(ids[2]);
	shoal_co_sleep(10);
	note(shoal_co_resume(joined, 5));
	note(shoal_co_resume(joined, 6));
	for (i = 0; i < 5; i++)
		note(shoal_co_join(ids[i], SHOAL_FOREVER));
	note(shoal_co_join(0, SHOAL_FOREVER));
	note(shoal_co_join(shoal_co_self(), SHOAL_FOREVER));
	note(shoal_co_count());
}

START_TEST(many_join_one)
{
	run(join_many, 0);
	CHECK_NOTES(-SHOAL_ETIMEDOUT, -SHOAL_ECANCELED, -SHOAL_ETIMEDOUT, 0,
	    -SHOAL_ESTATE, 5, 0, 0, 0, 0, 0, 0, 0, -SHOAL_EINVAL, -SHOAL_EINVAL,
	    1);
}
END_TEST

/* --- what belongs to one coroutine --- */

static void
say_letter(void *arg)
{
	say(*(const char *)arg);
}

static void
say_and_wait(void *arg)
{
	say('(');
	shoal_co_sleep(1);
	shoal_co_defer(say_letter, letter('e'));
	say(')');
}

static void
defer_some(void *arg)
{
	shoal_co_defer(say_letter, letter('a'));
	shoal_co_defer(say_letter, letter('b'));
	shoal_co_defer(say_and_wait, NULL);
	shoal_co_defer(say_letter, letter('d'));
	shoal_co_sleep(1);
	say('.');
}

static void
say_end(void *arg)
{
	say('!');
}

static void
defer_and_call(void *arg)
{
	int64_t co = shoal_co_start(defer_some, NULL, "defers");

	shoal_co_join(co, SHOAL_FOREVER);
	/* the next one on that stack has nothing to do with it */
	shoal_co_start(say_end, NULL, "next");
}

START_TEST(deferred_run_last_one_first)
{
	run(defer_and_call, 0);
	ck_assert_str_eq(seen.text, ".d()eba!");
}
END_TEST

static const char first_key, second_key;

static void
free_letter(void *value)
{
	say(*(const char *)value);
	/* so late, and still run here */
	if (*(const char *)value == 'z')
		shoal_co_defer(say_letter, letter('Z'));
}

static void
use_values(void *arg)
{
	note(shoal_co_get(&first_key) == NULL);
	shoal_co_set(&first_key, letter('a'), free_letter);
	shoal_co_set(&second_key, letter('b'), NULL);
	shoal_co_sleep(1);
	note(*(char *)shoal_co_get(&first_key) == 'a');
	note(*(char *)shoal_co_get(&second_key) == 'b');
	shoal_co_set(&first_key, letter('c'), free_letter);
	note(*(char *)shoal_co_get(&first_key) == 'c');
	shoal_co_set(&first_key, NULL, NULL);
	note(shoal_co_get(&first_key) == NULL);
	shoal_co_set(&second_key, letter('z'), free_letter);
	shoal_co_defer(say_letter, letter('D'));
}

static void
use_values_twice(void *arg)
{
	shoal_co_join(shoal_co_start(use_values, NULL, "one"), -1);
	say('|');
	shoal_co_join(shoal_co_start(say_end, NULL, "two"), -1);
	note(shoal_co_get(&first_key) == NULL);
}

START_TEST(values_belong_to_one)
{
	run(use_values_twice, 0);
	CHECK_NOTES(1, 1, 1, 1, 1, 1);
	ck_assert_str_eq(seen.text, "acDzZ|!");
}
END_TEST

static void
nothing(void *arg)
{
}

static void
count_ids(void *arg)
{
	int64_t last = 0, old = shoal_co_start(nothing, NULL, "old");
	int i;

	/* the same stack, again and again */
	for (i = 0; i < 100000; i++) {
		int64_t id = shoal_co_start(nothing, NULL, "next");

		if (id <= 0 || id == last || id == old)
			seen.ended++;
		last = id;
	}
	note(shoal_co_cancel(old));
	note(shoal_co_resume(old, 0));
	note(shoal_co_resume(old, -1));
	note(shoal_co_join(old, SHOAL_FOREVER));
}

START_TEST(ids_are_not_used_again)
{
	run(count_ids, 0);
	ck_assert_int_eq(seen.ended, 0);
	CHECK_NOTES(-SHOAL_ENOENT, -SHOAL_ENOENT, -SHOAL_EINVAL, 0);
}
END_TEST

/* --- resume --- */

static void
suspend_some(void *arg)
{
	note(shoal_co_suspend(5));
	note(shoal_co_suspend(0));
	note(shoal_co_suspend(SHOAL_FOREVER));
	note(shoal_co_suspend(3600 * 1000));
	shoal_co_sleep(20);
	say('e');
}

static void
resume_some(void *arg)
{
	int64_t co = shoal_co_start(suspend_some, NULL, "suspended");

	shoal_co_sleep(20);
	note(shoal_co_resume(co, 3));
	note(shoal_co_resume(co, 4));
	shoal_co_sleep(0);
	note(shoal_co_resume(co, 4));
	shoal_co_sleep(0);
	/* it sleeps */
	note(shoal_co_resume(co, 5));
	say('m');
	shoal_co_join(co, SHOAL_FOREVER);
	note(shoal_co_resume(co, 6));
}

START_TEST(resume_is_for_the_suspended)
{
	run(resume_some, 0);
	CHECK_NOTES(-SHOAL_ETIMEDOUT, -SHOAL_ETIMEDOUT, 0, -SHOAL_ESTATE, 3, 0,
	    4, -SHOAL_ESTATE, -SHOAL_ENOENT);
	ck_assert_str_eq(seen.text, "me");
}
END_TEST

/* --- deadlock --- */

static int64_t other;

static void
join_the_other(void *arg)
{
	note(shoal_co_join(other, SHOAL_FOREVER));
}

static void
deadlock(void *arg)
{
	other = shoal_co_self();
	note(shoal_co_join(shoal_co_start(join_the_other, NULL, "philosopher"),
	    SHOAL_FOREVER));
}

START_TEST(deadlock_is_told_and_broken)
{
	const char *text = logged_while(deadlock, -SHOAL_EDEADLK);

	CHECK_NOTES(-SHOAL_ECANCELED, -SHOAL_ECANCELED);
	ck_assert_ptr_nonnull(strstr(text, "deadlock: coroutine 'main'"));
	ck_assert_ptr_nonnull(strstr(text, "'philosopher'"));
	ck_assert_ptr_nonnull(strstr(text, "shoal_co_join"));
}
END_TEST

static void
resume_later(void *arg)
{
	shoal_co_resume(other, 9);
}

static void
wait_for_a_timer(void *arg)
{
	other = shoal_co_self();
	shoal_timer_after(20, resume_later, NULL);
	note(shoal_co_suspend(SHOAL_FOREVER));
	note(shoal_run(nothing, NULL));
}

START_TEST(timer_that_will_come_is_no_deadlock)
{
	run(wait_for_a_timer, 0);
	CHECK_NOTES(9, -SHOAL_ESTATE);
}
END_TEST

/* --- a timer whose function waits --- */

static int64_t ticker;

static void
tick(void *arg)
{
	say('<');
	if (++seen.ended == 3)
		shoal_timer_cancel(ticker);
	shoal_co_sleep(15);
	say('>');
}

static void
use_timer(void *arg)
{
	ticker = shoal_timer_every(1, tick, NULL);
}

START_TEST(timer_is_not_called_before_it_has_returned)
{
	run(use_timer, 0);
	ck_assert_str_eq(seen.text, "<><><>");
}
END_TEST

/* --- left behind --- */

static int ends[2];

static void
wait_for_ever(void *arg)
{
	say('<');
	while (arg == NULL)
		(void)sh_await_fd(ends[0], EV_READ, "test", SH_NEVER);
	for (;;)
		(void)shoal_co_sleep(5);
}

static void
stop_it(void *arg)
{
	seen.ended++;
}

START_TEST(those_left_behind_do_no_harm)
{
	const struct sh_loop_options options = { .incarnation = 1 };
	struct sh_loop *loop;
	int64_t id;

	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	ck_assert_int_gt(shoal_co_start(wait_for_ever, NULL, "fd"), 0);
	id = shoal_co_start(wait_for_ever, loop, "sleeper");
	sh_await_cancel_all(loop);
	ck_assert_int_eq(sh_loop_turn(loop), 0);
	sh_co_forget_all(sh_loop_coroutines(loop));
	ck_assert_uint_eq(shoal_co_count(), 0);
	ck_assert_int_eq(shoal_co_cancel(id), -SHOAL_ENOENT);
	ck_assert_int_eq(shoal_co_join(id, 0), 0);
	/* whatever wakes them */
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	shoal_timer_after(200, stop_it, NULL);
	while (seen.ended == 0)
		ck_assert_int_eq(sh_loop_turn(loop), 0);
	sh_loop_free(&loop);
	ck_assert_str_eq(seen.text, "<<");
	close(ends[0]);
	close(ends[1]);
}
END_TEST

SH_SUITE("co/co_api", cancel_ends_every_wait, shield_lets_wait,
    cancel_waits_for_a_shield, sixteen_refused_waits_are_told_and_slowed,
    many_join_one, deferred_run_last_one_first, values_belong_to_one,
    ids_are_not_used_again, resume_is_for_the_suspended,
    deadlock_is_told_and_broken, timer_that_will_come_is_no_deadlock,
    timer_is_not_called_before_it_has_returned, those_left_behind_do_no_harm)
