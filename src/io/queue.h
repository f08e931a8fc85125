/*
 * This file keeps bytes that the kernel did not take, in order; it does not
 * write them. Memory is taken per chunk and given back as soon as it is sent.
 */
#pragma once

#include <stddef.h>
#include <sys/uio.h>

struct sh_chunk;

struct sh_queue {
	struct sh_chunk *head, *tail; /* NULL while empty */
	size_t len;                   /* bytes in it */
};

/** Append bytes (copies). 0, or -SHOAL_ENOMEM with nothing taken. */
int sh_queue_add(struct sh_queue *queue, const void *data, size_t len);
/** Describe its first bytes by at most max vectors; how many of them. */
size_t
sh_queue_peek(const struct sh_queue *queue, struct iovec *vectors, size_t max);
/** Drop n bytes from the front. */
void sh_queue_consume(struct sh_queue *queue, size_t n);
/** Drop everything. */
void sh_queue_clear(struct sh_queue *queue);
