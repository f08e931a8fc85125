/* This file finds objects by a hash. */
#include "config.h"

#include "topic/hash.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"

enum { BITS_FIRST = 6 };

static uint64_t
mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccd;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53;
	return x ^ x >> 33;
}

uint64_t
sh_hash_pair(uint64_t a, uint64_t b)
{
	return mix(mix(a) + b);
}

static size_t
bucket_of(const struct sh_hash *table, uint64_t hash)
{
	return (size_t)(mix(hash ^ table->secret) >> (64 - table->bits));
}

int
sh_hash_init(struct sh_hash *table, uint64_t secret)
{
	*table = (struct sh_hash){ .bits = BITS_FIRST, .secret = secret };
	table->buckets =
	    sh_try_calloc((size_t)1 << BITS_FIRST, sizeof(*table->buckets));
	return table->buckets != NULL ? 0 : -SHOAL_ENOMEM;
}

void
sh_hash_fini(struct sh_hash *table)
{
	free(table->buckets);
	*table = (struct sh_hash){ 0 };
}

static void
insert(struct sh_hash *table, struct sh_hash_node *node)
{
	size_t at = bucket_of(table, node->hash);

	node->next = table->buckets[at];
	table->buckets[at] = node;
}

/* Without memory buckets get longer. */
static void
grow(struct sh_hash *table)
{
	size_t i, old_count = (size_t)1 << table->bits;
	struct sh_hash_node **old = table->buckets, **buckets;

	buckets = sh_try_calloc(old_count * 2, sizeof(struct sh_hash_node *));
	if (buckets == NULL)
		return;
	table->buckets = buckets;
	table->bits++;
	for (i = 0; i < old_count; i++) {
		while (old[i] != NULL) {
			struct sh_hash_node *node = old[i];

			old[i] = node->next;
			insert(table, node);
		}
	}
	free(old);
}

void
sh_hash_add(struct sh_hash *table, struct sh_hash_node *node)
{
	if (table->count >= (size_t)1 << table->bits)
		grow(table);
	insert(table, node);
	table->count++;
}

void
sh_hash_remove(struct sh_hash *table, struct sh_hash_node *node)
{
	struct sh_hash_node **at =
	    &table->buckets[bucket_of(table, node->hash)];

	while (*at != node) {
		sh_assert(*at != NULL);
		at = &(*at)->next;
	}
	*at = node->next;
	table->count--;
}

static struct sh_hash_node *
skip(struct sh_hash_node *node, uint64_t hash)
{
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

struct sh_hash_node *
sh_hash_find(const struct sh_hash *table, uint64_t hash)
{
	return skip(table->buckets[bucket_of(table, hash)], hash);
}

struct sh_hash_node *
sh_hash_find_next(const struct sh_hash_node *node)
{
	return skip(node->next, node->hash);
}

void
sh_hash_each(struct sh_hash *table,
    void (*fn)(struct sh_hash_node *node, void *arg), void *arg)
{
	struct sh_hash_node *node, *next;
	size_t i;

	if (table->buckets == NULL)
		return;
	for (i = 0; i < (size_t)1 << table->bits; i++) {
		for (node = table->buckets[i]; node != NULL; node = next) {
			next = node->next;
			fn(node, arg);
		}
	}
}
