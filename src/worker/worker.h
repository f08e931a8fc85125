/*
 * This file is a worker: one process that serves a slot with one generation of
 * the configuration. It forks nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shoal/route.h>

#include "module/catalog.h"
#include "proc/heritage.h"
#include "proc/message.h"
#include "settings/load.h"

/** Run a worker; arg is the program's struct shoal_server. Fits
 *  sh_worker_fn. */
int sh_worker_main(const struct sh_heritage *heritage, void *arg);

/* ---- for the files of this folder and for the public functions -------- */

struct sh_bus_link;
struct sh_carrier;
struct sh_loop;
struct sh_presence;
struct sh_program_listener;
struct sh_remote;
struct sh_routes;
struct sh_service;
struct sh_watch;

/* A handler, as a listener or a route has it. */
struct sh_worker_handler {
	const struct shoal_handler *handler;
	struct shoal_settings settings;
	void *arg; /* of its callbacks */
	bool opened;
};

/* A route of the file. */
struct sh_worker_route {
	struct sh_worker_handler own;
	char *methods;                        /* NULL: all */
	const char **origins, **subprotocols; /* or NULL; strings are lent */
};

/* A listener of this worker with the handler or routes that serve it. */
struct sh_worker_service {
	struct sh_worker_handler own; /* unset: it has routes, or is the
					 program's */
	struct sh_worker_route *routes;
	size_t route_count;
	bool stopped; /* is not to accept */
	struct sh_service *service;
	int64_t end_timer; /* cuts its connections, 0: none */
};

/* The settings group of a loaded module. */
struct sh_worker_module {
	struct shoal_settings settings;
	bool started;
};

struct sh_worker {
	const struct sh_heritage *heritage;
	const struct shoal_server *program;
	struct sh_loop *loop;
	struct sh_bus_link *bus; /* NULL: there is none */
	struct sh_remote *remote;
	struct sh_topics *topics;
	struct sh_presence *presence;
	struct sh_catalog catalog;
	struct sh_worker_module *modules;
	struct sh_worker_service *services;
	size_t service_count;
	struct sh_watch *channel_watch, *signal_watch;
	int signal_fd;
	int64_t deadline_timer; /* of the drain or stop, 0: none */
	uint32_t obeyed;        /* orders about listeners, not told yet */
	bool accepting, draining, stopping;
	bool in_drain_hooks; /* they have not returned */
	bool looks;          /* whether its topics are busy, in a moment */
	int64_t busy_by_ms;  /* so long, 0: was not needed yet */
	int drain_ms;        /* what drain hooks are told */
	bool hooks_started;
	char why[1024]; /* why it cannot start */
};

/* A peer that does not answer a FIN within this is cut. */
enum { SH_LINGER_MS = 2000 };

/** The worker of this process, NULL elsewhere. */
struct sh_worker *sh_worker_current(void);

/** Load modules, open handlers, call start hooks. 0, or negative with
 *  worker->why. */
int sh_worker_load_modules(struct sh_worker *worker);
int sh_worker_start_code(struct sh_worker *worker);
/** Give the listening sockets to services. As above. */
int sh_worker_open_services(struct sh_worker *worker);
/** Call stop hooks and close handlers, in the reverse order. 0. */
int sh_worker_stop_code(struct sh_worker *worker);

/** Call a handler's open(), if it has one; where is for messages. 0, or
 *  negative with worker->why. */
int
sh_worker_open_handler(struct sh_worker *worker, struct sh_worker_handler *at,
    const char *name, struct sh_settings_group config, const char *where);
/** Call its close(), if it is open. */
void sh_worker_close_handler(struct sh_worker_handler *at);
/** Likewise for the handlers of all routes of a listener of the file. */
int sh_worker_open_routes(struct sh_worker *worker,
    struct sh_worker_service *service,
    const struct sh_settings_listener *listener);
void sh_worker_close_routes(struct sh_worker_service *service);
/** Free what routes hold; nothing serves any more. */
void sh_worker_free_routes(struct sh_worker_service *service);
/** The table of a listener of the file, whose routes are open, or of the
 *  program. Owner: the caller. NULL when out of memory. */
struct sh_routes *sh_worker_file_routes(const struct sh_worker *worker,
    const struct sh_worker_service *service,
    const struct sh_settings_listener *listener);
struct sh_routes *sh_worker_program_routes(
    const struct sh_worker *worker, const struct sh_program_listener *listener);
/** Limits of a request before its route is known. */
struct shoal_http_limits
sh_worker_http_limits(const struct sh_settings_http *limits);

/** Make the topics, before any code that may use them. 0, or negative with
 *  worker->why. */
int sh_worker_open_topics(struct sh_worker *worker);
/** Connections may come now: others count on this worker. */
void sh_worker_begin_topics(struct sh_worker *worker);
/** End them; no connection is left. */
void sh_worker_close_topics(struct sh_worker *worker);
/** Say which topics keep a history, by the settings. 0, or negative with
 *  worker->why. */
int sh_worker_keep_histories(struct sh_worker *worker);
/** The carrier that the settings' `broker' asks for, the caller's; NULL for none. 0,
 *  or negative with worker->why. */
int sh_worker_open_broker(struct sh_worker *worker, struct sh_carrier **out);

/** Take the signals; nothing is obeyed yet. 0 or negative. */
int sh_worker_open_control(struct sh_worker *worker);
/** Obey from the next turn on; services are open. 0 or negative. */
int sh_worker_begin_control(struct sh_worker *worker);
/** End these watches. */
void sh_worker_close_control(struct sh_worker *worker);

/** Drain and end, since the master has to replace this worker. */
void sh_worker_resign(struct sh_worker *worker);

/** Obey an order about a listener. Takes *fd, and sets it to -1, if it needs
 *  it. */
void sh_worker_obey_listener(
    struct sh_worker *worker, const struct sh_message *message, int *fd);
/** Say how many such orders were obeyed since the last time. */
void sh_worker_report_listeners(struct sh_worker *worker);
/** Ask the master to stop or start a listener on all workers. 0,
 *  -SHOAL_ENOENT, -SHOAL_EAGAIN when the channel is full, -SHOAL_ESTATE when
 *  there is no master. */
int sh_worker_ask_listener(const struct sh_worker *worker,
    enum sh_message_type type, const char *name, int64_t value);
/** Whether a listener is stopped here. */
bool sh_worker_is_stopped(const struct sh_worker *worker, const char *name);
/** Whether the worker itself obeys a signal. */
bool sh_worker_owns_signal(int signo);

/** No new connections; those that are there may go on for ms. */
void sh_worker_drain(struct sh_worker *worker, int64_t ms);
/** End all connections in good order within ms, then leave the loop. */
void sh_worker_stop(struct sh_worker *worker, int64_t ms);
/** Leave the loop if nothing is left to do. */
void sh_worker_leave_when_idle(struct sh_worker *worker);
