/*
 * This file builds replies of Redis: it is called by hiredis' reader for every
 * value, outer ones first.
 *
 * A reply is a tree in an arena of its own: making a value costs no malloc, and
 * freeing a million of them some dozens. hiredis frees nothing but the root.
 */
#include "config.h"

#include "client/redis_reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/panic.h"

enum {
	TREE_MAGIC = 0x4ed15001,
	CHUNK_MIN = 512,
	CHUNK_MAX = 64 * 1024,
	ALIGNMENT = 8
};

struct chunk {
	struct chunk *next;
	size_t used, cap;
	char data[];
};

/* The root and what belongs to it. */
struct tree {
	uint32_t magic;
	size_t size; /* bytes of all of it */
	struct chunk *chunks;
	struct shoal_redis_reply root;
};

/* hiredis' numbers are its own. */
static const enum shoal_redis_type types[] = {
	[REDIS_REPLY_STRING] = SHOAL_REDIS_STRING,
	[REDIS_REPLY_ARRAY] = SHOAL_REDIS_ARRAY,
	[REDIS_REPLY_INTEGER] = SHOAL_REDIS_INTEGER,
	[REDIS_REPLY_NIL] = SHOAL_REDIS_NIL,
	[REDIS_REPLY_STATUS] = SHOAL_REDIS_STATUS,
	[REDIS_REPLY_ERROR] = SHOAL_REDIS_ERROR,
};

static struct tree *
tree_of(const struct shoal_redis_reply *root)
{
	struct tree *tree = SH_CONTAINER((uintptr_t)root, struct tree, root);

	/* an item of an array is not freed by itself */
	sh_assert(tree->magic == TREE_MAGIC);
	return tree;
}

static void *
allocate(struct sh_redis_builder *builder, size_t size)
{
	void *memory = NULL;

	if (size > builder->left) {
		builder->error = -SHOAL_EMSGSIZE;
		return NULL;
	}
	memory = malloc(size);
	if (memory == NULL)
		builder->error = -SHOAL_ENOMEM;
	else
		builder->left -= size;
	return memory;
}

/* Room for size bytes; what is large has a chunk to itself, behind the first
 * one, which has still room. */
static struct chunk *
add_chunk(struct sh_redis_builder *builder, struct tree *tree, size_t size)
{
	struct chunk *first = tree->chunks, *chunk;
	size_t cap = first == NULL ? CHUNK_MIN : first->cap * 2;

	cap = cap > CHUNK_MAX ? CHUNK_MAX : cap;
	if (size > builder->left) {
		builder->error = -SHOAL_EMSGSIZE;
		return NULL;
	}
	if (size > cap / 4)
		cap = size;
	/* the last bytes of a limit are as good as the first */
	if (cap + sizeof(*chunk) > builder->left)
		cap = size;
	chunk = allocate(builder, sizeof(*chunk) + cap);
	if (chunk == NULL)
		return NULL;
	chunk->used = 0;
	chunk->cap = cap;
	tree->size += sizeof(*chunk) + cap;
	if (first != NULL && cap == size) {
		chunk->next = first->next;
		first->next = chunk;
	} else {
		chunk->next = first;
		tree->chunks = chunk;
	}
	return chunk;
}

static void *
take(struct sh_redis_builder *builder, struct tree *tree, size_t size)
{
	struct chunk *chunk = tree->chunks;
	void *memory;

	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (chunk == NULL || chunk->cap - chunk->used < size)
		chunk = add_chunk(builder, tree, size);
	if (chunk == NULL)
		return NULL;
	memory = chunk->data + chunk->used;
	chunk->used += size;
	return memory;
}

static struct tree *
plant(struct sh_redis_builder *builder)
{
	struct tree *tree = allocate(builder, sizeof(*tree));

	if (tree == NULL)
		return NULL;
	memset(tree, 0, sizeof(*tree));
	tree->magic = TREE_MAGIC;
	tree->size = sizeof(*tree);
	return tree;
}

