/*
 * This file measures a broadcast over WebSocket: one connection publishes, all
 * others have to get every message, each once and in order; the next one is
 * published when fewer than so many are on their way to anybody.
 *
 * Nobody is told when a subscription is in effect. So a word is published again
 * and again until everybody has heard it, then another one, and what follows that
 * is compared.
 */
#include "config.h"

#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CALL "call"
#define START "open"

enum { WORD = 4, WORD_FRAME = 2 + WORD, CALL_EVERY_MS = 200, WAIT_MS = 10 };

enum stage { DEAF, HEARD, STARTED }; /* what it has got: nothing, CALL, START */

struct subscriber {
	int fd;
	enum stage stage;
	size_t word_len; /* of a word that is not complete */
	unsigned char word[WORD_FRAME];
	uint64_t got; /* messages */
	struct load_talk talk;
};

enum phase { CALLING, WARMING, MEASURING, DRAINING };

struct run {
	const struct load_options *options;
	int epoll_fd, publisher_fd;
	struct subscriber *subscribers;
	unsigned open, heard, started;
	enum phase phase;
	uint64_t phase_end_ns;
	struct load_talk talk;    /* of the publisher */
	uint64_t due, sent;       /* bytes; sent <= due */
	bool waits_writable;      /* EPOLLOUT is asked for */
	uint64_t begun, complete; /* messages; complete: all have got them */
	uint64_t *sent_ns;        /* rings of depth, by message number ... */
	unsigned *got_by;         /* ... how many have got it */
	uint64_t deliveries, messages; /* while measuring */
	uint64_t closed, reset, mismatched, unopened;
	struct load_histogram latency;
	struct load_meter meter;
};

static const unsigned char call_frame[] = "\x81\x04" CALL;
static const unsigned char start_frame[] = "\x81\x04" START;

static bool
has_failed(const struct run *run)
{
	return run->closed + run->reset + run->mismatched + run->unopened > 0;
}

static void
watch_publisher(struct run *run, bool writable)
{
	struct epoll_event event = {
		.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = NULL
	};

	if (run->waits_writable == writable)
		return;
	run->waits_writable = writable;
	epoll_ctl(run->epoll_fd, EPOLL_CTL_MOD, run->publisher_fd, &event);
}

static void
send_due(struct run *run)
{
	while (run->sent < run->due) {
		size_t len = run->due - run->sent;
		ssize_t n;

		if (len > LOAD_CHUNK)
			len = LOAD_CHUNK;
		n = send(run->publisher_fd,
		    run->options->protocol->bytes_at(&run->talk, run->sent),
		    len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			run->reset++;
		if (n < 0)
			break;
		run->sent += (size_t)n;
	}
	watch_publisher(run, run->sent < run->due);
}

/* Begin as many messages as may be on their way, and send them in one piece. */
static void
publish_due(struct run *run)
{
	const struct load_options *options = run->options;
	uint64_t depth = (uint64_t)options->depth, now;

	if (run->phase != WARMING && run->phase != MEASURING)
		return;
	if (run->begun - run->complete >= depth)
		return;
	for (now = load_now(); run->begun - run->complete < depth;
	     run->begun++) {
		run->sent_ns[run->begun % depth] = now;
		run->got_by[run->begun % depth] = 0;
		run->due += options->message_size;
	}
	send_due(run);
}

/* Words are published while nothing else is, so they fit into the socket. */
static void
publish_word(struct run *run, const char *word)
{
	unsigned char frame[WORD_FRAME + 4];
	size_t len = load_ws_write(frame, word, WORD, true);

	if (send(run->publisher_fd, frame, len, MSG_NOSIGNAL) != (ssize_t)len)
		run->reset++;
}

/* --- subscribers ---------------------------------------------------------- */

static void
count_deliveries(
    struct run *run, struct subscriber *subscriber, uint64_t messages)
{
	uint64_t depth = (uint64_t)run->options->depth, now = load_now();

	for (; messages > 0; messages--, subscriber->got++) {
		size_t place = subscriber->got % depth;

		if (run->phase == MEASURING) {
			load_histogram_add(
			    &run->latency, now - run->sent_ns[place]);
			run->deliveries++;
		}
		/* nobody gets a message before the one in front of it */
		if (++run->got_by[place] < run->open)
			continue;
		run->complete++;
		run->messages += run->phase == MEASURING;
	}
	publish_due(run);
}

static void
take_messages(struct run *run, struct subscriber *subscriber, const char *data,
    size_t len)
{
	int64_t n = run->options->protocol->take(&subscriber->talk, data, len);

	if (n < 0 || subscriber->got + (uint64_t)n > run->begun)
		run->mismatched++;
	else if (n > 0)
		count_deliveries(run, subscriber, (uint64_t)n);
}

static void
take_word(struct run *run, struct subscriber *subscriber)
{
	if (memcmp(subscriber->word, start_frame, WORD_FRAME) == 0) {
		subscriber->stage = STARTED;
		run->started++;
	} else if (memcmp(subscriber->word, call_frame, WORD_FRAME) != 0) {
		run->mismatched++;
	} else if (subscriber->stage == DEAF) {
		subscriber->stage = HEARD;
		run->heard++;
	}
	subscriber->word_len = 0;
}

static void
take(struct run *run, struct subscriber *subscriber, const char *data,
    size_t len)
{
	while (len > 0 && subscriber->stage != STARTED) {
		subscriber->word[subscriber->word_len++] =
		    (unsigned char)*data++;
		len--;
		if (subscriber->word_len == WORD_FRAME)
			take_word(run, subscriber);
	}
	if (len > 0)
		take_messages(run, subscriber, data, len);
}

/* The publisher may be told what became of its messages; who cares. */
static void
on_readable(struct run *run, struct subscriber *subscriber)
{
	static char buf[LOAD_CHUNK];
	int fd = subscriber != NULL ? subscriber->fd : run->publisher_fd;
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n == 0)
		run->closed++;
	else if (n < 0 && errno != EAGAIN)
		run->reset++;
	else if (n > 0 && subscriber != NULL)
		take(run, subscriber, buf, (size_t)n);
}

