/* This file tests a program's own pool: how it starts, what becomes of its
 * workers, and how it ends. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sock.h"
#include "crew_rig.h"
#include "support/descriptors.h"
#include "support/suite.h"

enum { NOTES = 8, NOTE_MAX = 40 };

/* What the parent has seen, in order. */
static char notes[NOTES][NOTE_MAX];
static unsigned note_count;

static void
note(const char *text)
{
	ck_assert_uint_lt(note_count, NOTES);
	snprintf(notes[note_count++], NOTE_MAX, "%s", text);
}

static void
stop_at_start(struct shoal_pool *of, void *arg)
{
	ck_assert_int_eq(shoal_pool_stop(of), 0);
}

/* ---- making ------------------------------------------------------------ */

START_TEST(options_are_checked)
{
	struct shoal_pool *made = NULL;

	set_up(2, wait_for_end);
	ck_assert_int_eq(shoal_pool_new(NULL, &made), -SHOAL_EINVAL);
	options.size--;
	ck_assert_int_eq(shoal_pool_new(&options, &made), -SHOAL_EINVAL);
	options.size++;
	options.main = NULL;
	ck_assert_int_eq(shoal_pool_new(&options, &made), -SHOAL_EINVAL);
	options.main = wait_for_end;
	options.workers = SHOAL_POOL_WORKERS_MAX + 1;
	ck_assert_int_eq(shoal_pool_new(&options, &made), -SHOAL_EINVAL);
	options.workers = 2;
	options.stop_timeout_ms = -1;
	ck_assert_int_eq(shoal_pool_new(&options, &made), -SHOAL_EINVAL);
	ck_assert_ptr_null(made);
	shoal_pool_free(&made);
	shoal_pool_free(NULL);
}
END_TEST

START_TEST(calls_at_the_wrong_time_are_refused)
{
	char buf[16];

	set_up(2, wait_for_end);
	make();
	ck_assert_int_eq(
	    shoal_pool_listen(pool, "127.0.0.1", 0), -SHOAL_EINVAL);
	ck_assert_int_eq(
	    shoal_pool_listen(pool, "127.0.0.1:0", -1), -SHOAL_EINVAL);
	ck_assert_int_eq(shoal_pool_listen(pool, "127.0.0.1:0", 0), 0);
	ck_assert_int_eq(
	    shoal_pool_listen(pool, "127.0.0.1:0", 0), -SHOAL_EEXIST);
	ck_assert_int_eq(shoal_pool_listen(pool, "[::1]:0", 5), 1);
	ck_assert_int_eq(
	    shoal_pool_address(pool, 0, buf, sizeof(buf)), -SHOAL_ESTATE);
	ck_assert_int_eq(shoal_pool_stop(pool), -SHOAL_ESTATE);
	ck_assert_int_eq(shoal_pool_restart(pool), -SHOAL_ESTATE);
	ck_assert_int_eq(shoal_pool_retire(pool, 0), -SHOAL_ESTATE);
	ck_assert_int_eq(shoal_pool_send(pool, 0, "x", 1), -SHOAL_ESTATE);
	ck_assert_int_eq(shoal_pool_pid(pool, 0), -SHOAL_ESTATE);
	shoal_pool_free(&pool);
}
END_TEST

static void
call_everything_wrongly(struct shoal_pool *of, void *arg)
{
	char buf[64];

	ck_assert_int_eq(shoal_pool_run(of), -SHOAL_ESTATE);
	ck_assert_int_eq(shoal_pool_listen(of, "[::1]:0", 0), -SHOAL_ESTATE);
	ck_assert_int_eq(shoal_pool_retire(of, 2), -SHOAL_ENOENT);
	ck_assert_int_eq(shoal_pool_pid(of, -1), -SHOAL_ENOENT);
	ck_assert_int_gt(shoal_pool_pid(of, 1), 0);
	ck_assert_int_eq(shoal_pool_send(of, 2, "x", 1), -SHOAL_ENOENT);
	ck_assert_int_eq(shoal_pool_send(of, 0, NULL, 1), -SHOAL_EINVAL);
	ck_assert_int_eq(
	    shoal_pool_send(of, 0, "x", (size_t)SHOAL_POOL_MESSAGE_MAX + 1),
	    -SHOAL_EMSGSIZE);
	ck_assert_int_eq(shoal_pool_address(of, 1, buf, 64), -SHOAL_ENOENT);
	ck_assert_int_eq(shoal_pool_address(of, 0, buf, 5), -SHOAL_EMSGSIZE);
	ck_assert_int_eq(shoal_pool_address(of, 0, buf, 64), 0);
	ck_assert_str_ne(buf, "127.0.0.1:0");
	ck_assert_int_eq(shoal_pool_stop(of), 0);
	ck_assert_int_eq(shoal_pool_send(of, 0, "x", 1), -SHOAL_ECANCELED);
}

