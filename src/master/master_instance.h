/* This file keeps a second master from starting: the locked pid file and the
 * control socket's name. */
#pragma once

#include <stddef.h>
#include "proc/plan.h"

struct sh_master;

/** Lock and write the plan's pid file, if it names one. 0; -SHOAL_EEXIST when
 *  another master holds it; -errno; with why. */
int sh_instance_open(struct sh_master *master, const struct sh_plan *plan,
    char *why, size_t cap);
/** Remove the pid file, if it is still ours. */
void sh_instance_close(struct sh_master *master);
