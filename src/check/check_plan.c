/* This file turns settings into the plan that the master reads. */
#include "config.h"

#include "check/check_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "proc/paths.h"

/* Descriptors of a worker that are not connections: log, channel, signals,
 * epoll, modules, and room for what handlers open. */
enum { SPARE_DESCRIPTORS = 64, NOFILE_FLOOR = 64 };

/* The whole job: from here, to there, with these complaints. */
struct planning {
	const struct sh_check_input *input;
	const struct sh_settings_doc *doc;
	const struct sh_settings *settings; /* of doc */
	struct sh_plan *plan;
	struct sh_diagnostics *diags;
};

static const char *
text_of(const struct planning *p, struct sh_text text)
{
	return sh_settings_text(p->settings, text);
}

/* Where a key was written, for messages. */
static const char *
place_of(const struct planning *p, const char *key)
{
	return sh_settings_doc_place(p->doc, key);
}

static void
copy_text(
    struct planning *p, char *to, size_t cap, const char *from, const char *key)
{
	if ((size_t)snprintf(to, cap, "%s", from) >= cap)
		sh_diagnose(p->diags, place_of(p, key),
		    "%s is longer than %zu bytes", key, cap - 1);
}

static void
plan_groups(struct planning *p, const char *user)
{
	struct sh_plan_identity *identity = &p->plan->identity;
	int count = SH_PLAN_GROUPS_MAX;

	if (user == NULL) {
		identity->groups[0] = identity->gid;
		identity->group_count = 1;
		return;
	}
	if (getgrouplist(user, identity->gid, identity->groups, &count) < 0) {
		sh_diagnose(p->diags, place_of(p, "workers.user"),
		    "workers.user '%s' is in more than %d groups", user,
		    SH_PLAN_GROUPS_MAX);
		return;
	}
	identity->group_count = (uint32_t)count;
}

static bool
find_user(struct planning *p, const char *user)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL) {
		sh_diagnose(p->diags, place_of(p, "workers.user"),
		    "workers.user '%s': %s", user,
		    errno != 0 ? strerror(errno)
			       : "no such user; create it, or name another");
		return false;
	}
	p->plan->identity.uid = pw->pw_uid;
	p->plan->identity.gid = pw->pw_gid;
	return true;
}

static bool
find_group(
    struct planning *p, const char *name, const char *key, gid_t *gid_out)
{
	const struct group *gr;

	errno = 0;
	gr = getgrnam(name);
	if (gr == NULL) {
		sh_diagnose(p->diags, place_of(p, key), "%s '%s': %s", key,
		    name,
		    errno != 0 ? strerror(errno)
			       : "no such group; create it, or name another");
		return false;
	}
	*gid_out = gr->gr_gid;
	return true;
}

