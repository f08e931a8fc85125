/* This file knows the media types of files by their names. */
#pragma once

#include <stdbool.h>

/** The type for the name of a file or a path, by what is behind its last dot,
 *  with a charset if it is a text; "application/octet-stream" for what is not
 *  known, and NULL. A constant. */
const char *sh_media_type(const char *name);
/** Whether something of this type, parameters are fine, is worth compressing.
 *  NULL is not. */
bool sh_media_type_is_compressible(const char *type);
