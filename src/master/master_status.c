/* This file writes what the master knows. */
#include "config.h"

#include "master/master_status.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <shoal/shoal.h>

#include "base/clock.h"
#include "base/stack_guard.h"
#include "base/text.h"
#include "master/master.h"
#include "master/master_policy.h"
#include "master/master_status_broker.h"

enum { STATUS_SCHEMA = 1 };

static const char *const state_names[] = { "free", "starting", "ready",
	"draining", "stopping", "killed" };
static const char *const phase_names[] = { "starting", "serving", "reloading",
	"stopping" };

int
sh_status_code(const struct sh_master *master)
{
	const struct sh_pool_state *state = &master->pool.state;

	if (!master->ready || state->phase == SH_PHASE_STOPPING)
		return SH_EXIT_STATUS_DEGRADED;
	if (sh_pool_ready(&master->pool) < state->slot_count)
		return SH_EXIT_STATUS_DEGRADED;
	if (strcmp(master->reload.result, "ok") != 0)
		return SH_EXIT_STATUS_DEGRADED;
	return SH_EXIT_OK;
}

/* Sums over all processes, those that are gone included. Free with
 * sh_totals_fini(). */
static void
sum_up(const struct sh_master *master, struct sh_totals *totals)
{
	const struct sh_pool *pool = &master->pool;
	uint32_t i;

	sh_totals_copy(totals, &pool->ended);
	for (i = 0; i < pool->state.process_count; i++)
		if (pool->state.processes[i].state != SH_PROCESS_FREE)
			sh_totals_add(totals, &pool->board.blocks[i], 0);
}

