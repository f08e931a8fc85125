/* This file gives requests of the control socket their meaning. */
#include "config.h"

#include "master/master_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "master/master.h"
#include "master/master_control.h"
#include "master/master_listener.h"
#include "master/master_log.h"
#include "master/master_reload.h"
#include "master/master_status.h"
#include "proc/register.h"

enum {
	REOPEN_TIMEOUT_MS = 10000,
	ORDERS_TIMEOUT_MS = 10000,
	WAIT_MAX_MS = 24 * 3600 * 1000
};

/* Takes what is in buf. */
static void
answer_buf(struct sh_control_client *client, int status, struct sh_buf *buf)
{
	char *text = sh_buf_take(buf);

	sh_control_answer(
	    client, status, text != NULL ? text : "out of memory\n");
	free(text);
}

static void
run_status(
    struct sh_control_client *client, const struct sh_control_request *request)
{
	struct sh_master *master = client->master;
	struct sh_buf buf;

	sh_buf_init(&buf, SH_CONTROL_BODY_MAX - 1);
	if (sh_control_arg(request, "json", 0))
		sh_status_json(master, &buf);
	else
		sh_status_text(master, &buf);
	answer_buf(client, sh_status_code(master), &buf);
}

static void
run_stop(
    struct sh_control_client *client, const struct sh_control_request *request)
{
	int64_t level = sh_control_arg(request, "level", SH_STOP_GRACEFUL);

	if (level < SH_STOP_DRAIN || level > SH_STOP_FAST) {
		sh_control_answer(
		    client, SH_EXIT_USAGE, "stop: level must be 1 to 3\n");
		return;
	}
	sh_log_notice("stopping, as asked over the control socket");
	/* the end of this connection is the master's end */
	client->waits_stop = true;
	sh_master_stop(client->master, (enum sh_stop)level);
}

/* Before the first generation serves, and once a stop has begun, workers are
 * not replaced. */
static bool
refuse_now(struct sh_control_client *client)
{
	const struct sh_master *master = client->master;

	if (master->ready && master->pool.state.phase != SH_PHASE_STOPPING)
		return false;
	sh_control_answer(client, SH_EXIT_FAILED,
	    master->ready ? "the master is stopping\n"
			  : "the first generation is still being started\n");
	return true;
}

static void
run_reload(
    struct sh_control_client *client, const struct sh_control_request *request)
{
	int64_t timeout_ms = sh_control_arg(request, "timeout", 0);
	struct sh_master *master = client->master;

	if (refuse_now(client))
		return;
	sh_log_notice("reloading, as asked over the control socket");
	if (!sh_control_arg(request, "wait", 1)) {
		sh_reload_request(master, timeout_ms, NULL);
		sh_control_answer(client, SH_EXIT_OK, "reload requested\n");
		return;
	}
	sh_reload_request(master, timeout_ms, &client->ticket);
}

static void
run_reopen(
    struct sh_control_client *client, const struct sh_control_request *request)
{
	int r = sh_master_log_reopen(client->master);

	if (r < 0) {
		sh_control_answer(client, SH_EXIT_CANNOT_CREATE,
		    "the log cannot be reopened; the old one goes on, and "
		    "says why\n");
		return;
	}
	if (r > 0) {
		sh_control_answer(client, SH_EXIT_OK,
		    "the log goes to stderr: nothing to reopen\n");
		return;
	}
	client->waits_reopen = true;
	client->deadline_ms = sh_clock_ms() + REOPEN_TIMEOUT_MS;
}

static void
run_replace(
    struct sh_control_client *client, const struct sh_control_request *request)
{
	struct sh_pool *pool = &client->master->pool;
	int64_t slot = sh_control_arg(request, "slot", -1);
	int64_t timeout_ms = sh_control_arg(
	    request, "timeout", pool->state.limits.start_timeout_ms);
	char text[128];

