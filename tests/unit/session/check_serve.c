/* This file tests who is served when: io/conn_event.c, session/tcp.c. */
#include "config.h"

#include <sys/socket.h>
#include <unistd.h>

#include "co/co.h"
#include "io/timer.h"
#include "rig.h"

START_TEST(pause_and_resume_keep_all_bytes)
{
	struct rig rig = { 0 };
	int fd, i;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	for (i = 0; i < 20; i++) {
		shoal_conn_pause(rig.conn);
		shoal_conn_pause(rig.conn);
		rig_write(fd, "0123456789", 10);
		RIG_TURNS(&rig, 2);
		ck_assert_uint_eq(rig.bytes, (size_t)i * 10);
		shoal_conn_resume(rig.conn);
		shoal_conn_resume(rig.conn);
		RIG_UNTIL(&rig, rig.bytes == (size_t)(i + 1) * 10);
	}
	close(fd);
	rig_close(&rig);
}
END_TEST

/* Pause in the callback; go on a little later. */
static void
go_on(void *arg)
{
	shoal_conn_resume(((struct rig *)arg)->conn);
}

static void
pause_each_time(
    struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct rig *rig = arg;

	rig->conn = conn;
	rig->bytes += len;
	rig->receives++;
	/* nothing more is delivered before go_on() */
	if (shoal_conn_is_paused(conn))
		rig->error++;
	shoal_conn_pause(conn);
	sh_timer_start(rig->loop, 0, 0, go_on, rig);
}

static const struct shoal_tcp_callbacks pausing = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_receive = pause_each_time,
};

START_TEST(pause_inside_the_callback_stops_at_once)
{
	struct rig rig = { .options = { .callbacks = &pausing } };
	static char block[500000];
	int fd;

	rig_open(&rig);
	fd = rig_connect(&rig);
	rig_write(fd, block, sizeof(block));
	shutdown(fd, SHUT_WR);
	RIG_UNTIL(&rig, rig.counters.closed == 1);
	ck_assert_uint_eq(rig.bytes, sizeof(block));
	ck_assert_int_eq(rig.error, 0);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(a_stream_does_not_starve_others)
{
	enum { QUIET = 100 };
	struct rig rig = { .echo = false };
	static char block[1024 * 1024];
	size_t streamed;
	int stream, fds[QUIET], i, receives;

	rig_open(&rig);
	stream = rig_connect_accepted(&rig);
	for (i = 0; i < QUIET; i++)
		fds[i] = rig_connect_accepted(&rig);
	ck_assert_int_gt(write(stream, block, sizeof(block)), 0);
	RIG_UNTIL(&rig, rig.bytes > 0);
	for (i = 0; i < QUIET; i++)
		rig_write(fds[i], "x", 1);
	(void)!write(stream, block, sizeof(block));
	streamed = rig.bytes;
	receives = rig.receives;
	/* a few turns serve all, with 128 KiB a turn for the stream: epoll
	 * tells of 32 descriptors at first and doubles that */
	RIG_TURNS(&rig, 5);
	ck_assert_int_ge(rig.receives - receives, QUIET);
	ck_assert_uint_le(rig.bytes - streamed, 6 * 131072 + QUIET);
	for (i = 0; i < QUIET; i++)
		close(fds[i]);
	close(stream);
	RIG_UNTIL(&rig, rig.closes == QUIET + 1);
	rig_close(&rig);
}
END_TEST

START_TEST(callbacks_run_on_coroutines)
{
	struct rig rig = { .echo = true };
	size_t total = 0;
	int fd, error;

	rig_open(&rig);
	fd = rig_connect(&rig);
	rig_write(fd, "x", 1);
	RIG_UNTIL(&rig, (rig_read(fd, &total, &error), total == 1));
	ck_assert_ptr_null(sh_co_running_name());
	close(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_int_eq(rig.connects, 1);
	ck_assert_uint_eq(rig.counters.bytes_received, 1);
	ck_assert_uint_eq(rig.counters.bytes_sent, 1);
	ck_assert_uint_eq(rig.counters.messages_received, 1);
	rig_close(&rig);
}
END_TEST

/* Each message goes to all others too. */
struct room {
	struct rig rig;
	struct shoal_conn *members[64];
	int count;
	bool bad;
};

static void
join(struct shoal_conn *conn, void *arg)
{
	struct room *room = arg;

	room->members[room->count++] = conn;
}

static void
say(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct room *room = arg;
	int i;

	for (i = 0; i < room->count; i++)
		room->bad |= shoal_conn_send(room->members[i], data, len) != 0;
}

static void
leave(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	struct room *room = arg;
	int i;

	for (i = 0; room->members[i] != conn; i++)
		continue;
	room->members[i] = room->members[--room->count];
	/* the others hear of it, inside of the end of one */
	for (i = 0; i < room->count; i++)
		shoal_conn_send(room->members[i], "!", 1);
}

static const struct shoal_tcp_callbacks talking = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_connect = join,
	.on_receive = say,
	.on_close = leave,
};

START_TEST(sends_to_others_leave_in_the_same_turn)
{
	enum { MEMBERS = 50 };
	struct room room = { .rig.options = { .callbacks = &talking } };
	size_t totals[MEMBERS] = { 0 };
	int fds[MEMBERS], i, error;

	room.rig.options.arg = &room;
	rig_open(&room.rig);
	for (i = 0; i < MEMBERS; i++)
		fds[i] = rig_connect_accepted(&room.rig);
	rig_write(fds[0], "hello", 5);
	RIG_UNTIL(&room.rig, room.rig.counters.bytes_received == 5);
	for (i = 0; i < MEMBERS; i++) {
		rig_read(fds[i], &totals[i], &error);
		ck_assert_uint_eq(totals[i], 5);
	}
	close(fds[0]);
	RIG_UNTIL(&room.rig, room.count == MEMBERS - 1);
	for (i = 1; i < MEMBERS; i++) {
		rig_read(fds[i], &totals[i], &error);
		ck_assert_uint_eq(totals[i], 6);
		close(fds[i]);
	}
	ck_assert(!room.bad);
	rig_close(&room.rig);
}
END_TEST

/* Every connection aborts another one, in all callbacks. */
static void
abort_next(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct room *room = arg;
	int i;

	for (i = 0; i < room->count; i++)
		if (room->members[i] != conn)
			shoal_conn_abort(room->members[i]);
}

static const struct shoal_tcp_callbacks fighting = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_connect = join,
	.on_receive = abort_next,
	.on_close = leave,
};

START_TEST(freed_connections_are_not_served)
{
	enum { MEMBERS = 60 };
	struct room room = { .rig.options = { .callbacks = &fighting } };
	int fds[MEMBERS], i;

	room.rig.options.arg = &room;
	rig_open(&room.rig);
	for (i = 0; i < MEMBERS; i++)
		fds[i] = rig_connect_accepted(&room.rig);
	/* all have an event in the same turn; the first one ends the others */
	for (i = 0; i < MEMBERS; i++)
		rig_write(fds[i], "x", 1);
	RIG_UNTIL(&room.rig, room.count == 1);
	for (i = 0; i < MEMBERS; i++)
		close(fds[i]);
	RIG_UNTIL(&room.rig, room.count == 0);
	rig_close(&room.rig);
}
END_TEST

SH_SUITE("session/serve", pause_and_resume_keep_all_bytes,
    pause_inside_the_callback_stops_at_once, a_stream_does_not_starve_others,
    callbacks_run_on_coroutines, sends_to_others_leave_in_the_same_turn,
    freed_connections_are_not_served)