static uint64_t
resident_bytes(pid_t pid)
{
	char path[64];
	unsigned long long size, resident = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	fclose(file);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
json_worker(const struct sh_master *master, uint32_t i, struct sh_buf *out)
{
	const struct sh_process *p = &master->pool.state.processes[i];
	const struct sh_block *block = &master->pool.board.blocks[i];

	sh_buf_printf(out,
	    "{\"slot\":%u,\"pid\":%d,\"process\":%u,\"incarnation\":%llu,"
	    "\"generation\":%llu,\"state\":\"%s\",\"uptime_ms\":%lld,"
	    "\"connections\":%llu,\"accepted\":%llu,\"accept_errors\":%llu,"
	    "\"messages_received\":%llu,\"queued_bytes\":%llu,"
	    "\"resident_bytes\":%llu}",
	    p->slot, (int)p->pid, i, (unsigned long long)p->incarnation,
	    (unsigned long long)p->generation, state_names[p->state],
	    (long long)(sh_clock_ms() - p->started_ms),
	    (unsigned long long)sh_block_connections(block),
	    (unsigned long long)SH_COUNTER(block->counters.accepted),
	    (unsigned long long)SH_COUNTER(block->counters.accept_errors),
	    (unsigned long long)SH_COUNTER(block->counters.messages_received),
	    (unsigned long long)SH_COUNTER(block->counters.queued_bytes),
	    (unsigned long long)resident_bytes(p->pid));
}

static void
json_workers(const struct sh_master *master, struct sh_buf *out)
{
	bool first = true;
	uint32_t i;

	sh_buf_puts(out, "\"workers\":[");
	for (i = 0; i < master->pool.state.process_count; i++) {
		if (master->pool.state.processes[i].state == SH_PROCESS_FREE)
			continue;
		if (!first)
			sh_buf_puts(out, ",");
		first = false;
		json_worker(master, i, out);
	}
	sh_buf_puts(out, "]");
}

static const char *
protocol(const struct sh_plan_address *address)
{
	return address->http ? "http" : "tcp";
}

static void
json_listener(const struct sh_plan_address *address,
    const struct sh_bound *bound, struct sh_buf *out)
{
	char text[SH_ADDR_TEXT_MAX];
	uint32_t slot;

	sh_buf_puts(out, "{\"name\":");
	sh_buf_json(out, address->listener);
	sh_buf_printf(
	    out, ",\"protocol\":\"%s\",\"configured\":", protocol(address));
	sh_buf_json(out, address->text);
	sh_buf_puts(out, ",\"address\":");
	sh_buf_json(out, sh_addr_format(&bound->addr, text, sizeof(text)));
	sh_buf_printf(out, ",\"state\":\"%s\",\"backlog\":%d,\"queued\":[",
	    sh_bound_state_str(bound->state), address->backlog);
	for (slot = 0; slot < bound->fd_count; slot++)
		sh_buf_printf(out, "%s%u", slot == 0 ? "" : ",",
		    sh_bound_queued(bound, slot));
	sh_buf_puts(out, "]}");
}

static void
json_listeners(const struct sh_master *master, struct sh_buf *out)
{
	const struct sh_generation *generation =
	    sh_pool_generation(&master->pool, master->pool.state.current);
	bool first = true;
	uint32_t i;

	sh_buf_puts(out, "\"listeners\":[");
	for (i = 0; generation != NULL && i < generation->plan->address_count;
	     i++) {
		if (generation->bounds[i] == NULL)
			continue; /* stopping */
		if (!first)
			sh_buf_puts(out, ",");
		first = false;
		json_listener(sh_plan_address(generation->plan, i),
		    generation->bounds[i], out);
	}
	sh_buf_puts(out, "]");
}

static void
json_topics(const struct sh_counters *c, struct sh_buf *out)
{
	sh_buf_printf(out,
	    "\"published\":%llu,\"delivered\":%llu,"
	    "\"subscriptions\":%llu,\"gaps\":%llu,",
	    (unsigned long long)SH_COUNTER(c->published),
	    (unsigned long long)SH_COUNTER(c->delivered),
	    (unsigned long long)SH_COUNTER(c->subscriptions),
	    (unsigned long long)SH_COUNTER(c->gaps));
}

static void
json_counters(const struct sh_master *master, struct sh_buf *out)
{
	struct sh_totals totals;
	const struct sh_counters *c = &totals.counters;
	uint32_t i;

	sum_up(master, &totals);
	sh_buf_puts(out, "\"counters\":{");
	json_topics(c, out);
	sh_buf_printf(out,
	    "\"accepted\":%llu,\"closed\":%llu,"
	    "\"accept_errors\":%llu,\"bytes_received\":%llu,"
	    "\"bytes_sent\":%llu,\"messages_received\":%llu,"
	    "\"requests\":%llu,\"http_errors\":%llu,"
	    "\"sends_refused\":%llu,\"timeouts\":%llu,\"queued_bytes\":%llu,"
	    "\"queues_full\":%llu,\"messages_dropped\":%llu,"
	    "\"slow_closed\":%llu,\"stalled\":%llu,"
	    "\"coroutines\":%llu,\"coroutines_refused\":%llu,"
	    "\"stack_used\":%llu,\"stack_guard\":\"%s\","
	    "\"bus_written\":%llu,\"bus_read\":%llu,"
	    "\"bus_refused\":%llu,\"bus_lapped\":%llu,"
	    "\"worker_crashes\":%llu,\"worker_restarts\":%llu,"
	    "\"reloads_ok\":%llu,\"reloads_failed\":%llu},\"handlers\":{",
	    (unsigned long long)SH_COUNTER(c->accepted),
	    (unsigned long long)SH_COUNTER(c->closed),
	    (unsigned long long)SH_COUNTER(c->accept_errors),
	    (unsigned long long)SH_COUNTER(c->bytes_received),
	    (unsigned long long)SH_COUNTER(c->bytes_sent),
	    (unsigned long long)SH_COUNTER(c->messages_received),
	    (unsigned long long)SH_COUNTER(c->requests),
	    (unsigned long long)SH_COUNTER(c->http_errors),
	    (unsigned long long)SH_COUNTER(c->sends_refused),
	    (unsigned long long)SH_COUNTER(c->timeouts),
	    (unsigned long long)SH_COUNTER(c->queued_bytes),
	    (unsigned long long)SH_COUNTER(c->queues_full),
	    (unsigned long long)SH_COUNTER(c->messages_dropped),
	    (unsigned long long)SH_COUNTER(c->slow_closed),
	    (unsigned long long)SH_COUNTER(c->stalled),
	    (unsigned long long)SH_COUNTER(c->coroutines),
	    (unsigned long long)SH_COUNTER(c->coroutines_refused),
	    (unsigned long long)SH_COUNTER(c->stack_used),
	    sh_stack_guard_str(SH_COUNTER(c->stack_guard)),
	    (unsigned long long)SH_COUNTER(c->bus_written),
	    (unsigned long long)SH_COUNTER(c->bus_read),
	    (unsigned long long)SH_COUNTER(c->bus_refused),
	    (unsigned long long)SH_COUNTER(c->bus_lapped),
	    (unsigned long long)master->pool.crashes,
	    (unsigned long long)master->pool.restarts,
	    (unsigned long long)master->reload.ok_count,
	    (unsigned long long)master->reload.failed_count);
	for (i = 0; i < totals.user_count; i++) {
		if (i != 0)
			sh_buf_puts(out, ",");
		sh_buf_json(out, totals.user[i].name);
		sh_buf_printf(
		    out, ":%lld", (long long)SH_COUNTER(totals.user[i].value));
	}
	sh_buf_puts(out, "}");
	sh_totals_fini(&totals);
}

static const struct sh_plan *
plan_of(const struct sh_master *master)
{
	const struct sh_generation *generation =
	    sh_pool_generation(&master->pool, master->pool.state.current);

	return generation != NULL ? generation->plan : NULL;
}

static const char *
config_path(const struct sh_master *master)
{
	const struct sh_plan *plan = plan_of(master);

	return plan != NULL ? plan->config_path : "";
}

static void
write_broker(const struct sh_master *master,
    void (*write)(const struct sh_plan *plan,
	const struct sh_counters *counters, struct sh_buf *out),
    struct sh_buf *out)
{
	struct sh_totals totals;

	sum_up(master, &totals);
	write(plan_of(master), &totals.counters, out);
	sh_totals_fini(&totals);
}

void
sh_status_json(struct sh_master *master, struct sh_buf *out)
{
	const struct sh_reload *reload = &master->reload;
	const struct sh_pool *pool = &master->pool;

	sh_buf_printf(out,
	    "{\"schema\":%d,\"version\":\"%s\",\"pid\":%d,\"phase\":\"%s\","
	    "\"started\":%lld,\"uptime_ms\":%lld,\"generation\":%llu,"
	    "\"config\":",
	    STATUS_SCHEMA, SHOAL_VERSION, (int)getpid(),
	    phase_names[pool->state.phase], (long long)master->started_unix,
	    (long long)(sh_clock_ms() - master->started_ms),
	    (unsigned long long)pool->state.current);
	sh_buf_json(out, config_path(master));
	sh_buf_printf(out,
	    ",\"workers_wanted\":%u,\"workers_ready\":%u,"
	    "\"connections\":%llu,\"draining_connections\":%llu,"
	    "\"last_reload\":{\"result\":\"%s\",\"time\":%lld,\"ms\":%lld,"
	    "\"text\":",
	    pool->state.slot_count, sh_pool_ready(pool),
	    (unsigned long long)sh_pool_connections(pool),
	    (unsigned long long)sh_pool_draining_connections(pool),
	    reload->result, (long long)reload->unix_time,
	    (long long)reload->took_ms);
	sh_buf_json(out, reload->text != NULL ? reload->text : "");
	sh_buf_puts(out, "},");
	json_workers(master, out);
	sh_buf_puts(out, ",");
	json_listeners(master, out);
	sh_buf_puts(out, ",");
	write_broker(master, sh_status_broker_json, out);
	sh_buf_puts(out, ",");
	json_counters(master, out);
	sh_buf_puts(out, "}\n");
}

/* Whole seconds, minutes, ... are enough for a person. */
static const char *
format_span(int64_t ms, char *buf, size_t cap)
{
	if (ms >= 60000)
		ms -= ms % 60000;
	else if (ms >= 1000)
		ms -= ms % 1000;
	return sh_duration_format(ms, buf, cap);
}

/* What an operator who thinks of workers.stack_size wants to know. */
static void
text_coroutines(const struct sh_master *master, struct sh_buf *out)
{
	struct sh_totals totals;
	const struct sh_counters *c = &totals.counters;
	char used[32];

	sum_up(master, &totals);
	sh_buf_printf(out,
	    "coroutines %llu, at most %s of a stack used, guard: %s",
	    (unsigned long long)SH_COUNTER(c->coroutines),
	    sh_size_format(
		(int64_t)SH_COUNTER(c->stack_used), used, sizeof(used)),
	    sh_stack_guard_str(SH_COUNTER(c->stack_guard)));
	if (SH_COUNTER(c->coroutines_refused) != 0)
		sh_buf_printf(out, ", %llu refused",
		    (unsigned long long)SH_COUNTER(c->coroutines_refused));
	sh_buf_puts(out, "\n");
	sh_totals_fini(&totals);
}

/* Nothing for those who do not use them. */
static void
text_topics(const struct sh_master *master, struct sh_buf *out)
{
	struct sh_totals totals;
	const struct sh_counters *c = &totals.counters;

	sum_up(master, &totals);
	if (SH_COUNTER(c->published) != 0 || SH_COUNTER(c->subscriptions) != 0)
		sh_buf_printf(out,
		    "topics: %llu subscriptions, %llu messages published, %llu "
		    "delivered, %llu gaps\n",
		    (unsigned long long)SH_COUNTER(c->subscriptions),
		    (unsigned long long)SH_COUNTER(c->published),
		    (unsigned long long)SH_COUNTER(c->delivered),
		    (unsigned long long)SH_COUNTER(c->gaps));
	sh_totals_fini(&totals);
}

/* Peers that do not read, if there have been any. */
static void
text_slow(const struct sh_master *master, struct sh_buf *out)
{
	struct sh_totals totals;
	const struct sh_counters *c = &totals.counters;

	sum_up(master, &totals);
	if (SH_COUNTER(c->queues_full) != 0 ||
	    SH_COUNTER(c->messages_dropped) != 0 ||
	    SH_COUNTER(c->slow_closed) != 0 || SH_COUNTER(c->stalled) != 0)
		sh_buf_printf(out,
		    "slow peers: %llu now, %llu messages dropped, %llu closed, "
		    "%llu stalled and cut\n",
		    (unsigned long long)SH_COUNTER(c->queues_full),
		    (unsigned long long)SH_COUNTER(c->messages_dropped),
		    (unsigned long long)SH_COUNTER(c->slow_closed),
		    (unsigned long long)SH_COUNTER(c->stalled));
	sh_totals_fini(&totals);
}

/* How the latest start or reload went. */
static void
text_reload(const struct sh_reload *reload, struct sh_buf *out)
{
	const char *text = reload->text != NULL ? reload->text : "";

	if (reload->result[0] == '\0') {
		sh_buf_puts(out, "start under way\n");
		return;
	}
	sh_buf_printf(out, "last %s: %s in %lld ms",
	    reload->ok_count + reload->failed_count > 1 ? "reload" : "start",
	    reload->result, (long long)reload->took_ms);
	if (strcmp(reload->result, "ok") != 0)
		sh_buf_printf(out, ": %.*s", (int)strcspn(text, "\n"), text);
	sh_buf_puts(out, "\n");
}

static void
text_head(const struct sh_master *master, struct sh_buf *out)
{
	const struct sh_reload *reload = &master->reload;
	const struct sh_pool *pool = &master->pool;
	const char *config = config_path(master);
	char up[64];

	sh_buf_printf(out, "shoal %s  pid %d  up %s  %s\n", SHOAL_VERSION,
	    (int)getpid(),
	    format_span(sh_clock_ms() - master->started_ms, up, sizeof(up)),
	    phase_names[pool->state.phase]);
	if (pool->state.current != 0)
		sh_buf_printf(out, "config %s (generation %llu)\n",
		    config[0] != '\0' ? config : "built into the program",
		    (unsigned long long)pool->state.current);
	text_reload(reload, out);
	sh_buf_printf(out, "workers %u/%u ready, %llu connections",
	    sh_pool_ready(pool), pool->state.slot_count,
	    (unsigned long long)sh_pool_connections(pool));
	if (sh_pool_draining_connections(pool) != 0)
		sh_buf_printf(out, ", %llu of them in workers that drain",
		    (unsigned long long)sh_pool_draining_connections(pool));
	sh_buf_puts(out, "\n");
	text_coroutines(master, out);
	text_topics(master, out);
	text_slow(master, out);
	write_broker(master, sh_status_broker_text, out);
	sh_buf_puts(out, "\n");
}

static void
text_workers(const struct sh_master *master, struct sh_buf *out)
{
	uint32_t i;

	sh_buf_puts(out,
	    "SLOT     PID  GEN STATE     UP           CONNS    "
	    "ACCEPTED    MESSAGES  QUEUED     RSS\n");
	for (i = 0; i < master->pool.state.process_count; i++) {
		const struct sh_process *p = &master->pool.state.processes[i];
		const struct sh_block *block = &master->pool.board.blocks[i];
		char up[64], queued[32], rss[32];

		if (p->state == SH_PROCESS_FREE)
			continue;
		sh_buf_printf(out,
		    "%-4u %7d %4llu %-9s %-9s %8llu %11llu %11llu %7s %7s\n",
		    p->slot, (int)p->pid, (unsigned long long)p->generation,
		    state_names[p->state],
		    format_span(sh_clock_ms() - p->started_ms, up, sizeof(up)),
		    (unsigned long long)sh_block_connections(block),
		    (unsigned long long)SH_COUNTER(block->counters.accepted),
		    (unsigned long long)SH_COUNTER(
			block->counters.messages_received),
		    sh_size_format(
			(int64_t)SH_COUNTER(block->counters.queued_bytes),
			queued, sizeof(queued)),
		    sh_size_format((int64_t)resident_bytes(p->pid) & ~0xfffff,
			rss, sizeof(rss)));
	}
}

void
sh_status_listeners(const struct sh_master *master, struct sh_buf *out)
{
	const struct sh_generation *generation =
	    sh_pool_generation(&master->pool, master->pool.state.current);
	uint32_t i, slot, queued;

	if (generation == NULL)
		return;
	sh_buf_printf(out, "%-20s %-32s %-5s %-9s %s\n", "LISTENER", "ADDRESS",
	    "PROTO", "STATE", "QUEUED");
	for (i = 0; i < generation->plan->address_count; i++) {
		const struct sh_plan_address *address =
		    sh_plan_address(generation->plan, i);
		const struct sh_bound *bound = generation->bounds[i];
		char text[SH_ADDR_TEXT_MAX];

		if (bound == NULL)
			continue; /* stopping */
		for (slot = queued = 0; slot < bound->fd_count; slot++)
			queued += sh_bound_queued(bound, slot);
		sh_buf_printf(out, "%-20s %-32s %-5s %-9s %u/%u\n",
		    address->listener,
		    sh_addr_format(&bound->addr, text, sizeof(text)),
		    protocol(address), sh_bound_state_str(bound->state), queued,
		    (unsigned)address->backlog * bound->fd_count);
	}
}

void
sh_status_text(struct sh_master *master, struct sh_buf *out)
{
	text_head(master, out);
	text_workers(master, out);
	if (master->pool.state.current != 0)
		sh_buf_puts(out, "\n");
	sh_status_listeners(master, out);
}
