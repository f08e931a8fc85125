/* This file starts, tells, watches and buries workers. */
#include "config.h"

#include "master/master_worker.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"
#include "master/master_fork.h"
#include "master/master_listener.h"
#include "master/master_policy.h"
#include "master/master_pool.h"
#include "proc/bus.h"
#include "proc/channel.h"
#include "proc/register.h"

/* Of one worker in a turn, so that it does not keep others waiting. */
enum { MESSAGES = 64 };

/* What the child needs to become a worker. */
struct birth {
	sh_worker_fn *worker;
	void *arg;
	struct sh_heritage heritage;
	bool *stopped; /* by address; owned */
};

static int
be_born(void *arg)
{
	struct birth *birth = arg;

	return birth->worker(&birth->heritage, birth->arg);
}

static struct sh_process *
find_free(struct sh_pool *pool)
{
	uint32_t i;

	for (i = 0; i < pool->state.process_count; i++)
		if (pool->state.processes[i].state == SH_PROCESS_FREE)
			return &pool->state.processes[i];
	return NULL;
}

/* The descriptors that a worker keeps: its channel, its slot's sockets, its
 * generation's modules, all eventfds of the bus. Returns the array; the sockets
 * begin at 1. */
static int *
list_descriptors(const struct sh_pool *pool,
    const struct sh_generation *generation, uint32_t slot, int channel_fd,
    unsigned *count_out)
{
	uint32_t addresses = generation->plan->address_count, bus_count = 0, i;
	const int *bus_fds =
	    pool->bus != NULL ? sh_bus_fds(pool->bus, &bus_count) : NULL;
	uint32_t before = 1 + addresses + generation->module_count;
	int *fds = sh_xcalloc(before + bus_count, sizeof(int));

	fds[0] = channel_fd;
	for (i = 0; i < addresses; i++)
		fds[1 + i] = sh_bound_fd(generation->bounds[i], slot);
	for (i = 0; i < generation->module_count; i++)
		fds[1 + addresses + i] = generation->module_fds[i];
	for (i = 0; i < bus_count; i++)
		fds[before + i] = bus_fds[i];
	*count_out = before + bus_count;
	return fds;
}

static bool *
list_stopped(const struct sh_generation *generation)
{
	uint32_t addresses = generation->plan->address_count, i;
	bool *stopped = sh_xcalloc(addresses + 1, sizeof(*stopped));

	for (i = 0; i < addresses; i++)
		stopped[i] = generation->bounds[i]->state != SH_BOUND_LISTENING;
	return stopped;
}

static void
fill_heritage(struct sh_heritage *heritage, const struct sh_pool *pool,
    const struct sh_generation *generation, const int *fds)
{
	heritage->slot_count = pool->state.slot_count;
	heritage->incarnation = pool->next_incarnation;
	heritage->generation = generation->id;
	heritage->channel_fd = fds[0];
	heritage->listen_count = generation->plan->address_count;
	heritage->listen_fds = fds + 1;
	heritage->module_count = generation->module_count;
	heritage->module_fds = fds + 1 + heritage->listen_count;
	heritage->plan = generation->plan;
	heritage->board = &pool->board;
	heritage->bus = pool->bus;
}

static void
enter_process(struct sh_pool *pool, struct sh_process *p,
    const struct sh_heritage *heritage, const struct sh_child *child,
    int channel_fd, int64_t now_ms)
{
	/* the target's own time, since its settings may allow more than
	 * those that serve */
	int64_t deadline_ms = heritage->generation == pool->state.target
	    ? pool->state.target_deadline_ms
	    : now_ms + pool->state.limits.start_timeout_ms;

	*p = (struct sh_process){
		.state = SH_PROCESS_STARTING,
		.accepts = true,
		.slot = heritage->slot,
		.incarnation = heritage->incarnation,
		.generation = heritage->generation,
		.started_ms = now_ms,
		.deadline_ms = deadline_ms,
		.heartbeat_ms = now_ms,
		.pid = child->pid,
		.pidfd = child->pidfd,
		.channel_fd = channel_fd,
	};
	pool->next_incarnation++;
	sh_log_debug("slot %u: started worker %d, generation %llu", p->slot,
	    (int)p->pid, (unsigned long long)p->generation);
}

