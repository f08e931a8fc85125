/* This file tests what coroutines leave behind: calls for their end, names,
 * waits that were given up. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <shoal/channel.h>
#include <shoal/pool.h>
#include <shoal/service.h>
#include <shoal/sock.h>
#include <shoal/timer.h>

#include "support/suite.h"
#include "unit/sync/notes.h"

enum { PATIENCE_MS = 10000, MANY = 600 };

static struct shoal_service *service;
static int64_t numbers[MANY];

/* --- calls for the end, in handlers --- */

static void
note_later(void *arg)
{
	note("%s", named(shoal_co_sleep(5)));
	note("later");
}

static void
answer(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	if (notes[0] == '\0')
		shoal_co_defer(note_later, NULL);
	shoal_conn_send(conn, data, len);
}

static void
send_later(void *arg)
{
	if (shoal_co_sleep(5) == 0)
		note("%s", named(shoal_co_send(arg, "x", 1, PATIENCE_MS)));
}

static void
serve(struct shoal_conn *conn, void *arg)
{
	shoal_co_defer(send_later, conn);
}

/* Open the service, with a connection to it. */
static struct shoal_sock *
open_service(
    const struct shoal_tcp_callbacks *callbacks, shoal_serve_fn *serve_one)
{
	const struct shoal_service_options options = {
		.size = sizeof(options),
		.address = "127.0.0.1:0",
		.callbacks = callbacks,
		.serve = serve_one,
	};
	char address[SHOAL_ADDRESS_MAX];
	struct shoal_sock *sock = NULL;

	if (shoal_service_open(&options, &service) < 0)
		return NULL;
	shoal_service_address(service, address, sizeof(address));
	(void)shoal_co_sock_connect(address, NULL, PATIENCE_MS, &sock);
	return sock;
}

static void
ask_twice(void *arg)
{
	static const struct shoal_tcp_callbacks callbacks = {
		.size = sizeof(callbacks), .on_receive = answer
	};
	struct shoal_sock *sock = open_service(&callbacks, NULL);
	char byte;
	int i;

	for (i = 0; i < 2 && sock != NULL; i++) {
		shoal_co_sock_send(sock, "x", 1, PATIENCE_MS);
		note("%d", (int)shoal_co_sock_recv(sock, &byte, 1, 2000));
	}
	shoal_sock_close(&sock);
	note("%s", named(shoal_co_service_wait(service, 2000)));
	/* else it would wait for ever */
	if (shoal_service_connections(service) == 0)
		shoal_co_service_free(&service);
}

START_TEST(a_callback_ends_when_what_it_deferred_has)
{
	ck_assert_int_eq(shoal_run(ask_twice, NULL), 0);
	ck_assert_str_eq(notes, "1 ok later 1 ok");
}
END_TEST

static void
take_one(void *arg)
{
	struct shoal_sock *sock = open_service(NULL, serve);
	char byte = '-';

	if (sock != NULL)
		shoal_co_sock_recv(sock, &byte, 1, PATIENCE_MS);
	note("%c", byte);
	shoal_sock_close(&sock);
	shoal_co_service_free(&service);
}

START_TEST(what_a_handler_deferred_has_its_connection)
{
	ck_assert_int_eq(shoal_run(take_one, NULL), 0);
	ck_assert_str_eq(notes, "ok x");
}
END_TEST

/* --- the end of a service --- */

static void
free_service(void *arg)
{
	shoal_co_service_free(&service);
	note("freed");
}

static void
ignore(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
}

static void
free_in_another(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	if (service != NULL)
		shoal_co_start(free_service, NULL, "free");
	note("closed");
}

static void
connect_twice(void *arg)
{
	static const struct shoal_tcp_callbacks callbacks = {
		.size = sizeof(callbacks),
		.on_receive = ignore,
		.on_close = free_in_another,
	};
	struct shoal_sock *one = open_service(&callbacks, NULL), *two = NULL;
	char address[SHOAL_ADDRESS_MAX];

	shoal_service_address(service, address, sizeof(address));
	(void)shoal_co_sock_connect(address, NULL, PATIENCE_MS, &two);
	while (shoal_service_connections(service) < 2)
		shoal_co_sleep(1);
	shoal_sock_close(&one);
	while (strstr(notes, "freed") == NULL)
		shoal_co_sleep(1);
	shoal_sock_close(&two);
}

START_TEST(a_service_is_freed_while_on_close_runs)
{
	ck_assert_int_eq(shoal_run(connect_twice, NULL), 0);
	ck_assert_str_eq(notes, "closed closed freed");
}
END_TEST

/* --- names --- */

static void
wait_for_ever(void *arg)
{
	note("%s", named(shoal_co_suspend(SHOAL_FOREVER)));
}

