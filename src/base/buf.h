/* This file is a growing byte buffer with a maximum set when it is made. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include "base/attr.h"

struct sh_buf {
	char *data;  /* NULL while empty; not NUL-terminated */
	size_t len;  /* bytes in use */
	size_t cap;  /* bytes allocated */
	size_t max;  /* bytes it may ever hold */
	bool failed; /* an append did not fit or found no memory */
};

/** Make an empty buffer that may hold max bytes. */
static inline void
sh_buf_init(struct sh_buf *buf, size_t max)
{
	*buf = (struct sh_buf){ .max = max };
}
/** Free what it holds; it is empty and usable afterwards. */
static inline void
sh_buf_fini(struct sh_buf *buf)
{
	if (buf->data != NULL)
		free(buf->data);
	sh_buf_init(buf, buf->max);
}
/** Make room for exactly len more bytes, or no less: it need not grow when they
 *  are appended. As sh_buf_add(). */
int sh_buf_reserve(struct sh_buf *buf, size_t len);
/** Append bytes (copies). 0, -SHOAL_EMSGSIZE past max, -SHOAL_ENOMEM; a
 *  failure takes nothing and sets failed. */
int sh_buf_add(struct sh_buf *buf, const void *data, size_t len);
/** Append text without its NUL. */
int sh_buf_puts(struct sh_buf *buf, const char *text);
/** Append formatted text. */
int sh_buf_printf(struct sh_buf *buf, const char *format, ...) SH_PRINTF(2, 3);
/** As sh_buf_printf(), with a va_list. */
int sh_buf_vprintf(struct sh_buf *buf, const char *format, va_list args)
    SH_PRINTF(2, 0);
/** Append a JSON string with its quotes; bytes that are not UTF-8 become
 *  U+FFFD. */
int sh_buf_json(struct sh_buf *buf, const char *text);
/** Drop n bytes from the front. */
void sh_buf_consume(struct sh_buf *buf, size_t n);
/** Give the content as a NUL-terminated string and leave the buffer empty.
 *  Owner: the caller, free(3). NULL when it had failed. */
char *sh_buf_take(struct sh_buf *buf);