START_TEST(calls_of_hooks_are_checked)
{
	set_up(2, wait_for_end);
	hooks.on_start = call_everything_wrongly;
	make();
	ck_assert_int_eq(shoal_pool_listen(pool, "127.0.0.1:0", 0), 0);
	ck_assert_int_eq(shoal_pool_run(pool), 0);
	shoal_pool_free(&pool);
}
END_TEST

/* ---- life -------------------------------------------------------------- */

static int
count_start(struct shoal_pool_worker *worker, void *arg)
{
	shared->starts++;
	return 0;
}

static void
count_stop(struct shoal_pool_worker *worker, void *arg)
{
	shared->stops++;
}

static int
count_main(struct shoal_pool_worker *worker, void *arg)
{
	if (shared->starts < 3)
		shared->begun_early++;
	shared->mains++;
	return wait_for_end(worker, arg);
}

static void
note_start(struct shoal_pool *of, void *arg)
{
	note(arg);
	note(shared->starts == 3 ? "three are ready" : "too early");
	shoal_pool_stop(of);
}

static void
note_stop(struct shoal_pool *of, void *arg)
{
	note("stop");
}

START_TEST(hooks_come_in_order_and_again)
{
	int i;

	set_up(3, count_main);
	options.arg = (void *)(uintptr_t) "start";
	hooks.on_start = note_start;
	hooks.on_stop = note_stop;
	hooks.on_worker_start = count_start;
	hooks.on_worker_stop = count_stop;
	make();
	for (i = 1; i <= 2; i++) {
		shared->starts = note_count = exit_count = 0;
		ck_assert_int_eq(shoal_pool_run(pool), 0);
		ck_assert_uint_eq(note_count, 3);
		ck_assert_str_eq(notes[0], "start");
		ck_assert_str_eq(notes[1], "three are ready");
		ck_assert_str_eq(notes[2], "stop");
		ck_assert_uint_eq(exit_count, 3);
		ck_assert(exits[0].expected);
		ck_assert_int_eq(exits[0].status, 0);
		ck_assert_uint_eq(shared->begun_early, 0);
		ck_assert_uint_eq(shared->stops, 3U * (unsigned)i);
		expect_alone();
	}
	shoal_pool_free(&pool);
}
END_TEST

static int
refuse_to_start(struct shoal_pool_worker *worker, void *arg)
{
	return shoal_pool_worker_slot(worker) == 1 ? -SHOAL_EPERM : 0;
}

static int
hang_at_start(struct shoal_pool_worker *worker, void *arg)
{
	while (shared->told == 0)
		pause();
	return 0;
}

static int
die_at_start(struct shoal_pool_worker *worker, void *arg)
{
	_exit(3);
}

START_TEST(first_start_fails_as_a_whole)
{
	set_up(2, count_main);
	hooks.on_worker_start = refuse_to_start;
	ck_assert_int_eq(run(), -SHOAL_EPERM);
	hooks.on_worker_start = die_at_start;
	ck_assert_int_eq(run(), -SHOAL_ECANCELED);
	hooks.on_worker_start = hang_at_start;
	options.start_timeout_ms = 100;
	ck_assert_int_eq(run(), -SHOAL_ETIMEDOUT);
	ck_assert_uint_eq(shared->mains, 0);
	expect_alone();
}
END_TEST

START_TEST(address_that_is_taken_is_an_error)
{
	struct sh_addr addr;
	const char *reason;
	char text[64];
	int fd;

	ck_assert_int_eq(sh_addr_parse(&addr, "127.0.0.1:0", &reason), 0);
	fd = sh_sock_bind(&addr, false);
	ck_assert_int_eq(sh_sock_local(fd, &addr), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	set_up(1, wait_for_end);
	make();
	shoal_pool_listen(pool, sh_addr_format(&addr, text, sizeof(text)), 0);
	ck_assert_int_eq(shoal_pool_run(pool), -EADDRINUSE);
	shoal_pool_free(&pool);
	close(fd);
}
END_TEST

static void *
wait_for_byte(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) < 0 ? arg : NULL;
}

START_TEST(second_thread_forbids_it)
{
	pthread_t thread;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, wait_for_byte, &ends[0]), 0);
	set_up(1, wait_for_end);
	ck_assert_int_eq(run(), -SHOAL_EBUSY);
	close(ends[1]);
	pthread_join(thread, NULL);
}
END_TEST

