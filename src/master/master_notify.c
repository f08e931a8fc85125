/* This file tells the service manager what the master is doing. */
#include "config.h"

#include "master/master_notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "base/attr.h"
#include "base/clock.h"
#include "master/master.h"

enum { STATUS_EVERY_MS = 10000 };

static void notify(const char *format, ...) SH_PRINTF(1, 2);

static void
notify(const char *format, ...)
{
#ifdef HAVE_SYSTEMD
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* a service manager that does not listen is its own problem */
	(void)sd_notify(0, text);
#endif
}

static void
format_status(const struct sh_master *master, char *buf, size_t cap)
{
	const struct sh_pool *pool = &master->pool;
	const struct sh_reload *reload = &master->reload;
	char at[16] = "";
	struct tm tm;

	if (reload->unix_time != 0) {
		time_t seconds = (time_t)reload->unix_time;

		localtime_r(&seconds, &tm);
		strftime(at, sizeof(at), "%H:%M:%S", &tm);
	}
	snprintf(buf, cap,
	    "generation %llu, %u/%u workers, %llu connections, "
	    "last reload %s %s",
	    (unsigned long long)pool->state.current, sh_pool_ready(pool),
	    pool->state.slot_count,
	    (unsigned long long)sh_pool_connections(pool), reload->result, at);
}

void
sh_notify_open(struct sh_master *master)
{
#ifdef HAVE_SYSTEMD
	uint64_t us = 0;

	if (sd_watchdog_enabled(0, &us) > 0)
		master->watchdog_ms = (int64_t)(us / 2000);
#endif
}

void
sh_notify_ready(struct sh_master *master)
{
	notify("READY=1\nMAINPID=%d\nSTATUS=generation %llu, %u workers ready",
	    (int)getpid(), (unsigned long long)master->pool.state.current,
	    master->pool.state.slot_count);
	master->notified_ms = sh_clock_ms();
}

void
sh_notify_reloading(struct sh_master *master)
{
	notify("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading",
	    (long long)sh_clock_us());
}

void
sh_notify_reloaded(struct sh_master *master)
{
	char status[256];

	if (!master->has_pool)
		return;
	format_status(master, status, sizeof(status));
	notify("READY=1\nSTATUS=%s", status);
	master->notified_ms = sh_clock_ms();
}

void
sh_notify_stopping(struct sh_master *master)
{
	notify("STOPPING=1\nSTATUS=stopping, %llu connections",
	    (unsigned long long)(master->has_pool
		    ? sh_pool_connections(&master->pool)
		    : 0));
}

/* Alive means that workers are: a majority of them. */
static void
feed_watchdog(struct sh_master *master)
{
	if (master->watchdog_ms == 0)
		return;
	if (!master->ready ||
	    sh_pool_ready(&master->pool) * 2 > master->pool.state.slot_count)
		notify("WATCHDOG=1");
}

void
sh_notify_turn(struct sh_master *master, int64_t now_ms)
{
	char status[256];

	if (sh_notify_timeout_ms(master, now_ms) != 0)
		return;
	master->notified_ms = now_ms;
	feed_watchdog(master);
	if (!master->ready || master->pool.state.phase == SH_PHASE_STOPPING)
		return;
	format_status(master, status, sizeof(status));
	notify("STATUS=%s", status);
}

int64_t
sh_notify_timeout_ms(const struct sh_master *master, int64_t now_ms)
{
	int64_t every =
	    master->watchdog_ms != 0 && master->watchdog_ms < STATUS_EVERY_MS
	    ? master->watchdog_ms
	    : STATUS_EVERY_MS;
	int64_t left = master->notified_ms + every - now_ms;

	if (getenv("NOTIFY_SOCKET") == NULL)
		return -1;
	return left > 0 ? left : 0;
}
