/* This file finds the filters with wildcards that match a topic. */
#include "config.h"

#include "topic/wild.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "topic/filter.h"
#include "topic/publication.h"

/* Where filters with the same first segments are one. '+' is a segment like
 * others; '#' is the end of a filter and not a node. */
struct sh_wild_node {
	struct sh_hash_node edge;
	struct sh_wild_node *parent; /* NULL: the root */
	size_t users;                /* children, and the two below */
	void *owner;                 /* of the filter that ends here, or NULL */
	void *below; /* of the one that ends with '#' behind it */
	size_t len;
	char segment[];
};

/* A walk along a topic. */
struct walk {
	const struct sh_wild *wild;
	sh_wild_match_fn *fn;
	void *arg;
};

static uint64_t
edge_hash(const struct sh_wild_node *parent, const char *segment, size_t len)
{
	return sh_hash_pair((uintptr_t)parent, sh_topic_hash(segment, len));
}

static struct sh_wild_node *
new_node(struct sh_wild_node *parent, const char *segment, size_t len)
{
	struct sh_wild_node *node = sh_try_calloc(1, sizeof(*node) + len);

	if (node == NULL)
		return NULL;
	node->parent = parent;
	node->len = len;
	memcpy(node->segment, segment, len);
	return node;
}

static struct sh_wild_node *
find_child(const struct sh_wild *wild, const struct sh_wild_node *parent,
    const char *segment, size_t len)
{
	struct sh_hash_node *edge =
	    sh_hash_find(&wild->edges, edge_hash(parent, segment, len));

	for (; edge != NULL; edge = sh_hash_find_next(edge)) {
		struct sh_wild_node *node =
		    SH_CONTAINER(edge, struct sh_wild_node, edge);

		if (node->parent == parent && node->len == len &&
		    memcmp(node->segment, segment, len) == 0)
			return node;
	}
	return NULL;
}

static struct sh_wild_node *
need_child(struct sh_wild *wild, struct sh_wild_node *parent,
    const char *segment, size_t len)
{
	struct sh_wild_node *node = find_child(wild, parent, segment, len);

	if (node != NULL)
		return node;
	node = new_node(parent, segment, len);
	if (node == NULL)
		return NULL;
	node->edge.hash = edge_hash(parent, segment, len);
	sh_hash_add(&wild->edges, &node->edge);
	parent->users++;
	return node;
}

/* Free what nobody needs any more, up to the root. */
static void
prune(struct sh_wild *wild, struct sh_wild_node *node)
{
	while (node->users == 0 && node->parent != NULL) {
		struct sh_wild_node *parent = node->parent;

		sh_hash_remove(&wild->edges, &node->edge);
		free(node);
		parent->users--;
		node = parent;
	}
}

int
sh_wild_init(struct sh_wild *wild, uint64_t secret)
{
	wild->count = 0;
	wild->root = new_node(NULL, "", 0);
	if (wild->root == NULL)
		return -SHOAL_ENOMEM;
	return sh_hash_init(&wild->edges, secret);
}

void
sh_wild_fini(struct sh_wild *wild)
{
	sh_assert(wild->count == 0);
	sh_hash_fini(&wild->edges);
	free(wild->root);
	wild->root = NULL;
}

/* The place of a filter's owner, made when it is not there if wild is not const. */
static void **
find_place(struct sh_wild *wild, const char *filter, size_t len, bool make,
    struct sh_wild_node **node_out)
{
	struct sh_wild_node *node = wild->root;

	while (len != 0) {
		size_t n = sh_segment_len(filter, len);
		struct sh_wild_node *child;

		*node_out = node;
		if (n == 1 && filter[0] == '#')
			return &node->below;
		child = make ? need_child(wild, node, filter, n)
			     : find_child(wild, node, filter, n);
		if (child == NULL)
			return NULL;
		node = child;
		n += n < len; /* the slash */
		filter += n;
		len -= n;
	}
	*node_out = node;
	return &node->owner;
}

int
sh_wild_add(struct sh_wild *wild, const char *filter, size_t len, void *owner)
{
	struct sh_wild_node *node;
	void **place = find_place(wild, filter, len, true, &node);

	if (place == NULL) {
		prune(wild, node);
		return -SHOAL_ENOMEM;
	}
	sh_assert(*place == NULL);
	*place = owner;
	node->users++;
	wild->count++;
	return 0;
}

void
sh_wild_remove(struct sh_wild *wild, const char *filter, size_t len)
{
	struct sh_wild_node *node;
	void **place = find_place(wild, filter, len, false, &node);

	sh_assert(place != NULL && *place != NULL);
	*place = NULL;
	node->users--;
	wild->count--;
	prune(wild, node);
}

static void
tell(const struct walk *walk, void *owner)
{
	if (owner != NULL)
		walk->fn(owner, walk->arg);
}

/* As deep as the topic has segments, and as filters that are there. */
static void
go(const struct walk *walk, const struct sh_wild_node *node, const char *topic,
    size_t len, bool wildcards)
{
	size_t n = sh_segment_len(topic, len);
	size_t past = n + (n < len);
	const struct sh_wild_node *child;

	if (wildcards)
		tell(walk, node->below);
	if (len == 0) {
		tell(walk, node->owner);
		return;
	}
	child = find_child(walk->wild, node, topic, n);
	if (child != NULL)
		go(walk, child, topic + past, len - past, true);
	child = wildcards ? find_child(walk->wild, node, "+", 1) : NULL;
	if (child != NULL)
		go(walk, child, topic + past, len - past, true);
}

void
sh_wild_match(const struct sh_wild *wild, const char *topic, size_t len,
    sh_wild_match_fn *fn, void *arg)
{
	const struct walk walk = { .wild = wild, .fn = fn, .arg = arg };

	/* a wildcard at the begin does not match what is shoal's own */
	if (wild->count != 0)
		go(&walk, wild->root, topic, len, topic[0] != '$');
}
