/*
 * This file understands the target of a request: its form, host, path and
 * query. It decodes nothing; that is for uri.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/http_head.h"

/** Whether the text is a host with or without a port, RFC 3986 3.2.2; it may
 *  be empty. */
bool sh_http_host_is_valid(const char *text, size_t len);
/** Set form, path, query and host of the head from its method and target. 0 or
 *  -400. host is empty when the target has none. */
int sh_http_target_parse(
    struct sh_http_head *head, const char *data, const char **why_out);
