/*
 * This file is a set of connections with the same session and limits.
 *
 * Idle ones are found by a wheel: a message only stores the time, and each
 * connection is looked at once per timeout, at most two buckets late.
 */
#include "config.h"

#include "io/group.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/panic.h"
#include "io/conn_private.h"

enum {
	/* a timeout spans so many buckets, fewer than the wheel has */
	BUCKETS_PER_TIMEOUT = 8,
	LINGER_STEP_MS = 100,
	NO_BUCKET = SH_WHEEL_BUCKETS
};

static void
start_timer(struct event *timer, int64_t interval_ms)
{
	struct timeval interval = { .tv_sec = interval_ms / 1000,
		.tv_usec = interval_ms % 1000 * 1000 };

	if (event_add(timer, &interval) < 0)
		sh_panic(__FILE__, __LINE__, __func__, "out of memory");
}

/* Put a connection where the wheel comes by after its timeout. */
static void
insert(struct sh_group *group, struct sh_conn *conn)
{
	int64_t due_ms = conn->active_ms + group->options.idle_timeout_ms;

	conn->bucket = 0;
	if (group->width_ms != 0)
		conn->bucket = (uint8_t)((due_ms / group->width_ms + 1) %
		    SH_WHEEL_BUCKETS);
	TAILQ_INSERT_TAIL(&group->wheel[conn->bucket], conn, member);
}

static void
visit(struct sh_group *group, struct sh_conn *conn, int64_t now_ms)
{
	/* one that the session is busy with is idle later at the earliest */
	if (conn->state == SH_CONN_OPEN &&
	    group->options.ops->is_idle != NULL &&
	    !group->options.ops->is_idle(conn))
		conn->active_ms = now_ms;
	if (conn->active_ms + group->options.idle_timeout_ms > now_ms) {
		TAILQ_REMOVE(&group->wheel[conn->bucket], conn, member);
		insert(group, conn);
		return;
	}
	if (conn->state == SH_CONN_OPEN)
		SH_COUNT(group->loop->counters->timeouts, 1);
	sh_conn_fail(conn, SHOAL_CLOSE_TIMEOUT, 0);
}

static void
sweep(struct sh_group *group, const struct sh_conn_list *bucket, int64_t now_ms)
{
	struct sh_conn *conn = TAILQ_FIRST(bucket), *next;
	const struct sh_conn *last = TAILQ_LAST(bucket, sh_conn_list);
	bool more = conn != NULL;

	/* after a long stall, one that was active just now may come back to
	 * the end of this very bucket */
	for (; more; conn = next) {
		next = TAILQ_NEXT(conn, member);
		more = conn != last;
		visit(group, conn, now_ms);
	}
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct sh_group *group = arg;
	int64_t now_ms = sh_loop_now_ms(group->loop);
	int64_t number = now_ms / group->width_ms;

	if (number - group->swept > SH_WHEEL_BUCKETS)
		group->swept = number - SH_WHEEL_BUCKETS;
	while (group->swept < number)
		sweep(group, &group->wheel[++group->swept % SH_WHEEL_BUCKETS],
		    now_ms);
}

static void
on_linger(evutil_socket_t fd, short what, void *arg)
{
	struct sh_group *group = arg;
	int64_t now_ms = sh_loop_now_ms(group->loop);
	struct sh_conn *conn, *next;

	for (conn = TAILQ_FIRST(&group->lingering); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, member);
		if (conn->active_ms <= now_ms)
			sh_conn_release(conn);
	}
	if (TAILQ_EMPTY(&group->lingering))
		event_del(&group->linger_timer);
}

struct sh_group *
sh_group_new(struct sh_loop *loop, const struct sh_group_options *options)
{
	const struct sh_send_limits limits = {
		.high = options->queue_high,
		.low = options->queue_low,
		.when_full = options->when_full,
		.close_code = options->close_code,
		.stall_ms = options->stall_ms,
	};
	int number = sh_send_limits_need(loop, &limits);
	struct sh_group *group;
	size_t i;

	if (number < 0)
		return NULL;
	group = sh_try_calloc(1, sizeof(*group));
	if (group == NULL)
		return NULL;
	group->limits = (uint16_t)number;
	group->magic = SH_GROUP_MAGIC;
	group->loop = loop;
	group->options = *options;
	if (options->idle_timeout_ms > 0)
		group->width_ms =
		    1 + options->idle_timeout_ms / BUCKETS_PER_TIMEOUT;
	for (i = 0; i < SH_WHEEL_BUCKETS; i++)
		TAILQ_INIT(&group->wheel[i]);
	TAILQ_INIT(&group->lingering);
	TAILQ_INSERT_TAIL(&loop->groups, group, link);
	event_assign(
	    &group->idle_timer, loop->base, -1, EV_PERSIST, on_idle, group);
	event_assign(
	    &group->linger_timer, loop->base, -1, EV_PERSIST, on_linger, group);
	return group;
}

