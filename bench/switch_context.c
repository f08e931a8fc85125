/*
 * This file measures a switch from one stack to another and nothing else: no
 * loop, no list of who is to run. Both ways go to and fro between the program's
 * stack and one of their own, in turn within each round.
 */
#include "config.h"

#include "switch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "co/co_stack.h"
#include "co/co_switch.h"

enum {
	/* there and back again, between two looks at the clock */
	BLOCK = 10000,
	ROUND_NS = 20 * 1000 * 1000
};

static struct sh_co_context shoal_here, shoal_there;
static ucontext_t libc_here, libc_there;
static uint64_t departures, arrivals;

static void
bounce_shoal(void *arg)
{
	for (;;) {
		arrivals++;
		sh_co_context_switch(&shoal_there, &shoal_here);
	}
}

static void
bounce_libc(void)
{
	for (;;) {
		arrivals++;
		swapcontext(&libc_there, &libc_here);
	}
}

static void
travel_shoal(void)
{
	int i;

	for (i = 0; i < BLOCK; i++)
		sh_co_context_switch(&shoal_here, &shoal_there);
}

static void
travel_libc(void)
{
	int i;

	for (i = 0; i < BLOCK; i++)
		swapcontext(&libc_here, &libc_there);
}

/* Nanoseconds of one switch, of the thread's own time: others may have the
 * processor meanwhile. */
static double
time_switch(void (*travel)(void))
{
	int64_t begun_ns = switch_now_ns(CLOCK_THREAD_CPUTIME_ID), ns;
	uint64_t trips = 0;

	do {
		travel();
		trips += BLOCK;
		ns = switch_now_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
	} while (ns < ROUND_NS);
	departures += trips;
	return (double)ns / (2.0 * (double)trips);
}

static void *
make_stack(void)
{
	void *low = mmap(NULL, SH_STACK_SIZE_DEFAULT, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (low == MAP_FAILED) {
		switch_complain("no stack: %s", strerror(errno));
		exit(SWITCH_FAILED);
	}
	return low;
}

static void
make_both(void)
{
	sh_co_context_make(&shoal_there, make_stack(), SH_STACK_SIZE_DEFAULT,
	    bounce_shoal, NULL);
	getcontext(&libc_there);
	libc_there.uc_stack.ss_sp = make_stack();
	libc_there.uc_stack.ss_size = SH_STACK_SIZE_DEFAULT;
	libc_there.uc_link = NULL;
	makecontext(&libc_there, bounce_libc, 0);
}

static void
print_row(const char *name, const struct switch_series *series,
    const struct switch_series *base)
{
	printf("| %s | %.1f | %.1f | %.1f | %.3f |\n", name,
	    switch_series_median(series), switch_series_min(series),
	    switch_series_max(series), switch_series_ratio(series, base));
}

bool
switch_measure_context(int rounds)
{
	static struct switch_series libc, shoal;
	int i;

	make_both();
	/* the first trip pays for what is made once */
	swapcontext(&libc_here, &libc_there);
	sh_co_context_switch(&shoal_here, &shoal_there);
	arrivals = 0;
	for (i = 0; i < rounds; i++) {
		switch_series_add(&libc, time_switch(travel_libc));
		switch_series_add(&shoal, time_switch(travel_shoal));
	}
	printf("| one switch | ns | min | max | ratio to swapcontext |\n"
	       "|---|---:|---:|---:|---:|\n");
	print_row("swapcontext", &libc, &libc);
	print_row("coroutine", &shoal, &libc);
	printf("\n");
	if (arrivals != departures)
		switch_complain("%llu arrivals instead of %llu",
		    (unsigned long long)arrivals,
		    (unsigned long long)departures);
	return arrivals == departures;
}
