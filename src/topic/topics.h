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
/** End those that sh_topics_current() has made. Before their loop is freed. */
void sh_topics_close_current(void);
/** Be a process of this server, from the next sh_topics_open() on; 0: of one of its
 *  own. */
void sh_topics_set_node(uint64_t node);
/** The worker drains: others serve from now on, but its clients go on. */
void sh_topics_drain(struct sh_topics *topics);
/** Whether a process that has drained should stay for a moment: what is on its way
 *  to others would be lost. */
bool sh_topics_is_busy(const struct sh_topics *topics);
/** Those of this process' loop. Made when there are none yet and there is a loop
 *  (a program of shoal_run()); NULL: no loop, or no memory. */
struct sh_topics *sh_topics_current(void);
/** Its carrier, or NULL. */
struct sh_carrier *sh_topics_carrier(const struct sh_topics *topics);
/** The number of this server, in its publications. */
uint64_t sh_topics_node(const struct sh_topics *topics);

/** See shoal_co_topic_settle(). */
int sh_topics_co_settle(struct sh_topics *topics, int64_t deadline_us);
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
/** Publish to a topic of shoal's own; without checks, history and waiting. Listeners
 *  of this process are told in this turn, but not before it returns. As
 *  shoal_publish(). */
int sh_topics_tell(
    struct sh_topics *topics, const char *topic, const void *data, size_t len);

/* --- subscribers that are connections --------------------------------------- */

/** See shoal_ws_subscribe() and shoal_conn_subscribe(). */
int sh_topics_subscribe(struct sh_topics *topics, struct sh_conn *conn,
    const char *filter, const struct shoal_subscribe_options *options);
/** See shoal_ws_unsubscribe(). */
int sh_topics_unsubscribe(
    struct sh_topics *topics, struct sh_conn *conn, const char *filter);

/* --- who is there, in this process ----------------------------------------- */

/** Their number, see shoal_topic_local_count(). */
uint64_t sh_topics_local_count(struct sh_topics *topics, const char *topic);

/** Call fn for each that would get a message of the topic, each once. name is ""
 *  when it has none; id is 0 for a subscriber of the program. */
void sh_topics_each_member(struct sh_topics *topics, const char *topic,
    void (*fn)(uint64_t id, const char *name, void *arg), void *arg);
