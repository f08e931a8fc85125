/*
 * This file is how signals reach a worker that runs code of a program. That
 * code waits in system calls of its own, so nothing is blocked and nothing is
 * read from a signalfd: what a handler does is note, and tell the parent.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/** Take SIGTERM, and keep those away that a terminal sends to the whole group.
 *  retire_ms and orphan_ms are how long the worker may go on when SIGTERM
 *  comes from outside, and when it comes because the parent is gone. 0 or
 *  -errno. */
int sh_crew_signals_open(
    int channel_fd, pid_t parent, int retire_ms, int orphan_ms);
/** Have the kernel send SIGTERM when the parent dies. Another user forgets
 *  it. */
void sh_crew_signals_follow_parent(void);
/** Whether the worker is to end. */
bool sh_crew_is_ending(void);
/** Note that it is to end. Async-signal-safe. */
void sh_crew_end(void);
/** The parent is gone: note it, and end the process later if it does not end
 *  by itself. Async-signal-safe. */
void sh_crew_end_orphan(void);
/** Readable when the worker is to end. */
int sh_crew_end_fd(void);
