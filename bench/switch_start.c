/*
 * This file measures how many coroutines a second can be begun and joined, by
 * the public functions, beside threads. Each kind comes in batches, so that
 * joining one lets others go on.
 */
#include "config.h"

#include "switch.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <shoal/co.h>

enum { BATCH = 64, ROUND_NS = 50 * 1000 * 1000 };

/* What a number of batches has in common. */
struct work {
	shoal_co_fn *fn;
	long started;
	long ended; /* calls of fn that have come to their end */
	int error;
	double per_second;
};

static void
end_at_once(void *arg)
{
	struct work *work = arg;

	work->ended++;
}

static void
wait_once(void *arg)
{
	struct work *work = arg;

	if (shoal_co_sleep(0) == 0)
		work->ended++;
}

static int
run_batch(struct work *work)
{
	int64_t ids[BATCH];
	int i, r;

	for (i = 0; i < BATCH; i++) {
		ids[i] = shoal_co_start(work->fn, work, "bench");
		if (ids[i] < 0)
			return (int)ids[i];
		work->started++;
	}
	for (i = 0; i < BATCH; i++) {
		r = shoal_co_join(ids[i], SHOAL_FOREVER);
		if (r < 0)
			return r;
	}
	return 0;
}

static void
run_coroutines(void *arg)
{
	struct work *work = arg;
	int64_t begun_ns, ns;

	/* the first batch makes the stacks that the others use again */
	work->error = run_batch(work);
	work->started = work->ended = 0;
	begun_ns = switch_now_ns(CLOCK_MONOTONIC);
	do {
		work->error = work->error != 0 ? work->error : run_batch(work);
		ns = switch_now_ns(CLOCK_MONOTONIC) - begun_ns;
	} while (work->error == 0 && ns < ROUND_NS);
	work->per_second = (double)work->ended * 1e9 / (double)ns;
}

static bool
time_coroutines(struct switch_series *series, shoal_co_fn *fn)
{
	struct work work = { .fn = fn };
	int r = shoal_run(run_coroutines, &work);

	if (r == 0)
		r = work.error;
	if (r < 0 || work.ended != work.started) {
		switch_complain("%ld of %ld coroutines have ended: %s",
		    work.ended, work.started, shoal_strerror(r));
		return false;
	}
	switch_series_add(series, work.per_second);
	return true;
}

static void *
end_thread(void *arg)
{
	return arg;
}

static int
run_thread_batch(void)
{
	pthread_t threads[BATCH];
	int made = 0, error = 0, i;

	while (made < BATCH && error == 0) {
		error = pthread_create(&threads[made], NULL, end_thread, NULL);
		if (error == 0)
			made++;
	}
	for (i = 0; i < made; i++)
		pthread_join(threads[i], NULL);
	return error;
}

static bool
time_threads(struct switch_series *series)
{
	int64_t begun_ns = switch_now_ns(CLOCK_MONOTONIC), ns;
	long ended = 0;
	int error;

	do {
		error = run_thread_batch();
		ended += BATCH;
		ns = switch_now_ns(CLOCK_MONOTONIC) - begun_ns;
	} while (error == 0 && ns < ROUND_NS);
	if (error != 0) {
		switch_complain("no thread: %s", strerror(error));
		return false;
	}
	switch_series_add(series, (double)ended * 1e9 / (double)ns);
	return true;
}

static void
print_row(const char *name, const struct switch_series *series,
    const struct switch_series *base)
{
	printf("| %s | %.0f | %.0f | %.0f | %.1f |\n", name,
	    switch_series_median(series), switch_series_min(series),
	    switch_series_max(series), switch_series_ratio(series, base));
}

bool
switch_measure_start(int rounds)
{
	static struct switch_series threads, at_once, waiting;
	bool good = true;
	int i;

	for (i = 0; i < rounds && good; i++)
		good = time_threads(&threads) &&
		    time_coroutines(&at_once, end_at_once) &&
		    time_coroutines(&waiting, wait_once);
	printf("| start and join | a second | min | max | ratio to thread |\n"
	       "|---|---:|---:|---:|---:|\n");
	print_row("thread", &threads, &threads);
	print_row("coroutine that ends at once", &at_once, &threads);
	print_row("coroutine that waits once", &waiting, &threads);
	printf("\n");
	return good;
}
