/*
 * This file finds objects by a hash; several may have the same. It does not own
 * them: they carry the node, so adding one never fails. Where an object comes to lie
 * depends on a secret, so that clients who choose topics cannot choose one place for
 * all of them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sh_hash_node {
	struct sh_hash_node *next; /* of the same bucket */
	uint64_t hash;
};

struct sh_hash {
	struct sh_hash_node **buckets; /* NULL until sh_hash_init() */
	size_t count;
	unsigned bits; /* there are 1 << bits buckets */
	uint64_t secret;
};

/** Make an empty table. 0 or -SHOAL_ENOMEM. */
int sh_hash_init(struct sh_hash *table, uint64_t secret);
/** Free the buckets; the objects are forgotten. Zeroes are fine. */
void sh_hash_fini(struct sh_hash *table);
/** Add a node, of which hash has been set. */
void sh_hash_add(struct sh_hash *table, struct sh_hash_node *node);
/** Remove a node that is in the table. */
void sh_hash_remove(struct sh_hash *table, struct sh_hash_node *node);
/** A node with a hash, or NULL ... */
struct sh_hash_node *sh_hash_find(const struct sh_hash *table, uint64_t hash);
/** ... and the one after it. */
struct sh_hash_node *sh_hash_find_next(const struct sh_hash_node *node);
/** Call fn for each node; it may remove that one only. */
void sh_hash_each(struct sh_hash *table,
    void (*fn)(struct sh_hash_node *node, void *arg), void *arg);
/** A hash of two things. */
uint64_t sh_hash_pair(uint64_t a, uint64_t b);
