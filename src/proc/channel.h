/*
 * This file carries messages, and descriptors with them, over a socket pair;
 * it does not know what they mean. Packets keep their boundaries, so there
 * are no partial messages.
 */
#pragma once

#include "base/attr.h"
#include "proc/message.h"

/** Make both ends, non-blocking and close-on-exec. 0 or -errno. */
int sh_channel_pair(int fds_out[2]);
/** Send a message, with a descriptor unless fd is -1 (borrows it). 0,
 *  -SHOAL_EAGAIN when the other side does not read, or -errno. */
int sh_channel_send(int channel_fd, const struct sh_message *message, int fd);
/** Send a message that has no text. */
int
sh_channel_send_value(int channel_fd, enum sh_message_type type, int64_t value);
/** Send a message with text, cut to SH_MESSAGE_TEXT_MAX. */
int sh_channel_send_text(int channel_fd, enum sh_message_type type,
    const char *format, ...) SH_PRINTF(3, 4);
/** Bytes that were sent and not read, as the kernel counts them, which is some
 *  hundred for each message. */
int sh_channel_unread(int channel_fd);
/** Receive a message. 1; 0 when the other side is gone; -SHOAL_EAGAIN when
 *  there is none; -SHOAL_EINVAL for a malformed one; -errno. *fd_out is a
 *  close-on-exec descriptor that the caller owns, or -1. */
int sh_channel_receive(int channel_fd, struct sh_message *message, int *fd_out);
