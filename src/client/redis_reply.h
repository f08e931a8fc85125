/*
 * This file builds replies of Redis out of what hiredis reads, each in memory
 * of its own with a limit. It reads no bytes and does not wait.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <hiredis/read.h>

#include <shoal/redis.h>

/* What replies are built with; privdata of hiredis' reader points to it. */
struct sh_redis_builder {
	size_t left; /* bytes that may still be taken */
	int error;   /* why the last object was not made */
};

/** What hiredis calls; pass it to redisReaderCreateWithFunctions(). */
extern redisReplyObjectFunctions sh_redis_builder_functions;

/** Free a reply, a whole one; NULL is fine. */
void sh_redis_reply_free(struct shoal_redis_reply **reply);
/** Bytes that a whole reply takes. */
size_t sh_redis_reply_size(const struct shoal_redis_reply *reply);
