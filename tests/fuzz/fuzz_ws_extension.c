/*
 * This file gives arbitrary bytes to the negotiation of WebSocket extensions;
 * a newline begins another field. What was agreed on is within its bounds, the
 * same for a client that offers it again, and malformed fields change nothing.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proto/ws_extension.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_agreed(const struct sh_ws_extension *ext, enum shoal_ws_compression mode)
{
	char text[SH_WS_EXTENSION_MAX];
	struct sh_ws_extension none = { 0 };
	size_t len = sh_ws_extension_write(ext, text);

	sh_assert(len == strlen(text));
	if (!ext->deflates) {
		sh_assert(len == 0 && memcmp(ext, &none, sizeof(none)) == 0);
		return;
	}
	sh_assert(mode != SHOAL_WS_COMPRESSION_OFF);
	sh_assert(ext->server_bits >= SH_WS_WINDOW_BITS_MIN &&
	    ext->server_bits <= SH_WS_WINDOW_BITS_MAX);
	sh_assert(ext->client_bits >= SH_WS_WINDOW_BITS_MIN &&
	    ext->client_bits <= SH_WS_WINDOW_BITS_MAX);
	sh_assert(mode == SHOAL_WS_COMPRESSION_TAKEOVER ||
	    (!ext->server_takeover && !ext->client_takeover));
}

/* An answer is an offer that has the same answer. */
static void
check_again(const struct sh_ws_extension *ext, enum shoal_ws_compression mode)
{
	char text[SH_WS_EXTENSION_MAX], other[SH_WS_EXTENSION_MAX];
	struct sh_ws_extension again = { 0 };
	size_t len = sh_ws_extension_write(ext, text);
	int r = sh_ws_extension_take(&again, mode, text, len, NULL);

	sh_assert(r == 0);
	sh_ws_extension_write(&again, other);
	sh_assert(strcmp(text, other) == 0);
}

static void
negotiate(const uint8_t *data, size_t size, enum shoal_ws_compression mode)
{
	struct sh_ws_extension ext = { 0 };
	const uint8_t *end;
	size_t at = 0, len;

	do {
		struct sh_ws_extension before = ext;
		const char *why = NULL;
		char *field;
		int r;

		end = memchr(data + at, '\n', size - at);
		len = end != NULL ? (size_t)(end - data) - at : size - at;
		field = sh_xcalloc(1, len + 1);
		memcpy(field, data + at, len);
		/* exactly so many bytes, for the sanitizer */
		field = sh_xgrow(field, len != 0 ? len : 1, 1);
		r = sh_ws_extension_take(&ext, mode, field, len, &why);
		free(field);
		sh_assert(r == 0 || (r == -400 && why != NULL));
		sh_assert((r == 0 && !before.deflates) ||
		    memcmp(&before, &ext, sizeof(ext)) == 0);
		check_agreed(&ext, mode);
		check_again(&ext, mode);
		at += len + 1;
	} while (end != NULL && at < size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 4096)
		return 0;
	negotiate(data, size, SHOAL_WS_COMPRESSION_OFF);
	negotiate(data, size, SHOAL_WS_COMPRESSION_SHARED);
	negotiate(data, size, SHOAL_WS_COMPRESSION_TAKEOVER);
	return 0;
}
