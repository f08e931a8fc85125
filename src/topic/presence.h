/*
 * This file finds out who has subscribed to a topic, in all processes: it asks, and
 * they answer. Both are messages of topics of shoal's own, so it does not matter by
 * what they are carried.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <shoal/topic.h>

struct sh_presence;
struct sh_topics;

/** Answer those who ask from now on, once in a process; topics is lent. 0 or
 *  -SHOAL_ENOMEM. */
int sh_presence_open(struct sh_topics *topics, struct sh_presence **out);
/** End it. Who waits gets what has come. NULL is fine. */
void sh_presence_close(struct sh_presence **presence);

/** See shoal_co_topic_members(); names says whether the list is wanted. place is
 *  the public function, lent. */
int sh_presence_ask(struct sh_topics *topics, const char *topic, bool names,
    int64_t deadline_us, const char *place, struct shoal_topic_members **out);
