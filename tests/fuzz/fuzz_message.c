/*
 * This file feeds arbitrary packets to the decoding of messages. What decodes
 * must encode to the same bytes.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "base/panic.h"
#include "proc/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_message message;
	uint8_t bytes[SH_MESSAGE_MAX];

	if (sh_message_decode(&message, data, size) < 0)
		return 0;
	sh_assert(message.text[message.text_len] == '\0');
	sh_assert(strcmp(sh_message_type_str(message.type), "?") != 0);
	sh_assert(sh_message_encode(&message, bytes) == size);
	sh_assert(memcmp(bytes, data, size) == 0);
	return 0;
}
