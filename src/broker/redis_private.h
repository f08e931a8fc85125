/*
 * This file is what the files of the carrier through Redis (redis*.c) know of
 * each other; it is not for anybody else.
 *
 * There are two connections, each with a coroutine: one is subscribed to what is
 * wanted (redis_follow.c), one publishes, and reads histories
 * (redis_send.c). A third coroutine is there while channels are asked for
 * (redis_ask.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <shoal/topic.h>

#include "base/buf.h"
#include "base/counters.h"
#include "client/redis.h"
#include "client/redis_command.h"
#include "client/redis_link.h"
#include "co/co.h"
#include "io/loop.h"
#include "topic/carrier.h"
#include "broker/hold.h"
#include "broker/redis_payload.h"
#include "broker/redis_scripts.h"
#include "broker/redis_wanted.h"

struct sh_loop;
struct sh_redis_recall;

enum {
	SH_REDIS_WORDS_MAX = 16,
	SH_REDIS_SHA_LEN = 40,
	SH_REDIS_INBOX_MAX = 256,
	/* of the data of a message: a quarter of what a reply may have */
	SH_REDIS_MESSAGE_MAX = 16 * 1024 * 1024,
	/* how often it is asked who takes part */
	SH_REDIS_PEERS_MS = 5000
};

/* What waits for the publishing connection, or for its answer. */
enum sh_redis_post_kind {
	SH_REDIS_POST_PUBLISH, /* never sent twice */
	SH_REDIS_POST_RECALL,  /* a page of a history */
	SH_REDIS_POST_ASIDE,   /* of which the answer does not matter */
	SH_REDIS_POST_PEERS
};

struct sh_redis_post {
	STAILQ_ENTRY(sh_redis_post) link;
	enum sh_redis_post_kind kind;
	enum sh_redis_script script; /* its second word is the hash of it */
	unsigned tries;
	int64_t deadline_us;             /* while it is not sent */
	struct sh_redis_recall *recall;  /* owned by its list */
	struct sh_redis_command command; /* while it is sent */
	size_t size;                     /* bytes of the queue */
	int argc;
	const char *argv[SH_REDIS_WORDS_MAX]; /* in text, but for the hash */
	size_t lens[SH_REDIS_WORDS_MAX];
	char text[];
};
STAILQ_HEAD(sh_redis_posts, sh_redis_post);

/* A change of subscriptions that has no answer yet. */
struct sh_redis_asked {
	STAILQ_ENTRY(sh_redis_asked) link;
	bool subscribe;
	char name[];
};
STAILQ_HEAD(sh_redis_asks, sh_redis_asked);

/* What a log line is about, so that none comes again and again. */
struct sh_redis_telling {
	int error;                         /* what was told last, 0: nothing */
	int64_t told_us;                   /* when */
	uint64_t unknown, unsent, refused; /* not told yet */
	int64_t drops_us;                  /* when some were told */
	int64_t minute_us;                 /* since when these were written: */
	unsigned lines;
};

struct sh_redis_carrier {
	struct sh_carrier carrier;
	struct sh_loop *loop;
	unsigned refs; /* who closes it, and each coroutine */
	bool closed;
	char *address, *prefix; /* prefix: of channels and keys */
	char *peers_channel;
	char *name; /* room for a channel or pattern */
	int64_t timeout_ms;
	struct sh_counters *counters, own_counters;
	struct sh_redis_telling telling;

	/* the connection that is subscribed */
	struct shoal_redis *in;
	struct sh_redis_link *in_link;

	bool in_up; /* asks may be sent */
	bool settled;
	bool relied_on; /* what is lost is missed by somebody */
	bool gap;
	bool greeted;        /* all that was wanted before is in effect: others
			      * know of this connection */
	struct sh_hold hold; /* until then, if there is a gap */
	struct sh_redis_wanted wanted;
	struct sh_redis_asks asks;
	/* changes, those that are answered, and those that were asked for at the
	 * begin of the connection */
	uint64_t asked, told, anew;
	struct sh_buf ask_bytes;
	bool asking; /* there is a coroutine that sends them */
	struct sh_co *follower;
	bool handing; /* it waits until this is empty: */
	struct shoal_redis_reply *inbox[SH_REDIS_INBOX_MAX];
	size_t inbox_at, inbox_count;
	int inbox_error;          /* that they have shown */
	struct sh_loop_task task; /* hands on what has come */
	/* of the last message: what comes by a channel and by patterns too
	 * comes in a row */
	uint8_t last_number[SH_REDIS_NUMBER_LEN];

