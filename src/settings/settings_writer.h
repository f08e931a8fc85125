/*
 * This file writes nested groups, lists and values as libconfig's syntax or as
 * JSON.
 */
#pragma once

#include <stdbool.h>
#include "base/buf.h"

enum { SH_WRITER_DEPTH_MAX = 64 };

struct sh_writer {
	struct sh_buf *out;
	bool json, origin;
	unsigned depth;
	bool inner[SH_WRITER_DEPTH_MAX]; /* something stands in it already */
	char close[SH_WRITER_DEPTH_MAX];
};

/** Begin the whole; origin as of struct sh_settings_dump_options. */
void sh_writer_begin(
    struct sh_writer *writer, struct sh_buf *out, bool json, bool origin);
void sh_writer_end(struct sh_writer *writer);
/** Open a group or a list; name is NULL in a list. */
void sh_writer_open_group(struct sh_writer *writer, const char *name);
void sh_writer_open_list(struct sh_writer *writer, const char *name);
/** Close what was opened last. */
void sh_writer_close(struct sh_writer *writer);
/** Write a value that is in the writer's syntax already; origin says where it
 *  comes from. */
void sh_writer_value(struct sh_writer *writer, const char *name,
    const char *value, const char *origin);
