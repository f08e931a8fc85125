/* This file is what the printf functions of messages have in common. */
#pragma once

#include <stdarg.h>
#include "base/attr.h"

enum {
	SH_FORMAT_MAX = 64 * 1024,
	/* on the coroutine's stack; longer texts are rare */
	SH_FORMAT_SHORT = 1024
};

/** Format a text into room, of SH_FORMAT_SHORT bytes, or into memory of its own
 *  when that is too small: *text_out is one of them, and the caller's in the
 *  second case, free(3). Its length; -SHOAL_EMSGSIZE beyond SH_FORMAT_MAX;
 *  -SHOAL_EINVAL for a bad format; -SHOAL_ENOMEM. */
int sh_format_text(char *room, char **text_out, const char *format,
    va_list args) SH_PRINTF(3, 0);
/** Likewise, always into memory of the caller's: NULL when it failed, with the
 *  error in *len_out. A coroutine that waits afterwards has no room on its
 *  stack. */
char *
sh_format_copy(int *len_out, const char *format, va_list args) SH_PRINTF(2, 0);
