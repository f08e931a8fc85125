/*
 * This file writes and reads the dates of HTTP, RFC 9110 5.6.7. It knows no
 * clock, time zone or locale.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SH_HTTP_DATE_SIZE = sizeof("Sun, 06 Nov 1994 08:49:37 GMT") };

/** Write seconds since 1970 as IMF-fixdate. 0, or -ERANGE outside of the years
 *  1 to 9999; buf is untouched then. */
int sh_http_date_format(int64_t seconds, char buf[SH_HTTP_DATE_SIZE]);
/** Read a date of any of the three forms; of a year with two digits, it is the
 *  one that is at most 50 years after now (seconds since 1970). 0, or
 *  -SHOAL_EINVAL for anything else. */
int sh_http_date_parse(
    const char *text, size_t len, int64_t now, int64_t *seconds_out);
