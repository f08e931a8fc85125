/*
 * This file is what the files of the table of topics know of each other; it is not
 * for other folders, and of this one for what carries histories only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <shoal/topic.h>
#include "base/attr.h"
#include "base/counters.h"
#include "co/co.h"
#include "io/id_table.h"
#include "io/loop.h"
#include "session/deliver.h"
#include "topic/carrier.h"
#include "topic/hash.h"
#include "topic/message.h"
#include "topic/topics.h"
#include "topic/wild.h"

struct sh_batch;
struct sh_form;
struct sh_rendering;
struct sh_subscriber;
struct sh_subscription;
struct sh_topic;

TAILQ_HEAD(sh_topic_list, sh_topic);
TAILQ_HEAD(sh_subscription_list, sh_subscription);
TAILQ_HEAD(sh_program_list, shoal_subscriber);

struct sh_topics {
	struct sh_loop *loop;
	struct sh_carrier *carrier; /* or NULL */
	struct sh_counters *counters;
	uint64_t node;   /* of this server */
	uint64_t serial; /* of the last message that was published here */
	uint64_t seq;    /* of the last thing: message or subscription */
	uint64_t newest; /* that of the last subscription */

	struct sh_hash names;         /* topics and filters */
	struct sh_hash subscriptions; /* by subscriber and filter */
	struct sh_hash forms;
	struct sh_hash renderings; /* by batch and form */
	struct sh_id_table conns;  /* subscribers that are connections */
	LIST_HEAD(, sh_subscriber) programs;
	struct sh_wild wild;
	size_t count; /* subscriptions */

	struct sh_loop_task task; /* fans out */
	struct sh_topic_list fanning;
	struct sh_topic_list behind; /* likewise, behind the first loss */
	TAILQ_HEAD(sh_loss_list, sh_loss) losses;
	size_t loss_count;
	LIST_HEAD(, sh_batch) batches; /* that have begun */
	size_t pending;                /* bytes that wait to be fanned out */
	struct sh_message_list untold; /* published here, for listeners */
	TAILQ_HEAD(, sh_subscriber) troubled; /* gaps can be told to */
	struct sh_program_list eager; /* have something to be called with */

	struct sh_hash follows;           /* where topics with a history are */
	TAILQ_HEAD(, sh_follow) followed; /* not for longest first */
	TAILQ_HEAD(, sh_subscription_replay) replays;
	size_t replays_asked;

	struct sh_topic_list lines; /* topics that somebody waits for */
	LIST_HEAD(, sh_settler) settlers;
};

/* Who is at which subscription of a list that may change meanwhile. */
struct sh_cursor {
	struct sh_subscription *next;
	LIST_ENTRY(sh_cursor) link;
};

/* A topic or filter that somebody needs: subscribers, listeners, messages that are
 * on their way, publishers that wait. */
struct sh_topic {
	struct sh_hash_node node;
	struct sh_topics *topics;
	struct sh_subscription_list subscriptions; /* by since */
	size_t count;
	unsigned holds; /* what else needs it */
	bool is_wild;
	bool is_fanning;   /* on the list of that name */
	bool is_line;      /* likewise, lines */
	bool asked_behind; /* others were asked to wait, see publish.c */
	LIST_HEAD(, sh_cursor) cursors;
	TAILQ_HEAD(, sh_topic_listener) listeners;

	struct sh_message_list messages; /* that no batch has taken yet */
	uint64_t latest;                 /* seq of its latest message ... */
	uint64_t lost;                   /* ... and loss, see loss.c */
	size_t pending;                  /* their bytes, and of the batch */
	struct sh_batch *batch;          /* on its way, or NULL */
	TAILQ_ENTRY(sh_topic) fanning;

	unsigned pauses; /* subscribers that are full */
	TAILQ_HEAD(, sh_publisher) line;
	TAILQ_ENTRY(sh_topic) lines;

	size_t len;
	char name[];
};

