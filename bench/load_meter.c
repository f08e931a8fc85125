/*
 * This file measures a stretch of time: how long it was, and the processor time
 * that the server and the generator have used in it. It counts nothing.
 */
#include "config.h"

#include "load.h"

#include <string.h>
#include <unistd.h>

static void
read_cpu(struct load_meter *meter, int which)
{
	load_cpu_read(getpid(), &meter->own[which]);
	if (meter->server_pid > 0 &&
	    !load_cpu_read(meter->server_pid, &meter->server[which]))
		meter->server_pid = 0;
}

void
load_meter_begin(struct load_meter *meter, pid_t server_pid)
{
	memset(meter, 0, sizeof(*meter));
	meter->server_pid = server_pid;
	read_cpu(meter, 0);
	meter->begun_ns = load_now();
}

void
load_meter_end(struct load_meter *meter)
{
	meter->ended_ns = load_now();
	read_cpu(meter, 1);
}

static double
seconds_of(const struct load_meter *meter)
{
	return (double)(meter->ended_ns - meter->begun_ns) / 1e9;
}

static double
percent(uint64_t ns, double seconds)
{
	return seconds > 0 ? (double)ns / 1e7 / seconds : 0;
}

void
load_meter_report_rate(const struct load_meter *meter, uint64_t count)
{
	double seconds = seconds_of(meter);

	load_report_number("seconds", seconds);
	load_report_number(
	    "per_second", seconds > 0 ? (double)count / seconds : 0);
}

void
load_meter_report_cpu(
    const struct load_meter *meter, const char *key, uint64_t count)
{
	const struct load_cpu *server = meter->server, *own = meter->own;
	double seconds = seconds_of(meter);
	uint64_t ns = load_cpu_between(&server[0], &server[1]);

	if (meter->server_pid > 0 && count > 0) {
		load_report_number(key, (double)ns / 1000 / (double)count);
		load_report_number("server_cpu_percent", percent(ns, seconds));
		load_report_number("server_wait_percent",
		    percent(server[1].wait_ns - server[0].wait_ns, seconds));
	}
	load_report_number("generator_cpu_percent",
	    percent(load_cpu_between(&own[0], &own[1]), seconds));
	load_report_number("generator_wait_percent",
	    percent(own[1].wait_ns - own[0].wait_ns, seconds));
}
