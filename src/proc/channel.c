/* This file carries messages over a socket pair. */
#include "config.h"

#include "proc/channel.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

int
sh_channel_pair(int fds_out[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, fds_out) < 0)
		return -errno;
	return 0;
}

int
sh_channel_send(int channel_fd, const struct sh_message *message, int fd)
{
	uint8_t bytes[SH_MESSAGE_MAX];
	struct iovec iov = { .iov_base = bytes };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	iov.iov_len = sh_message_encode(message, bytes);
	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	if (sendmsg(channel_fd, &msg, MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int
sh_channel_send_value(int channel_fd, enum sh_message_type type, int64_t value)
{
	struct sh_message message = { .type = type, .value = value };

	return sh_channel_send(channel_fd, &message, -1);
}

int
sh_channel_send_text(
    int channel_fd, enum sh_message_type type, const char *format, ...)
{
	struct sh_message message = { .type = type };
	va_list args;

	va_start(args, format);
	vsnprintf(message.text, sizeof(message.text), format, args);
	va_end(args);
	message.text_len = (uint32_t)strlen(message.text);
	return sh_channel_send(channel_fd, &message, -1);
}

int
sh_channel_unread(int channel_fd)
{
	int bytes;

	return ioctl(channel_fd, SIOCOUTQ, &bytes) < 0 ? 0 : bytes;
}

/* Descriptor that came with a packet, or -1. More than one is a mistake of
 * the sender; they must not leak. */
static int
take_descriptor(struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	int taken = -1;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t i, n;

		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			int fd;

			memcpy(
			    &fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
			if (taken < 0)
				taken = fd;
			else
				close(fd);
		}
	}
	return taken;
}

int
sh_channel_receive(int channel_fd, struct sh_message *message, int *fd_out)
{
	uint8_t bytes[SH_MESSAGE_MAX];
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(channel_fd, &msg, MSG_CMSG_CLOEXEC);
	int fd;

	*fd_out = -1;
	if (n < 0)
		/* a peer that died with unread messages resets */
		return errno == ECONNRESET ? 0 : -errno;
	fd = take_descriptor(&msg);
	if (n == 0 || (msg.msg_flags & MSG_TRUNC) ||
	    sh_message_decode(message, bytes, (size_t)n) < 0) {
		if (fd >= 0)
			close(fd);
		return n == 0 ? 0 : -SHOAL_EINVAL;
	}
	*fd_out = fd;
	return 1;
}
