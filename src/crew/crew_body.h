/*
 * This file is what a message of the program consists of: bytes in a packet,
 * or a sealed memfd when they are too many. It sends nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proc/message.h"

/* A message on its way. */
struct sh_body {
	size_t len;
	int fd; /* of a memfd with the bytes, -1: they are in the packet */
	_Alignas(max_align_t) char bytes[SH_MESSAGE_TEXT_MAX];
};

/** Copy data into a body. 0, -SHOAL_ENOMEM or -errno. The descriptor is not
 *  registered; sh_body_close(). */
int sh_body_make(struct sh_body *body, const void *data, size_t len);
/** Take the body of a POST, or of a PARCEL with its descriptor, which is -1
 *  then. 0; -EMFILE when this process had no room for the descriptor;
 *  -SHOAL_EINVAL when somebody could still change it or it is too long. */
int
sh_body_take(struct sh_body *body, const struct sh_message *message, int *fd);
/** Make a POST or a PARCEL of it, for sh_channel_send() with body->fd. */
void
sh_body_put(const struct sh_body *body, int value, struct sh_message *message);
/** Close its descriptor, if it has one. */
void sh_body_close(struct sh_body *body);

/* Its bytes, as long as they are needed. */
struct sh_view {
	const void *data; /* never NULL */
	size_t len;
	void *map; /* NULL: not mapped */
};

/** Make the bytes readable; body must stay where it is, unless it has a
 *  descriptor. 0 or -errno. */
int sh_view_open(struct sh_view *view, const struct sh_body *body);
/** Unmap them; a view that is all zero is fine. */
void sh_view_close(struct sh_view *view);

/* Two numbers as the one value of a message. */
static inline int64_t
sh_pair_pack(uint32_t first, uint32_t second)
{
	return (int64_t)((uint64_t)first << 32 | second);
}

static inline uint32_t
sh_pair_first(int64_t pair)
{
	return (uint32_t)((uint64_t)pair >> 32);
}

static inline uint32_t
sh_pair_second(int64_t pair)
{
	return (uint32_t)pair;
}
