/* This file is a pool with workers that are fakes, for tests. */
#include "config.h"

#include "pool_rig.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/register.h"
#include "support/plan.h"

struct sh_pool pool;
struct sh_poll_set set;
struct fake_report *report;
char pool_why[SH_WHY_MAX];

struct outcome outcomes[OUTCOMES];
unsigned outcome_count, wanted_outcomes;
uint64_t deaths_caused;

static void
on_outcome(
    enum sh_outcome outcome, uint64_t generation, const char *text, void *arg)
{
	outcomes[outcome_count].outcome = outcome;
	outcomes[outcome_count].generation = generation;
	snprintf(outcomes[outcome_count++].text, SH_WHY_MAX, "%s", text);
}

static void
make_pool(uint32_t slots, uint32_t max_old, uint64_t ring_size)
{
	struct sh_pool_options options = {
		.slot_count = slots,
		.max_old = max_old,
		.ring_size = ring_size,
		.worker = fake_worker,
		.on_outcome = on_outcome,
	};

	sh_log_open(2, SH_LOG_TEXT, SHOAL_LOG_CRIT);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	options.worker_arg = report;
	ck_assert_int_eq(sh_pool_init(&pool, &options), 0);
}

void
open_pool(uint32_t slots, uint32_t max_old)
{
	make_pool(slots, max_old, 0);
}

void
open_pool_with_bus(uint32_t slots, uint32_t max_old)
{
	make_pool(slots, max_old, SH_BUS_RING_MIN);
}

int
offer_at(const char *words, int64_t timeout_ms, const char *first,
    const char *second)
{
	struct sh_plan *plan = new_plan(second != NULL ? 2 : first != NULL);
	struct sh_generation *generation;

	snprintf(plan->config_path, sizeof(plan->config_path), "%s", words);
	if (first != NULL)
		ck_assert(set_plan_address(plan, 0, first));
	if (second != NULL)
		ck_assert(set_plan_address(plan, 1, second));
	ck_assert_int_eq(sh_generation_new(sh_register_add(seal_plan(plan)),
			     NULL, 0, &generation, pool_why, sizeof(pool_why)),
	    0);
	return sh_pool_offer(&pool, generation, timeout_ms, sh_clock_ms(),
	    pool_why, sizeof(pool_why));
}

void
offer(const char *words)
{
	ck_assert_msg(offer_at(words, PATIENCE_MS, "127.0.0.1:0", NULL) == 0,
	    "%s", pool_why);
}

bool
drive_until(bool (*is_so)(void))
{
	int64_t deadline_ms = sh_clock_ms() + PATIENCE_MS, now_ms;

	for (;;) {
		int64_t wait_ms;

		now_ms = sh_clock_ms();
		sh_pool_turn(&pool, now_ms);
		if (is_so())
			return true;
		if (now_ms >= deadline_ms)
			return false;
		wait_ms = sh_pool_timeout_ms(&pool, now_ms);
		if (wait_ms < 0 || wait_ms > deadline_ms - now_ms)
			wait_ms = deadline_ms - now_ms;
		sh_pool_poll(&pool, &set);
		sh_poll_wait(&set, wait_ms);
	}
}

bool
has_outcome(void)
{
	return outcome_count >= wanted_outcomes;
}

bool
is_settled(void)
{
	return pool.crashes == deaths_caused &&
	    sh_pool_ready(&pool) == pool.state.slot_count &&
	    sh_pool_alive(&pool) == pool.state.slot_count;
}

bool
is_alone(void)
{
	return pool.crashes == deaths_caused &&
	    sh_pool_ready(&pool) == pool.state.slot_count;
}

bool
is_over(void)
{
	return pool.ended_all;
}

const char *
expect(enum sh_outcome outcome)
{
	wanted_outcomes++;
	ck_assert_msg(drive_until(has_outcome), "no outcome");
	ck_assert_msg(outcomes[wanted_outcomes - 1].outcome == outcome,
	    "outcome %d: %s", outcomes[wanted_outcomes - 1].outcome,
	    outcomes[wanted_outcomes - 1].text);
	return outcomes[wanted_outcomes - 1].text;
}

void
close_pool(void)
{
	sh_pool_stop(&pool, SH_STOP_KILL);
	ck_assert(drive_until(is_over));
	sh_pool_fini(&pool);
	sh_poll_fini(&set);
	munmap(report, sizeof(*report));
}

struct sh_process *
find_process(uint32_t slot, enum sh_process_state state)
{
	uint32_t i;

	for (i = 0; i < pool.state.process_count; i++)
		if (pool.state.processes[i].state == state &&
		    pool.state.processes[i].slot == slot)
			return &pool.state.processes[i];
	return NULL;
}

struct sh_process *
must_find(uint32_t slot, enum sh_process_state state)
{
	struct sh_process *p = find_process(slot, state);

	if (p == NULL)
		abort();
	return p;
}

void
kill_worker(uint32_t slot)
{
	struct sh_process *p = must_find(slot, SH_PROCESS_READY);
	struct pollfd pollfd = { .fd = p->pidfd, .events = POLLIN };

	kill(p->pid, SIGKILL);
	deaths_caused++;
	ck_assert_int_eq(poll(&pollfd, 1, PATIENCE_MS), 1);
}

const struct sh_bound *
bound(uint32_t i)
{
	return sh_pool_generation(&pool, pool.state.current)->bounds[i];
}

int
connect_to(const struct sh_addr *addr)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, &addr->sa, addr->len) == 0)
		return fd;
	close(fd);
	return -errno;
}

const char *
read_line(int fd)
{
	static char line[FAKE_LINE_MAX];
	ssize_t n = recv(fd, line, sizeof(line) - 1, MSG_WAITALL);

	close(fd);
	line[n > 0 ? n : 0] = '\0';
	return line;
}
