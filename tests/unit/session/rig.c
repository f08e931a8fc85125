/* This file is a service and its clients in one process, for tests. */
#include "config.h"

#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/timer.h"

enum { BEAT_MS = 5 };

static void
on_connect(struct shoal_conn *conn, void *arg)
{
	struct rig *rig = arg;

	rig->connects++;
	rig->conn = conn;
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct rig *rig = arg;

	rig->receives++;
	rig->bytes += len;
	rig->conn = conn;
	if (rig->echo)
		shoal_conn_send(conn, data, len);
}

static void
on_writable(struct shoal_conn *conn, void *arg)
{
	struct rig *rig = arg;

	rig->writables++;
	rig->conn = conn;
}

static void
on_close(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	struct rig *rig = arg;

	rig->closes++;
	rig->cause = cause;
	rig->error = error;
	rig->conn = conn;
}

static const struct shoal_tcp_callbacks callbacks = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_connect = on_connect,
	.on_receive = on_receive,
	.on_writable = on_writable,
	.on_close = on_close,
};

/* Keeps turns short, so that the test looks at its own sockets often. */
static void
beat(void *arg)
{
}

static void
fill_defaults(struct rig *rig)
{
	const char *why;

	if (rig->addr.len == 0)
		ck_assert_int_eq(
		    sh_addr_parse(&rig->addr, "127.0.0.1:0", &why), 0);
	if (rig->options.callbacks == NULL)
		rig->options.callbacks = &callbacks;
	if (rig->options.arg == NULL)
		rig->options.arg = rig;
	if (rig->options.queue_high == 0) {
		rig->options.queue_high = 1024 * 1024;
		rig->options.queue_low = 256 * 1024;
	}
	rig->options.name = "main";
	rig->options.handler = "test";
	if (rig->loop_options.incarnation == 0)
		rig->loop_options.incarnation = 3;
	rig->loop_options.counters = &rig->counters;
}

void
rig_open(struct rig *rig)
{
	int fd;

	fill_defaults(rig);
	fd = sh_sock_bind(&rig->addr, false);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(listen(fd, 1024), 0);
	ck_assert_int_eq(sh_sock_local(fd, &rig->addr), 0);
	ck_assert_int_eq(sh_loop_new(&rig->loop_options, &rig->loop), 0);
	ck_assert_int_gt(
	    sh_timer_start(rig->loop, BEAT_MS, BEAT_MS, beat, NULL), 0);
	ck_assert_int_eq(
	    sh_service_open(rig->loop, &rig->options, fd, &rig->service), 0);
}

void
rig_close(struct rig *rig)
{
	sh_service_free(&rig->service);
	ck_assert_uint_eq(sh_loop_connections(rig->loop), 0);
	ck_assert_int_eq(rig->connects, rig->closes);
	ck_assert_uint_eq(rig->counters.accepted, rig->counters.closed);
	ck_assert_uint_eq(rig->counters.queued_bytes, 0);
	sh_loop_free(&rig->loop);
}

int
rig_connect(struct rig *rig)
{
	int fd = socket(rig->addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, &rig->addr.sa, rig->addr.len), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

int
rig_connect_accepted(struct rig *rig)
{
	uint64_t accepted = rig->counters.accepted;
	int fd = rig_connect(rig);

	RIG_UNTIL(rig, rig->counters.accepted > accepted);
	return fd;
}

bool
rig_read(int fd, size_t *total, int *errno_out)
{
	static char buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		*total += (size_t)n;
	if (n < 0 && errno == EAGAIN)
		return false;
	*errno_out = n < 0 ? errno : 0;
	return true;
}

void
rig_write(int fd, const void *data, size_t len)
{
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
}

void
rig_reset(int fd)
{
	static const struct linger reset = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}
