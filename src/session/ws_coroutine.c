/*
 * This file is a WebSocket in coroutine style: a handler that asks for its
 * messages. While it is elsewhere, pings are answered, and one message is put
 * by for it.
 *
 * What a receive gives away stays as it is until the next one, whatever waits
 * lie between: a short message is copied to where it can stay, a long one keeps
 * the buffer that it was read into, or the memory that it was put together in.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"
#include "io/read_buffer.h"
#include "session/ws_private.h"

enum {
	/* longer ones keep the loop's buffer */
	COPIED_MAX = 4096,
	SMALL_SIZE = 512
};

static const char recv_place[] = "shoal_co_ws_recv";

/* Memory for one short message. A handler that waits for nothing else gives it
 * back before another one needs it, so that nothing is allocated for each
 * message. */
static void *spare;

static void *
allocate(size_t size)
{
	void *memory = spare;

	if (size > SMALL_SIZE)
		return malloc(size);
	if (memory == NULL)
		return malloc(SMALL_SIZE);
	spare = NULL;
	return memory;
}

static void
give_back(struct shoal_ws *ws, struct sh_ws_lent *lent)
{
	if (lent->small && spare == NULL) {
		spare = lent->memory;
		lent->memory = NULL;
	}
	if (lent->joined)
		sh_ws_intake_give(&sh_ws_kind(ws)->intake, lent->memory,
		    lent->message.len + 1);
	else
		free(lent->memory);
	lent->memory = NULL;
	lent->small = lent->joined = false;
	if (lent->pinned != NULL)
		sh_read_buffer_unpin(sh_loop_current(), &lent->pinned);
}

/* Copy it to where it can stay. */
static int
copy(struct sh_ws_lent *lent)
{
	size_t len = lent->message.len;
	char *memory = allocate(len + 1);

	if (memory == NULL)
		return -SHOAL_ENOMEM;
	memcpy(memory, lent->message.data, len);
	memory[len] = '\0';
	lent->small = len < SMALL_SIZE;
	lent->memory = memory;
	lent->message.data = memory;
	return 0;
}

/* See to it that a message stays. */
static int
lend(struct shoal_ws *ws, struct sh_ws_event *event, struct sh_ws_lent *lent)
{
	lent->message = sh_ws_message(event);
	lent->small = lent->joined = false;
	if (event->type == SH_WS_EVENT_MESSAGE) {
		lent->memory = sh_ws_receiver_take(&ws->receiver);
		if (lent->memory != NULL) {
			lent->joined = true;
			event->data[event->len] = '\0';
			return 0;
		}
	}
	if (event->len <= COPIED_MAX || !sh_ws_may_pin(ws, event))
		return copy(lent);
	event->data[event->len] = '\0';
	lent->pinned = sh_read_buffer_pin(sh_loop_current());
	return 0;
}

void
sh_ws_put_by(struct shoal_ws *ws, const struct sh_ws_event *event)
{
	struct sh_ws_puller *puller = ws->puller;
	struct sh_ws_event copied = *event;

	if (lend(ws, &copied, &puller->next) < 0) {
		sh_conn_fail_with(ws->conn, -SHOAL_ENOMEM);
		return;
	}
	puller->has_next = true;
	sh_ws_wake_reader(ws);
}

void
sh_ws_wake_reader(struct shoal_ws *ws)
{
	if (ws->pulls && ws->puller->reader != NULL)
		sh_co_wake(ws->puller->reader->co, 0);
}

void
sh_ws_resume_reader(struct shoal_ws *ws)
{
	const struct sh_ws_reader *reader = ws->puller->reader;

	/* it may have been woken in this turn, by its deadline; and who awaits
	 * the end of the closing has no use for messages */
	if (SH_LIKELY(reader != NULL && ws->state == SH_WS_OPEN &&
		sh_co_is_waiting(reader->co)))
		sh_co_resume(reader->co, 0);
}

/* Nothing is there, and nothing will come. */
static bool
is_over(const struct shoal_ws *ws)
{
	return ws->state == SH_WS_DONE || sh_conn_why(ws->conn) != 0 ||
	    sh_conn_is_eof(ws->conn);
}

/* Nothing will come: why. */
static int
no_more(struct shoal_ws *ws)
{
	int r;

	/* the connection knows before the WebSocket does, which is told when
	 * its handler has returned */
	sh_ws_learn_end(ws);
	r = sh_ws_end_result(ws);
	/* as the result of a receive that would mean that it is still open */
	if (r == -SHOAL_ETIMEDOUT)
		r = -SHOAL_ENOTCONN;
	if (r == -SHOAL_ENOTCONN && sh_await_is_cancelled())
		r = -SHOAL_ECANCELED;
	sh_await_slow_down(recv_place);
	return r;
}

/* Until something comes, or the next turn when there is more. */
static int
wait_for_message(struct shoal_ws *ws, int64_t deadline_us)
{
	struct sh_ws_reader reader = { .co = sh_await_self(recv_place) };
	bool more = sh_ws_has_more(ws);
	int r;

	if (SH_UNLIKELY(sh_await_is_cancelled())) {
		sh_await_slow_down(recv_place);
		return -SHOAL_ECANCELED;
	}
	if (!more)
		sh_conn_unstall(ws->conn);
	/* who only looks, again and again, finds next time what comes now */
	if (deadline_us == 0 && !more)
		return -SHOAL_ETIMEDOUT;
	ws->puller->reader = &reader;
	r = more ? sh_await_turn(recv_place)
		 : sh_await(recv_place, deadline_us);
	if (SH_UNLIKELY(reader.gone))
		return r < 0 ? r : -SHOAL_ECANCELED;
	ws->puller->reader = NULL;
	return r;
}

/* 1 with a message, 0 when none is there, or -SHOAL_ENOMEM. */
static int
pull(struct shoal_ws *ws)
{
	struct sh_ws_puller *puller = ws->puller;
	struct sh_ws_event event;
	int r;

	if (puller->has_next) {
		puller->has_next = false;
		puller->given = puller->next;
		puller->next = (struct sh_ws_lent){ 0 };
		return 1;
	}
	r = sh_ws_next_message(ws, &event);
	if (r > 0 && lend(ws, &event, &puller->given) < 0) {
		sh_conn_fail_with(ws->conn, -SHOAL_ENOMEM);
		return -SHOAL_ENOMEM;
	}
	return r;
}

int
sh_ws_recv(struct shoal_ws *ws, const struct shoal_message **message_out,
    int64_t deadline_us)
{
	struct sh_ws_puller *puller = ws->puller;
	int r;

	if (!ws->pulls)
		return -SHOAL_EPERM;
	if (puller->reader != NULL)
		return -SHOAL_EBUSY;
	give_back(ws, &puller->given);
	while ((r = pull(ws)) == 0) {
		if (is_over(ws) && !sh_ws_has_more(ws))
			return no_more(ws);
		r = wait_for_message(ws, deadline_us);
		if (r < 0)
			return r;
	}
	if (r > 0)
		*message_out = &puller->given.message;
	return r;
}

void
sh_ws_end_pulling(struct shoal_ws *ws)
{
	struct sh_ws_puller *puller = ws->puller;

	if (puller->reader != NULL) {
		puller->reader->gone = true;
		sh_co_wake(puller->reader->co, -SHOAL_ECANCELED);
	}
	give_back(ws, &puller->given);
	give_back(ws, &puller->next);
	ws->pulls = false;
	ws->puller = NULL;
	free(puller);
	(void)sh_ws_close(ws, SHOAL_WS_NORMAL, NULL, 0);
}
