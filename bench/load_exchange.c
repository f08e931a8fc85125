/*
 * This file is one connection with one message and its answer; it does not
 * decide how many there are, nor when.
 */
#include "config.h"

#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static enum load_outcome
outcome_of(int error)
{
	switch (error) {
	case ECONNREFUSED: return LOAD_REFUSED;
	case ECONNRESET:
	case EPIPE: return LOAD_RESET;
	case ETIMEDOUT: return LOAD_UNANSWERED;
	default: return LOAD_FAILED;
	}
}

void
load_exchange_start(struct load_exchange *ex,
    const struct load_options *options, int epoll_fd, uint64_t number)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP |
		    EPOLLET,
		.data.ptr = ex };

	*ex = (struct load_exchange){ .options = options,
		.talk.number = number,
		.started_ns = load_now() };
	ex->fd = load_net_connect(
	    &options->target, (int)(number % (uint64_t)options->sources));
	if (ex->fd < 0) {
		ex->outcome = outcome_of(-ex->fd);
		ex->fd = -1;
	} else if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ex->fd, &event) != 0) {
		ex->outcome = LOAD_FAILED;
	}
}

/* EPOLLOUT comes before a connection is made, too, when it has failed. */
static void
finish_connect(struct load_exchange *ex)
{
	int error = 0;
	socklen_t len = sizeof(error);
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof(peer);

	if (getsockopt(ex->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0)
		ex->outcome = outcome_of(error);
	else if (getpeername(ex->fd, (struct sockaddr *)&peer, &peer_len) == 0)
		ex->connected = true;
}

/* A head is less than a socket takes at once. */
static void
send_greeting(struct load_exchange *ex)
{
	const char *text = ex->options->protocol->greeting();
	ssize_t n = send(ex->fd, text, strlen(text), MSG_NOSIGNAL);

	ex->greeted = true;
	if (n != (ssize_t)strlen(text))
		ex->outcome = n < 0 ? outcome_of(errno) : LOAD_FAILED;
}

static void
receive_welcome(struct load_exchange *ex)
{
	static char head[4096];
	ssize_t n = load_net_take_head(ex->fd, head, sizeof(head));

	if (n == -ENOTCONN)
		ex->outcome = LOAD_UNANSWERED;
	else if (n < 0)
		ex->outcome = outcome_of((int)-n);
	else if (n > 0 && !ex->options->protocol->is_welcome(head))
		ex->outcome = LOAD_MISMATCHED;
	else if (n > 0)
		ex->welcome = true;
}

static void
send_rest(struct load_exchange *ex)
{
	const struct load_options *options = ex->options;

	while (ex->sent < options->message_size) {
		size_t len = options->message_size - ex->sent;
		ssize_t n;

		if (len > LOAD_CHUNK)
			len = LOAD_CHUNK;
		n = send(ex->fd,
		    options->protocol->bytes_at(&ex->talk, ex->sent), len,
		    MSG_NOSIGNAL);
		if (n < 0) {
			if (errno != EAGAIN)
				ex->outcome = outcome_of(errno);
			return;
		}
		ex->sent += (size_t)n;
	}
}

static void
take_answer(struct load_exchange *ex, const void *data, size_t len)
{
	int64_t answers = ex->options->protocol->take(&ex->talk, data, len);

	if (answers == 1 && ex->talk.partial == 0)
		ex->outcome = LOAD_ANSWERED;
	else if (answers != 0)
		ex->outcome = LOAD_MISMATCHED;
}

static void
receive_answer(struct load_exchange *ex)
{
	static char buf[64 * 1024];

	while (ex->outcome == LOAD_RUNNING) {
		ssize_t n = recv(ex->fd, buf, sizeof(buf), 0);

		if (n > 0) {
			take_answer(ex, buf, (size_t)n);
		} else if (n == 0) {
			ex->outcome = LOAD_UNANSWERED;
		} else {
			if (errno != EAGAIN)
				ex->outcome = outcome_of(errno);
			return;
		}
	}
}

void
load_exchange_step(struct load_exchange *ex)
{
	if (!ex->connected)
		finish_connect(ex);
	if (!ex->connected || ex->outcome != LOAD_RUNNING)
		return;
	if (ex->options->protocol->greeting != NULL && !ex->welcome) {
		if (!ex->greeted)
			send_greeting(ex);
		if (ex->outcome == LOAD_RUNNING)
			receive_welcome(ex);
		if (!ex->welcome)
			return;
	}
	send_rest(ex);
	if (ex->outcome == LOAD_RUNNING)
		receive_answer(ex);
}

void
load_exchange_close(struct load_exchange *ex)
{
	if (ex->fd >= 0)
		close(ex->fd);
	ex->fd = -1;
	free(ex->talk.rest);
	ex->talk.rest = NULL;
}

void
load_outcomes_report(const uint64_t counts[LOAD_OUTCOMES])
{
	load_report_count("answered", counts[LOAD_ANSWERED]);
	load_report_count("refused", counts[LOAD_REFUSED]);
	load_report_count("reset", counts[LOAD_RESET]);
	load_report_count("unanswered", counts[LOAD_UNANSWERED]);
	load_report_count("mismatched", counts[LOAD_MISMATCHED]);
	load_report_count("failed", counts[LOAD_FAILED]);
}

bool
load_outcomes_good(const uint64_t counts[LOAD_OUTCOMES])
{
	return counts[LOAD_ANSWERED] > 0 && counts[LOAD_REFUSED] == 0 &&
	    counts[LOAD_RESET] == 0 && counts[LOAD_UNANSWERED] == 0 &&
	    counts[LOAD_MISMATCHED] == 0 && counts[LOAD_FAILED] == 0;
}
