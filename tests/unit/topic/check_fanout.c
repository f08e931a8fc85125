/*
 * This file tests how messages come to the connections of a process: topic/fanout*.c
 * and trouble.c, with real connections of TCP.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/co.h>
#include <shoal/error.h>
#include <shoal/topic.h>

#include "../session/rig.h"
#include "base/buf.h"
#include "co/co.h"
#include "io/conn.h"
#include "io/shared.h"
#include "session/tcp.h"
#include "topic/carrier.h"
#include "topic/topics.h"

enum {
	MANY = 600,   /* more than are served in two steps */
	HIGH = 20000, /* bytes that may be queued */
	CHUNK = 10000,
	MUCH = 2 << 20 /* more than the kernel will ever take */
};

struct peer {
	int fd;
	struct shoal_conn *conn;
	struct sh_buf come;
};

static struct rig rig;
static struct sh_topics *topics;
static struct peer peers[MANY];
static size_t peer_count;

static void
open_marks(enum shoal_when_full when_full, size_t high, size_t low)
{
	rig = (struct rig){ .echo = true };
	rig.options.queue_high = high;
	rig.options.queue_low = low;
	rig.options.when_full = when_full;
	rig_open(&rig);
	topics = sh_topics_current();
	ck_assert_ptr_nonnull(topics);
	ck_assert_ptr_eq(sh_topics_current(), topics);
	peer_count = 0;
}

static void
open_rig(enum shoal_when_full when_full)
{
	open_marks(when_full, HIGH, HIGH / 2);
}

static struct peer *
add_peer(void)
{
	struct peer *peer = &peers[peer_count++];

	peer->fd = rig_connect_accepted(&rig);
	peer->conn = rig.conn;
	sh_buf_init(&peer->come, SIZE_MAX);
	return peer;
}

static void
close_peer(struct peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	sh_buf_fini(&peer->come);
}

static void
close_rig(void)
{
	size_t i;

	for (i = 0; i < peer_count; i++)
		close_peer(&peers[i]);
	RIG_UNTIL(&rig, sh_loop_connections(rig.loop) == 0);
	ck_assert_uint_eq(rig.counters.subscriptions, 0);
	sh_topics_close_current();
	rig_close(&rig);
}

static void
subscribe(const struct peer *peer, const char *filter)
{
	ck_assert_int_eq(shoal_conn_subscribe(peer->conn, filter, NULL), 0);
}

static int
publish_from(const struct peer *from, const char *topic, const char *text)
{
	struct shoal_publish_options options = { .size = sizeof(options) };

	if (from != NULL) {
		options.from = shoal_conn_id(from->conn);
		options.not_to_sender = true;
	}
	return shoal_publish(
	    topic, SHOAL_WS_TEXT, text, strlen(text), &options);
}

static void
publish(const char *topic, const char *text)
{
	ck_assert_int_eq(publish_from(NULL, topic, text), 0);
}

static void
read_peer(struct peer *peer)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(peer->fd, bytes, sizeof(bytes), 0)) > 0)
		sh_buf_add(&peer->come, bytes, (size_t)n);
}

/* What has come, and nothing else comes. */
static void
expect(struct peer *peer, const char *text)
{
	size_t len = strlen(text);

	RIG_UNTIL(&rig, (read_peer(peer), peer->come.len >= len));
	RIG_TURNS(&rig, 2);
	read_peer(peer);
	sh_buf_add(&peer->come, "", 1);
	ck_assert_str_eq(peer->come.data, text);
	sh_buf_fini(&peer->come);
}

static size_t
count_served(void)
{
	size_t i, n = 0;

	for (i = 0; i < peer_count; i++) {
		if (peers[i].fd < 0)
			continue;
		read_peer(&peers[i]);
		n += peers[i].come.len != 0;
	}
	return n;
}

/* --- who gets what ---------------------------------------------------------------- */

