/* This file turns settings into the plan that the master reads. */
#include "config.h"

#include "check/check_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "check/check_planning.h"
#include "proc/paths.h"
#include "proc/scoreboard.h"

/* Descriptors of a worker that are not connections: log, channel, signals,
 * epoll, modules, and room for what handlers open. */
enum { SPARE_DESCRIPTORS = 64 };

const char *
sh_planning_text(const struct sh_planning *p, struct sh_text text)
{
	return sh_settings_text(p->settings, text);
}

const char *
sh_planning_place(const struct sh_planning *p, const char *key)
{
	return sh_settings_doc_place(p->doc, key);
}

void
sh_planning_copy(struct sh_planning *p, char *to, size_t cap, const char *from,
    const char *key)
{
	if ((size_t)snprintf(to, cap, "%s", from) >= cap)
		sh_diagnose(p->diags, sh_planning_place(p, key),
		    "%s is longer than %zu bytes", key, cap - 1);
}

static void
plan_descriptors(struct sh_planning *p)
{
	int64_t nofile = p->settings->workers.nofile;
	int64_t max = p->settings->workers.max_connections;
	struct rlimit limit;
	int64_t room;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (nofile == SH_AUTO)
		nofile = (int64_t)limit.rlim_max;
	else if ((rlim_t)nofile > limit.rlim_max && geteuid() != 0)
		sh_diagnose(p->diags, sh_planning_place(p, "workers.nofile"),
		    "workers.nofile = %lld is above the hard limit %lld "
		    "(ulimit -Hn; LimitNOFILE= in the unit)",
		    (long long)nofile, (long long)limit.rlim_max);
	/* and an eventfd for each process index */
	room = nofile - SPARE_DESCRIPTORS - p->plan->address_count -
	    p->plan->module_count -
	    sh_process_count(p->plan->worker_count, p->plan->max_old);
	if (room < 1)
		sh_diagnose(p->diags, sh_planning_place(p, "workers.nofile"),
		    "workers.nofile = %lld leaves no descriptor for "
		    "connections",
		    (long long)nofile);
	if (max == SH_AUTO)
		max = room;
	else if (max > room)
		sh_diagnose(p->diags,
		    sh_planning_place(p, "workers.max_connections"),
		    "workers.max_connections = %lld does not fit into "
		    "workers.nofile = %lld less %lld for other uses",
		    (long long)max, (long long)nofile,
		    (long long)(nofile - room));
	p->plan->nofile = nofile;
	p->plan->max_connections = max;
}

static uint32_t
count_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (uint32_t)CPU_COUNT(&set);
}

static void
plan_numbers(struct sh_planning *p)
{
	const struct sh_settings *s = p->settings;
	struct sh_plan *plan = p->plan;

	plan->worker_count = s->workers.count == SH_AUTO
	    ? count_processors()
	    : (uint32_t)s->workers.count;
	plan->start_timeout_ms = s->reload.start_timeout_ms;
	plan->drain_timeout_ms = s->reload.drain_timeout_ms;
	plan->max_old = (uint32_t)s->reload.max_old;
	plan->ring_size = (uint64_t)s->topics.ring;
	plan->stop_timeout_ms = s->stop.timeout_ms;
	plan->orphan_grace_ms = s->stop.orphan_grace_ms;
	plan->backoff_first_ms = s->workers.backoff_first_ms;
	plan->backoff_max_ms = s->workers.backoff_max_ms;
	plan->watchdog_ms =
	    s->workers.watchdog_ms == SH_OFF ? 0 : s->workers.watchdog_ms;
}

static void
plan_control(struct sh_planning *p)
{
	const char *path = sh_planning_text(p, p->settings->control.path);
	const char *group = sh_planning_text(p, p->settings->control.group);
	struct sh_plan *plan = p->plan;
	char automatic[600];

	if (strcmp(path, "auto") == 0)
		path = sh_path_control(
		    p->input->name, automatic, sizeof(automatic));
	sh_planning_copy(p, plan->control_path, sizeof(plan->control_path),
	    path, "control.path");
	plan->control_mode = (uint32_t)p->settings->control.mode;
	plan->control_gid = (gid_t)-1;
	if (group[0] != '\0')
		sh_planning_group(
		    p, group, "control.group", &plan->control_gid);
}

