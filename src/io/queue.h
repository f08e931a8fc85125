/*
 * This file keeps bytes that the kernel did not take, in order; it does not
 * write them. Memory is taken per chunk and given back as soon as it is sent.
 * What goes to many is not copied: the queue refers to it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct sh_chunk;
struct sh_shared;

struct sh_queue {
	struct sh_chunk *head, *tail; /* NULL while empty */
	size_t len;                   /* bytes in it */
};

/* Messages, whole, or the rest of them, in bytes that many queues refer to. */
struct sh_piece {
	struct sh_shared *shared; /* borrowed; a queue holds it */
	size_t at, len;
	uint64_t key;      /* what it is about */
	uint32_t messages; /* in it */
	bool begun;        /* some of it has gone: the rest is never dropped */
	bool by_key;       /* let sh_queue_drop_key() find it */
};

/** Append bytes (copies). 0, or -SHOAL_ENOMEM with nothing taken. */
int sh_queue_add(struct sh_queue *queue, const void *data, size_t len);
/** Append a reference. 0, or -SHOAL_ENOMEM. */
int sh_queue_refer(struct sh_queue *queue, const struct sh_piece *piece);
/** Append all that another one has, which is empty then. */
void sh_queue_append(struct sh_queue *queue, struct sh_queue *from);
/** Describe its first bytes by at most max vectors; how many of them. */
size_t
sh_queue_peek(const struct sh_queue *queue, struct iovec *vectors, size_t max);
/** Drop n bytes from the front. */
void sh_queue_consume(struct sh_queue *queue, size_t n);
/** Drop everything. */
void sh_queue_clear(struct sh_queue *queue);

/* What was dropped of those it refers to and that have not begun. */
struct sh_dropped {
	size_t bytes;
	uint64_t messages;
};

/** Drop the oldest; none is 0 of it. */
struct sh_dropped sh_queue_drop_oldest(struct sh_queue *queue);
/** Drop all but the newest of each key, and let sh_queue_drop_key() find these. */
struct sh_dropped sh_queue_conflate(struct sh_queue *queue);
/** Drop the one with a key; none but the newest of a key is found. */
struct sh_dropped sh_queue_drop_key(struct sh_queue *queue, uint64_t key);
/** Drop those that nothing else is behind. */
struct sh_dropped sh_queue_drop_end(struct sh_queue *queue);

/* Written by queue.c only. */
extern size_t sh_queue_taken;

/** Bytes of memory that all queues take, without those they refer to. */
static inline size_t
sh_queue_memory(void)
{
	return sh_queue_taken;
}