	/* the connection that publishes */
	struct shoal_redis *out;
	struct sh_redis_link *out_link;
	struct sh_redis_posts waiting, sent;
	size_t queued, queue_max; /* bytes */
	bool has_room;            /* that is to be told */
	bool wants_room, out_up, out_ended;
	int64_t out_down_us; /* since when it is not up */
	struct sh_co *sender;
	bool idle; /* the sender waits for work */
	char sha[SH_REDIS_SCRIPTS][SH_REDIS_SHA_LEN + 1];
	bool scripts_loaded, is_loading, out_answered;
	bool restored; /* it was lost: histories may be older than known */
	uint64_t process, count; /* of the numbers of messages */
	size_t peers;            /* 0: not known */
	int64_t peers_us;        /* when to ask again */
	LIST_HEAD(, sh_redis_recall) recalls;
	STAILQ_HEAD(, sh_redis_recall) answered; /* to be handed on */
};

static inline struct sh_redis_carrier *
sh_redis_carrier_of(const struct sh_carrier *carrier)
{
	return (struct sh_redis_carrier *)(uintptr_t)carrier;
}

/* --- redis.c -------------------------------------------------------- */

/** Be a user, or none any longer: it may be gone afterwards. */
void sh_redis_carrier_ref(struct sh_redis_carrier *carrier);
void sh_redis_carrier_unref(struct sh_redis_carrier *carrier);

/* --- redis_follow.c: what comes -------------------------------------- */

/** A coroutine's function; has a reference. */
void sh_redis_follow_main(void *arg);

/* --- redis_inbox.c: what is handed on ---------------------------------- */

void sh_redis_inbox_init(struct sh_redis_carrier *carrier);
/** There is something to hand on. */
void sh_redis_inbox_hand_on(struct sh_redis_carrier *carrier);
/** Nothing is handed on any more. */
void sh_redis_inbox_end(struct sh_redis_carrier *carrier);

/** A message has come, or was held. */
void sh_redis_arrived(struct sh_redis_carrier *carrier,
    const struct shoal_redis_message *message);

/* --- redis_hold.c ------------------------------------------------------- */

/** Hold a message (copies). */
void sh_redis_hold_message(struct sh_redis_carrier *carrier,
    const struct shoal_redis_message *message);
/** All is in effect: tell of the gap, if there is one, and of what was held. */
void sh_redis_hold_end(struct sh_redis_carrier *carrier);

/* --- redis_ask.c: what is to come ------------------------------------ */

/** Ask for a channel or pattern, or give it up, if there is a connection. 0 or
 *  -SHOAL_ENOMEM. */
int sh_redis_ask(struct sh_redis_carrier *carrier, const char *name,
    bool is_pattern, bool subscribe);
/** Ask for all, on a new connection. As above. */
int sh_redis_ask_all(struct sh_redis_carrier *carrier);
/** Ask whether the connection works. As above. */
int sh_redis_ask_ping(struct sh_redis_carrier *carrier);
/** What was asked first has its answer; error is Redis' words, or NULL. 0 or
 *  -SHOAL_EPROTO when nothing was asked. */
int sh_redis_answered(struct sh_redis_carrier *carrier, const char *error);
/** Forget what was asked. */
void sh_redis_asks_clear(struct sh_redis_carrier *carrier);

/* --- redis_post.c: what waits ---------------------------------------- */

/* The words of a command; the last one may be in several places. */
struct sh_redis_words {
	int argc;
	const char *argv[SH_REDIS_WORDS_MAX];
	size_t lens[SH_REDIS_WORDS_MAX];
	const struct iovec *last;
	int last_count;
};

/** Add a word; lent until the post is made. */
void
sh_redis_word_add(struct sh_redis_words *words, const char *text, size_t len);
/** Queue a command (copies). counts: its bytes are of the queue. NULL without
 *  memory. */
struct sh_redis_post *sh_redis_post_add(struct sh_redis_carrier *carrier,
    enum sh_redis_post_kind kind, enum sh_redis_script script,
    const struct sh_redis_words *words);
/** Whether so many bytes more may be queued. */
bool sh_redis_post_fits(const struct sh_redis_carrier *carrier, size_t size);
/** Free one that is in no list; its bytes are free again. */
void sh_redis_post_free(
    struct sh_redis_carrier *carrier, struct sh_redis_post *post);
