/* This file tests io/socket_read.c, and what of io/socket.c a reader sees. */
#include "config.h"

#include <stdio.h>

#include "base/attr.h"
#include "io/socket_private.h"
#include "support/pair.h"
#include "support/suite.h"

enum { WAIT_MS = 5000, SHORT_MS = 5, LONG = 100 * 1000 };

static struct shoal_sock *pair[2];
static char buf[LONG + 1];

static void
put(const char *text)
{
	if (shoal_co_sock_send(pair[1], text, strlen(text), WAIT_MS) < 0)
		abort();
}

/* Run it with a pair, and expect these values to be noted. */
static void
expect(shoal_co_fn *fn, const long *values, int count)
{
	int i;

	ck_assert_int_eq(shoal_run(fn, NULL), 0);
	for (i = 0; i < count && i < seen_count; i++)
		if (seen[i] != values[i])
			ck_abort_msg("value %d is %ld and should be %ld", i,
			    seen[i], values[i]);
	ck_assert_int_eq(seen_count, count);
}

#define EXPECT(fn, ...)                                        \
	do {                                                   \
		const long values[] = { __VA_ARGS__ };         \
		expect(fn, values, (int)SH_ARRAY_LEN(values)); \
	} while (0)

static void
do_recv(void *arg)
{
	make_pair(pair);
	note(shoal_co_sock_recv(pair[0], buf, 0, 0));
	note(shoal_co_sock_recv(pair[0], buf, 10, 0));
	put("hello world");
	note(shoal_co_sock_recv(pair[0], buf, 5, 0));
	note(memcmp(buf, "hello", 5));
	note(shoal_co_sock_recv(pair[0], buf, LONG, 0));
	note(memcmp(buf, " world", 6));
	put("past the buffer");
	note(shoal_co_sock_recv(pair[0], buf, LONG, SHOAL_FOREVER));
	shoal_sock_close(&pair[1]);
	note(shoal_co_sock_recv(pair[0], buf, LONG, SHOAL_FOREVER));
	note(shoal_co_sock_recv(pair[0], buf, 1, SHOAL_FOREVER));
	close_pair(pair);
}

START_TEST(recv_gives_what_there_is)
{
	EXPECT(do_recv, -SHOAL_EINVAL, -SHOAL_ETIMEDOUT, 5, 0, 6, 0, 15, 0, 0);
}
END_TEST

static void
do_recv_all(void *arg)
{
	make_pair(pair);
	put("abc");
	note(shoal_co_sock_recv_all(pair[0], buf, 0, 0));
	note(shoal_co_sock_recv_all(pair[0], buf, 5, SHORT_MS));
	put("defg");
	note(shoal_co_sock_recv_all(pair[0], buf, 5, SHORT_MS));
	note(memcmp(buf, "abcde", 5));
	shoal_sock_close(&pair[1]);
	note(shoal_co_sock_recv_all(pair[0], buf, 3, WAIT_MS));
	note(shoal_co_sock_recv_all(pair[0], buf, LONG, WAIT_MS));
	note(shoal_co_sock_recv(pair[0], buf, LONG, WAIT_MS));
	note(memcmp(buf, "fg", 2));
	note(shoal_co_sock_recv_all(pair[0], buf, 3, WAIT_MS));
	note(shoal_co_sock_recv_all(pair[0], buf, LONG, WAIT_MS));
	close_pair(pair);
}

START_TEST(recv_all_keeps_the_ends_apart)
{
	EXPECT(do_recv_all, 0, -SHOAL_ETIMEDOUT, 5, 0, -SHOAL_ETRUNCATED,
	    -SHOAL_ETRUNCATED, 2, 0, 0, 0);
}
END_TEST

static void
send_pattern(size_t from, size_t len)
{
	char *data = malloc(len);
	size_t i;

	for (i = 0; i < len; i++)
		data[i] = (char)((from + i) * 7 % 251);
	if (shoal_co_sock_send(pair[1], data, len, WAIT_MS) < 0)
		abort();
	free(data);
}

static long
count_wrong(size_t from, size_t len)
{
	long wrong = 0;
	size_t i;

	for (i = 0; i < len; i++)
		wrong += buf[i] != (char)((from + i) * 7 % 251);
	return wrong;
}

/* All of it in pieces, with a time that is over after each. */
static void
do_long(void *arg)
{
	static const size_t pieces[] = { 1, 5000, 20000, 8191, 8192, 8193 };
	size_t i, sent = 0;

	make_pair(pair);
	for (i = 0; i < SH_ARRAY_LEN(pieces); i++) {
		send_pattern(sent, pieces[i]);
		sent += pieces[i];
		memset(buf, 0, sizeof(buf));
		note(shoal_co_sock_recv_all(pair[0], buf, LONG, SHORT_MS));
	}
	note(shoal_co_sock_recv_all(pair[0], buf, 10, 0));
	note(count_wrong(0, 10));
	send_pattern(sent, LONG + 10 - sent);
	note(shoal_co_sock_recv_all(pair[0], buf, LONG, WAIT_MS));
	note(count_wrong(10, LONG));
	close_pair(pair);
}

