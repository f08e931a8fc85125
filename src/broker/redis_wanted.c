/* This file keeps what a process wants of Redis. */
#include "config.h"

#include "broker/redis_wanted.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/topic.h>

#include "base/mem.h"
#include "topic/publication.h"

enum { BUCKETS_MIN = 64 };

/* --- names --- */

size_t
sh_redis_name_cap(const char *prefix)
{
	/* every byte of a pattern may have a backslash */
	return 2 * (strlen(prefix) + SHOAL_TOPIC_MAX) + 1;
}

/* A text of which nothing has a meaning in a pattern. */
static char *
put_literal(char *at, const char *text, bool is_pattern)
{
	for (; *text != '\0'; text++) {
		if (is_pattern && strchr("*?[]^\\", *text) != NULL)
			*at++ = '\\';
		*at++ = *text;
	}
	return at;
}

/* The star of Redis matches slashes too, and nothing at all: what comes of it in
 * excess is dropped by who looks for subscribers. "a/#" is "a" as well, so the slash
 * before goes with it. */
static char *
put_pattern(char *name, char *at, const char *filter)
{
	for (; *filter != '\0'; filter++) {
		if (*filter == '#' && at > name && at[-1] == '/')
			at[-1] = '*';
		else if (*filter == '#' || *filter == '+')
			*at++ = '*';
		else
			at = put_literal(
			    at, (const char[]){ *filter, '\0' }, true);
	}
	return at;
}

size_t
sh_redis_name_write(
    char *name, const char *prefix, const char *filter, bool is_pattern)
{
	char *begin = put_literal(name, prefix, is_pattern), *at;

	at = is_pattern ? put_pattern(begin, begin, filter)
			: put_literal(begin, filter, false);
	*at = '\0';
	return (size_t)(at - name);
}

/* --- the table --- */

static struct sh_redis_wants *
bucket_of(const struct sh_redis_wanted *wanted, uint64_t hash)
{
	return &wanted->buckets[hash & (wanted->bucket_count - 1)];
}

/* Make room for one more. Failing to grow only makes it slower. */
static int
grow(struct sh_redis_wanted *wanted)
{
	struct sh_redis_wanted larger = { .bucket_count = BUCKETS_MIN,
		.count = wanted->count };
	struct sh_redis_want *want;
	size_t i;

	if (wanted->count < wanted->bucket_count)
		return 0;
	if (wanted->bucket_count != 0)
		larger.bucket_count = wanted->bucket_count * 2;
	larger.buckets =
	    sh_try_calloc(larger.bucket_count, sizeof(*larger.buckets));
	if (larger.buckets == NULL)
		return wanted->buckets != NULL ? 0 : -SHOAL_ENOMEM;
	for (i = 0; i < wanted->bucket_count; i++) {
		while ((want = LIST_FIRST(&wanted->buckets[i])) != NULL) {
			LIST_REMOVE(want, link);
			LIST_INSERT_HEAD(
			    bucket_of(&larger, want->hash), want, link);
		}
	}
	free(wanted->buckets);
	*wanted = larger;
	return 0;
}

struct sh_redis_want *
sh_redis_wanted_find(const struct sh_redis_wanted *wanted, const char *name,
    size_t len, bool is_pattern)
{
	uint64_t hash = sh_topic_hash(name, len);
	struct sh_redis_want *want;

	if (wanted->buckets == NULL)
		return NULL;
	LIST_FOREACH(want, bucket_of(wanted, hash), link)
		if (want->hash == hash && want->len == len &&
		    want->is_pattern == is_pattern &&
		    memcmp(want->name, name, len) == 0)
			return want;
	return NULL;
}

int
sh_redis_wanted_add(struct sh_redis_wanted *wanted, const char *name,
    size_t len, bool is_pattern, bool *first_out)
{
	struct sh_redis_want *want =
	    sh_redis_wanted_find(wanted, name, len, is_pattern);

	*first_out = want == NULL;
	if (want != NULL) {
		want->filters++;
		return 0;
	}
	if (grow(wanted) < 0)
		return -SHOAL_ENOMEM;
	want = sh_try_calloc(1, sizeof(*want) + len + 1);
	if (want == NULL)
		return -SHOAL_ENOMEM;
	want->hash = sh_topic_hash(name, len);
	want->filters = 1;
	want->is_pattern = is_pattern;
	want->len = len;
	memcpy(want->name, name, len);
	LIST_INSERT_HEAD(bucket_of(wanted, want->hash), want, link);
	wanted->count++;
	return 0;
}

bool
sh_redis_wanted_remove(struct sh_redis_wanted *wanted, const char *name,
    size_t len, bool is_pattern)
{
	struct sh_redis_want *want =
	    sh_redis_wanted_find(wanted, name, len, is_pattern);

	if (want == NULL || --want->filters > 0)
		return false;
	LIST_REMOVE(want, link);
	wanted->count--;
	free(want);
	return true;
}

struct sh_redis_want *
sh_redis_wanted_note(struct sh_redis_wanted *wanted, const char *name,
    size_t len, uint64_t epoch, uint64_t offset)
{
	struct sh_redis_want *want =
	    sh_redis_wanted_find(wanted, name, len, false);

	if (want == NULL || (want->epoch == epoch && want->offset >= offset))
		return NULL;
	if (epoch < want->epoch) {
		if (want->renewing)
			return NULL;
		want->renewing = true;
		return want;
	}
	want->epoch = epoch;
	want->offset = offset;
	want->renewing = false;
	return NULL;
}

int
sh_redis_wanted_each(const struct sh_redis_wanted *wanted,
    int (*fn)(struct sh_redis_want *want, void *arg), void *arg)
{
	struct sh_redis_want *want;
	size_t i;
	int r = 0;

	for (i = 0; i < wanted->bucket_count && r >= 0; i++)
		LIST_FOREACH(want, &wanted->buckets[i], link)
			if ((r = fn(want, arg)) < 0)
				break;
	return r < 0 ? r : 0;
}

void
sh_redis_wanted_fini(struct sh_redis_wanted *wanted)
{
	struct sh_redis_want *want;
	size_t i;

	for (i = 0; i < wanted->bucket_count; i++) {
		while ((want = LIST_FIRST(&wanted->buckets[i])) != NULL) {
			LIST_REMOVE(want, link);
			free(want);
		}
	}
	free(wanted->buckets);
	*wanted = (struct sh_redis_wanted){ .count = 0 };
}