/* Each worker would find out, but only when it is too late for `test'. */
static void
check_chroot(struct planning *p, const char *path)
{
	const char *place = place_of(p, "workers.chroot");
	struct stat st;

	if (geteuid() != 0)
		sh_diagnose(p->diags, place, "workers.chroot needs root");
	else if (stat(path, &st) < 0)
		sh_diagnose(p->diags, place, "workers.chroot '%s': %s", path,
		    strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		sh_diagnose(p->diags, place,
		    "workers.chroot '%s' is not a "
		    "folder",
		    path);
}

static void
plan_identity(struct planning *p)
{
	struct sh_plan_identity *identity = &p->plan->identity;
	const char *user = text_of(p, p->settings->workers.user);
	const char *group = text_of(p, p->settings->workers.group);

	copy_text(p, identity->chroot, sizeof(identity->chroot),
	    text_of(p, p->settings->workers.chroot), "workers.chroot");
	if (identity->chroot[0] != '\0')
		check_chroot(p, identity->chroot);
	identity->uid = geteuid();
	identity->gid = getegid();
	if (user[0] != '\0' && !find_user(p, user))
		return;
	if (group[0] != '\0' &&
	    !find_group(p, group, "workers.group", &identity->gid))
		return;
	identity->change = identity->uid != geteuid() ||
	    identity->gid != getegid();
	if (!identity->change)
		return;
	if (geteuid() != 0)
		sh_diagnose(p->diags, place_of(p, "workers.user"),
		    "workers.user and workers.group "
		    "can be changed by root only; started as uid %u",
		    (unsigned)geteuid());
	else
		plan_groups(p, user[0] != '\0' ? user : NULL);
}

static void
plan_descriptors(struct planning *p)
{
	int64_t nofile = p->settings->workers.nofile;
	int64_t max = p->settings->workers.max_connections;
	struct rlimit limit;
	int64_t room;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (nofile == SH_AUTO)
		nofile = (int64_t)limit.rlim_max;
	else if ((rlim_t)nofile > limit.rlim_max && geteuid() != 0)
		sh_diagnose(p->diags, place_of(p, "workers.nofile"),
		    "workers.nofile = %lld is above the hard limit %lld "
		    "(ulimit -Hn; LimitNOFILE= in the unit)",
		    (long long)nofile, (long long)limit.rlim_max);
	room = nofile - SPARE_DESCRIPTORS - p->plan->address_count -
	    p->plan->module_count;
	if (room < 1)
		sh_diagnose(p->diags, place_of(p, "workers.nofile"),
		    "workers.nofile = %lld leaves no descriptor for "
		    "connections",
		    (long long)nofile);
	if (max == SH_AUTO)
		max = room;
	else if (max > room)
		sh_diagnose(p->diags, place_of(p, "workers.max_connections"),
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
plan_numbers(struct planning *p)
{
	const struct sh_settings *s = p->settings;
	struct sh_plan *plan = p->plan;

	plan->worker_count = s->workers.count == SH_AUTO
	    ? count_processors()
	    : (uint32_t)s->workers.count;
	plan->start_timeout_ms = s->reload.start_timeout_ms;
	plan->drain_timeout_ms = s->reload.drain_timeout_ms;
	plan->max_old = (uint32_t)s->reload.max_old;
	plan->stop_timeout_ms = s->stop.timeout_ms;
	plan->orphan_grace_ms = s->stop.orphan_grace_ms;
	plan->backoff_first_ms = s->workers.backoff_first_ms;
	plan->backoff_max_ms = s->workers.backoff_max_ms;
	plan->watchdog_ms = s->workers.watchdog_ms == SH_OFF
	    ? 0
	    : s->workers.watchdog_ms;
}

static void
plan_control(struct planning *p)
{
	const char *path = text_of(p, p->settings->control.path);
	const char *group = text_of(p, p->settings->control.group);
	struct sh_plan *plan = p->plan;
	char automatic[600];

	if (strcmp(path, "auto") == 0)
		path = sh_path_control(
		    p->input->name, automatic, sizeof(automatic));
	copy_text(p, plan->control_path, sizeof(plan->control_path), path,
	    "control.path");
	plan->control_mode = (uint32_t)p->settings->control.mode;
	plan->control_gid = (gid_t)-1;
	if (group[0] != '\0')
		find_group(p, group, "control.group", &plan->control_gid);
}

/* A file of ours beside the control socket. */
static void
beside_control(
    const struct planning *p, const char *ending, char *to, size_t cap)
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
check_log(struct planning *p, bool automatic)
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
		sh_diagnose(p->diags, place_of(p, "log.target"),
		    "log.target: cannot open %s: %s%s", target, strerror(-r),
		    automatic ? " (it is beside the control socket, "
				"control.path)"
			      : "");
}

static void
plan_files(struct planning *p)
{
	const char *pid_file = text_of(p, p->settings->pid_file);
	const char *target = text_of(p, p->settings->log.target);
	bool beside = strcmp(target, "auto") == 0 && p->input->daemon;
	struct sh_plan *plan = p->plan;

	if (strcmp(pid_file, "auto") == 0) {
		if (p->input->daemon)
			beside_control(
			    p, "pid", plan->pid_file, sizeof(plan->pid_file));
	} else if (strcmp(pid_file, "off") != 0) {
		copy_text(p, plan->pid_file, sizeof(plan->pid_file), pid_file,
		    "pid_file");
	}
	if (beside)
		beside_control(
		    p, "log", plan->log_target, sizeof(plan->log_target));
	else if (strcmp(target, "auto") != 0 && strcmp(target, "stderr") != 0)
		copy_text(p, plan->log_target, sizeof(plan->log_target), target,
		    "log.target");
	check_log(p, beside);
	plan->log_level = (int32_t)p->settings->log.level;
	if (p->settings->log.format != SH_AUTO)
		plan->log_format = (int32_t)p->settings->log.format;
	else if (plan->log_target[0] == '\0' && sh_log_stderr_is_journal())
		plan->log_format = SH_LOG_JOURNAL;
	else
		plan->log_format = SH_LOG_TEXT;
}

static int32_t
or_zero(int64_t value, int64_t unit)
{
	return value == SH_OFF ? 0 : (int32_t)(value / unit);
}

static void
plan_address(struct planning *p, struct sh_plan_address *to, const char *text,
    const char *name, const char *origin)
{
	const char *why = NULL;

	copy_text(p, to->text, sizeof(to->text), text, "address");
	copy_text(p, to->listener, sizeof(to->listener), name, "listener name");
	copy_text(p, to->origin, sizeof(to->origin), origin, "file name");
	if (sh_addr_parse(&to->addr, text, &why) < 0)
		sh_diagnose(p->diags, origin,
		    "listener '%s': address '%s': "
		    "%s",
		    name, text, why);
}

static void
plan_listener(struct planning *p, uint32_t i, struct sh_plan_address *to)
{
	const struct sh_settings_listener *from = sh_settings_listener(
	    p->settings, i);

	plan_address(p, to, text_of(p, from->address), text_of(p, from->name),
	    text_of(p, from->origin));
	to->index = i;
	to->backlog = (int32_t)from->backlog;
	to->keepalive_idle_s = or_zero(from->keepalive_idle_ms, 1000);
	to->keepalive_interval_s = or_zero(from->keepalive_interval_ms, 1000);
	to->keepalive_count = (int32_t)from->keepalive_count;
	to->user_timeout_ms = or_zero(from->user_timeout_ms, 1);
	to->notsent_lowat = or_zero(from->notsent_lowat, 1);
}

/* The kernel counts in seconds; something asked for is at least one. */
static int32_t
whole_seconds(int ms)
{
	return ms / 1000 + (ms % 1000 != 0);
}

/* What a listener made by code gets: the defaults of one in a file. */
static void
plan_program_listener(
    struct planning *p, uint32_t i, struct sh_plan_address *to)
{
	const struct sh_program_listener *from =
	    &p->input->program->listeners[i];
	const struct shoal_listen_options *options = &from->options;

	plan_address(p, to, from->address, from->name, "");
	to->program = 1;
	to->index = i;
	to->backlog = options->backlog != 0 ? options->backlog
					    : SH_DEFAULT_BACKLOG;
	to->keepalive_idle_s = whole_seconds(options->keepalive_idle_ms);
	to->keepalive_interval_s = options->keepalive_interval_ms != 0
	    ? whole_seconds(options->keepalive_interval_ms)
	    : SH_DEFAULT_KEEPALIVE_INTERVAL_S;
	to->keepalive_count = options->keepalive_count != 0
	    ? options->keepalive_count
	    : SH_DEFAULT_KEEPALIVE_COUNT;
	to->user_timeout_ms = options->user_timeout_ms;
	to->notsent_lowat = options->notsent_lowat != 0
	    ? options->notsent_lowat
	    : SH_DEFAULT_NOTSENT_LOWAT;
}

static void
plan_addresses(struct planning *p, struct sh_plan_address *to)
{
	const struct sh_settings *s = p->settings;
	uint32_t i, j, n = 0;

	for (i = 0; i < p->input->program->listener_count; i++)
		plan_program_listener(p, i, &to[n++]);
	for (i = 0; i < s->listener_count; i++) {
		plan_listener(p, i, &to[n++]);
		for (j = 0; j + 1 < n; j++)
			if (strcmp(to[j].text, to[n - 1].text) == 0 &&
			    to[j].program)
				sh_diagnose(p->diags, to[n - 1].origin,
				    "listeners[%u].address %s is one that the "
				    "program itself listens on",
				    i, to[n - 1].text);
	}
	if (n == 0)
		sh_diagnose(p->diags, p->input->source.file,
		    "no listeners: nothing would be served");
}

struct sh_plan *
sh_check_make_plan(const struct sh_check_input *input,
    const struct sh_settings_doc *doc, uint32_t module_count,
    struct sh_diagnostics *diags)
{
	const struct sh_settings *settings = sh_settings_doc_value(doc);
	uint32_t addresses = settings->listener_count +
	    (uint32_t)input->program->listener_count;
	size_t size = sizeof(struct sh_plan) +
	    addresses * sizeof(struct sh_plan_address) + settings->size;
	struct planning p = { .input = input,
		.doc = doc,
		.settings = settings,
		.plan = sh_xcalloc(1, size),
		.diags = diags };
	size_t before = diags->errors;

	p.plan->magic = SH_PLAN_MAGIC;
	p.plan->size = (uint32_t)size;
	p.plan->address_count = addresses;
	p.plan->addresses_off = sizeof(struct sh_plan);
	p.plan->module_count = module_count;
	p.plan->settings_off = (uint32_t)(size - settings->size);
	memcpy((char *)p.plan + p.plan->settings_off, settings, settings->size);
	if (input->source.file != NULL)
		copy_text(&p, p.plan->config_path, sizeof(p.plan->config_path),
		    input->source.file, "the path of the configuration");
	plan_identity(&p);
	plan_numbers(&p);
	plan_descriptors(&p);
	plan_control(&p);
	plan_files(&p);
	plan_addresses(&p,
	    (struct sh_plan_address *)(void *)((char *)p.plan +
		p.plan->addresses_off));
	if (diags->errors != before) {
		free(p.plan);
		return NULL;
	}
	return p.plan;
}
