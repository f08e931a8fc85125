/* This file tests io/listener.c. */
#include "config.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/log.h"
#include "rig.h"

START_TEST(accepted_sockets_inherit_options)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 61 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 7 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 4 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 12345 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 65536 },
	};
	struct sh_addr addr;
	const char *why;
	int listener, client, fd, value;
	socklen_t len;
	size_t i;

	ck_assert_int_eq(sh_addr_parse(&addr, "127.0.0.1:0", &why), 0);
	listener = sh_sock_bind(&addr, false);
	for (i = 0; i < SH_ARRAY_LEN(options); i++)
		ck_assert_int_eq(sh_sock_set_int(listener, options[i].level,
				     options[i].option, options[i].value),
		    0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(sh_sock_local(listener, &addr), 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(client, &addr.sa, addr.len), 0);
	fd = accept(listener, NULL, NULL);
	ck_assert_int_ge(fd, 0);
	for (i = 0; i < SH_ARRAY_LEN(options); i++) {
		value = -1;
		len = sizeof(value);
		ck_assert_int_eq(getsockopt(fd, options[i].level,
				     options[i].option, &value, &len),
		    0);
		ck_assert_msg(value == options[i].value, "option %d: %d",
		    options[i].option, value);
	}
	close(fd);
	close(client);
	close(listener);
}
END_TEST

START_TEST(out_of_descriptors_does_not_spin)
{
	enum { CLIENTS = 20 };
	struct rig rig = { .echo = true };
	char line[2048] = "";
	struct rlimit limit;
	int fds[CLIENTS], i, pipe_fds[2], closed = 0;
	int64_t start_ms;
	uint64_t turns;

	ck_assert_int_eq(pipe2(pipe_fds, O_NONBLOCK), 0);
	rig_open(&rig);
	sh_log_open(pipe_fds[1], SH_LOG_TEXT, SHOAL_LOG_WARNING);
	for (i = 0; i < CLIENTS; i++)
		fds[i] = rig_connect(&rig);
	/* room for five of them */
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)fds[CLIENTS - 1] + 6;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	RIG_UNTIL(&rig, rig.counters.accept_errors == 1);
	ck_assert_int_eq(rig.connects, 5);
	start_ms = sh_clock_ms();
	turns = sh_loop_turns(rig.loop);
	while (sh_clock_ms() - start_ms < 550)
		RIG_TURNS(&rig, 1);
	/* the rig's own beat takes a turn every 5 ms */
	ck_assert_uint_le(sh_loop_turns(rig.loop) - turns, 200);
	ck_assert_uint_ge(rig.counters.accept_errors, 3);
	ck_assert_uint_le(rig.counters.accept_errors, 8);
	ck_assert_int_gt(read(pipe_fds[0], line, sizeof(line) - 1), 0);
	ck_assert_msg(strstr(line, "raise workers.nofile") != NULL, "%s", line);
	/* it recovers as soon as a connection ends */
	while (rig.connects < CLIENTS && closed < CLIENTS) {
		close(fds[closed++]);
		RIG_UNTIL(&rig, rig.closes == closed);
		RIG_UNTIL(&rig,
		    rig.connects >= 5 + closed || rig.connects == CLIENTS);
	}
	ck_assert_int_eq(rig.connects, CLIENTS);
	while (closed < CLIENTS)
		close(fds[closed++]);
	RIG_UNTIL(&rig, rig.closes == CLIENTS);
	rig_close(&rig);
}
END_TEST

START_TEST(connections_have_a_maximum)
{
	enum { CLIENTS = 10, MAX = 3 };
	struct rig rig = { .loop_options = { .max_connections = MAX } };
	int fds[CLIENTS], i;

	rig_open(&rig);
	for (i = 0; i < CLIENTS; i++)
		fds[i] = rig_connect(&rig);
	RIG_UNTIL(&rig, rig.connects == MAX);
	for (i = 0; i < CLIENTS; i++) {
		RIG_TURNS(&rig, 3);
		ck_assert_uint_le(sh_loop_connections(rig.loop), MAX);
		close(fds[i]);
		RIG_UNTIL(&rig, rig.closes == i + 1);
	}
	ck_assert_int_eq(rig.connects, CLIENTS);
	ck_assert_uint_eq(rig.counters.accept_errors, 0);
	rig_close(&rig);
}
END_TEST

static size_t
mean_of(void *arg)
{
	return *(size_t *)arg;
}

