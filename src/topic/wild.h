/*
 * This file finds the filters with wildcards that match a topic: a tree of
 * segments, so that it costs what matches and not what there is. It does not know
 * who has subscribed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "topic/hash.h"

struct sh_wild_node;

struct sh_wild {
	struct sh_hash edges; /* children by parent and segment */
	struct sh_wild_node *root;
	size_t count; /* filters */
};

/** Make an empty tree. 0 or -SHOAL_ENOMEM. */
int sh_wild_init(struct sh_wild *wild, uint64_t secret);
/** Free it, when there are no filters any more. Zeroes are fine. */
void sh_wild_fini(struct sh_wild *wild);
/** Add a valid filter, which is not there yet, and whose it is. 0 or
 *  -SHOAL_ENOMEM. */
int
sh_wild_add(struct sh_wild *wild, const char *filter, size_t len, void *owner);
/** Remove a filter that is there. */
void sh_wild_remove(struct sh_wild *wild, const char *filter, size_t len);

typedef void sh_wild_match_fn(void *owner, void *arg);

/** Call fn with the owner of each filter that matches a topic. fn may neither add
 *  nor remove. */
void sh_wild_match(const struct sh_wild *wild, const char *topic, size_t len,
    sh_wild_match_fn *fn, void *arg);
