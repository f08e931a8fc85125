/* This file tests what workers of a program's pool say to each other and to the
 * parent, and how they accept. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/sock.h"
#include "crew_rig.h"
#include "support/descriptors.h"
#include "support/suite.h"

static int arrived;

static const size_t sizes[] = { 0, 1, 2000, 2001, 65536, 8 << 20 };
enum { ROUNDS = 40 };

static size_t
size_of(unsigned i)
{
	/* large ones now and then */
	return i % 7 == 6 ? sizes[(i / 7) % SH_ARRAY_LEN(sizes)] : i % 3;
}

static char *
make_bytes(size_t len, unsigned i)
{
	char *bytes = malloc(len + 1);

	memset(bytes, (int)('a' + i % 26), len);
	return bytes;
}

static bool
is_right(const struct shoal_pool_message *message, unsigned i)
{
	const char *bytes = message->data;
	size_t at;

	if (message->len != size_of(i) || bytes == NULL)
		return false;
	for (at = 0; at < message->len; at++)
		if (bytes[at] != (char)('a' + i % 26))
			return false;
	return true;
}

/* Slot 0 sends to 1, 1 to 2, 2 to the parent; the parent to 0. */
static int
hand_on(struct shoal_pool_worker *worker, void *arg)
{
	int slot = shoal_pool_worker_slot(worker);
	int to = slot == 2 ? SHOAL_POOL_PARENT : slot + 1;
	struct shoal_pool_message message;
	unsigned i = 0;

	while (shoal_pool_worker_receive(worker, &message, -1) > 0) {
		if (message.from != (slot == 0 ? SHOAL_POOL_PARENT : slot - 1))
			return 2;
		if (!is_right(&message, i++))
			return 3;
		if (shoal_pool_worker_send(
			worker, to, message.data, message.len, -1) < 0)
			return 4;
	}
	return 0;
}

static unsigned sent, received;

static void
send_more(struct shoal_pool *of)
{
	while (sent < ROUNDS) {
		size_t len = size_of(sent);
		char *bytes = make_bytes(len, sent);
		int r = shoal_pool_send(of, 0, bytes, len);

		free(bytes);
		if (r == -SHOAL_EAGAIN)
			return;
		ck_assert_int_eq(r, 0);
		sent++;
	}
}

static void
begin_to_send(struct shoal_pool *of, void *arg)
{
	send_more(of);
}

static void
get_back(
    struct shoal_pool *of, const struct shoal_pool_message *message, void *arg)
{
	ck_assert_int_eq(message->from, 2);
	ck_assert(is_right(message, received));
	received++;
	send_more(of);
	if (received == ROUNDS)
		shoal_pool_stop(of);
}

