/*
 * This file gives a subscription what a history has, before what comes meanwhile:
 * that waits. Who asks is a subscription with `replay' or `resume'.
 */
#pragma once

#include <stdbool.h>

struct sh_subscription;
struct sh_topics;
struct shoal_subscribe_options;

/** Begin, for a subscription that was just made to a topic. 0, also when there is
 *  nothing to be done; -SHOAL_ENOMEM. */
int sh_replay_begin(struct sh_subscription *subscription,
    const struct shoal_subscribe_options *options);
/** Give a part. Whether some is left that can be given. For the loop. */
bool sh_replay_step(struct sh_topics *topics);
/** A connection has drained, or the program has taken a message. */
void sh_replay_drained(struct sh_topics *topics);
