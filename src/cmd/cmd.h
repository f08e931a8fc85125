/*
 * This file is the command line behind shoal_main(): it understands words and
 * talks to a master over its control socket. The master itself, and checks of a
 * configuration, are handed to it as functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "settings/load.h"

/* Exit statuses, see shoal(8). */
enum {
	SH_CMD_OK = 0,
	SH_CMD_FAILED = 1,
	SH_CMD_USAGE = 64,
	SH_CMD_NOT_RUNNING = 69,
	SH_CMD_INTERNAL = 70,
	SH_CMD_OS = 71,
	SH_CMD_TIMEOUT = 75,
	SH_CMD_PERMISSION = 77,
	SH_CMD_CONFIG = 78
};

/* Those of `status' are the LSB's. */
enum {
	SH_CMD_STATUS_DEAD = 1,
	SH_CMD_STATUS_STOPPED = 3,
	SH_CMD_STATUS_UNKNOWN = 4
};

/* What the words of a command line said. */
struct sh_cmd_line {
	const char *name; /* of the program */
	const char *verb;
	const char *file;       /* configuration, NULL: none */
	const char **overrides; /* of -s */
	size_t override_count;
	char *control;      /* the override that --control is */
	int64_t timeout_ms; /* --timeout, -1: not given */
	bool json, quiet, now, no_wait, if_running;
	bool keys, defaults, origin, build, close;
	const char *deadline; /* --deadline as given, NULL: not given */
	int64_t deadline_ms;
	char **operands;
	int operand_count;
};

/* What the library above does for the command line. */
struct sh_cmd_backend {
	/* run a master in this process; ready_fd as in sh_master_options */
	int (*serve)(const struct sh_cmd_line *line, bool daemon, int ready_fd,
	    void *arg);
	/* check the configuration, print what is wrong to stdout; may change
	 * the user of this process */
	int (*test)(const struct sh_cmd_line *line, void *arg);
	/* print the handlers there are */
	int (*modules)(const struct sh_cmd_line *line, void *arg);
	/* the program serves without a configuration */
	bool has_listeners;
	void *arg;
};

/** Obey a command line. The exit status. */
int sh_cmd_main(const struct sh_cmd_backend *backend, int argc, char **argv);

/* ---- for the files of this folder only -------------------------------- */

/** Read the words. 0, or an exit status after saying what is wrong; 0 with
 *  *done_out set when nothing is left to do (--help). */
int sh_cmd_parse(const struct sh_cmd_backend *backend, int argc, char **argv,
    struct sh_cmd_line *line, bool *done_out);
/** Refuse options that only other commands know. 0, or an exit status after
 *  saying so. */
int sh_cmd_check_options(const struct sh_cmd_line *line);
/** Print what the commands are. */
void sh_cmd_help(const char *name);
/** Say what went wrong, with the program's name, but for -q. */
void sh_cmd_complain(const struct sh_cmd_line *line, const char *format, ...)
    SH_PRINTF(2, 3);
/** The exit status, when what was printed had to arrive. */
int sh_cmd_finish_output(const struct sh_cmd_line *line, int status);

typedef int sh_cmd_apart_fn(const struct sh_cmd_line *line, void *arg);

/** Call fn in a child, because it becomes the workers' user and runs code of
 *  modules; for 30 s, or the --timeout. The status that it has returned;
 *  SH_CMD_CONFIG after saying that it has not; or SH_CMD_OS. */
int
sh_cmd_apart(const struct sh_cmd_line *line, sh_cmd_apart_fn *fn, void *arg);
/** The settings' source that a command line means. */
struct sh_settings_source sh_cmd_source(const struct sh_cmd_line *line);

int sh_cmd_run(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_start(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_stop(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_restart(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_reload(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_status(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_test(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_config(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_reopen(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_listener(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_workers(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_modules(const struct sh_cmd_backend *, const struct sh_cmd_line *);
int sh_cmd_version(const struct sh_cmd_backend *, const struct sh_cmd_line *);
