/* This file serves the control socket: it reads requests and writes answers;
 * what they mean is said elsewhere. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proc/plan.h"

struct sh_master;
struct sh_control_client;

/** Listen on the plan's control socket. 0; -SHOAL_EEXIST when another master
 *  answers there; -errno; with why. */
int sh_control_open(struct sh_master *master, const struct sh_plan *plan,
    char *why, size_t cap);
/** Close it and remove the socket file; callers see the end of file. */
void sh_control_close(struct sh_master *master);
/** Add the socket and its callers to the next wait. */
void sh_control_poll(struct sh_master *master);
/** Let a caller go, answered or not. */
void sh_control_drop(struct sh_control_client *client);
/** Answer a caller and let it go. */
void sh_control_answer(
    struct sh_control_client *client, int status, const char *text);
