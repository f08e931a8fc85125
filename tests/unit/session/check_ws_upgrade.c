/* This file tests how requests become WebSockets while the worker drains. */
#include "config.h"

#include <string.h>

#include <shoal/co.h>
#include <shoal/error.h>
#include <shoal/ws.h>

#include "http_rig.h"

static struct http_rig http;

static int64_t waiter;
static int received;
static bool upgraded;

#define HELLO                             \
	"GET /ws HTTP/1.1\r\nHost: a\r\n" \
	"Upgrade: websocket\r\n"          \
	"Connection: Upgrade\r\n"         \
	"Sec-WebSocket-Version: 13\r\n"   \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Asks somebody else before it agrees. */
static void
wait_and_upgrade(struct shoal_request *req, void *arg)
{
	const struct shoal_message *message;
	struct shoal_ws *ws;

	waiter = shoal_co_self();
	shoal_co_suspend(SHOAL_FOREVER);
	ws = shoal_co_ws_upgrade(req, NULL);
	upgraded = ws != NULL;
	if (ws != NULL)
		received = shoal_co_ws_recv(ws, &message, SHOAL_FOREVER);
}

static void
set_up(void)
{
	memset(&http, 0, sizeof(http));
	http.routes[0] =
	    (struct sh_route){ .path = "/ws", .fn = wait_and_upgrade };
	waiter = 0;
	upgraded = false;
	received = 1;
}

/* The client is told at once, instead of being left with a WebSocket that
 * nobody reads. */
START_TEST(a_drain_comes_before_the_upgrade)
{
	set_up();
	http_rig_open(&http);
	http_rig_send(&http, HELLO);
	RIG_UNTIL(&http.rig, waiter != 0);
	sh_service_drain(http.rig.service, 100, 1012);
	RIG_TURNS(&http.rig, 5);
	shoal_co_resume(waiter, 0);
	http_rig_expect_end(&http,
	    "HTTP/1.1 503 Service Unavailable\r\n" HTTP_RIG_DATE
	    "Content-Length: 50\r\nConnection: close\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
	    "503 Service Unavailable: the server is going away\n");
	ck_assert(!upgraded);
	http_rig_close(&http);
}
END_TEST

SH_SUITE("session/ws_upgrade", a_drain_comes_before_the_upgrade)
