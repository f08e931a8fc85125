/* This file tests session/tcp_coroutine.c and io/read_buffer.c: what a receive
 * has given stays as it is. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/co.h>
#include <shoal/error.h>

#include "rig.h"

enum { TAIL = 10, HOLDERS_MAX = 150, PACKET = 200000, NOISE = 4 * 1024 * 1024 };

/* A handler that keeps what it has received over a wait. */
struct holder {
	struct shoal_conn *conn;
	int64_t co;
	unsigned char seed;
	bool holds, bad, done;
};

/* rig comes first */
struct hall {
	struct rig rig;
	struct holder holders[HOLDERS_MAX];
	int count;
	size_t size;
	bool waits_in_send, sleeps;
	size_t noise; /* bytes that came over the last connection */
	int noisy;    /* number of that connection */
};

/* Patterns that differ in every connection and repeat in no buffer. */
static unsigned char
byte_at(unsigned seed, size_t i)
{
	return (unsigned char)((i * 31 + i / 251) ^ (seed * 77 + 5));
}

static bool
is_intact(
    const struct holder *holder, const void *data, size_t from, size_t len)
{
	const unsigned char *bytes = data;
	size_t i;

	for (i = 0; i < len; i++)
		if (bytes[i] != byte_at(holder->seed, from + i))
			return false;
	return true;
}

static void
fill_queue(struct shoal_conn *conn)
{
	static const char zeros[65536];

	while (!shoal_conn_is_full(conn))
		if (shoal_conn_send(conn, zeros, sizeof(zeros)) < 0)
			return;
}

static void
wait_somehow(struct hall *hall, struct holder *holder, const void *data)
{
	holder->holds = true;
	if (hall->waits_in_send)
		(void)shoal_co_send(
		    holder->conn, data, hall->size, SHOAL_FOREVER);
	else if (hall->sleeps)
		(void)shoal_co_sleep(20);
	else
		(void)shoal_co_suspend(SHOAL_FOREVER);
}

static void
hold(struct hall *hall, struct holder *holder)
{
	const void *data = NULL;

	if (hall->waits_in_send)
		fill_queue(holder->conn);
	if (shoal_co_recv_exact(holder->conn, &data, hall->size,
		SHOAL_FOREVER) != (ssize_t)hall->size ||
	    !is_intact(holder, data, 0, hall->size)) {
		holder->bad = true;
		return;
	}
	wait_somehow(hall, holder, data);
	if (!is_intact(holder, data, 0, hall->size))
		holder->bad = true;
	if (shoal_co_recv_exact(holder->conn, &data, TAIL, SHOAL_FOREVER) !=
		TAIL ||
	    !is_intact(holder, data, hall->size, TAIL))
		holder->bad = true;
}

static void
make_noise(struct shoal_conn *conn, struct hall *hall)
{
	const void *data;
	ssize_t n;

	while ((n = shoal_co_recv(conn, &data, SHOAL_FOREVER)) > 0)
		hall->noise += (size_t)n;
}

static void
serve(struct shoal_conn *conn, void *arg)
{
	struct hall *hall = arg;
	struct holder *holder = &hall->holders[hall->count];

	if (hall->count == hall->noisy) {
		make_noise(conn, hall);
		return;
	}
	holder->seed = (unsigned char)hall->count++;
	holder->conn = conn;
	holder->co = shoal_co_self();
	hold(hall, holder);
	holder->done = true;
}

static void
write_all(struct hall *hall, int fd, const unsigned char *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, bytes + done, len - done);

		if (n > 0)
			done += (size_t)n;
		else
			ck_assert_int_eq(errno, EAGAIN);
		RIG_TURNS(&hall->rig, 1);
	}
}

static void
give_message(struct hall *hall, int fd, int number)
{
	size_t len = hall->size + TAIL, i;
	unsigned char *bytes = malloc(len);

	for (i = 0; i < len; i++)
		bytes[i] = byte_at((unsigned char)number, i);
	write_all(hall, fd, bytes, len);
	free(bytes);
}

/* Megabytes, through the loop's buffers. */
static void
make_some_noise(struct hall *hall, int fd)
{
	static unsigned char zeros[100000];
	size_t sent = 0;

	hall->noise = 0;
	while (sent < NOISE) {
		write_all(hall, fd, zeros, sizeof(zeros));
		sent += sizeof(zeros);
	}
	RIG_UNTIL(&hall->rig, hall->noise == sent);
}

