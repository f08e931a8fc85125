/* This file tests master/master_policy.c: what a pool looks like, and what is
 * to be done about it. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "master/master_policy.h"
#include "support/suite.h"

enum { SLOTS = 2, PLACES = 8, NOW = 100000 };

static struct sh_slot slots[SLOTS];
static struct sh_process processes[PLACES];
static struct sh_pool_state state;

/*
 * Make a pool of two slots. Processes are words "0r1": slot, state (s starting,
 * r ready, d draining, t stopping, k killed), generation. Their incarnations
 * are 1, 2, ... in this order.
 */
static void
make_pool(const char *words, uint64_t current, uint64_t target)
{
	static const char letters[] = "-srdtk";
	uint32_t i = 0;

	memset(slots, 0, sizeof(slots));
	memset(processes, 0, sizeof(processes));
	state = (struct sh_pool_state){
		.phase = current == 0 ? SH_PHASE_STARTING
		    : target != 0     ? SH_PHASE_RELOADING
				      : SH_PHASE_SERVING,
		.slot_count = SLOTS,
		.process_count = PLACES,
		.slots = slots,
		.processes = processes,
		.current = current,
		.target = target,
		.target_deadline_ms = NOW + 30000,
		.limits = {
			.start_timeout_ms = 30000,
			.drain_timeout_ms = 600000,
			.stop_timeout_ms = 20000,
			.backoff_first_ms = 1000,
			.backoff_max_ms = 5000,
			.watchdog_ms = 60000,
			.max_old = 2,
		},
	};
	for (; *words != '\0'; words += 3 + (words[3] == ' ')) {
		struct sh_process *p = &processes[i++];

		p->slot = (uint32_t)(words[0] - '0');
		p->state = (enum sh_process_state)(
		    strchr(letters, words[1]) - letters);
		p->generation = (uint64_t)(words[2] - '0');
		p->incarnation = i;
		p->heartbeat_ms = NOW;
	}
}

/* What the policy says now, as "spawn0/1 drain2:600000 kill3 commit". */
static const char *
decide_at(int64_t now_ms)
{
	static const char *const names[] = { "spawn", "drain", "stop", "kill",
		"abort", "commit", "giveup", "revert", "end" };
	static char text[512];
	struct sh_action actions[32];
	size_t i, len = 0,
		  count = sh_policy_decide(
		      &state, now_ms, actions, SH_ARRAY_LEN(actions));

	text[0] = '\0';
	for (i = 0; i < count; i++) {
		const struct sh_action *a = &actions[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
		    i == 0 ? "" : " ", names[a->type]);
		if (a->type == SH_ACTION_SPAWN)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    "%u/%u", a->slot, (unsigned)a->generation);
		else if (a->type <= SH_ACTION_ABORT)
			len += (size_t)snprintf(
			    text + len, sizeof(text) - len, "%u", a->process);
		if (a->type == SH_ACTION_DRAIN || a->type == SH_ACTION_STOP)
			len += (size_t)snprintf(
			    text + len, sizeof(text) - len, ":%d", (int)a->ms);
	}
	return text;
}

static const char *
decide(void)
{
	return decide_at(NOW);
}