START_TEST(full_worker_yields_a_shared_socket)
{
	size_t mean = 0;
	struct rig rig = { .options = { .shared = true },
		.loop_options = {
		    .mean_connections = mean_of, .mean_arg = &mean } };
	int fds[20], i;

	rig_open(&rig);
	for (i = 0; i < 20; i++)
		fds[i] = rig_connect(&rig);
	RIG_UNTIL(&rig, rig.connects != 0);
	/* eight above the mean are luck, the ninth waits */
	ck_assert_int_eq(rig.connects, 9);
	/* but not for ever: nobody else may be able to take it */
	RIG_UNTIL(&rig, rig.connects == 20);
	for (i = 0; i < 20; i++)
		close(fds[i]);
	rig_close(&rig);
}
END_TEST

START_TEST(queued_connections_are_accepted_at_the_end)
{
	size_t mean = 0;
	struct rig rig = { .options = { .shared = true },
		.loop_options = {
		    .mean_connections = mean_of, .mean_arg = &mean } };
	int fds[100], i;

	rig_open(&rig);
	for (i = 0; i < 100; i++)
		fds[i] = rig_connect(&rig);
	sh_service_accept_queued(rig.service);
	ck_assert_int_eq(rig.connects, 100);
	sh_service_stop_accepting(rig.service);
	sh_service_stop_accepting(rig.service);
	sh_service_accept_queued(rig.service);
	ck_assert_uint_eq(sh_service_connections(rig.service), 100);
	for (i = 0; i < 100; i++)
		close(fds[i]);
	RIG_UNTIL(&rig, rig.closes == 100);
	rig_close(&rig);
}
END_TEST

START_TEST(paused_ones_leave_the_queue_alone)
{
	struct rig rig = { .echo = true };
	int fds[2], i, listen_fd;

	rig_open(&rig);
	/* not yet taken into the loop, and without a socket */
	for (i = 0; i < 2; i++) {
		sh_service_pause_accepting(rig.service);
		sh_service_pause_accepting(rig.service);
		fds[i] = rig_connect(&rig);
		RIG_TURNS(&rig, 5);
		ck_assert_int_eq(rig.connects, i);
		ck_assert(sh_service_resume_accepting(rig.service));
		ck_assert(sh_service_resume_accepting(rig.service));
		RIG_UNTIL(&rig, rig.connects == i + 1);
	}
	for (i = 0; i < 2; i++)
		close(fds[i]);
	RIG_UNTIL(&rig, rig.closes == 2);

	/* a pause does not keep the end from emptying it */
	sh_service_pause_accepting(rig.service);
	fds[0] = rig_connect(&rig);
	sh_service_accept_queued(rig.service);
	ck_assert_int_eq(rig.connects, 3);
	sh_service_stop_accepting(rig.service);
	sh_service_pause_accepting(rig.service);
	ck_assert(!sh_service_resume_accepting(rig.service));

	/* another socket in its place */
	listen_fd = sh_sock_bind(&rig.addr, false);
	ck_assert_int_ge(listen_fd, 0);
	ck_assert_int_eq(listen(listen_fd, 8), 0);
	ck_assert_int_eq(sh_service_listen(rig.service, listen_fd), 0);
	fds[1] = rig_connect(&rig);
	RIG_UNTIL(&rig, rig.connects == 4);
	for (i = 0; i < 2; i++)
		close(fds[i]);
	RIG_UNTIL(&rig, rig.closes == 4);
	rig_close(&rig);
}
END_TEST

START_TEST(full_worker_does_not_end_a_pause)
{
	struct rig rig = { .echo = true,
		.loop_options = { .max_connections = 1 } };
	int fds[2];

	rig_open(&rig);
	fds[0] = rig_connect_accepted(&rig);
	fds[1] = rig_connect(&rig);
	RIG_TURNS(&rig, 5);
	ck_assert_int_eq(rig.connects, 1);
	sh_service_pause_accepting(rig.service);
	/* room, which would wake it */
	close(fds[0]);
	RIG_UNTIL(&rig, sh_service_connections(rig.service) == 0);
	RIG_TURNS(&rig, 5);
	ck_assert_int_eq(rig.connects, 1);
	sh_service_resume_accepting(rig.service);
	RIG_UNTIL(&rig, rig.connects == 2);
	close(fds[1]);
	RIG_UNTIL(&rig, rig.closes == 2);
	rig_close(&rig);
}
END_TEST

SH_SUITE("session/listener", accepted_sockets_inherit_options,
    out_of_descriptors_does_not_spin, connections_have_a_maximum,
    full_worker_yields_a_shared_socket,
    queued_connections_are_accepted_at_the_end,
    paused_ones_leave_the_queue_alone, full_worker_does_not_end_a_pause)