START_TEST(test_order)
{
	struct peer *a, *b;

	open_rig(SHOAL_FULL_CLOSE);
	a = add_peer();
	b = add_peer();
	publish("t", "before;");
	subscribe(a, "t");
	publish("t", "1;");
	subscribe(b, "t");
	publish("u", "other;");
	publish("t", "2;");
	publish("t", "3;");
	expect(a, "1;2;3;");
	expect(b, "2;3;");
	ck_assert_uint_eq(rig.counters.published, 5);
	ck_assert_uint_eq(rig.counters.delivered, 5);
	ck_assert_uint_eq(rig.counters.subscriptions, 2);
	ck_assert_int_eq(shoal_conn_unsubscribe(a->conn, "t"), 0);
	ck_assert_int_eq(shoal_conn_unsubscribe(a->conn, "t"), -SHOAL_ENOENT);
	publish("t", "4;");
	expect(b, "4;");
	expect(a, "");
	close_rig();
}
END_TEST

START_TEST(test_not_to_sender)
{
	struct peer *a, *b;

	open_rig(SHOAL_FULL_CLOSE);
	a = add_peer();
	b = add_peer();
	subscribe(a, "t");
	subscribe(b, "t");
	publish("t", "1");
	ck_assert_int_eq(publish_from(a, "t", "2"), 0);
	publish("t", "3");
	ck_assert_int_eq(publish_from(b, "t", "4"), 0);
	ck_assert_int_eq(publish_from(b, "t", "5"), 0);
	ck_assert_int_eq(publish_from(a, "t", "6"), 0);
	expect(a, "1345");
	expect(b, "1236");
	close_rig();
}
END_TEST

START_TEST(test_once_through_filters)
{
	struct peer *a, *b;

	open_rig(SHOAL_FULL_CLOSE);
	a = add_peer();
	b = add_peer();
	subscribe(a, "t/+");
	subscribe(a, "t/1");
	subscribe(b, "#");
	publish("t/1", "1");
	subscribe(b, "t/1");
	subscribe(a, "t/#");
	publish("t/1", "2");
	publish("t/2", "x");
	ck_assert_uint_eq(shoal_topic_local_count("t/1"), 2);
	ck_assert_uint_eq(shoal_topic_local_count("t/2"), 2);
	ck_assert_uint_eq(shoal_topic_local_count("t"), 2);
	ck_assert_uint_eq(shoal_topic_local_count("u"), 1);
	expect(a, "12x");
	expect(b, "12x");
	close_rig();
}
END_TEST

static void
note_member(uint64_t id, const char *name, void *arg)
{
	struct sh_buf *notes = arg;

	sh_buf_printf(notes, "%d%s;",
	    id == shoal_conn_id(peers[0].conn)       ? 0
		: id == shoal_conn_id(peers[1].conn) ? 1
						     : 9,
	    name);
}

START_TEST(test_members)
{
	struct shoal_subscribe_options options = { .size = sizeof(options) };
	struct sh_buf notes;

	open_rig(SHOAL_FULL_CLOSE);
	add_peer();
	add_peer();
	sh_buf_init(&notes, SIZE_MAX);
	subscribe(&peers[0], "t");
	subscribe(&peers[1], "#");
	options.member = "\xff";
	ck_assert_int_eq(
	    shoal_conn_subscribe(peers[0].conn, "+", &options), -SHOAL_EINVAL);
	options.member = "Ann";
	ck_assert_int_eq(shoal_conn_subscribe(peers[0].conn, "+", &options), 0);
	options.replay = 1;
	ck_assert_int_eq(shoal_conn_subscribe(peers[0].conn, "t/#", &options),
	    -SHOAL_EINVAL);
	sh_topics_each_member(topics, "t", note_member, &notes);
	sh_buf_add(&notes, "", 1);
	ck_assert_str_eq(notes.data, "0Ann;1;");
	sh_buf_fini(&notes);
	close_rig();
}
END_TEST

/* --- many ------------------------------------------------------------------------- */

static void
add_many(void)
{
	size_t i;

	for (i = 0; i < MANY; i++)
		subscribe(add_peer(), "t");
}

