/*
 * This file turns a message for many into the bytes that go out: once for all
 * connections that get the same ones.
 */
#include "config.h"

#include <string.h>

#include "base/panic.h"
#include "session/deliver.h"
#include "session/tcp.h"
#include "session/ws_private.h"

enum { MIN_SHIFT = 8 /* behind the window's bits */ };

/* Who refers to earlier messages gets those for many as they are: these would
 * have to be compressed for each. */
static uint64_t
compression_of(const struct sh_ws_kind *kind)
{
	const struct sh_ws_extension *extension = &kind->intake.extension;

	if (!extension->deflates || extension->server_takeover ||
	    kind->pack_min > UINT64_MAX >> MIN_SHIFT)
		return 0;
	return (uint64_t)kind->pack_min << MIN_SHIFT | extension->server_bits;
}

bool
sh_deliver_form(struct sh_conn *conn, struct sh_deliver_form *form_out)
{
	const struct shoal_ws *ws = sh_ws_of_conn(conn);

	if (sh_conn_why(conn) != 0)
		return false;
	*form_out = (struct sh_deliver_form){ .is_ws = ws != NULL };
	if (ws == NULL)
		return sh_tcp_is(conn);
	form_out->compression = compression_of(sh_ws_kind(ws));
	return ws->state == SH_WS_OPEN;
}

size_t
sh_deliver_frame_max(size_t len)
{
	sh_assert(len <= SIZE_MAX - SH_WS_HEADER_MAX);
	return len + SH_WS_HEADER_MAX;
}

/* Whether it gets smaller. */
static bool
compress(struct sh_conn *conn, const struct sh_deliver_form *form,
    const void *data, size_t len, const void **packed_out, size_t *len_out)
{
	const struct sh_ws_kind *kind = sh_ws_kind(sh_ws_of_conn(conn));
	struct sh_ws_deflater *none = NULL;
	const uint8_t *packed;
	size_t n;

	if (form->compression == 0 || len < form->compression >> MIN_SHIFT)
		return false;
	n = sh_ws_compress(sh_ws_shared_deflate(), &kind->intake.extension,
	    &none, data, len, &packed);
	if (n == 0)
		return false;
	*packed_out = packed;
	*len_out = n;
	return true;
}

size_t
sh_deliver_frame(struct sh_conn *conn, const struct sh_deliver_form *form,
    int type, const void *data, size_t len, char *buf)
{
	uint8_t header[SH_WS_HEADER_MAX];
	size_t header_len = 0;

	if (form->is_ws) {
		bool packed = compress(conn, form, data, len, &data, &len);

		header_len = sh_ws_header_write(
		    header, (enum sh_ws_opcode)type, true, len);
		if (packed)
			header[0] |= SH_WS_COMPRESSED;
		memcpy(buf, header, header_len);
	}
	if (len != 0)
		memcpy(buf + header_len, data, len);
	return header_len + len;
}
