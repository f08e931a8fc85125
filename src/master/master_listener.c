/* This file stops and starts listeners on all workers of a pool; it does not
 * make their sockets. */
#include "config.h"

#include "master/master_listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "master/master_pool.h"
#include "proc/channel.h"

enum { REPEAT_MS = 100 };

/* The place of an address in the plan of a process, -1 when it has no such. */
static int64_t
find_place(const struct sh_pool *pool, const struct sh_process *p,
    const struct sh_bound *bound)
{
	const struct sh_generation *generation =
	    sh_pool_generation(pool, p->generation);
	uint32_t i;

	for (i = 0; generation != NULL && i < generation->plan->address_count;
	     i++)
		if (sh_bound_is_of(bound, sh_plan_address(generation->plan, i)))
			return i;
	return -1;
}

/* Tell one process. False when it takes no more for now. */
static bool
send_order(struct sh_process *p, enum sh_message_type type, int64_t place,
    int socket_fd)
{
	struct sh_message message = { .type = type, .value = place };
	int r = sh_channel_send(p->channel_fd, &message, socket_fd);

	if (r == 0 && type != SH_MESSAGE_LISTENER_END)
		p->orders++;
	/* one that has gone is buried soon */
	return r == 0 || r == -EPIPE || r == -ECONNRESET;
}

static bool
is_concerned(const struct sh_process *p, enum sh_message_type type)
{
	if (p->state == SH_PROCESS_FREE || p->channel_fd < 0)
		return false;
	/* connections go on where nobody accepts any more */
	return p->accepts || type == SH_MESSAGE_LISTENER_END;
}

/* Tell all processes that have an address. False when one was not reached. */
static bool
send_all(struct sh_pool *pool, const struct sh_bound *bound,
    enum sh_message_type type, bool with_socket)
{
	bool reached = true;
	uint32_t i;

	for (i = 0; i < pool->state.process_count; i++) {
		struct sh_process *p = &pool->state.processes[i];
		int64_t place;

		if (!is_concerned(p, type))
			continue;
		place = find_place(pool, p, bound);
		if (place < 0 ||
		    send_order(p, type, place,
			with_socket ? sh_bound_fd(bound, p->slot) : -1))
			continue;
		reached = false;
		if (p->lagging || type == SH_MESSAGE_LISTENER_END)
			continue;
		p->lagging = true;
		sh_log_notice("slot %u: worker %d takes no orders at the "
			      "moment; they are repeated",
		    p->slot, (int)p->pid);
	}
	return reached;
}

/* Orders that lead to the present state, whatever has been missed. */
static void
repeat_orders(struct sh_pool *pool, struct sh_process *p)
{
	static const enum sh_message_type types[] = {
		[SH_BOUND_LISTENING] = SH_MESSAGE_LISTENER_START,
		[SH_BOUND_STOPPED] = SH_MESSAGE_LISTENER_STOP,
		[SH_BOUND_CLOSED] = SH_MESSAGE_LISTENER_CLOSE
	};
	const struct sh_bound *bound;

	p->lagging = false;
	for (bound = pool->bounds.first; bound != NULL && !p->lagging;
	     bound = bound->next) {
		int64_t place = find_place(pool, p, bound);

		if (is_concerned(p, types[bound->state]) && place >= 0)
			p->lagging = !send_order(p, types[bound->state], place,
			    bound->state == SH_BOUND_LISTENING
				? sh_bound_fd(bound, p->slot)
				: -1);
	}
}

/* Whether that has changed anything. */
static bool
stop_bound(struct sh_pool *pool, struct sh_bound *bound,
    const struct sh_halt *halt, int64_t now_ms)
{
	bound->end_at_ms =
	    halt->deadline_ms < 0 ? 0 : now_ms + halt->deadline_ms;
	if (bound->state == SH_BOUND_CLOSED ||
	    (bound->state == SH_BOUND_STOPPED && !halt->close))
		return false;
	if (!halt->close) {
		bound->state = SH_BOUND_STOPPED;
		send_all(pool, bound, SH_MESSAGE_LISTENER_STOP, false);
		return true;
	}
	/* here first: what comes once a worker has emptied its queue would be
	 * reset and not refused */
	sh_bound_close(bound);
	send_all(pool, bound, SH_MESSAGE_LISTENER_CLOSE, false);
	return true;
}

/* 1 when it was started, 0 when it listened already, or -errno with why. */
static int
start_bound(struct sh_pool *pool, struct sh_bound *bound,
    const struct sh_plan_address *address, char *why, size_t cap)
{
	bool closed = bound->state == SH_BOUND_CLOSED;
	int r = 0;

	if (closed)
		r = sh_bound_reopen(&pool->bounds, bound, address,
		    !sh_pool_listeners_settled(pool), why, cap);
	if (r < 0)
		return r;
	bound->end_at_ms = 0;
	if (!closed && bound->state == SH_BOUND_LISTENING)
		return 0;
	bound->state = SH_BOUND_LISTENING;
	send_all(pool, bound, SH_MESSAGE_LISTENER_START, closed);
	return 1;
}

/* The next address of a listener from a place on, or NULL. */
static struct sh_bound *
next_of(
    const struct sh_generation *generation, const char *name, uint32_t *place)
{
	const struct sh_plan *plan = generation->plan;

	for (; *place < plan->address_count; ++*place)
		if (generation->bounds[*place] != NULL &&
		    strcmp(sh_plan_address(plan, *place)->listener, name) == 0)
			return generation->bounds[*place];
	return NULL;
}

