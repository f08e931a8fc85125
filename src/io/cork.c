/*
 * This file collects what one event sends and writes it at once; it does not
 * keep what the kernel does not take.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <shoal/error.h>

#include "io/conn_private.h"

enum {
	/* a tick of the coarse clock is 1 to 4 ms, so this is one tick */
	CORK_AGE_NS = 1000000
};

static void
reset(struct sh_cork *cork)
{
	cork->len = 0;
	cork->sends = 0;
}

/*
 * A handler that works on a long batch shall not hold back the first answers.
 * One answer to one message, the usual case, never reads the clock.
 */
static bool
is_old(struct sh_cork *cork)
{
	int64_t now_ns;

	if (cork->sends < 2)
		return false;
	now_ns = sh_loop_coarse_ns();
	if (cork->sends == 2)
		cork->since_ns = now_ns;
	return now_ns - cork->since_ns >= CORK_AGE_NS;
}

/* Write the cork and one message that does not fit; queue what is left. */
static int
write_with(struct sh_loop *loop, const void *data, size_t len)
{
	struct sh_conn *conn = loop->serving;
	struct sh_cork *cork = &loop->cork;
	struct iovec vectors[2] = {
		{ .iov_base = cork->data, .iov_len = cork->len },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = len },
	};
	size_t corked = cork->len, skip;
	ssize_t n;
	int r = 0;

	reset(cork);
	n = sh_conn_transmit(conn, vectors, 2, corked + len);
	if (n < 0)
		return -SHOAL_ENOTCONN;
	skip = (size_t)n;
	if (skip < corked)
		r = sh_conn_enqueue(conn, cork->data + skip, corked - skip);
	skip = skip > corked ? skip - corked : 0;
	if (r == 0 && skip < len)
		r = sh_conn_enqueue(
		    conn, (const char *)data + skip, len - skip);
	if (r < 0)
		/* part of a message is gone already */
		sh_conn_fail(conn, SHOAL_CLOSE_OVERFLOW, 0);
	return r;
}

int
sh_cork_add(struct sh_loop *loop, const void *data, size_t len)
{
	struct sh_cork *cork = &loop->cork;

	if (len > SH_CORK_SIZE - cork->len)
		return write_with(loop, data, len);
	memcpy(cork->data + cork->len, data, len);
	cork->len += len;
	cork->sends++;
	if (cork->len == SH_CORK_SIZE || is_old(cork))
		sh_cork_flush(loop);
	return 0;
}

bool
sh_cork_add_parts(struct sh_loop *loop, const struct iovec *parts, int count)
{
	struct sh_cork *cork = &loop->cork;
	size_t len = cork->len;
	int i;

	for (i = 0; i < count; i++) {
		if (parts[i].iov_len > SH_CORK_SIZE - len)
			return false;
		if (parts[i].iov_len == 0)
			continue; /* it may have no place */
		memcpy(cork->data + len, parts[i].iov_base, parts[i].iov_len);
		len += parts[i].iov_len;
	}
	cork->sends += len != cork->len;
	cork->len = len;
	if (cork->len == SH_CORK_SIZE || is_old(cork))
		sh_cork_flush(loop);
	return true;
}

void
sh_cork_flush(struct sh_loop *loop)
{
	struct sh_conn *conn = loop->serving;
	struct iovec vector = { .iov_base = loop->cork.data,
		.iov_len = loop->cork.len };
	size_t len = loop->cork.len;
	ssize_t n;

	if (len == 0)
		return;
	reset(&loop->cork);
	n = sh_conn_transmit(conn, &vector, 1, len);
	if (n < 0 || (size_t)n == len)
		return;
	if (sh_conn_enqueue(conn, loop->cork.data + n, len - (size_t)n) < 0)
		sh_conn_fail(conn, SHOAL_CLOSE_OVERFLOW, 0);
}
