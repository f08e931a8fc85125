/*
 * This file makes many short connections: each sends one message, reads its
 * answer and closes. It does not know what a single one of them does.
 */
#include "config.h"

#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EXPIRE_EVERY_MS = 50 };

struct run {
	const struct load_options *options;
	int epoll_fd;
	struct load_exchange *slots; /* options->connections of them */
	int *idle;                   /* numbers of those not in use */
	int idle_count;
	uint64_t begun_ns, end_ns, started, last_answer_ns, worst_gap_ns;
	uint64_t counts[LOAD_OUTCOMES];
	struct load_histogram latency;
};

static void
note_gap(struct run *run, uint64_t now)
{
	if (now - run->last_answer_ns > run->worst_gap_ns)
		run->worst_gap_ns = now - run->last_answer_ns;
}

static void
settle(struct run *run, struct load_exchange *ex)
{
	uint64_t now = load_now();

	run->counts[ex->outcome]++;
	if (ex->outcome == LOAD_ANSWERED) {
		load_histogram_add(&run->latency, now - ex->started_ns);
		note_gap(run, now);
		run->last_answer_ns = now;
	}
	load_exchange_close(ex);
	run->idle[run->idle_count++] = (int)(ex - run->slots);
}

/* How many more connections are due now. */
static uint64_t
due_count(const struct run *run, uint64_t now)
{
	const struct load_options *options = run->options;
	uint64_t due = UINT64_MAX;

	if (load_stopped || now >= run->end_ns)
		return 0;
	if (options->rate > 0)
		due = (uint64_t)((double)(now - run->begun_ns) / 1e9 *
			  options->rate) +
		    1;
	if (options->count > 0 && due > options->count)
		due = options->count;
	return due > run->started ? due - run->started : 0;
}

static void
start_due(struct run *run)
{
	uint64_t due = due_count(run, load_now());

	/* One that fails at once frees its place; the loop above must turn. */
	int places = run->idle_count;

	for (; due > 0 && places > 0; due--, places--) {
		struct load_exchange *ex =
		    &run->slots[run->idle[--run->idle_count]];

		load_exchange_start(
		    ex, run->options, run->epoll_fd, run->started++);
		if (ex->outcome != LOAD_RUNNING)
			settle(run, ex);
	}
}

static void
expire(struct run *run)
{
	uint64_t now = load_now();
	uint64_t timeout_ns = (uint64_t)run->options->timeout_ms * 1000000;
	int i;

	for (i = 0; i < run->options->connections; i++) {
		struct load_exchange *ex = &run->slots[i];

		if (ex->fd >= 0 && now - ex->started_ns > timeout_ns) {
			ex->outcome = LOAD_UNANSWERED;
			settle(run, ex);
		}
	}
}

static bool
is_over(const struct run *run)
{
	const struct load_options *options = run->options;

	if (run->idle_count < options->connections)
		return false;
	return load_stopped || load_now() >= run->end_ns ||
	    (options->count > 0 && run->started >= options->count);
}

static void
loop(struct run *run)
{
	struct epoll_event events[64];
	uint64_t expired_ns = load_now();
	int i, n;

	while (!is_over(run)) {
		start_due(run);
		n = epoll_wait(run->epoll_fd, events, 64, 1);
		for (i = 0; i < n; i++) {
			struct load_exchange *ex = events[i].data.ptr;

			load_exchange_step(ex);
			if (ex->outcome != LOAD_RUNNING)
				settle(run, ex);
		}
		if (load_now() - expired_ns > EXPIRE_EVERY_MS * 1000000ull) {
			expire(run);
			expired_ns = load_now();
		}
	}
	note_gap(run, load_now());
}

static int
report(const struct run *run, double cpu_us)
{
	const struct load_options *options = run->options;
	double seconds = (double)(load_now() - run->begun_ns) / 1e9;
	uint64_t answered = run->counts[LOAD_ANSWERED];
	bool ok = load_outcomes_good(run->counts) &&
	    (load_stopped || run->started >= options->count);

	load_report_begin(options->mode, options->address, ok);
	load_report_count("started", run->started);
	load_outcomes_report(run->counts);
	load_report_number("seconds", seconds);
	load_report_number("per_second", (double)answered / seconds);
	load_report_latency(&run->latency);
	load_report_number("worst_gap_ms", (double)run->worst_gap_ns / 1e6);
	if (options->server_pid > 0 && answered > 0)
		load_report_number(
		    "server_us_per_connection", cpu_us / (double)answered);
	load_report_end();
	return ok ? LOAD_OK : LOAD_WRONG;
}

static void
make_slots(struct run *run, int n)
{
	run->slots = calloc((size_t)n, sizeof(*run->slots));
	run->idle = calloc((size_t)n, sizeof(*run->idle));
	if (run->slots == NULL || run->idle == NULL)
		load_die("out of memory");
	for (run->idle_count = 0; run->idle_count < n; run->idle_count++) {
		run->slots[run->idle_count].fd = -1;
		run->idle[run->idle_count] = run->idle_count;
	}
}

int
load_connect(const struct load_options *options)
{
	static struct run run;
	struct load_cpu before, after;
	bool has_cpu;

	run.options = options;
	run.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (run.epoll_fd < 0)
		load_die("epoll_create1: %s", strerror(errno));
	make_slots(&run, options->connections);
	has_cpu = options->server_pid > 0 &&
	    load_cpu_read(options->server_pid, &before);
	run.begun_ns = run.last_answer_ns = load_now();
	run.end_ns = run.begun_ns + (uint64_t)(options->seconds * 1e9);
	loop(&run);
	has_cpu = has_cpu && load_cpu_read(options->server_pid, &after);
	return report(&run,
	    has_cpu ? (double)load_cpu_between(&before, &after) / 1000 : 0);
}