/* A file of ours beside the control socket. */
static void
beside_control(
    const struct sh_planning *p, const char *ending, char *to, size_t cap)
{
	const char *control = p->plan->control_path;
	const char *slash = strrchr(control, '/');
	int folder = slash != NULL ? (int)(slash - control) : 0;

	snprintf(
	    to, cap, "%.*s/%s.%s", folder, control, p->input->name, ending);
}

/* Whether a log can be written. One that is not there yet is not made: it would
 * belong to whoever checks, which need not be who serves. */
static int
try_log(const char *target)
{
	int fd = open(target, O_WRONLY | O_APPEND | O_CLOEXEC);
	char folder[PATH_MAX];

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != ENOENT)
		return -errno;
	snprintf(folder, sizeof(folder), "%s", target);
	if (faccessat(AT_FDCWD, dirname(folder), W_OK | X_OK, AT_EACCESS) < 0)
		return -errno;
	return 0;
}

/* The master opens it when the new generation serves, which is too late to
 * complain. */
static void
check_log(struct sh_planning *p, bool automatic)
{
	const char *target = p->plan->log_target;
	int r = 0;

	if (target[0] == '\0')
		return;
	if (automatic)
		r = sh_path_make_folder(target);
	if (r == 0)
		r = try_log(target);
	if (r < 0)
		sh_diagnose(p->diags, sh_planning_place(p, "log.target"),
		    "log.target: cannot open %s: %s%s", target, strerror(-r),
		    automatic ? " (it is beside the control socket, "
				"control.path)"
			      : "");
}

static void
plan_files(struct sh_planning *p)
{
	const char *pid_file = sh_planning_text(p, p->settings->pid_file);
	const char *target = sh_planning_text(p, p->settings->log.target);
	bool beside = strcmp(target, "auto") == 0 && p->input->daemon;
	struct sh_plan *plan = p->plan;

	if (strcmp(pid_file, "auto") == 0) {
		if (p->input->daemon)
			beside_control(
			    p, "pid", plan->pid_file, sizeof(plan->pid_file));
	} else if (strcmp(pid_file, "off") != 0) {
		sh_planning_copy(p, plan->pid_file, sizeof(plan->pid_file),
		    pid_file, "pid_file");
	}
	if (beside)
		beside_control(
		    p, "log", plan->log_target, sizeof(plan->log_target));
	else if (strcmp(target, "auto") != 0 && strcmp(target, "stderr") != 0)
		sh_planning_copy(p, plan->log_target, sizeof(plan->log_target),
		    target, "log.target");
	check_log(p, beside);
	plan->log_level = (int32_t)p->settings->log.level;
	if (p->settings->log.format != SH_AUTO)
		plan->log_format = (int32_t)p->settings->log.format;
	else if (plan->log_target[0] == '\0' && sh_log_stderr_is_journal())
		plan->log_format = SH_LOG_JOURNAL;
	else
		plan->log_format = SH_LOG_TEXT;
}

struct sh_plan *
sh_check_make_plan(const struct sh_check_input *input,
    const struct sh_settings_doc *doc, uint32_t module_count,
    struct sh_diagnostics *diags)
{
	const struct sh_settings *settings = sh_settings_doc_value(doc);
	uint32_t addresses =
	    settings->listener_count + (uint32_t)input->program->listener_count;
	size_t size = sizeof(struct sh_plan) +
	    addresses * sizeof(struct sh_plan_address) + settings->size;
	struct sh_planning p = { .input = input,
		.doc = doc,
		.settings = settings,
		.plan = sh_xcalloc(1, size),
		.diags = diags };
	size_t before = diags->errors;
	bool is_known;

	p.plan->magic = SH_PLAN_MAGIC;
	p.plan->size = (uint32_t)size;
	p.plan->address_count = addresses;
	p.plan->addresses_off = sizeof(struct sh_plan);
	p.plan->module_count = module_count;
	p.plan->settings_off = (uint32_t)(size - settings->size);
	memcpy((char *)p.plan + p.plan->settings_off, settings, settings->size);
	sh_planning_identity(&p);
	is_known = diags->errors == before;
	if (input->source.file != NULL)
		sh_planning_copy(&p, p.plan->config_path,
		    sizeof(p.plan->config_path), input->source.file,
		    "the path of the configuration");
	plan_numbers(&p);
	plan_descriptors(&p);
	plan_control(&p);
	plan_files(&p);
	sh_planning_broker(&p);
	sh_planning_addresses(&p,
	    (struct sh_plan_address *)(void *)((char *)p.plan +
		p.plan->addresses_off));
	if (is_known)
		return p.plan;
	free(p.plan);
	return NULL;
}
