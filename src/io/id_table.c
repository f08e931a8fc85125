/* This file finds objects by their number. */
#include "config.h"

#include "io/id_table.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"

enum { BITS_FIRST = 6 };

/* Numbers are handed out in sequence; multiplying spreads them. */
static size_t
bucket_of(uint64_t id, unsigned bits)
{
	return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits));
}

static int
grow(struct sh_id_table *table, unsigned bits)
{
	struct sh_id_node **buckets, *node, *next;
	size_t i, old = table->buckets != NULL ? (size_t)1 << table->bits : 0;

	buckets = sh_try_calloc((size_t)1 << bits, sizeof(struct sh_id_node *));
	if (buckets == NULL)
		return -SHOAL_ENOMEM;
	for (i = 0; i < old; i++) {
		for (node = table->buckets[i]; node != NULL; node = next) {
			size_t at = bucket_of(node->id, bits);

			next = node->next;
			node->next = buckets[at];
			buckets[at] = node;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->bits = bits;
	return 0;
}

void
sh_id_table_fini(struct sh_id_table *table)
{
	free(table->buckets);
	*table = (struct sh_id_table){ 0 };
}

int
sh_id_table_add(struct sh_id_table *table, struct sh_id_node *node)
{
	size_t at;

	if (table->buckets == NULL) {
		if (grow(table, BITS_FIRST) < 0)
			return -SHOAL_ENOMEM;
	} else if (table->count >= (size_t)1 << table->bits) {
		(void)grow(table, table->bits + 1);
	}
	at = bucket_of(node->id, table->bits);
	node->next = table->buckets[at];
	table->buckets[at] = node;
	table->count++;
	return 0;
}

struct sh_id_node *
sh_id_table_find(const struct sh_id_table *table, uint64_t id)
{
	struct sh_id_node *node;

	if (table->buckets == NULL)
		return NULL;
	node = table->buckets[bucket_of(id, table->bits)];
	while (node != NULL && node->id != id)
		node = node->next;
	return node;
}

void
sh_id_table_remove(struct sh_id_table *table, struct sh_id_node *node)
{
	struct sh_id_node **at =
	    &table->buckets[bucket_of(node->id, table->bits)];

	while (*at != node) {
		sh_assert(*at != NULL);
		at = &(*at)->next;
	}
	*at = node->next;
	table->count--;
}

struct sh_id_node *
sh_id_table_any(const struct sh_id_table *table)
{
	size_t i;

	if (table->count == 0)
		return NULL;
	for (i = 0; table->buckets[i] == NULL; i++)
		continue;
	return table->buckets[i];
}