int
sh_worker_spawn(struct sh_pool *pool, uint32_t slot, uint64_t id,
    int64_t now_ms, char *why, size_t cap)
{
	const struct sh_generation *generation = sh_pool_generation(pool, id);
	struct sh_process *p = find_free(pool);
	struct birth birth = { .worker = pool->options.worker,
		.arg = pool->options.worker_arg };
	struct sh_child child;
	int ends[2], *fds, r;
	unsigned count;

	if (p == NULL) {
		snprintf(why, cap,
		    "all %u process places are taken by workers"
		    " that drain",
		    pool->state.process_count);
		return -SHOAL_EAGAIN;
	}
	r = sh_channel_pair(ends);
	if (r < 0) {
		snprintf(why, cap, "socketpair: %s", strerror(-r));
		return r;
	}
	sh_register_add(ends[0]);
	fds = list_descriptors(pool, generation, slot, ends[1], &count);
	fill_heritage(&birth.heritage, pool, generation, fds);
	birth.stopped = list_stopped(generation);
	birth.heritage.listen_stopped = birth.stopped;
	birth.heritage.slot = slot;
	birth.heritage.process = (uint32_t)(p - pool->state.processes);
	sh_block_clear(&pool->board.blocks[birth.heritage.process],
	    birth.heritage.incarnation);
	if (pool->bus != NULL)
		sh_bus_bury(pool->bus, birth.heritage.process);
	r = sh_fork(be_born, &birth, fds, count, &child, why, cap);
	close(ends[1]);
	free(fds);
	free(birth.stopped);
	if (r < 0) {
		sh_register_close(&ends[0]);
		return r;
	}
	enter_process(pool, p, &birth.heritage, &child, ends[0], now_ms);
	return 0;
}

void
sh_worker_tell(struct sh_pool *pool, uint32_t process,
    enum sh_message_type type, int64_t ms, int64_t now_ms)
{
	struct sh_process *p = &pool->state.processes[process];
	int r = sh_channel_send_value(p->channel_fd, type, ms);

	p->state = type == SH_MESSAGE_DRAIN ? SH_PROCESS_DRAINING
					    : SH_PROCESS_STOPPING;
	p->told = true;
	p->deadline_ms = now_ms + ms;
	if (r < 0)
		sh_log_warning("slot %u: cannot tell worker %d to %s: %s",
		    p->slot, (int)p->pid, sh_message_type_str(type),
		    shoal_strerror(r));
}

/* What becomes of connections, "" when nobody knows of any. */
static const char *
format_connections(const struct sh_pool *pool, const struct sh_process *p,
    const char *before, const char *after, char *buf, size_t cap)
{
	const struct sh_block *block =
	    &pool->board.blocks[p - pool->state.processes];

	buf[0] = '\0';
	if (!pool->options.runs_program)
		snprintf(buf, cap, "%s%llu connections%s", before,
		    (unsigned long long)sh_block_connections(block), after);
	return buf;
}

void
sh_worker_kill(
    struct sh_pool *pool, uint32_t process, int signal, int64_t now_ms)
{
	struct sh_process *p = &pool->state.processes[process];
	bool late = p->state == SH_PROCESS_STARTING && p->deadline_ms != 0 &&
	    now_ms >= p->deadline_ms;
	char text[64];

	/* whatever it was told before */
	if (signal == SIGABRT)
		sh_log_err("slot %u: worker %d does not turn its loop "
			   "(workers.watchdog) and is aborted",
		    p->slot, (int)p->pid);
	else if (p->state == SH_PROCESS_DRAINING ||
	    p->state == SH_PROCESS_STOPPING)
		sh_log_warning("slot %u: worker %d did not end in time and is "
			       "killed%s",
		    p->slot, (int)p->pid,
		    format_connections(
			pool, p, " with ", "", text, sizeof(text)));
	else if (late && p->generation == pool->state.current)
		sh_log_err("slot %u: worker %d was not ready in time "
			   "(%s) and is killed",
		    p->slot, (int)p->pid,
		    pool->options.runs_program ? "start_timeout_ms"
					       : "reload.start_timeout");
	pidfd_send_signal(p->pidfd, signal, NULL, 0);
	p->told = p->told ||
	    (signal == SIGKILL && !late && p->state != SH_PROCESS_KILLED);
	p->state = SH_PROCESS_KILLED;
	p->deadline_ms = 0;
}

