/* This file keeps the limits of a loop's connections, each sort once. */
#include "config.h"

#include "io/send_limits.h"

#include <shoal/error.h>

#include "base/mem.h"
#include "io/loop_private.h"

/* What would make no sense. */
static struct sh_send_limits
mend(const struct sh_send_limits *limits)
{
	struct sh_send_limits mended = *limits;

	/* a mark of 0 would refuse the first byte */
	if (mended.high == 0)
		mended.high = 1;
	/* else a queue that is full could be writable, too */
	if (mended.low >= mended.high)
		mended.low = mended.high - 1;
	if (mended.when_full == SHOAL_FULL_DEFAULT)
		mended.when_full = SHOAL_FULL_CLOSE;
	if (mended.close_code == 0)
		mended.close_code = SH_SLOW_CODE;
	return mended;
}

static bool
is_same(const struct sh_send_limits *a, const struct sh_send_limits *b)
{
	return a->high == b->high && a->low == b->low &&
	    a->when_full == b->when_full && a->close_code == b->close_code &&
	    a->stall_ms == b->stall_ms;
}

int
sh_send_limits_need(struct sh_loop *loop, const struct sh_send_limits *limits)
{
	const struct sh_send_limits mended = mend(limits);
	struct sh_send_limits *grown;
	size_t i;

	for (i = 0; i < loop->limits_count; i++)
		if (is_same(&loop->limits[i], &mended))
			return (int)i;
	if (i == SH_SEND_LIMITS_MAX)
		return -SHOAL_ENOMEM;
	grown = sh_try_grow(loop->limits, i + 1, sizeof(*grown));
	if (grown == NULL)
		return -SHOAL_ENOMEM;
	loop->limits = grown;
	loop->limits[i] = mended;
	loop->limits_count++;
	return (int)i;
}
