/*
 * Redis, for coroutines: commands, pipelines, subscriptions, and a pool of
 * connections.
 *
 * A call that has to wait suspends its coroutine and nobody else. A connection
 * carries one command at a time: who comes meanwhile waits its turn, in the
 * order of coming. timeout_ms of a call is for all of it, the wait for the turn
 * and a reconnect included.
 *
 * A connection that is found broken before anything was sent is made again, and
 * the caller does not notice. Once a command has been sent it is never repeated:
 * when its answer does not come, whether Redis has carried it out is not known.
 * Results of all calls that talk to Redis:
 *
 *	0                  answered; perhaps with SHOAL_REDIS_ERROR
 *	-SHOAL_ETIMEDOUT   the time is over; a command that was sent may have
 *	                   been carried out
 *	-SHOAL_ECANCELED   the coroutine was cancelled or the connection freed;
 *	                   likewise
 *	-SHOAL_ECONNRESET  the connection broke before the answer had come,
 *	                   likewise; or it was broken and a transaction, or what
 *	                   a command like SELECT had set, is gone with it: then
 *	                   nothing was sent
 *	-SHOAL_EPROTO      the peer does not speak Redis' protocol (RESP2), or
 *	                   nests arrays deeper than 7
 *	-SHOAL_EMSGSIZE    the answer is larger than reply_max
 *	-SHOAL_EAGAIN      Redis is loading its data set or has too many
 *	                   clients, told when connecting
 *	-EACCES            Redis does not accept the user or password, likewise
 *	-EREMOTEIO         Redis refuses the database or the name, likewise; or
 *	                   it answered with an error and no reply was asked for
 *	-SHOAL_ENOMEM      out of memory, or the coroutine may not wait
 *	-ECONNREFUSED ...  what shoal_co_sock_connect() says: nothing was sent
 *
 * After any of these but 0, -EREMOTEIO of a command, and those where nothing
 * was sent, the connection has been closed; the next call makes it again.
 * Attempts that follow failed ones are put off, by 50 ms first and a second at
 * most; a call whose time ends before the next attempt fails at once, with what
 * the last one said. Who waits for a turn when an attempt fails, fails with it.
 *
 * Connections and pools live in one process and are used in it only.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_redis;
struct shoal_redis_pool;

enum shoal_redis_type {
	SHOAL_REDIS_NIL,
	SHOAL_REDIS_STATUS, /* such as OK */
	SHOAL_REDIS_ERROR,  /* such as WRONGTYPE and words */
	SHOAL_REDIS_INTEGER,
	SHOAL_REDIS_STRING,
	SHOAL_REDIS_ARRAY
};

/* An answer; to be read as it is. */
struct shoal_redis_reply {
	enum shoal_redis_type type;
	int64_t integer;  /* INTEGER */
	const char *text; /* STATUS, ERROR, STRING; NULL for others */
	size_t len;       /* of text, without the NUL behind it */
	size_t count;     /* of items */
	const struct shoal_redis_reply *const *items; /* ARRAY, or NULL */
};

/* How to connect; 0 is the default of everything. Texts are copied. */
struct shoal_redis_options {
	size_t size;          /* sizeof(struct shoal_redis_options) */
	const char *user;     /* NULL: the default user */
	const char *password; /* NULL: no AUTH */
	int db;               /* SELECT */
	const char *name;     /* CLIENT SETNAME; without spaces */
	int timeout_ms;    /* where a call has none; of an attempt to connect;
			       * default 5,000, SHOAL_FOREVER */
	size_t reply_max;  /* bytes of memory for the replies of a call;
			       * default 64 MiB, at most 1 GiB */
	size_t append_max; /* bytes of appended commands; default 64 MiB */
	bool no_reconnect; /* -SHOAL_ENOTCONN instead */
};

/* What was published. */
struct shoal_redis_message {
	const char *channel; /* with a NUL behind, as all of them */
	size_t channel_len;
	const char *pattern; /* that matched; NULL without one */
	size_t pattern_len;
	const char *text;
	size_t len;
};

/* --- a connection ---------------------------------------------------------- */

/**
 * Connect to Redis. AUTH, SELECT and CLIENT SETNAME, where the options ask for
 * them, are one round trip.
 *
 * @param address     "127.0.0.1:6379", "[::1]:6379", "unix:/path", or with a
 *                    name, which is resolved again at each reconnect
 * @param options     borrowed; NULL for none
 * @param timeout_ms  0 is not to wait; SHOAL_FOREVER
 * @param out         the connection, yours: shoal_redis_free()
 *
 * Returns  0; those above; -SHOAL_EINVAL for options that make no sense;
 *          -SHOAL_EPERM outside of a worker and shoal_run()
 * Context  coroutine
 * Suspends until Redis has answered, or the connection is there when there is
 *          nothing to ask
 * See      shoal_co_sock_connect(); redis.io/commands AUTH, SELECT
 */
