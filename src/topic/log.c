/*
 * This file is the histories that one process keeps. All logs are in a table by the
 * hash of their topic and in one line by when they were used; memory is what was
 * asked of malloc(3), and what that adds.
 */
#include "config.h"

#include "topic/log.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "topic/keep.h"

enum { BITS_FIRST = 6, MALLOC_COST = 16 };

struct sh_logs {
	struct sh_log **buckets; /* 1 << bits */
	unsigned bits;
	size_t count;
	size_t memory, max;
	TAILQ_HEAD(, sh_log) used; /* not used for longest first */
	struct sh_log *swept;      /* the sweep goes on there; NULL: begin */
};

/* --- the table --------------------------------------------------------------- */

struct sh_logs *
sh_logs_new(size_t max)
{
	struct sh_logs *logs = sh_try_calloc(1, sizeof(*logs));

	if (logs == NULL)
		return NULL;
	logs->buckets =
	    sh_try_calloc((size_t)1 << BITS_FIRST, sizeof(struct sh_log *));
	if (logs->buckets == NULL) {
		free(logs);
		return NULL;
	}
	logs->bits = BITS_FIRST;
	logs->max = max;
	TAILQ_INIT(&logs->used);
	return logs;
}

void
sh_logs_free(struct sh_logs **logs)
{
	struct sh_log *log;

	if (*logs == NULL)
		return;
	while ((log = TAILQ_FIRST(&(*logs)->used)) != NULL)
		sh_logs_remove(*logs, &log);
	sh_assert((*logs)->memory == 0);
	free((*logs)->buckets);
	free(*logs);
	*logs = NULL;
}

/* The upper bits of a hash choose the bucket: the lower ones have chosen this
 * process. */
static struct sh_log **
bucket_of(const struct sh_logs *logs, uint64_t hash)
{
	return &logs->buckets[hash >> (64 - logs->bits)];
}

struct sh_log *
sh_logs_find(
    const struct sh_logs *logs, const char *topic, size_t len, uint64_t hash)
{
	struct sh_log *log = *bucket_of(logs, hash);

	while (log != NULL &&
	    (log->hash != hash || log->topic_len != len ||
		memcmp(log->topic, topic, len) != 0))
		log = log->chain;
	return log;
}

static void
link_log(struct sh_logs *logs, struct sh_log *log)
{
	struct sh_log **bucket = bucket_of(logs, log->hash);

	log->chain = *bucket;
	*bucket = log;
}

/* Without memory the lists get longer, that is all. */
static void
grow(struct sh_logs *logs)
{
	size_t count = (size_t)1 << (logs->bits + 1);
	struct sh_log **buckets = sh_try_calloc(count, sizeof(*buckets));
	struct sh_log *log;

	if (buckets == NULL)
		return;
	free(logs->buckets);
	logs->buckets = buckets;
	logs->bits++;
	TAILQ_FOREACH(log, &logs->used, next)
		link_log(logs, log);
}

/* --- memory ------------------------------------------------------------------ */

static size_t
memory_of(const struct sh_publication *publication)
{
	return sizeof(struct sh_log_entry) + publication->key_len + 1 +
	    publication->len + 1 + MALLOC_COST;
}

static void
remove_oldest(struct sh_logs *logs, struct sh_log *log)
{
	struct sh_log_entry *entry = TAILQ_FIRST(&log->entries);
	size_t memory = memory_of(&entry->publication);

	TAILQ_REMOVE(&log->entries, entry, next);
	log->count--;
	log->bytes -= entry->publication.len + SH_KEEP_MESSAGE_COST;
	log->memory -= memory;
	logs->memory -= memory;
	free(entry);
}

static void
remove_all(struct sh_logs *logs, struct sh_log *log)
{
	while (log->count > 0)
		remove_oldest(logs, log);
}

