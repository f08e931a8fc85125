/*
 * This file is what the files of a queue know of its parts; it is not for others.
 */
#pragma once

#include "io/id_table.h"
#include "io/queue.h"

/* Bytes of the queue's own, or a reference. */
struct sh_chunk {
	struct sh_chunk *next, *prev;
	struct sh_shared *shared; /* that the bytes are in, NULL: in data */
	size_t begin, end;        /* of the bytes not yet sent */
	union {
		size_t cap; /* of data */
		struct {
			struct sh_id_node node; /* see queue_keys.c */
			uint64_t key;
		};
	};
	struct sh_queue *queue; /* that it is found in by its key, or NULL */
	uint32_t messages;      /* in shared */
	bool begun;             /* likewise: some of it has gone */
	char data[];
};

/** Whether it may be dropped. */
static inline bool
sh_chunk_is_waiting(const struct sh_chunk *chunk)
{
	return chunk->shared != NULL && !chunk->begun;
}

/** Drop it, and count that. */
void sh_queue_drop_chunk(
    struct sh_queue *queue, struct sh_chunk *chunk, struct sh_dropped *dropped);
/** Let it be found by its key; no other one is. */
void sh_queue_enter_key(struct sh_queue *queue, struct sh_chunk *chunk);
/** No longer. */
void sh_queue_leave_key(struct sh_chunk *chunk);
