/* This file tests a whole pool with workers that are fakes: real processes,
 * sockets and channels, and no daemon around them. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "master/master_policy.h"
#include "pool_rig.h"
#include "proc/bus_private.h"
#include "proc/register.h"
#include "support/descriptors.h"

static uint64_t
total_accepted(void)
{
	struct sh_totals totals;
	uint64_t accepted;
	uint32_t i;

	sh_totals_copy(&totals, &pool.ended);
	for (i = 0; i < pool.state.process_count; i++)
		if (pool.state.processes[i].state != SH_PROCESS_FREE)
			sh_totals_add(&totals, &pool.board.blocks[i], 0);
	accepted = SH_COUNTER(totals.counters.accepted);
	sh_totals_fini(&totals);
	return accepted;
}

START_TEST(start_serves_when_all_are_ready)
{
	open_pool(3, 2);
	offer("");
	ck_assert_int_eq(pool.state.phase, SH_PHASE_STARTING);
	expect(SH_OUTCOME_SERVING);
	ck_assert_int_eq(pool.state.phase, SH_PHASE_SERVING);
	ck_assert_uint_eq(sh_pool_ready(&pool), 3);
	ck_assert_uint_eq(report->starts, 3);
	ck_assert_ptr_nonnull(
	    strstr(read_line(connect_to(&bound(0)->addr)), "generation 1"));
	close_pool();
}
END_TEST

START_TEST(children_have_their_own_listeners_only)
{
	size_t before = count_descriptors();

	open_pool(3, 2);
	ck_assert_int_eq(
	    offer_at("", PATIENCE_MS, "127.0.0.1:0", "[::1]:0"), 0);
	expect(SH_OUTCOME_SERVING);
	ck_assert_uint_eq(report->listeners, 2);
	/* and the channel; not the siblings' channels, nor pidfds */
	ck_assert_uint_eq(report->descriptors, before + 3);
	close_pool();
}
END_TEST

START_TEST(start_fails_with_the_workers_words)
{
	open_pool(2, 2);
	offer("fails");
	/* whichever was first */
	ck_assert_ptr_nonnull(
	    strstr(expect(SH_OUTCOME_FAILED), ": no database"));
	ck_assert_uint_eq(pool.state.current, 0);
	close_pool();
}
END_TEST

START_TEST(start_fails_with_the_way_a_worker_died)
{
	open_pool(2, 2);
	offer("aborts");
	ck_assert_ptr_nonnull(
	    strstr(expect(SH_OUTCOME_FAILED), "exit status 3"));
	close_pool();
}
END_TEST

START_TEST(start_fails_when_a_worker_dies_before_all_are_ready)
{
	open_pool(2, 2);
	offer("brief");
	ck_assert_ptr_nonnull(
	    strstr(expect(SH_OUTCOME_FAILED), "exit status 4"));
	close_pool();
}
END_TEST

START_TEST(start_fails_in_time)
{
	open_pool(2, 2);
	ck_assert_int_eq(offer_at("never", 100, NULL, NULL), 0);
	ck_assert_ptr_nonnull(
	    strstr(expect(SH_OUTCOME_FAILED), "not ready in time"));
	close_pool();
}
END_TEST

