/*
 * This file opens one connection and waits until what is spoken on it may begin;
 * it sends no messages.
 */
#include "config.h"

#include "load.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { PEEK_AGAIN_US = 1000 };

/* Say the greeting and have it answered; 0 or -errno. */
static int
shake_hands(int fd, const struct load_options *options)
{
	const char *text = options->protocol->greeting();
	uint64_t end_ns = load_now() + (uint64_t)options->timeout_ms * 1000000;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char head[4096];
	ssize_t n = 0;

	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		return -EPIPE;
	while (n == 0) {
		if (load_now() > end_ns)
			return -ETIMEDOUT;
		poll(&pfd, 1, options->timeout_ms);
		n = load_net_take_head(fd, head, sizeof(head));
		if (n == 0)
			usleep(PEEK_AGAIN_US);
	}
	return n < 0                              ? (int)n
	    : options->protocol->is_welcome(head) ? 0
						  : -EPROTO;
}

int
load_open(const struct load_options *options, int number)
{
	int rc,
	    fd = load_net_connect_wait(&options->target,
		number % options->sources, options->timeout_ms);

	if (fd < 0 || options->protocol->greeting == NULL)
		return fd;
	rc = shake_hands(fd, options);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}
