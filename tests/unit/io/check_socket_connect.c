/*
 * This file tests io/socket_connect.c and io/socket_listen.c, and what of
 * io/socket_option.c needs a connection.
 */
#include "config.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "support/pair.h"
#include "support/suite.h"

enum { WAIT_MS = 5000, SHORT_MS = 20, MANY = 1000 };

static struct shoal_sock *listener, *pair[2];
static char address[SHOAL_ADDRESS_MAX], other[SHOAL_ADDRESS_MAX];
static char folder[] = "/tmp/check_connect_XXXXXX";
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

/* Listen, and find out where. */
static void
listen_on(const char *where, int backlog)
{
	if (shoal_sock_listen(where, backlog, &listener) < 0)
		abort();
	shoal_sock_local(listener, address, sizeof(address));
}

static long
connect_to(const char *where, int timeout_ms)
{
	return shoal_co_sock_connect(where, NULL, timeout_ms, &pair[0]);
}

static void
do_connect(void *arg)
{
	size_t len = sizeof(int);
	int nodelay = 0;
	char byte;

	listen_on("127.0.0.1:0", 0);
	note(shoal_co_sock_accept(listener, SHORT_MS, &pair[1]));
	note(connect_to(address, WAIT_MS));
	note(shoal_co_sock_accept(listener, WAIT_MS, &pair[1]));
	shoal_sock_peer(pair[0], other, sizeof(other));
	note(strcmp(other, address));
	shoal_sock_peer(pair[1], other, sizeof(other));
	note(
	    strcmp(other, shoal_sock_local(pair[0], address, sizeof(address))));
	note(shoal_co_sock_send(pair[1], "x", 1, WAIT_MS));
	note(shoal_co_sock_recv(pair[0], &byte, 1, WAIT_MS));
	note(shoal_sock_get_option(
	    pair[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, &len));
	note(nodelay != 0 && len == sizeof(int));
	nodelay = 0;
	note(shoal_sock_set_option(
	    pair[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, len));
	note(shoal_sock_set_option(pair[0], -1, -1, &nodelay, len));
	note(fcntl(shoal_sock_fd(pair[1]), F_GETFD) & FD_CLOEXEC);
	note(
	    strcmp(shoal_sock_peer(listener, other, sizeof(other)), "unknown"));
	close_pair(pair);
	shoal_sock_close(&listener);
}

START_TEST(connects_and_accepts)
{
	EXPECT(do_connect, -SHOAL_ETIMEDOUT, 0, 0, 0, 0, 0, 1, 0, 1, 0,
	    -ENOPROTOOPT, FD_CLOEXEC, 0);
}
END_TEST

static void
do_names(void *arg)
{
	listen_on("127.0.0.1:0", 0);
	snprintf(other, sizeof(other), "localhost%s", strrchr(address, ':'));
	note(connect_to(other, WAIT_MS));
	note(strcmp(shoal_sock_peer(pair[0], other, sizeof(other)), address));
	shoal_sock_close(&pair[0]);
	shoal_sock_close(&listener);
}

START_TEST(names_are_resolved)
{
	EXPECT(do_names, 0, 0);
}
END_TEST

static void
do_v6(void *arg)
{
	note(shoal_sock_listen("[::1]:0", 0, &listener));
	if (seen[0] < 0)
		return;
	shoal_sock_local(listener, address, sizeof(address));
	note(connect_to(address, WAIT_MS));
	note(strncmp(address, "[::1]:", 6));
	shoal_sock_close(&pair[0]);
	shoal_sock_close(&listener);
}

START_TEST(speaks_ipv6)
{
	ck_assert_int_eq(shoal_run(do_v6, NULL), 0);
	/* a machine without it */
	if (seen[0] == -EADDRNOTAVAIL || seen[0] == -EAFNOSUPPORT)
		return;
	ck_assert_int_eq(seen[0], 0);
	ck_assert_int_eq(seen[1], 0);
	ck_assert_int_eq(seen[2], 0);
}
END_TEST

static void
do_nonsense(void *arg)
{
	static const char *const nonsense[] = { "", ":", "127.0.0.1",
		"127.0.0.1:", ":80", "*:80", "::1:80", "[::1]80", "[::1",
		"[]:80", "unix:", "unix:relative" };
	static const struct shoal_sock_options small = { .size = 8 };
	static const struct shoal_sock_options negative = {
		.size = sizeof(negative), .send_buffer = -1
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(nonsense); i++)
		note(connect_to(nonsense[i], WAIT_MS));
	note(connect_to(NULL, WAIT_MS));
	note(shoal_co_sock_connect("127.0.0.1:1", &small, 0, &pair[0]));
	note(shoal_co_sock_connect("127.0.0.1:1", &negative, 0, &pair[0]));
	note(shoal_sock_listen("nowhere", 0, &listener));
	note(shoal_sock_listen("127.0.0.1:0", -1, &listener));
	note(shoal_sock_listen(NULL, 0, &listener));
	note(pair[0] == NULL && listener == NULL);
}

START_TEST(nonsense_is_refused)
{
	int i;

	ck_assert_int_eq(shoal_run(do_nonsense, NULL), 0);
	ck_assert_int_eq(seen_count, 19);
	for (i = 0; i < 18; i++)
		if (seen[i] != -SHOAL_EINVAL)
			ck_abort_msg("value %d is %ld", i, seen[i]);
	ck_assert_int_eq(seen[18], 1);
}
END_TEST

static void
do_refused(void *arg)
{
	listen_on("127.0.0.1:0", 0);
	shoal_sock_close(&listener);
	note(connect_to(address, WAIT_MS));
	snprintf(other, sizeof(other), "localhost%s", strrchr(address, ':'));
	note(connect_to(other, WAIT_MS));
	note(pair[0] == NULL);
}

START_TEST(refusal_is_told)
{
	EXPECT(do_refused, -ECONNREFUSED, -ECONNREFUSED, 1);
}
END_TEST

static void
connect_and_note(void *arg)
{
	note(connect_to(address, WAIT_MS));
}

static void
do_full(void *arg)
{
	struct shoal_sock *taken[3];
	int64_t co;
	int i;

	/* a queue of one takes two */
	listen_on("127.0.0.1:0", 1);
	for (i = 0; i < 2; i++)
		note(shoal_co_sock_connect(address, NULL, WAIT_MS, &taken[i]));
	note(connect_to(address, SHORT_MS));
	note(connect_to(address, 0));
	co = shoal_co_start(connect_and_note, NULL, "connecting");
	shoal_co_cancel(co);
	let_others_run();
	for (i = 0; i < 2; i++)
		shoal_sock_close(&taken[i]);
	shoal_sock_close(&listener);
}

START_TEST(connecting_times_out)
{
	EXPECT(do_full, 0, 0, -SHOAL_ETIMEDOUT, -SHOAL_ETIMEDOUT,
	    -SHOAL_ECANCELED);
}
END_TEST

static void
do_unix(void *arg)
{
	struct shoal_sock *second = NULL;

	snprintf(path, sizeof(path), "unix:%s/sock", folder);
	note(connect_to(path, WAIT_MS));
	note(shoal_sock_listen(path, 0, &listener));
	note(shoal_sock_listen(path, 0, &second));
	note(connect_to(path, WAIT_MS));
	note(strcmp(shoal_sock_peer(pair[0], other, sizeof(other)), path));
	note(shoal_co_sock_accept(listener, WAIT_MS, &pair[1]));
	close_pair(pair);
	shoal_sock_close(&listener);
	note(connect_to(path, WAIT_MS));
	note(shoal_sock_listen(path, 0, &listener));
	shoal_sock_close(&listener);
	unlink(path + 5);
	close(open(path + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	note(shoal_sock_listen(path, 0, &listener));
	unlink(path + 5);
}

START_TEST(unix_sockets_replace_stale_files)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	EXPECT(do_unix, -ENOENT, 0, -EADDRINUSE, 0, 0, 0, -ECONNREFUSED, 0,
	    -SHOAL_EEXIST);
	rmdir(folder);
}
END_TEST

static void
do_unix_full(void *arg)
{
	struct shoal_sock *taken[2];
	int i;

	snprintf(path, sizeof(path), "unix:%s/sock", folder);
	listen_on(path, 1);
	for (i = 0; i < 2; i++)
		note(shoal_co_sock_connect(path, NULL, WAIT_MS, &taken[i]));
	note(connect_to(path, 0));
	note(connect_to(path, SHORT_MS));
	shoal_co_start(connect_and_note, NULL, "connecting");
	note(shoal_co_sock_accept(listener, WAIT_MS, &pair[1]));
	while (seen_count < 6 && shoal_co_sleep(1) == 0)
		;
	for (i = 0; i < 2; i++)
		shoal_sock_close(&taken[i]);
	close_pair(pair);
	shoal_sock_close(&listener);
	unlink(path + 5);
}

START_TEST(unix_queue_that_is_full_is_waited_for)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	EXPECT(do_unix_full, 0, 0, -SHOAL_ETIMEDOUT, -SHOAL_ETIMEDOUT, 0, 0);
	rmdir(folder);
}
END_TEST

static void
accept_and_note(void *arg)
{
	note(shoal_co_sock_accept(listener, SHOAL_FOREVER, &pair[1]));
}

static void
do_accept_ends(void *arg)
{
	listen_on("127.0.0.1:0", 0);
	shoal_co_start(accept_and_note, NULL, "accepting");
	note(shoal_co_sock_accept(listener, 0, &pair[0]));
	note(shoal_sock_cancel(listener, SHOAL_SOCK_READ));
	let_others_run();
	shoal_co_start(accept_and_note, NULL, "accepting");
	shoal_sock_close(&listener);
	let_others_run();
	make_pair(pair);
	note(shoal_co_sock_accept(pair[0], 0, &listener));
	close_pair(pair);
}

START_TEST(who_accepts_is_woken)
{
	EXPECT(do_accept_ends, -SHOAL_EBUSY, 1, -SHOAL_ECANCELED,
	    -SHOAL_ECANCELED, -SHOAL_EINVAL);
}
END_TEST

static void
do_no_descriptor(void *arg)
{
	struct rlimit before, none;
	int free_fd;

	listen_on("127.0.0.1:0", 0);
	note(connect_to(address, WAIT_MS));
	/* the lowest one that is free must not be allowed */
	free_fd = dup(0);
	close(free_fd);
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = (rlim_t)free_fd;
	setrlimit(RLIMIT_NOFILE, &none);
	note(shoal_co_sock_accept(listener, WAIT_MS, &pair[1]));
	note(shoal_co_sock_accept(listener, WAIT_MS, &pair[1]));
	note(shoal_co_sock_accept(listener, SHORT_MS, &pair[1]));
	note(shoal_co_sock_connect(address, NULL, WAIT_MS, &pair[1]));
	setrlimit(RLIMIT_NOFILE, &before);
	note(shoal_co_sock_accept(listener, WAIT_MS, &pair[1]));
	close_pair(pair);
	shoal_sock_close(&listener);
}

START_TEST(no_descriptor_is_told_and_loses_no_connection)
{
	EXPECT(do_no_descriptor, 0, -EMFILE, -EMFILE, -SHOAL_ETIMEDOUT, -EMFILE,
	    0);
}
END_TEST

static void
do_options(void *arg)
{
	static struct shoal_sock_options options = { .size = sizeof(options),
		.local = "127.0.0.2:0",
		.receive_buffer = 100000,
		.send_buffer = 100000,
		.keepalive_idle_ms = 6500 };
	size_t len = sizeof(int);
	int value = 0;

	listen_on("127.0.0.1:0", 0);
	note(shoal_co_sock_connect(address, &options, WAIT_MS, &pair[0]));
	shoal_sock_local(pair[0], other, sizeof(other));
	note(strncmp(other, "127.0.0.2:", 10));
	shoal_sock_get_option(pair[0], SOL_SOCKET, SO_RCVBUF, &value, &len);
	note(value);
	shoal_sock_get_option(pair[0], IPPROTO_TCP, TCP_KEEPIDLE, &value, &len);
	note(value);
	options.local = "nowhere";
	note(shoal_co_sock_connect(address, &options, WAIT_MS, &pair[1]));
	options.local = "[::1]:0";
	note(shoal_co_sock_connect(address, &options, WAIT_MS, &pair[1]));
	shoal_sock_close(&pair[0]);
	shoal_sock_close(&listener);
}

START_TEST(options_are_obeyed)
{
	EXPECT(do_options, 0, 0, 200000, 7, -SHOAL_EINVAL, -EADDRNOTAVAIL);
}
END_TEST

START_TEST(nothing_is_opened_outside_of_a_worker)
{
	ck_assert_int_eq(
	    shoal_sock_listen("127.0.0.1:0", 0, &listener), -SHOAL_EPERM);
	ck_assert_int_eq(
	    shoal_sock_datagram("127.0.0.1:0", 0, &listener), -SHOAL_EPERM);
	shoal_sock_close(&listener);
	shoal_sock_close(NULL);
}
END_TEST

/* --- many ------------------------------------------------------------------ */

static int open_now, open_most, echoed;

static void
echo(void *arg)
{
	struct shoal_sock *sock = arg;
	char buf[64];
	ssize_t n;

	while ((n = shoal_co_sock_recv(sock, buf, sizeof(buf), WAIT_MS)) > 0)
		if (shoal_co_sock_send(sock, buf, (size_t)n, WAIT_MS) < 0)
			break;
	shoal_sock_close(&sock);
}

static void
serve(void *arg)
{
	struct shoal_sock *sock;

	while (shoal_co_sock_accept(listener, WAIT_MS, &sock) == 0)
		shoal_co_start(echo, sock, "echo");
}

static void
be_client(void *arg)
{
	struct shoal_sock *sock;
	char line[64];
	int i;

	if (shoal_co_sock_connect(address, NULL, WAIT_MS, &sock) < 0)
		return;
	open_now++;
	for (i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "%d %d\n", *(int *)arg, i);
		if (shoal_co_sock_send(sock, line, strlen(line), WAIT_MS) < 0)
			break;
		if (shoal_co_sock_recv_line(
			sock, line, sizeof(line), WAIT_MS) <= 0)
			break;
		echoed += atoi(line) == *(int *)arg;
		/* until all are there */
		while (open_most < *(int *)arg + 1 && shoal_co_sleep(1) == 0)
			open_most = open_most < open_now ? open_now : open_most;
	}
	shoal_sock_close(&sock);
	open_now--;
	if (open_now == 0)
		shoal_sock_close(&listener);
}

static void
do_many(void *arg)
{
	static int ids[MANY];
	int i;

	listen_on("127.0.0.1:0", 0);
	shoal_co_start(serve, NULL, "serve");
	for (i = 0; i < MANY; i++) {
		ids[i] = MANY - 1;
		shoal_co_start(be_client, &ids[i], "client");
	}
}

START_TEST(thousand_sockets_at_once)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	ck_assert_uint_gt(limit.rlim_cur, 2 * MANY + 100);
	ck_assert_int_eq(shoal_run(do_many, NULL), 0);
	ck_assert_int_eq(open_most, MANY);
	ck_assert_int_eq(echoed, 3 * MANY);
}
END_TEST

SH_SUITE("io/socket_connect", connects_and_accepts, names_are_resolved,
    speaks_ipv6, nonsense_is_refused, refusal_is_told, connecting_times_out,
    unix_sockets_replace_stale_files, unix_queue_that_is_full_is_waited_for,
    who_accepts_is_woken, no_descriptor_is_told_and_loses_no_connection,
    options_are_obeyed, nothing_is_opened_outside_of_a_worker,
    thousand_sockets_at_once)
