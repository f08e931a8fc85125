/* This file tells how the workers get on with the broker. */
#pragma once

#include "base/buf.h"
#include "proc/plan.h"
#include "proc/scoreboard.h"

/** Append "broker":{...}. plan may be NULL. */
void sh_status_broker_json(const struct sh_plan *plan,
    const struct sh_counters *counters, struct sh_buf *out);
/** Append a line, unless there is none. */
void sh_status_broker_text(const struct sh_plan *plan,
    const struct sh_counters *counters, struct sh_buf *out);
