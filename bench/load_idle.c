/*
 * This file opens many connections, has one message answered on each, and
 * then holds them; it counts those that the server ends meanwhile.
 */
#include "config.h"

#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fewer than any backlog, so that no handshake has to be repeated. */
enum { OPENING_MAX = 64 };

struct run {
	const struct load_options *options;
	int epoll_fd;
	struct load_exchange *conns;
	int started, opening;
	uint64_t counts[LOAD_OUTCOMES];
	uint64_t lost;       /* ended by the server while held */
	uint64_t unexpected; /* sent something while held */
	bool stdin_closed;
};

/* Something happened on a connection that is held: nothing should. */
static void
examine_held(struct run *run, struct load_exchange *ex)
{
	char byte;
	ssize_t n = ex->fd < 0 ? 1 : recv(ex->fd, &byte, 1, MSG_DONTWAIT);

	if (ex->fd < 0 || (n < 0 && errno == EAGAIN))
		return;
	if (n > 0)
		run->unexpected++;
	else
		run->lost++;
	load_exchange_close(ex);
}

static void
settle(struct run *run, struct load_exchange *ex)
{
	run->counts[ex->outcome]++;
	run->opening--;
	if (ex->outcome != LOAD_ANSWERED)
		load_exchange_close(ex);
	else
		/* an end that came with the answer makes no event of its own */
		examine_held(run, ex);
}

static void
start_more(struct run *run)
{
	while (run->opening < OPENING_MAX &&
	    run->started < run->options->connections) {
		struct load_exchange *ex = &run->conns[run->started];

		run->opening++;
		load_exchange_start(
		    ex, run->options, run->epoll_fd, (uint64_t)run->started++);
		if (ex->outcome != LOAD_RUNNING)
			settle(run, ex);
	}
}

static void
on_event(struct run *run, struct load_exchange *ex)
{
	if (ex == NULL) {
		char buf[256];

		run->stdin_closed = read(STDIN_FILENO, buf, sizeof(buf)) <= 0;
	} else if (ex->outcome == LOAD_RUNNING) {
		load_exchange_step(ex);
		if (ex->outcome != LOAD_RUNNING)
			settle(run, ex);
	} else {
		examine_held(run, ex);
	}
}

static void
wait_events(struct run *run)
{
	struct epoll_event events[256];
	int i, n = epoll_wait(run->epoll_fd, events, 256, 20);

	for (i = 0; i < n; i++)
		on_event(run, events[i].data.ptr);
}

static void
open_all(struct run *run)
{
	uint64_t timeout_ns = (uint64_t)run->options->timeout_ms * 1000000;
	uint64_t progress_ns = load_now();
	int settled = 0;

	start_more(run);
	while (run->opening > 0 && !load_stopped) {
		wait_events(run);
		start_more(run);
		if (run->started - run->opening > settled) {
			settled = run->started - run->opening;
			progress_ns = load_now();
		} else if (load_now() - progress_ns > timeout_ns) {
			break;
		}
	}
	/* Whatever is still open has had no answer. */
	run->counts[LOAD_UNANSWERED] += (uint64_t)run->opening;
}

/* A terminal or a pipe says by its end when to let go; /dev/null does not. */
static void
watch_stdin(struct run *run)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
		isatty(STDIN_FILENO)))
		epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event);
}

static void
hold(struct run *run)
{
	uint64_t end_ns = load_now() + (uint64_t)(run->options->seconds * 1e9);

	fprintf(stderr, "holding %llu\n",
	    (unsigned long long)run->counts[LOAD_ANSWERED]);
	watch_stdin(run);
	/* with all of them lost there is nothing left to hold */
	while (!load_stopped && !run->stdin_closed && load_now() < end_ns &&
	    run->lost < run->counts[LOAD_ANSWERED])
		wait_events(run);
}

static int
report(const struct run *run)
{
	bool ok = load_outcomes_good(run->counts) && run->lost == 0 &&
	    run->unexpected == 0 && run->started == run->options->connections;

	load_report_begin(run->options->mode, run->options->address, ok);
	load_report_count("connections", (uint64_t)run->options->connections);
	load_outcomes_report(run->counts);
	load_report_count("lost", run->lost);
	load_report_count("unexpected", run->unexpected);
	load_report_end();
	return ok ? LOAD_OK : LOAD_WRONG;
}

int
load_idle(const struct load_options *options)
{
	static struct run run;

	run.options = options;
	run.conns = calloc((size_t)options->connections, sizeof(*run.conns));
	run.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (run.epoll_fd < 0 || run.conns == NULL)
		load_die("cannot begin: %s", strerror(errno));
	open_all(&run);
	if (run.counts[LOAD_ANSWERED] > 0)
		hold(&run);
	return report(&run);
}
