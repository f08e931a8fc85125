/* This file tests io/socket_datagram.c. */
#include "config.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "support/pair.h"
#include "support/suite.h"

enum { WAIT_MS = 5000, SHORT_MS = 5 };

static struct shoal_sock *a, *b;
static char buf[1000], from[SHOAL_ADDRESS_MAX], address[SHOAL_ADDRESS_MAX];
static char folder[] = "/tmp/check_datagram_XXXXXX";
static char path[64];

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

static long
receive(struct shoal_sock *sock, size_t cap, int timeout_ms)
{
	return shoal_co_sock_recvfrom(
	    sock, buf, cap, from, sizeof(from), timeout_ms);
}

/* How to reach a socket on this machine. */
static void
find_address(const struct shoal_sock *sock)
{
	const char *local = shoal_sock_local(sock, from, sizeof(from));

	snprintf(address, sizeof(address), "127.0.0.1%s", strrchr(local, ':'));
}

static void
talk(const char *to_bind)
{
	note(shoal_sock_datagram(to_bind, 0, &a));
	note(shoal_sock_datagram(NULL, AF_INET, &b));
	find_address(a);
	note(receive(a, 100, SHORT_MS));
	note(shoal_co_sock_sendto(b, address, "hello", 5, WAIT_MS));
	note(receive(a, 100, WAIT_MS));
	note(memcmp(buf, "hello", 5));
	note(shoal_co_sock_sendto(a, from, "answer", 6, WAIT_MS));
	note(receive(b, 100, WAIT_MS));
	note(strcmp(from, address));
	note(shoal_co_sock_sendto(b, address, "too long", 8, WAIT_MS));
	note(receive(a, 3, WAIT_MS));
	note(memcmp(buf, "too", 3));
	note(shoal_co_sock_sendto(b, address, NULL, 0, WAIT_MS));
	note(receive(a, 3, WAIT_MS));
	shoal_sock_close(&a);
	shoal_sock_close(&b);
}

static void
talk_v4(void *arg)
{
	talk("127.0.0.1:0");
}

static void
talk_any(void *arg)
{
	talk("*:0");
}

START_TEST(udp_goes_both_ways)
{
	EXPECT(talk_v4, 0, 0, -SHOAL_ETIMEDOUT, 0, 5, 0, 0, 6, 0, 0,
	    -SHOAL_EMSGSIZE, 0, 0, 0);
}
END_TEST

START_TEST(star_receives_ipv4_too)
{
	EXPECT(talk_any, 0, 0, -SHOAL_ETIMEDOUT, 0, 5, 0, 0, 6, 0, 0,
	    -SHOAL_EMSGSIZE, 0, 0, 0);
}
END_TEST

static void
do_refusals(void *arg)
{
	struct shoal_sock *pair[2];
	static char large[70000];

	note(shoal_sock_datagram("nowhere", 0, &a));
	note(shoal_sock_datagram(NULL, 9999, &a));
	note(shoal_sock_datagram("127.0.0.1:0", 0, &a));
	find_address(a);
	note(shoal_sock_datagram(address, 0, &b));
	note(shoal_co_sock_sendto(a, "nowhere", "x", 1, WAIT_MS));
	note(shoal_co_sock_sendto(a, NULL, "x", 1, WAIT_MS));
	note(shoal_co_sock_sendto(a, address, large, 70000, WAIT_MS));
	note(shoal_co_sock_send(a, "x", 1, WAIT_MS));
	note(shoal_co_sock_recv(a, buf, 1, WAIT_MS));
	make_pair(pair);
	note(shoal_co_sock_sendto(pair[0], address, "x", 1, WAIT_MS));
	note(receive(pair[0], 1, WAIT_MS));
	close_pair(pair);
	shoal_sock_close(&a);
}

START_TEST(what_makes_no_sense_is_refused)
{
	EXPECT(do_refusals, -SHOAL_EINVAL, -EAFNOSUPPORT, 0, -EADDRINUSE,
	    -SHOAL_EINVAL, -EDESTADDRREQ, -SHOAL_EMSGSIZE, -EOPNOTSUPP,
	    -EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP);
}
END_TEST

static void
count_turns(void *arg)
{
	int *turns = arg;

	while (*turns >= 0) {
		if (shoal_co_sleep(0) < 0)
			break;
		(*turns)++;
	}
}