	if (refuse_now(client))
		return;
	if (slot < 0 || slot >= UINT32_MAX ||
	    sh_pool_replace(pool, (uint32_t)slot) < 0) {
		snprintf(text, sizeof(text),
		    "no slot %lld: slots are 0 to %u\n", (long long)slot,
		    pool->state.slot_count - 1);
		sh_control_answer(client, SH_EXIT_USAGE, text);
		return;
	}
	if (timeout_ms < 0 || timeout_ms > WAIT_MAX_MS)
		timeout_ms = WAIT_MAX_MS;
	client->replaces_slot = (uint32_t)slot;
	client->replaces = pool->state.slots[slot].keep_from;
	client->deadline_ms = sh_clock_ms() + timeout_ms;
}

static void
run_listeners(
    struct sh_control_client *client, const struct sh_control_request *request)
{
	struct sh_buf buf;

	if (refuse_now(client))
		return;
	sh_buf_init(&buf, SH_CONTROL_BODY_MAX - 1);
	sh_status_listeners(client->master, &buf);
	answer_buf(client, SH_EXIT_OK, &buf);
}

/* Answer what went wrong, or when all workers have done what they were
 * told. */
static void
finish_listener(struct sh_control_client *client,
    const struct sh_control_request *request, int r, const char *text)
{
	int64_t timeout_ms =
	    sh_control_arg(request, "timeout", ORDERS_TIMEOUT_MS);

	if (r < 0) {
		sh_control_answer(client,
		    r == -SHOAL_ENOENT ? SH_EXIT_FAILED : SH_EXIT_OS, text);
		return;
	}
	if (timeout_ms < 0 || timeout_ms > WAIT_MAX_MS)
		timeout_ms = WAIT_MAX_MS;
	client->waits_orders = true;
	snprintf(client->done, sizeof(client->done), "%s\n", text);
	client->deadline_ms = sh_clock_ms() + timeout_ms;
}

/* The generation that listeners are looked up in, NULL after an answer why
 * not. */
static const struct sh_generation *
find_listeners(
    struct sh_control_client *client, const struct sh_control_request *request)
{
	const struct sh_pool *pool = &client->master->pool;

	if (refuse_now(client))
		return NULL;
	if (sh_control_text(request, "name") == NULL) {
		sh_control_answer(
		    client, SH_EXIT_USAGE, "no name of a listener\n");
		return NULL;
	}
	return sh_pool_generation(pool, pool->state.current);
}

static void
run_listener_stop(
    struct sh_control_client *client, const struct sh_control_request *request)
{
	const struct sh_generation *generation =
	    find_listeners(client, request);
	struct sh_halt halt = { .close = sh_control_arg(request, "close", 0),
		.deadline_ms = sh_control_arg(request, "deadline", -1) };
	char text[SH_WHY_MAX];
	int r;

	if (generation == NULL)
		return;
	if (halt.deadline_ms < -1 || halt.deadline_ms > INT32_MAX)
		halt.deadline_ms = INT32_MAX;
	r = sh_pool_stop_listener(&client->master->pool, generation,
	    sh_control_text(request, "name"), &halt, sh_clock_ms(), text,
	    sizeof(text));
	finish_listener(client, request, r, text);
}

static void
run_listener_start(
    struct sh_control_client *client, const struct sh_control_request *request)
{
	const struct sh_generation *generation =
	    find_listeners(client, request);
	char text[2048];
	int r;

	if (generation == NULL)
		return;
	r = sh_pool_start_listener(&client->master->pool, generation,
	    sh_control_text(request, "name"), text, sizeof(text));
	finish_listener(client, request, r, text);
}

static const struct {
	const char *verb;
	void (*run)(struct sh_control_client *client,
	    const struct sh_control_request *request);
} commands[] = {
	{ "status", run_status },
	{ "stop", run_stop },
	{ "reload", run_reload },
	{ "reopen", run_reopen },
	{ "restart-worker", run_replace },
	{ "listeners", run_listeners },
	{ "listener-stop", run_listener_stop },
	{ "listener-start", run_listener_start },
};

void
sh_command_run(
    struct sh_control_client *client, const struct sh_control_request *request)
{
	char text[96];
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].verb, request->verb) == 0) {
			commands[i].run(client, request);
			return;
		}
	}
	snprintf(text, sizeof(text), "this master does not know '%s'\n",
	    request->verb);
	sh_control_answer(client, SH_EXIT_USAGE, text);
}

