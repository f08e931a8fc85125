/*
 * This program is a room at ws://127.0.0.1:9502/websocket: what one WebSocket sends
 * goes to all of them, its sender too, whichever worker each of them is on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/shoal.h>

static const char topic[] = "room";

static int
tell_all(const struct shoal_message *msg)
{
	static const char prefix[] = "Server：";
	size_t len = strlen(prefix) + msg->len;
	char *text = malloc(len);
	int r;

	if (text == NULL)
		return -SHOAL_ENOMEM;
	memcpy(text, prefix, strlen(prefix));
	memcpy(text + strlen(prefix), msg->data, msg->len);
	/* One that does not read keeps nobody waiting: what becomes of it is
	 * said by limits.send_queue in the configuration. */
	r = shoal_co_publish(topic, msg->type, text, len, NULL, SHOAL_FOREVER);
	free(text);
	return r;
}

/* Runs once for each WebSocket, on a coroutine of its own. What others say goes
 * to the client without it. */
static void
room(struct shoal_request *req, void *arg)
{
	struct shoal_ws *ws = shoal_co_ws_upgrade(req, NULL);
	const struct shoal_message *msg;
	int r;

	(void)arg;
	if (ws == NULL)
		return; /* the refusal has been answered */
	r = shoal_ws_subscribe(ws, topic, NULL);
	while (r == 0 && (r = shoal_co_ws_recv(ws, &msg, SHOAL_FOREVER)) > 0) {
		if (shoal_message_is(msg, "close"))
			break;
		r = tell_all(msg);
	}
	/* 0 is a close in good order */
	if (r < 0)
		printf("errorCode: %d, %s\n", -r, shoal_strerror(r));
	shoal_co_ws_close(ws, SHOAL_WS_NORMAL, NULL);
}

int
main(int argc, char **argv)
{
	struct shoal_server *server = shoal_server_new();
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (server == NULL ||
	    shoal_server_route(
		server, "127.0.0.1:9502", "/websocket", room, NULL) < 0)
		return 1;
	status = shoal_main(server, argc, argv);
	shoal_server_free(&server);
	return status;
}