/* One step serves some; meanwhile others come and go, and one is served that asks
 * for something else. */
START_TEST(test_bounded_steps)
{
	struct peer *late = &peers[MANY - 1], *asks = &peers[MANY - 2];
	size_t i, n;

	open_rig(SHOAL_FULL_CLOSE);
	add_many();
	ck_assert_int_eq(shoal_conn_unsubscribe(late->conn, "t"), 0);
	ck_assert_int_eq(shoal_conn_unsubscribe(asks->conn, "t"), 0);
	publish("t", "x");
	RIG_TURNS(&rig, 1);
	n = count_served();
	ck_assert_uint_gt(n, 0);
	ck_assert_uint_lt(n, MANY / 2);
	/* of those that are still to be served */
	ck_assert_int_eq(shoal_conn_unsubscribe(peers[MANY / 2].conn, "t"), 0);
	close_peer(&peers[MANY / 2 + 1]);
	subscribe(late, "t");
	/* and of those that were */
	ck_assert_int_eq(shoal_conn_unsubscribe(peers[0].conn, "t"), 0);
	rig_write(asks->fd, "echo", 4);
	RIG_UNTIL(&rig, (read_peer(asks), asks->come.len == 4));
	ck_assert_uint_lt(count_served(), MANY - 3);
	publish("t", "y");
	RIG_UNTIL(&rig, count_served() >= MANY - 2);
	for (i = 1; i < MANY - 2; i++)
		if (i != MANY / 2 && i != MANY / 2 + 1)
			expect(&peers[i], "xy");
	expect(&peers[0], "x");
	expect(&peers[MANY / 2], "");
	expect(late, "y");
	close_rig();
}
END_TEST

/* Who was served through one filter, and has left it, is not served again through
 * another one. */
START_TEST(test_left_meanwhile)
{
	size_t i;

	open_rig(SHOAL_FULL_CLOSE);
	add_many();
	subscribe(&peers[0], "#");
	subscribe(&peers[MANY - 1], "#");
	publish("t", "x");
	RIG_TURNS(&rig, 1);
	ck_assert_uint_lt(count_served(), MANY);
	ck_assert_int_eq(shoal_conn_unsubscribe(peers[0].conn, "t"), 0);
	ck_assert_int_eq(shoal_conn_unsubscribe(peers[MANY - 1].conn, "t"), 0);
	RIG_UNTIL(&rig, count_served() == MANY);
	RIG_TURNS(&rig, 5);
	for (i = 0; i < MANY; i++)
		expect(&peers[i], "x");
	close_rig();
}
END_TEST

/* Who comes to a filter amid a message and leaves it again has not got it there. */
START_TEST(test_came_and_left_meanwhile)
{
	struct peer *last = &peers[MANY - 1];
	size_t i;

	open_rig(SHOAL_FULL_CLOSE);
	for (i = 0; i < MANY; i++)
		subscribe(add_peer(), "#");
	publish("t", "x");
	subscribe(last, "t");
	RIG_TURNS(&rig, 1);
	ck_assert_uint_lt(count_served(), MANY);
	ck_assert_int_eq(shoal_conn_unsubscribe(last->conn, "t"), 0);
	RIG_UNTIL(&rig, count_served() == MANY);
	expect(last, "x");
	close_rig();
}
END_TEST

/* A small topic does not wait for a large one. */
START_TEST(test_topics_take_turns)
{
	struct peer *other;

	open_rig(SHOAL_FULL_CLOSE);
	add_many();
	other = &peers[MANY - 1];
	ck_assert_int_eq(shoal_conn_unsubscribe(other->conn, "t"), 0);
	subscribe(other, "u");
	publish("t", "x");
	publish("u", "y");
	RIG_TURNS(&rig, 2);
	ck_assert_uint_lt(count_served(), MANY);
	read_peer(other);
	ck_assert_uint_eq(other->come.len, 1);
	RIG_UNTIL(&rig, count_served() == MANY);
	close_rig();
}
END_TEST

