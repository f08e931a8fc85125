/*
 * Topics: messages to whoever has subscribed, on every worker, and with a broker
 * in the configuration on every machine.
 *
 * A topic is a name of 1 to 255 bytes of UTF-8: segments, none of them empty, with
 * '/' between them, such as "chat/42". It is there while somebody uses it. '+' and
 * '#' may not be in it, nor control characters; one that begins with '$' is
 * shoal's own. A filter is a topic in which a segment may be "+", any one segment,
 * and the last one "#", all that is below and what is before it (as in MQTT 5.0,
 * 4.7).
 *
 * Of a topic, every subscriber gets the messages of one publisher in the order in
 * which they were published, each once. Of different publishers they may come in
 * another order to others, but for topics that keep a history: there all get the one
 * order of their offsets. What cannot be delivered makes a gap, which is told, see
 * shoal_subscribe_options. Who has subscribed through several filters that match
 * gets a message once.
 *
 * A message is published when all workers can see it: it reaches them even if this
 * one dies in the next moment. With a broker, and for a topic with a history, it is
 * on its way by then: what waits in this worker (broker.queue) goes with it, or when
 * the broker is away for longer than broker.timeout. A slow subscriber does not keep
 * others waiting; what happens to it is said by limits.send_queue of shoal.conf(5).
 *
 * In a program of shoal_run(), and in a pool's worker, topics are of one process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <shoal/conn.h>
#include <shoal/error.h>
#include <shoal/visibility.h>
#include <shoal/ws.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SHOAL_TOPIC_MAX = 255 /* bytes of a topic or filter */ };

/** Whether it is a topic that can be published to: for names that come from
 *  clients. */
SHOAL_API bool shoal_topic_is_valid(const char *topic);

enum shoal_topic_event {
	SHOAL_TOPIC_MESSAGE,
	SHOAL_TOPIC_GAP /* messages of the topic were lost: some that came
			   before the next one. topic is the filter when it is
			   not known which; data is empty */
};

/* What was published. */
struct shoal_topic_message {
	enum shoal_topic_event event;
	enum shoal_ws_type type; /* SHOAL_WS_TEXT or SHOAL_WS_BINARY */
	const char *topic;
	const char *data; /* a NUL is behind it */
	size_t len;       /* bytes */
	uint64_t from;    /* number of the publisher's connection; 0: none, or
			     another machine's */
	int64_t time_ms;  /* when it was published, since 1970 */
	uint64_t epoch, offset; /* its place in the topic's history, 0 without:
				   offsets of an epoch go up by 1 */
	bool replayed;          /* it was published before the subscription */
};

/* --- publishing ----------------------------------------------------------- */

/* How to publish; 0 and NULL are the defaults. */
struct shoal_publish_options {
	size_t size;        /* sizeof(struct shoal_publish_options) */
	uint64_t from;      /* number of the publisher's connection */
	bool not_to_sender; /* not to that connection */
	/* What `conflate' may replace it by: a later message with the same key
	 * (at most 255 bytes). NULL: the topic */
	const char *key;
};

/**
 * Publish a message.
 *
 * @param topic    no filter
 * @param type     SHOAL_WS_TEXT (the bytes have to be UTF-8) or SHOAL_WS_BINARY
 * @param data     borrowed, may be NULL when len is 0
 * @param len      bytes, at most a quarter of topics.ring
 * @param options  borrowed; NULL for none
 *
 * Returns  0; -SHOAL_EAGAIN, with nothing published, when another worker is
 *          behind by a whole ring, the broker's queue is full, or a subscriber
 *          with the policy `pause' is full; -SHOAL_EINVAL for a bad topic or type;
 *          -EILSEQ for a text that is not UTF-8; -SHOAL_EMSGSIZE;
 *          -SHOAL_ENOTCONN while the broker cannot be reached;
 *          -SHOAL_ESTATE outside of a worker and shoal_run(); -SHOAL_ENOMEM
 * Context  worker, shoal_run()
 * Suspends never
 */
SHOAL_API int shoal_publish(const char *topic, enum shoal_ws_type type,
    const void *data, size_t len, const struct shoal_publish_options *options);

/**
 * Publish a message, and wait while shoal_publish() would be refused for now.
 *
 * Returns  as shoal_publish(), without -SHOAL_EAGAIN; -SHOAL_ETIMEDOUT, with
 *          nothing published; -SHOAL_ECANCELED
 * Context  coroutine
 * Suspends while there is no room; at most 100 ms for another worker, which then
 *          has a gap
 */
SHOAL_API int
shoal_co_publish(const char *topic, enum shoal_ws_type type, const void *data,
    size_t len, const struct shoal_publish_options *options, int timeout_ms);

/* --- subscribing ---------------------------------------------------------- */

/**
 * Turns a message into what is sent to a subscriber, for instance JSON with the
 * topic in it. Called once for all subscribers with the same function and
 * argument, and for gaps too. May not wait.
 *
 * @param buf  where the bytes go
 * @param cap  bytes there are in buf
 *
 * Returns  their number; cap or more: called again with room for one more than
 *          that, so what snprintf(3) returns will do; 0 or negative: nothing is
 *          sent
 */
