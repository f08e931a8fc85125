/*
 * This file is a connection to NATS servers, by libnats: what is subscribed to
 * comes into the loop, what is published goes out, and libnats connects again by
 * itself. It knows subjects and streams, not topics.
 *
 * libnats has threads of its own, and its calls may block. So everything goes
 * through one more thread of ours, the sender, and comes back through the mailbox
 * of the loop, many messages at a time. Both ways are bounded by queue_max bytes.
 * No thread is started before sh_nats_open(); all signals are blocked in them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct sh_loop;
struct sh_nats;
struct sh_nats_sub;

/* Copied. */
struct sh_nats_options {
	const char *const *urls; /* nats://[user@]host:port */
	size_t url_count;
	const char *user;     /* "" or NULL for none */
	const char *password; /* "" or NULL for none; a token without a user */
	const char *name;     /* of this client, for people */
	int64_t
	    timeout_ms; /* to connect, to be answered, to get rid of bytes */
	int64_t backoff_first_ms, backoff_max_ms;
	size_t queue_max; /* bytes that wait to be sent, and to be taken */
};

struct sh_nats_message {
	const char *subject, *data; /* lent */
	size_t len;
	bool nobody; /* the answer that nobody has subscribed */
	const char
	    *stream; /* that has kept it and sends it again, or NULL ... */
	uint64_t sequence; /* ... and its number there */
};

enum sh_nats_news {
	SH_NATS_UP,      /* connected, for the first time or again */
	SH_NATS_DOWN,    /* not any more, or not yet; also again, with another
			    reason: text */
	SH_NATS_BREAK,   /* what comes from here on is of another connection */
	SH_NATS_LOST,    /* messages that come before the next one were lost */
	SH_NATS_ROOM,    /* there is room again after -SHOAL_EAGAIN */
	SH_NATS_DROPPED, /* something that was published was not sent: text */
	SH_NATS_TROUBLE, /* something else that a person should know: text */
};

/* Called in turns of the loop, on its own stack. */
struct sh_nats_events {
	void (*message)(const struct sh_nats_message *message, void *arg);
	void (*news)(enum sh_nats_news news, const char *text, void *arg);
	void *arg;
};

/** Begin to connect; goes on until sh_nats_close(). 0 or -SHOAL_ENOMEM. */
int sh_nats_open(struct sh_loop *loop, const struct sh_nats_options *options,
    const struct sh_nats_events *events, struct sh_nats **out);
/** End it and clear the pointer; no event comes any more. While connected it sends
 *  what waits, for at most a second; otherwise it waits 100 ms for its thread. NULL
 *  is fine. */
void sh_nats_close(struct sh_nats **nats);

/** Whether there is no connection, and has been none for timeout_ms. */
bool sh_nats_is_away(struct sh_nats *nats);
/** Subscribe to a subject, also while it is not connected. NULL without memory. */
struct sh_nats_sub *
sh_nats_subscribe(struct sh_nats *nats, const char *subject);
/** End that and clear the pointer; messages that are on their way still come. NULL
 *  is fine. Not after sh_nats_close(), which ends them all. */
void sh_nats_unsubscribe(struct sh_nats *nats, struct sh_nats_sub **sub);
/** Publish, in the order of the calls and after what was subscribed to before. Copies.
 *  reply may be NULL. Without a connection it waits for timeout_ms, then it is dropped.
 *  0; -SHOAL_EAGAIN: the queue is full, SH_NATS_ROOM will come; -SHOAL_EMSGSIZE:
 *  more than the server takes; -SHOAL_ENOTCONN: see sh_nats_is_away();
 *  -SHOAL_ENOMEM. */
int sh_nats_publish(struct sh_nats *nats, const char *subject,
    const char *reply, const struct iovec *parts, int count);
