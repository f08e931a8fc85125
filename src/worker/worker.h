/*
 * This file is a worker: one process that serves a slot with one generation of
 * the configuration. It forks nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "module/catalog.h"
#include "proc/heritage.h"
#include "settings/load.h"

/** Run a worker; arg is the program's struct shoal_server. Fits
 *  sh_worker_fn. */
int sh_worker_main(const struct sh_heritage *heritage, void *arg);

/* ---- for the files of this folder and for the public functions -------- */

struct sh_loop;
struct sh_service;
struct sh_watch;

/* A listener of this worker with the handler that serves it. */
struct sh_worker_service {
	const struct shoal_handler *handler; /* NULL: the program's own */
	struct shoal_settings settings;
	void *arg; /* of the callbacks */
	bool opened;
	struct sh_service *service;
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
	struct sh_catalog catalog;
	struct sh_worker_module *modules;
	struct sh_worker_service *services;
	size_t service_count;
	struct sh_watch *channel_watch, *signal_watch;
	int signal_fd;
	int64_t deadline_timer; /* of the drain or stop, 0: none */
	bool accepting, draining, stopping;
	bool in_drain_hooks; /* they have not returned */
	int drain_ms;        /* what drain hooks are told */
	bool hooks_started;
	char why[1024]; /* why it cannot start */
};

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

/** Watch the channel and the signals. 0 or negative. */
int sh_worker_open_control(struct sh_worker *worker);
/** End these watches. */
void sh_worker_close_control(struct sh_worker *worker);

/** No new connections; those that are there may go on for ms. */
void sh_worker_drain(struct sh_worker *worker, int64_t ms);
/** End all connections in good order within ms, then leave the loop. */
void sh_worker_stop(struct sh_worker *worker, int64_t ms);
/** Leave the loop if nothing is left to do. */
void sh_worker_leave_when_idle(struct sh_worker *worker);
