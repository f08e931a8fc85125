/*
 * This file is what the master knows of a configuration: one flat block, made
 * by the check process, handed over as a memfd. The master reads the fields of
 * this file only; the settings behind them are for the workers.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/sock.h"

enum {
	SH_PLAN_MAGIC = 0x5348504c,
	SH_PLAN_NAME_MAX = 64,
	SH_PLAN_PATH_MAX = 1024,
	SH_PLAN_PASSWORD_MAX = 1024,
	SH_PLAN_GROUPS_MAX = 64,
	SH_PLAN_WORKERS_MAX = 4096
};

/* One address to listen on. */
struct sh_plan_address {
	char text[SH_ADDR_TEXT_MAX]; /* as configured: its identity over
					   reloads, port 0 included */
	char listener[SH_PLAN_NAME_MAX];
	char origin[SH_PLAN_PATH_MAX]; /* "file:line", "" when not from one */
	struct sh_addr addr;
	int32_t backlog;
	int32_t keepalive_idle_s; /* 0: no keepalive */
	int32_t keepalive_interval_s, keepalive_count;
	int32_t user_timeout_ms; /* 0: the kernel's */
	int32_t notsent_lowat;   /* 0: the kernel's */
	uint32_t program;        /* 1: made by code, 0: by the file */
	uint32_t index;          /* which of them */
	uint32_t http; /* 1: HTTP is spoken there, 0: something of the handler's
			  own */
};

/* Who the workers are. */
struct sh_plan_identity {
	bool change; /* false: stay who we are */
	uid_t uid;
	gid_t gid;
	uint32_t group_count;
	gid_t groups[SH_PLAN_GROUPS_MAX];
	char chroot[SH_PLAN_PATH_MAX]; /* "" for none */
};

struct sh_plan {
	uint32_t magic, size; /* of the whole block, bytes */
	uint32_t worker_count;
	uint32_t address_count, addresses_off;
	uint32_t module_count; /* descriptors that come with it */
	uint32_t settings_off; /* struct sh_settings */
	struct sh_plan_identity identity;
	int64_t nofile;          /* of a worker */
	int64_t max_connections; /* of a worker */
	int64_t start_timeout_ms, drain_timeout_ms;
	int64_t stop_timeout_ms, orphan_grace_ms;
	int64_t backoff_first_ms, backoff_max_ms;
	int64_t watchdog_ms; /* 0: off */
	uint32_t max_old;
	uint64_t ring_size; /* of the bus; 0: there is none */
	uint32_t control_mode;
	gid_t control_gid; /* (gid_t)-1: leave it */
	char control_path[SH_PLAN_PATH_MAX];
	char pid_file[SH_PLAN_PATH_MAX];   /* "" for none */
	char log_target[SH_PLAN_PATH_MAX]; /* "" for stderr */
	int32_t log_level, log_format;
	char config_path[SH_PLAN_PATH_MAX]; /* "" for none */
	char broker[SH_PLAN_PATH_MAX]; /* what figures call it; "" for none */
	char broker_password[SH_PLAN_PASSWORD_MAX]; /* "" for none */
};

/** Whether a block of so many bytes is a plan that can be read without
 *  surprises. */
bool sh_plan_is_valid(const struct sh_plan *plan, size_t size);

static inline const struct sh_plan_address *
sh_plan_address(const struct sh_plan *plan, uint32_t i)
{
	return (const struct sh_plan_address *)(const void *)((const char *)
								  plan +
		   plan->addresses_off) +
	    i;
}

static inline const void *
sh_plan_settings(const struct sh_plan *plan)
{
	return (const char *)plan + plan->settings_off;
}
