/* This file is the carrier that does nothing. */
#include "config.h"

#include "unit/topic/played.h"

#include <shoal/error.h>
#include <shoal/topic.h>

static int
op_want(struct sh_carrier *self, const char *filter)
{
	return 0;
}

static void
op_unwant(struct sh_carrier *self, const char *filter)
{
}

static int
op_publish(struct sh_carrier *self, const struct sh_publication *publication,
    bool kept)
{
	return 0;
}

static int
op_replay(struct sh_carrier *self, const struct sh_replay *replay)
{
	return -SHOAL_ENOMEM;
}

static void
op_forget(struct sh_carrier *self, void *arg)
{
}

static bool
op_is_settled(const struct sh_carrier *self)
{
	return true;
}

static size_t
op_peers(const struct sh_carrier *self)
{
	return 2;
}

static void
op_close(struct sh_carrier **self)
{
	*self = NULL;
}

const struct sh_carrier_ops played_ops = {
	.name = "test",
	.want = op_want,
	.unwant = op_unwant,
	.publish = op_publish,
	.replay = op_replay,
	.forget = op_forget,
	.is_settled = op_is_settled,
	.peers = op_peers,
	.close = op_close,
};

struct sh_publication
played_message(uint64_t epoch, uint64_t offset)
{
	return (struct sh_publication){ .topic = "a/b",
		.topic_len = 3,
		.hash = sh_topic_hash("a/b", 3),
		.type = SHOAL_WS_BINARY,
		.epoch = epoch,
		.offset = offset,
		.data = "" };
}
