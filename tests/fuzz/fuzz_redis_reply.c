/*
 * This file feeds arbitrary bytes to the reader of Redis' replies, whole and
 * in small pieces, which have to make the same replies.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "base/panic.h"
#include "client/redis_reader.h"

enum { LIMIT = 64 * 1024, PIECE = 7 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Look at every byte of a reply: a sum of all of it. */
static uint64_t
sum(const struct shoal_redis_reply *reply)
{
	uint64_t total = (uint64_t)reply->type + (uint64_t)reply->integer;
	size_t i;

	for (i = 0; i < reply->len; i++)
		total = total * 31 + (unsigned char)reply->text[i];
	sh_assert(reply->text == NULL || reply->text[reply->len] == '\0');
	for (i = 0; i < reply->count; i++)
		total = total * 37 + sum(reply->items[i]);
	return total;
}

/* Read all replies of what was fed. Their sum; *error_out is what ended it. */
static uint64_t
read_all(struct sh_redis_reader *reader, int *error_out)
{
	struct shoal_redis_reply *reply;
	uint64_t total = 0;
	int r;

	while ((r = sh_redis_reader_next(reader, &reply)) == 1) {
		total += sum(reply);
		sh_assert(sh_redis_reply_size(reply) <= LIMIT);
		sh_redis_reply_free(&reply);
		sh_redis_reader_refill(reader);
	}
	*error_out = r;
	return total;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_redis_reader whole, pieces;
	uint64_t first = 0, second = 0;
	size_t at, n;
	int r = 0, s = 0;

	/* past the limit it matters how much comes at once */
	if (size > LIMIT / 2)
		return 0;
	sh_redis_reader_init(&whole, LIMIT);
	sh_redis_reader_init(&pieces, LIMIT);
	sh_assert(sh_redis_reader_feed(&whole, data, size) == 0);
	first = read_all(&whole, &r);
	for (at = 0; at < size && s == 0; at += n) {
		n = size - at < PIECE ? size - at : PIECE;
		sh_assert(sh_redis_reader_feed(&pieces, data + at, n) == 0);
		second += read_all(&pieces, &s);
	}
	sh_assert(first == second);
	sh_assert(r == s || r == -SHOAL_EMSGSIZE || s == -SHOAL_EMSGSIZE);
	sh_redis_reader_reset(&whole);
	sh_redis_reader_reset(&pieces);
	return 0;
}
