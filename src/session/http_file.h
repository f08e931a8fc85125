/*
 * This file is an answer that comes from a file, for the files of the session
 * that make it; it is not for other folders.
 */
#pragma once

#include <stdint.h>
#include <shoal/response.h>
#include "proto/http_range.h"
#include "session/http_private.h"

struct sh_http_file {
	struct shoal_request *req;
	int fd;
	int timeout_ms;
	const char *type; /* NULL: the handler has set one */
	int64_t offset;   /* of what is to be seen of the file ... */
	int64_t size;     /* ... and its bytes */
	int range_count;  /* 0: all of it; -416 */
	struct sh_http_range ranges[SH_HTTP_RANGES_MAX];
};

/** Send the answer with one span of it as the body; status and fields are
 *  set. */
int sh_http_file_send(struct sh_http_file *file, struct sh_http_range span);
/** Send all ranges, as multipart/byteranges. */
int sh_http_file_send_parts(struct sh_http_file *file);
