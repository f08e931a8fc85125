/*
 * This file writes Set-Cookie and reads Cookie, RFC 6265 and 6265bis. It keeps
 * no cookies.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <shoal/response.h>

struct sh_buf;

/* No Set-Cookie is longer. */
enum { SH_HTTP_COOKIE_MAX = 8192 };

/** Append the value of a Set-Cookie field to a buffer that takes so much. 0;
 *  -SHOAL_EINVAL, with nothing appended, for what may not stand in one, or what
 *  browsers refuse: SameSite=None or Partitioned without Secure, a name with
 *  "__Secure-" or "__Host-" without what that asks for, a name and value of more
 *  than 4,096 bytes, an attribute of more than 1,024; -SHOAL_ENOMEM. */
int
sh_http_cookie_format(const struct shoal_cookie *cookie, struct sh_buf *out);
/** Find the first cookie of a name in the value of a Cookie field; the value is
 *  without white space and quotes around it, still encoded. Whether there was
 *  one. */
bool sh_http_cookie_find(const char *list, size_t list_len, const char *name,
    const char **value_out, size_t *value_len_out);
/** Decode the %XX of a value; %00 and a '%' without two digits stay what they
 *  are. out has to hold len bytes and may be text. The length; there is no NUL
 *  behind it. */
size_t sh_http_cookie_decode(char *out, const char *text, size_t len);
