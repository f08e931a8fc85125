/* This file tells when a descriptor that is not a connection is readable. */
#include "config.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "io/loop_private.h"

struct sh_watch {
	struct event event;
	sh_watch_fn *fn;
	void *arg;
};

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct sh_watch *watch = arg;

	watch->fn(fd, watch->arg);
}

static int
watch_for(struct sh_loop *loop, int fd, short what, sh_watch_fn *fn, void *arg,
    struct sh_watch **out)
{
	struct sh_watch *watch = sh_try_calloc(1, sizeof(*watch));

	if (watch == NULL)
		return -SHOAL_ENOMEM;
	watch->fn = fn;
	watch->arg = arg;
	if (event_assign(&watch->event, loop->base, fd, what | EV_PERSIST,
		on_readable, watch) < 0 ||
	    event_add(&watch->event, NULL) < 0) {
		free(watch);
		return -SHOAL_ENOMEM;
	}
	*out = watch;
	return 0;
}

int
sh_loop_watch(struct sh_loop *loop, int fd, sh_watch_fn *fn, void *arg,
    struct sh_watch **out)
{
	return watch_for(loop, fd, EV_READ, fn, arg, out);
}

int
sh_loop_watch_edges(struct sh_loop *loop, int fd, sh_watch_fn *fn, void *arg,
    struct sh_watch **out)
{
	return watch_for(loop, fd, EV_READ | EV_ET, fn, arg, out);
}

void
sh_loop_unwatch(struct sh_watch **watch)
{
	if (watch == NULL || *watch == NULL)
		return;
	event_del(&(*watch)->event);
	free(*watch);
	*watch = NULL;
}