static void
let_go(struct hall *hall, struct holder *holder, int fd)
{
	size_t total = 0;
	int error;

	if (!hall->waits_in_send && !hall->sleeps)
		shoal_co_resume(holder->co, 0);
	RIG_UNTIL(&hall->rig, (rig_read(fd, &total, &error), holder->done));
	ck_assert(!holder->bad);
}

static void
check_hall(struct hall *hall, int count)
{
	int fds[HOLDERS_MAX], noisy, i;

	hall->rig.options.serve = serve;
	hall->rig.options.arg = hall;
	hall->noisy = count;
	rig_open(&hall->rig);
	for (i = 0; i < count; i++)
		fds[i] = rig_connect_accepted(&hall->rig);
	noisy = rig_connect_accepted(&hall->rig);
	for (i = 0; i < count; i++) {
		give_message(hall, fds[i], i);
		RIG_UNTIL(&hall->rig, hall->holders[i].holds);
	}
	make_some_noise(hall, noisy);
	/* in another order than that of their coming */
	for (i = count - 1; i >= 0; i -= 2)
		let_go(hall, &hall->holders[i], fds[i]);
	make_some_noise(hall, noisy);
	for (i = count - 2; i >= 0; i -= 2)
		let_go(hall, &hall->holders[i], fds[i]);
	for (i = 0; i < count; i++)
		close(fds[i]);
	close(noisy);
	RIG_UNTIL(&hall->rig, hall->rig.counters.closed == (uint64_t)count + 1);
	rig_close(&hall->rig);
}

static const size_t sizes[] = { 1, 512, 513, 4096, 4097, 65536, PACKET };

START_TEST(slices_survive_a_suspension)
{
	struct hall hall = { .size = sizes[_i] };

	check_hall(&hall, 6);
}
END_TEST

START_TEST(slices_survive_a_send_to_a_slow_reader)
{
	struct hall hall = { .size = sizes[_i], .waits_in_send = true };

	check_hall(&hall, 6);
}
END_TEST

START_TEST(slices_survive_a_sleep)
{
	struct hall hall = { .size = sizes[_i], .sleeps = true };

	check_hall(&hall, 6);
}
END_TEST

/* More than may keep a buffer. */
START_TEST(many_hold_a_slice)
{
	struct hall hall = { .size = sizes[_i] };

	check_hall(&hall, HOLDERS_MAX - 1);
}
END_TEST

/* Those that hold one go away without letting go first. */
START_TEST(buffers_come_back_at_the_end)
{
	enum { COUNT = 100 };
	struct hall hall = { .size = 10000, .noisy = -1 };
	int fds[COUNT], round, i;

	hall.rig.options.serve = serve;
	hall.rig.options.arg = &hall;
	rig_open(&hall.rig);
	for (round = 0; round < 3; round++) {
		hall.count = 0;
		memset(hall.holders, 0, sizeof(hall.holders));
		for (i = 0; i < COUNT; i++) {
			fds[i] = rig_connect_accepted(&hall.rig);
			give_message(&hall, fds[i], i);
			RIG_UNTIL(&hall.rig, hall.holders[i].holds);
		}
		for (i = 0; i < COUNT; i++) {
			if (i % 2 == 0)
				rig_reset(fds[i]);
			else
				close(fds[i]);
			shoal_co_cancel(hall.holders[i].co);
		}
		RIG_UNTIL(&hall.rig,
		    hall.rig.counters.closed == (uint64_t)COUNT * (round + 1));
	}
	rig_close(&hall.rig);
}
END_TEST

int
main(void)
{
	enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
	Suite *suite = suite_create("session/lent");
	TCase *tcase = tcase_create("lent");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, slices_survive_a_suspension, 0, COUNT);
	tcase_add_loop_test(
	    tcase, slices_survive_a_send_to_a_slow_reader, 0, COUNT);
	tcase_add_loop_test(tcase, slices_survive_a_sleep, 0, COUNT);
	tcase_add_loop_test(tcase, many_hold_a_slice, 0, COUNT);
	tcase_add_test(tcase, buffers_come_back_at_the_end);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