void
sh_command_answer_reload(
    struct sh_master *master, uint64_t ticket, int status, const char *text)
{
	size_t i;

	for (i = 0; i < SH_CONTROL_CLIENTS; i++) {
		struct sh_control_client *client = &master->clients[i];

		if (client->fd >= 0 && client->ticket != 0 &&
		    client->ticket == ticket)
			sh_control_answer(client, status, text);
	}
}

void
sh_command_announce_ready(struct sh_master *master)
{
	if (master->options.ready_fd < 0)
		return;
	if (dprintf(master->options.ready_fd, "0 \n") < 0)
		sh_log_notice("nobody waits for the start any more");
	sh_register_close(&master->options.ready_fd);
}

void
sh_command_process_gone(
    const struct sh_process *process, const struct sh_exit *how, void *arg)
{
	struct sh_master *master = arg;
	size_t i;

	for (i = 0; i < SH_CONTROL_CLIENTS; i++) {
		struct sh_control_client *client = &master->clients[i];
		char text[SH_WHY_MAX + 128];

		if (client->fd < 0 || client->replaces == 0 ||
		    client->replaces_slot != process->slot ||
		    process->incarnation < client->replaces)
			continue;
		snprintf(text, sizeof(text),
		    "the new worker of slot %u "
		    "failed%s%s; the old one goes on until another is ready\n",
		    process->slot, process->why[0] != '\0' ? ": " : "",
		    process->why);
		sh_control_answer(client, SH_EXIT_FAILED, text);
	}
}

static bool
is_replaced(const struct sh_pool *pool, uint32_t slot, uint64_t incarnation)
{
	uint32_t i;

	for (i = 0; i < pool->state.process_count; i++) {
		const struct sh_process *p = &pool->state.processes[i];

		if (p->state == SH_PROCESS_READY && p->slot == slot &&
		    p->incarnation >= incarnation)
			return true;
	}
	return false;
}

static void
look_after(struct sh_control_client *client, int64_t now_ms)
{
	struct sh_pool *pool = &client->master->pool;
	char text[96];

	if (client->replaces != 0 &&
	    is_replaced(pool, client->replaces_slot, client->replaces)) {
		snprintf(text, sizeof(text),
		    "slot %u has a new worker; the old one drains\n",
		    client->replaces_slot);
		sh_control_answer(client, SH_EXIT_OK, text);
	} else if (client->waits_reopen && pool->reopening == 0) {
		sh_control_answer(client, SH_EXIT_OK, "log reopened\n");
	} else if (client->waits_orders && sh_pool_listeners_settled(pool)) {
		sh_control_answer(client, SH_EXIT_OK, client->done);
	} else if (client->deadline_ms != 0 && now_ms >= client->deadline_ms &&
	    (client->waits_reopen || client->waits_orders ||
		client->replaces != 0)) {
		sh_control_answer(client, SH_EXIT_TIMEOUT,
		    "not done in time; it goes on, see `status'\n");
	}
}

void
sh_command_turn(struct sh_master *master, int64_t now_ms)
{
	size_t i;

	for (i = 0; i < SH_CONTROL_CLIENTS; i++) {
		struct sh_control_client *client = &master->clients[i];

		if (client->fd < 0)
			continue;
		if (client->asked && !client->closing)
			look_after(client, now_ms);
		else if (now_ms >= client->deadline_ms)
			sh_control_drop(client);
	}
}

int64_t
sh_command_timeout_ms(const struct sh_master *master, int64_t now_ms)
{
	int64_t next = -1;
	size_t i;

	for (i = 0; i < SH_CONTROL_CLIENTS; i++) {
		const struct sh_control_client *client = &master->clients[i];
		int64_t left = client->deadline_ms - now_ms;

		if (client->fd < 0 || client->deadline_ms == 0)
			continue;
		left = left < 0 ? 0 : left;
		next = next < 0 || left < next ? left : next;
	}
	return next;
}