START_TEST(timeouts_in_a_long_message_lose_nothing)
{
	EXPECT(do_long, -SHOAL_ETIMEDOUT, -SHOAL_ETIMEDOUT, -SHOAL_ETIMEDOUT,
	    -SHOAL_ETIMEDOUT, -SHOAL_ETIMEDOUT, -SHOAL_ETIMEDOUT, 10, 0, LONG,
	    0);
}
END_TEST

static void
do_lines(void *arg)
{
	make_pair(pair);
	note(shoal_co_sock_recv_line(pair[0], buf, 1, 0));
	put("one\n\ntw");
	note(shoal_co_sock_recv_line(pair[0], buf, 100, 0));
	note(strcmp(buf, "one\n"));
	note(shoal_co_sock_recv_line(pair[0], buf, 100, 0));
	note(strcmp(buf, "\n"));
	note(shoal_co_sock_recv_line(pair[0], buf, 100, SHORT_MS));
	put("o\r\nlonger than this\nrest");
	note(shoal_co_sock_recv_line(pair[0], buf, 6, WAIT_MS));
	note(strcmp(buf, "two\r\n"));
	note(shoal_co_sock_recv_line(pair[0], buf, 17, WAIT_MS));
	note(shoal_co_sock_recv_line(pair[0], buf, 18, WAIT_MS));
	note(strcmp(buf, "longer than this\n"));
	shoal_sock_close(&pair[1]);
	note(shoal_co_sock_recv_line(pair[0], buf, 100, WAIT_MS));
	note(shoal_co_sock_recv_all(pair[0], buf, 4, WAIT_MS));
	note(shoal_co_sock_recv_line(pair[0], buf, 100, WAIT_MS));
	close_pair(pair);
}

START_TEST(lines_come_whole)
{
	EXPECT(do_lines, -SHOAL_EINVAL, 4, 0, 1, 0, -SHOAL_ETIMEDOUT, 5, 0,
	    -SHOAL_EMSGSIZE, 17, 0, -SHOAL_ETRUNCATED, 4, 0);
}
END_TEST

static void
read_long_line(void *arg)
{
	note(shoal_co_sock_recv_line(pair[0], buf, sizeof(buf), WAIT_MS));
	note(shoal_co_sock_recv_line(pair[0], buf, sizeof(buf), WAIT_MS));
}

static void
do_long_lines(void *arg)
{
	char *line = malloc(LONG);
	int i;

	make_pair(pair);
	shoal_co_start(read_long_line, NULL, "reader");
	memset(line, 'x', LONG);
	for (i = 0; i < 10; i++) {
		line[LONG - 1] = i == 9 ? '\n' : 'x';
		line[LONG / 10 - 1] = i == 9 ? '\n' : 'x';
		shoal_co_sock_send(pair[1], line, LONG / 10, WAIT_MS);
		let_others_run();
	}
	put("short\n");
	let_others_run();
	free(line);
	close_pair(pair);
}

START_TEST(lines_may_be_longer_than_the_buffer)
{
	EXPECT(do_long_lines, LONG, 6);
}
END_TEST

static void
do_peek(void *arg)
{
	const void *data = NULL;

	make_pair(pair);
	note(shoal_co_sock_peek(pair[0], &data, 0, 0));
	note(shoal_co_sock_peek(pair[0], &data, 1, 0));
	put("abc");
	note(shoal_co_sock_peek(pair[0], &data, 1, 0));
	note(memcmp(data, "abc", 3));
	note(shoal_co_sock_peek(pair[0], &data, 4, SHORT_MS));
	put("def");
	note(shoal_co_sock_peek(pair[0], &data, 4, WAIT_MS));
	note(shoal_sock_consume(pair[0], 7));
	note(shoal_sock_consume(pair[0], 2));
	note(shoal_co_sock_peek(pair[0], &data, 0, 0));
	note(memcmp(data, "cdef", 4));
	shoal_sock_close(&pair[1]);
	note(shoal_co_sock_peek(pair[0], &data, 5, WAIT_MS));
	note(shoal_sock_consume(pair[0], 4));
	note(shoal_co_sock_peek(pair[0], &data, 5, WAIT_MS));
	note(shoal_sock_consume(pair[0], 0));
	close_pair(pair);
}

START_TEST(peek_lends_and_consumes_nothing)
{
	EXPECT(do_peek, 0, -SHOAL_ETIMEDOUT, 3, 0, -SHOAL_ETIMEDOUT, 6,
	    -SHOAL_EINVAL, 0, 4, 0, -SHOAL_ETRUNCATED, 0, 0, 0);
}
END_TEST

