/* This file tests proc/channel.c. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/error.h>

#include "proc/channel.h"
#include "support/descriptors.h"
#include "support/suite.h"

static int ends[2];

static void
open_pair(void)
{
	ck_assert_int_eq(sh_channel_pair(ends), 0);
}

/* Send raw bytes with so many copies of standard input. */
static void
send_raw(const void *bytes, size_t len, unsigned fd_count)
{
	char space[CMSG_SPACE(16 * sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes,
		.iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (fd_count != 0) {
		msg.msg_control = space;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memset(CMSG_DATA(cmsg), 0, fd_count * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(ends[0], &msg, MSG_NOSIGNAL), (ssize_t)len);
}

START_TEST(messages_keep_order_and_bounds)
{
	struct sh_message message;
	int fd;

	open_pair();
	ck_assert_int_eq(
	    sh_channel_send_value(ends[0], SH_MESSAGE_DRAIN, 5), 0);
	ck_assert_int_eq(
	    sh_channel_send_text(ends[0], SH_MESSAGE_TEXT, "%s-%d", "a", 1), 0);
	ck_assert_int_eq(sh_channel_receive(ends[1], &message, &fd), 1);
	ck_assert_int_eq(message.type, SH_MESSAGE_DRAIN);
	ck_assert_int_eq(message.value, 5);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(sh_channel_receive(ends[1], &message, &fd), 1);
	ck_assert_str_eq(message.text, "a-1");
	ck_assert_int_eq(
	    sh_channel_receive(ends[1], &message, &fd), -SHOAL_EAGAIN);
}
END_TEST

START_TEST(long_text_is_cut)
{
	char text[SH_MESSAGE_TEXT_MAX + 100];
	struct sh_message message;
	int fd;

	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	open_pair();
	ck_assert_int_eq(
	    sh_channel_send_text(ends[0], SH_MESSAGE_FAILED, "%s", text), 0);
	ck_assert_int_eq(sh_channel_receive(ends[1], &message, &fd), 1);
	ck_assert_uint_eq(strlen(message.text), SH_MESSAGE_TEXT_MAX);
}
END_TEST

START_TEST(descriptor_arrives_and_is_close_on_exec)
{
	struct sh_message out = { .type = SH_MESSAGE_PLAN }, in;
	struct stat a, b;
	int fd, file = open("/dev/null", O_RDONLY);

	open_pair();
	ck_assert_int_eq(sh_channel_send(ends[0], &out, file), 0);
	ck_assert_int_eq(sh_channel_receive(ends[1], &in, &fd), 1);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	fstat(fd, &a);
	fstat(file, &b);
	ck_assert_uint_eq(a.st_rdev, b.st_rdev);
}
END_TEST

START_TEST(surplus_descriptors_do_not_leak)
{
	struct sh_message out = { .type = SH_MESSAGE_PLAN }, in;
	uint8_t bytes[SH_MESSAGE_MAX];
	size_t len = sh_message_encode(&out, bytes), before;
	unsigned count;
	int fd;

	open_pair();
	before = count_descriptors();
	for (count = 1; count <= 16; count++) {
		send_raw(bytes, len, count);
		ck_assert_int_eq(sh_channel_receive(ends[1], &in, &fd), 1);
		ck_assert_int_ge(fd, 0);
		close(fd);
		ck_assert_uint_eq(count_descriptors(), before);
	}
}
END_TEST

START_TEST(malformed_packets_are_refused_without_a_leak)
{
	uint8_t bytes[SH_MESSAGE_MAX + 64] = { 0 };
	struct sh_message in;
	size_t before;
	int fd;

	open_pair();
	before = count_descriptors();
	/* garbage, and a packet too long to be one */
	send_raw("garbage", 7, 3);
	ck_assert_int_eq(sh_channel_receive(ends[1], &in, &fd), -SHOAL_EINVAL);
	ck_assert_int_eq(fd, -1);
	send_raw(bytes, sizeof(bytes), 1);
	ck_assert_int_eq(sh_channel_receive(ends[1], &in, &fd), -SHOAL_EINVAL);
	ck_assert_int_eq(fd, -1);
	ck_assert_uint_eq(count_descriptors(), before);
	/* the next one is read as ever */
	sh_channel_send_value(ends[0], SH_MESSAGE_READY, 0);
	ck_assert_int_eq(sh_channel_receive(ends[1], &in, &fd), 1);
}
END_TEST

START_TEST(end_of_peer_is_seen_after_what_it_said)
{
	struct sh_message in;
	int fd;

	open_pair();
	sh_channel_send_text(ends[0], SH_MESSAGE_FAILED, "no");
	close(ends[0]);
	ck_assert_int_eq(sh_channel_receive(ends[1], &in, &fd), 1);
	ck_assert_int_eq(sh_channel_receive(ends[1], &in, &fd), 0);
	ck_assert_int_eq(
	    sh_channel_send_value(ends[1], SH_MESSAGE_STOP, 1), -EPIPE);
}
END_TEST

START_TEST(peer_that_left_messages_unread_is_gone)
{
	struct sh_message in;
	int fd;

	open_pair();
	sh_channel_send_value(ends[1], SH_MESSAGE_STOP, 1);
	close(ends[0]);
	ck_assert_int_eq(sh_channel_receive(ends[1], &in, &fd), 0);
}
END_TEST

START_TEST(full_channel_does_not_wait)
{
	int i, r = 0;

	open_pair();
	for (i = 0; i < 100000 && r == 0; i++)
		r = sh_channel_send_value(ends[0], SH_MESSAGE_TEXT, i);
	ck_assert_int_eq(r, -SHOAL_EAGAIN);
}
END_TEST

START_TEST(what_is_not_read_is_counted)
{
	struct sh_message in;
	int fd, first;

	open_pair();
	ck_assert_int_eq(sh_channel_unread(ends[0]), 0);
	sh_channel_send_value(ends[0], SH_MESSAGE_TEXT, 1);
	first = sh_channel_unread(ends[0]);
	ck_assert_int_gt(first, 0);
	sh_channel_send_value(ends[0], SH_MESSAGE_TEXT, 2);
	ck_assert_int_gt(sh_channel_unread(ends[0]), first);
	ck_assert_int_eq(sh_channel_unread(ends[1]), 0);
	while (sh_channel_receive(ends[1], &in, &fd) > 0)
		;
	ck_assert_int_eq(sh_channel_unread(ends[0]), 0);
}
END_TEST

SH_SUITE("proc/channel", messages_keep_order_and_bounds, long_text_is_cut,
    descriptor_arrives_and_is_close_on_exec, surplus_descriptors_do_not_leak,
    malformed_packets_are_refused_without_a_leak,
    end_of_peer_is_seen_after_what_it_said,
    peer_that_left_messages_unread_is_gone, full_channel_does_not_wait,
    what_is_not_read_is_counted)