/* Who never has to wait lets the others run nevertheless. */
static void
do_talk_to_oneself(void *arg)
{
	int i, turns = 0;

	shoal_sock_datagram("127.0.0.1:0", 0, &a);
	find_address(a);
	shoal_co_start(count_turns, &turns, "turns");
	for (i = 0; i < 1000; i++)
		if (shoal_co_sock_sendto(a, address, "x", 1, WAIT_MS) < 0 ||
		    receive(a, 1, WAIT_MS) < 0)
			break;
	note(i);
	note(turns > 10);
	turns = -10;
	shoal_sock_close(&a);
	let_others_run();
}

START_TEST(who_never_waits_starves_nobody)
{
	EXPECT(do_talk_to_oneself, 1000, 1);
}
END_TEST

static void
do_connected(void *arg)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) < 0 ||
	    shoal_sock_adopt(fds[0], &a) < 0 ||
	    shoal_sock_adopt(fds[1], &b) < 0)
		abort();
	note(shoal_co_sock_sendto(a, NULL, "one", 3, WAIT_MS));
	note(shoal_co_sock_sendto(a, NULL, "three", 5, WAIT_MS));
	note(receive(b, 100, WAIT_MS));
	note(receive(b, 100, WAIT_MS));
	shoal_sock_close(&a);
	shoal_sock_close(&b);
}

START_TEST(connected_ones_need_no_address)
{
	EXPECT(do_connected, 0, 0, 3, 5);
}
END_TEST

static void
receive_forever(void *arg)
{
	note(receive(a, 1, SHOAL_FOREVER));
}

static void
do_close(void *arg)
{
	shoal_sock_datagram("127.0.0.1:0", 0, &a);
	shoal_co_start(receive_forever, NULL, "reader");
	note(receive(a, 1, 0));
	note(shoal_sock_cancel(a, SHOAL_SOCK_READ));
	let_others_run();
	shoal_co_start(receive_forever, NULL, "reader");
	shoal_sock_close(&a);
	let_others_run();
}

START_TEST(cancel_and_close_wake_the_receiver)
{
	EXPECT(do_close, -SHOAL_EBUSY, 1, -SHOAL_ECANCELED, -SHOAL_ECANCELED);
}
END_TEST

static void
send_many(void *arg)
{
	int i, r = 0;

	for (i = 0; i < 2000 && r == 0; i++)
		r = shoal_co_sock_sendto(
		    b, path, (char *)&i, sizeof(i), WAIT_MS);
	note(i);
	note(r);
}

static void
do_unix(void *arg)
{
	int i, number = -1, wrong = 0;

	snprintf(path, sizeof(path), "unix:%s/receiver", folder);
	note(shoal_sock_datagram(NULL, AF_UNIX, &b));
	note(shoal_co_sock_sendto(b, path, "x", 1, WAIT_MS));
	note(shoal_sock_datagram(path, 0, &a));
	note(shoal_sock_datagram(path, 0, &b));
	shoal_sock_close(&a);
	note(shoal_co_sock_sendto(b, path, "x", 1, WAIT_MS));
	note(shoal_sock_datagram(path, 0, &a));
	shoal_co_start(send_many, NULL, "writer");
	for (i = 0; i < 2000; i++) {
		if (receive(a, sizeof(number), WAIT_MS) != sizeof(number))
			break;
		memcpy(&number, buf, sizeof(number));
		wrong += number != i;
	}
	note(i);
	note(wrong);
	note(strcmp(from, "unknown"));
	let_others_run();
	shoal_sock_close(&a);
	shoal_sock_close(&b);
}

START_TEST(unix_receiver_that_is_full_is_waited_for)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	EXPECT(do_unix, 0, -ENOENT, 0, -EADDRINUSE, -ECONNREFUSED, 0, 2000, 0,
	    2000, 0, 0);
	unlink(path + 5);
	rmdir(folder);
}
END_TEST

SH_SUITE("io/socket_datagram", udp_goes_both_ways, star_receives_ipv4_too,
    what_makes_no_sense_is_refused, who_never_waits_starves_nobody,
    connected_ones_need_no_address, cancel_and_close_wake_the_receiver,
    unix_receiver_that_is_full_is_waited_for)
