/* This file decides what the pool does next; it makes no system call. */
#include "config.h"

#include "master/master_policy.h"

#include <string.h>

struct writer {
	struct sh_action *actions;
	size_t count, cap;
	uint32_t places; /* for new processes */
	uint32_t wanted; /* new processes */
};

static void
add(struct writer *w, struct sh_action action)
{
	if (w->count < w->cap)
		w->actions[w->count++] = action;
}

static void
add_process(
    struct writer *w, enum sh_action_type type, uint32_t process, int64_t ms)
{
	add(w,
	    (struct sh_action){ .type = type, .process = process, .ms = ms });
}

void
sh_policy_slot_died(struct sh_slot *slot, int64_t lived_ms, int64_t now_ms,
    const struct sh_pool_limits *limits)
{
	int64_t oldest = slot->deaths_ms[SH_QUICK_DEATHS - 1];

	slot->spawn_at_ms = now_ms;
	if (lived_ms >= SH_QUICK_MS) {
		slot->backoff_ms = 0;
		return;
	}
	memmove(&slot->deaths_ms[1], &slot->deaths_ms[0],
	    (SH_QUICK_DEATHS - 1) * sizeof(slot->deaths_ms[0]));
	slot->deaths_ms[0] = now_ms;
	if (oldest == 0 || now_ms - oldest >= SH_DEATH_WINDOW_MS) {
		slot->backoff_ms = 0;
		return;
	}
	slot->backoff_ms = slot->backoff_ms == 0 ? limits->backoff_first_ms
						 : slot->backoff_ms * 2;
	if (slot->backoff_ms > limits->backoff_max_ms)
		slot->backoff_ms = limits->backoff_max_ms;
	slot->spawn_at_ms = now_ms + slot->backoff_ms;
}

static bool
is_alive(const struct sh_process *p)
{
	return p->state != SH_PROCESS_FREE;
}

/* Whether a process is one that accepts or will accept. */
static bool
is_serving(const struct sh_process *p)
{
	return p->state == SH_PROCESS_STARTING || p->state == SH_PROCESS_READY;
}

/* A process of a slot and generation that need not be replaced, or NULL. */
static const struct sh_process *
find_serving(const struct sh_pool_state *s, uint32_t slot, uint64_t generation)
{
	uint32_t i;

	for (i = 0; i < s->process_count; i++) {
		const struct sh_process *p = &s->processes[i];

		if (is_serving(p) && p->slot == slot &&
		    p->generation == generation &&
		    p->incarnation >= s->slots[slot].keep_from)
			return p;
	}
	return NULL;
}

static void
add_spawn(struct writer *w, uint32_t slot, uint64_t generation)
{
	/* without a place it waits for one */
	w->wanted++;
	if (w->wanted <= w->places)
		add(w,
		    (struct sh_action){ .type = SH_ACTION_SPAWN,
			.slot = slot,
			.generation = generation });
}

static void
fill_current(const struct sh_pool_state *s, int64_t now_ms, struct writer *w)
{
	uint32_t slot;

	for (slot = 0; slot < s->slot_count; slot++)
		if (find_serving(s, slot, s->current) == NULL &&
		    now_ms >= s->slots[slot].spawn_at_ms)
			add_spawn(w, slot, s->current);
}

/* The target comes up as a whole or not at all. */
static void
advance_target(const struct sh_pool_state *s, int64_t now_ms, struct writer *w)
{
	uint32_t slot, ready = 0;

	if (s->target_failed || now_ms >= s->target_deadline_ms) {
		add(w, (struct sh_action){ .type = SH_ACTION_GIVE_UP });
		return;
	}
	for (slot = 0; slot < s->slot_count; slot++) {
		const struct sh_process *p = find_serving(s, slot, s->target);

		if (p == NULL)
			add_spawn(w, slot, s->target);
		else if (p->state == SH_PROCESS_READY)
			ready++;
	}
	if (ready == s->slot_count)
		add(w, (struct sh_action){ .type = SH_ACTION_COMMIT });
}

