/*
 * This file is the program `switch': what coroutines cost without a server
 * around them. It reads the options and runs the measurements; it takes none
 * itself.
 */
#include "config.h"

#include "switch.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: switch [--rounds N] [--coroutines N]\n"
    "\n"
    "  -r, --rounds N      how often each time is taken, in turn (15)\n"
    "  -n, --coroutines N  asleep at the same time (100000)\n";

static const struct option long_options[] = {
	{ "rounds", required_argument, NULL, 'r' },
	{ "coroutines", required_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int64_t
switch_now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void
switch_complain(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "switch: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

static int
whole_number(const char *text, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end != '\0' || n < 1 || n > max) {
		switch_complain(
		    "'%s' is not a number from 1 to %ld", text, max);
		exit(SWITCH_USAGE);
	}
	return (int)n;
}

int
main(int argc, char **argv)
{
	int rounds = 15, coroutines = 100000, option;
	bool good;

	while ((option = getopt_long(
		    argc, argv, "r:n:h", long_options, NULL)) != -1) {
		switch (option) {
		case 'r':
			rounds = whole_number(optarg, SWITCH_ROUNDS_MAX);
			break;
		case 'n': coroutines = whole_number(optarg, 1000000); break;
		case 'h': fputs(usage, stdout); return SWITCH_OK;
		default: fputs(usage, stderr); return SWITCH_USAGE;
		}
	}
	if (optind != argc) {
		fputs(usage, stderr);
		return SWITCH_USAGE;
	}
	good = switch_measure_context(rounds);
	good = switch_measure_start(rounds) && good;
	good = switch_measure_asleep(coroutines) && good;
	return good ? SWITCH_OK : SWITCH_FAILED;
}
