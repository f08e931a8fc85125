/* This file tests master/master_listen.c, with real sockets of this machine. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sock.h"
#include "master/master_listen.h"
#include "support/descriptors.h"
#include "support/suite.h"

static struct sh_bound_list list = { .slot_count = 3 };
static char why[1024];
static char folder[32];

static struct sh_plan_address
make_address(const char *text)
{
	struct sh_plan_address address = {
		.backlog = 16, .listener = "l", .origin = "shoal.conf:3"
	};
	const char *reason = NULL;

	snprintf(address.text, sizeof(address.text), "%s", text);
	ck_assert_int_eq(sh_addr_parse(&address.addr, text, &reason), 0);
	return address;
}

static int
acquire(const char *text, struct sh_bound **bound_out)
{
	struct sh_plan_address address = make_address(text);

	return sh_bound_acquire(&list, &address, bound_out, why, sizeof(why));
}

static struct sh_bound *
must_acquire(const char *text)
{
	struct sh_bound *bound = NULL;

	ck_assert_msg(acquire(text, &bound) == 0, "%s: %s", text, why);
	return bound;
}

/* "host:port" with the port that a bound address has. */
static const char *
with_port(const char *host, const struct sh_bound *bound)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s:%u", host, sh_addr_port(&bound->addr));
	return text;
}

static const char *
make_socket_path(void)
{
	static char text[128];

	strcpy(folder, "/tmp/shoal-listen-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(text, sizeof(text), "unix:%s/s", folder);
	return text;
}

static void
remove_socket_path(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/s", folder);
	unlink(path);
	rmdir(folder);
}

static int
connect_to(const struct sh_addr *addr)
{
	int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, &addr->sa, addr->len) == 0)
		return fd;
	close(fd);
	return -errno;
}

START_TEST(slots_share_a_port_that_port_0_became)
{
	struct sh_bound *bound = must_acquire("127.0.0.1:0");
	struct sh_addr local;
	uint32_t slot;

	ck_assert_uint_ne(sh_addr_port(&bound->addr), 0);
	for (slot = 0; slot < 3; slot++) {
		int fd = sh_bound_fd(bound, slot);

		ck_assert_int_eq(sh_sock_local(fd, &local), 0);
		ck_assert_uint_eq(
		    sh_addr_port(&local), sh_addr_port(&bound->addr));
		ck_assert_int_ne(fd, sh_bound_fd(bound, (slot + 1) % 3));
		ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	}
	/* the same text is the same socket, over reloads too */
	ck_assert_ptr_eq(must_acquire("127.0.0.1:0"), bound);
	ck_assert_uint_eq(bound->refs, 2);
}
END_TEST

START_TEST(release_closes_with_the_last)
{
	size_t before = count_descriptors();
	struct sh_bound *bound = must_acquire("127.0.0.1:0"), *again;
	struct sh_addr addr = bound->addr;

	again = must_acquire("127.0.0.1:0");
	sh_bound_release(&list, &again);
	ck_assert_ptr_null(again);
	close(connect_to(&addr));
	sh_bound_release(&list, &bound);
	ck_assert_int_eq(connect_to(&addr), -ECONNREFUSED);
	ck_assert_uint_eq(count_descriptors(), before);
	ck_assert_ptr_null(list.first);
	sh_bound_release(&list, &bound);
}
END_TEST

START_TEST(queue_is_counted_for_each_slot)
{
	struct sh_bound *bound = must_acquire("127.0.0.1:0");
	struct pollfd pollfds[3];
	uint32_t slot, sum = 0;
	int i;

	for (i = 0; i < 5; i++)
		ck_assert_int_ge(connect_to(&bound->addr), 0);
	for (slot = 0; slot < 3; slot++) {
		pollfds[slot] = (struct pollfd){ .fd = sh_bound_fd(bound, slot),
			.events = POLLIN };
		sum += sh_bound_queued(bound, slot);
	}
	ck_assert_uint_eq(sum, 5);
	ck_assert_int_ge(poll(pollfds, 3, 1000), 1);
}
END_TEST

/* A second master is another process: the lock is what it meets. */
START_TEST(second_master_is_refused_by_the_lock)
{
	struct sh_bound *first = must_acquire("127.0.0.1:0"), *second = NULL;
	struct sh_bound_list other = { .slot_count = 1 };
	char text[64];
	struct sh_plan_address address;
	unsigned port;

	/* a port that was free a moment ago */
	port = sh_addr_port(&first->addr);
	sh_bound_release(&list, &first);
	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	first = must_acquire(text);
	ck_assert_int_ge(first->lock_fd, 0);
	address = make_address(text);
	ck_assert_int_eq(
	    sh_bound_acquire(&other, &address, &second, why, sizeof(why)),
	    -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(why, "shoal.conf:3: listener 'l'"));
	ck_assert_ptr_nonnull(strstr(why, "another program"));
	ck_assert_ptr_null(other.first);
}
END_TEST

