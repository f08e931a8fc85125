/* This file accepts connections from one listening socket. */
#include "config.h"

#include "io/listener.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"
#include "base/sock.h"
#include "io/loop_private.h"

enum {
	ACCEPTS_PER_TURN = 64,
	QUEUED_MAX = 65536, /* no backlog is longer */
	RETRY_MS = 100,     /* after "no descriptors" and such */
	WARN_MS = 10000,    /* between two lines about it */
	YIELD_MS = 5,       /* so that emptier workers come first */
	YIELD_MARGIN = 8    /* connections above the mean that are luck */
};

struct sh_listener {
	struct sh_loop *loop;
	struct sh_listener_options options;
	struct event event; /* level-triggered */
	struct event retry; /* ends a pause */
	int64_t warned_ms;  /* 0: not yet */
	bool waiting;       /* for a descriptor to be closed */
	bool yielding;      /* to other workers, until the retry */
	bool stopped;
	bool accepting; /* in its own callback ... */
	bool closed;    /* ... and to be freed after it */
	TAILQ_ENTRY(sh_listener) link;
};

static void
pause_for(struct sh_listener *listener, int delay_ms)
{
	struct timeval delay = { .tv_usec = delay_ms * 1000 };

	if (listener->stopped)
		return;
	event_del(&listener->event);
	if (delay_ms != 0 && event_add(&listener->retry, &delay) < 0)
		sh_panic(__FILE__, __LINE__, __func__, "out of memory");
}

static void
resume(struct sh_listener *listener)
{
	listener->waiting = false;
	listener->yielding = false;
	event_del(&listener->retry);
	if (event_add(&listener->event, NULL) < 0)
		sh_panic(__FILE__, __LINE__, __func__, "out of memory");
}

void
sh_listener_stop(struct sh_listener *listener)
{
	listener->stopped = true;
	listener->waiting = listener->yielding = false;
	event_del(&listener->event);
	event_del(&listener->retry);
}

void
sh_listener_start(struct sh_listener *listener)
{
	if (!listener->stopped)
		return;
	listener->stopped = false;
	resume(listener);
}

void
sh_listener_wake_all(struct sh_loop *loop)
{
	struct sh_listener *listener;

	TAILQ_FOREACH(listener, &loop->listeners, link)
		if (listener->waiting && !listener->stopped)
			resume(listener);
}

static bool
is_full(const struct sh_loop *loop)
{
	size_t max = loop->options.max_connections;

	return max != 0 && loop->conn_count >= max;
}

/* As the mean counts them: lingering ones have ended for their sessions. */
static size_t
count_open(const struct sh_loop *loop)
{
	return loop->conn_count - loop->lingering_count;
}

/* A socket that all workers watch goes to whoever wakes up first. */
static bool
must_yield(const struct sh_listener *listener)
{
	const struct sh_loop_options *options = &listener->loop->options;
	size_t mean;

	if (!listener->options.shared || options->mean_connections == NULL)
		return false;
	mean = options->mean_connections(options->mean_arg);
	return count_open(listener->loop) > mean + mean / 4 + YIELD_MARGIN;
}

/* Errors of the connection that was to be accepted; accept(2) lists them. */
static bool
is_passing(int error)
{
	switch (error) {
	case ECONNABORTED:
	case EINTR:
	case EPERM: /* a firewall rule */
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case ETIMEDOUT: return true;
	default: return false;
	}
}

static const char *
advise(int error)
{
	switch (error) {
	case EMFILE:
		return "raise workers.nofile, or lower "
		       "workers.max_connections";
	case ENFILE: return "raise the system's fs.file-max";
	default: return "the system is short of memory for sockets";
	}
}

static void
wait_for_room(struct sh_listener *listener, int error)
{
	int64_t now_ms = sh_loop_now_ms(listener->loop);

	SH_COUNT(listener->loop->counters->accept_errors, 1);
	if (listener->warned_ms == 0 ||
	    now_ms - listener->warned_ms >= WARN_MS) {
		listener->warned_ms = now_ms;
		sh_log_warning("listener %s: cannot accept: %s; %s; trying "
			       "again every %d ms",
		    listener->options.name, shoal_strerror(error),
		    advise(error), RETRY_MS);
	}
	listener->waiting = true;
	pause_for(listener, RETRY_MS);
}

/* Accept one. False when there is nothing more to do now. */
static bool
accept_one(struct sh_listener *listener)
{
	struct sh_addr peer;
	int fd;

	peer.len = sizeof(peer.storage);
	fd = accept4(listener->event.ev_fd, &peer.sa, &peer.len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		listener->options.accepted(fd, &peer, listener->options.arg);
		return !listener->closed;
	}
	if (is_passing(errno))
		return true;
	if (errno != EAGAIN)
		wait_for_room(listener, errno);
	return false;
}

static void
accept_batch(struct sh_listener *listener, int left, bool polite)
{
	bool inside = listener->accepting, stopped = listener->stopped;

	listener->accepting = true;
	do {
		if (is_full(listener->loop)) {
			/* the next one waits in the kernel */
			listener->waiting = true;
			pause_for(listener, 0);
			break;
		}
		if (polite && must_yield(listener)) {
			listener->yielding = true;
			pause_for(listener, YIELD_MS);
			break;
		}
		/* a handler that is called there may stop it */
	} while (
	    accept_one(listener) && listener->stopped == stopped && --left > 0);
	listener->accepting = inside;
	if (listener->closed && !inside)
		free(listener);
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	accept_batch(arg, ACCEPTS_PER_TURN, true);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct sh_listener *listener = arg;
	bool yielded = listener->yielding;

	resume(listener);
	/* what is still there is wanted by nobody else: the emptier workers
	 * may be draining, full or stuck */
	if (yielded)
		accept_batch(listener, ACCEPTS_PER_TURN, false);
}

int
sh_listener_open(struct sh_loop *loop, int fd,
    const struct sh_listener_options *options, struct sh_listener **out)
{
	struct sh_listener *listener = sh_try_calloc(1, sizeof(*listener));

	if (listener == NULL) {
		close(fd);
		return -SHOAL_ENOMEM;
	}
	listener->loop = loop;
	listener->options = *options;
	event_assign(&listener->retry, loop->base, -1, 0, on_retry, listener);
	if (event_assign(&listener->event, loop->base, fd, EV_READ | EV_PERSIST,
		on_acceptable, listener) < 0 ||
	    event_add(&listener->event, NULL) < 0) {
		free(listener);
		close(fd);
		return -SHOAL_ENOMEM;
	}
	TAILQ_INSERT_TAIL(&loop->listeners, listener, link);
	*out = listener;
	return 0;
}

void
sh_listener_close(struct sh_listener **listener)
{
	struct sh_listener *l;

	if (listener == NULL || *listener == NULL)
		return;
	l = *listener;
	*listener = NULL;
	TAILQ_REMOVE(&l->loop->listeners, l, link);
	/* other processes may hold the socket: epoll would go on with it */
	event_del(&l->event);
	event_del(&l->retry);
	close(l->event.ev_fd);
	l->closed = true;
	if (!l->accepting)
		free(l);
}

void
sh_listener_accept_queued(struct sh_listener *listener)
{
	accept_batch(listener, QUEUED_MAX, false);
}

void
sh_listener_close_all(struct sh_loop *loop)
{
	struct sh_listener *listener;

	while ((listener = TAILQ_FIRST(&loop->listeners)) != NULL)
		sh_listener_close(&listener);
}
