/*
 * This file is the disk's side of forms: files without a name, which get one
 * when they are to stay. All of it blocks, and is for threads.
 */
#pragma once

#include <stddef.h>

/** Open a file that has no name, below a folder. A descriptor or -errno. */
int sh_form_file_open(const char *folder);
/** Likewise where the file system cannot make one at once: it has a name for a
 *  moment. */
int sh_form_file_open_unlinked(const char *folder);
/** Write all of it. 0 or -errno. */
int sh_form_file_write(int fd, const void *data, size_t len);
/** Give a file a name, or copy it where that cannot be done. 0 or -errno, and
 *  then nothing new is at the path. */
int sh_form_file_keep(int fd, const char *path);