/* Let others go first, and of this one the oldest messages. */
static void
make_room(struct sh_logs *logs, struct sh_log *spared)
{
	while (logs->memory > logs->max) {
		struct sh_log *log = TAILQ_FIRST(&logs->used);

		if (log == spared)
			log = TAILQ_NEXT(log, next);
		if (log != NULL)
			sh_logs_remove(logs, &log);
		else if (spared->count > 0)
			remove_oldest(logs, spared);
		else
			break;
	}
}

static void
use(struct sh_logs *logs, struct sh_log *log, int64_t now_ms)
{
	log->used_ms = now_ms;
	if (logs->swept == log)
		logs->swept = TAILQ_NEXT(log, next);
	TAILQ_REMOVE(&logs->used, log, next);
	TAILQ_INSERT_TAIL(&logs->used, log, next);
}

struct sh_log *
sh_logs_add(struct sh_logs *logs, const char *topic, size_t len, uint64_t hash,
    uint64_t epoch, uint64_t offset, int64_t now_ms)
{
	size_t size = sizeof(struct sh_log) + len + 1;
	struct sh_log *log = sh_try_calloc(1, size);

	if (log == NULL)
		return NULL;
	TAILQ_INIT(&log->entries);
	log->hash = hash;
	log->epoch = epoch;
	log->offset = offset;
	log->used_ms = now_ms;
	log->memory = size + MALLOC_COST;
	log->topic_len = len;
	memcpy(log->topic, topic, len);
	logs->memory += log->memory;
	if (++logs->count > (size_t)1 << logs->bits)
		grow(logs);
	link_log(logs, log);
	TAILQ_INSERT_TAIL(&logs->used, log, next);
	make_room(logs, log);
	return log;
}

void
sh_logs_remove(struct sh_logs *logs, struct sh_log **log)
{
	struct sh_log *gone = *log;
	struct sh_log **at = bucket_of(logs, gone->hash);

	remove_all(logs, gone);
	while (*at != gone)
		at = &(*at)->chain;
	*at = gone->chain;
	if (logs->swept == gone)
		logs->swept = TAILQ_NEXT(gone, next);
	TAILQ_REMOVE(&logs->used, gone, next);
	logs->memory -= gone->memory;
	logs->count--;
	free(gone);
	*log = NULL;
}

struct sh_log *
sh_logs_oldest(const struct sh_logs *logs)
{
	return TAILQ_FIRST(&logs->used);
}

size_t
sh_logs_count(const struct sh_logs *logs)
{
	return logs->count;
}

size_t
sh_logs_memory(const struct sh_logs *logs)
{
	return logs->memory;
}

/* --- one log ----------------------------------------------------------------- */

static struct sh_log_entry *
make_entry(const struct sh_log *log, const struct sh_publication *publication)
{
	struct sh_log_entry *entry =
	    sh_try_calloc(1, memory_of(publication) - MALLOC_COST);
	char *bytes = (char *)(entry + 1);

	if (entry == NULL)
		return NULL;
	entry->publication = *publication;
	entry->publication.topic = log->topic;
	entry->publication.epoch = log->epoch;
	if (publication->key != NULL) {
		memcpy(bytes, publication->key, publication->key_len);
		entry->publication.key = bytes;
	}
	bytes += publication->key_len + 1;
	if (publication->len > 0)
		memcpy(bytes, publication->data, publication->len);
	entry->publication.data = bytes;
	return entry;
}

/* Offset of the youngest message; 0: there is none. */
static uint64_t
last_of(const struct sh_log *log)
{
	const struct sh_log_entry *last =
	    TAILQ_LAST(&log->entries, sh_log_entries);

	return last != NULL ? last->publication.offset : 0;
}