static const struct {
	const char *what, *processes;
	uint64_t current, target;
	const char *actions;
} cases[] = {
	{ "nothing yet", "", 0, 0, "" },
	{ "first start", "", 0, 1, "spawn0/1 spawn1/1" },
	{ "one is forked", "0s1", 0, 1, "spawn1/1" },
	{ "all are forked", "0s1 1s1", 0, 1, "" },
	{ "one is ready", "0r1 1s1", 0, 1, "" },
	{ "all are ready", "0r1 1r1", 0, 1, "commit" },
	{ "two of one slot", "0r1 0r1", 0, 1, "spawn1/1" },
	{ "serving", "0r1 1r1", 1, 0, "" },
	{ "one has died", "0r1", 1, 0, "spawn1/1" },
	{ "all have died", "", 1, 0, "spawn0/1 spawn1/1" },
	{ "its replacement starts", "0r1 1s1", 1, 0, "" },
	{ "killed ones do not serve", "0r1 1k1", 1, 0, "spawn1/1" },
	{ "stopping ones do not serve", "0r1 1t1", 1, 0, "spawn1/1" },
	{ "draining ones do not serve", "0d1 1r1", 1, 0, "spawn0/1" },
	{ "reload begins", "0r1 1r1", 1, 2, "spawn0/2 spawn1/2" },
	{ "reload starts", "0r1 1r1 0s2 1s2", 1, 2, "" },
	{ "reload is half ready", "0r1 1r1 0r2 1s2", 1, 2, "" },
	{ "reload is ready", "0r1 1r1 0r2 1r2", 1, 2, "commit" },
	{ "crash during a reload", "0r1 0s2 1s2", 1, 2, "spawn1/1" },
	{ "committed", "0r1 1r1 0r2 1r2", 2, 0, "drain0:600000 drain1:600000" },
	{ "committed with one starting", "0r1 1s1 0r2 1r2", 2, 0,
	    "drain0:600000 kill1" },
	{ "draining", "0d1 1d1 0r2 1r2", 2, 0, "" },
	{ "given up", "0r1 1r1 0s2 1r2", 1, 0, "kill2 drain3:600000" },
	{ "too many old ones", "0d1 1d2 0d2 1d3 0r4 1r4", 4, 0, "stop0:5000" },
	{ "as many old ones as may be", "0d2 1d2 0d3 1d3 0r4 1r4", 4, 0, "" },
	{ "old ones of one generation", "0d3 1d3 0d3 0r4 1r4", 4, 0, "" },
	{ "old ones that stop already", "0t1 1d2 0d3 0r4 1r4", 4, 0, "" },
	{ "current ones that drain", "0d4 1d4 0d3 1d2 0r4 1r4", 4, 0, "" },
};

START_TEST(pools_are_brought_forward)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		const char *said;

		make_pool(
		    cases[i].processes, cases[i].current, cases[i].target);
		said = decide();
		ck_assert_msg(strcmp(said, cases[i].actions) == 0,
		    "%s: wanted '%s', got '%s'", cases[i].what,
		    cases[i].actions, said);
	}
}
END_TEST

START_TEST(target_is_given_up_when_it_failed_or_is_late)
{
	make_pool("0r1 1r1 0r2 1r2", 1, 2);
	state.target_failed = true;
	ck_assert_str_eq(decide(), "giveup");
	make_pool("0r1 1r1 0r2 1s2", 1, 2);
	ck_assert_str_eq(decide_at(NOW + 29999), "");
	ck_assert_str_eq(decide_at(NOW + 30000), "giveup");
	make_pool("", 0, 1);
	state.target_failed = true;
	ck_assert_str_eq(decide(), "giveup");
}
END_TEST

START_TEST(quick_deaths_are_forgiven_three_times)
{
	static const struct {
		int64_t at_ms, wait_ms;
	} deaths[] = {
		{ 1000, 0 },
		{ 1500, 0 },
		{ 2000, 0 },
		/* then the wait doubles, up to the most */
		{ 2500, 1000 },
		{ 4000, 2000 },
		{ 7000, 4000 },
		{ 12000, 5000 },
		{ 18000, 5000 },
		/* three in the last minute no more */
		{ 90000, 0 },
		{ 91000, 0 },
		{ 92000, 0 },
		{ 93000, 1000 },
	};
	struct sh_slot *slot = &slots[0];
	size_t i;

	make_pool("", 1, 0);
	for (i = 0; i < SH_ARRAY_LEN(deaths); i++) {
		sh_policy_slot_died(slot, 100, deaths[i].at_ms, &state.limits);
		ck_assert_msg(
		    slot->spawn_at_ms == deaths[i].at_ms + deaths[i].wait_ms,
		    "death %zu: %d", i,
		    (int)(slot->spawn_at_ms - deaths[i].at_ms));
	}
}
END_TEST

