/*
 * This file is the histories that one process keeps: for each topic its latest
 * messages with their numbers, bounded by count, bytes and age, and all together by
 * one cap. Pure: no I/O, no clock; who gives the numbers and when is not its matter.
 *
 * Offsets of a log go up by 1 from one message to the next. A log without messages
 * stays for a while: who comes back to a topic that is seldom published to goes on
 * with the same numbers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "topic/publication.h"

struct sh_keep;
struct sh_logs;

enum {
	SH_LOGS_BYTES_MAX = 64 << 20,     /* of all logs of a process */
	SH_LOG_REST_MS = 24 * 3600 * 1000 /* a log without messages stays */
};

/* A message that is kept. */
struct sh_log_entry {
	TAILQ_ENTRY(sh_log_entry) next;    /* the younger one */
	struct sh_publication publication; /* its bytes are behind */
	int64_t kept_ms;                   /* monotonic */
};

TAILQ_HEAD(sh_log_entries, sh_log_entry);

/* The history of a topic. Only log.c writes to it. */
struct sh_log {
	struct sh_log *chain;          /* of the same bucket */
	TAILQ_ENTRY(sh_log) next;      /* the one used later */
	struct sh_log_entries entries; /* oldest first */
	uint64_t hash;
	uint64_t epoch;
	uint64_t offset; /* the latest that was given, 0: none */
	size_t count;    /* messages */
	size_t bytes;    /* as bounds count them */
	size_t memory;   /* all that it takes */
	int64_t used_ms; /* when it was appended to */
	size_t topic_len;
	char topic[];
};

/** Make a table of logs that takes at most so many bytes. NULL without memory. */
struct sh_logs *sh_logs_new(size_t max);
/** Free it with all logs, and clear the variable. NULL is fine. */
void sh_logs_free(struct sh_logs **logs);
/** The log of a topic, or NULL. */
struct sh_log *sh_logs_find(
    const struct sh_logs *logs, const char *topic, size_t len, uint64_t hash);
/** Make a log that is not there yet, without messages; offset is the latest that
 *  was given, 0: none. Logs that have not been used for longest make room.
 *  NULL without memory. */
struct sh_log *sh_logs_add(struct sh_logs *logs, const char *topic, size_t len,
    uint64_t hash, uint64_t epoch, uint64_t offset, int64_t now_ms);
/** Forget a log and clear the variable. */
void sh_logs_remove(struct sh_logs *logs, struct sh_log **log);
/** The one that has not been used for longest, NULL: there is none. */
struct sh_log *sh_logs_oldest(const struct sh_logs *logs);
/** How many there are. */
size_t sh_logs_count(const struct sh_logs *logs);
/** Bytes that they take. */
size_t sh_logs_memory(const struct sh_logs *logs);

/** Append a message (copies): its epoch is that of the log, its offset above the
 *  latest; if it is not the next one, those before it are forgotten. It may be gone
 *  at once, if the bounds are smaller than it. kept_ms is when it was published.
 *  Other logs make room. 0, or -SHOAL_ENOMEM: then the offset is given, and the log
 *  is empty. */
int sh_log_append(struct sh_logs *logs, struct sh_log *log,
    const struct sh_publication *publication, const struct sh_keep *keep,
    int64_t kept_ms, int64_t now_ms);
/** Put a message back into a log that was added with its latest offset, the oldest
 *  first; what does not fit in there is left out. 0 or -SHOAL_ENOMEM. */
int sh_log_restore(struct sh_logs *logs, struct sh_log *log,
    const struct sh_publication *publication, int64_t kept_ms);
/** Forget what is over the bounds. */
void sh_log_trim(struct sh_logs *logs, struct sh_log *log,
    const struct sh_keep *keep, int64_t now_ms);
/** The first message behind an offset, NULL: there is none. */
struct sh_log_entry *sh_log_behind(const struct sh_log *log, uint64_t offset);
/** The first of the latest max messages behind an offset. */
struct sh_log_entry *
sh_log_latest(const struct sh_log *log, uint64_t offset, size_t max);
/** Whether messages behind an offset have been given and are not there any more.
 *  Not for 0, 0: who asks that has had none. */
bool sh_log_lacks(const struct sh_log *log, uint64_t epoch, uint64_t offset);

/** Look at some logs, in turn, and forget what is too old: messages, and logs that
 *  have had none for SH_LOG_REST_MS. keep_of says how a topic is kept; NULL from it
 *  forgets the log. */
void sh_logs_sweep(struct sh_logs *logs, size_t some, int64_t now_ms,
    const struct sh_keep *(*keep_of)(const char *topic, size_t len));
