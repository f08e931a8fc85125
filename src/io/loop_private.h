/*
 * This file is what the files of this folder know of the loop; it is not for
 * other folders.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "base/attr.h"
#include "base/counters.h"
#include "io/id_table.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/queue.h"
#include "io/shared.h"

struct sh_conn;
struct sh_group;
struct sh_signals;
struct sh_stall;
struct sh_socket;
struct sh_resolver;
struct sh_thread_pool;
struct sh_wheel;

enum {
	/* what one read(2) takes at most, and a connection gets in a turn;
	 * more than 64 KiB, so that a message of so much comes with its header
	 * in one read and needs no memory of its own */
	SH_READ_SIZE = 128 * 1024,
	/* answers of one event are collected up to here */
	SH_CORK_SIZE = 16 * 1024
};

TAILQ_HEAD(sh_conn_list, sh_conn);
TAILQ_HEAD(sh_listener_list, sh_listener);
TAILQ_HEAD(sh_group_list, sh_group);
LIST_HEAD(sh_socket_list, sh_socket);
LIST_HEAD(sh_fd_wait_list, sh_fd_wait);
TAILQ_HEAD(sh_task_list, sh_loop_task);

/* What the connection that is being served has sent. */
struct sh_cork {
	size_t len;
	unsigned sends;   /* since it was empty */
	int64_t since_ns; /* coarse time of the second one of them */
	char data[SH_CORK_SIZE];
};

struct sh_loop {
	struct event_base *base;
	struct sh_loop_options options;
	struct sh_counters *counters; /* never NULL */
	struct sh_co_pool *coroutines;
	size_t outside_waits;            /* coroutines that an event may wake */
	struct sh_fd_wait_list fd_waits; /* of await.c, on their stacks */
	bool has_posters;                /* any of them, a thread may */
	struct sh_thread_pool *threads;  /* NULL: none yet, as the next one */
	struct sh_resolver *resolver;
	char *read_buffer;  /* SH_READ_SIZE, and one for a NUL behind it */
	size_t read_size;   /* bytes of it that are used */
	char *spare_buffer; /* to take its place, or NULL */
	size_t pinned;      /* buffers that sessions have kept ... */
	bool is_pinned;     /* ... and read_buffer is one of them */
	struct event tick;  /* once a second */
	uint64_t turns;
	int64_t now_ms; /* valid when now_known */
	bool now_known;
	bool stopping;
	bool emptied; /* on_no_connections is due */

	struct sh_id_table conns; /* those that have not ended */
	uint64_t last_conn;       /* sequence part of the last id */
	size_t conn_count;        /* descriptors, lingering ones too */
	size_t lingering_count;
	struct sh_conn_list ready; /* to be served without an event */
	size_t ready_count;
	struct sh_conn_list unsettled; /* to be written or ended this turn */
	struct sh_conn_list unproven;  /* may have been reset unnoticed */
	struct sh_conn_list dead;      /* to be freed in this turn */

	size_t queues_max;             /* SIZE_MAX: no cap */
	struct sh_send_limits *limits; /* by number, of all sorts there were */
	size_t limits_count;
	struct sh_stall *stalls; /* see stall.c */
	size_t stall_count, stall_cap;
	const struct sh_conn_hooks *conn_hooks; /* NULL: nobody looks */

	struct sh_conn *serving; /* its sends go to the cork, or NULL */
	bool read_short;         /* its socket seemed empty ... */
	bool sent;               /* ... and it was written to since */
	struct sh_cork cork;

	struct sh_task_list tasks; /* that have something left */

	struct sh_listener_list listeners;
	struct sh_group_list groups;
	struct sh_signals *signals;    /* NULL: none was waited for */
	struct sh_socket_list sockets; /* those with an event */
	struct sh_id_table timers;
	uint64_t last_timer;
	struct sh_wheel *timer_wheel; /* NULL: none was set yet */
};

/** Whether all send queues together take more memory than they may; asked for every
 *  read. */
static inline bool
sh_loop_is_short(const struct sh_loop *loop)
{
	return sh_queue_memory() + sh_shared_memory() > loop->queues_max;
}

/** As sh_loop_now_ms(), which is asked for several times by every message. */
static inline int64_t
sh_loop_turn_ms(struct sh_loop *loop)
{
	return SH_LIKELY(loop->now_known) ? loop->now_ms : sh_loop_now_ms(loop);
}

/** Coarse monotonic time in nanoseconds; some 5 ns instead of 30. */
int64_t sh_loop_coarse_ns(void);
/** Let signals act again that were waited for, and clear the pointer; NULL is
 *  fine. */
void sh_signals_free(struct sh_signals **signals);
/** Forget the timers that are set, and clear the pointer; NULL is fine. */
void sh_wheel_free(struct sh_wheel **wheel);
/** Close those that are left, when the loop ends. */
void sh_listener_close_all(struct sh_loop *loop);
/** Close the connections that are left, when the loop ends. */
void sh_group_abandon_all(struct sh_loop *loop);
/** Wake up listeners that wait for a descriptor; called when one is closed. */
void sh_listener_wake_all(struct sh_loop *loop);
