/*
 * This file lets one message of each key wait in a queue. With thousands of keys
 * a queue cannot be looked through for each message, so those that wait are found
 * by a table: one for all queues of the process, as few are ever full.
 */
#include "config.h"

#include "base/attr.h"
#include "io/queue_private.h"

static struct sh_id_table table;

static uint64_t
mix(const struct sh_queue *queue, uint64_t key)
{
	return (key ^ (uintptr_t)queue) * UINT64_C(0x9e3779b97f4a7c15);
}

static struct sh_chunk *
find(const struct sh_queue *queue, uint64_t key)
{
	struct sh_id_node *node = sh_id_table_find(&table, mix(queue, key));

	return node != NULL ? SH_CONTAINER(node, struct sh_chunk, node) : NULL;
}

/* Two queues may differ by as much as two keys do. */
static bool
is_it(const struct sh_chunk *chunk, const struct sh_queue *queue, uint64_t key)
{
	return chunk != NULL && chunk->queue == queue && chunk->key == key;
}

void
sh_queue_enter_key(struct sh_queue *queue, struct sh_chunk *chunk)
{
	/* who is not found is sent, which is no harm */
	if (find(queue, chunk->key) != NULL)
		return;
	chunk->node.id = mix(queue, chunk->key);
	if (sh_id_table_add(&table, &chunk->node) == 0)
		chunk->queue = queue;
}

void
sh_queue_leave_key(struct sh_chunk *chunk)
{
	if (chunk->queue == NULL)
		return;
	chunk->queue = NULL;
	sh_id_table_remove(&table, &chunk->node);
	if (table.count == 0)
		sh_id_table_fini(&table);
}

struct sh_dropped
sh_queue_drop_key(struct sh_queue *queue, uint64_t key)
{
	struct sh_chunk *chunk = find(queue, key);
	struct sh_dropped dropped = { 0 };

	if (is_it(chunk, queue, key) && sh_chunk_is_waiting(chunk))
		sh_queue_drop_chunk(queue, chunk, &dropped);
	return dropped;
}

struct sh_dropped
sh_queue_conflate(struct sh_queue *queue)
{
	struct sh_dropped dropped = { 0 };
	struct sh_chunk *chunk, *older;

	for (chunk = queue->head; chunk != NULL; chunk = chunk->next) {
		if (!sh_chunk_is_waiting(chunk) || chunk->queue != NULL)
			continue;
		older = find(queue, chunk->key);
		if (is_it(older, queue, chunk->key) &&
		    sh_chunk_is_waiting(older))
			sh_queue_drop_chunk(queue, older, &dropped);
		sh_queue_enter_key(queue, chunk);
	}
	return dropped;
}