/* Messages for it are taken here instead, until what is before them has been sent:
 * begin of what a replay keeps, or of what it leaves behind, which keeps nothing and
 * has forget() only (overlap.h). */
struct sh_holder {
	/* Keep messages, in order; borrowed. NULL: it keeps none. */
	void (*take)(struct sh_subscription *subscription,
	    struct sh_message *const *messages, size_t count);
	/* Some are lost. */
	void (*lost)(struct sh_subscription *subscription);
	/* The subscription ends; free yourself. */
	void (*forget)(struct sh_subscription *subscription);
};

/*
 * There may be a million of these. With the allocator's part it is 112 bytes, and 8
 * more of a table.
 */
struct sh_subscription {
	struct sh_hash_node node;
	struct sh_topic *topic;
	struct sh_subscriber *subscriber;
	TAILQ_ENTRY(sh_subscription) of_topic;
	TAILQ_ENTRY(sh_subscription) of_subscriber;
	struct sh_form *form;     /* what it is sent; NULL: the program's */
	uint64_t since;           /* messages with a higher seq are for it */
	char *member;             /* its name, or NULL */
	struct sh_holder *holder; /* NULL: none, the usual case */
	bool gap : 1;             /* is to be told before its next message */
	bool close_on_gap : 1;
};

/* Whether what is for it is kept back just now. */
static inline bool
sh_subscription_is_held(const struct sh_subscription *subscription)
{
	return SH_UNLIKELY(subscription->holder != NULL) &&
	    subscription->holder->take != NULL;
}

_Static_assert(sizeof(struct sh_subscription) <= 104,
    "a subscription is small, see ARCHITECTURE.md");

/* A topic whose publishers wait for a subscriber. */
struct sh_pause {
	struct sh_topic *topic; /* held */
	LIST_ENTRY(sh_pause) link;
};

/* A connection, or the begin of a program's. */
struct sh_subscriber {
	struct sh_id_node node; /* 0: of the program */
	struct sh_topics *topics;
	struct sh_conn *conn; /* or NULL */
	struct sh_deliver_form how;
	struct sh_subscription_list subscriptions;
	size_t count;
	bool has_gap;  /* one of them may have */
	bool troubled; /* on the list of that name */
	bool busy;     /* not to be freed just now */
	LIST_HEAD(, sh_pause) pauses;
	TAILQ_ENTRY(sh_subscriber) trouble;
	LIST_ENTRY(sh_subscriber) program;
};

/* --- names.c: topics and filters --------------------------------------------- */

/** The one with a name, or NULL. */
struct sh_topic *sh_topic_find(
    struct sh_topics *topics, const char *name, size_t len, uint64_t hash);
/** Likewise, made when it is not there; NULL without memory. */
struct sh_topic *sh_topic_need(
    struct sh_topics *topics, const char *name, size_t len, uint64_t hash);
/** Free it if nobody needs it. */
void sh_topic_rest(struct sh_topic *topic);
/** Keep it; and no longer. */
void sh_topic_hold(struct sh_topic *topic);
void sh_topic_release(struct sh_topic *topic);
/** Let the carrier bring what is published to it, or no longer, as the first or last
 *  subscription or listener comes or goes. 0 or -SHOAL_ENOMEM. */
int sh_topic_want(struct sh_topic *topic);
void sh_topic_unwant(struct sh_topic *topic);

/* The filters that a topic matches, the topic itself first if somebody has
 * subscribed to it. */
struct sh_matches {
	struct sh_topic **list; /* NULL: one or none */
	struct sh_topic *first;
	size_t count;
};

/** Find those that have subscribers; exact is the topic's, or NULL. They are not
 *  held. 0 or -SHOAL_ENOMEM. */
int sh_matches_find(struct sh_matches *matches, struct sh_topics *topics,
    struct sh_topic *exact, const char *topic, size_t len);