void
sh_worker_watch_heartbeats(struct sh_pool *pool, int64_t now_ms)
{
	uint32_t i;

	for (i = 0; i < pool->state.process_count; i++) {
		struct sh_process *p = &pool->state.processes[i];
		uint64_t beat;

		if (p->state == SH_PROCESS_FREE)
			continue;
		beat = SH_COUNTER(pool->board.blocks[i].heartbeat);
		if (beat == p->heartbeat)
			continue;
		p->heartbeat = beat;
		p->heartbeat_ms = now_ms;
	}
}

/* The end of a process that was to end. */
static void
note_end(struct sh_pool *pool, const struct sh_process *p,
    const struct sh_exit *how, const char *words)
{
	char text[64];

	if (p->state == SH_PROCESS_KILLED ||
	    (how->signal == 0 &&
		(how->status == SH_WORKER_DONE ||
		    how->status == SH_WORKER_FAILED))) {
		sh_log_debug("slot %u: worker %d ended: %s", p->slot,
		    (int)p->pid, words);
		return;
	}
	pool->crashes++;
	sh_log_err("slot %u: worker %d died while it was ending: %s%s", p->slot,
	    (int)p->pid, words,
	    format_connections(pool, p, "; ", " were cut", text, sizeof(text)));
}

/* What the end of a process means for its slot and generation. */
static void
judge_exit(struct sh_pool *pool, struct sh_process *p,
    const struct sh_exit *how, int64_t now_ms)
{
	struct sh_slot *slot = &pool->state.slots[p->slot];
	char words[128], why[SH_WHY_MAX];

	sh_exit_format(how, words, sizeof(words));
	if (p->told || pool->state.phase == SH_PHASE_STOPPING) {
		note_end(pool, p, how, words);
		return;
	}
	if (p->generation == pool->state.target) {
		snprintf(why, sizeof(why), "worker of slot %u: %.*s", p->slot,
		    (int)sizeof(why) - 40, p->why[0] != '\0' ? p->why : words);
		if (!pool->state.target_failed)
			sh_pool_withdraw(pool, why);
		return;
	}
	if (p->generation != pool->state.current)
		return; /* its generation has been given up */
	sh_policy_slot_died(
	    slot, now_ms - p->started_ms, now_ms, &pool->state.limits);
	if (pool->options.runs_program && how->signal == 0 &&
	    how->status == 0) {
		sh_log_info("slot %u: worker %d has returned; the next one "
			    "starts in %lld ms",
		    p->slot, (int)p->pid,
		    (long long)(slot->spawn_at_ms - now_ms));
		return;
	}
	pool->crashes++;
	pool->state.deaths_since_commit++;
	sh_log_err("slot %u: worker %d died: %s%s%s; the next one starts in "
		   "%lld ms",
	    p->slot, (int)p->pid, words, p->why[0] != '\0' ? ": " : "", p->why,
	    (long long)(slot->spawn_at_ms - now_ms));
}

static void handle_message(struct sh_pool *pool, struct sh_process *p,
    const struct sh_message *message, int *fd);

/* Messages that have come, at most so many. */
static void
read_channel(struct sh_pool *pool, struct sh_process *p, unsigned max)
{
	struct sh_message message;
	int fd;

	while (p->channel_fd >= 0 && max-- > 0) {
		int r = sh_channel_receive(p->channel_fd, &message, &fd);

		if (r > 0)
			handle_message(pool, p, &message, &fd);
		if (fd >= 0)
			close(fd);
		if (r == -SHOAL_EAGAIN)
			return;
		if (r <= 0) {
			/* its end comes over the pidfd */
			sh_register_close(&p->channel_fd);
			return;
		}
	}
}

/* Somebody told the worker itself, by a signal. */
static void
leave_service(struct sh_process *p, const struct sh_message *message)
{
	if (p->state != SH_PROCESS_READY && p->state != SH_PROCESS_DRAINING)
		return;
	sh_log_notice("slot %u: worker %d was told by a signal to end", p->slot,
	    (int)p->pid);
	p->state = message->type == SH_MESSAGE_DRAIN ? SH_PROCESS_DRAINING
						     : SH_PROCESS_STOPPING;
	p->deadline_ms = sh_clock_ms() + message->value;
}

/* It wants to go, and does not count as one that has died; but one after the
 * other that does so at once is as bad as one that crashes. */
static void
let_retire(struct sh_pool *pool, struct sh_process *p, int64_t ms)
{
	int64_t now_ms = sh_clock_ms();

	if (p->state != SH_PROCESS_READY)
		return;
	sh_log_info("slot %u: worker %d retires", p->slot, (int)p->pid);
	p->state = SH_PROCESS_DRAINING;
	p->told = true;
	p->deadline_ms = now_ms + ms;
	sh_policy_slot_died(&pool->state.slots[p->slot], now_ms - p->started_ms,
	    now_ms, &pool->state.limits);
}

