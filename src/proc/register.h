/*
 * This file remembers the descriptors that shoal has opened in the master, so
 * that a child closes exactly those and none of the embedding program's.
 */
#pragma once

/** Open /dev/null in the place of those of the numbers 0 to 2 that are closed,
 *  or something of ours would get them, and the log be written into it. */
void sh_register_fill_standard(void);
/** Remember a descriptor; returns it. */
int sh_register_add(int fd);
/** Close a descriptor and forget it; -1 is ignored. Sets *fd to -1. */
void sh_register_close(int *fd);
/** In a child: close all that is remembered but those in keep, and forget
 *  all. A sibling's listener that stays open swallows connections. */
void sh_register_close_all_but(const int *keep, unsigned count);