/* The end of all of it while messages are on their way. */
START_TEST(test_end_amid)
{
	open_rig(SHOAL_FULL_CLOSE);
	add_many();
	publish("t", "x");
	publish("t", "y");
	RIG_TURNS(&rig, 1);
	sh_topics_close_current();
	ck_assert_uint_eq(rig.counters.subscriptions, 0);
	RIG_TURNS(&rig, 3);
	ck_assert_uint_lt(count_served(), MANY);
	/* others may be made */
	subscribe(&peers[0], "t");
	publish("t", "z");
	expect(&peers[MANY - 1], "");
	close_rig();
}
END_TEST

/* --- rendering -------------------------------------------------------------------- */

static int rendered;
static char names_of_many[MANY][8];

static ssize_t
render(
    const struct shoal_topic_message *message, char *buf, size_t cap, void *arg)
{
	const char *name = arg;

	rendered++;
	if (message->event == SHOAL_TOPIC_GAP)
		return snprintf(buf, cap, "[%s gap %s]", name, message->topic);
	if (message->len == 1 && message->data[0] == '-')
		return 0;
	return snprintf(
	    buf, cap, "[%s %s %s]", name, message->topic, message->data);
}

static void
subscribe_rendered(struct peer *peer, const char *filter, const char *name)
{
	const struct shoal_subscribe_options options = {
		.size = sizeof(options),
		.render = render,
		.render_arg = (void *)(uintptr_t)name,
	};

	ck_assert_int_eq(shoal_conn_subscribe(peer->conn, filter, &options), 0);
}

START_TEST(test_rendered_once)
{
	static const char *const names[] = { "A", "B" };
	size_t i;

	open_rig(SHOAL_FULL_CLOSE);
	for (i = 0; i < 10; i++)
		subscribe_rendered(add_peer(), "t", names[i % 2]);
	subscribe(add_peer(), "t");
	rendered = 0;
	publish("t", "1");
	publish("t", "-");
	publish("t", "2");
	for (i = 0; i < 10; i++)
		expect(&peers[i],
		    i % 2 == 0 ? "[A t 1][A t 2]" : "[B t 1][B t 2]");
	expect(&peers[10], "1-2");
	ck_assert_int_eq(rendered, 6);
	ck_assert_uint_eq(rig.counters.delivered, 23);
	close_rig();
}
END_TEST

/* Longer than the room that it is offered first. */
START_TEST(test_rendered_long)
{
	static char text[5000];
	struct peer *peer;

	open_rig(SHOAL_FULL_CLOSE);
	peer = add_peer();
	subscribe_rendered(peer, "t", "A");
	memset(text, 'x', sizeof(text) - 1);
	rendered = 0;
	publish("t", text);
	RIG_UNTIL(&rig, (read_peer(peer), peer->come.len >= 5005));
	ck_assert_uint_eq(peer->come.len, 5005);
	ck_assert_int_eq(peer->come.data[5004], ']');
	ck_assert_int_eq(rendered, 2);
	close_rig();
}
END_TEST

static ssize_t
render_huge(
    const struct shoal_topic_message *message, char *buf, size_t cap, void *arg)
{
	if (message->event == SHOAL_TOPIC_MESSAGE && message->data[0] == 'h')
		return (ssize_t)1 << 30;
	return render(message, buf, cap, arg);
}

/* What there is no room to render is lost, and that is told. */
START_TEST(test_rendered_huge)
{
	static char name[] = "A";
	const struct shoal_subscribe_options options = {
		.size = sizeof(options),
		.render = render_huge,
		.render_arg = name,
	};
	struct peer *peer;

	open_rig(SHOAL_FULL_CLOSE);
	peer = add_peer();
	ck_assert_int_eq(shoal_conn_subscribe(peer->conn, "t", &options), 0);
	publish("t", "1");
	RIG_TURNS(&rig, 2);
	publish("t", "huge");
	RIG_TURNS(&rig, 2);
	publish("t", "2");
	expect(peer, "[A t 1][A gap t][A t 2]");
	close_rig();
}
END_TEST

