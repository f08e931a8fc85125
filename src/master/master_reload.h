/* This file brings a new configuration into service, from the request to the
 * answer: check, bind, start, commit. A first start is the same with nothing
 * to go back to. */
#pragma once

#include <stdint.h>

#include "master/master_pool.h"

struct sh_checking;
struct sh_master;

/** Ask for a reload; while one is being started, it is put behind it, and
 *  further ones join that. timeout_ms 0: the settings'. *ticket_out, unless
 *  NULL, is what sh_command_answer_reload() will name; it is set before that
 *  can happen. */
void sh_reload_request(
    struct sh_master *master, int64_t timeout_ms, uint64_t *ticket_out);
/** Give up reloads that have not begun to start workers, since the master is
 *  stopping; who waits for one is told. */
void sh_reload_cancel(struct sh_master *master);
/** The check process has ended with these findings; borrows them, but for the
 *  descriptors that it takes. */
void sh_reload_checked(struct sh_master *master, struct sh_checking *findings);
/** The pool says what became of a generation. */
void sh_reload_outcome(
    enum sh_outcome outcome, uint64_t generation, const char *text, void *arg);