SHOAL_API int shoal_co_redis_connect(const char *address,
    const struct shoal_redis_options *options, int timeout_ms,
    struct shoal_redis **out);

/**
 * Close a connection. Calls that use it fail with -SHOAL_ECANCELED. NULL is
 * fine.
 *
 * @param redis  cleared
 *
 * Context  worker, shoal_run()
 * Blocks   never
 */
SHOAL_API void shoal_redis_free(struct shoal_redis **redis);

/** Change the timeout of calls that have none: milliseconds, SHOAL_FOREVER. */
SHOAL_API void shoal_redis_set_timeout(struct shoal_redis *redis, int ms);

/* --- commands -------------------------------------------------------------- */

/**
 * Send a command and wait for the answer, for the connection's timeout.
 *
 * Words of the format are separated by spaces, and what a conversion puts in
 * stays one word: %s a string, %b bytes (const void * and size_t), %d and the
 * other numbers of printf(3), %% a percent sign.
 *
 * SUBSCRIBE and its like have functions of their own; they, MONITOR, SYNC,
 * PSYNC and HELLO are refused.
 *
 * @param reply_out  the answer, yours: shoal_redis_reply_free(); NULL when it
 *                   does not matter
 *
 * Returns  0; those above; -SHOAL_EINVAL for a format or command that is not
 *          possible; -SHOAL_ESTATE while it has subscriptions;
 *          -SHOAL_ENOTCONN with no_reconnect
 * Context  coroutine
 * Suspends until it is answered
 */
SHOAL_API int shoal_co_redis_command(struct shoal_redis *redis,
    struct shoal_redis_reply **reply_out, const char *format, ...);

/** As shoal_co_redis_command(), with a timeout and a va_list. */
SHOAL_API int shoal_co_redis_commandv(struct shoal_redis *redis,
    struct shoal_redis_reply **reply_out, int timeout_ms, const char *format,
    va_list args);

/**
 * As shoal_co_redis_command(), with the words of the command.
 *
 * @param argc  number of words
 * @param argv  the words, borrowed
 * @param lens  their lengths in bytes; NULL: each ends with a NUL
 *
 * Returns  as shoal_co_redis_command(); -SHOAL_EMSGSIZE also when they are
 *          longer than 1 GiB
 */
SHOAL_API int shoal_co_redis_command_argv(struct shoal_redis *redis,
    struct shoal_redis_reply **reply_out, int argc, const char *const *argv,
    const size_t *lens, int timeout_ms);

/**
 * Append a command to those of the next shoal_co_redis_exchange(). Nothing is
 * sent. Who shares a connection appends and exchanges without a wait between.
 *
 * Returns  0; -SHOAL_EINVAL as shoal_co_redis_command(); -SHOAL_EMSGSIZE beyond
 *          append_max; -SHOAL_ENOMEM
 * Context  worker, shoal_run()
 * Blocks   never
 */
SHOAL_API int
shoal_redis_append(struct shoal_redis *redis, const char *format, ...);

/** As shoal_redis_append(), with the words of the command. */
SHOAL_API int shoal_redis_append_argv(struct shoal_redis *redis, int argc,
    const char *const *argv, const size_t *lens);

/** Number of appended commands. */
SHOAL_API size_t shoal_redis_appended(const struct shoal_redis *redis);

/**
 * Send all appended commands at once and wait for all answers. Nothing is
 * appended any longer afterwards, whatever the result but -SHOAL_EINVAL.
 *
 * @param replies_out  room for n replies in the order of the commands, each
 *                     yours; NULL when they do not matter. On failure it is not
 *                     written to.
 * @param n            what shoal_redis_appended() says
 *
 * Returns  as shoal_co_redis_command(); -SHOAL_EINVAL for another n, or 0
 * Context  coroutine
 * Suspends until all are answered
 * See      redis.io/docs/manual/pipelining
 */
SHOAL_API int shoal_co_redis_exchange(struct shoal_redis *redis,
    struct shoal_redis_reply **replies_out, size_t n, int timeout_ms);

/** Free a reply with all its items, and clear the variable. NULL is fine. Items
 *  are not freed by themselves. */
SHOAL_API void shoal_redis_reply_free(struct shoal_redis_reply **reply);

/** Whether a reply is an error of this kind, its first word, such as
 *  "WRONGTYPE"; of any kind with NULL. */
SHOAL_API bool shoal_redis_reply_is_error(
    const struct shoal_redis_reply *reply, const char *kind);

/* --- subscriptions --------------------------------------------------------- */

/**
 * Subscribe to a channel. From now on until the last shoal_co_redis_unsubscribe()
 * the connection takes no commands. A connection that breaks is made again by
 * who receives or subscribes, with all its subscriptions.
 *
 * When the time is over, the coroutine is cancelled or Redis cannot be reached,
 * the subscription is kept all the same: receiving goes on with it.
 *
 * @param channel  ends with a NUL; copied
 *
 * Returns  0 when Redis has confirmed it, also when it had before; those above;
 *          -EACCES when the user may not; -SHOAL_EINVAL when it is empty;
 *          -SHOAL_ESTATE in a transaction
 * Context  coroutine
 * Suspends until then
 * See      redis.io/commands SUBSCRIBE
 */
