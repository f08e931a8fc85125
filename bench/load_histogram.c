/*
 * This file counts latencies in buckets that are a sixty-fourth of their power
 * of two wide; it does not read the clock.
 */
#include "config.h"

#include "load.h"

enum { SUB_BITS = 6, SUB = 1 << SUB_BITS };

static unsigned
bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < SUB)
		return (unsigned)ns;
	shift = 63u - (unsigned)__builtin_clzll(ns) - SUB_BITS;
	return (shift + 1) * SUB + (unsigned)((ns >> shift) & (SUB - 1));
}

/* The middle of a bucket. */
static double
value_of(unsigned bucket)
{
	unsigned shift;

	if (bucket < SUB)
		return bucket;
	shift = bucket / SUB - 1;
	return ((double)(SUB + bucket % SUB) + 0.5) * (double)(1ull << shift);
}

void
load_histogram_add(struct load_histogram *histogram, uint64_t ns)
{
	histogram->count[bucket_of(ns)]++;
	histogram->total++;
	if (ns > histogram->max)
		histogram->max = ns;
}

double
load_histogram_us(const struct load_histogram *histogram, double part)
{
	uint64_t seen = 0;
	unsigned i;

	for (i = 0; i < LOAD_BUCKETS; i++) {
		seen += histogram->count[i];
		if (seen > 0 && (double)seen >= part * (double)histogram->total)
			return value_of(i) / 1000;
	}
	return 0;
}
