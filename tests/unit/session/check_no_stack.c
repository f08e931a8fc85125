/* This file tests session/tcp_callback.c and session/tcp_coroutine.c when the
 * kernel has no stack left for a coroutine. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/co.h>
#include <shoal/error.h>

#include "co/co_valgrind.h"
#include "rig.h"

enum {
	/* less than a slab of stacks, and enough for everything else */
	LEFT_BYTES = 6 * 1024 * 1024,
	STACKS_MAX = 1000
};

/* What callbacks have seen; rig comes first. */
struct scarce {
	struct rig rig;
	int may_wait, results[8], count;
	int64_t ids[STACKS_MAX];
	int taken;
};

static void
try_to_wait(struct shoal_conn *conn, struct scarce *s)
{
	static const char text[] = "here";

	s->may_wait += shoal_co_may_wait();
	if (s->count < 8)
		s->results[s->count++] = shoal_co_sleep(1);
	if (conn != NULL)
		shoal_conn_send(conn, text, strlen(text));
}

static void
on_connect(struct shoal_conn *conn, void *arg)
{
	struct scarce *s = arg;

	s->rig.connects++;
	try_to_wait(conn, s);
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct scarce *s = arg;

	s->rig.bytes += len;
	try_to_wait(conn, s);
}

static void
on_close(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	struct scarce *s = arg;

	s->rig.closes++;
	try_to_wait(NULL, s);
}

static const struct shoal_tcp_callbacks callbacks = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_connect = on_connect,
	.on_receive = on_receive,
	.on_close = on_close,
};

static void
serve(struct shoal_conn *conn, void *arg)
{
	const void *data;

	((struct scarce *)arg)->taken++;
	while (shoal_co_recv(conn, &data, SHOAL_FOREVER) > 0)
		shoal_co_send(conn, "here", 4, SHOAL_FOREVER);
}

static void
occupy(void *arg)
{
	(void)shoal_co_suspend(SHOAL_FOREVER);
}

/* Whether it can be done here: the limit is not meant for sanitizers. */
static bool
limit_memory(void)
{
#ifdef SH_SANITIZE
	return false;
#else
	FILE *file;
	long pages = 0;
	struct rlimit limit;

	if (sh_valgrind_is_running())
		return false;
	file = fopen("/proc/self/statm", "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%ld", &pages), 1);
	fclose(file);
	limit.rlim_cur = (rlim_t)(pages * sysconf(_SC_PAGESIZE)) + LEFT_BYTES;
	limit.rlim_max = RLIM_INFINITY;
	return setrlimit(RLIMIT_AS, &limit) == 0;
#endif
}

static void
lift_limit(void)
{
	const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static bool
take_all_stacks(struct scarce *s)
{
	if (!limit_memory())
		return false;
	do
		s->ids[s->taken] = shoal_co_start(occupy, NULL, "occupies");
	while (s->ids[s->taken] > 0 && ++s->taken < STACKS_MAX);
	ck_assert_int_eq(s->ids[s->taken], -SHOAL_ENOMEM);
	ck_assert_int_gt(s->taken, 10);
	return true;
}

static void
give_back_stacks(struct scarce *s, int count)
{
	size_t before = shoal_co_count();

	while (count-- > 0)
		shoal_co_resume(s->ids[--s->taken], 0);
	RIG_UNTIL(&s->rig, shoal_co_count() < before);
}

START_TEST(callbacks_run_where_they_may_not_wait)
{
	struct scarce s = { .rig.options.callbacks = &callbacks };
	size_t total = 0;
	int fd, error, i;

	s.rig.options.arg = &s;
	rig_open(&s.rig);
	if (take_all_stacks(&s)) {
		fd = rig_connect_accepted(&s.rig);
		rig_write(fd, "hello", 5);
		RIG_UNTIL(&s.rig, s.rig.bytes == 5);
		shutdown(fd, SHUT_WR);
		RIG_UNTIL(&s.rig, rig_read(fd, &total, &error));
		ck_assert_uint_eq(total, 8);
		ck_assert_int_eq(s.rig.closes, 1);
		ck_assert_int_eq(s.may_wait, 0);
		ck_assert_int_eq(s.count, 3);
		for (i = 0; i < s.count; i++)
			ck_assert_int_eq(s.results[i], -SHOAL_ENOMEM);
		close(fd);
		/* and as before when there is one again */
		give_back_stacks(&s, s.taken);
		fd = rig_connect_accepted(&s.rig);
		close(fd);
		RIG_UNTIL(&s.rig, s.rig.closes == 2);
		ck_assert_int_eq(s.may_wait, 2);
	}
	lift_limit();
	rig_close(&s.rig);
}
END_TEST

START_TEST(connection_in_coroutine_style_is_closed)
{
	struct scarce s = { .rig.options.serve = serve };
	size_t total = 0;
	int fd, error, left;

	s.rig.options.arg = &s;
	rig_open(&s.rig);
	if (take_all_stacks(&s)) {
		left = s.taken;
		fd = rig_connect(&s.rig);
		RIG_UNTIL(&s.rig, rig_read(fd, &total, &error));
		RIG_UNTIL(&s.rig, s.rig.counters.closed == 1);
		ck_assert_int_eq(s.taken, left);
		close(fd);
		give_back_stacks(&s, 2);
		fd = rig_connect(&s.rig);
		rig_write(fd, "x", 1);
		RIG_UNTIL(&s.rig, (rig_read(fd, &total, &error), total == 4));
		close(fd);
		RIG_UNTIL(&s.rig, s.rig.counters.closed == 2);
		s.taken--;
		give_back_stacks(&s, s.taken);
	}
	lift_limit();
	rig_close(&s.rig);
}
END_TEST

SH_SUITE("session/no_stack", callbacks_run_where_they_may_not_wait,
    connection_in_coroutine_style_is_closed)
