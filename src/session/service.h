/*
 * This file is one listener with its callbacks in one worker; it does not make
 * the socket and does not decide when to stop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shoal/conn.h>
#include <shoal/framing.h>
#include <shoal/route.h>

struct sh_loop;
struct sh_routes;
struct sh_service;

struct sh_service_options {
	const char *name;                            /* of the listener */
	const char *handler;                         /* for crash reports */
	const struct shoal_tcp_callbacks *callbacks; /* on_receive is set ... */
	shoal_serve_fn *serve;    /* ... unless this is ... */
	struct sh_routes *routes; /* ... or these, which make it HTTP; taken */
	struct shoal_http_limits http_limits; /* of HTTP; 0: the default */
	const struct shoal_framing *framing;  /* NULL: raw */
	void *arg;                            /* handed to them */
	size_t queue_high, queue_low;         /* bytes; low <= high */
	enum shoal_when_full when_full;       /* 0: CLOSE */
	int close_code;                       /* 0: 1013 */
	int64_t stall_ms;                     /* <= 0: none */
	int64_t idle_timeout_ms;              /* <= 0: none */
	bool shared;                 /* other workers watch the same socket */
	void (*on_empty)(void *arg); /* the last connection has gone; NULL */
	void *on_empty_arg;
};

/** Serve what is accepted from a listening socket, -1: there is none yet.
 *  Takes listen_fd and routes, also when it fails; the strings are lent as long as the
 *  service lives, the callbacks are copied. 0 or -SHOAL_ENOMEM. */
int
sh_service_open(struct sh_loop *loop, const struct sh_service_options *options,
    int listen_fd, struct sh_service **out);
/** Accept no more, but keep the listening socket; idempotent. */
void sh_service_pause_accepting(struct sh_service *service);
/** Accept again after a pause; idempotent. False when there is no socket. */
bool sh_service_resume_accepting(struct sh_service *service);
/** Accept from another socket in place of the one there may be, whose queue is
 *  accepted first. Takes listen_fd. 0 or -SHOAL_ENOMEM. */
int sh_service_listen(struct sh_service *service, int listen_fd);
/** Close the listening socket; idempotent. */
void sh_service_stop_accepting(struct sh_service *service);
/** Accept what is queued in the kernel now, without waiting; also in a
 *  pause. */
void sh_service_accept_queued(struct sh_service *service);
/** Connections whose descriptor is open, see sh_loop_connections(). */
size_t sh_service_connections(const struct sh_service *service);
/** A drain begins: answers of HTTP tell the peer that the connection ends
 *  behind them. Others go on as they are. Ends when it accepts again. */
void sh_service_begin_drain(struct sh_service *service);
/** End all connections gently: input that has arrived by now is handled,
 *  answers are sent, each peer has linger_ms to end its side. on_close gets
 *  SHOAL_CLOSE_SHUTDOWN. WebSockets are closed
 *  with the code. */
void sh_service_drain(struct sh_service *service, int64_t linger_ms, int code);
/** End all connections now: the kernel gets what it takes. */
void sh_service_abort(struct sh_service *service);
/** Abort and free; no coroutine of its connections may run any more. Clears
 *  the pointer; NULL is fine. */
void sh_service_free(struct sh_service **service);