typedef ssize_t shoal_topic_render_fn(const struct shoal_topic_message *message,
    char *buf, size_t cap, void *arg);

/* How to subscribe; 0 and NULL are the defaults. */
struct shoal_subscribe_options {
	size_t size; /* sizeof(struct shoal_subscribe_options) */
	/* For connections: what they are sent; NULL: the message's bytes, and
	 * nothing of gaps. It sends the type of the message, gaps as text. */
	shoal_topic_render_fn *render;
	void *render_arg;
	/* Who this is, for shoal_co_topic_members(): at most 255 bytes of UTF-8,
	 * copied. NULL: it is counted, but not named */
	const char *member;
	/* What a topic with a history gives first (no filter): up to so many of
	 * its latest messages, -1 all of them ... */
	int64_t replay;
	/* ... and with resume only those behind an offset that this client has
	 * had, all of them when replay is 0. What is not kept any more, or
	 * another epoch, is a gap; that one does not close, see close_on_gap:
	 * who came again would find the same. */
	bool resume;
	uint64_t epoch, offset;
	/* A gap closes a WebSocket with 1013, so that its client comes again and
	 * resumes. */
	bool close_on_gap;
};

/**
 * Subscribe a WebSocket: from now on messages go to the client, without the
 * handler. Ends with the WebSocket at the latest.
 *
 * @param filter   a topic or filter; copied
 * @param options  borrowed; NULL for none
 *
 * Returns  0; -SHOAL_EEXIST when it is subscribed to it already;
 *          -SHOAL_EINVAL for a bad filter or options, and replay of a
 *          filter; -SHOAL_ENOTCONN when it is closed or closing; -SHOAL_ESTATE
 *          outside of a worker and shoal_run(); -SHOAL_ENOMEM
 * Context  worker, shoal_run()
 * Suspends never; see shoal_co_topic_settle()
 */
SHOAL_API int shoal_ws_subscribe(struct shoal_ws *ws, const char *filter,
    const struct shoal_subscribe_options *options);
/** End a subscription; what is queued is still sent. 0; -SHOAL_ENOENT. */
SHOAL_API int shoal_ws_unsubscribe(struct shoal_ws *ws, const char *filter);

/** Subscribe a TCP connection: the bytes of messages are sent to it as they are
 *  or as they are rendered. See shoal_ws_subscribe(). */
SHOAL_API int shoal_conn_subscribe(struct shoal_conn *conn, const char *filter,
    const struct shoal_subscribe_options *options);
/** End a subscription. 0; -SHOAL_ENOENT. */
SHOAL_API int
shoal_conn_unsubscribe(struct shoal_conn *conn, const char *filter);

/**
 * Wait until all that this worker has subscribed to is known to all workers, and
 * to the broker: what others publish after that is delivered.
 *
 * Returns  0; -SHOAL_ETIMEDOUT; -SHOAL_ECANCELED
 * Context  coroutine
 * Suspends until the broker has confirmed; not at all without one
 */
SHOAL_API int shoal_co_topic_settle(int timeout_ms);

/* --- subscribers in the program ------------------------------------------- */

struct shoal_subscriber;

struct shoal_subscriber_options {
	size_t size; /* sizeof(struct shoal_subscriber_options) */
	/* Called with each message, borrowed until it returns or waits, one
	 * after another. NULL: shoal_co_subscriber_receive() takes them. */
	void (*on_message)(
	    const struct shoal_topic_message *message, void *arg);
	void *arg;
	/* bytes that wait to be taken, 1 MiB; more: a gap, but a replay waits */
	size_t queue_max;
};

/** Make a subscriber of the program, of this process. NULL for options that make
 *  no sense, without memory, and outside of a worker and shoal_run(). Yours:
 *  shoal_subscriber_free(). */
SHOAL_API struct shoal_subscriber *
shoal_subscriber_new(const struct shoal_subscriber_options *options);
/** Free it and clear the variable; NULL is fine. Who waits in a receive gets
 *  -SHOAL_ECANCELED. Not from within its on_message. */
SHOAL_API void shoal_subscriber_free(struct shoal_subscriber **subscriber);
/** See shoal_ws_subscribe(); render and close_on_gap do not count. */
SHOAL_API int shoal_subscriber_add(struct shoal_subscriber *subscriber,
    const char *filter, const struct shoal_subscribe_options *options);
/** End a subscription. 0; -SHOAL_ENOENT. */
SHOAL_API int shoal_subscriber_remove(
    struct shoal_subscriber *subscriber, const char *filter);
/**
 * Take the next message.
 *
 * @param message_out  set to it
 *
 * Returns  0; -SHOAL_ETIMEDOUT, with nothing lost; -SHOAL_ECANCELED;
 *          -SHOAL_EBUSY when another coroutine is here; -SHOAL_EPERM with
 *          on_message
 * Owner    lends until the next receive or shoal_subscriber_free()
 * Context  coroutine
 * Suspends until one has come
 */
