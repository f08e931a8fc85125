/* This file finds and opens the file of a module; it does not load it. */
#pragma once

#include <stddef.h>

/** Open a module: an absolute path, or a name in the module folder. Refuses
 *  files that others may write. A close-on-exec descriptor that the caller
 *  owns, or -errno with the reason and what to do in why. */
int sh_module_open(const char *name, char *why, size_t cap);
