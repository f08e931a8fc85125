/* This file runs the check process and collects what it finds; it does not
 * know how a configuration is read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sh_master;

enum { SH_CHECK_TIMEOUT_MS = 30000 };

/** Fork the check process. 0, or -errno with why. */
int sh_checking_start(
    struct sh_master *master, int64_t now_ms, char *why, size_t cap);
/** Whether one is under way. */
bool sh_checking_is_active(const struct sh_master *master);
/** End it, and free what it has sent. */
void sh_checking_stop(struct sh_master *master);
/** Add its descriptors to the next wait. When it has ended,
 *  sh_reload_checked() is called. */
void sh_checking_poll(struct sh_master *master);
/** End it when it has taken too long. */
void sh_checking_turn(struct sh_master *master, int64_t now_ms);
