/*
 * This file says in the log what happens to the broker, each thing once, and again
 * after a minute when it lasts.
 */
#include "config.h"

#include <inttypes.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "broker/redis_private.h"

enum {
	AGAIN_US = 60 * 1000 * 1000,
	DROPS_US = 10 * 1000 * 1000,
	LINES_MAX = 10 /* of what is up or down, in a minute */
};

static const char *
reason(int error)
{
	switch (error) {
	case -EACCES:
		return "it does not accept the user or password; see "
		       "broker.user, broker.password";
	case -EREMOTEIO:
		return "it refuses the number of the database in broker.url";
	case -SHOAL_EAGAIN:
		return "it is loading its data or has too many clients";
	case -SHOAL_EPROTO: return "what answers there is not Redis";
	case -SHOAL_ETIMEDOUT: return "no answer within broker.timeout";
	case -SHOAL_ECONNRESET: return "it has closed the connection";
	default: return shoal_strerror(error);
	}
}

/* A few lines a minute, so that a connection that comes and goes does not fill the
 * log. */
static bool
may_tell(struct sh_redis_telling *telling, int64_t now_us)
{
	if (now_us - telling->minute_us >= AGAIN_US) {
		telling->minute_us = now_us;
		telling->lines = 0;
	}
	return telling->lines++ < LINES_MAX;
}

void
sh_redis_tell_down(struct sh_redis_carrier *carrier, int error, bool lost)
{
	struct sh_redis_telling *telling = &carrier->telling;
	int64_t now_us = sh_clock_us();

	if (telling->error == error && now_us - telling->told_us < AGAIN_US)
		return;
	telling->error = error;
	telling->told_us = now_us;
	if (!may_tell(telling, now_us))
		return;
	sh_log_warning("broker: %s Redis at %s: %s; until it is back, clients "
		       "of other workers get nothing published here",
	    lost ? "lost" : "cannot reach", carrier->address, reason(error));
}

void
sh_redis_tell_up(struct sh_redis_carrier *carrier)
{
	struct sh_redis_telling *telling = &carrier->telling;

	/* what was not told to be down is no news */
	if (telling->error == 0 && telling->told_us != 0)
		return;
	telling->error = 0;
	telling->told_us = sh_clock_us();
	if (!may_tell(telling, telling->told_us))
		return;
	sh_log_notice("broker: connected to Redis at %s%s", carrier->address,
	    carrier->gap ? "; what was published meanwhile is lost for topics "
			   "without a history"
			 : "");
}

void
sh_redis_tell_refused(
    struct sh_redis_carrier *carrier, const char *what, const char *error)
{
	int64_t now_us = sh_clock_us();

	carrier->telling.refused++;
	if (now_us - carrier->telling.drops_us < DROPS_US)
		return;
	carrier->telling.drops_us = now_us;
	sh_log_warning("broker: Redis at %s refuses %s: %s (%" PRIu64
		       " refusals)",
	    carrier->address, what, error, carrier->telling.refused);
	carrier->telling.refused = 0;
}

void
sh_redis_tell_drops(struct sh_redis_carrier *carrier, bool now)
{
	struct sh_redis_telling *telling = &carrier->telling;
	int64_t now_us = sh_clock_us();

	if (telling->unknown + telling->unsent == 0 ||
	    (!now && now_us - telling->drops_us < DROPS_US))
		return;
	telling->drops_us = now_us;
	sh_log_warning("broker: Redis at %s: %" PRIu64 " messages were sent "
		       "when the connection broke, and may or may not have "
		       "been published; %" PRIu64 " that waited for it were "
		       "dropped",
	    carrier->address, telling->unknown, telling->unsent);
	telling->unknown = telling->unsent = 0;
}