/** One of them. */
static inline struct sh_topic *
sh_matches_at(const struct sh_matches *matches, size_t i)
{
	return matches->list != NULL ? matches->list[i] : matches->first;
}
/** Free the list. */
void sh_matches_fini(struct sh_matches *matches);
/** Whether there are any. */
bool sh_topics_has_match(struct sh_topics *topics, const struct sh_topic *exact,
    const char *topic, size_t len);

/* --- subscribe.c ----------------------------------------------------------------- */

/** The subscriber that is a connection; made when make. NULL: there is none, or no
 *  memory. */
struct sh_subscriber *
sh_subscriber_of(struct sh_topics *topics, struct sh_conn *conn, bool make);
/** Free it if it is a connection's and has no subscription. */
void sh_subscriber_rest(struct sh_subscriber *subscriber);
/** Subscribe. filter is valid. 0; -SHOAL_EEXIST; -SHOAL_EINVAL; -SHOAL_ENOMEM. */
int sh_subscription_add(struct sh_subscriber *subscriber, const char *filter,
    size_t len, const struct shoal_subscribe_options *options,
    struct sh_subscription **out);
/** End one; its subscriber stays. */
void sh_subscription_end(struct sh_subscription *subscription);
/** End the one of a filter, and the subscriber if it was the last and a connection's.
 *  0 or -SHOAL_ENOENT. */
int
sh_subscription_remove(struct sh_subscriber *subscriber, const char *filter);
/** The one of a subscriber and a filter, or NULL. */
struct sh_subscription *sh_subscription_find(struct sh_topics *topics,
    struct sh_subscriber *subscriber, const struct sh_topic *topic);
/** End all of a subscriber, which stays. */
void sh_subscriber_end_all(struct sh_subscriber *subscriber);
/** A connection ends: for the hooks of session/deliver.h. */
void sh_subscriber_conn_ended(struct sh_conn *conn, void *arg);
/** Or has fallen to its low-water mark. */
void sh_subscriber_conn_drained(struct sh_conn *conn, void *arg);

/* --- form.c: what is sent to whom ------------------------------------------------- */

/* All that are sent the same bytes have one. */
struct sh_form {
	struct sh_hash_node node;
	size_t users;
	struct sh_topics *topics;
	shoal_topic_render_fn *render; /* NULL: the message's bytes */
	void *arg;
	struct sh_deliver_form how;
	/* the last rendering that was asked for, while its batch is there */
	const struct sh_batch *batch;
	struct sh_rendering *rendering;
};

/* Messages as they go out. */
struct sh_rendering {
	struct sh_hash_node node; /* while it is of a batch */
	struct sh_form *form;     /* held */
	const struct sh_batch *batch;
	LIST_ENTRY(sh_rendering) link;
	struct sh_shared *shared;
	size_t count;
	bool has_empty; /* some are not sent */
	size_t at[];    /* where each begins; and where the last ends */
};

/** The form of a function and of what a connection is, held; NULL without memory. */
struct sh_form *
sh_form_need(struct sh_topics *topics, shoal_topic_render_fn *render, void *arg,
    const struct sh_deliver_form *how);
/** Give the hold up and clear the pointer. NULL is fine. */
void sh_form_drop(struct sh_form **form);
/** Render messages; conn is any with the form. Calls the user's function. NULL
 *  without memory. */
struct sh_rendering *sh_form_render(struct sh_form *form, struct sh_conn *conn,
    struct sh_message *const *messages, size_t count);
/** Free it and clear the pointer. NULL is fine. */
void sh_rendering_free(struct sh_rendering **rendering);

/* --- fanout.c ---------------------------------------------------------------------- */

/** A message for the subscribers of this process is on its way from now on (takes
 *  it). topic is its, and may have none but through filters with wildcards. */
void sh_fanout_add(struct sh_topic *topic, struct sh_message *message);
/** Do a part of it; whether some is left. For the loop. */
bool sh_fanout_step(void *topics);
/** Forget everything, at the end. */
void sh_fanout_clear(struct sh_topics *topics);

