/* This file is a worker that serves nothing. */
#include "config.h"

#include "fake_worker.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/bus.h"
#include "proc/channel.h"
#include "support/descriptors.h"

enum { ADDRESSES_MAX = 8, SLOW_MS = 300, HIGHEST = 256 };

struct fake {
	const struct sh_heritage *heritage;
	const char *words;
	bool draining, paused;
	int listen_fds[ADDRESSES_MAX];
};

static bool
is_told(const struct fake *fake, const char *word)
{
	return strstr(fake->words, word) != NULL;
}

static void
report(struct fake_report *to)
{
	uint32_t listeners = 0;
	int fd, value;

	for (fd = 0; fd < HIGHEST; fd++) {
		socklen_t len = sizeof(value);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) ==
			0 &&
		    value)
			listeners++;
	}
	to->listeners = listeners;
	to->descriptors = (uint32_t)count_descriptors();
	to->starts++;
}

static void
accept_all(const struct fake *fake, int listen_fd)
{
	const struct sh_heritage *heritage = fake->heritage;
	struct sh_counters *counters =
	    &heritage->board->blocks[heritage->process].counters;
	int fd;

	while ((fd = accept(listen_fd, NULL, NULL)) >= 0) {
		SH_COUNT(counters->accepted, 1);
		dprintf(fd, "slot %u generation %u incarnation %u\n",
		    heritage->slot, (unsigned)heritage->generation,
		    (unsigned)heritage->incarnation);
		close(fd);
		SH_COUNT(counters->closed, 1);
	}
}

static void
drain(struct fake *fake)
{
	uint32_t i;

	if (fake->draining)
		return;
	fake->draining = true;
	for (i = 0; i < fake->heritage->listen_count; i++) {
		if (!fake->paused)
			accept_all(fake, fake->listen_fds[i]);
		close(fake->listen_fds[i]);
	}
}

/* Orders are about all listeners here, but for which socket is meant. */
static bool
obey_order(struct fake *fake, const struct sh_message *message, int fd)
{
	int *at = &fake->listen_fds[message->value];

	switch (message->type) {
	case SH_MESSAGE_LISTENER_END: return true;
	case SH_MESSAGE_LISTENER_STOP: fake->paused = true; break;
	case SH_MESSAGE_LISTENER_CLOSE:
		accept_all(fake, *at);
		close(*at);
		*at = -1;
		break;
	case SH_MESSAGE_LISTENER_START:
		fake->paused = false;
		if (fd >= 0)
			*at = fd;
		break;
	default: return false;
	}
	sh_channel_send_value(
	    fake->heritage->channel_fd, SH_MESSAGE_LISTENER_DONE, 1);
	return true;
}

/* Obey the master. Whether to go on. */
static bool
obey(struct fake *fake)
{
	struct sh_message message;
	int fd,
	    r = sh_channel_receive(fake->heritage->channel_fd, &message, &fd);

	if (r <= 0)
		return false; /* an orphan ends at once */
	if (!is_told(fake, "stubborn") && obey_order(fake, &message, fd))
		return true;
	if (fd >= 0)
		close(fd);
	if (message.type == SH_MESSAGE_REOPEN)
		sh_channel_send_value(
		    fake->heritage->channel_fd, SH_MESSAGE_REOPENED, 0);
	if (is_told(fake, "stubborn") || message.type == SH_MESSAGE_REOPEN)
		return true;
	drain(fake);
	sh_channel_send_value(
	    fake->heritage->channel_fd, SH_MESSAGE_RELIEVED, 0);
	return message.type == SH_MESSAGE_DRAIN && is_told(fake, "lingers");
}

static int
serve(struct fake *fake)
{
	const struct sh_heritage *heritage = fake->heritage;
	struct pollfd pollfds[ADDRESSES_MAX + 1];
	uint32_t i;

	pollfds[0] =
	    (struct pollfd){ .fd = heritage->channel_fd, .events = POLLIN };
	for (i = 0; i < heritage->listen_count; i++) {
		fake->listen_fds[i] = heritage->listen_fds[i];
		fake->paused = fake->paused || heritage->listen_stopped[i];
	}
	for (;;) {
		bool deaf =
		    fake->draining || fake->paused || is_told(fake, "holds");

		for (i = 0; i < heritage->listen_count; i++)
			pollfds[1 + i] =
			    (struct pollfd){ .fd = fake->listen_fds[i],
				    .events = POLLIN };
		poll(pollfds, deaf ? 1 : 1 + heritage->listen_count, -1);
		if (pollfds[0].revents != 0 && !obey(fake))
			return SH_WORKER_DONE;
		for (i = 0; !deaf && i < heritage->listen_count; i++)
			if (pollfds[1 + i].revents != 0)
				accept_all(fake, pollfds[1 + i].fd);
	}
}

/* It does not leave: the master has to see to that. */
static void
join_bus(const struct sh_heritage *heritage)
{
	struct sh_bus_options options = { .bus = heritage->bus,
		.process = heritage->process,
		.incarnation = heritage->incarnation,
		.generation = heritage->generation,
		.slot = heritage->slot };
	struct sh_bus_self *self;

	if (heritage->bus != NULL && sh_bus_join(&options, &self) < 0)
		_exit(5);
}

int
fake_worker(const struct sh_heritage *heritage, void *arg)
{
	struct fake fake = { .heritage = heritage,
		.words = heritage->plan->config_path };
	int channel_fd = heritage->channel_fd;

	report(arg);
	join_bus(heritage);
	if (is_told(&fake, "fails")) {
		sh_channel_send_text(
		    channel_fd, SH_MESSAGE_FAILED, "no database");
		return SH_WORKER_FAILED;
	}
	if (is_told(&fake, "aborts"))
		_exit(3);
	if (is_told(&fake, "slow")) {
		struct pollfd pollfd = { .fd = channel_fd, .events = POLLIN };

		poll(&pollfd, 1, SLOW_MS);
	}
	if (!is_told(&fake, "never") &&
	    !(is_told(&fake, "brief") && heritage->slot != 0))
		sh_channel_send_value(channel_fd, SH_MESSAGE_READY, 0);
	if (is_told(&fake, "brief") && heritage->slot == 0)
		_exit(4);
	return serve(&fake);
}