START_TEST(waiting_connection_survives_a_crash)
{
	struct sh_addr addr;
	int fd;

	open_pool(1, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	addr = bound(0)->addr;
	kill_worker(0);
	/* nobody lives: the kernel keeps it */
	fd = connect_to(&addr);
	ck_assert_int_ge(fd, 0);
	ck_assert(drive_until(is_settled));
	ck_assert_str_eq(read_line(fd), "slot 0 generation 1 incarnation 2\n");
	ck_assert_uint_eq(pool.crashes, 1);
	close_pool();
}
END_TEST

static bool
has_waited(void)
{
	return pool.state.slots[0].backoff_ms != 0;
}

START_TEST(many_crashes_back_off_and_end)
{
	int i;

	open_pool(1, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	for (i = 0; i < SH_QUICK_DEATHS; i++) {
		kill_worker(0);
		ck_assert(drive_until(is_settled));
		ck_assert(!has_waited());
	}
	kill_worker(0);
	ck_assert(drive_until(has_waited));
	ck_assert_uint_eq(sh_pool_alive(&pool), 0);
	ck_assert(drive_until(is_settled));
	close_pool();
}
END_TEST

START_TEST(counters_survive_their_process)
{
	struct sh_addr addr;
	int i;

	open_pool(2, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	addr = bound(0)->addr;
	for (i = 0; i < 20; i++)
		ck_assert_str_ne(read_line(connect_to(&addr)), "");
	ck_assert_uint_eq(total_accepted(), 20);
	kill_worker(0);
	kill_worker(1);
	ck_assert_uint_eq(total_accepted(), 20);
	ck_assert(drive_until(is_settled));
	ck_assert_uint_eq(total_accepted(), 20);
	ck_assert_uint_eq(sh_pool_connections(&pool), 0);
	offer("");
	expect(SH_OUTCOME_SERVING);
	ck_assert(drive_until(is_settled));
	ck_assert_str_ne(read_line(connect_to(&addr)), "");
	ck_assert_uint_eq(total_accepted(), 21);
	close_pool();
}
END_TEST

START_TEST(reload_keeps_the_port_and_ends_the_old)
{
	struct sh_addr addr;

	open_pool(2, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	addr = bound(0)->addr;
	offer("");
	ck_assert_int_eq(pool.state.phase, SH_PHASE_RELOADING);
	expect(SH_OUTCOME_SERVING);
	ck_assert(drive_until(is_settled));
	ck_assert_uint_eq(pool.state.current, 2);
	ck_assert_ptr_nonnull(
	    strstr(read_line(connect_to(&addr)), "generation 2"));
	close_pool();
}
END_TEST

START_TEST(failed_reload_changes_nothing)
{
	static const char *const bad[] = { "fails", "aborts", "brief" };
	struct sh_addr addr;
	size_t i, before;

	open_pool(2, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	addr = bound(0)->addr;
	before = count_descriptors();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		offer(bad[i]);
		expect(SH_OUTCOME_FAILED);
		ck_assert(drive_until(is_settled));
		ck_assert_uint_eq(pool.state.current, 1);
		ck_assert_int_eq(pool.state.phase, SH_PHASE_SERVING);
		ck_assert_ptr_nonnull(
		    strstr(read_line(connect_to(&addr)), "generation 1"));
	}
	/* what cannot be bound never gets that far */
	ck_assert_int_lt(offer_at("", PATIENCE_MS, "127.0.0.1:0",
			     "unix:/nonexistent-shoal/s"),
	    0);
	ck_assert_uint_eq(pool.state.target, 0);
	ck_assert_uint_eq(sh_pool_ready(&pool), 2);
	ck_assert_uint_eq(count_descriptors(), before);
	close_pool();
}
END_TEST

START_TEST(slow_reload_has_its_own_time)
{
	open_pool(2, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	/* of the settings that serve, which the new ones need not obey */
	pool.state.limits.start_timeout_ms = 50;
	offer("slow");
	expect(SH_OUTCOME_SERVING);
	ck_assert_uint_eq(report->starts, 4);
	close_pool();
}
END_TEST

START_TEST(fifty_reloads_leak_nothing)
{
	size_t before = 0;
	int i;

	open_pool(2, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	for (i = 0; i < 50; i++) {
		offer("");
		expect(SH_OUTCOME_SERVING);
		ck_assert(drive_until(is_settled));
		if (i == 0)
			before = count_descriptors();
		ck_assert_uint_eq(count_descriptors(), before);
	}
	close_pool();
	ck_assert_ptr_null(pool.bounds.first);
}
END_TEST

START_TEST(removed_address_empties_its_queue_and_closes)
{
	struct sh_addr gone;
	int64_t deadline_ms;
	int fd;

	open_pool(1, 2);
	ck_assert_int_eq(
	    offer_at("holds lingers", PATIENCE_MS, "127.0.0.1:0", "[::1]:0"),
	    0);
	expect(SH_OUTCOME_SERVING);
	gone = bound(1)->addr;
	fd = connect_to(&gone);
	ck_assert_int_ge(fd, 0);
	offer("");
	expect(SH_OUTCOME_SERVING);
	/* the one that waited is served by the old worker, which drains on */
	ck_assert_str_eq(read_line(fd), "slot 0 generation 1 incarnation 1\n");
	/* the worker closes its copy a moment after it has answered */
	deadline_ms = sh_clock_ms() + PATIENCE_MS;
	while ((fd = connect_to(&gone)) >= 0 && sh_clock_ms() < deadline_ms)
		close(fd);
	ck_assert_int_eq(fd, -ECONNREFUSED);
	ck_assert_ptr_nonnull(find_process(0, SH_PROCESS_DRAINING));
	close_pool();
}
END_TEST

/* Kill workers until the pool has had enough. */
static void
crash_all(unsigned times)
{
	while (times-- > 0) {
		kill_worker(0);
		if (times != 0)
			ck_assert(drive_until(is_alone));
	}
}

START_TEST(crash_storm_goes_back)
{
	struct sh_addr addr;

	open_pool(2, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	addr = bound(0)->addr;
	offer("");
	expect(SH_OUTCOME_SERVING);
	crash_all(3);
	expect(SH_OUTCOME_REVERTED);
	ck_assert_uint_eq(pool.state.current, 1);
	ck_assert(drive_until(is_settled));
	ck_assert_ptr_nonnull(
	    strstr(read_line(connect_to(&addr)), "generation 1"));
	/* not again: there is nothing to go back to */
	crash_all(3);
	ck_assert(drive_until(is_settled));
	ck_assert_uint_eq(pool.state.current, 1);
	close_pool();
}
END_TEST

START_TEST(crash_storm_without_a_way_back_goes_on)
{
	struct sh_addr gone;
	char text[64];
	int fd;

	open_pool(2, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	/* a port that is free */
	ck_assert_int_eq(
	    offer_at("", PATIENCE_MS, "127.0.0.1:0", "[::1]:0"), 0);
	expect(SH_OUTCOME_SERVING);
	gone = bound(1)->addr;
	offer("");
	expect(SH_OUTCOME_SERVING);
	ck_assert(drive_until(is_settled));
	sh_addr_format(&gone, text, sizeof(text));
	ck_assert_int_eq(offer_at("", PATIENCE_MS, "127.0.0.1:0", text), 0);
	expect(SH_OUTCOME_SERVING);
	/* it is left, and somebody else takes it */
	offer("");
	expect(SH_OUTCOME_SERVING);
	ck_assert(drive_until(is_settled));
	fd = sh_sock_bind(&gone, false);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	crash_all(3);
	ck_assert_ptr_nonnull(
	    strstr(expect(SH_OUTCOME_STUCK), "another program"));
	ck_assert(drive_until(is_settled));
	ck_assert_uint_eq(pool.state.current, 5);
	close(fd);
	close_pool();
}
END_TEST

static bool
is_draining(void)
{
	return find_process(0, SH_PROCESS_DRAINING) != NULL &&
	    find_process(1, SH_PROCESS_DRAINING) != NULL;
}

static bool
is_stopping(void)
{
	return find_process(0, SH_PROCESS_STOPPING) != NULL;
}

START_TEST(stops_get_stronger)
{
	open_pool(2, 2);
	offer("lingers");
	expect(SH_OUTCOME_SERVING);
	sh_pool_stop(&pool, SH_STOP_DRAIN);
	ck_assert(drive_until(is_draining));
	ck_assert(!pool.ended_all);
	sh_pool_stop(&pool, SH_STOP_GRACEFUL);
	ck_assert(drive_until(is_over));
	/* a weaker one changes nothing */
	sh_pool_stop(&pool, SH_STOP_DRAIN);
	ck_assert_int_eq(pool.state.stop, SH_STOP_GRACEFUL);
	sh_pool_fini(&pool);
}
END_TEST

START_TEST(stubborn_ones_are_killed)
{
	open_pool(2, 2);
	offer("stubborn");
	expect(SH_OUTCOME_SERVING);
	sh_pool_stop(&pool, SH_STOP_FAST);
	ck_assert(drive_until(is_stopping));
	ck_assert_int_le(must_find(0, SH_PROCESS_STOPPING)->deadline_ms,
	    sh_clock_ms() + SH_FAST_MS);
	sh_pool_stop(&pool, SH_STOP_KILL);
	ck_assert(drive_until(is_over));
	sh_pool_fini(&pool);
}
END_TEST

START_TEST(stop_ends_a_reload_and_allows_none)
{
	open_pool(2, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	offer("never");
	sh_pool_turn(&pool, sh_clock_ms());
	ck_assert_uint_eq(sh_pool_alive(&pool), 4);
	sh_pool_stop(&pool, SH_STOP_GRACEFUL);
	pool.state.target = 0; /* as if it had been given up */
	ck_assert_int_eq(
	    offer_at("", PATIENCE_MS, NULL, NULL), -SHOAL_ECANCELED);
	ck_assert_int_eq(pool.state.phase, SH_PHASE_STOPPING);
	ck_assert(drive_until(is_over));
	sh_pool_fini(&pool);
}
END_TEST

START_TEST(replaced_worker_goes_when_the_new_one_is_ready)
{
	uint64_t wanted;

	open_pool(2, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	ck_assert_int_eq(sh_pool_replace(&pool, 2), -SHOAL_EINVAL);
	ck_assert_int_eq(sh_pool_replace(&pool, 1), 0);
	wanted = pool.state.slots[1].keep_from;
	sh_pool_turn(&pool, sh_clock_ms());
	/* asking twice does not start two */
	ck_assert_int_eq(sh_pool_replace(&pool, 1), 0);
	ck_assert_uint_eq(pool.state.slots[1].keep_from, wanted);
	ck_assert(drive_until(is_settled));
	ck_assert_uint_eq(must_find(1, SH_PROCESS_READY)->incarnation, wanted);
	ck_assert_uint_eq(report->starts, 3);
	ck_assert_uint_eq(pool.crashes, 0);
	close_pool();
}
END_TEST

static bool
is_replaced(void)
{
	const struct sh_process *p = find_process(0, SH_PROCESS_READY);

	return p != NULL && p->incarnation >= pool.state.slots[0].keep_from;
}

START_TEST(many_drains_do_not_take_all_places)
{
	int i;

	open_pool(1, 1);
	offer("lingers");
	expect(SH_OUTCOME_SERVING);
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(sh_pool_replace(&pool, 0), 0);
		ck_assert(drive_until(is_replaced));
	}
	close_pool();
}
END_TEST

static bool
has_reopened(void)
{
	return pool.reopening == 0;
}

START_TEST(reopened_log_is_counted_until_all_have_answered)
{
	open_pool(3, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	sh_pool_reopen(&pool, 2);
	ck_assert_uint_eq(pool.reopening, 3);
	ck_assert(drive_until(has_reopened));
	/* who dies does not answer, and is not waited for */
	kill(must_find(1, SH_PROCESS_READY)->pid, SIGSTOP);
	sh_pool_reopen(&pool, 2);
	kill(must_find(1, SH_PROCESS_READY)->pid, SIGKILL);
	ck_assert(drive_until(has_reopened));
	close_pool();
}
END_TEST

static void *
wait_for_end(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) < 0 ? arg : NULL;
}

START_TEST(second_thread_forbids_to_fork)
{
	pthread_t thread;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, wait_for_end, &ends[0]), 0);
	open_pool(1, 2);
	offer("");
	ck_assert_ptr_nonnull(strstr(expect(SH_OUTCOME_FAILED), "2 threads"));
	close(ends[1]);
	pthread_join(thread, NULL);
	close_pool();
}
END_TEST

START_TEST(program_that_collects_our_children_does_not_harm)
{
	struct sh_process *p;

	open_pool(1, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	p = must_find(0, SH_PROCESS_READY);
	kill(p->pid, SIGKILL);
	deaths_caused++;
	ck_assert_int_eq(waitpid(p->pid, NULL, 0), p->pid);
	ck_assert(drive_until(is_settled));
	ck_assert_uint_eq(report->starts, 2);
	close_pool();
}
END_TEST

/* Those on the bus are those that are alive. */
static bool
is_bus_right(void)
{
	uint32_t i;

	for (i = 0; i < pool.state.process_count; i++) {
		const struct sh_process *p = &pool.state.processes[i];
		uint64_t incarnation =
		    atomic_load(&sh_bus_block(pool.bus, i)->incarnation);

		if (sh_bus_is_present(pool.bus, i) !=
			(p->state != SH_PROCESS_FREE) ||
		    incarnation !=
			(p->state != SH_PROCESS_FREE ? p->incarnation : 0))
			return false;
	}
	return true;
}

START_TEST(the_bus_knows_who_lives_and_serves)
{
	size_t before = count_descriptors();

	open_pool_with_bus(2, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	ck_assert_uint_eq(sh_bus_generation(pool.bus), 1);
	ck_assert(is_bus_right());
	/* the channel, a socket and an eventfd for each index */
	ck_assert_uint_eq(
	    report->descriptors, before + 2 + pool.state.process_count);
	kill_worker(1);
	ck_assert(drive_until(is_settled));
	ck_assert(is_bus_right());
	ck_assert_int_eq(
	    offer_at("fails", PATIENCE_MS, "127.0.0.1:0", NULL), 0);
	expect(SH_OUTCOME_FAILED);
	ck_assert_uint_eq(sh_bus_generation(pool.bus), 1);
	offer("");
	expect(SH_OUTCOME_SERVING);
	ck_assert_uint_eq(sh_bus_generation(pool.bus), pool.state.current);
	ck_assert(drive_until(is_settled));
	ck_assert(is_bus_right());
	close_pool();
	ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

SH_SUITE("process/pool", start_serves_when_all_are_ready,
    children_have_their_own_listeners_only, start_fails_with_the_workers_words,
    start_fails_with_the_way_a_worker_died,
    start_fails_when_a_worker_dies_before_all_are_ready, start_fails_in_time,
    waiting_connection_survives_a_crash, many_crashes_back_off_and_end,
    counters_survive_their_process, reload_keeps_the_port_and_ends_the_old,
    failed_reload_changes_nothing, slow_reload_has_its_own_time,
    fifty_reloads_leak_nothing, removed_address_empties_its_queue_and_closes,
    crash_storm_goes_back, crash_storm_without_a_way_back_goes_on,
    stops_get_stronger, stubborn_ones_are_killed,
    stop_ends_a_reload_and_allows_none,
    replaced_worker_goes_when_the_new_one_is_ready,
    many_drains_do_not_take_all_places,
    reopened_log_is_counted_until_all_have_answered,
    second_thread_forbids_to_fork,
    program_that_collects_our_children_does_not_harm,
    the_bus_knows_who_lives_and_serves)