static void
defer_wait(void *arg)
{
	shoal_co_defer(wait_for_ever, NULL);
	shoal_co_sleep(1);
}

static void
start_timers(void *arg)
{
	shoal_timer_after(1, wait_for_ever, NULL);
	shoal_timer_after(1, defer_wait, NULL);
}

static void
start_and_forget(void *arg)
{
	char *name = strdup("of a heap");

	shoal_co_start(start_timers, NULL, name);
	free(name);
}

/* The log of the deadlock has their names. */
START_TEST(a_timer_outlives_the_name_of_its_coroutine)
{
	ck_assert_int_eq(shoal_run(start_and_forget, NULL), -SHOAL_EDEADLK);
	ck_assert_str_eq(notes, "canceled canceled");
}
END_TEST

/* --- deadlocks --- */

static void
suspend_shielded(void *arg)
{
	shoal_co_shield(50);
	note("%s", named(shoal_co_suspend(SHOAL_FOREVER)));
}

static void
cancel_shielded(void *arg)
{
	/* both before the wait and in it */
	shoal_co_cancel(start(suspend_shielded, 0));
	shoal_co_cancel(shoal_co_self());
	suspend_shielded(NULL);
}

START_TEST(a_shield_that_ends_is_no_deadlock)
{
	ck_assert_int_eq(shoal_run(cancel_shielded, NULL), 0);
	ck_assert_str_eq(notes, "canceled canceled");
}
END_TEST

static void
get_for_ever(void *arg)
{
	int item;

	while (shoal_co_channel_get(arg, &item, SHOAL_FOREVER) != 0)
		continue;
}

static void
put_and_get(void *arg)
{
	int item = 7, got = 0;

	note("%s", named(shoal_channel_try_put(arg, &item)));
	note("%s", named(shoal_channel_try_get(arg, &got)));
	note("%d", got);
}

START_TEST(a_channel_outlives_those_that_were_given_up)
{
	struct shoal_channel *channel = shoal_channel_new(1, sizeof(int));

	ck_assert_int_eq(shoal_run(get_for_ever, channel), -SHOAL_EDEADLK);
	ck_assert_int_eq(shoal_run(put_and_get, channel), 0);
	ck_assert_str_eq(notes, "ok ok 7");
	shoal_channel_free(&channel);
}
END_TEST

/* --- stacks --- */

static void
suspend_shortly(void *arg)
{
	shoal_co_suspend(200);
}

static void
sleep_shortly(void *arg)
{
	shoal_co_sleep(300);
}

static void
start_many(shoal_co_fn *fn)
{
	int i;

	for (i = 0; i < MANY; i++)
		numbers[i] = start(fn, i);
}

static int
join_many(void)
{
	int i, joined = 0;

	for (i = 0; i < MANY; i++)
		joined += numbers[i] > 0 &&
		    shoal_co_join(numbers[i], PATIENCE_MS / 2) == 0;
	return joined;
}

static void
use_stacks_twice(void *arg)
{
	int i;

	start_many(suspend_shortly);
	for (i = 0; i < MANY; i++)
		shoal_co_resume(numbers[i], 0);
	note("%d", join_many());
	start_many(sleep_shortly);
	note("%d", join_many());
}

START_TEST(locked_memory_has_no_old_alarms)
{
	/* pages that are given back keep what is in them then */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		return;
	ck_assert_int_eq(shoal_run(use_stacks_twice, NULL), 0);
	ck_assert_str_eq(notes, "600 600");
}
END_TEST

/* --- a pool --- */

static int
work(struct shoal_pool_worker *worker, void *arg)
{
	return 0;
}

static void
run_pool(void *arg)
{
	const struct shoal_pool_options options = {
		.size = sizeof(options), .workers = 1, .main = work
	};
	struct shoal_pool *pool;

	if (shoal_pool_new(&options, &pool) < 0)
		return;
	note("%s", named(shoal_pool_run(pool)));
	shoal_pool_free(&pool);
}

START_TEST(a_pool_does_not_run_in_a_coroutine)
{
	ck_assert_int_eq(shoal_run(run_pool, NULL), 0);
	ck_assert_str_eq(notes, "state");
}
END_TEST

SH_SUITE("api/co_end", a_callback_ends_when_what_it_deferred_has,
    what_a_handler_deferred_has_its_connection,
    a_service_is_freed_while_on_close_runs,
    a_timer_outlives_the_name_of_its_coroutine,
    a_shield_that_ends_is_no_deadlock,
    a_channel_outlives_those_that_were_given_up,
    locked_memory_has_no_old_alarms, a_pool_does_not_run_in_a_coroutine)