static volatile sig_atomic_t handled;

static void
on_own_signal(int signo)
{
	handled++;
}

START_TEST(the_program_gets_back_what_it_had)
{
	struct sigaction own = { .sa_handler = on_own_signal }, now;
	sigset_t mask, mask_now;
	size_t before;
	pid_t child;

	sigaction(SIGTERM, &own, NULL);
	sigaction(SIGCHLD, &own, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	set_up(2, wait_for_end);
	hooks.on_start = stop_at_start;
	child = fork();
	if (child == 0)
		_exit(7);
	before = count_descriptors();
	make();
	ck_assert_int_eq(shoal_pool_listen(pool, "127.0.0.1:0", 0), 0);
	ck_assert_int_eq(shoal_pool_listen(pool, "[::1]:0", 0), 1);
	ck_assert_int_eq(shoal_pool_run(pool), 0);
	shoal_pool_free(&pool);
	ck_assert_uint_eq(count_descriptors(), before);
	sigaction(SIGTERM, NULL, &now);
	ck_assert(now.sa_handler == on_own_signal);
	sigaction(SIGPIPE, NULL, &now);
	ck_assert(now.sa_handler == SIG_DFL);
	sigprocmask(SIG_SETMASK, NULL, &mask_now);
	ck_assert(sigismember(&mask_now, SIGUSR2) == 1);
	ck_assert(sigismember(&mask_now, SIGTERM) == 0);
	handled = 0;
	raise(SIGTERM);
	ck_assert_int_eq(handled, 1);
	/* the program's own child is its own */
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WEXITSTATUS(status), 7);
	expect_alone();
}
END_TEST

/* ---- ends and replacements --------------------------------------------- */

static void
tell_pid(struct shoal_pool_worker *worker)
{
	pid_t pid = getpid();

	shoal_pool_worker_send(
	    worker, SHOAL_POOL_PARENT, &pid, sizeof(pid), PATIENCE_MS);
}

static int
tell_and_wait(struct shoal_pool_worker *worker, void *arg)
{
	tell_pid(worker);
	return wait_for_end(worker, arg);
}

static pid_t
pid_of(const struct shoal_pool_message *message)
{
	pid_t pid;

	ck_assert_uint_eq(message->len, sizeof(pid));
	memcpy(&pid, message->data, sizeof(pid));
	return pid;
}

static int wanted_kills;
static int kill_with;

static void
kill_who_comes(
    struct shoal_pool *of, const struct shoal_pool_message *message, void *arg)
{
	if (message->from != 0)
		return;
	if (wanted_kills-- > 0)
		kill(pid_of(message), kill_with);
	else
		shoal_pool_stop(of);
}

START_TEST(killed_worker_is_replaced)
{
	set_up(2, tell_and_wait);
	hooks.on_message = kill_who_comes;
	wanted_kills = 2;
	kill_with = SIGKILL;
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(exit_count, 4);
	ck_assert_int_eq(exits[0].signal, SIGKILL);
	ck_assert_int_eq(exits[0].slot, 0);
	ck_assert(!exits[0].expected && !exits[1].expected);
	expect_alone();
}
END_TEST

START_TEST(term_from_outside_is_a_request_to_retire)
{
	set_up(2, tell_and_wait);
	hooks.on_message = kill_who_comes;
	wanted_kills = 2;
	kill_with = SIGTERM;
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(exit_count, 4);
	ck_assert_int_eq(exits[0].signal, 0);
	ck_assert_int_eq(exits[0].status, 0);
	ck_assert(exits[0].expected);
}
END_TEST

/* Slot 0 ends; slot 1 keeps the parent busy. */
static int
return_at_once(struct shoal_pool_worker *worker, void *arg)
{
	if (shoal_pool_worker_slot(worker) == 0) {
		shared->mains++;
		return *(int *)arg;
	}
	while (!shoal_pool_worker_is_stopping(worker))
		shoal_pool_worker_send(
		    worker, SHOAL_POOL_PARENT, "tick", 4, PATIENCE_MS);
	return 0;
}

static unsigned turns_after;

static void
count_turns(
    struct shoal_pool *of, const struct shoal_pool_message *message, void *arg)
{
	/* the fourth would be replaced in one of these, if it were */
	if (exit_count == 4 && ++turns_after == 500)
		shoal_pool_stop(of);
}

