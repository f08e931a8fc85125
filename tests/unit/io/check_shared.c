/* This file tests io/shared.c, and io/queue.c where it refers to shared bytes. */
#include "config.h"

#include <string.h>

#include "io/queue.h"
#include "io/shared.h"
#include "support/suite.h"

enum { VECTORS = 8 };

static struct sh_shared *
make(const char *text)
{
	struct sh_shared *shared = sh_shared_new(strlen(text));

	ck_assert_ptr_nonnull(shared);
	memcpy(shared->data, text, strlen(text));
	shared->len = strlen(text);
	return shared;
}

static void
refer(struct sh_queue *queue, struct sh_shared *shared, size_t at, size_t len,
    uint64_t key)
{
	const struct sh_piece piece = { .shared = shared,
		.at = at,
		.len = len,
		.key = key,
		.messages = 1 };

	ck_assert_int_eq(sh_queue_refer(queue, &piece), 0);
}

static void
expect(const struct sh_queue *queue, const char *expected)
{
	struct iovec vectors[VECTORS];
	size_t i, n = sh_queue_peek(queue, vectors, VECTORS), len = 0;
	char text[100];

	for (i = 0; i < n; i++) {
		memcpy(text + len, vectors[i].iov_base, vectors[i].iov_len);
		len += vectors[i].iov_len;
	}
	text[len] = '\0';
	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(queue->len, len);
}

START_TEST(the_last_hold_frees)
{
	size_t before = sh_shared_memory();
	struct sh_shared *shared = make("hello"), *other;

	ck_assert_uint_ge(sh_shared_memory(), before + 5);
	other = sh_shared_hold(shared);
	sh_shared_drop(&shared);
	ck_assert_ptr_null(shared);
	ck_assert_int_eq(memcmp(other->data, "hello", 5), 0);
	ck_assert_uint_gt(sh_shared_memory(), before);
	sh_shared_drop(&other);
	ck_assert_uint_eq(sh_shared_memory(), before);
	sh_shared_drop(&other);
	sh_shared_drop(NULL);
}
END_TEST

START_TEST(two_queues_refer_to_one)
{
	struct sh_queue a = { 0 }, b = { 0 };
	struct sh_shared *shared = make("one two");

	refer(&a, shared, 0, 7, 1);
	refer(&b, shared, 4, 3, 1);
	ck_assert_uint_eq(shared->users, 3);
	sh_queue_add(&a, " three", 6);
	refer(&a, shared, 3, 4, 1);
	expect(&a, "one two three two");
	expect(&b, "two");
	sh_queue_consume(&a, 5);
	expect(&a, "wo three two");
	sh_queue_clear(&b);
	ck_assert_uint_eq(shared->users, 3);
	sh_queue_consume(&a, 8);
	expect(&a, " two");
	ck_assert_uint_eq(shared->users, 2);
	sh_queue_clear(&a);
	ck_assert_uint_eq(shared->users, 1);
	ck_assert_uint_eq(sh_queue_memory(), 0);
	sh_shared_drop(&shared);
}
END_TEST

/* What has begun, and what was copied, stays. */
START_TEST(the_oldest_is_dropped)
{
	struct sh_queue queue = { 0 };
	struct sh_shared *shared = make("abcdefgh");
	struct sh_dropped dropped;

	refer(&queue, shared, 0, 2, 1);
	sh_queue_add(&queue, "-own-", 5);
	refer(&queue, shared, 2, 2, 1);
	refer(&queue, shared, 4, 2, 1);
	sh_queue_consume(&queue, 1);
	dropped = sh_queue_drop_oldest(&queue);
	ck_assert_uint_eq(dropped.bytes, 2);
	ck_assert_uint_eq(dropped.messages, 1);
	expect(&queue, "b-own-ef");
	ck_assert_uint_eq(sh_queue_drop_oldest(&queue).bytes, 2);
	ck_assert_uint_eq(sh_queue_drop_oldest(&queue).messages, 0);
	expect(&queue, "b-own-");
	/* its tail is right */
	refer(&queue, shared, 6, 2, 1);
	expect(&queue, "b-own-gh");
	sh_queue_clear(&queue);
	ck_assert_ptr_null(queue.tail);
	ck_assert_uint_eq(shared->users, 1);
	sh_shared_drop(&shared);
}
END_TEST

static void
refer_by_key(
    struct sh_queue *queue, struct sh_shared *shared, size_t at, uint64_t key)
{
	const struct sh_piece piece = { .shared = shared,
		.at = at,
		.len = 2,
		.key = key,
		.messages = 1,
		.by_key = true };

	ck_assert_int_eq(sh_queue_refer(queue, &piece), 0);
}

