/* This file reads Range and writes Content-Range, RFC 9110 14. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A Range with more of them is not obeyed. */
enum { SH_HTTP_RANGES_MAX = 16 };

struct sh_http_range {
	int64_t begin, end; /* bytes begin to end - 1 */
};

/** Find what a Range field asks for of something that has size bytes. Ranges
 *  that overlap or adjoin become one, in the place of the first of them; those
 *  that cannot be had are left out. Their number; 0 when the field is to be
 *  ignored: malformed, of another unit, too many,
 *  or size is 0; -416 when none can be had. */
int sh_http_range_parse(const char *text, size_t len, int64_t size,
    struct sh_http_range ranges_out[SH_HTTP_RANGES_MAX]);