/* Behind all others; those before a missing one go. */
static int
add_entry(struct sh_logs *logs, struct sh_log *log,
    const struct sh_publication *publication, int64_t kept_ms)
{
	struct sh_log_entry *entry = make_entry(log, publication);
	size_t memory = memory_of(publication);

	if (entry == NULL || publication->offset != last_of(log) + 1)
		remove_all(logs, log);
	if (entry == NULL)
		return -SHOAL_ENOMEM;
	entry->kept_ms = kept_ms;
	TAILQ_INSERT_TAIL(&log->entries, entry, next);
	log->count++;
	log->bytes += publication->len + SH_KEEP_MESSAGE_COST;
	log->memory += memory;
	logs->memory += memory;
	return 0;
}

int
sh_log_append(struct sh_logs *logs, struct sh_log *log,
    const struct sh_publication *publication, const struct sh_keep *keep,
    int64_t kept_ms, int64_t now_ms)
{
	int r;

	sh_assert(publication->offset > log->offset);
	r = add_entry(logs, log, publication, kept_ms);
	log->offset = publication->offset;
	use(logs, log, now_ms);
	sh_log_trim(logs, log, keep, now_ms);
	make_room(logs, log);
	return r;
}

int
sh_log_restore(struct sh_logs *logs, struct sh_log *log,
    const struct sh_publication *publication, int64_t kept_ms)
{
	int r;

	if (publication->offset > log->offset ||
	    publication->offset <= last_of(log))
		return 0;
	r = add_entry(logs, log, publication, kept_ms);
	make_room(logs, log);
	return r;
}

static bool
is_over(const struct sh_log *log, const struct sh_keep *keep, int64_t now_ms)
{
	const struct sh_log_entry *oldest = TAILQ_FIRST(&log->entries);

	return (keep->count > 0 && log->count > (uint64_t)keep->count) ||
	    (keep->bytes > 0 && log->bytes > (uint64_t)keep->bytes) ||
	    (keep->age_ms > 0 && now_ms - oldest->kept_ms >= keep->age_ms);
}

void
sh_log_trim(struct sh_logs *logs, struct sh_log *log,
    const struct sh_keep *keep, int64_t now_ms)
{
	while (log->count > 0 && is_over(log, keep, now_ms))
		remove_oldest(logs, log);
}

struct sh_log_entry *
sh_log_behind(const struct sh_log *log, uint64_t offset)
{
	return sh_log_latest(log, offset, SIZE_MAX);
}

/* From the end: who asks mostly lacks the last few. */
struct sh_log_entry *
sh_log_latest(const struct sh_log *log, uint64_t offset, size_t max)
{
	struct sh_log_entry *entry, *first = NULL;

	TAILQ_FOREACH_REVERSE(entry, &log->entries, sh_log_entries, next)
	{
		if (max-- == 0 || entry->publication.offset <= offset)
			break;
		first = entry;
	}
	return first;
}

bool
sh_log_lacks(const struct sh_log *log, uint64_t epoch, uint64_t offset)
{
	const struct sh_log_entry *oldest = TAILQ_FIRST(&log->entries);

	if (epoch != log->epoch || offset > log->offset)
		return true;
	if (last_of(log) != log->offset)
		return offset < log->offset;
	return oldest != NULL && offset + 1 < oldest->publication.offset;
}

/* --- age --------------------------------------------------------------------- */

static void
sweep(struct sh_logs *logs, struct sh_log *log, const struct sh_keep *keep,
    int64_t now_ms)
{
	if (keep != NULL)
		sh_log_trim(logs, log, keep, now_ms);
	if (keep == NULL ||
	    (log->count == 0 && now_ms - log->used_ms >= SH_LOG_REST_MS))
		sh_logs_remove(logs, &log);
}

void
sh_logs_sweep(struct sh_logs *logs, size_t some, int64_t now_ms,
    const struct sh_keep *(*keep_of)(const char *topic, size_t len))
{
	for (; some > 0; some--) {
		struct sh_log *log = logs->swept;

		if (log == NULL)
			log = TAILQ_FIRST(&logs->used);
		if (log == NULL)
			return;
		logs->swept = TAILQ_NEXT(log, next);
		sweep(logs, log, keep_of(log->topic, log->topic_len), now_ms);
	}
}