/* What one alone is sent does not wait until all others have theirs. */
START_TEST(test_rendered_for_each)
{
	static char text[CHUNK];
	size_t i;

	open_rig(SHOAL_FULL_CLOSE);
	for (i = 0; i < MANY; i++) {
		struct peer *peer = add_peer();

		snprintf(names_of_many[i], sizeof(names_of_many[i]), "%zu", i);
		subscribe_rendered(peer, "t", names_of_many[i]);
	}
	memset(text, 'x', sizeof(text) - 1);
	publish("t", text);
	RIG_TURNS(&rig, 1);
	ck_assert_uint_lt(count_served(), MANY);
	ck_assert_uint_lt(sh_shared_memory(), 4 * CHUNK);
	RIG_UNTIL(&rig, count_served() == MANY);
	close_rig();
}
END_TEST

static ssize_t
end_all(
    const struct shoal_topic_message *message, char *buf, size_t cap, void *arg)
{
	size_t i;

	for (i = 0; i < peer_count; i++)
		(void)shoal_conn_unsubscribe(peers[i].conn, "t");
	return snprintf(buf, cap, "never");
}

/* A function that ends all subscriptions, its own too. */
START_TEST(test_render_ends_all)
{
	struct shoal_subscribe_options options = { .size = sizeof(options) };

	open_rig(SHOAL_FULL_CLOSE);
	subscribe(add_peer(), "t");
	options.render = end_all;
	ck_assert_int_eq(
	    shoal_conn_subscribe(add_peer()->conn, "t", &options), 0);
	ck_assert_int_eq(
	    shoal_conn_subscribe(add_peer()->conn, "t", &options), 0);
	publish("t", "x");
	expect(&peers[0], "x");
	expect(&peers[1], "");
	expect(&peers[2], "");
	ck_assert_uint_eq(rig.counters.subscriptions, 0);
	close_rig();
}
END_TEST

/* --- peers that do not read -------------------------------------------------------- */

static size_t
queued(const struct peer *peer)
{
	return shoal_conn_queued(peer->conn);
}

/* Let the kernel take less. */
static void
shrink(const struct peer *peer)
{
	int size = 64 * 1024;

	setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(sh_conn_fd(sh_conn_of_public(peer->conn)), SOL_SOCKET,
	    SO_SNDBUF, &size, sizeof(size));
}

/* By what its handler sends. */
static void
fill(struct peer *peer)
{
	static char much[MUCH];

	memset(much, '.', sizeof(much));
	shrink(peer);
	ck_assert_int_eq(shoal_conn_send(peer->conn, much, sizeof(much)), 0);
	RIG_TURNS(&rig, 2);
	ck_assert_uint_ge(queued(peer), HIGH);
}

/* All that comes, without the filling. */
static void
expect_text(struct peer *peer, const char *text)
{
	size_t i, n = 0;

	RIG_UNTIL(&rig, (read_peer(peer), queued(peer) == 0));
	RIG_TURNS(&rig, 3);
	read_peer(peer);
	for (i = 0; i < peer->come.len; i++)
		if (peer->come.data[i] != '.')
			peer->come.data[n++] = peer->come.data[i];
	peer->come.len = n;
	sh_buf_add(&peer->come, "", 1);
	ck_assert_str_eq(peer->come.data, text);
	sh_buf_fini(&peer->come);
}

START_TEST(test_gap_is_told)
{
	struct peer *slow, *fast;

	open_rig(SHOAL_FULL_DROP_NEW);
	slow = add_peer();
	fast = add_peer();
	subscribe_rendered(slow, "t", "s");
	subscribe_rendered(slow, "#", "s");
	subscribe_rendered(fast, "t", "f");
	publish("t", "1");
	RIG_TURNS(&rig, 2);
	fill(slow);
	publish("t", "2");
	publish("t", "3");
	expect(fast, "[f t 1][f t 2][f t 3]");
	/* one for each filter, though nothing else is published */
	expect_text(slow, "[s t 1][s gap t][s gap #]");
	publish("t", "4");
	expect(slow, "[s t 4]");
	ck_assert_uint_eq(rig.counters.gaps, 2);
	close_rig();
}
END_TEST