/* Frames of a length and so many bytes, in a window that moves. */
static void
read_frames(void *arg)
{
	const unsigned char *data = NULL;
	const void *lent = NULL;
	long wrong = 0;
	size_t i, len = 0;
	ssize_t n;

	for (i = 0; i < 2000; i++) {
		n = shoal_co_sock_peek(pair[0], &lent, 2, WAIT_MS);
		if (n >= 2) {
			data = lent;
			len = 2 + (size_t)(data[0] << 8 | data[1]);
			n = shoal_co_sock_peek(pair[0], &lent, len, WAIT_MS);
		}
		data = lent;
		if (n < (ssize_t)len || len != 2 + i * 7 ||
		    (len > 2 && data[len - 1] != (i & 255))) {
			wrong++;
			break;
		}
		wrong += shoal_sock_consume(pair[0], len) != 0;
	}
	note(wrong);
}

static void
do_frames(void *arg)
{
	size_t i, len;

	make_pair(pair);
	shoal_co_start(read_frames, NULL, "reader");
	for (i = 0; i < 2000; i++) {
		len = i * 7;
		memset(buf, (int)(i & 255), len + 2);
		buf[0] = (char)(len >> 8);
		buf[1] = (char)(len & 255);
		if (shoal_co_sock_send(pair[1], buf, len + 2, WAIT_MS) < 0)
			break;
	}
	note((long)i);
	let_others_run();
	close_pair(pair);
}

START_TEST(frames_are_read_in_a_moving_window)
{
	ck_assert_int_eq(shoal_run(do_frames, NULL), 0);
	ck_assert_int_eq(seen_count, 2);
	ck_assert_int_eq(seen[0] + seen[1], 2000);
}
END_TEST

static void
read_line(void *arg)
{
	note(shoal_co_sock_recv_line(pair[0], buf, 100, SHOAL_FOREVER));
}

static void
read_long_message(void *arg)
{
	note(shoal_co_sock_recv_all(pair[0], buf, LONG, SHOAL_FOREVER));
}

static bool
has_buffer(void)
{
	const struct sh_socket *socket = (void *)pair[0];

	return socket->data != NULL;
}

static void
do_one_reader(void *arg)
{
	const void *data = NULL;

	make_pair(pair);
	shoal_co_start(read_line, NULL, "reader");
	note(has_buffer());
	note(shoal_co_sock_recv(pair[0], buf, 1, 0));
	note(shoal_co_sock_peek(pair[0], &data, 1, 0));
	note(shoal_sock_consume(pair[0], 0));
	note(shoal_sock_detach(&pair[0]));
	note(pair[0] == NULL);
	put("line\n");
	let_others_run();
	note(has_buffer());
	close_pair(pair);
}

START_TEST(second_reader_is_refused)
{
	EXPECT(do_one_reader, 0, -SHOAL_EBUSY, -SHOAL_EBUSY, -SHOAL_EBUSY,
	    -SHOAL_EBUSY, 0, 5, 0);
}
END_TEST

static void
do_close(void *arg)
{
	make_pair(pair);
	shoal_co_start(read_line, NULL, "reader");
	put("half");
	close_pair(pair);
	make_pair(pair);
	put("a long message");
	shoal_co_start(read_long_message, NULL, "reader");
	shoal_sock_close(&pair[0]);
	let_others_run();
	shoal_sock_close(&pair[1]);
}

START_TEST(close_wakes_the_reader)
{
	EXPECT(do_close, -SHOAL_ECANCELED, -SHOAL_ECANCELED);
}
END_TEST

static void
do_cancel(void *arg)
{
	int64_t co;

	make_pair(pair);
	note(shoal_sock_cancel(pair[0], SHOAL_SOCK_READ));
	put("abc");
	shoal_co_start(read_long_message, NULL, "reader");
	note(shoal_sock_cancel(pair[0], SHOAL_SOCK_WRITE));
	note(shoal_sock_cancel(pair[0], SHOAL_SOCK_READ));
	let_others_run();
	co = shoal_co_start(read_line, NULL, "reader");
	note(shoal_co_cancel(co));
	let_others_run();
	note(shoal_co_sock_recv_all(pair[0], buf, 3, 0));
	/* woken by the event already, and to leave nevertheless */
	shoal_co_start(read_line, NULL, "reader");
	put("no line");
	shoal_co_sleep(0);
	note(shoal_sock_cancel(pair[0], SHOAL_SOCK_READ));
	let_others_run();
	close_pair(pair);
}

START_TEST(cancel_wakes_the_reader_and_consumes_nothing)
{
	EXPECT(do_cancel, 0, 0, 1, -SHOAL_ECANCELED, 0, -SHOAL_ECANCELED, 3, 1,
	    -SHOAL_ECANCELED);
}
END_TEST

