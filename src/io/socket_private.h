/*
 * This file is what the files of a coroutine's socket (socket*.c) know of each
 * other; it is not for anybody else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "base/sock.h"
#include "io/await.h"
#include "io/socket.h"

enum {
	SH_SOCKET_MAGIC = 0x50c4e700,
	/* what a small read takes ahead; a read of as much needs no buffer */
	SH_SOCKET_BUFFER = 8 * 1024,
	/* what one direction may do in a turn before others have theirs */
	SH_SOCKET_TURN_BYTES = 256 * 1024,
	SH_SOCKET_TURN_CALLS = 64,
	/* how long to wait for what no event will tell */
	SH_SOCKET_PAUSE_US = 10 * 1000
};

/* A call that uses a socket and may wait there; on its coroutine's stack. */
struct sh_socket_use {
	TAILQ_ENTRY(sh_socket_use) link; /* of writers */
	struct sh_co *co;
	const char *place;
	int64_t deadline_us;
	bool cancelled;
};
TAILQ_HEAD(sh_socket_uses, sh_socket_use);

/* What one direction has done in this turn. */
struct sh_socket_share {
	uint64_t turn;
	size_t bytes;
	unsigned calls;
};

struct sh_socket {
	uint32_t magic;
	int fd; /* -1: closed, and kept for those who still use it */
	int type;
	unsigned refs;      /* who may close it, and every use */
	int failed;         /* what ended it: an end that follows is none */
	bool gap;           /* bytes that were read are lost */
	bool broken;        /* half a message was sent */
	bool shut;          /* for writing, by ourselves */
	bool no_descriptor; /* the last accept failed for that */
	bool watched;

	struct event event;         /* edge-triggered, from the first wait on */
	LIST_ENTRY(sh_socket) link; /* of the loop, while watched */
	struct sh_socket_use *reader;
	struct sh_socket_uses writers; /* the first one has the turn */
	struct sh_socket_share in, out;

	char *data; /* NULL while nothing is buffered */
	size_t begin, end, cap;
};

/** Make one of a non-blocking descriptor. As sh_socket_adopt(), but the
 *  descriptor is closed on failure. */
int sh_socket_make(int fd, struct sh_socket **out);
/** A new descriptor of a family and type. -errno. */
int sh_socket_open(int family, int type);
/** Be the reader. -SHOAL_EBUSY, -SHOAL_ENOTCONN when closed. */
int sh_socket_read_begin(struct sh_socket *socket, struct sh_socket_use *use,
    const char *place, int timeout_ms);
/** Be it no longer; the socket may be gone afterwards. */
void sh_socket_read_end(struct sh_socket *socket);
/** Wait for the turn to write. On failure the use has ended. */
int sh_socket_write_begin(struct sh_socket *socket, struct sh_socket_use *use,
    const char *place, int timeout_ms);
/** Give the turn to the next one; the socket may be gone afterwards. */
void sh_socket_write_end(struct sh_socket *socket, struct sh_socket_use *use);
/** Wait for the next event of this direction, after EAGAIN. 0, or as
 *  sh_await(); -SHOAL_ECANCELED when it was closed. */
int sh_socket_wait(struct sh_socket *socket, struct sh_socket_use *use);
/** Wait, but not for long, where no event may come. As sh_socket_wait(). */
int sh_socket_pause(
    struct sh_socket *socket, struct sh_socket_use *use, int64_t pause_us);
/** Before each system call: let others go first after a while, for a peer may
 *  be as fast as we are. As sh_socket_wait(). */
int sh_socket_take_share(struct sh_socket *socket, struct sh_socket_use *use,
    struct sh_socket_share *share);
/** What to tell of a failed recv(2) or send(2), which is remembered. */
int sh_socket_fail(struct sh_socket *socket, int error);
/** Free the buffer. */
void sh_socket_drop_buffer(struct sh_socket *socket);
