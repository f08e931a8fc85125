/*
 * This file is the memory of WebSocket receivers: what a client has that is amid
 * a frame or a message, and what those of one kind hand round.
 */
#include "config.h"

#include "proto/ws_partial.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proto/ws_cut.h"
#include "proto/ws_deflate.h"

/* Shorter messages get their memory from malloc(3). */
enum { ROOM_KEPT_MIN = 16 * 1024, ROOMS_KEPT_MAX = 4 * 1024 * 1024 };

/* Memory of a message that is done with, for the next one. */
struct sh_ws_room {
	struct sh_ws_room *next;
	size_t size;
};

struct sh_ws_cutter *
sh_ws_cutter_borrow(struct sh_ws_intake *intake)
{
	struct sh_ws_cutter *cutter = intake->spare;

	intake->spare = NULL;
	return cutter != NULL ? cutter : sh_ws_cutter_new();
}

/* A cutter whose frame is finished. */
void
sh_ws_cutter_return(struct sh_ws_intake *intake, struct sh_ws_cutter *cutter)
{
	sh_assert(sh_ws_cutter_left(cutter) == 0);
	if (intake->spare != NULL)
		sh_ws_cutter_free(cutter);
	else
		intake->spare = cutter;
}

void
sh_ws_partial_end_inflating(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial->inflater != NULL && partial->inflater != partial->own)
		sh_ws_inflater_return(
		    receiver->intake->deflate, partial->inflater);
	partial->inflater = NULL;
}

void
sh_ws_intake_give(struct sh_ws_intake *intake, char *memory, size_t size)
{
	struct sh_ws_room *room = (struct sh_ws_room *)(void *)memory;

	/* less is had from malloc(3) at no cost; but what is at the top of the
	 * heap free(3) gives back to the kernel, and every page is a fault when
	 * the next message comes */
	if (memory == NULL || size < ROOM_KEPT_MIN ||
	    size > SH_WS_ROOM_AT_ONCE + 1 ||
	    intake->rooms_size + size > ROOMS_KEPT_MAX) {
		free(memory);
		return;
	}
	room->next = intake->rooms;
	room->size = size;
	intake->rooms = room;
	intake->rooms_size += size;
}

static void
free_message(struct sh_ws_intake *intake, struct sh_buf *message)
{
	sh_ws_intake_give(intake, message->data, message->cap);
	sh_buf_init(message, SIZE_MAX);
}

/* A message that grows moves to memory of an earlier one: who gives some back
 * has to take it too, or there is more of it with every message. A buffer that
 * grows gets less than twice what it needs, hence the half. */
static void
take_room(struct sh_ws_intake *intake, struct sh_buf *message, size_t more)
{
	struct sh_ws_room *room = intake->rooms;
	const struct sh_buf before = *message;
	size_t len = before.len + more;

	if (room == NULL || len < ROOM_KEPT_MIN / 2 || len <= before.cap ||
	    room->size <= before.cap)
		return;
	intake->rooms = room->next;
	intake->rooms_size -= room->size;
	message->cap = room->size;
	message->data = (char *)room;
	if (before.len != 0)
		memcpy(message->data, before.data, before.len);
	sh_ws_intake_give(intake, before.data, before.cap);
}

int
sh_ws_partial_make_room(
    struct sh_ws_intake *intake, struct sh_buf *message, size_t len)
{
	take_room(intake, message, len);
	return sh_buf_reserve(message, len + 1);
}

int
sh_ws_partial_append(struct sh_ws_intake *intake, struct sh_buf *message,
    const void *data, size_t len)
{
	take_room(intake, message, len);
	return sh_buf_add(message, data, len);
}

void
sh_ws_partial_drop(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial == NULL)
		return;
	sh_ws_partial_end_inflating(receiver);
	sh_ws_inflater_free(partial->own);
	receiver->partial = NULL;
	sh_ws_cutter_free(partial->cutter);
	free_message(receiver->intake, &partial->message);
	free(partial);
}

int
sh_ws_partial_need(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial != NULL)
		return 0;
	partial = sh_try_calloc(1, sizeof(*partial));
	if (partial == NULL)
		return -SHOAL_ENOMEM;
	/* the limit is kept by judge(), before anything comes, or while it is
	 * inflated; and there is a byte behind it */
	sh_buf_init(&partial->message, SIZE_MAX);
	receiver->partial = partial;
	return 0;
}

/* Nothing is begun any more; a decompressor that the next message may refer to
 * stays. */
static void
end_partial(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (receiver->over || partial->own == NULL) {
		sh_ws_partial_drop(receiver);
		return;
	}
	free_message(receiver->intake, &partial->message);
	*partial = (struct sh_ws_partial){ .own = partial->own };
	sh_buf_init(&partial->message, SIZE_MAX);
}

/* Free what the last event lent, when nothing is begun; else a piece that it
 * lent is gone. */
void
sh_ws_partial_rest(struct sh_ws_receiver *receiver)
{
	struct sh_ws_partial *partial = receiver->partial;

	if (partial == NULL)
		return;
	if (receiver->over || (partial->cutter == NULL && !partial->open)) {
		end_partial(receiver);
	} else if (partial->lent) {
		partial->message.len = 0;
		partial->lent = false;
	}
}

void
sh_ws_intake_fini(struct sh_ws_intake *intake)
{
	struct sh_ws_room *room;

	sh_ws_cutter_free(intake->spare);
	intake->spare = NULL;
	while ((room = intake->rooms) != NULL) {
		intake->rooms = room->next;
		free(room);
	}
}