void
sh_group_free(struct sh_group **group)
{
	if (group == NULL || *group == NULL)
		return;
	SH_CHECK(*group, SH_GROUP_MAGIC);
	sh_assert((*group)->count == 0);
	event_del(&(*group)->idle_timer);
	event_del(&(*group)->linger_timer);
	TAILQ_REMOVE(&(*group)->loop->groups, *group, link);
	(*group)->magic = 0;
	free(*group);
	*group = NULL;
}

void *
sh_group_owner(const struct sh_group *group)
{
	return group->options.owner;
}

const struct sh_send_limits *
sh_group_send_limits(const struct sh_group *group)
{
	return &group->loop->limits[group->limits];
}

size_t
sh_group_connections(const struct sh_group *group)
{
	return group->count;
}

void
sh_group_add(struct sh_group *group, struct sh_conn *conn)
{
	if (group->count++ == 0 && group->width_ms != 0) {
		group->swept = sh_loop_now_ms(group->loop) / group->width_ms;
		start_timer(&group->idle_timer, group->width_ms);
	}
	insert(group, conn);
}

static struct sh_conn_list *
list_of(struct sh_conn *conn)
{
	return conn->bucket == NO_BUCKET ? &conn->group->lingering
					 : &conn->group->wheel[conn->bucket];
}

void
sh_group_remove(struct sh_conn *conn)
{
	struct sh_group *group = conn->group;

	TAILQ_REMOVE(list_of(conn), conn, member);
	if (--group->count != 0)
		return;
	event_del(&group->idle_timer);
	if (group->options.on_empty != NULL)
		group->options.on_empty(group->options.on_empty_arg);
}

void
sh_group_linger(struct sh_conn *conn, int64_t linger_ms)
{
	struct sh_group *group = conn->group;

	TAILQ_REMOVE(list_of(conn), conn, member);
	conn->bucket = NO_BUCKET;
	conn->active_ms = sh_loop_now_ms(group->loop) + linger_ms;
	if (!evtimer_pending(&group->linger_timer, NULL))
		start_timer(&group->linger_timer, LINGER_STEP_MS);
	TAILQ_INSERT_TAIL(&group->lingering, conn, member);
}

void
sh_group_each(struct sh_group *group,
    void (*fn)(struct sh_conn *conn, void *arg), void *arg)
{
	struct sh_conn *conn;
	size_t i;

	for (i = 0; i < SH_WHEEL_BUCKETS; i++)
		TAILQ_FOREACH(conn, &group->wheel[i], member)
			fn(conn, arg);
}

static void
drain_one(struct sh_conn *conn, void *arg)
{
	const int64_t *linger_ms = arg;

	sh_conn_drain(conn, *linger_ms);
}

void
sh_group_drain(struct sh_group *group, int64_t linger_ms)
{
	sh_group_each(group, drain_one, &linger_ms);
}

static void
shut_list(struct sh_conn_list *list)
{
	struct sh_conn *conn, *next;

	for (conn = TAILQ_FIRST(list); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, member);
		sh_conn_shutdown(conn);
	}
}

void
sh_group_shutdown(struct sh_group *group)
{
	size_t i;

	for (i = 0; i < SH_WHEEL_BUCKETS; i++)
		shut_list(&group->wheel[i]);
	shut_list(&group->lingering);
}

void
sh_group_abandon(struct sh_group *group)
{
	size_t i;

	sh_group_shutdown(group);
	for (i = 0; i < SH_WHEEL_BUCKETS; i++)
		while (!TAILQ_EMPTY(&group->wheel[i]))
			sh_conn_abandon(TAILQ_FIRST(&group->wheel[i]));
}

void
sh_group_abandon_all(struct sh_loop *loop)
{
	struct sh_group *group;

	while ((group = TAILQ_FIRST(&loop->groups)) != NULL) {
		group->options.on_empty = NULL;
		sh_group_abandon(group);
		event_del(&group->idle_timer);
		event_del(&group->linger_timer);
		TAILQ_REMOVE(&loop->groups, group, link);
	}
}
