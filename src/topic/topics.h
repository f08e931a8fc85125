/*
 * This file is the topics of a process: who has subscribed to what, and messages
 * on their way to them. How messages come from elsewhere is a carrier's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <shoal/topic.h>

struct sh_carrier;
struct sh_conn;
struct sh_loop;
struct sh_publication;
struct sh_topics;

/** Make the topics of a loop, once. carrier is taken, also when it fails; NULL: this
 *  process is all there is. 0 or -SHOAL_ENOMEM. */
int sh_topics_open(
    struct sh_loop *loop, struct sh_carrier *carrier, struct sh_topics **out);
/** End it: nobody is told. No connection is left, or none that has subscribed. NULL
 *  is fine. */
void sh_topics_close(struct sh_topics **topics);
/** Those of this process' loop. Made when there are none yet and there is a loop
 *  (a program of shoal_run()); NULL: no loop, or no memory. */
struct sh_topics *sh_topics_current(void);
/** Its carrier, or NULL. */
struct sh_carrier *sh_topics_carrier(const struct sh_topics *topics);
/** The number of this server, in its publications. */
uint64_t sh_topics_node(const struct sh_topics *topics);

/** See shoal_publish(). */
int sh_topics_publish(struct sh_topics *topics, const char *topic, int type,
    const void *data, size_t len, const struct shoal_publish_options *options);
/** See shoal_co_publish(). */
int sh_topics_co_publish(struct sh_topics *topics, const char *topic, int type,
    const void *data, size_t len, const struct shoal_publish_options *options,
    int64_t deadline_us);

/* --- functions of shoal's own that are told of a topic, '$' too ----------- */

typedef void
sh_topic_listen_fn(const struct sh_publication *publication, void *arg);

struct sh_topic_listener;

/** Call fn with each message of a topic (no filter), at once, not in a coroutine: it
 *  may publish and subscribe, not wait. NULL without memory. */
struct sh_topic_listener *sh_topics_listen(struct sh_topics *topics,
    const char *topic, sh_topic_listen_fn *fn, void *arg);
/** End that and clear the variable. NULL is fine. */
void sh_topics_unlisten(struct sh_topic_listener **listener);
/** Publish to a topic of shoal's own; without checks, history and waiting. */
int sh_topics_tell(
    struct sh_topics *topics, const char *topic, const void *data, size_t len);

/* --- who is there, in this process ----------------------------------------- */

/** Call fn for each that would get a message of the topic, each once. name is ""
 *  when it has none; id is 0 for a subscriber of the program. */
void sh_topics_each_member(struct sh_topics *topics, const char *topic,
    void (*fn)(uint64_t id, const char *name, void *arg), void *arg);
