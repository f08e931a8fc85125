/*
 * This file is what a process wants of Redis: channels and patterns, each with the
 * number of filters that need it, and how far it has seen the history of a channel.
 * It asks for nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct sh_redis_want {
	LIST_ENTRY(sh_redis_want) link;
	uint64_t hash;
	unsigned filters;
	bool is_pattern;
	/* the latest that has come, or was told; 0: none, or it has no history */
	uint64_t epoch, offset;
	bool renewing; /* something of an epoch before has come since */
	size_t len;
	char name[]; /* of the channel or pattern, with a NUL behind it */
};
LIST_HEAD(sh_redis_wants, sh_redis_want);

struct sh_redis_wanted {
	struct sh_redis_wants *buckets; /* NULL while empty */
	size_t bucket_count, count;
};

/** Write the channel of a topic, or the pattern that lets through all that a filter
 *  matches, and perhaps more. cap is at least sh_redis_name_cap(). Its length. */
size_t sh_redis_name_write(
    char *name, const char *prefix, const char *filter, bool is_pattern);
/** The most bytes that it takes, with its NUL. */
size_t sh_redis_name_cap(const char *prefix);

/** Want a name once more. Sets *first_out when it is new. 0 or -SHOAL_ENOMEM. */
int sh_redis_wanted_add(struct sh_redis_wanted *wanted, const char *name,
    size_t len, bool is_pattern, bool *first_out);
/** Want it once less. Whether that was the last time; it is gone then. */
bool sh_redis_wanted_remove(struct sh_redis_wanted *wanted, const char *name,
    size_t len, bool is_pattern);
/** The entry of a channel or pattern, or NULL. */
struct sh_redis_want *sh_redis_wanted_find(const struct sh_redis_wanted *wanted,
    const char *name, size_t len, bool is_pattern);
/** The history of a channel was seen up to an offset; what is known further, or not
 *  wanted, stays. The channel, when that is the first since of an epoch before the one
 *  that is known; else NULL. */
struct sh_redis_want *sh_redis_wanted_note(struct sh_redis_wanted *wanted,
    const char *name, size_t len, uint64_t epoch, uint64_t offset);
/** Call fn for each until it returns negative, which is returned, or 0. */
int sh_redis_wanted_each(const struct sh_redis_wanted *wanted,
    int (*fn)(struct sh_redis_want *want, void *arg), void *arg);
/** Forget all. */
void sh_redis_wanted_fini(struct sh_redis_wanted *wanted);
