/* This file tells the service manager what the master is doing: sd_notify(3).
 * Without libsystemd, or without NOTIFY_SOCKET, it does nothing. */
#pragma once

#include <stdint.h>

struct sh_master;

/** Learn whether a watchdog is wanted. */
void sh_notify_open(struct sh_master *master);
void sh_notify_ready(struct sh_master *master);
void sh_notify_reloading(struct sh_master *master);
/** A reload has ended, well or not: systemd has no word for "failed", the
 *  status line says it. */
void sh_notify_reloaded(struct sh_master *master);
void sh_notify_stopping(struct sh_master *master);
/** Send the status line every 10 s, and the watchdog's sign of life. */
void sh_notify_turn(struct sh_master *master, int64_t now_ms);
/** Milliseconds until turn() has something to say, -1: never. */
int64_t sh_notify_timeout_ms(const struct sh_master *master, int64_t now_ms);
