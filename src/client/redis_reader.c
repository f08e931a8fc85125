/* This file is hiredis' reader with limits. */
#include "config.h"

#include "client/redis_reader.h"

#include <string.h>
#include <hiredis/hiredis.h>

enum {
	/* every value begins with a line, which hiredis looks for from its
	 * beginning each time that bytes have come */
	LINE_MAX_BYTES = 64 * 1024,
	KEPT_MAX = 64 * 1024
};

void
sh_redis_reader_init(struct sh_redis_reader *reader, size_t max)
{
	*reader = (struct sh_redis_reader){ .max = max };
	sh_redis_reader_refill(reader);
}

void
sh_redis_reader_reset(struct sh_redis_reader *reader)
{
	if (reader->redis != NULL)
		redisReaderFree(reader->redis);
	sh_redis_reader_init(reader, reader->max);
}

void
sh_redis_reader_refill(struct sh_redis_reader *reader)
{
	reader->builder.left = reader->max;
}

int
sh_redis_reader_feed(
    struct sh_redis_reader *reader, const void *data, size_t len)
{
	if (reader->redis == NULL) {
		reader->redis =
		    redisReaderCreateWithFunctions(&sh_redis_builder_functions);
		if (reader->redis == NULL)
			return -SHOAL_ENOMEM;
		reader->redis->privdata = &reader->builder;
	}
	if (redisReaderFeed(reader->redis, data, len) != REDIS_OK)
		return -SHOAL_ENOMEM;
	return 0;
}

static int
tell_error(const struct sh_redis_reader *reader)
{
	if (reader->redis->err == REDIS_ERR_PROTOCOL)
		return -SHOAL_EPROTO;
	return reader->builder.error != 0 ? reader->builder.error
					  : -SHOAL_ENOMEM;
}

/* Whether what is there of a reply may grow. */
static int
check_rest(const struct sh_redis_reader *reader)
{
	const redisReader *redis = reader->redis;
	size_t rest = redis->len - redis->pos;

	if (rest > reader->builder.left)
		return -SHOAL_EMSGSIZE;
	if (rest > LINE_MAX_BYTES &&
	    memchr(redis->buf + redis->pos, '\n', LINE_MAX_BYTES) == NULL)
		return -SHOAL_EPROTO;
	return 0;
}

int
sh_redis_reader_next(
    struct sh_redis_reader *reader, struct shoal_redis_reply **reply_out)
{
	void *reply = NULL;

	if (reader->redis == NULL)
		return 0;
	reader->builder.error = 0;
	if (redisReaderGetReply(reader->redis, &reply) != REDIS_OK)
		return tell_error(reader);
	if (reply == NULL)
		return check_rest(reader);
	*reply_out = reply;
	return 1;
}

bool
sh_redis_reader_is_empty(const struct sh_redis_reader *reader)
{
	const redisReader *redis = reader->redis;

	return redis == NULL ||
	    (redis->pos == redis->len && redis->reply == NULL);
}

void
sh_redis_reader_trim(struct sh_redis_reader *reader)
{
	if (reader->redis != NULL && sh_redis_reader_is_empty(reader) &&
	    sdsalloc(reader->redis->buf) > KEPT_MAX)
		sh_redis_reader_reset(reader);
}
