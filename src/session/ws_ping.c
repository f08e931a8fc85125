/*
 * This file notices peers that are gone: it pings one that is silent, and cuts
 * one that stays silent or does not answer a close frame. A message only stores
 * the time.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "io/loop.h"
#include "session/ws_private.h"

/* When it last showed that it is alive: also by taking what was sent, as a ping
 * may be behind that. */
static int64_t
alive_ms(const struct shoal_ws *ws)
{
	int64_t now_ms = sh_loop_now_ms(sh_loop_current());
	int64_t active_ms = sh_conn_active_ms(ws->conn);
	int64_t heard_ms = now_ms - (uint32_t)((uint32_t)now_ms - ws->heard_ms);

	return sh_conn_queued(ws->conn) != 0 && active_ms > heard_ms ? active_ms
								     : heard_ms;
}

static void
look_again(struct shoal_ws *ws, int64_t due_ms)
{
	sh_wheel_set(sh_loop_current(), &ws->timer, due_ms);
}

static void
ping(struct shoal_ws *ws, int64_t now_ms)
{
	const struct sh_ws_kind *kind = sh_ws_kind(ws);

	(void)sh_ws_send_control(ws, SH_WS_PING, NULL, 0);
	if (kind->pong_timeout_ms <= 0) {
		look_again(ws, now_ms + kind->ping_ms);
		return;
	}
	ws->asked = true;
	look_again(ws, now_ms + kind->pong_timeout_ms);
}

static void
on_silence(struct shoal_ws *ws)
{
	const struct sh_ws_kind *kind = sh_ws_kind(ws);
	int64_t now_ms = sh_loop_now_ms(sh_loop_current());
	int64_t due_ms = alive_ms(ws) + kind->ping_ms;

	/* whom nobody listens to cannot be told from who is silent */
	if (!sh_conn_is_receiving(ws->conn)) {
		ws->asked = false;
		look_again(ws, now_ms + kind->ping_ms);
		return;
	}
	if (ws->asked)
		due_ms = alive_ms(ws) + kind->pong_timeout_ms;
	if (now_ms < due_ms)
		look_again(ws, due_ms);
	else if (ws->asked)
		sh_conn_fail_with(ws->conn, -SHOAL_ETIMEDOUT);
	else
		ping(ws, now_ms);
}

static void
on_end(struct shoal_ws *ws)
{
	/* a handler may take its time when the peer has all there is */
	if (ws->state == SH_WS_DONE && sh_conn_queued(ws->conn) == 0)
		return;
	sh_conn_fail_with(ws->conn, -SHOAL_ETIMEDOUT);
}

void
sh_ws_on_timer(struct sh_wheel_timer *timer)
{
	struct shoal_ws *ws = SH_CONTAINER(timer, struct shoal_ws, timer);

	if (ws->state == SH_WS_OPEN)
		on_silence(ws);
	else
		on_end(ws);
}

void
sh_ws_begin_pings(struct shoal_ws *ws)
{
	int64_t now_ms = sh_loop_now_ms(sh_loop_current());

	ws->heard_ms = (uint32_t)now_ms;
	if (sh_ws_kind(ws)->ping_ms > 0)
		look_again(ws, now_ms + sh_ws_kind(ws)->ping_ms);
}
