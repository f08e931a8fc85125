/* This file keeps the values of a figure; it does not measure them. */
#include "config.h"

#include "switch.h"

#include <stdlib.h>
#include <string.h>

void
switch_series_add(struct switch_series *series, double value)
{
	if (series->count < SWITCH_ROUNDS_MAX)
		series->values[series->count++] = value;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct switch_series
sorted(const struct switch_series *series)
{
	struct switch_series copy = *series;

	qsort(copy.values, (size_t)copy.count, sizeof(double), compare);
	return copy;
}

double
switch_series_median(const struct switch_series *series)
{
	struct switch_series copy = sorted(series);
	int half = copy.count / 2;

	if (copy.count == 0)
		return 0;
	if (copy.count % 2 == 1)
		return copy.values[half];
	return (copy.values[half - 1] + copy.values[half]) / 2;
}

double
switch_series_min(const struct switch_series *series)
{
	struct switch_series copy = sorted(series);

	return copy.count != 0 ? copy.values[0] : 0;
}

double
switch_series_max(const struct switch_series *series)
{
	struct switch_series copy = sorted(series);

	return copy.count != 0 ? copy.values[copy.count - 1] : 0;
}

double
switch_series_ratio(
    const struct switch_series *series, const struct switch_series *base)
{
	struct switch_series ratios = { .count = 0 };
	int i;

	for (i = 0; i < series->count && i < base->count; i++)
		if (base->values[i] > 0)
			switch_series_add(
			    &ratios, series->values[i] / base->values[i]);
	return switch_series_median(&ratios);
}