START_TEST(messages_of_all_sizes_come_in_order)
{
	size_t before;
	unsigned i;

	set_up(3, hand_on);
	options.queue_messages = 5;
	hooks.on_start = begin_to_send;
	hooks.on_message = get_back;
	before = count_descriptors();
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(received, ROUNDS);
	for (i = 0; i < exit_count; i++)
		ck_assert_int_eq(exits[i].status, 0);
	ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

/* Everybody sends to everybody at once, and takes what comes only when it has
 * to wait. */
static int
flood(struct shoal_pool_worker *worker, void *arg)
{
	int count = shoal_pool_worker_count(worker);
	unsigned got[4] = { 0 }, done = 0, next = 0, total = 0;
	struct shoal_pool_message message;

	while (done < 300U * (unsigned)count) {
		unsigned i;
		int to = (int)(next % (unsigned)count), r = -SHOAL_EAGAIN;

		if (next < 300U * (unsigned)count) {
			i = next / (unsigned)count;
			r = shoal_pool_worker_send(
			    worker, to, &i, sizeof(i), 0);
		}
		if (r == 0) {
			next++;
			continue;
		}
		if (r != -SHOAL_EAGAIN)
			return 2;
		/* somebody else may have to take first */
		r = shoal_pool_worker_receive(worker, &message, 10);
		if (r == -SHOAL_ETIMEDOUT)
			continue;
		if (r <= 0)
			return 3;
		memcpy(&i, message.data, sizeof(i));
		if (i != got[message.from]++)
			return 4;
		done++;
	}
	total = done;
	shoal_pool_worker_send(
	    worker, SHOAL_POOL_PARENT, &total, sizeof(total), -1);
	return wait_for_end(worker, arg);
}

static void
stop_when_all_have(
    struct shoal_pool *of, const struct shoal_pool_message *message, void *arg)
{
	if (++arrived == 3)
		shoal_pool_stop(of);
}

START_TEST(flood_loses_nothing)
{
	set_up(3, flood);
	hooks.on_message = stop_when_all_have;
	ck_assert_int_eq(run(), 0);
	expect_good_exits(3);
}
END_TEST

/* Slot 1 takes nothing before it is told; slot 0 fills its queue. */
static int
fill_queue(struct shoal_pool_worker *worker, void *arg)
{
	struct shoal_pool_message message;
	int r, i;

	if (shoal_pool_worker_slot(worker) == 1) {
		while (shared->told == 0)
			usleep(1000);
		return wait_for_end(worker, arg);
	}
	for (i = 0; (r = shoal_pool_worker_send(worker, 1, "x", 1, 0)) == 0;)
		i++;
	if (r != -SHOAL_EAGAIN || i != 10)
		return 2;
	if (shoal_pool_worker_send(worker, 1, "x", 1, 30) != -SHOAL_ETIMEDOUT)
		return 3;
	if (shoal_pool_worker_send(worker, 2, "x", 1, 0) != -SHOAL_ENOENT ||
	    shoal_pool_worker_send(worker, -2, "x", 1, 0) != -SHOAL_ENOENT ||
	    shoal_pool_worker_send(worker, SHOAL_POOL_PARENT, "x", 1, 0) !=
		-SHOAL_ENOENT)
		return 4;
	/* its own is another one */
	if (shoal_pool_worker_send(worker, 0, "me", 2, 0) != 0 ||
	    shoal_pool_worker_receive(worker, &message, -1) != 1 ||
	    message.from != 0 || memcmp(message.data, "me", 2) != 0)
		return 5;
	shared->told = 1;
	if (shoal_pool_worker_send(worker, 1, "x", 1, PATIENCE_MS) != 0)
		return 6;
	shoal_pool_worker_stop_pool(worker);
	return wait_for_end(worker, arg);
}

START_TEST(full_queue_holds_up_its_senders_only)
{
	set_up(2, fill_queue);
	options.queue_messages = 10;
	ck_assert_int_eq(run(), 0);
	expect_good_exits(2);
}
END_TEST

/* Large ones count by their bytes; one of any size always finds a place. */
static int
fill_with_bytes(struct shoal_pool_worker *worker, void *arg)
{
	static char big[100000];
	struct shoal_pool_message message;
	int i;

	if (shoal_pool_worker_slot(worker) == 1) {
		for (i = 0; i < 50; i++)
			if (shoal_pool_worker_receive(worker, &message, -1) !=
				1 ||
			    message.len != sizeof(big))
				return 2;
		shoal_pool_worker_stop_pool(worker);
		return wait_for_end(worker, arg);
	}
	for (i = 0; i < 50; i++)
		if (shoal_pool_worker_send(
			worker, 1, big, sizeof(big), PATIENCE_MS) != 0)
			return 3;
	return wait_for_end(worker, arg);
}

START_TEST(queue_is_bounded_by_bytes_too)
{
	unsigned i;

	set_up(2, fill_with_bytes);
	options.queue_bytes = 1000;
	ck_assert_int_eq(run(), 0);
	for (i = 0; i < exit_count; i++)
		ck_assert_int_eq(exits[i].status, 0);
}
END_TEST

/* A message for a worker that is dead waits for the next one. */
static int
die_then_receive(struct shoal_pool_worker *worker, void *arg)
{
	struct shoal_pool_message message;

	if (shoal_pool_worker_slot(worker) == 0) {
		/* its death is what on_worker_exit answers */
		if (shoal_pool_worker_incarnation(worker) <= 2)
			return 9;
		if (shoal_pool_worker_receive(worker, &message, -1) != 1 ||
		    message.from != SHOAL_POOL_PARENT ||
		    strcmp(message.data, "heir") != 0)
			return 2;
		shoal_pool_worker_stop_pool(worker);
	}
	return wait_for_end(worker, arg);
}

static void
send_to_dead(
    struct shoal_pool *of, const struct shoal_pool_exit *how, void *arg)
{
	on_worker_exit(of, how, arg);
	if (how->status == 9)
		ck_assert_int_eq(shoal_pool_send(of, how->slot, "heir", 5), 0);
}

START_TEST(message_waits_for_the_next_worker)
{
	set_up(2, die_then_receive);
	hooks.on_worker_exit = send_to_dead;
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(exit_count, 3);
	ck_assert_int_eq(exits[0].status, 9);
	ck_assert(!exits[0].expected);
	ck_assert_int_eq(exits[1].status, 0);
}
END_TEST

/* The descriptor says what receive() has, also what was read while a send
 * waited for its answer. */
static int
poll_descriptor(struct shoal_pool_worker *worker, void *arg)
{
	struct pollfd pollfd = { .fd = shoal_pool_worker_fd(worker),
		.events = POLLIN };
	struct shoal_pool_message message;

	if (poll(&pollfd, 1, 0) != 0)
		return 2;
	shoal_pool_worker_send(worker, 0, "1", 1, -1);
	if (poll(&pollfd, 1, PATIENCE_MS) != 1)
		return 3;
	shoal_pool_worker_is_stopping(worker);
	if (poll(&pollfd, 1, 0) != 1)
		return 4;
	if (shoal_pool_worker_receive(worker, &message, 0) != 1 ||
	    poll(&pollfd, 1, 0) != 0 ||
	    shoal_pool_worker_receive(worker, &message, 0) != -SHOAL_ETIMEDOUT)
		return 5;
	shoal_pool_worker_stop_pool(worker);
	if (poll(&pollfd, 1, PATIENCE_MS) != 1 ||
	    shoal_pool_worker_receive(worker, &message, 0) != 0 ||
	    shoal_pool_worker_receive(worker, &message, -1) != 0 ||
	    poll(&pollfd, 1, 0) != 1)
		return 6;
	return 0;
}

START_TEST(descriptor_tells_what_there_is)
{
	set_up(1, poll_descriptor);
	ck_assert_int_eq(run(), 0);
	ck_assert_int_eq(exits[0].status, 0);
}
END_TEST

static int
serve_one(struct shoal_pool_worker *worker, void *arg)
{
	char address[128];
	struct shoal_pool_message message;
	int fd;

	if (shoal_pool_worker_accept(worker, 2, 0) != -SHOAL_ENOENT ||
	    shoal_pool_worker_listen_fd(worker, -1) != -SHOAL_ENOENT ||
	    shoal_pool_worker_accept(worker, 0, 0) != -SHOAL_ETIMEDOUT)
		return 2;
	shoal_pool_worker_address(worker, 0, address, sizeof(address));
	shoal_pool_worker_send(worker, SHOAL_POOL_PARENT, address,
	    strlen(address) + 1, PATIENCE_MS);
	fd = shoal_pool_worker_accept(worker, 0, PATIENCE_MS);
	if (fd < 0 || (fcntl(fd, F_GETFL) & O_NONBLOCK) ||
	    !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		return 3;
	dprintf(fd, "%d", shoal_pool_worker_slot(worker));
	close(fd);
	/* a message comes first, and then the stop */
	if (shoal_pool_worker_send(worker, 0, "x", 1, -1) != 0 ||
	    shoal_pool_worker_accept(worker, 0, -1) != -SHOAL_EAGAIN ||
	    shoal_pool_worker_receive(worker, &message, 0) != 1)
		return 4;
	shoal_pool_worker_stop_pool(worker);
	return shoal_pool_worker_accept(worker, 0, -1) == -SHOAL_ECANCELED ? 0
									   : 5;
}

static int client_fd;

static void
connect_to_worker(
    struct shoal_pool *of, const struct shoal_pool_message *message, void *arg)
{
	struct sh_addr addr;
	const char *reason;
	char text[128];

	ck_assert_int_eq(shoal_pool_address(of, 0, text, sizeof(text)), 0);
	ck_assert_str_eq(text, message->data);
	ck_assert_int_eq(sh_addr_parse(&addr, text, &reason), 0);
	client_fd = socket(addr.sa.sa_family, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(client_fd, &addr.sa, addr.len), 0);
}

START_TEST(worker_accepts)
{
	char byte;

	set_up(1, serve_one);
	hooks.on_message = connect_to_worker;
	make();
	ck_assert_int_eq(shoal_pool_listen(pool, "127.0.0.1:0", 0), 0);
	ck_assert_int_eq(shoal_pool_listen(pool, "[::1]:0", 0), 1);
	ck_assert_int_eq(shoal_pool_run(pool), 0);
	ck_assert_int_eq(exits[0].status, 0);
	ck_assert_int_eq(recv(client_fd, &byte, 1, 0), 1);
	ck_assert_int_eq(byte, '0');
	close(client_fd);
	shoal_pool_free(&pool);
}
END_TEST

SH_SUITE("process/crew_mail", messages_of_all_sizes_come_in_order,
    flood_loses_nothing, full_queue_holds_up_its_senders_only,
    queue_is_bounded_by_bytes_too, message_waits_for_the_next_worker,
    descriptor_tells_what_there_is, worker_accepts)
