/* This file tests proc/scoreboard.c. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/scoreboard.h"
#include "support/suite.h"

static struct sh_scoreboard board;
static struct sh_totals ended;

static void
setup_board(void)
{
	ck_assert_int_eq(sh_scoreboard_open(&board, 4), 0);
	memset((void *)&ended, 0, sizeof(ended));
}

static void
add_user(struct sh_block *block, unsigned at, const char *name,
    enum sh_counter_kind kind, int64_t value)
{
	struct shoal_counter *user = &block->user[at];

	snprintf(user->name, sizeof(user->name), "%s", name);
	atomic_store(&user->value, value);
	atomic_store(&user->used, (uint32_t)kind);
}

/* Value of a user counter in sums, -1 when it is not there. */
static int64_t
user_value(const struct sh_totals *totals, const char *name)
{
	uint32_t i;

	for (i = 0; i < totals->user_count; i++)
		if (strcmp(totals->user[i].name, name) == 0)
			return atomic_load(&totals->user[i].value);
	return -1;
}

static void
work(struct sh_block *block, unsigned accepted, unsigned closed)
{
	SH_COUNT(block->counters.accepted, accepted);
	SH_COUNT(block->counters.closed, closed);
	SH_COUNT(block->counters.bytes_received, accepted * 10);
	SH_COUNT(block->counters.bytes_sent, accepted * 20);
	SH_COUNT(block->counters.messages_received, accepted * 3);
	SH_COUNT(block->counters.sends_refused, 1);
	SH_COUNT(block->counters.accept_errors, 2);
	SH_COUNT(block->counters.timeouts, 3);
	SH_COUNT(block->counters.queued_bytes, 4096);
	SH_COUNT(block->counters.queues_full, 5);
	SH_COUNT(block->counters.messages_dropped, 6);
	SH_COUNT(block->counters.slow_closed, 7);
	SH_COUNT(block->counters.stalled, 8);
}

START_TEST(blocks_are_shared_aligned_and_separate)
{
	int status;
	pid_t pid;

	setup_board();
	ck_assert_uint_eq((uintptr_t)&board.blocks[1] % SH_CACHE_LINE, 0);
	pid = fork();
	if (pid == 0) {
		work(&board.blocks[1], 5, 2);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert_uint_eq(SH_COUNTER(board.blocks[1].counters.accepted), 5);
	ck_assert_uint_eq(SH_COUNTER(board.blocks[0].counters.accepted), 0);
	ck_assert_uint_eq(sh_block_connections(&board.blocks[1]), 3);
	sh_scoreboard_close(&board);
	ck_assert_ptr_null(board.blocks);
}
END_TEST

START_TEST(clear_prepares_for_the_next)
{
	setup_board();
	work(&board.blocks[2], 5, 2);
	add_user(&board.blocks[2], 0, "x", SH_COUNTER_COUNTER, 1);
	sh_block_clear(&board.blocks[2], 17);
	ck_assert_uint_eq(atomic_load(&board.blocks[2].incarnation), 17);
	ck_assert_uint_eq(SH_COUNTER(board.blocks[2].counters.accepted), 0);
	ck_assert_uint_eq(board.blocks[2].user[0].used, SH_COUNTER_NONE);
}
END_TEST

START_TEST(connections_are_never_negative)
{
	setup_board();
	/* a close that is seen before its accept */
	SH_COUNT(board.blocks[0].counters.closed, 1);
	ck_assert_uint_eq(sh_block_connections(&board.blocks[0]), 0);
}
END_TEST

START_TEST(sums_do_not_go_back_when_a_process_ends)
{
	struct sh_totals before, after;

	setup_board();
	work(&board.blocks[0], 10, 4);
	add_user(&board.blocks[0], 3, "jobs", SH_COUNTER_COUNTER, 7);
	add_user(&board.blocks[0], 5, "depth", SH_COUNTER_GAUGE, 9);
	sh_totals_copy(&before, &ended);
	sh_totals_add(&before, &board.blocks[0], 0);
	sh_totals_add(&ended, &board.blocks[0], 1);
	sh_block_clear(&board.blocks[0], 0);
	sh_totals_copy(&after, &ended);
	sh_totals_add(&after, &board.blocks[0], 0);

#define SAME(field)                                          \
	ck_assert_uint_eq(SH_COUNTER(before.counters.field), \
	    SH_COUNTER(after.counters.field))
	SAME(accepted);
	SAME(accept_errors);
	SAME(bytes_received);
	SAME(bytes_sent);
	SAME(messages_received);
	SAME(sends_refused);
	SAME(timeouts);
	SAME(messages_dropped);
	SAME(slow_closed);
	SAME(stalled);
#undef SAME
	ck_assert_int_eq(user_value(&after, "jobs"), 7);
	/* what was open when it died is closed now */
	ck_assert_uint_eq(SH_COUNTER(before.counters.closed), 4);
	ck_assert_uint_eq(SH_COUNTER(after.counters.closed), 10);
	/* gauges go with their process */
	ck_assert_uint_eq(SH_COUNTER(before.counters.queued_bytes), 4096);
	ck_assert_uint_eq(SH_COUNTER(after.counters.queued_bytes), 0);
	ck_assert_uint_gt(SH_COUNTER(before.counters.queues_full), 0);
	ck_assert_uint_eq(SH_COUNTER(after.counters.queues_full), 0);
	ck_assert_int_eq(user_value(&before, "depth"), 9);
	ck_assert_int_eq(user_value(&after, "depth"), -1);
	sh_totals_fini(&before);
	sh_totals_fini(&after);
	sh_totals_fini(&ended);
}
END_TEST

START_TEST(user_counters_are_summed_by_name)
{
	setup_board();
	add_user(&board.blocks[0], 0, "a", SH_COUNTER_COUNTER, 1);
	add_user(&board.blocks[0], 1, "b", SH_COUNTER_COUNTER, 2);
	/* another process may have made them in another order */
	add_user(&board.blocks[1], 0, "b", SH_COUNTER_COUNTER, 20);
	add_user(&board.blocks[1], 1, "c", SH_COUNTER_GAUGE, -5);
	sh_totals_add(&ended, &board.blocks[0], 0);
	sh_totals_add(&ended, &board.blocks[1], 0);
	ck_assert_uint_eq(ended.user_count, 3);
	ck_assert_int_eq(user_value(&ended, "a"), 1);
	ck_assert_int_eq(user_value(&ended, "b"), 22);
	ck_assert_int_eq(user_value(&ended, "c"), -5);
	sh_totals_fini(&ended);
	ck_assert_uint_eq(ended.user_count, 0);
}
END_TEST

START_TEST(names_without_an_end_are_cut)
{
	setup_board();
	memset(board.blocks[0].user[0].name, 'n', SH_USER_COUNTER_NAME_MAX);
	atomic_store(&board.blocks[0].user[0].used, SH_COUNTER_COUNTER);
	sh_totals_add(&ended, &board.blocks[0], 0);
	ck_assert_uint_eq(
	    strlen(ended.user[0].name), SH_USER_COUNTER_NAME_MAX - 1);
}
END_TEST

SH_SUITE("proc/scoreboard", blocks_are_shared_aligned_and_separate,
    clear_prepares_for_the_next, connections_are_never_negative,
    sums_do_not_go_back_when_a_process_ends, user_counters_are_summed_by_name,
    names_without_an_end_are_cut)
