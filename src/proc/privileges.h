/* This file changes user, groups and root of a process that is not the
 * master. */
#pragma once

#include <stddef.h>
#include "proc/plan.h"

/** Become the given user for good, in the order chroot, groups, gid, uid, and
 *  give up gaining privileges by exec. 0, or -errno with the step in why. */
int sh_privileges_drop(
    const struct sh_plan_identity *identity, char *why, size_t cap);
