/*
 * This file takes the news of the connection to NATS: it comes, goes, and loses
 * messages. It says so in the log, not more often than somebody would read it.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/loop.h"
#include "broker/nats_private.h"

enum {
	TELL_AGAIN_MS = 60000, /* of what lasts */
	/* lines of the log in so long, for what may be wrong with each message */
	TELL_MS = 60000,
	TELL_MAX = 10
};

bool
sh_nats_may_tell(struct sh_carrier_nats *carrier)
{
	int64_t now_ms = sh_loop_now_ms(carrier->loop);

	if (now_ms >= carrier->tell_until_ms) {
		carrier->tell_until_ms = now_ms + TELL_MS;
		carrier->told = 0;
	}
	if (carrier->told < TELL_MAX) {
		carrier->told++;
		return true;
	}
	if (carrier->told++ == TELL_MAX)
		sh_log_warning("nats: there is more of this, which is not "
			       "written for a minute; see status");
	return false;
}

static void
on_up(struct sh_carrier_nats *carrier)
{
	sh_log_notice("nats: connected %sto %s",
	    carrier->was_up ? "again " : "", carrier->where);
	carrier->down_why[0] = '\0';
	if (carrier->was_up)
		SH_COUNT(carrier->counters->broker_reconnects, 1);
	SH_SET(carrier->counters->broker_up, 1);
	carrier->up = carrier->was_up = true;
	carrier->barrier_out = false;
	if (carrier->dropped)
		sh_nats_say(carrier, "l", NULL, 0);
	carrier->dropped = carrier->told_dropped = false;
	sh_nats_peers_up(carrier);
	sh_nats_logs_up(carrier);
	sh_nats_barrier_send(carrier);
	sh_nats_tell_room(carrier);
}

/* Each reason once, and again after a while when it lasts. */
static void
tell_down(struct sh_carrier_nats *carrier, const char *why)
{
	int64_t now_ms = sh_clock_ms();

	if (!carrier->up && strcmp(carrier->down_why, why) == 0 &&
	    now_ms - carrier->down_told_ms < TELL_AGAIN_MS)
		return;
	snprintf(carrier->down_why, sizeof(carrier->down_why), "%s", why);
	carrier->down_told_ms = now_ms;
	sh_log_warning("nats: %s %s: %s%s; until it is back, clients of other "
		       "workers get nothing published here",
	    carrier->up ? "the connection is lost to" : "cannot connect to",
	    carrier->where, why,
	    strcasestr(why, "authoriz") != NULL
		? "; see broker.user, broker.password"
		: "");
}

static void
on_down(struct sh_carrier_nats *carrier, const char *why)
{
	tell_down(carrier, why);
	SH_SET(carrier->counters->broker_up, 0);
	carrier->up = false;
	carrier->barrier_out = false;
	carrier->barrier_due = true;
	sh_nats_logs_down(carrier);
}

/* Those who have subscribed elsewhere learn that when we are connected again. */
static void
on_dropped(struct sh_carrier_nats *carrier, const char *why)
{
	if (!carrier->told_dropped)
		sh_log_warning(
		    "nats: messages that were published are lost: %s", why);
	SH_COUNT(carrier->counters->broker_dropped, 1);
	carrier->told_dropped = true;
	carrier->dropped = true;
	if (carrier->up && sh_nats_say(carrier, "l", NULL, 0) == 0)
		carrier->dropped = false;
	carrier->base.events.lost(NULL, carrier->base.events.arg);
}

/* What is held was before that, and the gap is told later. */
static void
on_lost(struct sh_carrier_nats *carrier)
{
	if (carrier->hold.on)
		sh_hold_begin(&carrier->hold);
	else
		carrier->base.events.lost(NULL, carrier->base.events.arg);
}

void
sh_nats_take_news(enum sh_nats_news news, const char *text, void *arg)
{
	struct sh_carrier_nats *carrier = arg;

	switch (news) {
	case SH_NATS_UP: on_up(carrier); break;
	case SH_NATS_DOWN: on_down(carrier, text); break;
	case SH_NATS_BREAK: sh_hold_begin(&carrier->hold); break;
	case SH_NATS_LOST: on_lost(carrier); break;
	case SH_NATS_ROOM:
		if (carrier->barrier_due)
			sh_nats_barrier_send(carrier);
		sh_nats_tell_room(carrier);
		break;
	case SH_NATS_DROPPED: on_dropped(carrier, text); break;
	case SH_NATS_TROUBLE:
		if (sh_nats_may_tell(carrier))
			sh_log_warning("nats: %s", text);
		break;
	}
}
