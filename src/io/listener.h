/*
 * This file accepts connections from one listening socket; it does not make
 * the socket and does not serve what it accepts.
 */
#pragma once

#include <stdbool.h>

struct sh_addr;
struct sh_listener;
struct sh_loop;

/* Takes fd. peer is borrowed. */
typedef void sh_accept_fn(int fd, const struct sh_addr *peer, void *arg);

struct sh_listener_options {
	const char *name; /* lent; for the log */
	bool shared;      /* other workers watch the same socket */
	sh_accept_fn *accepted;
	void *arg;
};

/** Accept from a listening socket. Takes fd, also when it fails. 0 or
 *  -SHOAL_ENOMEM. */
int sh_listener_open(struct sh_loop *loop, int fd,
    const struct sh_listener_options *options, struct sh_listener **out);
/** Stop accepting and close the socket. Clears the pointer; NULL is fine. */
void sh_listener_close(struct sh_listener **listener);
/** Accept no more, but keep the socket: who connects waits in the kernel.
 *  Idempotent. */
void sh_listener_stop(struct sh_listener *listener);
/** Accept again. Idempotent. */
void sh_listener_start(struct sh_listener *listener);
/** Accept what waits in the kernel now, up to max_connections, stopped or
 *  not. */
void sh_listener_accept_queued(struct sh_listener *listener);
