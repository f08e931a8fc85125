/* This file tests io/socket_write.c, and what of io/socket.c a writer sees. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "support/pair.h"
#include "support/suite.h"

enum { WAIT_MS = 20000, SHORT_MS = 5, MEGA = 1024 * 1024, WRITERS = 10 };

static struct shoal_sock *pair[2];
static char *large; /* 8 MiB */

/* What writers saw: when they come to run is of no interest. */
static long sent[WRITERS];
static int sent_count;

static void
note_sent(long value)
{
	sent[sent_count++] = value;
}

/* Wait until so many have sent, and note how it went. */
static void
note_all_sent(int count)
{
	int i;

	while (sent_count < count && shoal_co_sleep(1) == 0)
		;
	for (i = 0; i < count; i++)
		note(sent[i]);
	sent_count = 0;
}

static void
expect(shoal_co_fn *fn, const long *values, int count)
{
	int i;

	large = calloc(8, MEGA);
	ck_assert_int_eq(shoal_run(fn, NULL), 0);
	for (i = 0; i < count && i < seen_count; i++)
		if (seen[i] != values[i])
			ck_abort_msg("value %d is %ld and should be %ld", i,
			    seen[i], values[i]);
	ck_assert_int_eq(seen_count, count);
	free(large);
}

#define EXPECT(fn, ...)                                        \
	do {                                                   \
		const long values[] = { __VA_ARGS__ };         \
		expect(fn, values, (int)SH_ARRAY_LEN(values)); \
	} while (0)

static void
write_mega(void *arg)
{
	const char *id = arg;
	char *message = malloc(MEGA);

	memset(message, *id, MEGA);
	note_sent(shoal_co_sock_send(pair[0], message, MEGA, WAIT_MS));
	free(message);
}

/* Read to the end; runs of the same byte are noted. */
static void
read_runs(void)
{
	char *buf = malloc(MEGA);
	long run = 0, i;
	int last = -1;
	ssize_t n;

	while ((n = shoal_co_sock_recv(pair[1], buf, 10000, WAIT_MS)) > 0) {
		for (i = 0; i < n; i++) {
			if (buf[i] != last && last != -1) {
				note(last);
				note(run);
				run = 0;
			}
			last = buf[i];
			run++;
		}
		shoal_co_sleep(0);
	}
	note(last);
	note(run);
	note(n);
	free(buf);
}

static void
do_many_writers(void *arg)
{
	static const char ids[WRITERS] = "0123456789";
	int i;

	make_pair(pair);
	for (i = 0; i < WRITERS; i++)
		shoal_co_start(
		    write_mega, (void *)(uintptr_t)&ids[i], "writer");
	for (i = 0; i < WRITERS; i++) {
		char *buf = malloc(MEGA);
		long wrong = 0, j;

		note(shoal_co_sock_recv_all(pair[1], buf, MEGA, WAIT_MS));
		for (j = 0; j < MEGA; j++)
			wrong += buf[j] != ids[i];
		seen[seen_count - 1] += wrong;
		free(buf);
		shoal_co_sleep(0);
	}
	note_all_sent(WRITERS);
	close_pair(pair);
}

START_TEST(messages_of_many_writers_are_whole_and_in_order)
{
	int i;

	ck_assert_int_eq(shoal_run(do_many_writers, NULL), 0);
	ck_assert_int_eq(seen_count, 2 * WRITERS);
	for (i = 0; i < seen_count; i++)
		ck_assert_int_eq(seen[i], i < WRITERS ? MEGA : 0);
}
END_TEST

static void
write_a_little(void *arg)
{
	note_sent(shoal_co_sock_send(pair[0], "b", 1, WAIT_MS));
}

static void
do_half_a_message(void *arg)
{
	char buf[10];

	make_pair(pair);
	shoal_co_start(write_a_little, NULL, "writer");
	note(shoal_co_sock_recv(pair[1], buf, 1, WAIT_MS));
	note(shoal_co_sock_send(pair[0], large, 8 * MEGA, 0));
	shoal_co_start(write_a_little, NULL, "writer");
	note(shoal_co_sock_send(pair[0], "c", 1, WAIT_MS));
	note(shoal_sock_is_alive(pair[0]));
	note_all_sent(2);
	close_pair(pair);
}

START_TEST(nothing_follows_half_a_message)
{
	EXPECT(do_half_a_message, 1, -SHOAL_ETIMEDOUT, -SHOAL_ENOTCONN, 0, 0,
	    -SHOAL_ENOTCONN);
}
END_TEST