SHOAL_API int shoal_co_redis_subscribe(
    struct shoal_redis *redis, const char *channel, int timeout_ms);

/** As shoal_co_redis_subscribe(), to all channels that match a pattern.
 *  See redis.io/commands PSUBSCRIBE. */
SHOAL_API int shoal_co_redis_psubscribe(
    struct shoal_redis *redis, const char *pattern, int timeout_ms);

/**
 * Give a subscription up. Messages that have come are still received.
 *
 * Returns  0; -SHOAL_ENOENT when there is none; those above, and then it is
 *          given up all the same, and the connection is made again without it
 * Context  coroutine
 * Suspends until Redis has confirmed it
 */
SHOAL_API int shoal_co_redis_unsubscribe(
    struct shoal_redis *redis, const char *channel, int timeout_ms);

/** As shoal_co_redis_unsubscribe(), for a pattern. */
SHOAL_API int shoal_co_redis_punsubscribe(
    struct shoal_redis *redis, const char *pattern, int timeout_ms);

/**
 * Wait for the next message. A timeout or a cancel loses none.
 *
 * While Redis cannot be reached it is tried again until the time is over, then
 * the result is what the last attempt said.
 *
 * @param message_out  yours: shoal_redis_message_free()
 *
 * Returns  0; -SHOAL_ECONNRESET when the connection had been lost and all
 *          subscriptions are there again: messages of the meantime are lost.
 *          It is told once. -SHOAL_EBUSY when another coroutine is here;
 *          -SHOAL_ESTATE without subscriptions; those above
 * Context  coroutine
 * Suspends until one comes
 */
SHOAL_API int shoal_co_redis_receive(struct shoal_redis *redis,
    struct shoal_redis_message **message_out, int timeout_ms);

/** Free a message and clear the variable. NULL is fine. */
SHOAL_API void shoal_redis_message_free(struct shoal_redis_message **message);

/* --- a pool ---------------------------------------------------------------- */

/**
 * Make a pool of connections. None is made yet.
 *
 * @param address  as of shoal_co_redis_connect(); copied
 * @param options  of its connections; copied; NULL for none
 * @param max      most connections, at least 1
 * @param idle_ms  close a connection that nobody took for so long; 0: never
 * @param out      the pool, yours: shoal_redis_pool_free()
 *
 * Returns  0; -SHOAL_EINVAL; -SHOAL_ENOMEM; -SHOAL_EPERM outside of a worker
 *          and shoal_run()
 * Context  worker, shoal_run()
 * Blocks   never
 */
SHOAL_API int shoal_redis_pool_new(const char *address,
    const struct shoal_redis_options *options, size_t max, int idle_ms,
    struct shoal_redis_pool **out);

/**
 * Free a pool. Who waits for a connection gets -SHOAL_ECANCELED; those that are
 * taken are closed when they are given back. NULL is fine.
 *
 * @param pool  cleared
 *
 * Context  worker, shoal_run()
 * Blocks   never
 */
SHOAL_API void shoal_redis_pool_free(struct shoal_redis_pool **pool);

/**
 * Take a connection: the one that was given back last, or a new one, or, when
 * all are taken, the one that is given back next; who came first has it first.
 *
 * @param out  yours until shoal_redis_pool_give(), for this coroutine alone
 *
 * Returns  0; as shoal_co_redis_connect(), for a new one
 * Context  coroutine
 * Suspends until there is one
 */
SHOAL_API int shoal_co_redis_pool_take(
    struct shoal_redis_pool *pool, int timeout_ms, struct shoal_redis **out);

/**
 * Give a connection back. One that is broken, has subscriptions, is in a
 * transaction (MULTI, WATCH) or another database or user than before, is
 * closed. Appended commands are forgotten.
 *
 * @param redis  cleared; NULL is fine
 *
 * Context  worker, shoal_run()
 * Blocks   never
 */
SHOAL_API void shoal_redis_pool_give(
    struct shoal_redis_pool *pool, struct shoal_redis **redis);

/**
 * Take a connection, send a command, wait for the answer, give it back; all
 * within the timeout of the options.
 *
 * Returns  as shoal_co_redis_pool_take() and shoal_co_redis_command()
 * Context  coroutine
 * Suspends until it is answered
 */
SHOAL_API int shoal_co_redis_pool_command(struct shoal_redis_pool *pool,
    struct shoal_redis_reply **reply_out, const char *format, ...);

/** Number of connections that are taken or idle. */
SHOAL_API size_t shoal_redis_pool_count(const struct shoal_redis_pool *pool);

#ifdef __cplusplus
}
#endif
