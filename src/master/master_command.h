/* This file gives requests of the control socket their meaning. */
#pragma once

#include <stdint.h>

#include "master/pool_state.h"
#include "proc/control.h"

struct sh_control_client;
struct sh_exit;
struct sh_master;

/** Obey a request, or remember what its caller waits for. */
void sh_command_run(
    struct sh_control_client *client, const struct sh_control_request *request);
/** Tell every caller that waits for a reload how it ended. */
void sh_command_answer_reload(
    struct sh_master *master, uint64_t ticket, int status, const char *text);
/** Tell the process that started the daemon that it serves. */
void sh_command_announce_ready(struct sh_master *master);
/** A worker has gone; a pool's on_exit. */
void sh_command_process_gone(
    const struct sh_process *process, const struct sh_exit *how, void *arg);
/** Look after callers that wait for a replacement, for logs or too long. */
void sh_command_turn(struct sh_master *master, int64_t now_ms);
/** Milliseconds until turn() may have something to do, -1: only after an
 *  event. */
int64_t sh_command_timeout_ms(const struct sh_master *master, int64_t now_ms);
