/*
 * This file agrees with a client on compression and compresses what is sent to
 * it. The compressors that connections share are the process's, as it has one
 * loop.
 */
#include "config.h"

#include <string.h>

#include <shoal/request.h>

#include "base/attr.h"
#include "session/ws_private.h"

struct sh_ws_deflate *
sh_ws_shared_deflate(void)
{
	static struct sh_ws_deflate shared;

	return &shared;
}

int
sh_ws_negotiate(struct shoal_request *req,
    const struct shoal_ws_options *options,
    struct sh_ws_extension *extension_out, const char **why_out)
{
	const char *offers =
	    shoal_request_header(req, "Sec-WebSocket-Extensions");
	struct sh_ws_extension extension = { 0 };
	int r = 0;

	if (offers != NULL)
		r = sh_ws_extension_take(&extension, options->compression,
		    offers, strlen(offers), why_out);
	if (r == 0)
		*extension_out = extension;
	return -r;
}

size_t
sh_ws_pack(struct shoal_ws *ws, const void *data, size_t len,
    const uint8_t **packed_out)
{
	const struct sh_ws_kind *kind = sh_ws_kind(ws);
	const struct sh_ws_extension *extension = &kind->intake.extension;
	struct sh_ws_deflater *none = NULL;

	return sh_ws_compress(sh_ws_shared_deflate(), extension,
	    extension->server_takeover ? &sh_ws_need_busy(ws)->deflater : &none,
	    data, len, packed_out);
}

void
sh_ws_unpack(struct shoal_ws *ws)
{
	if (ws->busy == NULL)
		return;
	sh_ws_deflater_free(ws->busy->deflater);
	ws->busy->deflater = NULL;
}
