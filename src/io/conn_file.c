/*
 * This file sends bytes of a file on a connection. They never lie in its queue,
 * so they are handed over as the kernel takes them; it does not wait.
 */
#include "config.h"

#include <errno.h>

#include <shoal/error.h>

#include "io/conn_private.h"
#include "io/send_file.h"

enum {
	/* what one connection may do before others have their turn */
	TURN_BYTES = 256 * 1024
};

/* writable() comes when the kernel takes more or, if it has not refused any, in
 * the next turn. */
static int
go_on_later(struct sh_conn *conn)
{
	sh_conn_await_flush(conn);
	if (!conn->blocked && conn->loop->serving != conn)
		sh_conn_make_unsettled(conn);
	return -SHOAL_EAGAIN;
}

static int
refused(struct sh_conn *conn, int error)
{
	if (error == EAGAIN) {
		conn->blocked = true;
		sh_stall_watch(conn);
		return go_on_later(conn);
	}
	/* as it is half sent, a file that cannot be read ends it too */
	error = error == EPIPE ? -ECONNRESET : -error;
	sh_conn_fail(conn, SHOAL_CLOSE_ERROR, error);
	return error;
}

static void
count(struct sh_conn *conn, ssize_t sent)
{
	/* had it been reset, this would have failed */
	if (conn->loop->serving == conn)
		conn->loop->sent = true;
	conn->active_ms = sh_loop_now_ms(conn->loop);
	conn->moved = true;
	SH_COUNT(conn->loop->counters->bytes_sent, sent);
}

int
sh_conn_sendfile(struct sh_conn *conn, int fd, off_t *offset, size_t *left)
{
	size_t share = TURN_BYTES;
	ssize_t sent;
	int r = sh_conn_flush(conn);

	if (r == -SHOAL_EAGAIN)
		sh_conn_await_flush(conn);
	if (r == 0 && conn->half)
		r = -SHOAL_ENOTCONN;
	while (r == 0 && *left > 0) {
		if (conn->blocked || share == 0)
			return go_on_later(conn);
		sent = sh_send_file(conn->event.ev_fd, fd, offset,
		    *left < share ? *left : share);
		if (sent == 0)
			return -SHOAL_ETRUNCATED;
		if (sent < 0 && errno != EINTR)
			return refused(conn, errno);
		if (sent < 0)
			continue;
		count(conn, sent);
		*left -= (size_t)sent;
		share -= (size_t)sent;
	}
	return r;
}
