/*
 * This file allocates memory. Small fixed sizes use the x functions, which end
 * the process when there is none; sizes that a peer or a file chooses use the
 * try functions.
 */
#pragma once

#include <stddef.h>
#include "base/attr.h"

/** Zeroed memory of n objects; ends the process when there is none. */
void *sh_xcalloc(size_t n, size_t size);
/** Keep some MiB of what is freed: glibc gives the top of the heap back from 128
 *  KiB on, and each message that is put together there would cost two brk(2)
 *  and a fault for every page. For a process that is all ours. */
void sh_mem_keep_freed(void);
/** Copy of a string; ends the process when there is no memory. */
char *sh_xstrdup(const char *text);
/** Formatted string; ends the process when there is no memory. */
char *sh_xprintf(const char *format, ...) SH_PRINTF(1, 2);
/** Zeroed memory of n objects, NULL when there is none or n * size overflows. */
void *sh_try_calloc(size_t n, size_t size) SH_MUST_CHECK;
/** Grow an array to n objects; NULL and the old array stays when it fails. */
void *sh_try_grow(void *array, size_t n, size_t size) SH_MUST_CHECK;
/** As sh_try_grow(); ends the process when there is no memory. */
void *sh_xgrow(void *array, size_t n, size_t size);
