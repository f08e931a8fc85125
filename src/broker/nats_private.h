/*
 * This file is what the files of the carrier through NATS (nats*.c) know of each
 * other; it is not for anybody else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/counters.h"
#include "client/nats.h"
#include "client/nats_stream.h"
#include "io/id_table.h"
#include "io/mailbox.h"
#include "io/wheel.h"
#include "topic/carrier.h"
#include "topic/keep.h"
#include "broker/hold.h"
#include "broker/nats_subject.h"

/* A filter that is wanted. */
struct sh_nats_want {
	struct sh_id_node node;    /* the filter's hash */
	struct sh_nats_want *same; /* others with the same hash */
	struct sh_nats_sub *sub, *parent;
	char filter[];
};

/* Another process, or this one. */
struct sh_nats_process {
	struct sh_id_node node; /* its number */
	TAILQ_ENTRY(sh_nats_process) link;
	uint64_t serial; /* of the latest message that came from it */
	int64_t heard_ms;
	bool greeted; /* it has said that it takes part */
};

/* The stream of a rule of topic/keep.h. */
struct sh_nats_log {
	SLIST_ENTRY(sh_nats_log) next;
	struct sh_carrier_nats *carrier;
	const struct sh_keep *keep;
	enum {
		SH_NATS_LOG_ASKED, /* the server is asked for it */
		SH_NATS_LOG_THERE,
		SH_NATS_LOG_LATER, /* that went wrong, and is tried again */
		SH_NATS_LOG_NONE   /* likewise; until then nothing is kept */
	} state;
	uint64_t made_ns, last; /* its epoch, number of the latest message */
	/* It has been made again: until that barrier is back, it is not known
	 * which one a message is of. */
	bool doubted;
	uint64_t until;
	struct sh_nats_request *request;
	struct sh_wheel_timer again;
	int attempt;
	bool told; /* the log of shoal knows that there is none */
	char name[80], token[17];
};

/* A replay that is not done. */
struct sh_nats_replay {
	TAILQ_ENTRY(sh_nats_replay) link;
	struct sh_carrier_nats *carrier;
	struct sh_replay asked;
	struct sh_nats_request *request; /* NULL: it waits */
	struct sh_wheel_timer deadline;
	uint64_t looked; /* the round of kicks in which it was looked at */
	bool *freed;     /* for who is telling its messages, or NULL */
	char topic[];
};

/* Looks after waiting replays in a turn of its own; outlives the carrier. */
struct sh_nats_kick {
	struct sh_letter letter;
	struct sh_carrier_nats *carrier;
};

struct sh_carrier_nats {
	struct sh_carrier base;
	struct sh_loop *loop;
	struct sh_counters *counters, own_counters; /* the loop's, or our own */
	struct sh_nats *nats;
	int64_t timeout_ms, backoff_max_ms;
	char root[SH_NATS_ROOT_MAX];
	size_t root_len;
	uint64_t self, serial; /* this process, what it has published */
	bool up, was_up;
	char *where,
	    down_why[256]; /* for the log: the server, why it is away */
	int64_t down_told_ms;
	bool dropped; /* what this process published, unsent; not told yet */
	bool wants_room, told_foreign, told_dropped;
	int64_t tell_until_ms; /* since a minute before that were written: */
	unsigned told;         /* lines */

	/* The connection is another one, and not all is in effect: what comes is
	 * held. */
	struct sh_hold hold;

	struct sh_id_table wants;

	/* Whether all that was wanted is in effect: a message to ourselves that
	 * was sent after it has come back. */
	uint64_t barrier;
	bool barrier_out, barrier_due;

	struct sh_id_table processes;
	TAILQ_HEAD(, sh_nats_process) process_list;
	size_t process_count, greeted_count;
	struct sh_wheel_timer greeting;

	SLIST_HEAD(, sh_nats_log) logs;
	size_t unanswered; /* messages to streams */
	TAILQ_HEAD(, sh_nats_replay) replays;
	struct sh_nats_kick *kick; /* NULL: none is on its way */
	uint64_t kicks;
};

enum {
	SH_NATS_NAME_MAX = SH_NATS_ROOT_MAX + 64 + SH_NATS_TOPIC_MAX,
	/* before a publication: the process that publishes, little-endian */
	SH_NATS_PREAMBLE = 8
};

static inline struct sh_carrier_nats *
sh_nats_carrier_of(const struct sh_carrier *carrier)
{
	return (struct sh_carrier_nats *)(uintptr_t)carrier;
}

/* --- nats_publish.c ------------------------------------------------ */

/** Publish to a topic. As ops->publish. */
int sh_nats_publish_topic(struct sh_carrier *carrier,
    const struct sh_publication *publication, bool kept);
/** Publish bytes to a subject below the root. As sh_nats_publish(). */
int sh_nats_say(struct sh_carrier_nats *carrier, const char *subject,
    const void *data, size_t len);
/** Let room() come if somebody waits for it. */
void sh_nats_tell_room(struct sh_carrier_nats *carrier);

/* --- nats_want.c: what is wanted, and in effect -------------------- */

