/* This file collects the fields of an answer. */
#include "config.h"

#include "proto/http_lines.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "proto/http_answer.h"
#include "proto/http_chars.h"

void
sh_http_lines_init(struct sh_http_lines *lines)
{
	lines->data = lines->room;
	lines->len = 0;
	lines->cap = sizeof(lines->room);
}

void
sh_http_lines_fini(struct sh_http_lines *lines)
{
	if (lines->data != lines->room)
		free(lines->data);
	sh_http_lines_init(lines);
}

static int
grow(struct sh_http_lines *lines, size_t more)
{
	size_t cap = lines->cap;
	char *data;

	while (cap - lines->len < more)
		cap *= 2;
	data = sh_try_grow(
	    lines->data != lines->room ? lines->data : NULL, cap, 1);
	if (data == NULL)
		return -SHOAL_ENOMEM;
	if (lines->data == lines->room)
		memcpy(data, lines->room, lines->len);
	lines->data = data;
	lines->cap = cap;
	return 0;
}

static void
put(struct sh_http_lines *lines, const char *text, size_t len)
{
	memcpy(lines->data + lines->len, text, len);
	lines->len += len;
}

int
sh_http_lines_add_text(
    struct sh_http_lines *lines, const char *text, size_t len)
{
	if (lines->cap - lines->len < len && grow(lines, len) < 0)
		return -SHOAL_ENOMEM;
	put(lines, text, len);
	return 0;
}

int
sh_http_lines_add(
    struct sh_http_lines *lines, const char *name, const char *value)
{
	size_t name_len = strlen(name);

	if (!sh_http_is_name(name, name_len))
		return -SHOAL_EINVAL;
	return sh_http_lines_add_named(lines, name, name_len, value);
}

int
sh_http_lines_add_named(struct sh_http_lines *lines, const char *name,
    size_t name_len, const char *value)
{
	size_t value_len = strlen(value), len = name_len + value_len + 4;

	if (sh_http_span(SH_HTTP_VALUE, value, value_len) != value_len)
		return -SHOAL_EINVAL;
	if (lines->cap - lines->len < len && grow(lines, len) < 0)
		return -SHOAL_ENOMEM;
	put(lines, name, name_len);
	put(lines, ": ", 2);
	put(lines, value, value_len);
	put(lines, "\r\n", 2);
	return 0;
}

/* Length of the line that begins here, with its end. */
static size_t
line_len(const struct sh_http_lines *lines, size_t off)
{
	const char *end = memchr(lines->data + off, '\n', lines->len - off);

	return (size_t)(end - (lines->data + off)) + 1;
}

static bool
is_named(const struct sh_http_lines *lines, size_t off, const char *name,
    size_t name_len)
{
	return lines->len - off > name_len &&
	    lines->data[off + name_len] == ':' &&
	    sh_http_same_name(lines->data + off, name, name_len);
}

void
sh_http_lines_remove(struct sh_http_lines *lines, const char *name, size_t end)
{
	size_t name_len = strlen(name), off = 0, len;

	while (off < end) {
		len = line_len(lines, off);
		if (!is_named(lines, off, name, name_len)) {
			off += len;
			continue;
		}
		lines->len -= len;
		end -= len;
		memmove(lines->data + off, lines->data + off + len,
		    lines->len - off);
	}
}

bool
sh_http_lines_find(const struct sh_http_lines *lines, const char *name,
    const char **value_out, size_t *len_out)
{
	size_t name_len = strlen(name), off, len;

	for (off = 0; off < lines->len; off += len) {
		len = line_len(lines, off);
		if (!is_named(lines, off, name, name_len))
			continue;
		*value_out = lines->data + off + name_len + 2;
		*len_out = len - name_len - 4;
		return true;
	}
	return false;
}