static void
write_large(void *arg)
{
	note_sent(shoal_co_sock_send(pair[0], large, 8 * MEGA, *(int *)arg));
}

static void
do_queue_behind_timeout(void *arg)
{
	static int short_ms = SHORT_MS;

	make_pair(pair);
	shoal_co_start(write_large, &short_ms, "first");
	note(shoal_co_sock_send(pair[0], "c", 1, WAIT_MS));
	note_all_sent(1);
	close_pair(pair);
}

START_TEST(who_waits_behind_half_a_message_is_told)
{
	EXPECT(do_queue_behind_timeout, -SHOAL_ENOTCONN, -SHOAL_ETIMEDOUT);
}
END_TEST

static void
do_leave_queue(void *arg)
{
	static const char id = 'a';

	make_pair(pair);
	shoal_co_start(write_mega, (void *)(uintptr_t)&id, "first");
	note(shoal_co_sock_send(pair[0], "x", 1, SHORT_MS));
	note(shoal_co_sock_send(pair[0], "y", 1, 0));
	shoal_co_start(write_a_little, NULL, "last");
	note(shoal_sock_shutdown(pair[0], SHOAL_SOCK_WRITE));
	note(shoal_sock_detach(&pair[0]));
	note(shoal_co_sock_recv_all(pair[1], large, MEGA, WAIT_MS));
	note(shoal_co_sock_recv_all(pair[1], large, 1, WAIT_MS));
	note(large[0]);
	shoal_sock_close(&pair[0]);
	note(shoal_co_sock_recv_all(pair[1], large, 1, WAIT_MS));
	note_all_sent(2);
	close_pair(pair);
}

START_TEST(who_leaves_the_queue_has_sent_nothing)
{
	EXPECT(do_leave_queue, -SHOAL_ETIMEDOUT, -SHOAL_ETIMEDOUT, -SHOAL_EBUSY,
	    -SHOAL_EBUSY, MEGA, 1, 'b', 0, 0, 0);
}
END_TEST

static void
read_something(void *arg)
{
	char byte;

	note(shoal_co_sock_recv(pair[0], &byte, 1, SHOAL_FOREVER));
}

static void
do_close(void *arg)
{
	static int forever = SHOAL_FOREVER;

	make_pair(pair);
	shoal_co_start(write_large, &forever, "first");
	shoal_co_start(write_large, &forever, "second");
	shoal_co_start(read_something, NULL, "reader");
	shoal_sock_close(&pair[0]);
	let_others_run();
	note(pair[0] == NULL);
	note_all_sent(2);
	shoal_sock_close(&pair[1]);
}

START_TEST(close_wakes_everybody)
{
	EXPECT(
	    do_close, -SHOAL_ECANCELED, 1, -SHOAL_ECANCELED, -SHOAL_ECANCELED);
}
END_TEST

static void
do_cancel(void *arg)
{
	static int forever = SHOAL_FOREVER;
	char byte = 0;

	make_pair(pair);
	shoal_co_start(write_large, &forever, "first");
	shoal_co_start(write_large, &forever, "second");
	note(shoal_sock_cancel(pair[0], SHOAL_SOCK_WRITE | SHOAL_SOCK_READ));
	let_others_run();
	note(shoal_co_sock_send(pair[0], "x", 1, WAIT_MS));
	note(shoal_co_sock_send(pair[1], "x", 1, WAIT_MS));
	note(shoal_co_sock_recv(pair[0], &byte, 1, WAIT_MS));
	note_all_sent(2);
	close_pair(pair);
}

START_TEST(cancel_of_half_a_message_breaks_only_sending)
{
	EXPECT(do_cancel, 2, -SHOAL_ENOTCONN, 0, 1, -SHOAL_ECANCELED,
	    -SHOAL_ECANCELED);
}
END_TEST

static void
do_cancelled_coroutine(void *arg)
{
	static int forever = SHOAL_FOREVER;
	int64_t co;

	make_pair(pair);
	co = shoal_co_start(write_large, &forever, "first");
	shoal_co_start(write_a_little, NULL, "second");
	note(shoal_co_cancel(co));
	let_others_run();
	note_all_sent(2);
	close_pair(pair);
}

START_TEST(cancelled_coroutine_leaves_a_broken_stream)
{
	EXPECT(do_cancelled_coroutine, 0, -SHOAL_ECANCELED, -SHOAL_ENOTCONN);
}
END_TEST

