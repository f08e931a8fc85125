/* This file tells how the workers get on with the broker. */
#include "config.h"

#include "master/master_status_broker.h"

static const char *
name_of(const struct sh_plan *plan)
{
	return plan != NULL ? plan->broker : "";
}

void
sh_status_broker_json(const struct sh_plan *plan,
    const struct sh_counters *counters, struct sh_buf *out)
{
	sh_buf_puts(out, "\"broker\":{\"server\":");
	sh_buf_json(out, name_of(plan));
	sh_buf_printf(out,
	    ",\"up\":%llu,\"reconnects\":%llu,\"published\":%llu,"
	    "\"received\":%llu,\"dropped\":%llu,\"strange\":%llu}",
	    (unsigned long long)SH_COUNTER(counters->broker_up),
	    (unsigned long long)SH_COUNTER(counters->broker_reconnects),
	    (unsigned long long)SH_COUNTER(counters->broker_published),
	    (unsigned long long)SH_COUNTER(counters->broker_received),
	    (unsigned long long)SH_COUNTER(counters->broker_dropped),
	    (unsigned long long)SH_COUNTER(counters->broker_strange));
}

void
sh_status_broker_text(const struct sh_plan *plan,
    const struct sh_counters *counters, struct sh_buf *out)
{
	if (name_of(plan)[0] == '\0')
		return;
	sh_buf_printf(out,
	    "broker %s, %llu workers connected, %llu published, %llu received",
	    plan->broker, (unsigned long long)SH_COUNTER(counters->broker_up),
	    (unsigned long long)SH_COUNTER(counters->broker_published),
	    (unsigned long long)SH_COUNTER(counters->broker_received));
	if (SH_COUNTER(counters->broker_dropped) != 0)
		sh_buf_printf(out, ", %llu dropped",
		    (unsigned long long)SH_COUNTER(counters->broker_dropped));
	if (SH_COUNTER(counters->broker_reconnects) != 0)
		sh_buf_printf(out, ", %llu reconnects",
		    (unsigned long long)SH_COUNTER(
			counters->broker_reconnects));
	sh_buf_puts(out, "\n");
}
