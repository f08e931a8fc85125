/* This file tests io/queue.c. */
#include "config.h"

#include <string.h>

#include "io/queue.h"
#include "support/suite.h"

enum { VECTORS = 4 };

/* Take n bytes from the front and compare them with a running number. */
static void
take(struct sh_queue *queue, size_t n, unsigned char *next)
{
	struct iovec vectors[VECTORS];
	size_t i, j, count, left = n;

	while (left > 0) {
		count = sh_queue_peek(queue, vectors, VECTORS);
		ck_assert_uint_gt(count, 0);
		for (i = 0; i < count && left > 0; i++) {
			const unsigned char *data = vectors[i].iov_base;
			size_t len = vectors[i].iov_len < left
			    ? vectors[i].iov_len
			    : left;

			for (j = 0; j < len; j++)
				ck_assert_uint_eq(data[j], (*next)++);
			left -= len;
			sh_queue_consume(queue, len);
			break;
		}
	}
}

START_TEST(bytes_keep_their_order)
{
	static const size_t sizes[] = { 1, 100, 4096, 1, 70000, 3, 16384, 9 };
	struct sh_queue queue = { 0 };
	unsigned char message[70000], in = 0, out = 0;
	size_t i, j, total = 0;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (j = 0; j < sizes[i]; j++)
			message[j] = in++;
		ck_assert_int_eq(sh_queue_add(&queue, message, sizes[i]), 0);
		total += sizes[i];
		ck_assert_uint_eq(queue.len, total);
	}
	for (i = 1; total > 0; i = i * 3 + 1) {
		size_t n = i < total ? i : total;

		take(&queue, n, &out);
		total -= n;
		ck_assert_uint_eq(queue.len, total);
	}
	ck_assert_ptr_null(queue.head);
	ck_assert_ptr_null(queue.tail);
}
END_TEST

START_TEST(cleared_queue_is_usable)
{
	struct sh_queue queue = { 0 };
	unsigned char zero[3] = { 0, 1, 2 }, out = 0;

	sh_queue_clear(&queue);
	sh_queue_add(&queue, "abc", 3);
	sh_queue_clear(&queue);
	ck_assert_uint_eq(queue.len, 0);
	ck_assert_int_eq(sh_queue_add(&queue, zero, 0), 0);
	ck_assert_ptr_null(queue.head);
	sh_queue_add(&queue, zero, 3);
	take(&queue, 3, &out);
}
END_TEST

SH_SUITE("io/queue", bytes_keep_their_order, cleared_queue_is_usable)
