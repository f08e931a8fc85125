/*
 * This file is a program on libshoal for HTTP and WebSocket, whose handlers a
 * configuration file names: `page' answers every request with one body,
 * `ws_callback' and `ws_coroutine' echo messages in the two styles, what a
 * WebSocket of `ws_publish' sends goes to all of `ws_subscribe'. It measures
 * nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <shoal/shoal.h>

struct page {
	const char *body;
	size_t len;
};

static const struct shoal_setting page_settings[] = {
	{ "body", SHOAL_SETTING_STRING, "", 0, 0, "what is answered" },
	{ NULL },
};

static int
open_page(const struct shoal_settings *settings, void **arg_out)
{
	struct page *page = malloc(sizeof(*page));

	if (page == NULL)
		return -SHOAL_ENOMEM;
	page->body = shoal_settings_string(settings, "body");
	page->len = strlen(page->body);
	*arg_out = page;
	return 0;
}

static void
close_page(void *arg)
{
	free(arg);
}

static void
answer(struct shoal_request *req, void *arg)
{
	const struct page *page = arg;

	shoal_response_header(req, "Content-Type", "text/plain");
	shoal_response_send(req, page->body, page->len);
}

static void
on_message(struct shoal_ws *ws, const struct shoal_message *message, void *arg)
{
	if (shoal_ws_send(ws, message->type, message->data, message->len) < 0) {
		shoal_ws_abort(ws);
		return;
	}
	/* never refused: reading stops before the queue is over the mark */
	if (shoal_ws_is_full(ws))
		shoal_ws_pause(ws);
}

static void
on_writable(struct shoal_ws *ws, void *arg)
{
	shoal_ws_resume(ws);
}

static const struct shoal_ws_callbacks callbacks = {
	.size = sizeof(struct shoal_ws_callbacks),
	.on_message = on_message,
	.on_writable = on_writable,
};

static void
echo_by_callbacks(struct shoal_request *req, void *arg)
{
	/* what goes wrong has been answered */
	(void)shoal_ws_serve(req, NULL, &callbacks, NULL);
}

static void
echo_by_coroutine(struct shoal_request *req, void *arg)
{
	struct shoal_ws *ws = shoal_co_ws_upgrade(req, NULL);
	const struct shoal_message *message;

	if (ws == NULL)
		return;
	while (shoal_co_ws_recv(ws, &message, SHOAL_FOREVER) > 0)
		if (shoal_co_ws_send(ws, message->type, message->data,
			message->len, SHOAL_FOREVER) < 0)
			break;
}

static void
join_room(struct shoal_ws *ws, struct shoal_request *req, void *arg)
{
	if (shoal_ws_subscribe(ws, "room", NULL) < 0)
		shoal_ws_abort(ws);
}

static void
ignore_message(
    struct shoal_ws *ws, const struct shoal_message *message, void *arg)
{
}

static const struct shoal_ws_callbacks subscriber_callbacks = {
	.size = sizeof(struct shoal_ws_callbacks),
	.on_open = join_room,
	.on_message = ignore_message,
};

static void
subscribe(struct shoal_request *req, void *arg)
{
	/* what goes wrong has been answered */
	(void)shoal_ws_serve(req, NULL, &subscriber_callbacks, NULL);
}

static void
publish(struct shoal_request *req, void *arg)
{
	struct shoal_ws *ws = shoal_co_ws_upgrade(req, NULL);
	const struct shoal_message *message;

	if (ws == NULL)
		return;
	while (shoal_co_ws_recv(ws, &message, SHOAL_FOREVER) > 0)
		if (shoal_co_publish("room", message->type, message->data,
			message->len, NULL, SHOAL_FOREVER) < 0)
			break;
}

static const struct shoal_handler handlers[] = {
	{
	    .size = sizeof(struct shoal_handler),
	    .name = "page",
	    .doc = "answers every request with one body",
	    .settings = page_settings,
	    .open = open_page,
	    .close = close_page,
	    .request = answer,
	},
	{
	    .size = sizeof(struct shoal_handler),
	    .name = "ws_callback",
	    .doc = "echoes WebSocket messages, in callback style",
	    .request = echo_by_callbacks,
	},
	{
	    .size = sizeof(struct shoal_handler),
	    .name = "ws_coroutine",
	    .doc = "echoes WebSocket messages, in coroutine style",
	    .request = echo_by_coroutine,
	},
	{
	    .size = sizeof(struct shoal_handler),
	    .name = "ws_subscribe",
	    .doc = "gets what is published",
	    .request = subscribe,
	},
	{
	    .size = sizeof(struct shoal_handler),
	    .name = "ws_publish",
	    .doc = "publishes what its WebSocket sends",
	    .request = publish,
	},
};

int
main(int argc, char **argv)
{
	struct shoal_server *server = shoal_server_new();
	size_t i;
	int status;

	if (server == NULL)
		return EXIT_FAILURE;
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (shoal_server_add_handler(server, &handlers[i]) < 0)
			return EXIT_FAILURE;
	status = shoal_main(server, argc, argv);
	shoal_server_free(&server);
	return status;
}