START_TEST(slow_deaths_wait_for_nothing)
{
	struct sh_slot *slot = &slots[0];
	int i;

	make_pool("", 1, 0);
	for (i = 0; i < 20; i++) {
		sh_policy_slot_died(slot, SH_QUICK_MS, 1000 + i, &state.limits);
		ck_assert_int_eq(slot->spawn_at_ms, 1000 + i);
	}
	/* nor do they count for the quick ones; one ends a back-off */
	for (i = 0; i < 5; i++)
		sh_policy_slot_died(slot, 0, 2000, &state.limits);
	ck_assert_int_gt(slot->spawn_at_ms, 2000);
	sh_policy_slot_died(slot, SH_QUICK_MS, 3000, &state.limits);
	ck_assert_int_eq(slot->spawn_at_ms, 3000);
	ck_assert_int_eq(slot->backoff_ms, 0);
}
END_TEST

START_TEST(backoff_holds_its_slot_only)
{
	make_pool("", 1, 0);
	slots[0].spawn_at_ms = NOW + 1000;
	ck_assert_str_eq(decide(), "spawn1/1");
	ck_assert_str_eq(decide_at(NOW + 999), "spawn1/1");
	ck_assert_str_eq(decide_at(NOW + 1000), "spawn0/1 spawn1/1");
	/* a target does not wait for the current one's back-off */
	make_pool("1r1", 1, 2);
	slots[0].spawn_at_ms = NOW + 1000;
	ck_assert_str_eq(decide(), "spawn0/2 spawn1/2");
}
END_TEST

START_TEST(restarted_worker_serves_until_the_new_one_is_ready)
{
	make_pool("0r1 1r1", 1, 0);
	slots[1].keep_from = 3;
	ck_assert_str_eq(decide(), "spawn1/1");
	make_pool("0r1 1r1 1s1", 1, 0);
	slots[1].keep_from = 3;
	ck_assert_str_eq(decide(), "");
	make_pool("0r1 1r1 1r1", 1, 0);
	slots[1].keep_from = 3;
	ck_assert_str_eq(decide(), "drain1:600000");
	/* asked again while one was starting */
	make_pool("0r1 1r1 1s1 1r1", 1, 0);
	slots[1].keep_from = 4;
	ck_assert_str_eq(decide(), "drain1:600000 kill2");
}
END_TEST

START_TEST(longest_drain_makes_room)
{
	/* eight places, all taken; slot 1 has nobody */
	make_pool("0r1 1d1 1d1 1d1 0d1 1d1 1d1 1d1", 1, 0);
	ck_assert_str_eq(decide(), "stop1:5000");
	processes[1].state = SH_PROCESS_STOPPING;
	ck_assert_str_eq(decide(), "");
	processes[1].state = SH_PROCESS_FREE;
	ck_assert_str_eq(decide(), "spawn1/1");
	/* age goes by incarnation, not by place */
	make_pool("0r1 1d1 1d1 1d1 0d1 1d1 1d1 1d1", 1, 0);
	processes[1].incarnation = 100;
	ck_assert_str_eq(decide(), "stop2:5000");
	/* a target with one place too few takes what there is */
	make_pool("0r1 1r1 1d1 1d1 0d1 1d1 1d1", 1, 2);
	ck_assert_str_eq(decide(), "spawn0/2 stop2:5000");
}
END_TEST

START_TEST(deadlines_end_in_a_kill)
{
	make_pool("0r1 1s1", 1, 0);
	processes[1].deadline_ms = NOW + 10;
	ck_assert_str_eq(decide_at(NOW + 9), "");
	ck_assert_str_eq(decide_at(NOW + 10), "kill1");
	/* who was told to end gets a grace beyond what it was told */
	make_pool("0r1 1r1 0d1 1t1", 1, 0);
	processes[2].deadline_ms = processes[3].deadline_ms = NOW;
	ck_assert_str_eq(decide_at(NOW + SH_KILL_GRACE_MS - 1), "");
	ck_assert_str_eq(decide_at(NOW + SH_KILL_GRACE_MS), "kill2 kill3");
	/* unless it keeps no deadline of its own */
	state.limits.no_grace = true;
	ck_assert_str_eq(decide_at(NOW - 1), "");
	ck_assert_str_eq(decide_at(NOW), "kill2 kill3");
	/* an aborted one that does not die */
	make_pool("0r1 1r1 0k1", 1, 0);
	processes[2].deadline_ms = NOW;
	ck_assert_str_eq(decide(), "kill2");
	processes[2].deadline_ms = 0;
	ck_assert_str_eq(decide_at(INT64_MAX / 2), "abort0 abort1");
}
END_TEST

