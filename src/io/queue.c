/* This file keeps bytes that the kernel did not take, in order. */
#include "config.h"

#include "io/queue_private.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/panic.h"
#include "io/shared.h"

enum {
	/* most queues hold one small message and are gone at the turn's end */
	CHUNK_FIRST = 1024 - 96,
	CHUNK_NEXT = 16384 - 96
};

/* Of all queues of the process, which has one loop. */
size_t sh_queue_taken;

static struct sh_chunk *
allocate(size_t cap)
{
	struct sh_chunk *chunk;

	if (cap > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = malloc(sizeof(*chunk) + cap);
	if (chunk != NULL)
		sh_queue_taken += sizeof(*chunk) + cap;
	return chunk;
}

static void
append(struct sh_queue *queue, struct sh_chunk *chunk)
{
	chunk->next = NULL;
	chunk->prev = queue->tail;
	if (queue->tail != NULL)
		queue->tail->next = chunk;
	else
		queue->head = chunk;
	queue->tail = chunk;
}

static struct sh_chunk *
add_chunk(struct sh_queue *queue, size_t len)
{
	struct sh_chunk *tail = queue->tail, *chunk;
	/* what is among references is short, as a rule */
	size_t cap =
	    tail == NULL || tail->shared != NULL ? CHUNK_FIRST : CHUNK_NEXT;

	chunk = allocate(cap < len ? len : cap);
	if (chunk == NULL)
		return NULL;
	chunk->shared = NULL;
	chunk->queue = NULL;
	chunk->begin = chunk->end = 0;
	chunk->cap = cap < len ? len : cap;
	append(queue, chunk);
	return chunk;
}

static bool
has_room(const struct sh_chunk *chunk, size_t len)
{
	return chunk != NULL && chunk->shared == NULL &&
	    chunk->cap - chunk->end >= len;
}

int
sh_queue_add(struct sh_queue *queue, const void *data, size_t len)
{
	struct sh_chunk *chunk = queue->tail;

	if (len == 0)
		return 0;
	/* a message is not split, so that it fits whole or not at all */
	if (!has_room(chunk, len)) {
		chunk = add_chunk(queue, len);
		if (chunk == NULL)
			return -SHOAL_ENOMEM;
	}
	memcpy(chunk->data + chunk->end, data, len);
	chunk->end += len;
	queue->len += len;
	return 0;
}

int
sh_queue_refer(struct sh_queue *queue, const struct sh_piece *piece)
{
	struct sh_chunk *chunk;

	if (piece->len == 0)
		return 0;
	chunk = allocate(0);
	if (chunk == NULL)
		return -SHOAL_ENOMEM;
	chunk->shared = sh_shared_hold(piece->shared);
	chunk->begin = piece->at;
	chunk->end = piece->at + piece->len;
	chunk->key = piece->key;
	chunk->queue = NULL;
	chunk->messages = piece->messages;
	chunk->begun = piece->begun;
	append(queue, chunk);
	if (piece->by_key)
		sh_queue_enter_key(queue, chunk);
	queue->len += piece->len;
	return 0;
}

void
sh_queue_append(struct sh_queue *queue, struct sh_queue *from)
{
	if (from->head == NULL)
		return;
	from->head->prev = queue->tail;
	if (queue->tail != NULL)
		queue->tail->next = from->head;
	else
		queue->head = from->head;
	queue->tail = from->tail;
	queue->len += from->len;
	*from = (struct sh_queue){ 0 };
}

size_t
sh_queue_peek(const struct sh_queue *queue, struct iovec *vectors, size_t max)
{
	struct sh_chunk *chunk;
	size_t n = 0;

	for (chunk = queue->head; chunk != NULL && n < max;
	     chunk = chunk->next) {
		char *data =
		    chunk->shared != NULL ? chunk->shared->data : chunk->data;

		vectors[n].iov_base = data + chunk->begin;
		vectors[n].iov_len = chunk->end - chunk->begin;
		n++;
	}
	return n;
}

static void
take_out(struct sh_queue *queue, struct sh_chunk *chunk)
{
	*(chunk->prev != NULL ? &chunk->prev->next : &queue->head) =
	    chunk->next;
	*(chunk->next != NULL ? &chunk->next->prev : &queue->tail) =
	    chunk->prev;
	queue->len -= chunk->end - chunk->begin;
	sh_queue_taken -=
	    sizeof(*chunk) + (chunk->shared == NULL ? chunk->cap : 0);
	sh_queue_leave_key(chunk);
	sh_shared_drop(&chunk->shared);
	free(chunk);
}

void
sh_queue_consume(struct sh_queue *queue, size_t n)
{
	sh_assert(n <= queue->len);
	while (n > 0) {
		struct sh_chunk *chunk = queue->head;
		size_t len = chunk->end - chunk->begin;

		if (n < len) {
			chunk->begin += n;
			chunk->begun = true;
			sh_queue_leave_key(chunk);
			queue->len -= n;
			return;
		}
		n -= len;
		take_out(queue, chunk);
	}
}

void
sh_queue_clear(struct sh_queue *queue)
{
	sh_queue_consume(queue, queue->len);
}

void
sh_queue_drop_chunk(
    struct sh_queue *queue, struct sh_chunk *chunk, struct sh_dropped *dropped)
{
	dropped->bytes += chunk->end - chunk->begin;
	dropped->messages += chunk->messages;
	take_out(queue, chunk);
}

struct sh_dropped
sh_queue_drop_oldest(struct sh_queue *queue)
{
	struct sh_dropped dropped = { 0 };
	struct sh_chunk *chunk = queue->head;

	while (chunk != NULL && !sh_chunk_is_waiting(chunk))
		chunk = chunk->next;
	if (chunk != NULL)
		sh_queue_drop_chunk(queue, chunk, &dropped);
	return dropped;
}

struct sh_dropped
sh_queue_drop_end(struct sh_queue *queue)
{
	struct sh_dropped dropped = { 0 };

	while (queue->tail != NULL && sh_chunk_is_waiting(queue->tail))
		sh_queue_drop_chunk(queue, queue->tail, &dropped);
	return dropped;
}