START_TEST(quick_ends_back_off)
{
	int status;

	for (status = 0; status <= 5; status += 5) {
		set_up(2, return_at_once);
		options.arg = &status;
		options.backoff_first_ms = options.backoff_max_ms = 3600000;
		hooks.on_message = count_turns;
		exit_count = turns_after = 0;
		ck_assert_int_eq(run(), 0);
		ck_assert_uint_eq(shared->mains, 4);
		ck_assert_uint_eq(exit_count, 5);
		ck_assert_int_eq(exits[3].status, status);
		ck_assert(!exits[3].expected);
	}
	expect_alone();
}
END_TEST

static int
retire_at_once(struct shoal_pool_worker *worker, void *arg)
{
	int r;

	shared->mains++;
	r = shoal_pool_worker_retire(worker);
	if (r < 0 || !shoal_pool_worker_is_stopping(worker))
		return 1;
	/* the one that follows is there before this one ends */
	while (shared->mains < 2 && getppid() != 1)
		usleep(1000);
	if (shared->mains >= 3)
		shoal_pool_worker_stop_pool(worker);
	return wait_for_end(worker, arg);
}

START_TEST(retired_worker_is_replaced_before_it_ends)
{
	set_up(1, retire_at_once);
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_ge(exit_count, 3);
	ck_assert(exits[0].expected);
	ck_assert_int_eq(exits[0].status, 0);
	expect_alone();
}
END_TEST

static int
ignore_stop_in_slot_1(struct shoal_pool_worker *worker, void *arg)
{
	tell_pid(worker);
	while (shoal_pool_worker_slot(worker) == 1)
		pause();
	return wait_for_end(worker, arg);
}

static int arrived;

static void
stop_when_both_are_there(
    struct shoal_pool *of, const struct shoal_pool_message *message, void *arg)
{
	if (++arrived == 2)
		shoal_pool_stop(of);
}

START_TEST(who_ignores_the_stop_is_killed)
{
	unsigned i;

	set_up(2, ignore_stop_in_slot_1);
	options.stop_timeout_ms = 200;
	hooks.on_message = stop_when_both_are_there;
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(exit_count, 2);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(
		    exits[i].signal, exits[i].slot == 1 ? SIGKILL : 0);
	expect_alone();
}
END_TEST

static void
restart_then_stop(
    struct shoal_pool *of, const struct shoal_pool_message *message, void *arg)
{
	arrived++;
	if (arrived == 3)
		ck_assert_int_eq(shoal_pool_restart(of), 0);
	/* asked for again while it goes on: one more */
	if (arrived == 4)
		for (int i = 0; i < 5; i++)
			ck_assert_int_eq(shoal_pool_restart(of), 0);
	if (arrived == 9)
		shoal_pool_stop(of);
}

START_TEST(restart_replaces_each_in_its_own_time)
{
	int killed = 0;
	unsigned i;

	set_up(3, ignore_stop_in_slot_1);
	options.restart_timeout_ms = 150;
	options.stop_timeout_ms = 150;
	hooks.on_message = restart_then_stop;
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(exit_count, 9);
	for (i = 0; i < exit_count; i++) {
		ck_assert(exits[i].expected);
		killed += exits[i].signal == SIGKILL;
		ck_assert_int_eq(
		    exits[i].signal, exits[i].slot == 1 ? SIGKILL : 0);
	}
	ck_assert_int_eq(killed, 3);
	/* one after the other, until the stop ends all that are left */
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(exits[i].slot, (int)i % 3);
	expect_alone();
}
END_TEST

static void
retire_slot_1(
    struct shoal_pool *of, const struct shoal_pool_message *message, void *arg)
{
	arrived++;
	if (arrived == 2)
		ck_assert_int_eq(shoal_pool_retire(of, 1), 0);
	if (arrived == 3) {
		ck_assert_int_eq(message->from, 1);
		ck_assert_int_eq(shoal_pool_pid(of, 1), pid_of(message));
		shoal_pool_stop(of);
	}
}

START_TEST(parent_retires_one_worker)
{
	set_up(2, tell_and_wait);
	hooks.on_message = retire_slot_1;
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(exit_count, 3);
}
END_TEST

SH_SUITE("process/crew", options_are_checked,
    calls_at_the_wrong_time_are_refused, calls_of_hooks_are_checked,
    hooks_come_in_order_and_again, first_start_fails_as_a_whole,
    address_that_is_taken_is_an_error, second_thread_forbids_it,
    the_program_gets_back_what_it_had, killed_worker_is_replaced,
    term_from_outside_is_a_request_to_retire, quick_ends_back_off,
    retired_worker_is_replaced_before_it_ends, who_ignores_the_stop_is_killed,
    restart_replaces_each_in_its_own_time, parent_retires_one_worker)
