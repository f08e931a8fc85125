/*
 * This file is the handler `echo': it sends back what it receives. On TCP that
 * goes after a prefix; a message of a WebSocket goes as it came. It keeps no
 * more than the send queue of a peer that does not read: it stops reading from
 * it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <shoal/conn.h>
#include <shoal/handler.h>
#include <shoal/settings.h>
#include <shoal/ws.h>

#include "handlers/builtin.h"

struct echo {
	const char *prefix;
	size_t prefix_len;
};

static int
open_echo(const struct shoal_settings *settings, void **arg_out)
{
	struct echo *echo = malloc(sizeof(*echo));

	if (echo == NULL)
		return -SHOAL_ENOMEM;
	echo->prefix = shoal_settings_string(settings, "prefix");
	echo->prefix_len = strlen(echo->prefix);
	*arg_out = echo;
	return 0;
}

static void
close_echo(void *arg)
{
	free(arg);
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	const struct echo *echo = arg;
	const struct iovec parts[] = {
		{ (void *)(uintptr_t)echo->prefix, echo->prefix_len },
		{ (void *)(uintptr_t)data, len },
	};

	if (shoal_conn_sendv(conn, parts, 2) == -SHOAL_ENOMEM) {
		shoal_conn_abort(conn);
		return;
	}
	/* never refused: reading stops before the queue is over the mark */
	if (shoal_conn_is_full(conn))
		shoal_conn_pause(conn);
}

static void
on_writable(struct shoal_conn *conn, void *arg)
{
	shoal_conn_resume(conn);
}

static void
on_message(struct shoal_ws *ws, const struct shoal_message *message, void *arg)
{
	if (shoal_ws_send(ws, message->type, message->data, message->len) ==
	    -SHOAL_ENOMEM) {
		shoal_ws_abort(ws);
		return;
	}
	/* never refused: reading stops before the queue is over the mark */
	if (shoal_ws_is_full(ws))
		shoal_ws_pause(ws);
}

static void
on_room(struct shoal_ws *ws, void *arg)
{
	shoal_ws_resume(ws);
}

static void
answer(struct shoal_request *req, void *arg)
{
	static const struct shoal_ws_callbacks callbacks = {
		.size = sizeof(struct shoal_ws_callbacks),
		.on_message = on_message,
		.on_writable = on_room,
	};

	/* a refusal has been answered */
	(void)shoal_ws_serve(req, NULL, &callbacks, NULL);
}

static const struct shoal_setting settings[] = {
	{ "prefix", SHOAL_SETTING_STRING, "", 0, 0,
	    "put before everything that is sent back on TCP" },
	{ NULL },
};

const struct shoal_handler sh_echo_handler = {
	.size = sizeof(struct shoal_handler),
	.name = "echo",
	.doc = "sends back what it receives, bytes or messages",
	.settings = settings,
	.open = open_echo,
	.close = close_echo,
	.tcp = {
		.size = sizeof(struct shoal_tcp_callbacks),
		.on_receive = on_receive,
		.on_writable = on_writable,
	},
	.request = answer,
};
