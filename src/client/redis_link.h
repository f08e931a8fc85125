/*
 * This file is one connection to Redis: bytes of commands out, replies in. It
 * does not know what they mean, and does not connect again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include "client/redis_reader.h"

struct sh_socket;

struct sh_redis_link {
	struct sh_socket *socket; /* NULL while there is none */
	struct sh_redis_reader reader;
};

/** One that is closed; its replies take at most reply_max bytes. */
void sh_redis_link_init(struct sh_redis_link *link, size_t reply_max);
/** Connect; as sh_socket_connect(). */
int sh_redis_link_open(
    struct sh_redis_link *link, const char *address, int64_t deadline_us);
/** Close; who waits on it gets -SHOAL_ECANCELED. Fine when it is closed. */
void sh_redis_link_close(struct sh_redis_link *link);
/** Whether it is open. */
bool sh_redis_link_is_open(const struct sh_redis_link *link);
/** Whether it can take a command: 0; -SHOAL_ENOTCONN when it is closed, ended
 *  or something has come that nobody asked for; -SHOAL_ECANCELED,
 *  -SHOAL_ENOMEM as sh_await(). */
int sh_redis_link_check(struct sh_redis_link *link);
/** Send commands. As sh_socket_send(). */
int sh_redis_link_send(struct sh_redis_link *link, const void *data, size_t len,
    int64_t deadline_us);
/** Likewise, of several places. */
int sh_redis_link_sendv(struct sh_redis_link *link, const struct iovec *parts,
    int count, int64_t deadline_us);
/** Wait for a reply. A timeout loses nothing of it. As sh_await() and
 *  sh_redis_reader_next(); -SHOAL_ECONNRESET also at the end. */
int sh_redis_link_read(struct sh_redis_link *link, int64_t deadline_us,
    struct shoal_redis_reply **reply_out);
/** Milliseconds up to a deadline, for those who want a timeout. */
int sh_redis_left_ms(int64_t deadline_us);
