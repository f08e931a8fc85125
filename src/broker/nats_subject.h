/*
 * This file is how topics and filters become subjects of NATS, and back. Pure.
 *
 * Segments are tokens: '/' becomes '.', "+" becomes "*", "#" at the end becomes ">",
 * which does not match what is before it. Bytes that a token may not have are
 * written as %XX, and '%' too. Subjects of shoal begin with the root, the prefix of
 * the settings with a dot behind it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	SH_NATS_ROOT_MAX = 256,
	/* bytes of a topic's subject with its NUL, without what is before it */
	SH_NATS_TOPIC_MAX = 3 * 255 + 1
};

/** Write the root of a prefix: "shoal." of "shoal", "shoal." and ".shoal.". Returns
 *  its length, without the NUL; 0 when there is nothing in it or no room. */
size_t sh_nats_root(const char *prefix, char *root, size_t cap);
/** Write the subject of a topic; to has SH_NATS_TOPIC_MAX. Returns its length. */
size_t sh_nats_subject(const char *topic, size_t len, char *to);
/** Write that of a filter. parent_out: the length of what is before ".>", where
 *  the level above matches too; 0: it has no such end. */
size_t sh_nats_filter_subject(
    const char *filter, size_t len, char *to, size_t *parent_out);
/** Read what sh_nats_subject() has written; topic has 256 bytes. False when that
 *  is something else. */
bool sh_nats_topic_of(const char *subject, char *topic);
/** Write a name as a stream's may be: other bytes become '_'. */
void sh_nats_stream_name(const char *text, char *to, size_t cap);
