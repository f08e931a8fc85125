/*
 * This file is what the files of this folder know of a connection; it is not
 * for other folders.
 */
#pragma once

#include <stdbool.h>
#include <sys/uio.h>

#include "io/conn.h"
#include "io/group.h"
#include "io/loop_private.h"
#include "io/queue.h"
#include "io/send_limits.h"

enum {
	SH_CONN_MAGIC = 0x6e6e6f63,
	SH_GROUP_MAGIC = 0x70757267,
	/* how long a closed connection waits for its peer's end */
	SH_LINGER_MS = 2000
};

/* A connection moves down this list, and may leave steps out. */
enum sh_conn_state {
	SH_CONN_OPEN,
	SH_CONN_CLOSING,   /* ends when its queue is empty */
	SH_CONN_FAILED,    /* ends now; the queue is gone */
	SH_CONN_ENDING,    /* the session is being told */
	SH_CONN_LINGERING, /* the session is done; reads to the end */
	SH_CONN_DEAD       /* closed; freed at the end of the turn */
};

/*
 * There may be a million of these: everything that only a busy connection
 * needs is elsewhere.
 */
struct sh_conn {
	uint32_t magic;
	uint8_t state;          /* enum sh_conn_state */
	uint8_t cause;          /* enum shoal_close_cause, when it is
					   no longer OPEN */
	uint8_t bucket;         /* of the group's wheel */
	uint8_t peer_family;    /* AF_* */
	uint16_t peer_port;     /* network order */
	uint8_t peer_ip[16];    /* 4 or 16 bytes */
	bool paused : 1;        /* by the handler */
	bool stalled : 1;       /* by the session, for its own reasons */
	bool missed : 1;        /* there may be something to read */
	bool kept : 1;          /* the session has input to hand on */
	bool held : 1;          /* may not end: the handler is in a wait */
	bool half : 1;          /* nothing more is to be sent */
	bool shut : 1;          /* the peer has been told of our end */
	bool telling : 1;       /* ENDING: the callback has not returned, or
					   waited */
	bool lingers : 1;       /* likewise: is to linger */
	bool flushing : 1;      /* writable() is for an empty queue */
	bool eof : 1;           /* read(2) has returned 0 */
	bool hangup : 1;        /* EV_CLOSED: an end is to be read */
	bool blocked : 1;       /* kernel is full; EV_WRITE will come */
	bool refused : 1;       /* on_writable is owed */
	bool aborted : 1;       /* close with a reset */
	bool draining : 1;      /* ends when drain_left has been read */
	bool is_ready : 1;      /* on the list of that name */
	bool is_unsettled : 1;  /* likewise */
	bool is_unproven : 1;   /* likewise */
	bool full : 1;          /* has been above its high-water mark, and not
					   at the low one since */
	bool conflated : 1;     /* full: one message of each key waits */
	bool followed : 1;      /* the loop's hooks are told */
	bool watched : 1;       /* is on the list of stall.c ... */
	bool moved : 1;         /* ... and took something since it was looked
					   at */
	uint16_t limits;        /* number of its struct sh_send_limits */
	int error;              /* of SHOAL_CLOSE_ERROR */
	uint32_t drain_left;    /* bytes that were there at the drain */
	struct event event;     /* added once */
	struct sh_id_node node; /* its number */
	struct sh_loop *loop;
	struct sh_group *group;
	struct sh_queue queue;       /* what the kernel did not take */
	int64_t active_ms;           /* last read or write; LINGERING: until
					   when to wait */
	void *data;                  /* the handler's */
	void *session;               /* the session's */
	TAILQ_ENTRY(sh_conn) member; /* of the group; DEAD: of dead */
	TAILQ_ENTRY(sh_conn) ready;
	TAILQ_ENTRY(sh_conn) unsettled;
	TAILQ_ENTRY(sh_conn) unproven;
};

/** What a peer that does not read may cost. */
static inline const struct sh_send_limits *
sh_conn_limits(const struct sh_conn *conn)
{
	return &conn->loop->limits[conn->limits];
}

enum { SH_WHEEL_BUCKETS = 16 };

struct sh_group {
	uint32_t magic;
	struct sh_loop *loop;
	struct sh_group_options options;
	uint16_t limits;  /* number, of new connections */
	size_t count;     /* lingering ones too */
	int64_t width_ms; /* of a bucket; 0: no timeout */
	int64_t swept;    /* last bucket number visited */
	int64_t drain_linger_ms;
	struct event idle_timer;
	struct event linger_timer;
	struct sh_conn_list wheel[SH_WHEEL_BUCKETS]; /* by next check */
	struct sh_conn_list lingering;
	TAILQ_ENTRY(sh_group) link; /* of the loop */
};

