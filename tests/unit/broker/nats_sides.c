/* This file is a nats-server for tests, and carriers through it. */
#include "config.h"

#include "unit/broker/nats_sides.h"

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

static const char program[] = "/usr/sbin/nats-server";

/* Before any test, for Check would count a skip as success. */
static __attribute__((constructor)) void
skip_without_nats(void)
{
	if (access(program, X_OK) == 0)
		return;
	fprintf(stderr, "no %s (package nats-server)\n", program);
	_exit(77);
}

/* --- the server ------------------------------------------------------------- */

char folder[64];
pid_t server;
int port;
const char *password; /* that it wants, or NULL */

void
start_server(bool streams)
{
	char at[16], store[96], auth[64], told[96];

	snprintf(at, sizeof(at), "%d", port != 0 ? port : -1);
	snprintf(told, sizeof(told), "%s/log", folder);
	snprintf(store, sizeof(store), "%s/js", folder);
	snprintf(auth, sizeof(auth), "--pass=%s", password);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 2);
		execl(program, program, "-a", "127.0.0.1", "-p", at,
		    "--ports_file_dir", folder, "-l", told, "-sd", store,
		    streams ? "-js" : "-sd=x",
		    password != NULL ? "--user=me" : NULL, auth, NULL);
		_exit(127);
	}
}

/* The server writes a file with its port when it listens. */
static bool
read_port(void)
{
	char path[128], text[256] = "";
	const char *at;
	FILE *file;

	snprintf(
	    path, sizeof(path), "%s/nats-server_%d.ports", folder, (int)server);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	at = strstr(text, "nats://127.0.0.1:");
	if (at == NULL || strchr(at, '}') == NULL)
		return false;
	port = atoi(at + strlen("nats://127.0.0.1:"));
	return port > 0;
}

static void
wait_for_server(void)
{
	int64_t until = sh_clock_ms() + PATIENCE_MS;

	while (!read_port()) {
		ck_assert(sh_clock_ms() < until);
		usleep(2000);
	}
}

/* How often it has refused a password so far. */
int
refusals(void)
{
	char path[96], line[512];
	FILE *file;
	int n = 0;

	snprintf(path, sizeof(path), "%s/log", folder);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		n += strstr(line, "authentication error") != NULL;
	fclose(file);
	return n;
}

void
stop_server(int signal_number)
{
	kill(server, signal_number);
	waitpid(server, NULL, 0);
	server = 0;
}

static void
end_server(void)
{
	char command[96];

	if (server > 0)
		stop_server(SIGKILL);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		fputs("cannot remove the folder\n", stderr);
}

void
begin(bool streams)
{
	snprintf(folder, sizeof(folder), "/tmp/shoal-nats-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	atexit(end_server);
	start_server(streams);
	wait_for_server();
}

/* --- carriers ---------------------------------------------------------------- */

struct sh_loop *loop;
struct sh_counters counters;

static void
note(struct side *side, const struct sh_publication *publication)
{
	ck_assert_uint_lt(side->count, LINES_MAX);
	snprintf(side->lines[side->count++], LINE_MAX_LEN, "%s=%.*s",
	    publication->topic,
	    (int)(publication->len > 64 ? 64 : publication->len),
	    (const char *)publication->data);
	if (publication->epoch != 0) {
		side->epoch = publication->epoch;
		side->offset = publication->offset;
	}
}

static void
arrived(const struct sh_publication *publication, void *arg)
{
	note(arg, publication);
}

static void
lost(const char *filter, void *arg)
{
	((struct side *)arg)->lost++;
}

static void
room(void *arg)
{
	((struct side *)arg)->rooms++;
}

static void
settled(void *arg)
{
	((struct side *)arg)->settled++;
}

void
open_side(struct side *side, const char *prefix, size_t queue_max)
{
	char url[64];
	const char *urls[] = { url };
	struct sh_broker_options options = { .urls = urls,
		.url_count = 1,
		.user = "me",
		.password = "secret",
		.prefix = prefix,
		.timeout_ms = 1000,
		.backoff_first_ms = 10,
		.backoff_max_ms = 50,
		.queue_max = queue_max };

	snprintf(url, sizeof(url), "nats://127.0.0.1:%d", port);
	memset(side, 0, sizeof(*side));
	side->lines = calloc(LINES_MAX, LINE_MAX_LEN);
	ck_assert_int_eq(
	    sh_carrier_nats_open(loop, &options, &side->carrier), 0);
	side->carrier->events =
	    (struct sh_carrier_events){ arrived, lost, room, settled, side };
}

void
close_side(struct side *side)
{
	side->carrier->ops->close(&side->carrier);
	ck_assert_ptr_null(side->carrier);
	free(side->lines);
}

bool
is_settled(const struct side *side)
{
	return side->carrier->ops->is_settled(side->carrier);
}

void
want(struct side *side, const char *filter)
{
	ck_assert_int_eq(side->carrier->ops->want(side->carrier, filter), 0);
}

int
try_publish(struct side *side, const char *topic, const void *data, size_t len,
    bool kept)
{
	struct sh_publication publication = { .topic = topic,
		.topic_len = strlen(topic),
		.hash = sh_topic_hash(topic, strlen(topic)),
		.type = SHOAL_WS_TEXT,
		.node = 7,
		.time_ms = 1,
		.data = data,
		.len = len };

	return side->carrier->ops->publish(side->carrier, &publication, kept);
}

/* As a program does: wait while there is no room. */
void
publish(struct side *side, const char *topic, const char *text, bool kept)
{
	int r, rooms;

	for (;;) {
		rooms = side->rooms;
		r = try_publish(side, topic, text, strlen(text), kept);
		if (r != -SHOAL_EAGAIN)
			break;
		UNTIL(side->rooms != rooms);
	}
	ck_assert_int_eq(r, 0);
}

/* Wait until all that was published has come or is lost, as this may be too. */
void
drain(struct side *from, struct side *to)
{
	int64_t until = sh_clock_ms() + PATIENCE_MS;

	while (
	    to->count == 0 || strcmp(to->lines[to->count - 1], "t=end") != 0) {
		publish(from, "t", "end", false);
		ck_assert_int_eq(sh_loop_turn(loop), 0);
		ck_assert_int_lt(sh_clock_ms(), until);
	}
}

void
make_loop(void)
{
	const struct sh_loop_options options = { .incarnation = 1,
		.counters = &counters };

	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
}

static void
on_replayed(const struct sh_publication *publication, void *arg)
{
	note(arg, publication);
}

static void
on_done(int result, uint64_t epoch, uint64_t offset, bool gap, void *arg)
{
	struct side *side = arg;

	side->done = true;
	side->result = result;
	side->gap = gap;
	side->epoch = epoch;
	side->offset = offset;
}

void
ask(struct side *side, const char *topic, uint64_t epoch, uint64_t offset,
    size_t max)
{
	struct sh_replay replay = { .topic = topic,
		.topic_len = strlen(topic),
		.epoch = epoch,
		.offset = offset,
		.max = max,
		.message = on_replayed,
		.done = on_done,
		.arg = side };

	side->done = false;
	side->count = 0;
	ck_assert_int_eq(side->carrier->ops->replay(side->carrier, &replay), 0);
	ck_assert(!side->done);
}

void
replay(struct side *side, const char *topic, uint64_t epoch, uint64_t offset,
    size_t max)
{
	ask(side, topic, epoch, offset, max);
	UNTIL(side->done);
}

void
keep(const char *filter, int64_t count)
{
	const struct sh_keep bounds = { .count = count };

	ck_assert_int_eq(sh_keep_add(filter, &bounds, true), 0);
}
