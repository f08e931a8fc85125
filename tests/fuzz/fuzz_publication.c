/*
 * This file gives arbitrary bytes to the decoder of publications. What it takes is
 * what the encoder would have written.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "base/panic.h"
#include "topic/filter.h"
#include "topic/publication.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_publication publication;
	uint8_t head[SH_PUBLICATION_HEADER_MAX];
	size_t n;

	if (sh_publication_decode(&publication, data, size) < 0)
		return 0;
	sh_assert(strlen(publication.topic) == publication.topic_len);
	sh_assert(sh_topic_is_formed(publication.topic, publication.topic_len));
	n = sh_publication_encode(&publication, head);
	sh_assert(n + publication.len == size);
	sh_assert(memcmp(head, data, n) == 0);
	return 0;
}
