/* This file queues messages by slot and sends them; it reads none. */
#include "config.h"

#include "crew/crew_post.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "master/master_poll.h"
#include "master/master_pool.h"
#include "proc/channel.h"
#include "proc/register.h"

struct sh_letter {
	struct sh_letter *next;
	int from;
	struct sh_body body; /* with room for its own bytes only */
};

void
sh_post_init(struct sh_post *post, const struct sh_pool_state *state,
    size_t max_count, size_t max_bytes)
{
	uint32_t i;

	post->state = state;
	post->max_count = max_count;
	post->max_bytes = max_bytes;
	post->boxes = sh_xcalloc(state->slot_count, sizeof(*post->boxes));
	post->readers =
	    sh_xcalloc(state->process_count, sizeof(*post->readers));
	for (i = 0; i < state->slot_count; i++)
		post->boxes[i].last = &post->boxes[i].first;
	for (i = 0; i < state->process_count; i++)
		post->readers[i].waits_for = -1;
}

/* Drop the first letter of a box; what it counts for is not touched. */
static void
drop_first(struct sh_mailbox *box)
{
	struct sh_letter *letter = box->first;

	box->first = letter->next;
	if (box->first == NULL)
		box->last = &box->first;
	sh_register_close(&letter->body.fd);
	free(letter);
}

void
sh_post_fini(struct sh_post *post)
{
	uint32_t i;

	for (i = 0; post->state != NULL && i < post->state->slot_count; i++)
		while (post->boxes[i].first != NULL)
			drop_first(&post->boxes[i]);
	free(post->boxes);
	free(post->readers);
	*post = (struct sh_post){ 0 };
}

/* A single message of any size finds room in an empty box. */
static bool
has_room(const struct sh_post *post, const struct sh_mailbox *box, size_t len)
{
	return box->count < post->max_count &&
	    (box->count == 0 ||
		(box->bytes < post->max_bytes &&
		    len <= post->max_bytes - box->bytes));
}

static struct sh_letter *
write_letter(int from, struct sh_body *body)
{
	size_t inlined = body->fd < 0 ? body->len : 0;
	struct sh_letter *letter =
	    sh_try_calloc(1, offsetof(struct sh_letter, body.bytes) + inlined);

	if (letter == NULL)
		return NULL;
	letter->from = from;
	letter->body.len = body->len;
	letter->body.fd = body->fd;
	memcpy(letter->body.bytes, body->bytes, inlined);
	if (body->fd >= 0)
		sh_register_add(body->fd);
	body->fd = -1;
	return letter;
}

int
sh_post_put(struct sh_post *post, int from, int64_t to, struct sh_body *body)
{
	struct sh_mailbox *box;
	struct sh_letter *letter;

	if (to < 0 || to >= post->state->slot_count)
		return -SHOAL_ENOENT;
	if (post->state->phase == SH_PHASE_STOPPING)
		return -SHOAL_ECANCELED;
	box = &post->boxes[to];
	if (!has_room(post, box, body->len))
		return -SHOAL_EAGAIN;
	letter = write_letter(from, body);
	if (letter == NULL)
		return -SHOAL_ENOMEM;
	*box->last = letter;
	box->last = &letter->next;
	box->count++;
	box->bytes += letter->body.len;
	return 0;
}

static void
send_box(struct sh_post *post, uint32_t slot)
{
	const struct sh_process *p = sh_pool_newest(post->state, slot);
	struct sh_mailbox *box = &post->boxes[slot];
	struct sh_reader *reader;
	struct sh_message message;

	if (p == NULL || p->channel_fd < 0)
		return;
	reader = &post->readers[p - post->state->processes];
	while (box->first != NULL && reader->count < SH_POST_UNREAD_MAX) {
		const struct sh_letter *letter = box->first;

		sh_body_put(&letter->body, letter->from, &message);
		/* its end comes over the pidfd; else a later turn tries again */
		if (sh_channel_send(p->channel_fd, &message, letter->body.fd) <
		    0)
			return;
		reader->count++;
		reader->bytes += letter->body.len;
		drop_first(box);
	}
}

/* What a process had no longer counts for its slot. */
static void
release(struct sh_post *post, uint32_t process, uint32_t count, uint64_t bytes)
{
	struct sh_mailbox *box =
	    &post->boxes[post->state->processes[process].slot];
	struct sh_reader *reader = &post->readers[process];

	count = count < reader->count ? count : reader->count;
	if (count == reader->count || bytes > reader->bytes)
		bytes = reader->bytes;
	reader->count -= count;
	reader->bytes -= bytes;
	box->count -= count;
	box->bytes -= bytes;
}

void
sh_post_taken(struct sh_post *post, uint32_t process, int64_t pair)
{
	release(post, process, sh_pair_first(pair), sh_pair_second(pair));
}

void
sh_post_await(struct sh_post *post, uint32_t process, int64_t pair)
{
	uint32_t slot = sh_pair_first(pair);

	if (slot >= post->state->slot_count)
		return;
	post->readers[process].waits_for = slot;
	post->readers[process].wants = sh_pair_second(pair);
}

void
sh_post_gone(struct sh_post *post, uint32_t process)
{
	struct sh_reader *reader = &post->readers[process];

	release(post, process, reader->count, reader->bytes);
	*reader = (struct sh_reader){ .waits_for = -1 };
}

/* Whether a process can be told that it need not wait any longer. */
static bool
is_waited_out(const struct sh_post *post, const struct sh_reader *reader)
{
	return reader->waits_for >= 0 &&
	    (post->state->phase == SH_PHASE_STOPPING ||
		has_room(post, &post->boxes[reader->waits_for], reader->wants));
}

/* Whoever is told tries again, and waits again if others were faster. */
static void
tell_waiting(struct sh_post *post)
{
	uint32_t i;

	for (i = 0; i < post->state->process_count; i++) {
		struct sh_reader *reader = &post->readers[i];

		if (is_waited_out(post, reader) &&
		    sh_channel_send_value(post->state->processes[i].channel_fd,
			SH_MESSAGE_ROOM, 0) == 0)
			reader->waits_for = -1;
	}
}

void
sh_post_turn(struct sh_post *post)
{
	uint32_t slot;

	for (slot = 0; slot < post->state->slot_count; slot++)
		if (post->boxes[slot].first != NULL)
			send_box(post, slot);
	tell_waiting(post);
}

/* The turn does what is to be done. */
static void
on_writable(void *arg, short revents)
{
}

void
sh_post_poll(struct sh_post *post, struct sh_poll_set *set)
{
	const struct sh_process *p;
	uint32_t i;

	for (i = 0; i < post->state->slot_count; i++) {
		p = post->boxes[i].first != NULL
		    ? sh_pool_newest(post->state, i)
		    : NULL;
		if (p != NULL &&
		    post->readers[p - post->state->processes].count <
			SH_POST_UNREAD_MAX)
			sh_poll_add(
			    set, p->channel_fd, POLLOUT, on_writable, NULL);
	}
	for (i = 0; i < post->state->process_count; i++)
		if (is_waited_out(post, &post->readers[i]))
			sh_poll_add(set, post->state->processes[i].channel_fd,
			    POLLOUT, on_writable, NULL);
}