START_TEST(other_programs_are_found_by_the_probe)
{
	struct sh_plan_address address = make_address("127.0.0.1:0");
	struct sh_bound *bound = NULL;
	size_t before;
	char text[64];
	int fd;

	/* one that shares its port, as two of us would */
	fd = sh_sock_bind(&address.addr, true);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(sh_sock_local(fd, &address.addr), 0);
	snprintf(
	    text, sizeof(text), "127.0.0.1:%u", sh_addr_port(&address.addr));
	before = count_descriptors();
	ck_assert_int_eq(acquire(text, &bound), -EADDRINUSE);
	ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

static int
reopen(struct sh_bound *bound, const char *text)
{
	struct sh_plan_address address = make_address(text);

	return sh_bound_reopen(&list, bound, &address, false, why, sizeof(why));
}

START_TEST(closed_address_comes_back_with_its_port)
{
	size_t before = count_descriptors();
	struct sh_bound *bound = must_acquire("127.0.0.1:0"), *again;
	struct sh_addr addr = bound->addr;
	int accepted, client = connect_to(&addr);

	accepted = accept(sh_bound_fd(bound, 0), NULL, NULL);
	if (accepted < 0)
		accepted = accept(sh_bound_fd(bound, 1), NULL, NULL);
	if (accepted < 0)
		accepted = accept(sh_bound_fd(bound, 2), NULL, NULL);
	ck_assert_int_ge(accepted, 0);
	sh_bound_close(bound);
	ck_assert_int_eq(bound->state, SH_BOUND_CLOSED);
	ck_assert_int_eq(sh_bound_fd(bound, 2), -1);
	ck_assert_uint_eq(sh_bound_queued(bound, 2), 0);
	ck_assert_int_eq(connect_to(&addr), -ECONNREFUSED);
	/* a reload does not open it */
	again = must_acquire("127.0.0.1:0");
	ck_assert_ptr_eq(again, bound);
	ck_assert_int_eq(bound->state, SH_BOUND_CLOSED);
	/* with a connection that is still there */
	ck_assert_msg(reopen(bound, "127.0.0.1:0") == 0, "%s", why);
	ck_assert_int_eq(bound->state, SH_BOUND_LISTENING);
	ck_assert(sh_addr_is_same(&bound->addr, &addr));
	close(connect_to(&addr));
	close(client);
	close(accepted);
	sh_bound_release(&list, &bound);
	sh_bound_close(again);
	sh_bound_release(&list, &again);
	ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

START_TEST(closed_address_may_be_taken)
{
	struct sh_bound *bound = must_acquire("127.0.0.1:0");
	size_t before;
	int fd;

	sh_bound_close(bound);
	before = count_descriptors();
	fd = sh_sock_bind(&bound->addr, true);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(reopen(bound, "127.0.0.1:0"), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(why, with_port("127.0.0.1", bound)));
	ck_assert_int_eq(bound->state, SH_BOUND_CLOSED);
	ck_assert_uint_eq(count_descriptors(), before + 1);
	close(fd);
	ck_assert_int_eq(reopen(bound, "127.0.0.1:0"), 0);
	sh_bound_release(&list, &bound);
}
END_TEST

START_TEST(closed_unix_socket_leaves_no_file)
{
	const char *text = make_socket_path();
	struct sh_bound *bound = must_acquire(text);
	int i;

	for (i = 0; i < 2; i++) {
		sh_bound_close(bound);
		ck_assert_int_eq(connect_to(&bound->addr), -ENOENT);
		ck_assert_msg(reopen(bound, text) == 0, "%s", why);
		close(connect_to(&bound->addr));
	}
	sh_bound_release(&list, &bound);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(one_address_in_two_spellings_is_one)
{
	struct sh_bound *bound = must_acquire("127.0.0.1:0"), *other;

	other = must_acquire(with_port("localhost", bound));
	ck_assert_ptr_eq(other, bound);
	ck_assert_ptr_eq(must_acquire(with_port("127.0.0.1", bound)), bound);
}
END_TEST

START_TEST(wider_address_fits_beside_ours)
{
	struct sh_bound *narrow = must_acquire("127.0.0.1:0"), *wide;

	wide = must_acquire(with_port("*", narrow));
	ck_assert_ptr_ne(wide, narrow);
	sh_bound_release(&list, &narrow);
	/* and back */
	narrow = must_acquire(with_port("127.0.0.1", wide));
	sh_bound_release(&list, &wide);
	close(connect_to(&narrow->addr));
}
END_TEST

START_TEST(options_are_inherited_and_follow_a_reload)
{
	struct sh_plan_address address = make_address("127.0.0.1:0");
	struct sh_bound *bound = NULL;
	int fd, value = 0, slot;
	socklen_t len = sizeof(value);

	address.keepalive_idle_s = 77;
	address.keepalive_interval_s = 7;
	address.keepalive_count = 3;
	address.user_timeout_ms = 12345;
	address.notsent_lowat = 65536;
	ck_assert_int_eq(
	    sh_bound_acquire(&list, &address, &bound, why, sizeof(why)), 0);
	fd = connect_to(&bound->addr);
	for (slot = 0; slot < 3; slot++) {
		int accepted = accept(bound->fds[slot], NULL, NULL);

		if (accepted < 0)
			continue;
		getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &value, &len);
		ck_assert_int_eq(value, 1);
		getsockopt(accepted, IPPROTO_TCP, TCP_KEEPIDLE, &value, &len);
		ck_assert_int_eq(value, 77);
		getsockopt(
		    accepted, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &len);
		ck_assert_int_eq(value, 12345);
		getsockopt(
		    accepted, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, &len);
		ck_assert_int_eq(value, 65536);
		close(accepted);
	}
	close(fd);
	address.keepalive_idle_s = 0;
	address.user_timeout_ms = 0;
	ck_assert_int_eq(
	    sh_bound_acquire(&list, &address, &bound, why, sizeof(why)), 0);
	getsockopt(bound->fds[2], SOL_SOCKET, SO_KEEPALIVE, &value, &len);
	ck_assert_int_eq(value, 0);
	getsockopt(bound->fds[2], IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &len);
	ck_assert_int_eq(value, 0);
}
END_TEST

START_TEST(unix_socket_is_one_for_all_slots)
{
	const char *text = make_socket_path();
	struct sh_bound *bound = must_acquire(text);
	int fd;

	ck_assert(bound->shared);
	ck_assert_int_eq(sh_bound_fd(bound, 0), sh_bound_fd(bound, 2));
	ck_assert_uint_eq(sh_bound_queued(bound, 2), 0);
	fd = connect_to(&bound->addr);
	ck_assert_int_ge(fd, 0);
	sh_bound_release(&list, &bound);
	/* the file is gone with it */
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(unix_socket_file_of_a_crash_is_replaced)
{
	const char *text = make_socket_path();
	struct sh_plan_address address = make_address(text);
	struct sh_bound *bound;
	int fd = sh_sock_bind(&address.addr, false);

	ck_assert_int_eq(listen(fd, 1), 0);
	close(fd);
	bound = must_acquire(text);
	close(connect_to(&bound->addr));
	sh_bound_release(&list, &bound);
	remove_socket_path();
}
END_TEST

START_TEST(unix_socket_in_use_or_other_files_are_left_alone)
{
	const char *text = make_socket_path();
	struct sh_plan_address address = make_address(text);
	struct sh_bound *bound = NULL;
	struct stat st;
	int fd = sh_sock_bind(&address.addr, false);

	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(acquire(text, &bound), -EADDRINUSE);
	ck_assert_int_eq(connect_to(&address.addr) < 0, 0);
	unlink(address.addr.un.sun_path);
	close(open(address.addr.un.sun_path, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(acquire(text, &bound), -EEXIST);
	ck_assert_ptr_nonnull(strstr(why, "not a socket"));
	ck_assert_int_eq(stat(address.addr.un.sun_path, &st), 0);
	ck_assert_ptr_null(list.first);
	remove_socket_path();
}
END_TEST

START_TEST(long_unix_paths_do_not_share_a_lock)
{
	char text[2][128], rest[72];
	struct sh_bound *a, *b;

	make_socket_path();
	memset(rest, 'x', sizeof(rest));
	rest[sizeof(rest) - 1] = '\0';
	snprintf(text[0], sizeof(text[0]), "unix:%s/%s-a", folder, rest);
	snprintf(text[1], sizeof(text[1]), "unix:%s/%s-b", folder, rest);
	a = must_acquire(text[0]);
	b = must_acquire(text[1]);
	sh_bound_release(&list, &a);
	sh_bound_release(&list, &b);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(missing_folder_is_explained)
{
	struct sh_bound *bound = NULL;
	size_t before = count_descriptors();

	ck_assert_int_eq(acquire("unix:/nonexistent-shoal/s", &bound), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "No such file"));
	ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

SH_SUITE("master/listen", slots_share_a_port_that_port_0_became,
    release_closes_with_the_last, queue_is_counted_for_each_slot,
    second_master_is_refused_by_the_lock, other_programs_are_found_by_the_probe,
    closed_address_comes_back_with_its_port, closed_address_may_be_taken,
    closed_unix_socket_leaves_no_file, one_address_in_two_spellings_is_one,
    wider_address_fits_beside_ours, options_are_inherited_and_follow_a_reload,
    unix_socket_is_one_for_all_slots, unix_socket_file_of_a_crash_is_replaced,
    unix_socket_in_use_or_other_files_are_left_alone,
    long_unix_paths_do_not_share_a_lock, missing_folder_is_explained)