/* Say which listeners there are. */
static int
miss(const struct sh_generation *generation, const char *name, char *text,
    size_t cap)
{
	size_t len;
	uint32_t i;

	snprintf(text, cap, "no listener '%s'; there are", name);
	for (i = 0; i < generation->plan->address_count; i++) {
		len = strlen(text);
		snprintf(text + len, cap - len, "%s '%s'", i == 0 ? "" : ",",
		    sh_plan_address(generation->plan, i)->listener);
	}
	return -SHOAL_ENOENT;
}

int
sh_pool_stop_listener(struct sh_pool *pool,
    const struct sh_generation *generation, const char *name,
    const struct sh_halt *halt, int64_t now_ms, char *text, size_t cap)
{
	struct sh_bound *bound;
	bool changed = false;
	uint32_t place = 0;

	bound = next_of(generation, name, &place);
	if (bound == NULL)
		return miss(generation, name, text, cap);
	for (; bound != NULL; bound = next_of(generation, name, &place)) {
		changed = stop_bound(pool, bound, halt, now_ms) || changed;
		if (changed)
			snprintf(text, cap, "listener '%s' %s", name,
			    bound->state == SH_BOUND_CLOSED
				? "closed: who connects is refused"
				: "stopped: who connects waits");
		else
			snprintf(text, cap, "listener '%s' is %s already", name,
			    sh_bound_state_str(bound->state));
		place++;
	}
	if (changed)
		sh_log_notice("%s", text);
	return 0;
}

int
sh_pool_start_listener(struct sh_pool *pool,
    const struct sh_generation *generation, const char *name, char *text,
    size_t cap)
{
	struct sh_bound *bound;
	bool changed = false;
	uint32_t place = 0;
	int r = 0;

	bound = next_of(generation, name, &place);
	if (bound == NULL)
		return miss(generation, name, text, cap);
	for (; bound != NULL; bound = next_of(generation, name, &place)) {
		r = start_bound(pool, bound,
		    sh_plan_address(generation->plan, place), text, cap);
		if (r < 0) {
			sh_log_err("%s", text);
			return r;
		}
		changed = r > 0 || changed;
		place++;
	}
	snprintf(text, cap, "listener '%s' %s", name,
	    changed ? "listens again" : "is listening already");
	if (changed)
		sh_log_notice("%s", text);
	return 0;
}

/* Whether a process may still accept, or have, what it was told to leave. */
static bool
is_behind(const struct sh_process *p)
{
	return p->state != SH_PROCESS_FREE && p->accepts &&
	    (p->orders > 0 || p->lagging);
}

bool
sh_pool_listeners_settled(const struct sh_pool *pool)
{
	uint32_t i;

	for (i = 0; i < pool->state.process_count; i++)
		if (is_behind(&pool->state.processes[i]))
			return false;
	return true;
}

/* Who drains speaks of the listeners that are there now, as everybody. */
static const struct sh_generation *
generation_of(const struct sh_pool *pool, const struct sh_process *from)
{
	const struct sh_pool_state *state = &pool->state;

	return sh_pool_generation(pool,
	    state->current == 0 || from->generation == state->target
		? from->generation
		: state->current);
}

void
sh_pool_listener_asked(struct sh_pool *pool, const struct sh_process *from,
    const struct sh_message *message)
{
	const struct sh_generation *generation = generation_of(pool, from);
	char text[SH_WHY_MAX];
	struct sh_halt halt;
	int32_t deadline_ms = 0;
	int r;

	if (pool->state.phase == SH_PHASE_STOPPING || generation == NULL)
		return;
	sh_log_debug("slot %u: worker %d sent '%s'", from->slot, (int)from->pid,
	    sh_message_type_str(message->type));
	if (message->type == SH_MESSAGE_ASK_START) {
		r = sh_pool_start_listener(
		    pool, generation, message->text, text, sizeof(text));
	} else if (sh_message_read_ask(
		       message->value, &halt.close, &deadline_ms)) {
		halt.deadline_ms = deadline_ms;
		r = sh_pool_stop_listener(pool, generation, message->text,
		    &halt, sh_clock_ms(), text, sizeof(text));
	} else {
		r = -SHOAL_EINVAL;
	}
	/* the text may be anything, and has no place in the log */
	if (r == -SHOAL_ENOENT || r == -SHOAL_EINVAL)
		sh_log_warning(
		    "slot %u: worker %d asked for '%s' of a listener "
		    "that is not there",
		    from->slot, (int)from->pid,
		    sh_message_type_str(message->type));
}

void
sh_pool_listeners_turn(struct sh_pool *pool, int64_t now_ms)
{
	struct sh_bound *bound;
	uint32_t i;

	for (bound = pool->bounds.first; bound != NULL; bound = bound->next) {
		if (bound->end_at_ms == 0 || now_ms < bound->end_at_ms)
			continue;
		bound->end_at_ms =
		    send_all(pool, bound, SH_MESSAGE_LISTENER_END, false)
		    ? 0
		    : now_ms + REPEAT_MS;
	}
	for (i = 0; i < pool->state.process_count; i++)
		if (is_behind(&pool->state.processes[i]) &&
		    pool->state.processes[i].lagging)
			repeat_orders(pool, &pool->state.processes[i]);
}

int64_t
sh_pool_listeners_next_ms(const struct sh_pool *pool, int64_t now_ms)
{
	const struct sh_bound *bound;
	int64_t next_ms = INT64_MAX;
	uint32_t i;

	for (bound = pool->bounds.first; bound != NULL; bound = bound->next)
		if (bound->end_at_ms != 0 && bound->end_at_ms < next_ms)
			next_ms = bound->end_at_ms;
	for (i = 0; i < pool->state.process_count; i++)
		if (pool->state.processes[i].lagging &&
		    is_behind(&pool->state.processes[i]) &&
		    now_ms + REPEAT_MS < next_ms)
			next_ms = now_ms + REPEAT_MS;
	return next_ms;
}