/* --- conn_event.c: who is served when --- */

/** libevent's callback. */
void sh_conn_on_event(evutil_socket_t fd, short what, void *arg);
/** Let a connection's sends go to the cork. Returns who was served before. */
struct sh_conn *sh_conn_serve_begin(struct sh_conn *conn);
/** Write what it has sent, and end it if it is to end. */
void sh_conn_serve_end(struct sh_conn *conn, struct sh_conn *before);
/** Serve a connection in the next turn though there is no event. */
void sh_conn_make_ready(struct sh_conn *conn);
/** Write its queue, or end it, when the turn ends. */
void sh_conn_make_unsettled(struct sh_conn *conn);
/** Take it off these lists. */
void sh_conn_unlist(struct sh_conn *conn);
/** Serve the ready list as it stands. */
void sh_conn_serve_ready(struct sh_loop *loop);
/** Write and end what the turn has left over. */
void sh_conn_settle_all(struct sh_loop *loop);
/** Look again at connections that may have been reset unnoticed. */
void sh_conn_prove_all(struct sh_loop *loop);

/* --- conn_read.c --- */

/** Read its share of the turn and hand it to the session. */
void sh_conn_read(struct sh_conn *conn);
/** Read its share of the turn and throw it away; may release it. */
void sh_conn_discard(struct sh_conn *conn);
/** Whether it was reset, without reading; fails it then. */
void sh_conn_check_reset(struct sh_conn *conn);

/* --- conn_write.c, cork.c --- */

/** Write its queue as far as the kernel takes it. */
void sh_conn_write_queue(struct sh_conn *conn);
/** Queue bytes behind those that are queued. 0 or -SHOAL_ENOMEM. */
int sh_conn_enqueue(struct sh_conn *conn, const void *data, size_t len);
/** Whether writable() is due. */
bool sh_conn_is_writable(const struct sh_conn *conn);
/** Forget what is queued. */
void sh_conn_drop_queue(struct sh_conn *conn);
/** write(2) and its failures: bytes taken, perhaps 0 or fewer than len, then
 *  it is blocked; -1 when it has failed the connection. */
ssize_t sh_conn_transmit(
    struct sh_conn *conn, const struct iovec *vectors, size_t n, size_t len);
/** Collect a message of the connection that is being served. 0 or
 *  -SHOAL_ENOMEM. */
int sh_cork_add(struct sh_loop *loop, const void *data, size_t len);
/** Add a message of several parts (copies). False: there is no room for it, and
 *  nothing was taken. */
bool
sh_cork_add_parts(struct sh_loop *loop, const struct iovec *parts, int count);
/** Write what has been collected. */
void sh_cork_flush(struct sh_loop *loop);

/* --- conn_shared.c --- */

/** It is not full any more. */
void sh_conn_note_room(struct sh_conn *conn);
/** It was full and is not any more: tell who follows. */
void sh_conn_tell_drained(struct sh_conn *conn);
/** It ends: likewise. */
void sh_conn_tell_ended(struct sh_conn *conn);

/* --- stall.c --- */

/** The kernel takes nothing more for now. */
void sh_stall_watch(struct sh_conn *conn);
/** Cut those that have taken nothing for too long; once a second. */
void sh_stall_check(struct sh_loop *loop);

/* --- conn_end.c --- */

/** End it without its queue. error is 0 or -errno. */
void
sh_conn_fail(struct sh_conn *conn, enum shoal_close_cause cause, int error);
/** Take the next step if it is time to end; outside of its callbacks only. */
void sh_conn_settle(struct sh_conn *conn);
/** Close the descriptor. */
void sh_conn_release(struct sh_conn *conn);
/** Close one that is held by a handler that will never run again. */
void sh_conn_abandon(struct sh_conn *conn);
/** Free those that died in this turn. */
void sh_conn_free_dead(struct sh_loop *loop);

/* --- group.c --- */

/** Become a member. */
void sh_group_add(struct sh_group *group, struct sh_conn *conn);
/** Leave, for good. */
void sh_group_remove(struct sh_conn *conn);
/** Go from the active members to the lingering ones. */
void sh_group_linger(struct sh_conn *conn, int64_t linger_ms);
