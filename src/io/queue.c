/* This file keeps bytes that the kernel did not take, in order. */
#include "config.h"

#include "io/queue.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/panic.h"
#include "io/shared.h"

enum {
	/* most queues hold one small message and are gone at the turn's end */
	CHUNK_FIRST = 1024 - 64,
	CHUNK_NEXT = 16384 - 64
};

struct sh_chunk {
	struct sh_chunk *next;
	struct sh_shared *shared; /* that the bytes are in, NULL: in data */
	size_t begin, end;        /* of the bytes not yet sent */
	union {
		size_t cap; /* of data */
		uint64_t key;
	};
	uint32_t messages; /* in shared */
	bool begun;        /* likewise: some of it has gone */
	char data[];
};

/* Of all queues of the process, which has one loop. */
static size_t memory;

static struct sh_chunk *
allocate(size_t cap)
{
	struct sh_chunk *chunk;

	if (cap > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = malloc(sizeof(*chunk) + cap);
	if (chunk != NULL)
		memory += sizeof(*chunk) + cap;
	return chunk;
}

static void
append(struct sh_queue *queue, struct sh_chunk *chunk)
{
	chunk->next = NULL;
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
	chunk->messages = piece->messages;
	chunk->begun = piece->begun;
	append(queue, chunk);
	queue->len += piece->len;
	return 0;
}

void
sh_queue_append(struct sh_queue *queue, struct sh_queue *from)
{
	if (from->head == NULL)
		return;
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

/* Take one out, of which *link is what refers to it, and free it. */
static void
take_out(struct sh_queue *queue, struct sh_chunk **link, struct sh_chunk *last)
{
	struct sh_chunk *chunk = *link;

	*link = chunk->next;
	if (chunk->next == NULL)
		queue->tail = last;
	queue->len -= chunk->end - chunk->begin;
	memory -= sizeof(*chunk) + (chunk->shared == NULL ? chunk->cap : 0);
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
			queue->len -= n;
			return;
		}
		n -= len;
		take_out(queue, &queue->head, NULL);
	}
}

void
sh_queue_clear(struct sh_queue *queue)
{
	sh_queue_consume(queue, queue->len);
}

static bool
may_drop(const struct sh_chunk *chunk)
{
	return chunk->shared != NULL && !chunk->begun;
}

static void
drop(struct sh_queue *queue, struct sh_chunk **link, struct sh_chunk *last,
    struct sh_dropped *dropped)
{
	dropped->bytes += (*link)->end - (*link)->begin;
	dropped->messages += (*link)->messages;
	take_out(queue, link, last);
}

struct sh_dropped
sh_queue_drop_oldest(struct sh_queue *queue)
{
	struct sh_dropped dropped = { 0 };
	struct sh_chunk **link = &queue->head, *last = NULL;

	while (*link != NULL && !may_drop(*link)) {
		last = *link;
		link = &last->next;
	}
	if (*link != NULL)
		drop(queue, link, last, &dropped);
	return dropped;
}

struct sh_dropped
sh_queue_drop_key(struct sh_queue *queue, uint64_t key)
{
	struct sh_dropped dropped = { 0 };
	struct sh_chunk **link = &queue->head, *last = NULL;

	while (*link != NULL) {
		if (may_drop(*link) && (*link)->key == key) {
			drop(queue, link, last, &dropped);
			continue;
		}
		last = *link;
		link = &last->next;
	}
	return dropped;
}

struct sh_dropped
sh_queue_drop_end(struct sh_queue *queue)
{
	struct sh_dropped dropped = { 0 };
	struct sh_chunk **link = &queue->head, **end = link, *last = NULL;

	for (; *link != NULL; link = &(*link)->next) {
		if (may_drop(*link))
			continue;
		last = *link;
		end = &last->next;
	}
	while (*end != NULL)
		drop(queue, end, last, &dropped);
	return dropped;
}

size_t
sh_queue_memory(void)
{
	return memory;
}
