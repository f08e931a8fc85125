/*
 * This file parses the head of an HTTP/1 request: RFC 9112, RFC 9110. It keeps
 * no bytes, allocates nothing and does no I/O. It is strict: what two parsers
 * could read in two ways is refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of the bytes that were parsed. */
struct sh_http_text {
	uint32_t off, len;
};

struct sh_http_field {
	struct sh_http_text name, value; /* no white space around the value */
};

/* No head is longer than SH_HTTP_HEAD_MAX, whatever the limits say. */
enum { SH_HTTP_HEAD_MAX = 1 << 30 };

struct sh_http_limits {
	size_t head_size;   /* bytes, all of it; more: 431. At least 1 */
	size_t line_size;   /* bytes of the request line; more: 414 */
	size_t field_count; /* more: 431 */
};

/* What earlier looks at the same bytes have found out; all 0 when a request
 * begins, and again when it is there. */
struct sh_http_progress {
	uint32_t begin;   /* of the request line, behind empty lines */
	uint32_t line;    /* begin of the first line that has no end yet */
	uint32_t scanned; /* no line end between line and this */
	uint32_t field_count;
};

/* RFC 9112 3.2. */
enum sh_http_form {
	SH_HTTP_ORIGIN,    /* "/path?query" */
	SH_HTTP_ABSOLUTE,  /* "http://host/path?query" */
	SH_HTTP_AUTHORITY, /* "host:port", with CONNECT */
	SH_HTTP_ASTERISK   /* "*", with OPTIONS */
};

enum sh_http_body_kind {
	SH_HTTP_BODY_NONE,
	SH_HTTP_BODY_LENGTH,
	SH_HTTP_BODY_CHUNKED
};

struct sh_http_head {
	struct sh_http_text method, target;
	enum sh_http_form form;
	/* Of an absolute target without a path it is empty: that means "/", and
	 * "*" with OPTIONS. Empty with CONNECT too. Not decoded. */
	struct sh_http_text path;
	struct sh_http_text query; /* without the '?' */
	/* With the port, if any; of the target, or else of the Host field. It
	 * may be empty. */
	struct sh_http_text host;
	uint8_t minor; /* 0 or 1; HTTP/1.2 to 1.9 count as 1.1 */
	/* By version and Connection. */
	bool keep_alive;
	/* There will be no body before "100 Continue". */
	bool expects_continue;
	/* Connection: upgrade, and an Upgrade field, which is not looked at. */
	bool upgrades;
	enum sh_http_body_kind body;
	uint64_t body_len; /* of a body with a length; at most INT64_MAX */
	size_t len;        /* of the whole head; the body begins there */
	size_t field_count;
	/* Lent by the caller, of limits.field_count. */
	struct sh_http_field *fields;
};

/** Parse the head at the front of data.
 *
 *  When more bytes are there than last time, call again with all of them, at
 *  whatever address, and the same progress. The head and its fields are good
 *  only after a 1: between calls a worker may use them for others. Looking at
 *  bytes as they come takes time in proportion to their number.
 *
 *  A line is judged as soon as it has its end, the whole at the end of the
 *  head; the same bytes get the same judgement however they come.
 *
 *  1 when it is there; 0 when it takes more bytes; else the negated status of
 *  the answer that is due: -400, -413 (length of the body beyond INT64_MAX),
 *  -414, -417, -431, -501 (transfer coding other than chunked) or -505, with
 *  *why_out, if not NULL, a constant sentence. Where the next request would
 *  begin is unknown then: the connection has to end. */
int sh_http_head_parse(struct sh_http_head *head,
    const struct sh_http_limits *limits, const char *data, size_t len,
    struct sh_http_progress *progress, const char **why_out);
/** The first field of this name, or the next one behind after, which may be
 *  NULL. name is in lower case. NULL when there is none. */
const struct sh_http_field *sh_http_field_find(const struct sh_http_head *head,
    const char *data, const char *name, const struct sh_http_field *after);