/* Before a message that finds room, though the low-water mark is far. */
START_TEST(test_gap_comes_before)
{
	static char some[CHUNK];
	struct peer *slow;

	open_marks(SHOAL_FULL_DROP_NEW, MUCH / 2, 1000);
	slow = add_peer();
	subscribe_rendered(slow, "t", "s");
	fill(slow);
	publish("t", "1");
	RIG_TURNS(&rig, 2);
	RIG_UNTIL(&rig,
	    ((void)recv(slow->fd, some, sizeof(some), 0),
		queued(slow) < MUCH / 2));
	ck_assert_uint_gt(queued(slow), 1000);
	publish("t", "2");
	expect_text(slow, "[s gap t][s t 2]");
	close_rig();
}
END_TEST

/* That others have lost is told when there is room, though nothing more comes. */
START_TEST(test_gap_of_others)
{
	const struct sh_carrier_events *events;
	struct peer *slow;

	open_rig(SHOAL_FULL_CLOSE);
	slow = add_peer();
	subscribe_rendered(slow, "t", "s");
	fill(slow);
	events = &sh_topics_carrier(topics)->events;
	events->lost("t", events->arg);
	RIG_TURNS(&rig, 2);
	expect_text(slow, "[s gap t]");
	close_rig();
}
END_TEST

/* Between what came before and what comes after, whichever topic that was of. */
START_TEST(test_gap_is_where_it_was)
{
	const struct sh_carrier_events *events;
	struct peer *peer, *late;

	open_rig(SHOAL_FULL_CLOSE);
	peer = add_peer();
	late = add_peer();
	subscribe_rendered(peer, "t", "s");
	subscribe_rendered(peer, "+/all", "s");
	events = &sh_topics_carrier(topics)->events;
	publish("t", "1");
	publish("u/all", "1");
	events->lost(NULL, events->arg);
	subscribe_rendered(late, "t", "l");
	publish("t", "2");
	publish("v/all", "2");
	publish("u/all", "2");
	events->lost("t", events->arg);
	publish("t", "3");
	publish("u/all", "3");
	events->lost("nobody/here", events->arg);
	publish("t", "4");
	/* the order of topics is nobody's matter */
	expect(peer,
	    "[s t 1][s u/all 1][s gap +/all][s v/all 2][s gap t][s t 2]"
	    "[s u/all 2][s gap t][s t 3][s u/all 3][s t 4]");
	expect(late, "[l t 2][l gap t][l t 3][l t 4]");
	/* one that nothing comes behind */
	publish("t", "5");
	events->lost("t", events->arg);
	expect(peer, "[s t 5][s gap t]");
	expect(late, "[l t 5][l gap t]");
	/* the end comes before */
	publish("t", "6");
	events->lost("t", events->arg);
	publish("t", "7");
	close_rig();
}
END_TEST

/* The latest message is not replaced by what tells that others were, nor left out
 * for it. */
START_TEST(test_latest_with_gaps)
{
	static char some[CHUNK / 2 + 1];
	struct peer *slow;

	open_marks(SHOAL_FULL_CONFLATE, HIGH, 1);
	slow = add_peer();
	subscribe(slow, "filling");
	subscribe_rendered(slow, "t", "s");
	shrink(slow);
	memset(some, '.', CHUNK / 2);
	while (rig.counters.messages_dropped == 0) {
		publish("filling", some);
		RIG_TURNS(&rig, 1);
	}
	publish("t", "1");
	RIG_TURNS(&rig, 2);
	publish("t", "2");
	RIG_TURNS(&rig, 2);
	publish("t", "3");
	RIG_TURNS(&rig, 2);
	/* all but the last ones have been replaced; of the 3rd it is told too */
	expect_text(slow, "[s t 3][s gap t]");
	close_rig();
}
END_TEST