/* Whether a process has been replaced by one that is ready. */
static bool
is_superseded(const struct sh_pool_state *s, const struct sh_process *p)
{
	const struct sh_process *other;

	if (p->generation != s->current)
		return p->generation != s->target;
	if (p->incarnation >= s->slots[p->slot].keep_from)
		return false;
	other = find_serving(s, p->slot, s->current);
	return other != NULL && other->state == SH_PROCESS_READY;
}

static void
retire_superseded(const struct sh_pool_state *s, struct writer *w)
{
	uint32_t i;

	if (s->current == 0)
		return;
	for (i = 0; i < s->process_count; i++) {
		const struct sh_process *p = &s->processes[i];

		if (!is_serving(p) || !is_superseded(s, p))
			continue;
		if (p->state == SH_PROCESS_STARTING)
			add_process(w, SH_ACTION_KILL, i, 0);
		else
			add_process(
			    w, SH_ACTION_DRAIN, i, s->limits.drain_timeout_ms);
	}
}

/* The oldest of too many draining generations, or 0. */
static uint64_t
surplus_generation(const struct sh_pool_state *s)
{
	uint64_t oldest = 0;
	uint32_t i, j, generations = 0;

	for (i = 0; i < s->process_count; i++) {
		const struct sh_process *p = &s->processes[i];
		bool first = true;

		if (p->state != SH_PROCESS_DRAINING ||
		    p->generation == s->current)
			continue;
		for (j = 0; j < i; j++)
			if (s->processes[j].state == SH_PROCESS_DRAINING &&
			    s->processes[j].generation == p->generation)
				first = false;
		generations += first;
		if (oldest == 0 || p->generation < oldest)
			oldest = p->generation;
	}
	return generations > s->limits.max_old ? oldest : 0;
}

static void
limit_old(const struct sh_pool_state *s, struct writer *w)
{
	uint64_t surplus = surplus_generation(s);
	uint32_t i;

	for (i = 0; surplus != 0 && i < s->process_count; i++)
		if (s->processes[i].state == SH_PROCESS_DRAINING &&
		    s->processes[i].generation == surplus)
			add_process(w, SH_ACTION_STOP, i, SH_FINAL_MS);
}

/* A new process matters more than the longest drain. */
static void
make_room(const struct sh_pool_state *s, struct writer *w)
{
	uint32_t i, oldest = s->process_count;

	if (w->wanted <= w->places)
		return;
	for (i = 0; i < s->process_count; i++) {
		const struct sh_process *p = &s->processes[i];

		if (p->state == SH_PROCESS_STOPPING ||
		    p->state == SH_PROCESS_KILLED)
			return; /* its place will be free soon */
		if (p->state == SH_PROCESS_DRAINING &&
		    (oldest == s->process_count ||
			p->incarnation < s->processes[oldest].incarnation))
			oldest = i;
	}
	if (oldest != s->process_count)
		add_process(w, SH_ACTION_STOP, oldest, SH_FINAL_MS);
}

static bool
is_overdue(
    const struct sh_pool_state *s, const struct sh_process *p, int64_t now_ms)
{
	int64_t grace = s->limits.no_grace || p->state == SH_PROCESS_STARTING ||
		p->state == SH_PROCESS_KILLED
	    ? 0
	    : SH_KILL_GRACE_MS;

	return is_alive(p) && p->deadline_ms != 0 &&
	    now_ms >= p->deadline_ms + grace;
}

static bool
is_stalled(
    const struct sh_pool_state *s, const struct sh_process *p, int64_t now_ms)
{
	return s->limits.watchdog_ms != 0 &&
	    (p->state == SH_PROCESS_READY || p->state == SH_PROCESS_DRAINING) &&
	    now_ms - p->heartbeat_ms >= s->limits.watchdog_ms;
}

static void
end_overdue(const struct sh_pool_state *s, int64_t now_ms, struct writer *w)
{
	uint32_t i;

	for (i = 0; i < s->process_count; i++) {
		if (is_overdue(s, &s->processes[i], now_ms))
			add_process(w, SH_ACTION_KILL, i, 0);
		else if (is_stalled(s, &s->processes[i], now_ms))
			add_process(w, SH_ACTION_ABORT, i, 0);
	}
}

