/* This file is a growing byte buffer with a maximum. */
#include "config.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/panic.h"

enum { BUF_FIRST = 256 };

/* Make room for len more bytes; cap is what to have when that takes more. */
static int
make_room(struct sh_buf *buf, size_t len, size_t cap)
{
	char *data;

	if (len > buf->max || buf->len > buf->max - len) {
		buf->failed = true;
		return -SHOAL_EMSGSIZE;
	}
	if (buf->len + len <= buf->cap)
		return 0;
	while (cap < buf->len + len)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (data == NULL) {
		buf->failed = true;
		return -SHOAL_ENOMEM;
	}
	buf->data = data;
	buf->cap = cap;
	return 0;
}

static int
reserve(struct sh_buf *buf, size_t len)
{
	return make_room(buf, len, buf->cap != 0 ? buf->cap : BUF_FIRST);
}

int
sh_buf_reserve(struct sh_buf *buf, size_t len)
{
	return make_room(buf, len, len <= buf->max ? buf->len + len : 1);
}

int
sh_buf_add(struct sh_buf *buf, const void *data, size_t len)
{
	int r = reserve(buf, len);

	if (r < 0 || len == 0)
		return r;
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	return 0;
}

int
sh_buf_puts(struct sh_buf *buf, const char *text)
{
	return sh_buf_add(buf, text, strlen(text));
}

int
sh_buf_vprintf(struct sh_buf *buf, const char *format, va_list args)
{
	char *text;
	int len = vasprintf(&text, format, args);
	int r;

	if (len < 0) {
		buf->failed = true;
		return -SHOAL_ENOMEM;
	}
	r = sh_buf_add(buf, text, (size_t)len);
	free(text);
	return r;
}

int
sh_buf_printf(struct sh_buf *buf, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = sh_buf_vprintf(buf, format, args);
	va_end(args);
	return r;
}

/* Length of the UTF-8 sequence at p, 0 when it is malformed. */
static size_t
utf8_len(const unsigned char *p)
{
	size_t i,
	    n = p[0] < 0x80               ? 1
	    : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
	    : (p[0] & 0xf0) == 0xe0       ? 3
	    : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
					  : 0;

	for (i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3 &&
	    ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)))
		return 0;
	if (n == 4 &&
	    ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)))
		return 0;
	return n;
}

int
sh_buf_json(struct sh_buf *buf, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	sh_buf_puts(buf, "\"");
	while (*p != '\0') {
		size_t n = utf8_len(p);

		if (n == 0) {
			sh_buf_puts(buf, "\\ufffd");
			n = 1;
		} else if (*p == '"' || *p == '\\') {
			sh_buf_printf(buf, "\\%c", *p);
		} else if (*p < 0x20) {
			sh_buf_printf(buf, "\\u%04x", *p);
		} else {
			sh_buf_add(buf, p, n);
		}
		p += n;
	}
	return sh_buf_puts(buf, "\"");
}

void
sh_buf_consume(struct sh_buf *buf, size_t n)
{
	sh_assert(n <= buf->len);
	buf->len -= n;
	if (buf->len != 0)
		memmove(buf->data, buf->data + n, buf->len);
}

char *
sh_buf_take(struct sh_buf *buf)
{
	char *text = NULL;

	buf->max++; /* the NUL is not content */
	if (!buf->failed && sh_buf_add(buf, "", 1) == 0) {
		text = buf->data;
		buf->data = NULL;
	}
	buf->max--;
	sh_buf_fini(buf);
	return text;
}
