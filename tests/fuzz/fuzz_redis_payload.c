/*
 * This file gives arbitrary bytes to who reads what has come by a channel of Redis,
 * or from an entry of a history.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "base/panic.h"
#include "topic/publication.h"
#include "broker/redis_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
see(const struct sh_publication *publication, const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	sh_assert(strlen(publication->topic) == publication->topic_len);
	sh_assert((const uint8_t *)publication->data + publication->len == end);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_publication publication;
	const uint8_t *number;

	if (sh_redis_entry_read(&publication, data, size) == 0)
		see(&publication, data, size);
	if (sh_redis_payload_read(&publication, &number, data, size) < 0)
		return 0;
	see(&publication, data, size);
	sh_assert(number > data && number + SH_REDIS_NUMBER_LEN < data + size);
	sh_assert((publication.epoch == 0) == (data[0] == 'P'));
	sh_assert((publication.offset == 0) == (data[0] == 'P'));
	return 0;
}