static void
do_reset(void *arg)
{
	static int wait_ms = WAIT_MS;

	make_tcp_pair(pair);
	shoal_co_start(write_large, &wait_ms, "writer");
	let_others_run();
	reset(&pair[1]);
	let_others_run();
	note(shoal_co_sock_recv(pair[0], large, 1, WAIT_MS));
	note_all_sent(1);
	close_pair(pair);
}

START_TEST(reset_wakes_a_blocked_writer)
{
	EXPECT(do_reset, -SHOAL_ECONNRESET, -SHOAL_ECONNRESET);
}
END_TEST

static void
do_shutdown(void *arg)
{
	char buf[10];

	make_tcp_pair(pair);
	note(shoal_sock_shutdown(pair[0], 0));
	note(shoal_sock_shutdown(pair[0], 4));
	note(shoal_sock_shutdown(pair[0], SHOAL_SOCK_WRITE));
	note(shoal_co_sock_send(pair[0], "x", 1, WAIT_MS));
	note(shoal_co_sock_recv(pair[1], buf, 10, WAIT_MS));
	note(shoal_co_sock_send(pair[1], "answer", 6, WAIT_MS));
	note(shoal_co_sock_recv(pair[0], buf, 10, WAIT_MS));
	shoal_co_start(read_something, NULL, "reader");
	note(shoal_sock_shutdown(pair[0], SHOAL_SOCK_READ));
	let_others_run();
	close_pair(pair);
}

START_TEST(shutdown_ends_one_direction)
{
	EXPECT(do_shutdown, -SHOAL_EINVAL, -SHOAL_EINVAL, 0, -SHOAL_ENOTCONN, 0,
	    0, 6, 0, 0);
}
END_TEST

/* With the default action of SIGPIPE, which would end the test. */
static void
do_gone(void *arg)
{
	FILE *file = tmpfile();

	fputs("content", file);
	fflush(file);
	make_pair(pair);
	shoal_sock_close(&pair[1]);
	note(shoal_co_sock_send(pair[0], "x", 1, WAIT_MS));
	note(shoal_co_sock_sendfile(pair[0], fileno(file), 0, 0, WAIT_MS));
	note(shoal_co_sock_send(pair[0], "x", 1, WAIT_MS));
	close_pair(pair);
	fclose(file);
}

START_TEST(peer_that_is_gone_is_no_signal)
{
	signal(SIGPIPE, SIG_DFL);
	EXPECT(
	    do_gone, -SHOAL_ECONNRESET, -SHOAL_ECONNRESET, -SHOAL_ECONNRESET);
}
END_TEST

static void
do_sendv(void *arg)
{
	static struct iovec parts[1025];
	static char bytes[1025];
	char *buf = malloc(MEGA);
	long wrong = 0;
	int i;

	make_pair(pair);
	for (i = 0; i < 1025; i++) {
		bytes[i] = (char)i;
		parts[i].iov_base = &bytes[i];
		parts[i].iov_len = i % 3 != 0;
	}
	note(shoal_co_sock_sendv(pair[0], parts, 0, WAIT_MS));
	note(shoal_co_sock_sendv(pair[0], NULL, 1, WAIT_MS));
	note(shoal_co_sock_sendv(pair[0], parts, -1, WAIT_MS));
	note(shoal_co_sock_sendv(pair[0], parts, 1025, WAIT_MS));
	note(shoal_co_sock_sendv(pair[0], parts, 1024, WAIT_MS));
	note(shoal_co_sock_recv_all(pair[1], buf, 682, WAIT_MS));
	for (i = 0; i < 682; i++)
		wrong += buf[i] != (char)(i / 2 * 3 + i % 2 + 1);
	note(wrong);
	parts[0].iov_len = parts[1].iov_len = (size_t)-1 / 3;
	note(shoal_co_sock_sendv(pair[0], parts, 2, WAIT_MS));
	note(shoal_co_sock_send(pair[0], NULL, 1, WAIT_MS));
	note(shoal_co_sock_send(pair[0], NULL, 0, WAIT_MS));
	close_pair(pair);
	free(buf);
}

START_TEST(parts_are_one_message)
{
	EXPECT(do_sendv, 0, -SHOAL_EINVAL, -SHOAL_EINVAL, -SHOAL_EINVAL, 0, 682,
	    0, -SHOAL_EINVAL, -SHOAL_EINVAL, 0);
}
END_TEST

static struct iovec large_parts[100];

static void
write_parts(void *arg)
{
	note_sent(shoal_co_sock_sendv(pair[0], large_parts, 100, WAIT_MS));
	shoal_sock_shutdown(pair[0], SHOAL_SOCK_WRITE);
}

