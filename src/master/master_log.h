/* This file opens the log that the plan names; lines are written elsewhere. */
#pragma once

#include <stddef.h>
#include "proc/plan.h"

struct sh_master;

/** Open the plan's log and use it. 0, or -errno with why. */
int sh_master_log_open(struct sh_master *master, const struct sh_plan *plan,
    char *why, size_t cap);
/** Follow a generation that serves now: level, format, and another target,
 *  which every worker gets too. When that cannot be opened, the old one goes
 *  on and says so. */
void sh_master_log_follow(struct sh_master *master, const struct sh_plan *plan);
/** Open the same file anew and hand it to every worker. 0; 1 when the log is
 *  stderr; -errno. */
int sh_master_log_reopen(struct sh_master *master);
