/* This file reads the bus in a worker's loop. */
#include "config.h"

#include "topic/bus_link.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/counters.h"
#include "base/mem.h"
#include "base/panic.h"
#include "io/loop.h"

enum {
	/* of one turn: messages for many thousand connections may be among them */
	SHARE_RECORDS = 128,
	SHARE_BYTES = 64 * 1024
};

TAILQ_HEAD(follower_list, sh_bus_follower);

struct sh_bus_link {
	struct sh_loop *loop;
	struct sh_bus_self *bus;
	struct sh_watch *watch;
	struct sh_loop_task waking; /* begun while others are to be woken */
	struct follower_list followers;
	struct sh_bus_follower *next; /* that is told, if it is still there */
};

static struct sh_bus_link *current;

/* Of the followers, one after the other, which may come and go meanwhile. */
static struct sh_bus_follower *
first(struct sh_bus_link *link)
{
	struct sh_bus_follower *follower = TAILQ_FIRST(&link->followers);

	link->next = follower != NULL ? TAILQ_NEXT(follower, link) : NULL;
	return follower;
}

static struct sh_bus_follower *
next(struct sh_bus_link *link)
{
	struct sh_bus_follower *follower = link->next;

	link->next = follower != NULL ? TAILQ_NEXT(follower, link) : NULL;
	return follower;
}

static void
hand_out(struct sh_bus_link *link, const struct sh_record *record)
{
	struct sh_bus_follower *follower;

	for (follower = first(link); follower != NULL; follower = next(link))
		if (record->kind >= follower->from_kind &&
		    record->kind <= follower->to_kind)
			follower->received(record, follower->arg);
}

static void
tell_lost(struct sh_bus_link *link, uint32_t process)
{
	struct sh_bus_follower *follower;

	for (follower = first(link); follower != NULL; follower = next(link))
		if (follower->lost != NULL)
			follower->lost(process, follower->arg);
}

static void
tell_turned(struct sh_bus_link *link, bool read_all)
{
	struct sh_bus_follower *follower;

	for (follower = first(link); follower != NULL; follower = next(link))
		if (follower->turned != NULL)
			follower->turned(read_all, follower->arg);
}

/* A share of it. Whether all has been read, and another edge will come. */
static bool
read_share(struct sh_bus_link *link)
{
	struct sh_record record;
	size_t bytes = 0;
	unsigned n = 0;
	bool awake = false;

	while (n < SHARE_RECORDS && bytes < SHARE_BYTES) {
		int r = sh_bus_read(link->bus, &record);

		if (r == 0 && awake)
			return true;
		/* only now: while it is not said, writers write no eventfd */
		if (r == 0) {
			sh_bus_awake(link->bus);
			awake = true;
			continue;
		}
		n++;
		if (r < 0) {
			tell_lost(link, record.from);
			continue;
		}
		bytes += record.len;
		hand_out(link, &record);
	}
	sh_bus_yield(link->bus);
	return false;
}

static void
publish_counters(const struct sh_bus_link *link)
{
	struct sh_counters *counters = sh_loop_options(link->loop)->counters;
	const struct sh_bus_stats *stats = sh_bus_stats(link->bus);

	if (counters == NULL)
		return;
	SH_SET(counters->bus_written, stats->written);
	SH_SET(counters->bus_read, stats->read);
	SH_SET(counters->bus_refused, stats->refused);
	SH_SET(counters->bus_lapped, stats->lapped);
}

static void
on_edge(int fd, void *arg)
{
	struct sh_bus_link *link = arg;
	bool read_all = read_share(link);

	publish_counters(link);
	tell_turned(link, read_all);
}

static void
on_owed(void *arg)
{
	struct sh_bus_link *link = arg;

	sh_loop_task_begin(link->loop, &link->waking);
}

static bool
wake_others(void *arg)
{
	struct sh_bus_link *link = arg;

	sh_bus_flush(link->bus);
	return false;
}

int
sh_bus_link_open(struct sh_loop *loop, const struct sh_bus_options *options,
    struct sh_bus_link **out)
{
	struct sh_bus_link *link = sh_try_calloc(1, sizeof(*link));
	int r;

	sh_assert(current == NULL);
	if (link == NULL)
		return -SHOAL_ENOMEM;
	link->loop = loop;
	TAILQ_INIT(&link->followers);
	r = sh_bus_join(options, &link->bus);
	if (r == 0)
		r = sh_loop_watch_edges(
		    loop, sh_bus_fd(link->bus), on_edge, link, &link->watch);
	if (r < 0) {
		sh_bus_leave(&link->bus);
		free(link);
		return r;
	}
	link->waking = (struct sh_loop_task){ .fn = wake_others, .arg = link };
	sh_bus_defer(link->bus, on_owed, link);
	current = link;
	*out = link;
	return 0;
}

void
sh_bus_link_close(struct sh_bus_link **link)
{
	struct sh_bus_link *l;

	if (link == NULL || *link == NULL)
		return;
	l = *link;
	sh_assert(TAILQ_EMPTY(&l->followers));
	publish_counters(l);
	sh_loop_task_end(l->loop, &l->waking);
	sh_loop_unwatch(&l->watch);
	sh_bus_leave(&l->bus);
	if (current == l)
		current = NULL;
	free(l);
	*link = NULL;
}

struct sh_bus_link *
sh_bus_link_current(void)
{
	return current;
}

struct sh_bus_self *
sh_bus_link_bus(struct sh_bus_link *link)
{
	return link->bus;
}

void
sh_bus_link_follow(struct sh_bus_link *link, struct sh_bus_follower *follower)
{
	TAILQ_INSERT_TAIL(&link->followers, follower, link);
}

void
sh_bus_link_unfollow(struct sh_bus_link *link, struct sh_bus_follower *follower)
{
	struct sh_bus_follower *other;

	TAILQ_FOREACH(other, &link->followers, link) {
		if (other != follower)
			continue;
		if (link->next == follower)
			link->next = TAILQ_NEXT(follower, link);
		TAILQ_REMOVE(&link->followers, follower, link);
		return;
	}
}

void
sh_bus_link_soon(struct sh_bus_link *link)
{
	sh_bus_yield(link->bus);
}

int
sh_bus_link_write(struct sh_bus_link *link, const struct sh_record *record,
    const struct iovec *parts, int count)
{
	int r = sh_bus_write(link->bus, record, parts, count);

	publish_counters(link);
	return r;
}

int
sh_bus_link_tell(struct sh_bus_link *link, const struct sh_bus_peer *to,
    uint32_t kind, const struct iovec *parts, int count)
{
	struct sh_record record = { .to = to->process,
		.to_incarnation = to->incarnation,
		.kind = kind };

	return sh_bus_link_write(link, &record, parts, count);
}
