/* This file tests sending: io/conn_write.c, cork.c and <shoal/conn.h>. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

enum { MESSAGE = 1000 };

/* Send whole messages until it is refused; go on when told. */
struct flood {
	struct rig rig;
	unsigned sent, limit, refused;
	size_t queued_max;
	bool bad;
};

static void
flood_on(struct shoal_conn *conn, struct flood *flood)
{
	char message[MESSAGE];
	int r = 0;

	while (flood->sent < flood->limit && r == 0) {
		memset(message, (int)(flood->sent % 251), sizeof(message));
		r = shoal_conn_send(conn, message, sizeof(message));
		flood->sent += r == 0;
		if (shoal_conn_queued(conn) > flood->queued_max)
			flood->queued_max = shoal_conn_queued(conn);
	}
	flood->refused += r == -SHOAL_EAGAIN;
	flood->bad |= r != 0 && r != -SHOAL_EAGAIN;
}

static void
start_flood(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	flood_on(conn, arg);
}

static void
resume_flood(struct shoal_conn *conn, void *arg)
{
	struct flood *flood = arg;

	flood->rig.writables++;
	flood->bad |= shoal_conn_queued(conn) > flood->rig.options.queue_low;
	flood_on(conn, flood);
}

static const struct shoal_tcp_callbacks flooding = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_receive = start_flood,
	.on_writable = resume_flood,
};

/* Read and compare with what start_flood() sends. True when it differs. */
static bool
check_flood(int fd, size_t *total)
{
	static unsigned char buf[65536];
	ssize_t n, i;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++, ++*total)
			if (buf[i] != *total / MESSAGE % 251)
				return true;
	return false;
}

START_TEST(slow_reader_is_bounded_and_loses_nothing)
{
	struct flood flood = { .limit = 20000,
		.rig.options = { .callbacks = &flooding,
		    .queue_high = 100000,
		    .queue_low = 20000 } };
	size_t total = 0;
	int fd;

	flood.rig.options.arg = &flood;
	rig_open(&flood.rig);
	fd = rig_connect(&flood.rig);
	rig_write(fd, "go", 2);
	RIG_UNTIL(&flood.rig, flood.refused == 1);
	RIG_TURNS(&flood.rig, 10);
	ck_assert_int_eq(flood.rig.writables, 0);
	ck_assert_uint_eq(flood.refused, 1);
	while (total < (size_t)flood.limit * MESSAGE) {
		ck_assert(!check_flood(fd, &total));
		RIG_TURNS(&flood.rig, 1);
	}
	ck_assert_uint_eq(flood.sent, flood.limit);
	/* each refusal is followed by one on_writable */
	ck_assert_uint_eq(flood.rig.writables, flood.refused);
	ck_assert_uint_eq(flood.rig.counters.sends_refused, flood.refused);
	ck_assert_uint_lt(flood.queued_max, 100000 + MESSAGE);
	ck_assert(!flood.bad);
	close(fd);
	flood.rig.closes = flood.rig.connects = 0;
	rig_close(&flood.rig);
}
END_TEST

START_TEST(message_above_the_mark_is_taken_whole)
{
	struct rig rig = { .options = { .queue_high = 1000 } };
	size_t size = 8 * 1024 * 1024, total = 0;
	char *message = calloc(1, size);
	int fd, error;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	ck_assert_int_eq(shoal_conn_send(rig.conn, message, size), 0);
	ck_assert_int_eq(shoal_conn_send(rig.conn, "x", 1), -SHOAL_EAGAIN);
	ck_assert_int_eq(shoal_conn_flush(rig.conn), -SHOAL_EAGAIN);
	ck_assert_uint_gt(rig.counters.queued_bytes, 0);
	while (total < size) {
		rig_read(fd, &total, &error);
		RIG_TURNS(&rig, 1);
	}
	RIG_UNTIL(&rig, rig.writables == 1);
	ck_assert_int_eq(shoal_conn_flush(rig.conn), 0);
	ck_assert_int_eq(shoal_conn_send(rig.conn, "x", 1), 0);
	RIG_UNTIL(&rig, shoal_conn_queued(rig.conn) == 0);
	close(fd);
	free(message);
	rig_close(&rig);
}
END_TEST

