/*
 * This file measures what a sleeping coroutine costs: user memory, and mappings
 * of the kernel. The loop gives unused pages of sleepers back, some thousands a
 * second; it is waited for that.
 */
#include "config.h"

#include "switch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/co.h>

#include "co/co.h"
#include "io/loop.h"

enum {
	/* what the loop trims in a second, see io/loop.c */
	TRIMMED_PER_S = 8192,
	/* it passes by those that have not slept for two rounds */
	PASSED_BY_S = 4,
	SETTLE_SWEEPS = 4,
	SLACK_KIB = 64,
	/* two pages, which a frame with a generous buffer has */
	TEXT_MAX = 8192
};

struct sleepers {
	int wanted;
	int64_t *ids;
	int started, ended, error;
	long before_kib, at_first_kib, settled_kib;
	int maps_before, maps;
	bool settled;
	const char *guard;
};

/* What of this process nobody else has; -1 when it cannot be read. */
static long
private_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[128];
	long kib, sum = 0;
	int seen = 0;

	if (file == NULL)
		return -1;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Private_Clean: %ld", &kib) == 1 ||
		    sscanf(line, "Private_Dirty: %ld", &kib) == 1) {
			sum += kib;
			seen++;
		}
	fclose(file);
	return seen == 2 ? sum : -1;
}

static int
count_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	int c, n = 0;

	if (file == NULL)
		return -1;
	while ((c = fgetc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

static void
sleep_long(struct sleepers *all)
{
	int r = shoal_co_sleep(24 * 3600 * 1000);

	if (r == -SHOAL_ECANCELED)
		all->ended++;
	else
		all->error = r;
}

static void
just_sleep(void *arg)
{
	sleep_long(arg);
}

/* What is not there any more when it sleeps has left its pages behind. */
static __attribute__((noinline)) void
print_number(double number)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%.17g", number);
	__asm__ volatile("" : : "r"(text) : "memory");
}

static void
print_and_sleep(void *arg)
{
	print_number(1.0 / 3.0);
	sleep_long(arg);
}

static void
start_all(struct sleepers *all)
{
	while (all->started < all->wanted) {
		int64_t id = shoal_co_start(
		    all->started % 2 == 0 ? just_sleep : print_and_sleep, all,
		    "sleeper");

		if (id < 0) {
			all->error = (int)id;
			return;
		}
		all->ids[all->started++] = id;
	}
}

/* Until nothing has been given back for as long as the loop takes to come by
 * everyone. */
static void
wait_settled(struct sleepers *all)
{
	int sweep_s = all->started / TRIMMED_PER_S + PASSED_BY_S;
	int left_s = SETTLE_SWEEPS * sweep_s, quiet_s = 0;
	long lowest = all->at_first_kib;

	while (quiet_s < sweep_s && left_s-- > 0 && shoal_co_sleep(1000) == 0) {
		long now = private_kib();

		quiet_s = now < lowest - SLACK_KIB ? 0 : quiet_s + 1;
		lowest = now < lowest ? now : lowest;
	}
	all->settled_kib = private_kib();
	all->settled = quiet_s >= sweep_s;
}

static void
end_all(struct sleepers *all)
{
	int i;

	for (i = 0; i < all->started; i++)
		shoal_co_cancel(all->ids[i]);
	for (i = 0; i < all->started; i++)
		shoal_co_join(all->ids[i], SHOAL_FOREVER);
}

static void
measure(void *arg)
{
	struct sleepers *all = arg;
	struct sh_co_pool *pool = sh_loop_coroutines(sh_loop_current());

	/* reading touches what it needs, so it is read twice */
	(void)private_kib();
	all->maps_before = count_maps();
	all->before_kib = private_kib();
	start_all(all);
	all->at_first_kib = private_kib();
	wait_settled(all);
	all->maps = count_maps();
	all->guard = sh_stack_guard_str(sh_co_pool_guard(pool));
	end_all(all);
}

static void
print_table(const struct sleepers *all)
{
	double each = 1024.0 / (all->started > 0 ? all->started : 1);

	printf("| coroutines asleep | user bytes each | before the trim "
	       "| mappings | before them | guard |\n"
	       "|---:|---:|---:|---:|---:|---|\n"
	       "| %d | %.0f | %.0f | %d | %d | %s |\n",
	    all->started, (double)(all->settled_kib - all->before_kib) * each,
	    (double)(all->at_first_kib - all->before_kib) * each, all->maps,
	    all->maps_before, all->guard);
}

static bool
is_good(const struct sleepers *all)
{
	if (all->started < all->wanted)
		switch_complain("only %d of %d coroutines could be started: "
				"%s; see --coroutines",
		    all->started, all->wanted, shoal_strerror(all->error));
	else if (all->ended != all->started || all->error != 0)
		switch_complain("only %d of %d coroutines have slept: %s",
		    all->ended, all->started, shoal_strerror(all->error));
	else if (all->before_kib < 0 || all->maps_before < 0)
		switch_complain("/proc/self cannot be read");
	else if (!all->settled)
		switch_complain("memory was still being given back");
	else
		return true;
	return false;
}

bool
switch_measure_asleep(int n)
{
	struct sleepers all = { .wanted = n };
	size_t size = (size_t)n * sizeof(*all.ids);
	bool good;
	int r;

	all.ids = malloc(size);
	if (all.ids == NULL) {
		switch_complain("no memory for %d coroutines", n);
		return false;
	}
	/* its pages are the tool's, and there before the first reading */
	memset(all.ids, 1, size);
	r = shoal_run(measure, &all);
	free(all.ids);
	if (r < 0) {
		switch_complain("shoal_run: %s", shoal_strerror(r));
		return false;
	}
	good = is_good(&all);
	print_table(&all);
	return good;
}
