/* This file is what a worker says: to the parent, and by way of it to other
 * workers; and what it takes out of its inbox. */
#include "config.h"

#include <errno.h>
#include <poll.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "crew/crew.h"
#include "crew/crew_signal.h"
#include "proc/channel.h"

/* What has been taken is told this rarely while more is there. */
enum { TAKEN_COUNT = 8, TAKEN_BYTES = 1 << 20 };

int
sh_crew_say(
    struct shoal_pool_worker *worker, enum sh_message_type type, int64_t value)
{
	int r;

	if (worker->inbox.lost)
		return -SHOAL_ECLOSED;
	r = sh_channel_send_value(worker->inbox.channel_fd, type, value);
	return r == 0 || r == -SHOAL_EAGAIN ? r : -SHOAL_ECLOSED;
}

/* Send a packet when the channel takes it. */
static int
push(struct shoal_pool_worker *worker, const struct sh_message *message, int fd,
    int64_t deadline_ms)
{
	int r = 0;

	while (r == 0 && !worker->inbox.lost) {
		r = sh_channel_send(worker->inbox.channel_fd, message, fd);
		if (r != -SHOAL_EAGAIN)
			return r == -EPIPE || r == -ECONNRESET ? -SHOAL_ECLOSED
							       : r;
		r = sh_inbox_wait_channel(&worker->inbox, POLLOUT, deadline_ms);
	}
	return r < 0 ? r : -SHOAL_ECLOSED;
}

/* Read until something that was asked for has come. */
static int
await(struct shoal_pool_worker *worker, const bool *come, int64_t deadline_ms)
{
	int r = 0;

	for (;;) {
		sh_inbox_read(&worker->inbox);
		if (*come)
			return 0;
		if (worker->inbox.lost)
			return -SHOAL_ECLOSED;
		if (r < 0)
			return r;
		r = sh_inbox_wait_channel(&worker->inbox, POLLIN, deadline_ms);
	}
}

/* Send once. The parent answers soon, whether it takes it or not; without its
 * answer nobody would know. */
static int
try_once(struct shoal_pool_worker *worker, const struct sh_message *message,
    int fd, int64_t deadline_ms)
{
	struct sh_inbox *inbox = &worker->inbox;
	int r;

	inbox->has_result = false;
	r = push(worker, message, fd, deadline_ms);
	if (r == 0)
		r = await(worker, &inbox->has_result, -1);
	return r < 0 ? r : inbox->result;
}

static int
await_room(
    struct shoal_pool_worker *worker, int to, size_t len, int64_t deadline_ms)
{
	struct sh_message message = { .type = SH_MESSAGE_AWAIT,
		.value = sh_pair_pack((uint32_t)to, (uint32_t)len) };
	int r;

	worker->inbox.has_room = false;
	r = push(worker, &message, -1, deadline_ms);
	return r < 0 ? r : await(worker, &worker->inbox.has_room, deadline_ms);
}

int
sh_crew_send(struct shoal_pool_worker *worker, int to, const void *data,
    size_t len, int timeout_ms)
{
	int64_t deadline_ms = sh_inbox_deadline_ms(timeout_ms);
	struct sh_message message;
	struct sh_body body;
	int r = sh_body_make(&body, data, len);

	if (r < 0)
		return r;
	sh_body_put(&body, to, &message);
	do {
		r = try_once(worker, &message, body.fd, deadline_ms);
		if (r != -SHOAL_EAGAIN || timeout_ms == 0)
			break;
		r = await_room(worker, to, len, deadline_ms);
	} while (r == 0);
	sh_body_close(&body);
	return r == -SHOAL_ETIMEDOUT && timeout_ms == 0 ? -SHOAL_EAGAIN : r;
}

/* The parent sends no more before it knows that there is room. */
static void
tell_taken(struct shoal_pool_worker *worker)
{
	uint32_t count = worker->taken_count + worker->inbox.dropped;

	if (count == 0 ||
	    sh_crew_say(worker, SH_MESSAGE_TAKEN,
		sh_pair_pack(count, worker->taken_bytes)) < 0)
		return; /* the next time */
	worker->taken_count = worker->taken_bytes = worker->inbox.dropped = 0;
}

static void
count_taken(struct shoal_pool_worker *worker, size_t len)
{
	worker->taken_count++;
	worker->taken_bytes += (uint32_t)len;
	if (worker->inbox.first == NULL || worker->taken_count >= TAKEN_COUNT ||
	    worker->taken_bytes >= TAKEN_BYTES)
		tell_taken(worker);
}

void
sh_crew_return(struct shoal_pool_worker *worker)
{
	sh_view_close(&worker->view);
	sh_inbox_entry_free(&worker->lent);
}

/* Lend the first message. */
static int
lend(struct shoal_pool_worker *worker, struct shoal_pool_message *message_out)
{
	int r = sh_view_open(&worker->view, &worker->inbox.first->body);

	if (r < 0)
		return r == -EAGAIN ? -SHOAL_ENOMEM : r;
	worker->lent = sh_inbox_take(&worker->inbox);
	count_taken(worker, worker->view.len);
	*message_out = (struct shoal_pool_message){ .from = worker->lent->from,
		.data = worker->view.data,
		.len = worker->view.len };
	return 1;
}

int
sh_crew_receive(struct shoal_pool_worker *worker,
    struct shoal_pool_message *message_out, int timeout_ms)
{
	int64_t deadline_ms = sh_inbox_deadline_ms(timeout_ms);
	bool ending;
	int r = 0;

	sh_crew_return(worker);
	for (;;) {
		/* what has come before the signal is read after it is seen */
		ending = sh_crew_is_ending();
		sh_inbox_read(&worker->inbox);
		if (worker->inbox.first != NULL)
			return lend(worker, message_out);
		if (ending || sh_crew_is_ending())
			return 0;
		tell_taken(worker);
		if (r < 0)
			return r;
		r = sh_inbox_wait(&worker->inbox, -1, deadline_ms);
	}
}