/* Many sizes around that of the cork, in one event. */
static void
send_sizes(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	static const size_t sizes[] = { 1, 16383, 1, 16384, 5, 16380, 100000, 0,
		16385, 3, 3, 40000 };
	static unsigned char bytes[100000];
	struct rig *rig = arg;
	size_t i, j;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (j = 0; j < sizes[i]; j++)
			bytes[j] = (unsigned char)(rig->bytes++ % 249);
		if (shoal_conn_send(conn, bytes, sizes[i]) != 0)
			rig->error++;
		if (i == 4 && shoal_conn_flush(conn) != 0)
			rig->error++;
	}
}

static const struct shoal_tcp_callbacks sizing = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_receive = send_sizes,
};

START_TEST(order_is_kept_across_the_cork)
{
	struct rig rig = { .options = { .callbacks = &sizing } };
	unsigned char buf[4096];
	size_t total = 0;
	ssize_t n, i;
	int fd;

	rig_open(&rig);
	fd = rig_connect(&rig);
	rig_write(fd, "x", 1);
	while (rig.bytes == 0 || total < rig.bytes) {
		RIG_TURNS(&rig, 1);
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			for (i = 0; i < n; i++, total++)
				ck_assert_uint_eq(buf[i], total % 249);
	}
	ck_assert_int_eq(rig.error, 0);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(numbers_find_open_connections)
{
	struct rig rig = { .loop_options = { .incarnation = 0x123456 } };
	size_t total = 0;
	uint64_t a, b;
	int fd, other, error;

	ck_assert_ptr_null(shoal_conn_find(1));
	ck_assert_int_eq(shoal_conn_send_to(1, "x", 1), -SHOAL_ENOENT);
	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	a = shoal_conn_id(rig.conn);
	other = rig_connect_accepted(&rig);
	b = shoal_conn_id(rig.conn);
	ck_assert_uint_eq(a >> 40, 0x123456);
	ck_assert_uint_ne(a, b);
	ck_assert_ptr_eq(shoal_conn_find(b), rig.conn);
	ck_assert_int_eq(shoal_conn_send_to(a, "hello", 5), 0);
	RIG_UNTIL(&rig, (rig_read(fd, &total, &error), total == 5));
	close(other);
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_ptr_null(shoal_conn_find(b));
	ck_assert_int_eq(shoal_conn_send_to(b, "x", 1), -SHOAL_ENOENT);
	ck_assert_int_eq(shoal_conn_send_to(a, "x", 1), 0);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(printf_has_its_limits)
{
	struct rig rig = { 0 };
	size_t total = 0;
	int fd, error;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	ck_assert_int_eq(shoal_conn_printf(rig.conn, "%d-%s", 7, "a"), 0);
	ck_assert_int_eq(shoal_conn_printf(rig.conn, "%65536d", 7), 0);
	ck_assert_int_eq(
	    shoal_conn_printf(rig.conn, "%65537d", 7), -SHOAL_EMSGSIZE);
	RIG_UNTIL(&rig, (rig_read(fd, &total, &error), total >= 65539));
	ck_assert_uint_eq(total, 65539);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(facts_are_told)
{
	struct rig rig = { 0 };
	char text[SHOAL_ADDRESS_MAX], expected[SHOAL_ADDRESS_MAX];
	struct sh_addr addr;
	int fd, data;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	sh_sock_local(fd, &addr);
	sh_addr_format(&addr, expected, sizeof(expected));
	ck_assert_str_eq(
	    shoal_conn_peer(rig.conn, text, sizeof(text)), expected);
	sh_addr_format(&rig.addr, expected, sizeof(expected));
	ck_assert_str_eq(
	    shoal_conn_local(rig.conn, text, sizeof(text)), expected);
	ck_assert_str_eq(shoal_conn_listener(rig.conn), "main");
	ck_assert_ptr_null(shoal_conn_data(rig.conn));
	shoal_conn_set_data(rig.conn, &data);
	ck_assert_ptr_eq(shoal_conn_data(rig.conn), &data);
	ck_assert_int_ge(shoal_conn_fd(rig.conn), 0);
	/* a reset socket has no peer any more, but it had one */
	sh_addr_format(&addr, expected, sizeof(expected));
	rig_reset(fd);
	RIG_UNTIL(&rig, rig.counters.closed == 0 || rig.closes == 1);
	ck_assert_str_eq(
	    shoal_conn_peer(rig.conn, text, sizeof(text)), expected);
	RIG_UNTIL(&rig, rig.closes == 1);
	rig_close(&rig);
}
END_TEST

START_TEST(unix_sockets_are_served)
{
	struct rig rig = { .echo = true };
	char path[128], text[SHOAL_ADDRESS_MAX];
	const char *why;
	size_t total = 0;
	int fd, error;

	snprintf(path, sizeof(path), "unix:/tmp/shoal-check-%d", (int)getpid());
	ck_assert_int_eq(sh_addr_parse(&rig.addr, path, &why), 0);
	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	unlink(strchr(path, '/'));
	ck_assert_str_eq(
	    shoal_conn_peer(rig.conn, text, sizeof(text)), "unix:");
	ck_assert_str_eq(shoal_conn_local(rig.conn, text, sizeof(text)), path);
	rig_write(fd, "hello", 5);
	shutdown(fd, SHUT_WR);
	RIG_UNTIL(&rig, rig_read(fd, &total, &error));
	ck_assert_uint_eq(total, 5);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_PEER);
	close(fd);
	rig_close(&rig);
}
END_TEST

/* Queue exactly as much as the high-water mark. */
static void
fill_to_mark(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	static const char zeros[65536];
	struct rig *rig = arg;
	size_t left;

	while (shoal_conn_queued(conn) == 0) {
		ck_assert_int_eq(
		    shoal_conn_send(conn, zeros, sizeof(zeros)), 0);
		shoal_conn_flush(conn);
	}
	while ((left = rig->options.queue_high - shoal_conn_queued(conn)) > 0)
		ck_assert_int_eq(
		    shoal_conn_send(conn, zeros,
			left < sizeof(zeros) ? left : sizeof(zeros)),
		    0);
	ck_assert(shoal_conn_is_full(conn));
}

static void
see_room(struct shoal_conn *conn, void *arg)
{
	struct rig *rig = arg;

	rig->writables++;
	ck_assert(!shoal_conn_is_full(conn));
}

START_TEST(full_queue_is_not_writable)
{
	enum { MARK = 1024 * 1024 };
	static const struct shoal_tcp_callbacks filling = {
		.size = sizeof(struct shoal_tcp_callbacks),
		.on_receive = fill_to_mark,
		.on_writable = see_room,
	};
	/* marks that are equal, which the settings allow */
	struct rig rig = { .options = { .callbacks = &filling,
			       .queue_high = MARK,
			       .queue_low = MARK } };
	size_t total = 0;
	int fd, error;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	rig_write(fd, "x", 1);
	RIG_UNTIL(&rig, rig.counters.queued_bytes == MARK);
	RIG_TURNS(&rig, 10);
	ck_assert_int_eq(rig.writables, 0);
	RIG_UNTIL(&rig, rig_read(fd, &total, &error) || rig.writables != 0);
	RIG_UNTIL(&rig,
	    rig_read(fd, &total, &error) || rig.counters.queued_bytes == 0);
	ck_assert_int_eq(rig.writables, 1);
	close(fd);
	/* these callbacks do not count */
	RIG_UNTIL(&rig, rig.counters.closed == 1);
	rig_close(&rig);
}
END_TEST

SH_SUITE("session/send", slow_reader_is_bounded_and_loses_nothing,
    message_above_the_mark_is_taken_whole, order_is_kept_across_the_cork,
    numbers_find_open_connections, printf_has_its_limits, facts_are_told,
    unix_sockets_are_served, full_queue_is_not_writable)
