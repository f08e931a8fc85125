/*
 * This file is the carrier of a process that is alone: messages go nowhere, but topics
 * keep their histories.
 */
#pragma once

#include <stdbool.h>

struct sh_carrier;
struct sh_loop;

/** Make one for a loop. 0 or -SHOAL_ENOMEM. */
int sh_carrier_own_open(struct sh_loop *loop, struct sh_carrier **out);
/** Whether a carrier is such a one, or NULL: nothing comes from elsewhere. */
bool sh_carrier_is_own(const struct sh_carrier *carrier);