static void
do_large_sendv(void *arg)
{
	int i;

	make_pair(pair);
	for (i = 0; i < 100; i++) {
		large_parts[i].iov_base = large + i * 50000;
		large_parts[i].iov_len = 50000;
		memset(large_parts[i].iov_base, i < 50 ? 'a' : 'b', 50000);
	}
	shoal_co_start(write_parts, NULL, "writer");
	read_runs();
	note_all_sent(1);
	close_pair(pair);
}

START_TEST(parts_go_on_where_the_kernel_stopped)
{
	EXPECT(do_large_sendv, 'a', 2500000, 'b', 2500000, 0, 0);
}
END_TEST

static FILE *file;

static void
send_file(void *arg)
{
	note_sent(shoal_co_sock_sendfile(pair[0], fileno(file), 1, 0, WAIT_MS));
	note_sent(shoal_co_sock_sendfile(
	    pair[0], fileno(file), 5 * MEGA - 3, 2, WAIT_MS));
	shoal_sock_shutdown(pair[0], SHOAL_SOCK_WRITE);
}

static void
do_sendfile(void *arg)
{
	int fds[2], folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	make_pair(pair);
	file = tmpfile();
	note(shoal_co_sock_sendfile(pair[0], fileno(file), 0, 0, WAIT_MS));
	note(shoal_co_sock_sendfile(pair[0], fileno(file), 0, 1, WAIT_MS));
	note(shoal_co_sock_sendfile(pair[0], fileno(file), -1, 0, WAIT_MS));
	note(shoal_co_sock_sendfile(pair[0], fileno(file), 1, 0, WAIT_MS));
	note(shoal_co_sock_sendfile(pair[0], folder, 0, 0, WAIT_MS));
	note(shoal_co_sock_sendfile(pair[0], -1, 0, 0, WAIT_MS));
	if (pipe(fds) < 0)
		abort();
	note(shoal_co_sock_sendfile(pair[0], fds[0], 0, 0, WAIT_MS));
	memset(large, 'f', 5 * MEGA);
	large[0] = 'x';
	large[5 * MEGA - 1] = 'g';
	fwrite(large, 1, 5 * MEGA, file);
	fflush(file);
	shoal_co_start(send_file, NULL, "writer");
	read_runs();
	note_all_sent(2);
	close_pair(pair);
	fclose(file);
	close(folder);
	close(fds[0]);
	close(fds[1]);
}

START_TEST(files_are_sent_in_part_and_whole)
{
	EXPECT(do_sendfile, 0, -SHOAL_EINVAL, -SHOAL_EINVAL, -SHOAL_EINVAL,
	    -EISDIR, -EBADF, -SHOAL_EINVAL, 'f', 5 * MEGA - 2, 'g', 1, 'f', 2,
	    0, 5 * MEGA - 1, 2);
}
END_TEST

static void
send_whole_file(void *arg)
{
	note_sent(shoal_co_sock_sendfile(pair[0], fileno(file), 0, 0, WAIT_MS));
	note_sent(shoal_co_sock_send(pair[0], "x", 1, WAIT_MS));
}

static void
do_cut_file(void *arg)
{
	make_pair(pair);
	file = tmpfile();
	fwrite(large, 1, 8 * MEGA, file);
	fflush(file);
	shoal_co_start(send_whole_file, NULL, "writer");
	note(ftruncate(fileno(file), 0));
	while (shoal_co_sock_recv(pair[1], large, MEGA, SHORT_MS) > 0)
		;
	note_all_sent(2);
	close_pair(pair);
	fclose(file);
}

START_TEST(file_that_becomes_shorter_breaks_the_stream)
{
	EXPECT(do_cut_file, 0, -SHOAL_ETRUNCATED, -SHOAL_ENOTCONN);
}
END_TEST

SH_SUITE("io/socket_write", messages_of_many_writers_are_whole_and_in_order,
    nothing_follows_half_a_message, who_waits_behind_half_a_message_is_told,
    who_leaves_the_queue_has_sent_nothing, close_wakes_everybody,
    cancel_of_half_a_message_breaks_only_sending,
    cancelled_coroutine_leaves_a_broken_stream, reset_wakes_a_blocked_writer,
    shutdown_ends_one_direction, peer_that_is_gone_is_no_signal,
    parts_are_one_message, parts_go_on_where_the_kernel_stopped,
    files_are_sent_in_part_and_whole,
    file_that_becomes_shorter_breaks_the_stream)