/* Nobody would be told, so nothing waits to be. */
START_TEST(test_gap_of_plain)
{
	struct peer *slow;

	open_rig(SHOAL_FULL_DROP_NEW);
	slow = add_peer();
	subscribe(slow, "t");
	fill(slow);
	publish("t", "1");
	expect_text(slow, "");
	publish("t", "2");
	expect(slow, "2");
	ck_assert_uint_eq(rig.counters.gaps, 1);
	close_rig();
}
END_TEST

START_TEST(test_closed_when_full)
{
	struct peer *slow, *fast;

	open_rig(SHOAL_FULL_CLOSE);
	slow = add_peer();
	fast = add_peer();
	subscribe(slow, "t");
	subscribe(slow, "u");
	subscribe(fast, "t");
	fill(slow);
	publish("t", "1");
	expect(fast, "1");
	RIG_UNTIL(&rig, (read_peer(slow), rig.counters.subscriptions == 1));
	close_rig();
}
END_TEST

/* --- publishers that wait ----------------------------------------------------------- */

static struct sh_buf line;

struct waiting {
	const char *text;
	int timeout_ms, result;
	bool done;
};

static void
publish_in_line(void *arg)
{
	struct waiting *waiting = arg;

	waiting->result = shoal_co_publish("t", SHOAL_WS_TEXT, waiting->text,
	    strlen(waiting->text), NULL, waiting->timeout_ms);
	waiting->done = true;
	sh_buf_printf(&line, "%s", waiting->text);
}

static int64_t
start(struct waiting *waiting)
{
	return sh_co_start(sh_loop_coroutines(rig.loop), publish_in_line,
	    waiting, "publisher");
}

START_TEST(test_pause)
{
	struct waiting a = { "a", SHOAL_FOREVER, 1, false };
	struct waiting b = { "b", SHOAL_FOREVER, 1, false };
	struct waiting late = { "late", 1, 1, false };
	struct waiting cancelled = { "cancelled", SHOAL_FOREVER, 1, false };
	struct peer *slow;

	open_rig(SHOAL_FULL_PAUSE);
	sh_buf_init(&line, SIZE_MAX);
	slow = add_peer();
	subscribe(slow, "t");
	fill(slow);
	publish("t", "1");
	RIG_TURNS(&rig, 2);
	/* it has the message, and no other may come */
	ck_assert_int_eq(publish_from(NULL, "t", "no"), -SHOAL_EAGAIN);
	publish("u", "other topics go on");
	start(&a);
	ck_assert_int_eq(shoal_co_cancel(start(&cancelled)), 0);
	start(&late);
	start(&b);
	RIG_UNTIL(&rig, late.done && cancelled.done);
	ck_assert_int_eq(late.result, -SHOAL_ETIMEDOUT);
	ck_assert_int_eq(cancelled.result, -SHOAL_ECANCELED);
	ck_assert(!a.done && !b.done);
	/* nobody overtakes those who wait, not even when there is room */
	while (!b.done) {
		ck_assert_int_eq(publish_from(NULL, "t", "no"), -SHOAL_EAGAIN);
		read_peer(slow);
		RIG_TURNS(&rig, 1);
	}
	ck_assert_int_eq(a.result, 0);
	ck_assert_int_eq(b.result, 0);
	expect_text(slow, "1ab");
	publish("t", "2");
	expect(slow, "2");
	sh_buf_fini(&line);
	close_rig();
}
END_TEST

