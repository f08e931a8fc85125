/* This file makes commands for Redis. */
#include "config.h"

#include "client/redis_command.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <hiredis/hiredis.h>

#include <shoal/error.h>

#include "base/attr.h"

enum {
	NAME_MAX_LEN = 16,
	/* of a command, enough to find its name in */
	HEAD_LEN = 64,
	COMMAND_MAX = 1024 * 1024 * 1024,
	WORD_COST = 32,
	REFUSED = 0x80
};

/* The first word of a command. */
struct name {
	char text[NAME_MAX_LEN + 1]; /* empty when it is longer */
	bool found;
};

static const struct {
	const char *name;
	unsigned char set, clear;
} known[] = {
	{ "MULTI", SH_REDIS_MULTI, 0 },
	{ "EXEC", 0, SH_REDIS_MULTI | SH_REDIS_WATCH },
	{ "DISCARD", 0, SH_REDIS_MULTI | SH_REDIS_WATCH },
	{ "WATCH", SH_REDIS_WATCH, 0 },
	{ "UNWATCH", 0, SH_REDIS_WATCH },
	{ "SELECT", SH_REDIS_ALTERED, 0 },
	{ "AUTH", SH_REDIS_ALTERED, 0 },
	{ "CLIENT", SH_REDIS_ALTERED, 0 },
	{ "READONLY", SH_REDIS_ALTERED, 0 },
	{ "READWRITE", SH_REDIS_ALTERED, 0 },
	{ "RESET", SH_REDIS_ALTERED, SH_REDIS_MULTI | SH_REDIS_WATCH },
	/* answered more than once, or with what hiredis does not read */
	{ "SUBSCRIBE", REFUSED, 0 },
	{ "PSUBSCRIBE", REFUSED, 0 },
	{ "SSUBSCRIBE", REFUSED, 0 },
	{ "UNSUBSCRIBE", REFUSED, 0 },
	{ "PUNSUBSCRIBE", REFUSED, 0 },
	{ "SUNSUBSCRIBE", REFUSED, 0 },
	{ "MONITOR", REFUSED, 0 },
	{ "SYNC", REFUSED, 0 },
	{ "PSYNC", REFUSED, 0 },
	{ "HELLO", REFUSED, 0 },
};

/* Of the values of a command only the first word matters; the others are
 * "made" of this. */
static char some_value;

static void *
see_string(const redisReadTask *task, char *data, size_t len)
{
	struct name *name = task->privdata;

	if (task->idx == 0 && !name->found) {
		name->found = len != 0;
		if (len <= NAME_MAX_LEN)
			memcpy(name->text, data, len);
	}
	return &some_value;
}

static void *
see_array(const redisReadTask *task, int count)
{
	return &some_value;
}

static void *
see_integer(const redisReadTask *task, long long value)
{
	return &some_value;
}

static void *
see_nil(const redisReadTask *task)
{
	return &some_value;
}

static void
forget(void *object)
{
}

static redisReplyObjectFunctions seeing = {
	.createString = see_string,
	.createArray = see_array,
	.createInteger = see_integer,
	.createNil = see_nil,
	.freeObject = forget,
};

/* A command has the form of a reply, so hiredis' reader finds its name: what
 * the format has put together is known in no other way. */
static int
find_name(const struct sh_redis_command *command, struct name *name)
{
	size_t len = command->len < HEAD_LEN ? command->len : HEAD_LEN;
	redisReader *reader = redisReaderCreateWithFunctions(&seeing);
	void *reply;
	int r = 0;

	if (reader == NULL)
		return -SHOAL_ENOMEM;
	memset(name, 0, sizeof(*name));
	reader->privdata = name;
	if (redisReaderFeed(reader, command->data, len) != REDIS_OK)
		r = -SHOAL_ENOMEM;
	else
		(void)redisReaderGetReply(reader, &reply);
	redisReaderFree(reader);
	return r;
}

static int
look_up(struct sh_redis_command *command)
{
	struct name name;
	size_t i;
	int r;

	r = find_name(command, &name);
	if (r < 0)
		return r;
	/* Redis does not answer to nothing; a longer name is not looked at */
	if (!name.found && command->len < HEAD_LEN)
		return -SHOAL_EINVAL;
	for (i = 0; i < SH_ARRAY_LEN(known); i++) {
		if (strcasecmp(known[i].name, name.text) != 0)
			continue;
		if (known[i].set == REFUSED)
			return -SHOAL_EINVAL;
		command->effect.set = known[i].set;
		command->effect.clear = known[i].clear;
		break;
	}
	return 0;
}

static int
take_formatted(struct sh_redis_command *command, char *data, int len)
{
	if (len < 0)
		return len == -1 ? -SHOAL_ENOMEM : -SHOAL_EINVAL;
	*command =
	    (struct sh_redis_command){ .data = data, .len = (size_t)len };
	return 0;
}

static int
check_name(struct sh_redis_command *command)
{
	int r = look_up(command);

	if (r < 0)
		sh_redis_command_free(command);
	return r;
}

int
sh_redis_command_format(
    struct sh_redis_command *command, const char *format, va_list args)
{
	char *data = NULL;
	int len, r;

	if (format == NULL)
		return -SHOAL_EINVAL;
	len = redisvFormatCommand(&data, format, args);
	r = take_formatted(command, data, len);
	return r < 0 ? r : check_name(command);
}

/* hiredis counts in an int, and words cost it some bytes more. */
static bool
fits(int argc, const char *const *argv, const size_t *lens)
{
	size_t left = COMMAND_MAX, len;
	int i;

	for (i = 0; i < argc; i++) {
		len = (lens != NULL ? lens[i] : strlen(argv[i])) + WORD_COST;
		if (len > left)
			return false;
		left -= len;
	}
	return true;
}

int
sh_redis_command_raw(struct sh_redis_command *command, int argc,
    const char *const *argv, const size_t *lens)
{
	char *data = NULL;
	int len;

	if (argc <= 0 || argv == NULL)
		return -SHOAL_EINVAL;
	if (!fits(argc, argv, lens))
		return -SHOAL_EMSGSIZE;
	/* it does not write to them */
	len = redisFormatCommandArgv(
	    &data, argc, (const char **)(uintptr_t)argv, lens);
	return take_formatted(command, data, len);
}

int
sh_redis_command_argv(struct sh_redis_command *command, int argc,
    const char *const *argv, const size_t *lens)
{
	int r = sh_redis_command_raw(command, argc, argv, lens);

	return r < 0 ? r : check_name(command);
}

void
sh_redis_command_free(struct sh_redis_command *command)
{
	redisFreeCommand(command->data);
	command->data = NULL;
	command->len = 0;
}

struct sh_redis_effect
sh_redis_effect_then(struct sh_redis_effect first, struct sh_redis_effect then)
{
	first.set = (unsigned char)((first.set & ~then.clear) | then.set);
	first.clear |= then.clear;
	return first;
}
