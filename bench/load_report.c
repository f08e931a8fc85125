/* This file writes the result as one line of JSON; it does not measure. */
#include "config.h"

#include "load.h"

void
load_report_begin(const char *mode, const char *address, bool ok)
{
	printf("{\"mode\":\"%s\",\"address\":\"%s\",\"ok\":%s", mode, address,
	    ok ? "true" : "false");
}

void
load_report_count(const char *key, uint64_t value)
{
	printf(",\"%s\":%llu", key, (unsigned long long)value);
}

void
load_report_number(const char *key, double value)
{
	printf(",\"%s\":%.4f", key, value);
}

void
load_report_latency(const struct load_histogram *histogram)
{
	load_report_number("p50_us", load_histogram_us(histogram, 0.50));
	load_report_number("p99_us", load_histogram_us(histogram, 0.99));
	load_report_number("max_us", (double)histogram->max / 1000);
}

void
load_report_end(void)
{
	printf("}\n");
	fflush(stdout);
}