START_TEST(one_of_each_key_waits)
{
	struct sh_queue queue = { 0 }, other = { 0 };
	struct sh_shared *shared = make("abcdefgh");
	struct sh_dropped dropped;

	refer(&other, shared, 0, 2, 7);
	sh_queue_conflate(&other);
	refer(&queue, shared, 0, 2, 7);
	refer(&queue, shared, 2, 2, 8);
	refer(&queue, shared, 4, 2, 7);
	refer(&queue, shared, 6, 2, 7);
	/* who was not asked to is not found */
	ck_assert_uint_eq(sh_queue_drop_key(&queue, 8).messages, 0);
	sh_queue_consume(&queue, 1);
	dropped = sh_queue_conflate(&queue);
	ck_assert_uint_eq(dropped.bytes, 2);
	ck_assert_uint_eq(dropped.messages, 1);
	expect(&queue, "bcdgh");
	ck_assert_uint_eq(sh_queue_conflate(&queue).messages, 0);
	ck_assert_uint_eq(sh_queue_drop_key(&queue, 9).messages, 0);
	ck_assert_uint_eq(sh_queue_drop_key(&queue, 8).messages, 1);
	expect(&queue, "bgh");
	refer_by_key(&queue, shared, 2, 8);
	expect(&queue, "bghcd");
	ck_assert_uint_eq(sh_queue_drop_key(&queue, 7).messages, 1);
	expect(&queue, "bcd");
	/* one that has begun is not it, and does not hide a newer one */
	sh_queue_consume(&queue, 2);
	ck_assert_uint_eq(sh_queue_drop_key(&queue, 8).messages, 0);
	refer_by_key(&queue, shared, 0, 8);
	expect(&queue, "dab");
	ck_assert_uint_eq(sh_queue_drop_key(&queue, 8).messages, 1);
	expect(&queue, "d");
	expect(&other, "ab");
	sh_queue_clear(&queue);
	sh_queue_clear(&other);
	ck_assert_uint_eq(shared->users, 1);
	ck_assert_uint_eq(sh_queue_memory(), 0);
	sh_shared_drop(&shared);
}
END_TEST

/* It costs the same however many there are. */
START_TEST(many_keys)
{
	enum { KEYS = 5000, ROUNDS = 200 };
	struct sh_queue queue = { 0 };
	struct sh_shared *shared = make("ab");
	uint64_t key;
	int i;

	for (i = 0; i < ROUNDS * KEYS; i++) {
		/* in any order */
		key = 1 + (uint64_t)i * 7919 % KEYS;
		sh_queue_drop_key(&queue, key);
		refer_by_key(&queue, shared, 0, key);
	}
	ck_assert_uint_eq(queue.len, 2 * KEYS);
	ck_assert_uint_eq(sh_queue_conflate(&queue).messages, 0);
	sh_queue_clear(&queue);
	sh_shared_drop(&shared);
}
END_TEST

START_TEST(the_end_is_dropped)
{
	struct sh_queue queue = { 0 };
	struct sh_shared *shared = make("abcdefgh");

	refer(&queue, shared, 0, 2, 1);
	refer(&queue, shared, 2, 2, 1);
	sh_queue_add(&queue, "own", 3);
	refer(&queue, shared, 4, 2, 1);
	refer(&queue, shared, 6, 2, 1);
	ck_assert_uint_eq(sh_queue_drop_end(&queue).bytes, 4);
	expect(&queue, "abcdown");
	ck_assert_uint_eq(sh_queue_drop_end(&queue).bytes, 0);
	sh_queue_clear(&queue);
	refer(&queue, shared, 0, 2, 1);
	ck_assert_uint_eq(sh_queue_drop_end(&queue).messages, 1);
	ck_assert_ptr_null(queue.head);
	ck_assert_ptr_null(queue.tail);
	sh_shared_drop(&shared);
}
END_TEST

START_TEST(a_queue_is_appended)
{
	struct sh_queue a = { 0 }, b = { 0 };
	struct sh_shared *shared = make("abcd");

	sh_queue_append(&a, &b);
	refer(&b, shared, 0, 2, 1);
	sh_queue_append(&a, &b);
	ck_assert_ptr_null(b.head);
	refer(&b, shared, 2, 2, 1);
	sh_queue_append(&a, &b);
	expect(&a, "abcd");
	expect(&b, "");
	sh_queue_clear(&a);
	sh_shared_drop(&shared);
}
END_TEST

SH_SUITE("io/shared", the_last_hold_frees, two_queues_refer_to_one,
    the_oldest_is_dropped, one_of_each_key_waits, many_keys, the_end_is_dropped,
    a_queue_is_appended)
