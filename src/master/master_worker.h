/* This file starts, tells, watches and buries one worker of a pool; when to do
 * so is the policy's business. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proc/message.h"

struct sh_pool;
struct sh_poll_set;

/** Fork a worker of a generation for a slot. 0, or -errno with why. */
int sh_worker_spawn(struct sh_pool *pool, uint32_t slot, uint64_t generation,
    int64_t now_ms, char *why, size_t cap);
/** Send DRAIN or STOP, and expect the end within ms. */
void sh_worker_tell(struct sh_pool *pool, uint32_t process,
    enum sh_message_type type, int64_t ms, int64_t now_ms);
/** Send a signal that ends it: SIGKILL, or SIGABRT when it stands still. */
void sh_worker_kill(
    struct sh_pool *pool, uint32_t process, int signal, int64_t now_ms);
/** Note which heartbeats have moved. */
void sh_worker_watch_heartbeats(struct sh_pool *pool, int64_t now_ms);
