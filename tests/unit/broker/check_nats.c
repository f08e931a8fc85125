/* The carrier through NATS, with a real nats-server; without one, it is skipped. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/error.h>
#include <shoal/ws.h>

#include "base/clock.h"
#include "base/counters.h"
#include "io/loop.h"
#include "support/suite.h"
#include "broker/broker.h"
#include "topic/carrier.h"
#include "topic/keep.h"
#include "topic/publication.h"
#include "unit/broker/nats_sides.h"

/* --- live messages ------------------------------------------------------------ */

START_TEST(test_once_and_in_order)
{
	struct side a, b;
	char text[16];
	int i;

	begin(false);
	make_loop();
	open_side(&a, "shoal.", 16 << 20);
	open_side(&b, "shoal", 16 << 20);
	want(&b, "chat/42");
	want(&b, "chat/#");
	want(&b, "chat/+");
	want(&b, "+/42");
	want(&a, "chat/42");
	UNTIL(is_settled(&a) && is_settled(&b));
	ck_assert_int_ge(b.settled, 1);
	UNTIL(a.carrier->ops->peers(a.carrier) == 2);
	UNTIL(b.carrier->ops->peers(b.carrier) == 2);
	for (i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		publish(&a, "chat/42", text, false);
	}
	UNTIL(a.count == 10000 && b.count == 10000);
	for (i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "chat/42=%d", i);
		ck_assert_str_eq(a.lines[i], text);
		ck_assert_str_eq(b.lines[i], text);
	}
	ck_assert_int_eq(a.lost + b.lost, 0);
	close_side(&a);
	UNTIL(b.carrier->ops->peers(b.carrier) == 1);
	close_side(&b);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(test_filters)
{
	static const char *const topics[] = { "a", "a/b", "a/b/c", "$x/b",
		"a.b/*", "\303\274/ >" };
	struct side a;
	size_t i;

	begin(false);
	make_loop();
	open_side(&a, "", 1 << 20);
	want(&a, "a/#");
	want(&a, "$x/b");
	want(&a, "a.b/*");
	want(&a, "\303\274/+");
	want(&a, "a/+");
	a.carrier->ops->unwant(a.carrier, "a/+");
	a.carrier->ops->unwant(a.carrier, "never");
	UNTIL(is_settled(&a));
	for (i = 0; i < 6; i++)
		publish(&a, topics[i], "x", false);
	UNTIL(a.count == 6);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(
		    strncmp(a.lines[i], topics[i], strlen(topics[i])), 0);
	a.carrier->ops->unwant(a.carrier, "a/#");
	publish(&a, "a/b", "y", false);
	publish(&a, "$x/b", "y", false);
	UNTIL(a.count == 7);
	ck_assert_str_eq(a.lines[6], "$x/b=y");
	close_side(&a);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(test_too_large_and_full)
{
	static char data[2 << 20];
	struct side a;
	int i, r = 0;

	memset(data, 'x', sizeof(data));
	begin(false);
	make_loop();
	open_side(&a, "p", 1 << 20);
	want(&a, "t");
	UNTIL(is_settled(&a));
	ck_assert_int_eq(
	    try_publish(&a, "t", data, sizeof(data), false), -SHOAL_EMSGSIZE);
	kill(server, SIGSTOP);
	for (i = 0; i < 1000 && r == 0; i++)
		r = try_publish(&a, "t", data, 500000, false);
	ck_assert_int_eq(r, -SHOAL_EAGAIN);
	kill(server, SIGCONT);
	UNTIL(a.rooms != 0);
	/* more than the bound may have come at once: then that is told */
	drain(&a, &a);
	ck_assert(a.count >= (size_t)i || a.lost > 0);
	close_side(&a);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(test_inbox_is_bounded)
{
	struct side a, b;
	static char data[10000];
	int i, round;

	memset(data, 'x', sizeof(data));
	begin(false);
	make_loop();
	open_side(&a, "p", 64 << 20);
	open_side(&b, "p", 100000);
	want(&b, "t");
	UNTIL(is_settled(&a) && is_settled(&b));
	/* a's sender and libnats' threads go on while this loop takes no turns:
	 * longer and longer, until they were quick enough */
	for (round = 0; b.lost == 0; round++) {
		ck_assert_int_lt(round, 8);
		b.count = 0;
		for (i = 0; i < 1000; i++)
			ck_assert_int_eq(
			    try_publish(&a, "t", data, sizeof(data), false), 0);
		usleep(10000U << round);
		publish(&a, "t", "end", false);
		UNTIL(
		    b.count > 0 && strcmp(b.lines[b.count - 1], "t=end") == 0);
	}
	ck_assert_uint_lt(b.count, 1001);
	close_side(&a);
	close_side(&b);
	sh_loop_free(&loop);
}
END_TEST

/* --- a server that goes ---------------------------------------------------------- */

START_TEST(test_restart)
{
	struct side a, b;
	int i;

	begin(false);
	make_loop();
	open_side(&a, "p", 1 << 20);
	open_side(&b, "p", 1 << 20);
	want(&b, "t/#");
	UNTIL(is_settled(&a) && is_settled(&b));
	for (i = 1; i <= 3; i++) {
		stop_server(SIGKILL);
		UNTIL(try_publish(&a, "t", "no", 2, false) == -SHOAL_ENOTCONN);
		UNTIL(!is_settled(&b));
		start_server(false);
		UNTIL(is_settled(&a) && is_settled(&b));
		ck_assert_int_ge(b.lost, i);
		b.count = 0;
		publish(&a, "t/x", "again", false);
		UNTIL(b.count > 0 &&
		    strcmp(b.lines[b.count - 1], "t/x=again") == 0);
	}
	close_side(&a);
	close_side(&b);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(test_server_comes_late)
{
	struct side a;
	int64_t before;

	begin(true);
	stop_server(SIGTERM);
	make_loop();
	keep("k", 3);
	open_side(&a, "p", 1 << 20);
	want(&a, "t");
	UNTIL(try_publish(&a, "t", "no", 2, false) == -SHOAL_ENOTCONN);
	ck_assert_int_eq(try_publish(&a, "k", "no", 2, true), -SHOAL_ENOTCONN);
	replay(&a, "k", 0, 0, SIZE_MAX);
	ck_assert_int_eq(a.result, -SHOAL_ENOTCONN);
	start_server(true);
	UNTIL(is_settled(&a));
	publish(&a, "t", "yes", false);
	UNTIL(a.count > 0 && strcmp(a.lines[a.count - 1], "t=yes") == 0);
	stop_server(SIGKILL);
	UNTIL(!is_settled(&a));
	before = sh_clock_ms();
	close_side(&a);
	ck_assert_int_lt(sh_clock_ms() - before, PATIENCE_MS);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(test_wrong_password)
{
	struct side a;
	int before;

	password = "other";
	begin(false);
	make_loop();
	open_side(&a, "p", 1 << 20);
	want(&a, "t");
	UNTIL(try_publish(&a, "t", "no", 2, false) == -SHOAL_ENOTCONN);
	/* libnats gives up after the second time, the carrier does not */
	UNTIL(refusals() >= 3);
	stop_server(SIGKILL);
	password = "secret";
	start_server(false);
	UNTIL(is_settled(&a));
	publish(&a, "t", "yes", false);
	UNTIL(a.count > 0 && strcmp(a.lines[a.count - 1], "t=yes") == 0);
	stop_server(SIGKILL);
	password = "third";
	UNTIL(!is_settled(&a));
	before = refusals();
	start_server(false);
	UNTIL(refusals() >= before + 3);
	stop_server(SIGKILL);
	password = "secret";
	start_server(false);
	UNTIL(is_settled(&a));
	ck_assert_int_ge(a.lost, 1);
	a.count = 0;
	publish(&a, "t", "yes", false);
	UNTIL(a.count > 0 && strcmp(a.lines[a.count - 1], "t=yes") == 0);
	close_side(&a);
	sh_loop_free(&loop);
}
END_TEST

/* Sanitizers keep what was freed. */
#ifdef SH_SANITIZE
enum { GROWTH_MAX = 64 << 20 };
#else
enum { GROWTH_MAX = 4 << 20 };
#endif

/* Bytes of memory of this process. */
static size_t
resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t pages = 0;

	ck_assert_int_eq(fscanf(file, "%*u %zu", &pages), 1);
	fclose(file);
	return pages * 4096;
}

static int
count_threads(void)
{
	DIR *list = opendir("/proc/self/task");
	int n = 0;

	while (readdir(list) != NULL)
		n++;
	closedir(list);
	return n - 2;
}

START_TEST(test_many_restarts)
{
	size_t before = 0;
	struct side a;
	int i, threads = 0;

	begin(true);
	make_loop();
	keep("k", 3);
	open_side(&a, "p", 1 << 20);
	want(&a, "t/#");
	for (i = 0; i < 120; i++) {
		UNTIL(is_settled(&a));
		if (i == 20) {
			before = resident();
			threads = count_threads();
		}
		stop_server(SIGKILL);
		UNTIL(!is_settled(&a));
		start_server(i % 2 == 0);
	}
	UNTIL(is_settled(&a));
	ck_assert_int_eq(a.lost, 120);
	ck_assert_int_le(count_threads(), threads + 3);
	ck_assert_uint_lt(resident(), before + GROWTH_MAX);
	close_side(&a);
	sh_loop_free(&loop);
}
END_TEST

/* --- history ---------------------------------------------------------------------- */

START_TEST(test_history)
{
	struct side a, b;
	uint64_t epoch, third;
	char text[16];
	int i;

	begin(true);
	make_loop();
	keep("chat/#", 5);
	open_side(&a, "p", 1 << 20);
	open_side(&b, "p", 1 << 20);
	want(&b, "chat/1");
	want(&b, "#");
	UNTIL(is_settled(&a) && is_settled(&b));
	replay(&b, "chat/1", 0, 0, SIZE_MAX);
	ck_assert_int_eq(b.result, 0);
	ck_assert_uint_eq(b.count, 0);
	ck_assert(!b.gap);
	epoch = b.epoch;
	ck_assert_uint_ne(epoch, 0);
	for (i = 1; i <= 8; i++) {
		snprintf(text, sizeof(text), "%d", i);
		publish(&a, "chat/1", text, true);
		publish(&a, "chat/2", "other", true);
		publish(&a, "live", "unkept", false);
	}
	b.count = 0;
	UNTIL(b.count == 24);
	for (i = 0, third = 0; i < 24; i++)
		if (strcmp(b.lines[i], "chat/1=3") == 0)
			third++;
	ck_assert_uint_eq(third, 1);
	ck_assert_uint_eq(b.epoch, epoch);

	replay(&b, "chat/1", 0, 0, SIZE_MAX);
	ck_assert_int_eq(b.result, 0);
	ck_assert_uint_eq(b.count, 5);
	ck_assert_str_eq(b.lines[0], "chat/1=4");
	ck_assert_str_eq(b.lines[4], "chat/1=8");
	ck_assert(!b.gap);
	replay(&b, "chat/1", 0, 0, 2);
	ck_assert_uint_eq(b.count, 2);
	ck_assert_str_eq(b.lines[0], "chat/1=7");
	replay(&b, "chat/1", 0, 0, 1);
	ck_assert_uint_eq(b.count, 1);
	ck_assert_str_eq(b.lines[0], "chat/1=8");

	/* the third message is kept just so that it is known what came next */
	replay(&b, "chat/1", epoch, 5, SIZE_MAX);
	ck_assert_uint_eq(b.count, 5);
	ck_assert(!b.gap);
	replay(&b, "chat/1", epoch, 3, SIZE_MAX);
	ck_assert_uint_eq(b.count, 5);
	ck_assert(b.gap);
	replay(&b, "chat/1", epoch, b.offset, SIZE_MAX);
	ck_assert_uint_eq(b.count, 0);
	ck_assert(!b.gap);
	replay(&b, "chat/1", epoch + 1, b.offset, SIZE_MAX);
	ck_assert_uint_eq(b.count, 5);
	ck_assert(b.gap);
	replay(&b, "live", 0, 0, SIZE_MAX);
	ck_assert_int_eq(b.result, -SHOAL_ENOENT);

	/* forgotten ones are not told of */
	ask(&b, "chat/1", 0, 0, SIZE_MAX);
	b.carrier->ops->forget(b.carrier, &b);
	replay(&a, "chat/1", 0, 0, SIZE_MAX);
	ck_assert_uint_eq(a.count, 5);
	ck_assert(!b.done);
	close_side(&a);
	close_side(&b);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(test_history_outlives_the_server)
{
	struct side a;
	uint64_t epoch, offset;

	begin(true);
	make_loop();
	keep("k", 10);
	open_side(&a, "p", 1 << 20);
	want(&a, "k");
	UNTIL(is_settled(&a));
	publish(&a, "k", "1", true);
	publish(&a, "k", "2", true);
	UNTIL(a.count == 2);
	epoch = a.epoch;
	offset = a.offset;
	stop_server(SIGTERM);
	UNTIL(!is_settled(&a));
	start_server(true);
	UNTIL(is_settled(&a));
	ck_assert_int_ge(a.lost, 1);
	publish(&a, "k", "3", true);
	UNTIL(strcmp(a.lines[a.count - 1], "k=3") == 0);
	replay(&a, "k", epoch, offset, SIZE_MAX);
	ck_assert_int_eq(a.result, 0);
	ck_assert_uint_eq(a.count, 1);
	ck_assert_str_eq(a.lines[0], "k=3");
	ck_assert_uint_eq(a.epoch, epoch);
	ck_assert(!a.gap);
	close_side(&a);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(test_no_streams)
{
	struct side a;

	begin(false);
	make_loop();
	keep("k", 10);
	open_side(&a, "p", 1 << 20);
	want(&a, "k");
	UNTIL(is_settled(&a));
	publish(&a, "k", "live", true);
	UNTIL(a.count == 1);
	ck_assert_str_eq(a.lines[0], "k=live");
	replay(&a, "k", 0, 0, SIZE_MAX);
	ck_assert_int_eq(a.result, -SHOAL_ENOENT);
	close_side(&a);
	sh_loop_free(&loop);
}
END_TEST

/* --- what others have written ------------------------------------------------- */

/* A connection that speaks the protocol of NATS itself. */
static int
raw_connect(void)
{
	static const char hello[] =
	    "CONNECT {\"verbose\":false,\"headers\":true}\r\n";
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(
	    write(fd, hello, sizeof(hello) - 1), (int)sizeof(hello) - 1);
	return fd;
}

/* Send bytes, and wait for an answer with a text in it. */
static void
raw_say(int fd, const char *bytes, size_t len, const char *awaited)
{
	char answer[4096] = "";
	size_t got = 0;

	ck_assert_int_eq(write(fd, bytes, len), (int)len);
	while (strstr(answer, awaited) == NULL) {
		ssize_t r = read(fd, answer + got, sizeof(answer) - 1 - got);

		ck_assert_int_gt(r, 0);
		got += (size_t)r;
		answer[got] = '\0';
		ck_assert_ptr_null(strstr(answer, "-ERR"));
	}
}

/* Publish a head and data, and wait until the server has taken them. */
static void
raw_publish(int fd, const char *subject, const void *head, size_t head_len,
    const char *data)
{
	char bytes[2048];
	int n = snprintf(bytes, sizeof(bytes), "PUB %s %zu\r\n", subject,
	    head_len + strlen(data));

	memcpy(bytes + n, head, head_len);
	n += (int)head_len;
	n += snprintf(
	    bytes + n, sizeof(bytes) - (size_t)n, "%s\r\nPING\r\n", data);
	raw_say(fd, bytes, (size_t)n, "PONG");
}

/* Publish what a carrier would have published, but for the subject and what the data
 * are. */
static void
forge(
    int fd, const char *subject, const char *topic, int type, const char *data)
{
	static uint64_t serial;
	struct sh_publication publication = { .topic = topic,
		.topic_len = strlen(topic),
		.type = (uint8_t)type,
		.serial = ++serial,
		.epoch = 5,
		.offset = 9,
		.data = data,
		.len = strlen(data) };
	uint8_t head[8 + SH_PUBLICATION_HEADER_MAX] = { 42 };
	size_t len = 8 + sh_publication_encode(&publication, head + 8);

	raw_publish(fd, subject, head, len, data);
}

/* Publish what a stream would have sent on. */
static void
forge_kept(int fd, const char *subject, const char *stream, unsigned sequence,
    const char *topic, const char *data)
{
	const struct sh_publication publication = { .topic = topic,
		.topic_len = strlen(topic),
		.type = SHOAL_WS_TEXT,
		.serial = 1,
		.data = data,
		.len = strlen(data) };
	uint8_t head[8 + SH_PUBLICATION_HEADER_MAX] = { 42 };
	size_t head_len = 8 + sh_publication_encode(&publication, head + 8);
	char bytes[2048], names[256];
	int names_len = snprintf(names, sizeof(names),
	    "NATS/1.0\r\nNats-Stream: %s\r\nNats-Sequence: %u\r\n\r\n", stream,
	    sequence);
	int n = snprintf(bytes, sizeof(bytes), "HPUB %s %d %zu\r\n%s", subject,
	    names_len, (size_t)names_len + head_len + strlen(data), names);

	memcpy(bytes + n, head, head_len);
	n += (int)head_len;
	n += snprintf(
	    bytes + n, sizeof(bytes) - (size_t)n, "%s\r\nPING\r\n", data);
	raw_say(fd, bytes, (size_t)n, "PONG");
}

static void
delete_stream(int fd, const char *stream)
{
	char words[160];
	int n = snprintf(words, sizeof(words),
	    "SUB done 1\r\nPUB $JS.API.STREAM.DELETE.%s done 0\r\n\r\n",
	    stream);

	raw_say(fd, words, (size_t)n, "\"success\":true");
}

/* Messages of the one before come behind those of the one that was made again. */
START_TEST(test_stream_made_again)
{
	char stream[32];
	uint64_t epoch;
	struct side a;
	int fd, before;

	begin(true);
	make_loop();
	keep("k", 10);
	open_side(&a, "p", 1 << 20);
	want(&a, "k");
	want(&a, "t");
	UNTIL(is_settled(&a));
	publish(&a, "k", "1", true);
	publish(&a, "k", "2", true);
	UNTIL(a.count == 2);
	epoch = a.epoch;
	snprintf(stream, sizeof(stream), "p_%016llx",
	    (unsigned long long)sh_topic_hash("p.k", 3));
	fd = raw_connect();
	forge_kept(fd, "p.t.k", stream, 3, "k", "placed");
	forge_kept(fd, "p.t.k", stream, 1, "k", "anew");
	forge_kept(fd, "p.t.k", stream, 4, "k", "before");
	UNTIL(a.lost == 1);
	publish(&a, "t", "end", false);
	UNTIL(strcmp(a.lines[a.count - 1], "t=end") == 0);
	ck_assert_uint_eq(a.count, 4);
	ck_assert_str_eq(a.lines[2], "k=placed");
	ck_assert_uint_eq(a.epoch, epoch);

	/* the first message finds that there is none, and it is made */
	delete_stream(fd, stream);
	before = a.lost;
	publish(&a, "k", "lost", true);
	UNTIL(a.lost >= before + 2 && is_settled(&a));
	publish(&a, "k", "5", true);
	UNTIL(strcmp(a.lines[a.count - 1], "k=5") == 0);
	ck_assert_uint_eq(a.count, 5);
	ck_assert_uint_gt(a.epoch, epoch);
	ck_assert_uint_eq(a.offset, 1);
	close(fd);
	close_side(&a);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(test_foreign)
{
	struct side a;
	int fd;

	begin(false);
	make_loop();
	open_side(&a, "p", 1 << 20);
	want(&a, "t");
	want(&a, "s/x");
	UNTIL(is_settled(&a));
	fd = raw_connect();
	raw_publish(fd, "p.t.t", "", 0, "");
	raw_publish(fd, "p.t.t", "", 0, "hello");
	forge(fd, "p.t.t", "t", SHOAL_WS_TEXT, "gr\xfc\xdf");
	/* by the subject of another topic */
	forge(fd, "p.t.t", "s/x", SHOAL_WS_TEXT, "forged");
	forge(fd, "p.t.s.x", "t", SHOAL_WS_TEXT, "forged");
	forge(fd, "p.t.s.x", "s/x", SHOAL_WS_TEXT, "x");
	forge(fd, "p.t.t", "t", SHOAL_WS_BINARY, "\xfc");
	forge(fd, "p.t.t", "t", SHOAL_WS_TEXT, "end");
	UNTIL(a.count > 0 && strcmp(a.lines[a.count - 1], "t=end") == 0);
	ck_assert_uint_eq(a.count, 3);
	ck_assert_str_eq(a.lines[0], "s/x=x");
	/* only a stream numbers */
	ck_assert_uint_eq(a.epoch, 0);
	ck_assert_uint_eq(counters.broker_strange, 5);
	ck_assert_uint_eq(counters.broker_received, 3);
	close(fd);
	close_side(&a);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(test_foreign_history)
{
	char subject[64];
	struct side a;
	int fd;

	begin(true);
	make_loop();
	keep("k/#", 10);
	open_side(&a, "p", 1 << 20);
	UNTIL(is_settled(&a));
	want(&a, "k/1");
	UNTIL(is_settled(&a));
	publish(&a, "k/1", "1", true);
	UNTIL(a.count == 1);
	snprintf(subject, sizeof(subject), "p.k.%016llx.k.1",
	    (unsigned long long)sh_topic_hash("p.k/#", 5));
	fd = raw_connect();
	raw_publish(fd, subject, "", 0, "hello");
	forge(fd, subject, "k/2", SHOAL_WS_TEXT, "forged");
	forge(fd, subject, "k/1", SHOAL_WS_TEXT, "gr\xfc\xdf");
	forge(fd, subject, "k/1", SHOAL_WS_TEXT, "2");
	UNTIL(a.count == 2);
	replay(&a, "k/1", 0, 0, SIZE_MAX);
	ck_assert_int_eq(a.result, 0);
	ck_assert_uint_eq(a.count, 2);
	ck_assert_str_eq(a.lines[0], "k/1=1");
	ck_assert_str_eq(a.lines[1], "k/1=2");
	ck_assert(a.gap);
	/* live, and then in the history */
	ck_assert_uint_eq(counters.broker_strange, 6);
	close(fd);
	close_side(&a);
	sh_loop_free(&loop);
}
END_TEST

/* Lines of a file with a text in it. */
static int
count_lines(FILE *file, const char *text)
{
	char line[1024];
	int count = 0;

	rewind(file);
	while (fgets(line, sizeof(line), file) != NULL)
		count += strstr(line, text) != NULL;
	return count;
}

/* A stream that somebody has deleted does not fill the log. */
START_TEST(test_many_losses)
{
	enum { MANY = 300, LINES = 10 };
	char stream[32];
	FILE *file = tmpfile();
	int i, fd, before = dup(2);
	struct side a;

	begin(true);
	make_loop();
	keep("k", 10);
	open_side(&a, "p", 1 << 20);
	UNTIL(is_settled(&a));
	publish(&a, "k", "kept", true);
	snprintf(stream, sizeof(stream), "p_%016llx",
	    (unsigned long long)sh_topic_hash("p.k", 3));
	fd = raw_connect();
	delete_stream(fd, stream);
	dup2(fileno(file), 2);
	for (i = 0; i < MANY; i++)
		publish(&a, "k", "lost", true);
	UNTIL(counters.broker_dropped >= MANY);
	dup2(before, 2);
	ck_assert_int_ge(count_lines(file, "lost: its stream has gone"), 1);
	ck_assert_int_le(count_lines(file, "is lost"), LINES);
	close(before);
	close(fd);
	close_side(&a);
	sh_loop_free(&loop);
	fclose(file);
}
END_TEST

SH_SUITE("broker/nats", test_once_and_in_order, test_filters,
    test_too_large_and_full, test_inbox_is_bounded, test_restart,
    test_wrong_password, test_many_restarts, test_server_comes_late,
    test_history, test_history_outlives_the_server, test_no_streams,
    test_stream_made_again, test_foreign, test_foreign_history,
    test_many_losses)
