/*
 * This file finds objects by their number; it does not own them. The objects
 * carry the node, so adding one never fails.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sh_id_node {
	uint64_t id;
	struct sh_id_node *next; /* of the same bucket */
};

struct sh_id_table {
	struct sh_id_node **buckets; /* NULL until the first one is added */
	size_t count;
	unsigned bits; /* there are 1 << bits buckets */
};

/** Free the buckets; the table must be empty of objects that are still used. */
void sh_id_table_fini(struct sh_id_table *table);
/** Add a node whose id is not in the table yet. 0, or -SHOAL_ENOMEM for the
 *  very first node only: without memory to grow, buckets get longer. */
int sh_id_table_add(struct sh_id_table *table, struct sh_id_node *node);
/** The node of an id, or NULL. */
struct sh_id_node *
sh_id_table_find(const struct sh_id_table *table, uint64_t id);
/** Remove a node that is in the table. */
void sh_id_table_remove(struct sh_id_table *table, struct sh_id_node *node);
/** Any node, or NULL when the table is empty. */
struct sh_id_node *sh_id_table_any(const struct sh_id_table *table);
