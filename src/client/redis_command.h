/*
 * This file puts commands into bytes, with hiredis, and knows what some of them
 * do to a connection. It sends nothing.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* What a connection is in the middle of; would be lost with it. */
enum {
	SH_REDIS_MULTI = 1,
	SH_REDIS_WATCH = 2,
	SH_REDIS_ALTERED = 4 /* another database, user, ... */
};

/* What commands do to that. */
struct sh_redis_effect {
	unsigned char set, clear;
};

/* A command in bytes, or several. */
struct sh_redis_command {
	char *data;
	size_t len;
	struct sh_redis_effect effect;
};

/** Make one from a format of hiredis: %s, %b (pointer and size_t), %d and
 *  others of printf(3). 0; -SHOAL_EINVAL for a bad format, no command, or one
 *  that has a function of its own; -SHOAL_ENOMEM. Owner: the caller,
 *  sh_redis_command_free(). */
int sh_redis_command_format(
    struct sh_redis_command *command, const char *format, va_list args);
/** Likewise from words; lens NULL: up to their NUL. -SHOAL_EMSGSIZE above
 *  1 GiB. */
int sh_redis_command_argv(struct sh_redis_command *command, int argc,
    const char *const *argv, const size_t *lens);
/** Likewise, of any command. */
int sh_redis_command_raw(struct sh_redis_command *command, int argc,
    const char *const *argv, const size_t *lens);
/** Free its bytes. */
void sh_redis_command_free(struct sh_redis_command *command);
/** The effect of one after the other. */
struct sh_redis_effect
sh_redis_effect_then(struct sh_redis_effect first, struct sh_redis_effect then);