static void
wait_events(struct run *run)
{
	struct epoll_event events[256];
	int i, n = epoll_wait(run->epoll_fd, events, 256, WAIT_MS);

	for (i = 0; i < n && !has_failed(run); i++) {
		struct subscriber *subscriber = events[i].data.ptr;

		if (events[i].events & EPOLLOUT)
			send_due(run);
		if (events[i].events & ~EPOLLOUT)
			on_readable(run, subscriber);
	}
}

/* --- the run -------------------------------------------------------------- */

static void
open_all(struct run *run)
{
	const struct load_options *options = run->options;
	struct epoll_event event = { .events = EPOLLIN };
	int i, fd = 0;

	for (i = 0; i <= options->connections && fd >= 0; i++) {
		bool last = i == options->connections;

		if (last)
			load_ws_set_path(options, options->publish);
		fd = load_open(options, i);
		event.data.ptr = last ? NULL : &run->subscribers[i];
		if (fd < 0) {
			fprintf(stderr, "load: connect: %s\n", strerror(-fd));
			run->unopened++;
		} else if (last) {
			run->publisher_fd = fd;
		} else {
			run->subscribers[i].fd = fd;
			run->open++;
		}
		if (fd >= 0)
			epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	}
}

/* Publish a word, once or until all have heard it, at most timeout_ms. */
static void
call_all(struct run *run, const char *word, const unsigned *count, bool again)
{
	uint64_t now = load_now(), next_ns = now;
	uint64_t end_ns = now + (uint64_t)run->options->timeout_ms * 1000000;

	while (*count < run->open && now < end_ns && !has_failed(run) &&
	    !load_stopped) {
		if (now >= next_ns) {
			publish_word(run, word);
			next_ns = again
			    ? now + (uint64_t)CALL_EVERY_MS * 1000000
			    : UINT64_MAX;
		}
		wait_events(run);
		now = load_now();
	}
}

static void
enter(struct run *run, enum phase phase, double seconds)
{
	run->phase = phase;
	run->phase_end_ns = load_now() + (uint64_t)(seconds * 1e9);
}

/* Go to the next phase when its time has come; true at the end of the last. */
static bool
next_phase(struct run *run)
{
	const struct load_options *options = run->options;

	if (run->phase == DRAINING && run->complete == run->begun)
		return true;
	if (load_now() < run->phase_end_ns && !load_stopped)
		return has_failed(run);
	switch (run->phase) {
	case CALLING: enter(run, WARMING, options->warmup_s); break;
	case WARMING:
		load_meter_begin(&run->meter, options->server_pid);
		enter(run, MEASURING, options->seconds);
		break;
	case MEASURING:
		load_meter_end(&run->meter);
		enter(run, DRAINING, options->timeout_ms / 1e3);
		break;
	case DRAINING: return true;
	}
	return has_failed(run);
}

static uint64_t
count_undelivered(const struct run *run)
{
	uint64_t n = run->open - run->started;
	unsigned i;

	for (i = 0; i < run->open; i++)
		n += run->begun - run->subscribers[i].got;
	return n;
}

static int
report(const struct run *run)
{
	const struct load_options *options = run->options;
	uint64_t undelivered = count_undelivered(run);
	bool ok = run->deliveries > 0 && undelivered == 0 && !has_failed(run);

	load_report_begin(options->mode, options->address, ok);
	load_report_count("subscribers", (uint64_t)options->connections);
	load_report_count("size", options->size);
	load_report_count("depth", (uint64_t)options->depth);
	load_report_count("unopened", run->unopened);
	load_report_count("closed", run->closed);
	load_report_count("reset", run->reset);
	load_report_count("undelivered", undelivered);
	load_report_count("mismatched", run->mismatched);
	load_report_count("messages", run->messages);
	load_report_count("deliveries", run->deliveries);
	load_meter_report_rate(&run->meter, run->deliveries);
	load_report_latency(&run->latency);
	load_meter_report_cpu(
	    &run->meter, "server_us_per_delivery", run->deliveries);
	load_report_end();
	return ok ? LOAD_OK : LOAD_WRONG;
}

int
load_broadcast(const struct load_options *options)
{
	static struct run run;

	run.options = options;
	run.publisher_fd = -1;
	run.subscribers =
	    calloc((size_t)options->connections, sizeof(*run.subscribers));
	run.sent_ns = calloc((size_t)options->depth, sizeof(*run.sent_ns));
	run.got_by = calloc((size_t)options->depth, sizeof(*run.got_by));
	run.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (run.epoll_fd < 0 || run.subscribers == NULL ||
	    run.sent_ns == NULL || run.got_by == NULL)
		load_die("cannot begin: %s", strerror(errno));
	open_all(&run);
	call_all(&run, CALL, &run.heard, true);
	if (run.heard == run.open)
		call_all(&run, START, &run.started, false);
	if (run.started == run.open && !has_failed(&run))
		while (!next_phase(&run)) {
			publish_due(&run);
			wait_events(&run);
		}
	if (run.meter.begun_ns > run.meter.ended_ns)
		load_meter_end(&run.meter);
	return report(&run);
}
