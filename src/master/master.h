/*
 * This file is the master process: what the program above hands to it, and
 * what its parts share. It never reads a client's byte.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "master/master_fork.h"
#include "master/master_poll.h"
#include "master/master_pool.h"
#include "master/master_signalfd.h"
#include "proc/control.h"
#include "proc/heritage.h"

/** Reads and checks the configuration in a child process; previous is the plan
 *  that serves now, or NULL. Speaks TEXT, PLAN, MODULE and DONE over the
 *  channel. Its result is the exit status. */
typedef int
sh_check_fn(const struct sh_plan *previous, int channel_fd, void *arg);

struct sh_master_options {
	sh_check_fn *check;
	void *check_arg;
	sh_worker_fn *worker;
	void *worker_arg;
	int ready_fd; /* -1, or where `start' waits for a record; its
				   end before a byte came back is `start's own,
				   and ends a master that is not ready */
	bool daemon;  /* stderr will go away */
	int64_t start_timeout_ms; /* of the command line, 0: the settings' */
};

/* Exit statuses, as in sysexits.h where that has them. */
enum {
	SH_EXIT_OK = 0,
	SH_EXIT_FAILED = 1,
	SH_EXIT_USAGE = 64,
	SH_EXIT_NOT_RUNNING = 69,
	SH_EXIT_INTERNAL = 70,
	SH_EXIT_OS = 71,
	SH_EXIT_CANNOT_CREATE = 73,
	SH_EXIT_TIMEOUT = 75,
	SH_EXIT_PERMISSION = 77,
	SH_EXIT_CONFIG = 78,
	/* of `status', as the LSB says */
	SH_EXIT_STATUS_DEAD = 1,
	SH_EXIT_STATUS_STOPPED = 3,
	SH_EXIT_STATUS_UNKNOWN = 4,
	SH_EXIT_STATUS_DEGRADED = 150
};

/** Run a master until it is stopped. The exit status of the process. */
int sh_master_run(const struct sh_master_options *options);

/* ---- for the files of this folder only -------------------------------- */

enum { SH_CONTROL_CLIENTS = 32 };

/* One caller on the control socket. */
struct sh_control_client {
	struct sh_master *master;
	int fd;                 /* -1: the place is free */
	uint64_t ticket;        /* the reload it waits for, 0: none */
	uint32_t replaces_slot; /* when replaces is not 0 */
	uint64_t replaces;      /* incarnation that must be ready */
	bool waits_reopen, waits_stop, waits_orders;
	char done[192];      /* what it is told then, with waits_orders */
	int64_t deadline_ms; /* 0: none */
	bool asked;          /* its request has come */
	char in[SH_CONTROL_LINE_MAX];
	size_t in_len;
	struct sh_buf out;
	bool closing; /* when out has been written */
};

/* The check process of a start or reload. */
struct sh_checking {
	struct sh_child child; /* pidfd -1: none */
	int channel_fd;
	int64_t deadline_ms;
	struct sh_buf text; /* what it found */
	int plan_fd;
	int *module_fds;
	uint32_t module_count;
	int status; /* of DONE, -1 before */
};

/* Reload requests: the present one and at most one behind it. */
struct sh_reload {
	uint64_t ticket;      /* of the present one, 0: none */
	uint64_t next_ticket; /* of the one behind it, 0: none */
	uint64_t last_ticket; /* given out */
	int64_t started_ms;
	int64_t timeout_ms; /* 0: the settings' */
	/* of the latest that has ended */
	const char *result; /* "ok", "failed", "reverted", "" */
	char *text;         /* for status; owned */
	int64_t unix_time;
	int64_t took_ms;
	uint64_t ok_count, failed_count;
};

struct sh_master {
	struct sh_master_options options;
	struct sh_pool pool;
	bool has_pool;
	struct sh_poll_set poll;
	struct sh_checking checking;
	struct sh_reload reload;
	struct sh_signalfd signals;
	struct rlimit saved_nofile;
	int control_fd, control_lock_fd;
	struct sh_control_client clients[SH_CONTROL_CLIENTS];
	int pid_file_fd, log_fd;
	/* of the first plan; a reload cannot change them */
	char control_path[SH_PLAN_PATH_MAX];
	char pid_file[SH_PLAN_PATH_MAX];
	char log_target[SH_PLAN_PATH_MAX];
	int64_t started_ms, started_unix;
	int64_t notified_ms; /* last status line to systemd */
	int64_t watchdog_ms; /* systemd's, 0: none */
	bool ready;          /* the first generation serves */
	bool ended;          /* leave the loop */
	int exit_status;
	char exit_text[2048];
};

/** Leave the loop with a status and the reason. */
void sh_master_fail(struct sh_master *master, int status, const char *format,
    ...) SH_PRINTF(3, 4);
/** Ask for a stop of a strength. */
void sh_master_stop(struct sh_master *master, enum sh_stop stop);