static void
handle_message(struct sh_pool *pool, struct sh_process *p,
    const struct sh_message *message, int *fd)
{
	switch (message->type) {
	case SH_MESSAGE_READY:
		if (p->state != SH_PROCESS_STARTING)
			break;
		p->state = SH_PROCESS_READY;
		p->deadline_ms = 0;
		p->heartbeat_ms = sh_clock_ms();
		sh_log_debug("slot %u: worker %d is ready after %lld ms",
		    p->slot, (int)p->pid,
		    (long long)(p->heartbeat_ms - p->started_ms));
		break;
	case SH_MESSAGE_FAILED:
		snprintf(p->why, sizeof(p->why), "%.*s", SH_WHY_MAX - 1,
		    message->text);
		p->error = (int)message->value;
		break;
	case SH_MESSAGE_RELIEVED: p->accepts = false; break;
	case SH_MESSAGE_REOPENED:
		if (p->reopening)
			pool->reopening--;
		p->reopening = false;
		break;
	case SH_MESSAGE_ASK_STOP:
	case SH_MESSAGE_ASK_START:
		sh_pool_listener_asked(pool, p, message);
		break;
	case SH_MESSAGE_LISTENER_DONE:
		/* no more than there are, whatever it says */
		p->orders -= message->value > 0 && message->value < p->orders
		    ? (uint32_t)message->value
		    : p->orders;
		break;
	case SH_MESSAGE_DRAIN:
	case SH_MESSAGE_STOP: leave_service(p, message); break;
	case SH_MESSAGE_RETIRE: let_retire(pool, p, message->value); break;
	default:
		if (pool->options.on_message != NULL &&
		    pool->options.on_message(p, message, fd, pool->options.arg))
			break;
		sh_log_err("worker %d sent '%s', which is not for the master",
		    (int)p->pid, sh_message_type_str(message->type));
	}
}

/* Poll functions have one argument; the pool is found from the process. */
struct sh_pool_watch {
	struct sh_pool *pool;
	struct sh_process *process;
};

static void
on_exit_event(void *arg, short revents)
{
	struct sh_pool_watch *watched = arg;
	struct sh_pool *pool = watched->pool;
	struct sh_process *p = watched->process;
	struct sh_child child = { .pid = p->pid, .pidfd = p->pidfd };
	uint32_t index = (uint32_t)(p - pool->state.processes);
	struct sh_exit how;

	if (p->pidfd < 0 || sh_reap(&child, &how) <= 0)
		return;
	/* what was on its way when the process ended */
	read_channel(pool, p, UINT_MAX);
	p->pidfd = -1;
	judge_exit(pool, p, &how, sh_clock_ms());
	sh_totals_add(&pool->ended, &pool->board.blocks[index], 1);
	sh_block_clear(&pool->board.blocks[index], 0);
	if (pool->bus != NULL)
		sh_bus_bury(pool->bus, index);
	sh_register_close(&p->channel_fd);
	pool->reopening -= p->reopening;
	if (pool->options.on_exit != NULL)
		pool->options.on_exit(p, &how, pool->options.arg);
	p->state = SH_PROCESS_FREE;
	p->deadline_ms = 0;
}

static void
on_channel_event(void *arg, short revents)
{
	struct sh_pool_watch *watched = arg;

	read_channel(watched->pool, watched->process, MESSAGES);
}

void
sh_pool_poll(struct sh_pool *pool, struct sh_poll_set *set)
{
	uint32_t i;

	if (pool->watched == NULL)
		pool->watched = sh_xcalloc(
		    pool->state.process_count, sizeof(*pool->watched));
	for (i = 0; i < pool->state.process_count; i++) {
		struct sh_process *p = &pool->state.processes[i];

		if (p->state == SH_PROCESS_FREE)
			continue;
		pool->watched[i] =
		    (struct sh_pool_watch){ .pool = pool, .process = p };
		/* first what it said, then its end */
		sh_poll_add(set, p->channel_fd, POLLIN, on_channel_event,
		    &pool->watched[i]);
		sh_poll_add(
		    set, p->pidfd, POLLIN, on_exit_event, &pool->watched[i]);
	}
}
