/*
 * This file measures throughput and latency: a fixed number of messages is in
 * flight on every connection, and each answer is followed by the next message.
 * It makes no new connections while it measures, and does not know what is
 * spoken on them.
 */
#include "config.h"

#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct conn {
	int fd;
	bool waits_writable;      /* EPOLLOUT is asked for */
	uint64_t due, sent;       /* bytes; sent <= due */
	uint64_t begun, answered; /* messages */
	uint64_t *sent_ns;        /* ring of depth times, by message number */
	struct load_talk talk;
};

enum phase { WARMING, MEASURING, DRAINING };

struct run {
	const struct load_options *options;
	int epoll_fd;
	struct conn *conns;
	enum phase phase;
	uint64_t phase_end_ns;
	uint64_t messages; /* answered while measuring */
	uint64_t closed, reset, mismatched, unopened;
	int open;
	struct load_histogram latency;
	struct load_meter meter;
};

static void
drop(struct run *run, struct conn *conn, uint64_t *counter)
{
	(*counter)++;
	run->open--;
	close(conn->fd);
	conn->fd = -1;
}

static void
watch_writable(struct run *run, struct conn *conn, bool wanted)
{
	struct epoll_event event = {
		.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = conn
	};

	if (conn->waits_writable == wanted)
		return;
	conn->waits_writable = wanted;
	epoll_ctl(run->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
}

static void
send_due(struct run *run, struct conn *conn)
{
	while (conn->sent < conn->due) {
		size_t len = conn->due - conn->sent;
		ssize_t n;

		if (len > LOAD_CHUNK)
			len = LOAD_CHUNK;
		n = send(conn->fd,
		    run->options->protocol->bytes_at(&conn->talk, conn->sent),
		    len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN) {
			drop(run, conn, &run->reset);
			return;
		}
		if (n < 0)
			break;
		conn->sent += (size_t)n;
	}
	watch_writable(run, conn, conn->sent < conn->due);
}

/* Count the messages that are complete now, and begin as many new ones. */
static void
complete_messages(struct run *run, struct conn *conn, uint64_t answers)
{
	const struct load_options *options = run->options;
	uint64_t end = conn->answered + answers;
	uint64_t now = answers > 0 ? load_now() : 0;

	for (; conn->answered < end; conn->answered++) {
		uint64_t *sent_ns =
		    &conn->sent_ns[conn->answered % (uint64_t)options->depth];

		if (run->phase == MEASURING) {
			load_histogram_add(&run->latency, now - *sent_ns);
			run->messages++;
		}
		if (run->phase != DRAINING) {
			*sent_ns = now;
			conn->begun++;
			conn->due += options->message_size;
		}
	}
	send_due(run, conn);
}

/* Whether so many more answers are more than there were messages. */
static bool
is_too_much(const struct run *run, const struct conn *conn, uint64_t answers)
{
	return (conn->answered + answers) * run->options->message_size >
	    conn->sent;
}

static void
on_readable(struct run *run, struct conn *conn)
{
	static char buf[LOAD_CHUNK];
	ssize_t n = recv(conn->fd, buf, sizeof(buf), 0);
	int64_t answers;

	if (n == 0)
		drop(run, conn, &run->closed);
	else if (n < 0 && errno != EAGAIN)
		drop(run, conn, &run->reset);
	if (n <= 0)
		return;
	answers = run->options->protocol->take(&conn->talk, buf, (size_t)n);
	if (answers < 0 || is_too_much(run, conn, (uint64_t)answers))
		drop(run, conn, &run->mismatched);
	else
		complete_messages(run, conn, (uint64_t)answers);
}

static void
open_conn(struct run *run, int i)
{
	const struct load_options *options = run->options;
	struct conn *conn = &run->conns[i];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };
	size_t depth = (size_t)options->depth;

	conn->talk.number = (uint64_t)i;
	conn->sent_ns = calloc(depth, sizeof(*conn->sent_ns));
	if (conn->sent_ns == NULL)
		load_die("out of memory");
	conn->fd = load_open(options, i);
	if (conn->fd < 0) {
		if (run->unopened++ == 0)
			fprintf(
			    stderr, "load: connect: %s\n", strerror(-conn->fd));
		return;
	}
	run->open++;
	epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event);
}

