/*
 * This file is the syntax of topics and filters, and who matches whom. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/** Whether it has the form of a topic; one that begins with '$' may. */
bool sh_topic_is_formed(const char *topic, size_t len);
/** Whether a user may publish to it, see <shoal/topic.h>. */
bool sh_topic_is_valid(const char *topic, size_t len);
/** Whether a user may subscribe to it. */
bool sh_filter_is_valid(const char *filter, size_t len);
/** Whether a filter has wildcards: it is no topic. */
bool sh_filter_is_wild(const char *filter, size_t len);
/** Whether a filter matches a topic. One that begins with a wildcard does not
 *  match topics that begin with '$' (MQTT 5.0, 4.7.2). */
bool sh_filter_matches(
    const char *filter, size_t filter_len, const char *topic, size_t topic_len);
/** Likewise for histories: wildcards do not stand for segments that begin with '$',
 *  such as "room/1/$members". What is said there is of the moment. */
bool sh_filter_keeps(
    const char *filter, size_t filter_len, const char *topic, size_t topic_len);
/** Length of the segment at the begin of the text, which is what is left of a topic
 *  or filter. */
size_t sh_segment_len(const char *text, size_t len);