static struct tree *
find_tree(const redisReadTask *task)
{
	while (task->parent != NULL)
		task = task->parent;
	return tree_of(task->obj);
}

static void
uproot(struct tree *tree)
{
	struct chunk *chunk = tree->chunks, *next;

	tree->magic = 0;
	for (; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(tree);
}

/* A value of the task's type, in its place; tree_out is what it is part of. */
static struct shoal_redis_reply *
make(const redisReadTask *task, struct tree **tree_out)
{
	struct sh_redis_builder *builder = task->privdata;
	const struct shoal_redis_reply *array, **items;
	struct shoal_redis_reply *reply = NULL;
	struct tree *tree;

	if (task->parent == NULL) {
		tree = plant(builder);
		if (tree != NULL)
			reply = &tree->root;
	} else {
		tree = find_tree(task);
		reply = take(builder, tree, sizeof(*reply));
	}
	if (reply == NULL)
		return NULL;
	memset(reply, 0, sizeof(*reply));
	reply->type = types[task->type];
	if (task->parent != NULL) {
		array = task->parent->obj;
		items =
		    (const struct shoal_redis_reply **)(uintptr_t)array->items;
		items[task->idx] = reply;
	}
	*tree_out = tree;
	return reply;
}

/* hiredis frees the root that it knows of: not one that it never got. */
static void *
give_up(const redisReadTask *task, struct tree *tree)
{
	if (task->parent == NULL)
		uproot(tree);
	return NULL;
}

static void *
create_string(const redisReadTask *task, char *data, size_t len)
{
	struct tree *tree;
	struct shoal_redis_reply *reply = make(task, &tree);
	char *text;

	if (reply == NULL)
		return NULL;
	text = take(task->privdata, tree, len + 1);
	if (text == NULL)
		return give_up(task, tree);
	memcpy(text, data, len);
	text[len] = '\0';
	reply->text = text;
	reply->len = len;
	return reply;
}

static void *
create_array(const redisReadTask *task, int count)
{
	struct sh_redis_builder *builder = task->privdata;
	struct shoal_redis_reply *reply;
	struct tree *tree;
	void *items;

	/* what is more than an int is cut by hiredis, and may come to this */
	if (count < 0) {
		builder->error = -SHOAL_EPROTO;
		return NULL;
	}
	reply = make(task, &tree);
	if (reply == NULL || count == 0)
		return reply;
	items = take(builder, tree, (size_t)count * sizeof(void *));
	if (items == NULL)
		return give_up(task, tree);
	memset(items, 0, (size_t)count * sizeof(void *));
	reply->items = items;
	reply->count = (size_t)count;
	return reply;
}

static void *
create_integer(const redisReadTask *task, long long value)
{
	struct tree *tree;
	struct shoal_redis_reply *reply = make(task, &tree);

	if (reply != NULL)
		reply->integer = value;
	return reply;
}

static void *
create_nil(const redisReadTask *task)
{
	struct tree *tree;
	struct shoal_redis_reply *reply = make(task, &tree);

	/* the type of the task is what it could have been */
	if (reply != NULL)
		reply->type = SHOAL_REDIS_NIL;
	return reply;
}

static void
free_object(void *object)
{
	if (object != NULL)
		uproot(tree_of(object));
}

redisReplyObjectFunctions sh_redis_builder_functions = {
	.createString = create_string,
	.createArray = create_array,
	.createInteger = create_integer,
	.createNil = create_nil,
	.freeObject = free_object,
};

void
sh_redis_reply_free(struct shoal_redis_reply **reply)
{
	if (reply == NULL || *reply == NULL)
		return;
	uproot(tree_of(*reply));
	*reply = NULL;
}

size_t
sh_redis_reply_size(const struct shoal_redis_reply *reply)
{
	return tree_of(reply)->size;
}
