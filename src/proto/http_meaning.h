/*
 * This file judges what the fields of a request mean for the message itself:
 * where it ends and whether another may follow. It knows no resources.
 */
#pragma once

#include "proto/http_head.h"

/** Set body, body_len, host, keep_alive, upgrades and expects_continue of a
 *  head with all of its fields. 0, or the negated status: -400, -413, -417 or
 *  -501. */
int sh_http_head_judge(
    struct sh_http_head *head, const char *data, const char **why_out);
