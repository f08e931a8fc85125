/*
 * This file writes server-sent events, https://html.spec.whatwg.org 9.2. It
 * sends nothing.
 */
#pragma once

#include <shoal/response.h>

struct sh_buf;

/** Append an event with the empty line that ends it. 0; -SHOAL_EINVAL for line
 *  ends in type or id, a negative retry_ms, or a size that is too small;
 *  -SHOAL_ENOMEM. Something may have been appended then. */
int sh_http_event_format(const struct shoal_event *event, struct sh_buf *out);
