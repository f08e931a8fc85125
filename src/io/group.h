/*
 * This file is a set of connections with the same session and limits: it finds
 * the idle ones and ends all of them. It does not accept any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "io/send_limits.h"

struct sh_conn;
struct sh_conn_ops;
struct sh_group;
struct sh_loop;

struct sh_group_options {
	const struct sh_conn_ops *ops;  /* lent */
	void *owner;                    /* for the session */
	size_t queue_high, queue_low;   /* bytes; low <= high */
	enum shoal_when_full when_full; /* see send_limits.h ... */
	int close_code;                 /* ... 0: SH_SLOW_CODE ... */
	int64_t stall_ms;               /* ... <= 0: never */
	int64_t idle_timeout_ms;        /* <= 0: none */
	void (*on_empty)(void *arg);    /* the last one has gone; NULL */
	void *on_empty_arg;
};

/** Make an empty group; options are copied. NULL when out of memory. */
struct sh_group *
sh_group_new(struct sh_loop *loop, const struct sh_group_options *options);
/** Free a group that has no connections. */
void sh_group_free(struct sh_group **group);
/** The session's pointer. */
void *sh_group_owner(const struct sh_group *group);
/** Connections in it, counted as in sh_loop_connections(). */
size_t sh_group_connections(const struct sh_group *group);
/** What a peer of it that does not read may cost. */
const struct sh_send_limits *sh_group_send_limits(const struct sh_group *group);
/** Call fn for every connection that does not linger; it may send and close. */
void sh_group_each(struct sh_group *group,
    void (*fn)(struct sh_conn *conn, void *arg), void *arg);
/** sh_conn_drain() for every connection. */
void sh_group_drain(struct sh_group *group, int64_t linger_ms);
/** sh_conn_shutdown() for every connection, and an end to lingering: those that
 *  no handler holds are gone afterwards, but for one whose callback calls. */
void sh_group_shutdown(struct sh_group *group);
/** Likewise, and forget the handlers that hold one: no coroutine of the loop may
 *  run any more. */
void sh_group_abandon(struct sh_group *group);
