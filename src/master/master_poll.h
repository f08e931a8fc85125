/* This file waits for descriptors: the master's one ppoll(2). The set is made
 * anew for each wait, since it is small and changes often. */
#pragma once

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

typedef void sh_poll_fn(void *arg, short revents);

struct sh_poll_set {
	struct pollfd *fds;
	struct sh_poll_entry {
		sh_poll_fn *fn;
		void *arg;
	} * entries;
	size_t count, cap;
};

/** Add a descriptor for the next wait; negative ones are ignored. */
void sh_poll_add(
    struct sh_poll_set *set, int fd, short events, sh_poll_fn *fn, void *arg);
/** Wait at most timeout_ms (-1: for ever), call the functions of what is
 *  ready, and empty the set. A function must check that its object is still
 *  there, because one before it may have closed it. */
void sh_poll_wait(struct sh_poll_set *set, int64_t timeout_ms);
/** Free what the set holds. */
void sh_poll_fini(struct sh_poll_set *set);
