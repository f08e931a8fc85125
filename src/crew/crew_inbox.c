/* This file reads a worker's channel; it sends nothing. */
#include "config.h"

#include "crew/crew_inbox.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crew/crew_signal.h"
#include "proc/channel.h"

static int
watch(int watch_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(watch_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int
sh_inbox_open(struct sh_inbox *inbox, int channel_fd, int end_fd)
{
	int r;

	*inbox = (struct sh_inbox){ .channel_fd = channel_fd };
	inbox->last = &inbox->first;
	inbox->notice_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	inbox->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	if (inbox->notice_fd < 0 || inbox->watch_fd < 0)
		return -errno;
	r = watch(inbox->watch_fd, channel_fd);
	if (r == 0)
		r = watch(inbox->watch_fd, inbox->notice_fd);
	if (r == 0)
		r = watch(inbox->watch_fd, end_fd);
	return r;
}

void
sh_inbox_entry_free(struct sh_inbox_entry **entry)
{
	if (*entry == NULL)
		return;
	sh_body_close(&(*entry)->body);
	free(*entry);
	*entry = NULL;
}

void
sh_inbox_close(struct sh_inbox *inbox)
{
	struct sh_inbox_entry *entry;

	while ((entry = sh_inbox_take(inbox)) != NULL)
		sh_inbox_entry_free(&entry);
	close(inbox->notice_fd);
	close(inbox->watch_fd);
}

static void
set_notice(struct sh_inbox *inbox, bool on)
{
	eventfd_t value;

	if (on)
		eventfd_write(inbox->notice_fd, 1);
	else
		eventfd_read(inbox->notice_fd, &value);
}

static void
keep(struct sh_inbox *inbox, const struct sh_message *message, int *fd)
{
	struct sh_inbox_entry *entry = sh_xcalloc(1, sizeof(*entry));
	int r;

	entry->from = (int)message->value;
	r = sh_body_take(&entry->body, message, fd);
	if (r < 0) {
		sh_log_err("a message is lost: %s", shoal_strerror(r));
		inbox->dropped++;
		free(entry);
		return;
	}
	if (inbox->first == NULL)
		set_notice(inbox, true);
	*inbox->last = entry;
	inbox->last = &entry->next;
}

static void
note(struct sh_inbox *inbox, const struct sh_message *message, int *fd)
{
	switch (message->type) {
	case SH_MESSAGE_POST:
	case SH_MESSAGE_PARCEL: keep(inbox, message, fd); break;
	case SH_MESSAGE_DRAIN:
	case SH_MESSAGE_STOP: sh_crew_end(); break;
	case SH_MESSAGE_GO: inbox->go = true; break;
	case SH_MESSAGE_ROOM: inbox->has_room = true; break;
	case SH_MESSAGE_POSTED:
		inbox->has_result = true;
		inbox->result = (int)message->value;
		break;
	default:
		sh_log_err("the parent sent '%s', which is not for a worker",
		    sh_message_type_str(message->type));
	}
}

void
sh_inbox_read(struct sh_inbox *inbox)
{
	struct sh_message message;
	int fd, r;

	if (inbox->lost)
		return;
	while ((r = sh_channel_receive(inbox->channel_fd, &message, &fd)) > 0) {
		note(inbox, &message, &fd);
		if (fd >= 0)
			close(fd);
	}
	if (r == -SHOAL_EAGAIN || r == -SHOAL_EINVAL || r == -EINTR)
		return;
	sh_log_err("the parent is gone; ending");
	inbox->lost = true;
	/* or its end would keep the descriptor readable: end_fd does */
	epoll_ctl(inbox->watch_fd, EPOLL_CTL_DEL, inbox->channel_fd, NULL);
	sh_crew_end_orphan();
}

struct sh_inbox_entry *
sh_inbox_take(struct sh_inbox *inbox)
{
	struct sh_inbox_entry *entry = inbox->first;

	if (entry == NULL)
		return NULL;
	inbox->first = entry->next;
	if (inbox->first == NULL) {
		inbox->last = &inbox->first;
		set_notice(inbox, false);
	}
	return entry;
}

int64_t
sh_inbox_deadline_ms(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : sh_clock_ms() + timeout_ms;
}

static int
left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - sh_clock_ms();

	if (deadline_ms < 0)
		return -1;
	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static int
wait_for(struct pollfd *fds, unsigned count, int64_t deadline_ms)
{
	int n;

	do
		n = poll(fds, count, left_ms(deadline_ms));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -SHOAL_ETIMEDOUT : 0;
}

int
sh_inbox_wait_channel(
    const struct sh_inbox *inbox, short events, int64_t deadline_ms)
{
	struct pollfd pollfd = { .fd = inbox->channel_fd, .events = events };

	return wait_for(&pollfd, 1, deadline_ms);
}

int
sh_inbox_wait(const struct sh_inbox *inbox, int fd, int64_t deadline_ms)
{
	struct pollfd fds[] = { { .fd = inbox->watch_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN } };

	return wait_for(fds, 2, deadline_ms);
}