/** As ops->want and ops->unwant. */
int sh_nats_want(struct sh_carrier *carrier, const char *filter);
void sh_nats_unwant(struct sh_carrier *carrier, const char *filter);
/** Send a message to ourselves behind what was asked for; later, if there is no
 *  connection or room, or one is out. */
void sh_nats_barrier_send(struct sh_carrier_nats *carrier);
/** The one with a number has come back. */
void sh_nats_barrier_back(struct sh_carrier_nats *carrier, const char *number);
/** Look whether all that was wanted is in effect; settled() will tell. */
void sh_nats_settle(struct sh_carrier_nats *carrier);
bool sh_nats_is_settled(const struct sh_carrier_nats *carrier);
/** Forget all, when the client is closed. */
void sh_nats_wants_close(struct sh_carrier_nats *carrier);

/* --- nats_take.c: what comes --------------------------------------- */

/** For the client. */
void sh_nats_take_message(const struct sh_nats_message *message, void *carrier);
/** A message of a topic has come. */
void sh_nats_arrived(
    struct sh_carrier_nats *carrier, const struct sh_nats_message *message);
/** Decode what was published; process_out is the number of who did. 0 or
 *  -SHOAL_EPROTO. */
int sh_nats_decode(const void *data, size_t len, uint64_t *process_out,
    struct sh_publication *out);
/** Something has come that is not of shoal: count it. */
void sh_nats_foreign(struct sh_carrier_nats *carrier, const char *subject);

/* --- nats_news.c: the connection ----------------------------------- */

/** For the client. */
void sh_nats_take_news(enum sh_nats_news news, const char *text, void *carrier);
/** Whether one more line may be written about what may happen with each message. */
bool sh_nats_may_tell(struct sh_carrier_nats *carrier);

/* --- nats_hold.c --------------------------------------------------- */

/** Hold a message (copies). */
void sh_nats_hold_message(
    struct sh_carrier_nats *carrier, const struct sh_nats_message *message);
/** All is in effect: tell of the gap and of what was held. */
void sh_nats_hold_end(struct sh_carrier_nats *carrier);

/* --- nats_peers.c -------------------------------------------------- */

void sh_nats_peers_open(struct sh_carrier_nats *carrier);
void sh_nats_peers_close(struct sh_carrier_nats *carrier);
/** It is connected: greet the others. */
void sh_nats_peers_up(struct sh_carrier_nats *carrier);
/** Somebody has greeted. */
void sh_nats_peers_heard(
    struct sh_carrier_nats *carrier, const void *data, size_t len);
/** Whether a message of a process is new, and not the same once more through
 *  another subscription. */
bool sh_nats_is_new(
    struct sh_carrier_nats *carrier, uint64_t process, uint64_t serial);

/* --- nats_log.c: streams ------------------------------------------- */

void sh_nats_logs_close(struct sh_carrier_nats *carrier);
/** It is connected: ask for all streams. */
void sh_nats_logs_up(struct sh_carrier_nats *carrier);
void sh_nats_logs_down(struct sh_carrier_nats *carrier);
/** Whether the first question for a stream has no answer yet. */
bool sh_nats_logs_are_asked(const struct sh_carrier_nats *carrier);
/** The stream of a topic, NULL: it keeps none, or there is no memory. */
struct sh_nats_log *
sh_nats_log_of(struct sh_carrier_nats *carrier, const char *topic, size_t len);
/** Ask the server for it, if that is not being done. */
void sh_nats_log_ask(struct sh_nats_log *log);
/** Write the subject that the stream keeps a topic by; to has SH_NATS_NAME_MAX. */
void sh_nats_log_subject(
    const struct sh_nats_log *log, const char *topic_subject, char *to);
/** Publish to a topic that is kept, by a stream. As sh_nats_publish(). */
int sh_nats_log_publish(struct sh_nats_log *log, const char *topic_subject,
    const struct iovec *parts, int count);
/** The server's answer to that. */
void sh_nats_log_answered(struct sh_carrier_nats *carrier,
    const char *topic_subject, const struct sh_nats_message *message);

/* --- nats_place.c: messages of streams ------------------------------ */

/** The stream of that name is known to be the one that was made then. */
void sh_nats_log_is_of(struct sh_nats_log *log, uint64_t made_ns);
/** If there was a doubt which one it is, there is none any more: tell of the gap. */
void sh_nats_log_trust(struct sh_nats_log *log);
/** A barrier is back: the same for those that have waited for it. */
void sh_nats_logs_barrier_back(struct sh_carrier_nats *carrier);
/** Give a message that a stream sends its place. Whether it is new. */
bool sh_nats_log_place(struct sh_carrier_nats *carrier,
    const struct sh_nats_message *message, struct sh_publication *publication);

/* --- nats_replay.c ------------------------------------------------- */

int sh_nats_replay(struct sh_carrier *carrier, const struct sh_replay *asked);
void sh_nats_replay_forget(struct sh_carrier *carrier, void *arg);
/** Go on with those that wait, in another turn. */
void sh_nats_replays_kick(struct sh_carrier_nats *carrier);
void sh_nats_replays_close(struct sh_carrier_nats *carrier);
