/*
 * This file is the grammar of the head of an HTTP/1 answer (RFC 9112 4 and 7.1,
 * RFC 9110 5 and 15): reasons, names, numbers, the framing of chunks. It keeps
 * nothing and does no I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SH_HTTP_REASON_MAX = 128,
	SH_HTTP_STATUS_LINE_MAX = 13 + SH_HTTP_REASON_MAX + 2,
	SH_HTTP_DECIMAL_MAX = 20,
	SH_HTTP_CHUNK_HEAD_MAX = 18
};

/** The reason that belongs to a status, "" for one that is not known. */
const char *sh_http_reason(int status);
/** Whether a text may be the reason of a status line. */
bool sh_http_is_reason(const char *text);
/** Whether a text is the name of a field. */
bool sh_http_is_name(const char *name, size_t len);
/** Whether two names of the same length are the same, but for case. */
bool sh_http_same_name(const char *a, const char *b, size_t len);
/** Whether an answer with this status may have a body. */
bool sh_http_has_body(int status);
/** Write a status line with its end; its length. */
size_t sh_http_status_line(
    char out[SH_HTTP_STATUS_LINE_MAX], int status, const char *reason);
/** Write a number; its length. */
size_t sh_http_decimal(char out[SH_HTTP_DECIMAL_MAX], uint64_t n);
/** Read a number that is all of a text; false when it is none, or beyond
 *  INT64_MAX. */
bool sh_http_number(const char *text, uint64_t *n_out);
/** Write what comes before a chunk of so many bytes, not 0; its length. Behind
 *  the chunk comes CR LF. */
size_t sh_http_chunk_head(char out[SH_HTTP_CHUNK_HEAD_MAX], size_t len);
