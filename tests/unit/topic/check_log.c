/* This file tests topic/log.c. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <shoal/topic.h>

#include "support/suite.h"
#include "topic/keep.h"
#include "topic/log.h"

enum { EPOCH = 7, ALL = 1 << 20, KIB = 1024 };

static const struct sh_keep ten = { .count = 10 };
static char bytes[64 * KIB];

static struct sh_log *
find(const struct sh_logs *logs, const char *topic)
{
	size_t len = strlen(topic);

	return sh_logs_find(logs, topic, len, sh_topic_hash(topic, len));
}

static struct sh_log *
add(struct sh_logs *logs, const char *topic, int64_t now_ms)
{
	size_t len = strlen(topic);

	return sh_logs_add(
	    logs, topic, len, sh_topic_hash(topic, len), EPOCH, 0, now_ms);
}

static void
append_at(struct sh_logs *logs, struct sh_log *log, uint64_t offset, size_t len,
    const struct sh_keep *keep, int64_t now_ms)
{
	struct sh_publication publication = { .topic = log->topic,
		.topic_len = log->topic_len,
		.hash = log->hash,
		.type = SHOAL_WS_BINARY,
		.offset = offset,
		.key = "key",
		.key_len = 3,
		.data = bytes,
		.len = len };

	ck_assert_int_eq(
	    sh_log_append(logs, log, &publication, keep, now_ms, now_ms), 0);
}

static void
append(struct sh_logs *logs, struct sh_log *log, size_t len,
    const struct sh_keep *keep, int64_t now_ms)
{
	append_at(logs, log, log->offset + 1, len, keep, now_ms);
}

static uint64_t
offset_of(const struct sh_log_entry *entry)
{
	return entry != NULL ? entry->publication.offset : 0;
}

START_TEST(messages_are_read_behind_an_offset)
{
	struct sh_logs *logs = sh_logs_new(ALL);
	struct sh_log *log = add(logs, "a", 0);
	struct sh_log_entry *entry;
	int i;

	ck_assert_ptr_eq(find(logs, "a"), log);
	ck_assert_ptr_null(find(logs, "b"));
	ck_assert_ptr_null(sh_log_behind(log, 0));
	memcpy(bytes, "hello", 5);
	for (i = 0; i < 15; i++)
		append(logs, log, 5, &ten, 0);
	ck_assert_uint_eq(log->count, 10);
	ck_assert_uint_eq(log->offset, 15);
	ck_assert_uint_eq(offset_of(sh_log_behind(log, 0)), 6);
	ck_assert_uint_eq(offset_of(sh_log_behind(log, 5)), 6);
	ck_assert_uint_eq(offset_of(sh_log_behind(log, 9)), 10);
	ck_assert_uint_eq(offset_of(sh_log_behind(log, 15)), 0);
	ck_assert_uint_eq(offset_of(sh_log_latest(log, 0, 3)), 13);
	ck_assert_uint_eq(offset_of(sh_log_latest(log, 14, 3)), 15);
	ck_assert_uint_eq(offset_of(sh_log_latest(log, 0, 0)), 0);
	entry = sh_log_behind(log, 14);
	ck_assert_uint_eq(entry->publication.epoch, EPOCH);
	ck_assert_str_eq(entry->publication.key, "key");
	ck_assert_str_eq(entry->publication.data, "hello");
	ck_assert_str_eq(entry->publication.topic, "a");
	sh_logs_free(&logs);
	ck_assert_ptr_null(logs);
}
END_TEST

START_TEST(what_is_not_kept_any_more_is_told)
{
	struct sh_logs *logs = sh_logs_new(ALL);
	struct sh_log *log = add(logs, "a", 0);
	int i;

	ck_assert(!sh_log_lacks(log, EPOCH, 0));
	for (i = 0; i < 15; i++)
		append(logs, log, 5, &ten, 0);
	ck_assert(sh_log_lacks(log, EPOCH, 4));
	ck_assert(!sh_log_lacks(log, EPOCH, 5));
	ck_assert(!sh_log_lacks(log, EPOCH, 15));
	ck_assert(sh_log_lacks(log, EPOCH, 16));
	ck_assert(sh_log_lacks(log, EPOCH + 1, 15));
	append_at(logs, log, 17, 1, &ten, 0);
	ck_assert_uint_eq(log->count, 1);
	ck_assert(sh_log_lacks(log, EPOCH, 15));
	ck_assert(!sh_log_lacks(log, EPOCH, 16));
	sh_logs_free(&logs);
}
END_TEST

START_TEST(bounds_hold)
{
	static const struct sh_keep both = { .bytes = 1000, .age_ms = 100 };
	struct sh_logs *logs = sh_logs_new(ALL);
	struct sh_log *log = add(logs, "a", 0);
	int i;

	for (i = 0; i < 20; i++)
		append(logs, log, 36, &both, i);
	ck_assert_uint_eq(log->count, 10);
	ck_assert_uint_eq(log->bytes, 1000);
	append(logs, log, 937, &both, 20);
	ck_assert_uint_eq(log->count, 0);
	append(logs, log, 936, &both, 20);
	ck_assert_uint_eq(log->count, 1);
	sh_log_trim(logs, log, &both, 119);
	ck_assert_uint_eq(log->count, 1);
	sh_log_trim(logs, log, &both, 120);
	ck_assert_uint_eq(log->count, 0);
	ck_assert_uint_eq(log->bytes, 0);
	ck_assert_uint_eq(log->offset, 22);
	ck_assert(sh_log_lacks(log, EPOCH, 21));
	ck_assert(!sh_log_lacks(log, EPOCH, 22));
	sh_logs_free(&logs);
}
END_TEST

START_TEST(the_longest_unused_makes_room)
{
	struct sh_logs *logs = sh_logs_new(64 * (size_t)KIB);
	static const struct sh_keep any = { .bytes = SH_KEEP_BYTES_MAX };
	struct sh_log *a = add(logs, "a", 0), *b = add(logs, "b", 0);
	int i;

	append(logs, a, 20 * KIB, &any, 1);
	append(logs, b, 20 * KIB, &any, 2);
	append(logs, a, 20 * KIB, &any, 3);
	ck_assert_ptr_eq(sh_logs_oldest(logs), b);
	append(logs, add(logs, "c", 4), 20 * KIB, &any, 4);
	ck_assert_ptr_null(find(logs, "b"));
	ck_assert_ptr_nonnull(find(logs, "a"));
	ck_assert_uint_le(sh_logs_memory(logs), 64 * KIB);
	for (i = 0; i < 10; i++)
		append(logs, find(logs, "c"), 20 * KIB, &any, 5);
	ck_assert_uint_eq(sh_logs_count(logs), 1);
	ck_assert_uint_eq(find(logs, "c")->count, 3);
	append(logs, find(logs, "c"), 64 * KIB, &any, 6);
	ck_assert_uint_eq(find(logs, "c")->count, 0);
	sh_logs_free(&logs);
}
END_TEST

START_TEST(a_flood_of_topics_is_bounded)
{
	struct sh_logs *logs = sh_logs_new(ALL);
	char topic[32];
	int i;

	for (i = 0; i < 100000; i++) {
		snprintf(topic, sizeof(topic), "t/%d", i);
		append(logs, add(logs, topic, i), 1, &ten, i);
		ck_assert_uint_le(sh_logs_memory(logs), ALL);
	}
	ck_assert_uint_gt(sh_logs_count(logs), 1000);
	ck_assert_ptr_null(find(logs, "t/0"));
	ck_assert_uint_eq(find(logs, "t/99999")->count, 1);
	sh_logs_free(&logs);
	ck_assert_ptr_null(logs);
}
END_TEST

static const struct sh_keep *
keep_some(const char *topic, size_t len)
{
	static const struct sh_keep aged = { .age_ms = 100 };

	(void)len;
	return topic[0] == 'x' ? NULL : &aged;
}

START_TEST(a_sweep_forgets_what_is_old)
{
	struct sh_logs *logs = sh_logs_new(ALL);
	struct sh_log *a = add(logs, "a", 0);

	append(logs, a, 1, &ten, 0);
	append(logs, add(logs, "b", 0), 1, &ten, 50);
	append(logs, add(logs, "x", 0), 1, &ten, 50);
	sh_logs_sweep(logs, 1, 100, keep_some);
	ck_assert_uint_eq(a->count, 0);
	append(logs, a, 1, &ten, 100);
	sh_logs_sweep(logs, 2, 150, keep_some);
	ck_assert_uint_eq(find(logs, "b")->count, 0);
	ck_assert_ptr_null(find(logs, "x"));
	sh_logs_sweep(logs, 2, 50 + SH_LOG_REST_MS, keep_some);
	ck_assert_ptr_null(find(logs, "b"));
	ck_assert_ptr_nonnull(find(logs, "a"));
	sh_logs_sweep(logs, 9, 100 + SH_LOG_REST_MS, keep_some);
	ck_assert_ptr_null(find(logs, "a"));
	sh_logs_sweep(logs, 9, 100 + SH_LOG_REST_MS, keep_some);
	ck_assert_uint_eq(sh_logs_memory(logs), 0);
	sh_logs_free(&logs);
}
END_TEST

SH_SUITE("topic/log", messages_are_read_behind_an_offset,
    what_is_not_kept_any_more_is_told, bounds_hold,
    the_longest_unused_makes_room, a_flood_of_topics_is_bounded,
    a_sweep_forgets_what_is_old)
