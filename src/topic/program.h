/*
 * This file is subscribers in the program: a queue of messages each, that a function
 * is called with or a coroutine takes from. See <shoal/topic.h>.
 */
#pragma once

#include <stdint.h>
#include <shoal/topic.h>

struct sh_topics;

/** See shoal_subscriber_new(). NULL without memory and for bad options. */
struct shoal_subscriber *sh_program_new(
    struct sh_topics *topics, const struct shoal_subscriber_options *options);
/** See shoal_subscriber_free(). */
void sh_program_free(struct shoal_subscriber **subscriber);
/** See shoal_subscriber_add(), shoal_subscriber_remove(). */
int sh_program_add(struct shoal_subscriber *subscriber, const char *filter,
    const struct shoal_subscribe_options *options);
int sh_program_remove(struct shoal_subscriber *subscriber, const char *filter);
/** See shoal_co_subscriber_receive(). */
int sh_program_receive(struct shoal_subscriber *subscriber,
    const struct shoal_topic_message **message_out, int64_t deadline_us);
