/* This file keeps bytes that the kernel did not take, in order. */
#include "config.h"

#include "io/queue.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/panic.h"

enum {
	/* most queues hold one small message and are gone at the turn's end */
	CHUNK_FIRST = 1024 - 64,
	CHUNK_NEXT = 16384 - 64
};

struct sh_chunk {
	struct sh_chunk *next;
	size_t begin, end; /* of the bytes not yet sent */
	size_t cap;
	char data[];
};

static struct sh_chunk *
add_chunk(struct sh_queue *queue, size_t len)
{
	size_t cap = queue->head == NULL ? CHUNK_FIRST : CHUNK_NEXT;
	struct sh_chunk *chunk;

	if (cap < len)
		cap = len;
	if (cap > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = malloc(sizeof(*chunk) + cap);
	if (chunk == NULL)
		return NULL;
	chunk->next = NULL;
	chunk->begin = chunk->end = 0;
	chunk->cap = cap;
	if (queue->tail != NULL)
		queue->tail->next = chunk;
	else
		queue->head = chunk;
	queue->tail = chunk;
	return chunk;
}

int
sh_queue_add(struct sh_queue *queue, const void *data, size_t len)
{
	struct sh_chunk *chunk = queue->tail;

	if (len == 0)
		return 0;
	/* a message is not split, so that it fits whole or not at all */
	if (chunk == NULL || chunk->cap - chunk->end < len) {
		chunk = add_chunk(queue, len);
		if (chunk == NULL)
			return -SHOAL_ENOMEM;
	}
	memcpy(chunk->data + chunk->end, data, len);
	chunk->end += len;
	queue->len += len;
	return 0;
}

size_t
sh_queue_peek(const struct sh_queue *queue, struct iovec *vectors, size_t max)
{
	struct sh_chunk *chunk;
	size_t n = 0;

	for (chunk = queue->head; chunk != NULL && n < max;
	     chunk = chunk->next) {
		vectors[n].iov_base = chunk->data + chunk->begin;
		vectors[n].iov_len = chunk->end - chunk->begin;
		n++;
	}
	return n;
}

void
sh_queue_consume(struct sh_queue *queue, size_t n)
{
	sh_assert(n <= queue->len);
	queue->len -= n;
	while (n > 0) {
		struct sh_chunk *chunk = queue->head;
		size_t len = chunk->end - chunk->begin;

		if (n < len) {
			chunk->begin += n;
			return;
		}
		n -= len;
		queue->head = chunk->next;
		if (queue->head == NULL)
			queue->tail = NULL;
		free(chunk);
	}
}

void
sh_queue_clear(struct sh_queue *queue)
{
	sh_queue_consume(queue, queue->len);
}
