/*
 * This program is a room on 127.0.0.1:9502/websocket: what one WebSocket sends
 * goes to all of them, its sender too. It is one process, which serves until
 * Ctrl-C ends it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <shoal/shoal.h>

struct member {
	struct shoal_ws *ws;
	LIST_ENTRY(member) link;
};

static LIST_HEAD(, member) members = LIST_HEAD_INITIALIZER(members);

static void
tell_all(const struct shoal_message *msg)
{
	static const char prefix[] = "Server：";
	size_t len = strlen(prefix) + msg->len;
	char *text = malloc(len);
	struct member *member;

	if (text == NULL)
		return;
	memcpy(text, prefix, strlen(prefix));
	memcpy(text + strlen(prefix), msg->data, msg->len);
	/* does not wait: one that has not read a megabyte must not keep the
	 * others waiting, and leaves the room */
	LIST_FOREACH(member, &members, link)
		if (shoal_ws_send(member->ws, msg->type, text, len) ==
		    -SHOAL_EAGAIN)
			shoal_ws_abort(member->ws);
	free(text);
}

/* Runs once for each WebSocket, on a coroutine of its own. */
static void
room(struct shoal_request *req, void *arg)
{
	struct member self = { .ws = shoal_co_ws_upgrade(req, NULL) };
	const struct shoal_message *msg;
	int r;

	(void)arg;
	if (self.ws == NULL)
		return;
	LIST_INSERT_HEAD(&members, &self, link);
	while ((r = shoal_co_ws_recv(self.ws, &msg, SHOAL_FOREVER)) > 0) {
		if (shoal_message_is(msg, "close"))
			break;
		tell_all(msg);
	}
	/* 0 is a close in good order */
	if (r < 0)
		printf("errorCode: %d, %s\n", -r, shoal_strerror(r));
	LIST_REMOVE(&self, link);
	shoal_co_ws_close(self.ws, SHOAL_WS_NORMAL, NULL);
}

static void
run(void *arg)
{
	static const struct shoal_route route = {
		.size = sizeof(route), .path = "/websocket", .fn = room
	};
	const struct shoal_service_options options = {
		.size = sizeof(options),
		.address = "127.0.0.1:9502",
		.routes = &route,
		.route_count = 1,
	};
	struct shoal_service *service;
	int *result = arg;

	*result = shoal_service_open(&options, &service);
	if (*result < 0)
		return;
	printf("A room at ws://127.0.0.1:9502/websocket\n");
	shoal_co_wait_signal(SIGINT, SHOAL_FOREVER);
	/* who is in it is told (1001), and has five seconds to leave */
	shoal_service_stop(service, SHOAL_SERVICE_CLOSE, 0);
	shoal_co_service_wait(service, 5000);
	shoal_co_service_free(&service);
}

int
main(void)
{
	int r, result = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	r = shoal_run(run, &result);
	if (r == 0)
		r = result;
	if (r < 0)
		fprintf(stderr, "ws_room: %s\n", shoal_strerror(r));
	return r < 0 ? 1 : 0;
}