/* Most workers dying right after a reload means that the new code is bad. */
static bool
is_crash_storm(const struct sh_pool_state *s, int64_t now_ms)
{
	uint32_t limit = s->slot_count / 2 > 2 ? s->slot_count / 2 : 2;

	return s->can_revert && s->deaths_since_commit > limit &&
	    now_ms - s->committed_ms < SH_REVERT_WINDOW_MS;
}

enum sh_stop
sh_policy_stronger(enum sh_stop now, enum sh_stop wanted)
{
	if (now < wanted)
		return wanted;
	return now + 1 > SH_STOP_KILL ? SH_STOP_KILL : now + 1;
}

int64_t
sh_policy_stop_ms(const struct sh_pool_state *s)
{
	switch (s->stop) {
	case SH_STOP_DRAIN: return s->limits.drain_timeout_ms;
	case SH_STOP_GRACEFUL: return s->limits.stop_timeout_ms;
	default: return SH_FAST_MS;
	}
}

/* What a process must be in, so that it need not be told again. */
static bool
has_been_told(
    const struct sh_pool_state *s, const struct sh_process *p, int64_t now_ms)
{
	if (p->state == SH_PROCESS_KILLED)
		return true;
	if (s->stop == SH_STOP_KILL)
		return false;
	if (s->stop == SH_STOP_DRAIN)
		return p->state == SH_PROCESS_DRAINING ||
		    p->state == SH_PROCESS_STOPPING;
	/* a shorter deadline is said again to one that is stopping */
	return p->state == SH_PROCESS_STOPPING &&
	    p->deadline_ms <= now_ms + sh_policy_stop_ms(s);
}

static void
stop_all(const struct sh_pool_state *s, int64_t now_ms, struct writer *w)
{
	uint32_t i, alive = 0;

	for (i = 0; i < s->process_count; i++) {
		const struct sh_process *p = &s->processes[i];

		if (!is_alive(p))
			continue;
		alive++;
		if (has_been_told(s, p, now_ms))
			continue;
		if (s->stop == SH_STOP_KILL)
			add_process(w, SH_ACTION_KILL, i, 0);
		else if (s->stop == SH_STOP_DRAIN)
			add_process(
			    w, SH_ACTION_DRAIN, i, sh_policy_stop_ms(s));
		else
			add_process(w, SH_ACTION_STOP, i, sh_policy_stop_ms(s));
	}
	if (alive == 0)
		add(w, (struct sh_action){ .type = SH_ACTION_END });
}

size_t
sh_policy_decide(const struct sh_pool_state *s, int64_t now_ms,
    struct sh_action *actions, size_t cap)
{
	struct writer w = { .actions = actions, .cap = cap };
	uint32_t i;

	for (i = 0; i < s->process_count; i++)
		w.places += !is_alive(&s->processes[i]);
	end_overdue(s, now_ms, &w);
	if (s->phase == SH_PHASE_STOPPING) {
		stop_all(s, now_ms, &w);
		return w.count;
	}
	if (s->phase == SH_PHASE_SERVING && is_crash_storm(s, now_ms)) {
		add(&w, (struct sh_action){ .type = SH_ACTION_REVERT });
		return w.count;
	}
	if (s->current != 0)
		fill_current(s, now_ms, &w);
	if (s->target != 0)
		advance_target(s, now_ms, &w);
	retire_superseded(s, &w);
	limit_old(s, &w);
	make_room(s, &w);
	return w.count;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
sh_policy_next_ms(const struct sh_pool_state *s, int64_t now_ms)
{
	int64_t next = INT64_MAX;
	uint32_t i;

	for (i = 0; i < s->process_count; i++) {
		const struct sh_process *p = &s->processes[i];

		if (!is_alive(p))
			continue;
		if (p->deadline_ms != 0)
			next = earlier(next,
			    p->deadline_ms > now_ms
				? p->deadline_ms
				: p->deadline_ms + SH_KILL_GRACE_MS);
		if (s->limits.watchdog_ms != 0)
			next = earlier(next, now_ms + 1000);
	}
	for (i = 0; i < s->slot_count; i++)
		if (s->slots[i].spawn_at_ms > now_ms)
			next = earlier(next, s->slots[i].spawn_at_ms);
	if (s->target != 0)
		next = earlier(next, s->target_deadline_ms);
	return next;
}