/* --- fanout_batch.c ------------------------------------------------------------------ */

/** A subscription ends: nothing may point to it. */
void sh_fanout_forget(struct sh_subscription *subscription);

/* --- fanout_give.c ------------------------------------------------------------------- */

/** Send one message to one subscription, now, whatever else is on its way. An enum
 *  sh_delivered; -SHOAL_ENOENT: it has ended, for the user's function was called;
 *  -SHOAL_ENOMEM. Not on a coroutine. */
int sh_fanout_give(
    struct sh_subscription *subscription, struct sh_message *message);

/* --- trouble.c: gaps and pauses ----------------------------------------------------- */

/** What sh_deliver() has said of messages of a topic, but SH_DELIVERED. Whether more
 *  may be sent. */
bool sh_trouble_take(struct sh_subscription *subscription,
    struct sh_topic *topic, int delivered, uint32_t messages);
/** Messages for a subscription are lost: it is to be told. */
void sh_trouble_lost(struct sh_subscription *subscription);
/** Before a message, of one that has a gap: tell it, if there is room. Whether it may
 *  have the message; it may have ended. */
bool sh_trouble_tell(struct sh_subscription *subscription);
/** Tell gaps to those who can take it, a part. Whether some is left. */
bool sh_trouble_step(struct sh_topics *topics);
/** It has drained: gaps can be told to it. */
void sh_trouble_begin(struct sh_subscriber *subscriber);
/** Nobody waits for it any more. */
void sh_trouble_unpause(struct sh_subscriber *subscriber);

/* --- loss.c: what a carrier has lost --------------------------------------------------- */

/** Messages of a topic or filter, NULL: of any, are lost to this process: those who
 *  would have had them are told behind all that is on its way. */
void sh_loss_note(struct sh_topics *topics, const char *filter);
/** Whether there is one before a message, which has to wait. */
bool sh_loss_is_before(
    const struct sh_topics *topics, const struct sh_message *message);
/** Tell the first one: all before it is out. False: there is none. */
bool sh_loss_tell(struct sh_topics *topics);
/** Forget all, at the end. */
void sh_loss_clear(struct sh_topics *topics);

/* --- publish.c ----------------------------------------------------------------------- */

/** Publishers of a topic may try again. */
void sh_publishers_wake(struct sh_topic *topic);
/** Those of all topics may. */
void sh_publishers_wake_all(struct sh_topics *topics);
/** Let all of them fail, at the end. */
void sh_publishers_fail(struct sh_topics *topics);
/** A message of a carrier's. */
void sh_publish_arrived(const struct sh_publication *publication, void *topics);
/** Give a message to the subscribers of this process. */
void sh_publish_deliver(
    struct sh_topics *topics, const struct sh_publication *publication);
/** Some of what was pending has been fanned out. */
void sh_publish_went(struct sh_topic *topic, size_t bytes);
/** Tell listeners what was published here. */
void sh_publish_tell_listeners(struct sh_topics *topics);

/* --- topics.c ------------------------------------------------------------------------ */

/** Call those that listen to a topic, which is held. */
void sh_topic_call_listeners(
    struct sh_topic *topic, const struct sh_publication *publication);

/* --- program.c: subscribers of the program --------------------------------------------- */

/** Messages for one of the program's (holds them). */
void sh_program_take(struct sh_subscription *subscription,
    struct sh_message *const *messages, size_t count);
/** Whether so many bytes would find room. */
bool
sh_program_has_room(const struct sh_subscription *subscription, size_t size);
/** Messages for it are lost. */
void sh_program_lost(struct sh_subscription *subscription);
/** Call those that have something to be called with, each with a few. Whether some
 *  is left. */
bool sh_program_step(struct sh_topics *topics);
/** The topics end: it stays, without any. */
void sh_program_orphan(struct sh_subscriber *subscriber);
