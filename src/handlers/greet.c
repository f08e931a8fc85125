/*
 * This file is the handler `greet': a WebSocket that says hello to whatever
 * name it is told, and asks how it is, until it is told "close".
 */
#include <stddef.h>

#include <shoal/co.h>
#include <shoal/handler.h>
#include <shoal/ws.h>

#include "handlers/builtin.h"

static int
say_hello(struct shoal_ws *ws, const struct shoal_message *name)
{
	int r =
	    shoal_co_ws_printf(ws, "Hello %.*s!", (int)name->len, name->data);

	return r < 0 ? r
		     : shoal_co_ws_printf(ws, "How are you, %.*s?",
			   (int)name->len, name->data);
}

static void
greet(struct shoal_request *req, void *arg)
{
	struct shoal_ws *ws = shoal_co_ws_upgrade(req, NULL);
	const struct shoal_message *message;
	int code = SHOAL_WS_NORMAL, r = 0;

	if (ws == NULL)
		return; /* the refusal has been answered */
	while (r == 0 && shoal_co_ws_recv(ws, &message, SHOAL_FOREVER) > 0) {
		if (message->type != SHOAL_WS_TEXT)
			continue;
		if (shoal_message_is(message, "close"))
			break;
		r = say_hello(ws, message);
		if (r == -SHOAL_EMSGSIZE)
			code = SHOAL_WS_TOO_BIG;
	}
	(void)shoal_co_ws_close(ws, code, NULL);
}

const struct shoal_handler sh_greet_handler = {
	.size = sizeof(struct shoal_handler),
	.name = "greet",
	.doc = "a WebSocket that greets whatever name it is told",
	.request = greet,
};
