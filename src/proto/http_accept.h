/* This file reads what a client accepts: Accept-Encoding, RFC 9110 12.5.3. */
#pragma once

#include <stddef.h>

/* Least and most of what is wanted at all. */
enum { SH_HTTP_QUALITY_MIN = 1, SH_HTTP_QUALITY_MAX = 1000 };

/** How much a client wants a content coding ("gzip", in lower case, or
 *  "identity") by the value of its Accept-Encoding: 0 for not at all to 1000.
 *  "identity" is at least 1, unless it is named with 0, or "*" is and it is not
 *  named. Elements that are malformed are passed over, the first one of a coding
 *  counts. */
unsigned
sh_http_accept_quality(const char *list, size_t len, const char *coding);