static void
do_reset(void *arg)
{
	make_tcp_pair(pair);
	shoal_co_start(read_line, NULL, "reader");
	reset(&pair[1]);
	let_others_run();
	note(shoal_co_sock_recv(pair[0], buf, 1, WAIT_MS));
	note(shoal_sock_is_alive(pair[0]));
	close_pair(pair);
	/* the probe must not turn a reset into an end */
	make_tcp_pair(pair);
	reset(&pair[1]);
	let_others_run();
	note(shoal_sock_is_alive(pair[0]));
	note(shoal_co_sock_recv(pair[0], buf, 1, WAIT_MS));
	close_pair(pair);
}

START_TEST(reset_is_not_an_end)
{
	EXPECT(do_reset, -SHOAL_ECONNRESET, -SHOAL_ECONNRESET, 0, 0,
	    -SHOAL_ECONNRESET);
}
END_TEST

static void
do_reset_option(void *arg)
{
	size_t len = sizeof(int);
	int error = 0;

	make_tcp_pair(pair);
	reset(&pair[1]);
	let_others_run();
	note(
	    shoal_sock_get_option(pair[0], SOL_SOCKET, SO_ERROR, &error, &len));
	note(error);
	note(shoal_co_sock_recv(pair[0], buf, 1, WAIT_MS));
	close_pair(pair);
}

START_TEST(reset_is_remembered_when_asked_for)
{
	EXPECT(do_reset_option, 0, ECONNRESET, -SHOAL_ECONNRESET);
}
END_TEST

static void
do_alive(void *arg)
{
	make_pair(pair);
	note(shoal_sock_is_alive(pair[0]));
	put("bytes");
	note(shoal_sock_is_alive(pair[0]));
	shoal_sock_close(&pair[1]);
	note(shoal_sock_is_alive(pair[0]));
	note(shoal_co_sock_recv(pair[0], buf, 1, 0));
	note(shoal_sock_is_alive(pair[0]));
	note(shoal_co_sock_recv(pair[0], buf, 10, 0));
	note(shoal_sock_is_alive(pair[0]));
	close_pair(pair);
}

START_TEST(alive_until_the_end)
{
	EXPECT(do_alive, 1, 1, 1, 1, 1, 4, 0);
}
END_TEST

static void
do_adopt(void *arg)
{
	int fds[2], fd;

	if (pipe(fds) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
		abort();
	make_pair(pair);
	fd = shoal_sock_fd(pair[0]);
	put("ab");
	note(shoal_co_sock_recv(pair[0], buf, 1, 0));
	note(shoal_sock_detach(&pair[0]));
	note(shoal_co_sock_recv(pair[0], buf, 1, 0));
	note(shoal_sock_detach(&pair[0]) - fd);
	note(pair[0] == NULL);
	put("cd");
	note(recv(fd, buf, 10, 0));
	note(shoal_sock_adopt(fd, &pair[0]));
	close_pair(pair);
	note(shoal_sock_adopt(-1, &pair[0]));
	note(shoal_sock_adopt(fds[0], &pair[0]));
	note(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	if (pipe(fds) < 0)
		abort();
	note(shoal_sock_adopt(fds[0], &pair[0]));
}

START_TEST(descriptors_come_and_go)
{
	EXPECT(do_adopt, 1, -SHOAL_EBUSY, 1, 0, 1, 2, 0, -EBADF, -EPROTOTYPE, 0,
	    -ENOTSOCK);
	ck_assert_int_eq(shoal_sock_adopt(0, &pair[0]) < 0, 1);
}
END_TEST

static void
do_leave_open(void *arg)
{
	make_pair(pair);
	note(shoal_co_sock_recv(pair[0], buf, 1, SHORT_MS));
}

static void
do_go_on(void *arg)
{
	put("x");
	shoal_co_start(read_line, NULL, "reader");
	put("\n");
}

START_TEST(sockets_may_outlive_the_loop)
{
	EXPECT(do_leave_open, -SHOAL_ETIMEDOUT);
	seen_count = 0;
	EXPECT(do_go_on, 2);
	close_pair(pair);
}
END_TEST

SH_SUITE("io/socket_read", recv_gives_what_there_is,
    recv_all_keeps_the_ends_apart, timeouts_in_a_long_message_lose_nothing,
    lines_come_whole, lines_may_be_longer_than_the_buffer,
    peek_lends_and_consumes_nothing, frames_are_read_in_a_moving_window,
    second_reader_is_refused, close_wakes_the_reader,
    cancel_wakes_the_reader_and_consumes_nothing, reset_is_not_an_end,
    reset_is_remembered_when_asked_for, alive_until_the_end,
    descriptors_come_and_go, sockets_may_outlive_the_loop)
