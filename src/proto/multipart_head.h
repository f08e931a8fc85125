/* This file reads the head of a part of a multipart/form-data body. */
#pragma once

#include <stddef.h>

struct sh_multipart_part;

/** Read fields, each with its CR LF; head is written to, and lends what
 *  *part_out is set to. 0, or -400. */
int sh_multipart_head_parse(char *head, size_t len,
    struct sh_multipart_part *part_out, const char **why_out);
