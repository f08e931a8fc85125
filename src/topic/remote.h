/*
 * This file sends to and closes connections by their number, on whichever worker of
 * this server they are.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sh_bus_link;
struct sh_remote;

/** Take what other workers send to connections of this one; the link is lent. 0 or
 *  -SHOAL_ENOMEM. */
int sh_remote_open(struct sh_bus_link *link, struct sh_remote **out);
/** End that. NULL is fine. */
void sh_remote_close(struct sh_remote **remote);

/** See shoal_send(). */
int sh_remote_send(uint64_t id, int type, const void *data, size_t len);
/** See shoal_close(). */
int sh_remote_close_conn(uint64_t id, int code, const char *reason);