/* One that has gone keeps nobody waiting. */
START_TEST(test_pause_ends_with_peer)
{
	struct waiting a = { "a", SHOAL_FOREVER, 1, false };
	struct peer *slow;

	open_rig(SHOAL_FULL_PAUSE);
	sh_buf_init(&line, SIZE_MAX);
	slow = add_peer();
	subscribe(slow, "t");
	fill(slow);
	publish("t", "1");
	RIG_TURNS(&rig, 2);
	start(&a);
	RIG_TURNS(&rig, 2);
	ck_assert(!a.done);
	rig_reset(slow->fd);
	slow->fd = -1;
	RIG_UNTIL(&rig, a.done);
	ck_assert_int_eq(a.result, 0);
	sh_buf_fini(&line);
	close_rig();
}
END_TEST

START_TEST(test_behind)
{
	static char large[2 << 20];
	struct waiting a = { "a", SHOAL_FOREVER, 1, false };
	struct peer *peer;
	int n = 0;

	open_rig(SHOAL_FULL_CLOSE);
	sh_buf_init(&line, SIZE_MAX);
	peer = add_peer();
	subscribe(peer, "t");
	/* all of them before anything is sent */
	while (shoal_publish(
		   "t", SHOAL_WS_BINARY, large, sizeof(large), NULL) == 0)
		n++;
	ck_assert_int_eq(n, 4);
	ck_assert_int_eq(
	    shoal_publish("t", SHOAL_WS_BINARY, large, sizeof(large) + 1, NULL),
	    -SHOAL_EAGAIN);
	start(&a);
	ck_assert(!a.done);
	RIG_UNTIL(&rig, a.done);
	ck_assert_int_eq(a.result, 0);
	ck_assert_int_eq(
	    shoal_publish("u", SHOAL_WS_BINARY, large, sizeof(large) + 1, NULL),
	    -SHOAL_EMSGSIZE);
	sh_buf_fini(&line);
	close_rig();
}
END_TEST

/* --- listeners of shoal's own --------------------------------------------------------- */

struct heard {
	struct sh_topic_listener *listener;
	int calls;
	bool again;
};

static void
hear(const struct sh_publication *publication, void *arg)
{
	struct heard *heard = arg;

	heard->calls++;
	if (heard->again) {
		heard->again = false;
		sh_topics_tell(topics, "$x", "y", 1);
	} else {
		sh_topics_unlisten(&heard->listener);
	}
}

START_TEST(test_listeners)
{
	struct heard once = { 0 }, twice = { .again = true }, other = { 0 };
	struct peer *peer;

	open_rig(SHOAL_FULL_CLOSE);
	peer = add_peer();
	subscribe(peer, "#");
	once.listener = sh_topics_listen(topics, "$x", hear, &once);
	twice.listener = sh_topics_listen(topics, "$x", hear, &twice);
	other.listener = sh_topics_listen(topics, "plain", hear, &other);
	ck_assert_int_eq(sh_topics_tell(topics, "$x", "1", 1), 0);
	/* not from within */
	ck_assert_int_eq(once.calls, 0);
	RIG_TURNS(&rig, 1);
	ck_assert_int_eq(once.calls, 1);
	RIG_TURNS(&rig, 2);
	ck_assert_int_eq(once.calls, 1);
	ck_assert_int_eq(twice.calls, 2);
	ck_assert_ptr_null(twice.listener);
	publish("plain", "p");
	expect(peer, "p");
	ck_assert_int_eq(other.calls, 1);
	twice.listener = sh_topics_listen(topics, "$x", hear, &twice);
	/* one that outlives the topics */
	sh_topics_close_current();
	sh_topics_unlisten(&twice.listener);
	close_rig();
}
END_TEST

SH_SUITE("topic/fanout", test_order, test_not_to_sender,
    test_once_through_filters, test_members, test_bounded_steps,
    test_left_meanwhile, test_came_and_left_meanwhile, test_topics_take_turns,
    test_end_amid, test_rendered_once, test_rendered_long, test_rendered_huge,
    test_rendered_for_each, test_render_ends_all, test_gap_is_told,
    test_gap_comes_before, test_gap_of_others, test_gap_is_where_it_was,
    test_latest_with_gaps, test_gap_of_plain, test_closed_when_full, test_pause,
    test_pause_ends_with_peer, test_behind, test_listeners)