START_TEST(watchdog_aborts_who_stands_still)
{
	make_pool("0r1 1r1 0d1 1s1 1t1", 1, 0);
	ck_assert_str_eq(decide_at(NOW + 59999), "");
	processes[1].heartbeat_ms = NOW + 1;
	ck_assert_str_eq(decide_at(NOW + 60000), "abort0 abort2");
	state.limits.watchdog_ms = 0;
	ck_assert_str_eq(decide_at(NOW + 60000), "");
}
END_TEST

START_TEST(crash_storm_after_a_reload_goes_back)
{
	make_pool("0r2 1r2", 2, 0);
	state.can_revert = true;
	state.committed_ms = NOW;
	state.deaths_since_commit = 2;
	ck_assert_str_eq(decide(), "");
	state.deaths_since_commit = 3;
	ck_assert_str_eq(decide(), "revert");
	ck_assert_str_eq(decide_at(NOW + SH_REVERT_WINDOW_MS - 1), "revert");
	ck_assert_str_eq(decide_at(NOW + SH_REVERT_WINDOW_MS), "");
	state.can_revert = false;
	ck_assert_str_eq(decide(), "");
	/* the newest wish goes first */
	state.can_revert = true;
	state.phase = SH_PHASE_RELOADING;
	state.target = 3;
	ck_assert_str_eq(decide(), "spawn0/3 spawn1/3");
	/* and a stop before all */
	state.phase = SH_PHASE_STOPPING;
	state.stop = SH_STOP_FAST;
	ck_assert_str_eq(decide(), "stop0:1000 stop1:1000");
}
END_TEST

START_TEST(crash_storm_of_many_slots_needs_half_of_them)
{
	static struct sh_slot many[20];

	make_pool("", 2, 0);
	memset(many, 0, sizeof(many));
	state.slots = many;
	state.slot_count = 20;
	state.can_revert = true;
	state.committed_ms = NOW;
	state.deaths_since_commit = 10;
	ck_assert_str_ne(decide(), "revert");
	state.deaths_since_commit = 11;
	ck_assert_str_eq(decide(), "revert");
}
END_TEST

/* Every state of a process, told to stop in every strength. */
START_TEST(stops_tell_everybody_once)
{
	static const struct {
		enum sh_stop stop;
		const char *actions;
	} stops[] = {
		{ SH_STOP_DRAIN, "drain0:600000 drain1:600000" },
		{ SH_STOP_GRACEFUL,
		    "stop0:20000 stop1:20000 stop2:20000 stop3:20000" },
		{ SH_STOP_FAST, "stop0:1000 stop1:1000 stop2:1000 stop3:1000" },
		{ SH_STOP_KILL, "kill0 kill1 kill2 kill3" },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(stops); i++) {
		make_pool("0s1 1r1 0d1 1t1 0k1", 1, 0);
		processes[3].deadline_ms = NOW + 600000;
		state.phase = SH_PHASE_STOPPING;
		state.stop = stops[i].stop;
		ck_assert_str_eq(decide(), stops[i].actions);
	}
}
END_TEST

START_TEST(stronger_stops_are_said_again)
{
	make_pool("0t1 1t1", 1, 0);
	state.phase = SH_PHASE_STOPPING;
	processes[0].deadline_ms = processes[1].deadline_ms = NOW + 20000;
	state.stop = SH_STOP_GRACEFUL;
	ck_assert_str_eq(decide(), "");
	state.stop = SH_STOP_FAST;
	ck_assert_str_eq(decide(), "stop0:1000 stop1:1000");
	processes[0].deadline_ms = NOW + 1000;
	ck_assert_str_eq(decide(), "stop1:1000");
	state.stop = SH_STOP_KILL;
	ck_assert_str_eq(decide(), "kill0 kill1");
	/* nobody is started any more, and the last one ends it */
	make_pool("1k1", 1, 2);
	state.phase = SH_PHASE_STOPPING;
	ck_assert_str_eq(decide(), "");
	make_pool("", 1, 2);
	state.phase = SH_PHASE_STOPPING;
	ck_assert_str_eq(decide(), "end");
}
END_TEST

