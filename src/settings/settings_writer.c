/*
 * This file writes nested groups, lists and values; it does not know which.
 */
#include "config.h"

#include "settings/settings_writer.h"

#include <string.h>

#include "base/panic.h"

enum { INDENT = 4, ORIGIN_COLUMN = 40 };

static void
indent(struct sh_writer *writer)
{
	sh_buf_printf(writer->out, "%*s", (int)(writer->depth * INDENT), "");
}

/* The separator, the indentation and the name of whatever comes next. */
static void
begin_entry(struct sh_writer *writer, const char *name)
{
	bool list = writer->close[writer->depth] == ')' || writer->json;

	if (writer->inner[writer->depth] && list)
		sh_buf_puts(writer->out, ",");
	if (writer->inner[writer->depth] || writer->depth > 0)
		sh_buf_puts(writer->out, "\n");
	writer->inner[writer->depth] = true;
	indent(writer);
	if (name != NULL && writer->json) {
		sh_buf_json(writer->out, name);
		sh_buf_puts(writer->out, ": ");
	} else if (name != NULL) {
		sh_buf_printf(writer->out, "%s = ", name);
	}
}

static void
push(struct sh_writer *writer, const char *name, const char *brackets)
{
	begin_entry(writer, name);
	sh_assert(writer->depth + 1 < SH_WRITER_DEPTH_MAX);
	writer->depth++;
	writer->inner[writer->depth] = false;
	writer->close[writer->depth] = brackets[1];
	sh_buf_add(writer->out, brackets, 1);
}

void
sh_writer_begin(
    struct sh_writer *writer, struct sh_buf *out, bool json, bool origin)
{
	*writer =
	    (struct sh_writer){ .out = out, .json = json, .origin = origin };
	if (json)
		push(writer, NULL, "{}");
}

void
sh_writer_end(struct sh_writer *writer)
{
	if (writer->json)
		sh_writer_close(writer);
	sh_assert(writer->depth == 0);
	sh_buf_puts(writer->out, "\n");
}

void
sh_writer_open_group(struct sh_writer *writer, const char *name)
{
	push(writer, name, "{}");
}

void
sh_writer_open_list(struct sh_writer *writer, const char *name)
{
	push(writer, name, writer->json ? "[]" : "()");
}

void
sh_writer_close(struct sh_writer *writer)
{
	char close = writer->close[writer->depth];
	bool inner = writer->inner[writer->depth];
	bool list;

	sh_assert(writer->depth > 0);
	writer->depth--;
	if (inner) {
		sh_buf_puts(writer->out, "\n");
		indent(writer);
	} else {
		sh_buf_puts(writer->out, " ");
	}
	sh_buf_add(writer->out, &close, 1);
	list = writer->json || writer->close[writer->depth] == ')';
	if (!list)
		sh_buf_puts(writer->out, ";");
}

/* Where the current line began. */
static size_t
column_of(const struct sh_buf *out)
{
	const char *newline =
	    out->len != 0 ? memrchr(out->data, '\n', out->len) : NULL;

	return newline != NULL ? out->len - (size_t)(newline + 1 - out->data)
			       : out->len;
}

void
sh_writer_value(struct sh_writer *writer, const char *name, const char *value,
    const char *origin)
{
	bool last_comma = writer->close[writer->depth] == ')';
	size_t column;

	begin_entry(writer, name);
	if (writer->json && writer->origin) {
		sh_buf_printf(
		    writer->out, "{ \"value\": %s, \"origin\": ", value);
		sh_buf_json(writer->out, origin);
		sh_buf_puts(writer->out, " }");
		return;
	}
	sh_buf_puts(writer->out, value);
	if (writer->json)
		return;
	if (!last_comma)
		sh_buf_puts(writer->out, ";");
	if (!writer->origin || last_comma)
		return;
	column = column_of(writer->out);
	sh_buf_printf(writer->out, "%*s  # %s",
	    column < ORIGIN_COLUMN ? (int)(ORIGIN_COLUMN - column) : 0, "",
	    origin);
}