static void
begin_conn(struct run *run, struct conn *conn)
{
	uint64_t now = load_now();
	int i;

	if (conn->fd < 0)
		return;
	for (i = 0; i < run->options->depth; i++)
		conn->sent_ns[i] = now;
	conn->begun = (uint64_t)run->options->depth;
	conn->due = conn->begun * run->options->message_size;
	send_due(run, conn);
}

static bool
is_answered(const struct run *run)
{
	int i;

	for (i = 0; i < run->options->connections; i++)
		if (run->conns[i].fd >= 0 &&
		    run->conns[i].answered < run->conns[i].begun)
			return false;
	return true;
}

/* All connections have ended too soon. */
static void
stop_early(struct run *run)
{
	if (run->phase == WARMING)
		load_meter_begin(&run->meter, run->options->server_pid);
	load_meter_end(&run->meter);
}

/* Go to the next phase when its time has come; true at the end of the last. */
static bool
next_phase(struct run *run)
{
	uint64_t now = load_now();

	if (run->phase == DRAINING)
		return now >= run->phase_end_ns || is_answered(run);
	if (run->open == 0) {
		stop_early(run);
		return true;
	}
	if (now < run->phase_end_ns && !load_stopped)
		return false;
	if (run->phase == WARMING) {
		load_meter_begin(&run->meter, run->options->server_pid);
		run->phase = MEASURING;
		run->phase_end_ns =
		    load_now() + (uint64_t)(run->options->seconds * 1e9);
	} else {
		load_meter_end(&run->meter);
		run->phase = DRAINING;
		run->phase_end_ns =
		    now + (uint64_t)run->options->timeout_ms * 1000000;
	}
	return false;
}

static void
loop(struct run *run)
{
	struct epoll_event events[256];
	int i, n;

	while (!next_phase(run)) {
		n = epoll_wait(run->epoll_fd, events, 256, 10);
		for (i = 0; i < n; i++) {
			struct conn *conn = events[i].data.ptr;

			if (events[i].events & EPOLLOUT)
				send_due(run, conn);
			if (conn->fd >= 0 && events[i].events & ~EPOLLOUT)
				on_readable(run, conn);
		}
	}
}

static uint64_t
count_unanswered(const struct run *run)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < run->options->connections; i++)
		n += run->conns[i].begun - run->conns[i].answered;
	return n;
}

static int
report(const struct run *run)
{
	const struct load_options *options = run->options;
	uint64_t unanswered = count_unanswered(run);
	bool ok = run->messages > 0 && unanswered == 0 && run->closed == 0 &&
	    run->reset == 0 && run->mismatched == 0 && run->unopened == 0;

	load_report_begin(options->mode, options->address, ok);
	load_report_count("connections", (uint64_t)options->connections);
	load_report_count("size", options->size);
	load_report_count("depth", (uint64_t)options->depth);
	load_report_count("unopened", run->unopened);
	load_report_count("closed", run->closed);
	load_report_count("reset", run->reset);
	load_report_count("unanswered", unanswered);
	load_report_count("mismatched", run->mismatched);
	load_report_count("messages", run->messages);
	load_meter_report_rate(&run->meter, run->messages);
	load_report_latency(&run->latency);
	load_meter_report_cpu(
	    &run->meter, "server_us_per_message", run->messages);
	load_report_end();
	return ok ? LOAD_OK : LOAD_WRONG;
}

int
load_flow(const struct load_options *options)
{
	static struct run run;
	int i;

	run.options = options;
	run.conns = calloc((size_t)options->connections, sizeof(*run.conns));
	run.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (run.epoll_fd < 0 || run.conns == NULL)
		load_die("cannot begin: %s", strerror(errno));
	for (i = 0; i < options->connections; i++) {
		run.conns[i].fd = -1;
		/* One that cannot be opened is enough to say so. */
		if (run.unopened == 0)
			open_conn(&run, i);
	}
	for (i = 0; i < options->connections; i++)
		begin_conn(&run, &run.conns[i]);
	run.phase_end_ns = load_now() + (uint64_t)(options->warmup_s * 1e9);
	loop(&run);
	return report(&run);
}
