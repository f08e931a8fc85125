/* This file tests io/conn_file.c: files on a connection. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

#include "io/conn.h"
#include "rig.h"

enum { BIG = 24 * 1024 * 1024 };

/* What the service sends to whoever says something. */
static struct {
	int fd;
	off_t offset;
	size_t left, shrink_to;
	int r, calls, refused, shrunk;
} job;

static void
go_on(struct shoal_conn *conn)
{
	job.calls++;
	job.r = sh_conn_sendfile(
	    (struct sh_conn *)conn, job.fd, &job.offset, &job.left);
	if (job.r == -SHOAL_EAGAIN && job.shrink_to != 0)
		job.shrunk = ftruncate(job.fd, (off_t)job.shrink_to);
	if (job.r == -SHOAL_EAGAIN)
		job.refused++;
	else
		shoal_conn_close(conn);
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	((struct rig *)arg)->receives++;
	shoal_conn_send(conn, "head", 4);
	go_on(conn);
}

static void
on_writable(struct shoal_conn *conn, void *arg)
{
	((struct rig *)arg)->writables++;
	go_on(conn);
}

static void
on_connect(struct shoal_conn *conn, void *arg)
{
	((struct rig *)arg)->connects++;
}

static void
on_close(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	struct rig *rig = arg;

	rig->closes++;
	rig->cause = cause;
	rig->error = error;
}

static const struct shoal_tcp_callbacks callbacks = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_connect = on_connect,
	.on_receive = on_receive,
	.on_writable = on_writable,
	.on_close = on_close,
};

static unsigned char
byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

/* A file without a name; what is in it is told by the place. */
static void
make_file(size_t len)
{
	unsigned char *data = malloc(len > 0 ? len : 1);
	size_t i;

	memset(&job, 0, sizeof(job));
	job.fd = memfd_create("test", MFD_CLOEXEC);
	ck_assert_int_ge(job.fd, 0);
	ck_assert_ptr_nonnull(data);
	for (i = 0; i < len; i++)
		data[i] = byte_at(i);
	ck_assert_int_eq(write(job.fd, data, len), (ssize_t)len);
	free(data);
	job.left = len;
	job.r = 1;
}

static unsigned char
expected(off_t offset, size_t i)
{
	return i < 4 ? (unsigned char)"head"[i]
		     : byte_at((size_t)offset + i - 4);
}

/* Read what is there and compare it with the file behind "head". */
static bool
read_all(int fd, off_t offset, size_t *total, int *errno_out)
{
	static unsigned char buf[65536];
	bool wrong = false;
	ssize_t n, i;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++, (*total)++)
			wrong |= buf[i] != expected(offset, *total);
	ck_assert(!wrong);
	*errno_out = n < 0 ? errno : 0;
	return n == 0 || errno != EAGAIN;
}

static void
open_rig(struct rig *rig)
{
	rig->options.callbacks = &callbacks;
	rig_open(rig);
}

START_TEST(test_whole)
{
	static const size_t sizes[] = { 0, 1, 4096, 65536, 262144, 262145,
		BIG };
	size_t i, total;
	int fd, error;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct rig rig = { 0 };

		make_file(sizes[i]);
		open_rig(&rig);
		fd = rig_connect_accepted(&rig);
		rig_write(fd, "x", 1);
		total = 0;
		RIG_UNTIL(&rig, read_all(fd, 0, &total, &error));
		ck_assert_int_eq(error, 0);
		ck_assert_int_eq(job.r, 0);
		ck_assert_uint_eq(total, sizes[i] + 4);
		ck_assert_uint_eq(rig.counters.bytes_sent, sizes[i] + 4);
		/* others had their turn */
		ck_assert_int_ge(
		    job.refused + 1, (int)(sizes[i] / (256 * 1024)));
		close(fd);
		RIG_UNTIL(&rig, rig.closes == 1);
		rig_close(&rig);
		close(job.fd);
	}
}
END_TEST

START_TEST(test_part)
{
	struct rig rig = { 0 };
	size_t total = 0;
	int fd, error;

	make_file(10000);
	job.offset = 5000;
	job.left = 100;
	open_rig(&rig);
	fd = rig_connect_accepted(&rig);
	rig_write(fd, "x", 1);
	RIG_UNTIL(&rig, read_all(fd, 5000, &total, &error));
	ck_assert_uint_eq(total, 104);
	ck_assert_int_eq(job.offset, 5100);
	close(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	rig_close(&rig);
	close(job.fd);
}
END_TEST

/* Nobody is asked over and over for what the kernel does not take. */
START_TEST(test_slow_reader)
{
	struct rig rig = { 0 };
	size_t total = 0;
	int fd, error, calls;

	make_file(BIG);
	open_rig(&rig);
	fd = rig_connect_accepted(&rig);
	rig_write(fd, "x", 1);
	do {
		calls = job.calls;
		RIG_TURNS(&rig, 20);
	} while (job.calls != calls);
	ck_assert_int_eq(job.r, -SHOAL_EAGAIN);
	ck_assert_uint_gt(job.left, 0);
	RIG_TURNS(&rig, 20);
	ck_assert_int_eq(job.calls, calls);
	RIG_UNTIL(&rig, read_all(fd, 0, &total, &error));
	ck_assert_uint_eq(total, BIG + 4);
	close(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	rig_close(&rig);
	close(job.fd);
}
END_TEST

START_TEST(test_shrinks)
{
	struct rig rig = { 0 };
	size_t total = 0;
	int fd, error;

	make_file(BIG);
	job.shrink_to = 1000;
	open_rig(&rig);
	fd = rig_connect_accepted(&rig);
	rig_write(fd, "x", 1);
	RIG_UNTIL(&rig, job.r != 1 && job.r != -SHOAL_EAGAIN);
	ck_assert_int_eq(job.shrunk, 0);
	ck_assert_int_eq(job.r, -SHOAL_ETRUNCATED);
	RIG_UNTIL(&rig, rig_read(fd, &total, &error));
	ck_assert_uint_lt(total, BIG);
	close(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	rig_close(&rig);
	close(job.fd);
}
END_TEST

/* The process does not die of SIGPIPE. */
START_TEST(test_reset)
{
	struct rig rig = { 0 };
	int fd;

	make_file(BIG);
	open_rig(&rig);
	fd = rig_connect_accepted(&rig);
	rig_write(fd, "x", 1);
	RIG_UNTIL(&rig, job.refused > 0);
	rig_reset(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_ERROR);
	ck_assert_int_eq(rig.error, -ECONNRESET);
	rig_close(&rig);
	close(job.fd);
}
END_TEST

START_TEST(test_unreadable)
{
	struct rig rig = { 0 };
	size_t total = 0;
	int fd, error, folder;

	make_file(1000);
	folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(folder, 0);
	close(job.fd);
	job.fd = folder;
	open_rig(&rig);
	fd = rig_connect_accepted(&rig);
	rig_write(fd, "x", 1);
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_int_lt(job.r, 0);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_ERROR);
	ck_assert_int_eq(rig.error, job.r);
	RIG_UNTIL(&rig, rig_read(fd, &total, &error));
	close(fd);
	rig_close(&rig);
	close(job.fd);
}
END_TEST

SH_SUITE("session/conn_file", test_whole, test_part, test_slow_reader,
    test_shrinks, test_reset, test_unreadable)