/** Drop those that waited too long, all of them with all. */
void sh_redis_posts_expire(struct sh_redis_carrier *carrier, bool all);
/** Forget all without telling anybody. */
void sh_redis_posts_clear(struct sh_redis_carrier *carrier);
/** Tell that there is room, if somebody has been refused. */
void sh_redis_posts_tell_room(struct sh_redis_carrier *carrier);

/* --- redis_send.c: what is sent -------------------------------------- */

/** A coroutine's function; has a reference. */
void sh_redis_send_main(void *arg);
/** There is something to do for it. */
void sh_redis_send_wake(struct sh_redis_carrier *carrier);

/* --- redis_history.c: what is kept ----------------------------------- */

struct sh_keep;

enum { SH_REDIS_DIGITS_MAX = 24 };

/* The texts of a command, on the caller's stack while it is made. */
struct sh_redis_script_words {
	struct sh_redis_words words;
	char stream[SHOAL_TOPIC_MAX * 2], place[SHOAL_TOPIC_MAX * 2];
	char numbers[SH_REDIS_WORDS_MAX][SH_REDIS_DIGITS_MAX];
};

/** Begin the command of a script about a topic; its hash comes when it is sent. */
void sh_redis_script_begin(struct sh_redis_script_words *script,
    const struct sh_redis_carrier *carrier, const char *topic, size_t len);
/** Add a number. */
void sh_redis_script_add_signed(
    struct sh_redis_script_words *script, int64_t number);
void sh_redis_script_add_unsigned(
    struct sh_redis_script_words *script, uint64_t number);
/** Queue a publication that is kept. As ops->publish. */
int sh_redis_keep(struct sh_redis_carrier *carrier,
    const struct sh_publication *publication, const struct sh_keep *keep,
    const struct iovec *body, int parts);
/** A place of a history was seen, by the name of its channel. When it is of an epoch
 *  before the one that is known, Redis may have come back with data of before, which
 *  is looked at. */
void sh_redis_history_seen(struct sh_redis_carrier *carrier, const char *name,
    size_t len, uint64_t epoch, uint64_t offset);
/** Queue the questions whether Redis has come back with histories of before. */
void sh_redis_renew(struct sh_redis_carrier *carrier);

/* --- redis_recall.c: what is asked of it ------------------------------ */

/** Queue a question. As ops->replay. */
int sh_redis_recall(
    struct sh_redis_carrier *carrier, const struct sh_replay *replay);
/** As ops->forget. */
void sh_redis_recall_forget(struct sh_redis_carrier *carrier, void *arg);
/** An answer has come (takes it). */
void sh_redis_recall_answer(
    struct sh_redis_recall *recall, struct shoal_redis_reply **reply);
/** Hand on one of them. Whether some are left. */
bool sh_redis_recalls_take_turn(struct sh_redis_carrier *carrier);
/** There will be no answer. NULL is fine. */
void sh_redis_recall_fail(struct sh_redis_recall *recall, int error);
/** Ask what has waited for subscriptions that are in effect now. */
void sh_redis_recalls_release(struct sh_redis_carrier *carrier);
/** All that has been asked until now has to be answered before. */
void sh_redis_recalls_put_off(struct sh_redis_carrier *carrier);
/** End those that have waited for that too long, all of them with all. */
void sh_redis_recalls_expire(struct sh_redis_carrier *carrier, bool all);
/** Free all without telling anybody. */
void sh_redis_recalls_clear(struct sh_redis_carrier *carrier);

/* --- redis_peers.c: who takes part ------------------------------------- */

/** Queue the question how many there are, if it is time. */
void sh_redis_peers_ask(struct sh_redis_carrier *carrier);
/** Take the answer. */
void sh_redis_peers_take(
    struct sh_redis_carrier *carrier, const struct shoal_redis_reply *reply);
/** Say to all that this process is there: they count anew. */
void sh_redis_peers_greet(struct sh_redis_carrier *carrier);

/* --- redis_tell.c: what is said -------------------------------------- */

/** It cannot be reached, or was lost. */
void sh_redis_tell_down(struct sh_redis_carrier *carrier, int error, bool lost);
/** It is there. */
void sh_redis_tell_up(struct sh_redis_carrier *carrier);
/** Redis refuses something: its words. */
void sh_redis_tell_refused(
    struct sh_redis_carrier *carrier, const char *what, const char *error);
/** Say what was dropped, if it is time; at once when now. */
void sh_redis_tell_drops(struct sh_redis_carrier *carrier, bool now);
