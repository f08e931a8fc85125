/*
 * This file is hiredis' reader of replies with limits on what it takes. It does
 * not wait: bytes are handed to it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "client/redis_reply.h"

enum {
	/* hiredis counts some lengths in an int */
	SH_REDIS_REPLY_CEILING = 1024 * 1024 * 1024
};

struct sh_redis_reader {
	redisReader *redis; /* made when the first bytes come */
	size_t max;         /* bytes of the replies between two refills */
	struct sh_redis_builder builder;
};

/** An empty reader; max is at most SH_REDIS_REPLY_CEILING. */
void sh_redis_reader_init(struct sh_redis_reader *reader, size_t max);
/** Forget everything; usable as after sh_redis_reader_init(). */
void sh_redis_reader_reset(struct sh_redis_reader *reader);
/** The limit counts from here on. Between replies only. */
void sh_redis_reader_refill(struct sh_redis_reader *reader);
/** Take bytes (copies). 0 or -SHOAL_ENOMEM, with which it has ended. */
int sh_redis_reader_feed(
    struct sh_redis_reader *reader, const void *data, size_t len);
/** The next whole reply. 1; 0 when more bytes are needed; -SHOAL_EPROTO,
 *  -SHOAL_EMSGSIZE past the limit, -SHOAL_ENOMEM: it has ended then. */
int sh_redis_reader_next(
    struct sh_redis_reader *reader, struct shoal_redis_reply **reply_out);
/** Whether nothing is left, not even a part. */
bool sh_redis_reader_is_empty(const struct sh_redis_reader *reader);
/** Give large buffers back; call it when a batch has been read. */
void sh_redis_reader_trim(struct sh_redis_reader *reader);
