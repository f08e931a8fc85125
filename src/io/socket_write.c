/*
 * This file writes to a coroutine's socket, one whole message after another; it
 * queues and copies nothing: who sends waits until the kernel has all of it.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <shoal/error.h>

#include "io/send_file.h"
#include "io/socket_private.h"

enum {
	PARTS_MAX = 1024,
	/* at a system call */
	WINDOW = 64,
	FILE_PIECE = SH_SOCKET_TURN_BYTES
};

/* What is left of a message. */
struct rest {
	const struct iovec *parts;
	int count;
	size_t offset; /* in the first part */
	bool begun;
};

/* A file's part, likewise. */
struct file_rest {
	int fd;
	off_t offset;
	size_t len;
	bool begun;
};

static int
begin(struct sh_socket *socket, struct sh_socket_use *use, const char *place,
    int timeout_ms)
{
	if (socket->type != SOCK_STREAM)
		return -EOPNOTSUPP;
	return sh_socket_write_begin(socket, use, place, timeout_ms);
}

static void
skip(struct rest *rest, size_t n)
{
	rest->offset += n;
	while (rest->count > 0 && rest->offset >= rest->parts->iov_len) {
		rest->offset -= rest->parts->iov_len;
		rest->parts++;
		rest->count--;
	}
}

/* One sendmsg(2); never inlined into what suspends, for its large locals. */
static __attribute__((noinline)) ssize_t
write_window(int fd, const struct rest *rest)
{
	struct iovec window[WINDOW];
	struct msghdr msg = { .msg_iov = window };
	int i, flags = MSG_NOSIGNAL;

	window[0].iov_base = (char *)rest->parts[0].iov_base + rest->offset;
	window[0].iov_len = rest->parts[0].iov_len - rest->offset;
	for (i = 1; i < rest->count && i < WINDOW; i++)
		window[i] = rest->parts[i];
	msg.msg_iovlen = (size_t)i;
	if (i < rest->count)
		flags |= MSG_MORE;
	return sendmsg(fd, &msg, flags);
}

static ssize_t
write_piece(int fd, const struct rest *rest)
{
	if (rest->count > 1)
		return write_window(fd, rest);
	return send(fd, (const char *)rest->parts->iov_base + rest->offset,
	    rest->parts->iov_len - rest->offset, MSG_NOSIGNAL);
}

/* After a send that was not done: wait, or tell why it has failed. */
static int
wait_to_write(struct sh_socket *socket, struct sh_socket_use *use, int error)
{
	if (error == EINTR)
		return 0;
	if (error == EAGAIN)
		return sh_socket_wait(socket, use);
	return sh_socket_fail(socket, error);
}

static int
write_rest(
    struct sh_socket *socket, struct sh_socket_use *use, struct rest *rest)
{
	ssize_t n;
	int r = 0;

	while (r == 0 && rest->count > 0) {
		r = sh_socket_take_share(socket, use, &socket->out);
		if (r < 0)
			break;
		n = write_piece(socket->fd, rest);
		if (n < 0) {
			r = wait_to_write(socket, use, errno);
			continue;
		}
		rest->begun = true;
		socket->out.bytes += (size_t)n;
		skip(rest, (size_t)n);
	}
	return r;
}

static int
send_parts(struct sh_socket *socket, const struct iovec *parts, int count,
    const char *place, int timeout_ms)
{
	struct rest rest = { .parts = parts, .count = count };
	struct sh_socket_use use;
	int r;

	r = begin(socket, &use, place, timeout_ms);
	if (r < 0)
		return r;
	skip(&rest, 0);
	r = write_rest(socket, &use, &rest);
	if (r < 0 && rest.begun)
		socket->broken = true;
	sh_socket_write_end(socket, &use);
	return r;
}

int
sh_socket_send(
    struct sh_socket *socket, const void *data, size_t len, int timeout_ms)
{
	const struct iovec part = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };

	if (len > SSIZE_MAX || (data == NULL && len != 0))
		return -SHOAL_EINVAL;
	return send_parts(socket, &part, 1, "shoal_co_sock_send", timeout_ms);
}

int
sh_socket_sendv(struct sh_socket *socket, const struct iovec *parts, int count,
    int timeout_ms)
{
	size_t left = SSIZE_MAX;
	int i;

	if (count < 0 || count > PARTS_MAX || (parts == NULL && count != 0))
		return -SHOAL_EINVAL;
	for (i = 0; i < count; i++) {
		if (parts[i].iov_len > left)
			return -SHOAL_EINVAL;
		left -= parts[i].iov_len;
	}
	return send_parts(
	    socket, parts, count, "shoal_co_sock_sendv", timeout_ms);
}

static int
write_file(
    struct sh_socket *socket, struct sh_socket_use *use, struct file_rest *rest)
{
	ssize_t n;
	int r = 0;

	while (r == 0 && rest->len > 0) {
		r = sh_socket_take_share(socket, use, &socket->out);
		if (r < 0)
			break;
		n = sh_send_file(socket->fd, rest->fd, &rest->offset,
		    rest->len < FILE_PIECE ? rest->len : FILE_PIECE);
		if (n < 0) {
			r = wait_to_write(socket, use, errno);
			continue;
		}
		/* somebody has made it shorter meanwhile */
		if (n == 0)
			return -SHOAL_ETRUNCATED;
		rest->begun = true;
		socket->out.bytes += (size_t)n;
		rest->len -= (size_t)n;
	}
	return r;
}

/* What there is to send of a file. */
static int
look_at_file(struct file_rest *rest)
{
	struct stat st;

	if (fstat(rest->fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || rest->offset < 0 ||
	    rest->offset > st.st_size ||
	    rest->len > (uint64_t)(st.st_size - rest->offset))
		return -SHOAL_EINVAL;
	if (rest->len == 0)
		rest->len = (size_t)(st.st_size - rest->offset);
	return 0;
}

ssize_t
sh_socket_sendfile(
    struct sh_socket *socket, int fd, off_t offset, size_t len, int timeout_ms)
{
	struct file_rest rest = { .fd = fd, .offset = offset, .len = len };
	struct sh_socket_use use;
	size_t total;
	int r;

	r = look_at_file(&rest);
	if (r < 0)
		return r;
	total = rest.len;
	r = begin(socket, &use, "shoal_co_sock_sendfile", timeout_ms);
	if (r < 0)
		return r;
	r = write_file(socket, &use, &rest);
	if (r < 0 && rest.begun)
		socket->broken = true;
	sh_socket_write_end(socket, &use);
	return r < 0 ? r : (ssize_t)total;
}