SHOAL_API int shoal_co_subscriber_receive(struct shoal_subscriber *subscriber,
    const struct shoal_topic_message **message_out, int timeout_ms);

/* --- who is there --------------------------------------------------------- */

/* One that has subscribed. */
struct shoal_topic_member {
	uint64_t id;      /* of its connection; 0: of the program */
	const char *name; /* as it subscribed, "" for none */
};

struct shoal_topic_members {
	uint64_t count; /* all that have subscribed, through any filter */
	bool complete;  /* every worker has answered, and the broker is there */
	size_t len;     /* of list: those with a name */
	struct shoal_topic_member *list;
};

/**
 * Ask all workers who has subscribed to a topic.
 *
 * @param timeout_ms  how long to wait for workers that do not answer
 * @param out         yours: shoal_topic_members_free()
 *
 * Returns  0, also when some did not answer, see complete; -SHOAL_EINVAL;
 *          -SHOAL_ECANCELED; -SHOAL_ESTATE; -SHOAL_ENOMEM
 * Context  coroutine
 * Suspends until all have answered
 */
SHOAL_API int shoal_co_topic_members(
    const char *topic, int timeout_ms, struct shoal_topic_members **out);
/** Free it and clear the variable; NULL is fine. */
SHOAL_API void shoal_topic_members_free(struct shoal_topic_members **members);
/** Likewise, only the number. */
SHOAL_API int
shoal_co_topic_count(const char *topic, int timeout_ms, uint64_t *count_out);
/** The number of those in this worker. */
SHOAL_API uint64_t shoal_topic_local_count(const char *topic);

/* --- history -------------------------------------------------------------- */

/* What a topic keeps; 0: no bound of that sort, but one of them is needed. */
struct shoal_topic_history {
	size_t size;    /* sizeof(struct shoal_topic_history) */
	int64_t count;  /* messages; 1: the last value */
	int64_t bytes;  /* of messages and 64 for each, at most 64 MiB */
	int64_t age_ms; /* what is older is forgotten */
};

/**
 * Let the topics that match a filter keep a history. Every worker has to say the
 * same: call it in a start hook or in open of a handler; in its check, too, so that
 * `shoal test' finds what does not go together. The same is said in
 * shoal.conf(5) by topics.history. The first filter that matches counts, those
 * of the file before these; wildcards do not stand for segments that begin with
 * '$', which are of the moment.
 *
 * Returns  0; -SHOAL_EINVAL; -SHOAL_EEXIST for a filter that has other bounds;
 *          -SHOAL_ESTATE when the worker serves already; -SHOAL_ENOMEM
 * Context  start hook, open and check of a handler, shoal_run()
 * Suspends never
 */
SHOAL_API int
shoal_topic_keep(const char *filter, const struct shoal_topic_history *history);

/* Messages of a history, oldest first. */
struct shoal_topic_messages {
	uint64_t epoch, offset; /* of the latest there is, also when len is 0 */
	bool gap; /* some behind the offset that was asked for are lost */
	size_t len;
	struct shoal_topic_message *list;
};

/**
 * Read the history of a topic.
 *
 * @param epoch, offset  behind which; 0, 0: from the first that is kept
 * @param max            so many of the latest; 0: all
 * @param out            yours: shoal_topic_messages_free()
 *
 * Returns  0; -SHOAL_ENOENT when it keeps none; -SHOAL_EINVAL;
 *          -SHOAL_ETIMEDOUT; -SHOAL_ECANCELED; -SHOAL_ENOTCONN while the broker
 *          cannot be reached; -SHOAL_ESTATE; -SHOAL_ENOMEM
 * Context  coroutine
 * Suspends until who keeps it has answered
 */
SHOAL_API int
shoal_co_topic_history(const char *topic, uint64_t epoch, uint64_t offset,
    size_t max, int timeout_ms, struct shoal_topic_messages **out);
/** Free them and clear the variable; NULL is fine. */
SHOAL_API void
shoal_topic_messages_free(struct shoal_topic_messages **messages);

/* --- one connection, on whichever worker ----------------------------------- */

/**
 * Send a message to a connection of this server by its number, see
 * shoal_ws_id() and shoal_conn_id(). A TCP connection gets the bytes.
 *
 * Returns  0: it was sent, or handed to the connection's worker, which drops it
 *          when the connection has gone or its queue is full; -SHOAL_ENOTCONN
 *          when there is no such connection or worker; -SHOAL_EAGAIN,
 *          -SHOAL_EINVAL, -EILSEQ, -SHOAL_EMSGSIZE, -SHOAL_ESTATE and
 *          -SHOAL_ENOMEM as shoal_publish()
 * Context  worker, shoal_run()
 * Suspends never
 */
SHOAL_API int
shoal_send(uint64_t id, enum shoal_ws_type type, const void *data, size_t len);
/** Close a connection by its number: a WebSocket with code and reason (see
 *  shoal_ws_close()), a TCP connection as shoal_conn_close(). Results as
 *  shoal_send(). */
SHOAL_API int shoal_close(uint64_t id, int code, const char *reason);

#ifdef __cplusplus
}
#endif
