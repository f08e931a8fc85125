/* This file waits for descriptors with one ppoll(2). */
#include "config.h"

#include "master/master_poll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"

void
sh_poll_add(
    struct sh_poll_set *set, int fd, short events, sh_poll_fn *fn, void *arg)
{
	if (fd < 0)
		return;
	if (set->count == set->cap) {
		set->cap = set->cap == 0 ? 32 : set->cap * 2;
		set->fds = sh_xgrow(set->fds, set->cap, sizeof(*set->fds));
		set->entries =
		    sh_xgrow(set->entries, set->cap, sizeof(*set->entries));
	}
	set->fds[set->count] = (struct pollfd){ .fd = fd, .events = events };
	set->entries[set->count++] =
	    (struct sh_poll_entry){ .fn = fn, .arg = arg };
}

void
sh_poll_wait(struct sh_poll_set *set, int64_t timeout_ms)
{
	struct timespec ts = { .tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000 };
	size_t i, count = set->count;
	int n = ppoll(set->fds, count, timeout_ms < 0 ? NULL : &ts, NULL);

	if (n < 0 && errno != EINTR)
		sh_log_err("ppoll: %s", strerror(errno));
	for (i = 0; n > 0 && i < count; i++)
		if (set->fds[i].revents != 0)
			set->entries[i].fn(
			    set->entries[i].arg, set->fds[i].revents);
	set->count = 0;
}

void
sh_poll_fini(struct sh_poll_set *set)
{
	free(set->fds);
	free(set->entries);
	*set = (struct sh_poll_set){ 0 };
}
