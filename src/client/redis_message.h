/*
 * This file tells what a reply on a connection with subscriptions is. It keeps
 * nothing.
 */
#pragma once

#include <shoal/redis.h>

enum sh_redis_kind {
	SH_REDIS_KIND_OTHER, /* not known, or not of that form */
	SH_REDIS_KIND_MESSAGE,
	SH_REDIS_KIND_CHANGE, /* a subscription begun or ended */
	SH_REDIS_KIND_PONG,
	SH_REDIS_KIND_ERROR
};

/** What a reply on a connection with subscriptions is; a message is read into
 *  *message_out, which borrows. */
enum sh_redis_kind sh_redis_message_read(const struct shoal_redis_reply *reply,
    struct shoal_redis_message *message_out);