START_TEST(few_actions_at_a_time_are_enough)
{
	struct sh_action action;

	make_pool("", 1, 0);
	ck_assert_uint_eq(sh_policy_decide(&state, NOW, &action, 1), 1);
	ck_assert_uint_eq(action.slot, 0);
	processes[0] = (struct sh_process){
		.state = SH_PROCESS_STARTING, .generation = 1, .incarnation = 1
	};
	ck_assert_uint_eq(sh_policy_decide(&state, NOW, &action, 1), 1);
	ck_assert_uint_eq(action.slot, 1);
}
END_TEST

START_TEST(next_look_is_the_earliest_deadline)
{
	make_pool("0r1 1r1", 1, 0);
	state.limits.watchdog_ms = 0;
	ck_assert_int_eq(sh_policy_next_ms(&state, NOW), INT64_MAX);
	slots[1].spawn_at_ms = NOW; /* past: an old one */
	ck_assert_int_eq(sh_policy_next_ms(&state, NOW), INT64_MAX);
	slots[1].spawn_at_ms = NOW + 900;
	ck_assert_int_eq(sh_policy_next_ms(&state, NOW), NOW + 900);
	processes[0].deadline_ms = NOW + 800;
	ck_assert_int_eq(sh_policy_next_ms(&state, NOW), NOW + 800);
	/* past it, the grace counts */
	ck_assert_int_eq(sh_policy_next_ms(&state, NOW + 899), NOW + 900);
	slots[1].spawn_at_ms = 0;
	ck_assert_int_eq(
	    sh_policy_next_ms(&state, NOW + 899), NOW + 800 + SH_KILL_GRACE_MS);
	state.target = 2;
	state.target_deadline_ms = NOW + 1200;
	ck_assert_int_eq(sh_policy_next_ms(&state, NOW + 899), NOW + 1200);
	state.limits.watchdog_ms = 60000;
	ck_assert_int_eq(sh_policy_next_ms(&state, NOW), NOW + 800);
	processes[0].deadline_ms = 0;
	ck_assert_int_eq(sh_policy_next_ms(&state, NOW), NOW + 1000);
}
END_TEST

START_TEST(further_request_to_stop_is_stronger)
{
	static const struct {
		enum sh_stop now, wanted, then;
	} requests[] = {
		{ SH_STOP_NONE, SH_STOP_DRAIN, SH_STOP_DRAIN },
		{ SH_STOP_DRAIN, SH_STOP_FAST, SH_STOP_FAST },
		{ SH_STOP_DRAIN, SH_STOP_DRAIN, SH_STOP_GRACEFUL },
		{ SH_STOP_FAST, SH_STOP_GRACEFUL, SH_STOP_KILL },
		{ SH_STOP_KILL, SH_STOP_GRACEFUL, SH_STOP_KILL },
	};
	size_t i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		ck_assert_int_eq(
		    sh_policy_stronger(requests[i].now, requests[i].wanted),
		    requests[i].then);
}
END_TEST

SH_SUITE("master/policy", pools_are_brought_forward,
    target_is_given_up_when_it_failed_or_is_late,
    quick_deaths_are_forgiven_three_times, slow_deaths_wait_for_nothing,
    backoff_holds_its_slot_only,
    restarted_worker_serves_until_the_new_one_is_ready,
    longest_drain_makes_room, deadlines_end_in_a_kill,
    watchdog_aborts_who_stands_still, crash_storm_after_a_reload_goes_back,
    crash_storm_of_many_slots_needs_half_of_them, stops_tell_everybody_once,
    stronger_stops_are_said_again, few_actions_at_a_time_are_enough,
    next_look_is_the_earliest_deadline, further_request_to_stop_is_stronger)
