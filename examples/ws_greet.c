/*
 * This program is a WebSocket server on 127.0.0.1:9502 in coroutine style: it
 * greets whatever comes to /websocket, until that is "close". At / is a page
 * that tries it; what happens is written to the browser's console.
 */
#include <string.h>

#include <shoal/shoal.h>

static const char html[] =
    "<!DOCTYPE html>\n"
    "<meta charset=\"utf-8\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n"
    "<h1>shoal WebSocket Server</h1>\n"
    "<script>\n"
    "var wsServer = 'ws://' + location.host + '/websocket';\n"
    "var websocket = new WebSocket(wsServer);\n"
    "websocket.onopen = function (evt) {\n"
    "    console.log('Connected to WebSocket server.');\n"
    "    websocket.send('hello');\n"
    "};\n"
    "\n"
    "websocket.onclose = function (evt) {\n"
    "    console.log('Disconnected');\n"
    "};\n"
    "\n"
    "websocket.onmessage = function (evt) {\n"
    "    console.log('Retrieved data from server: ' + evt.data);\n"
    "};\n"
    "\n"
    "websocket.onerror = function (evt, e) {\n"
    "    console.log('Error occured: ' + evt.data);\n"
    "};\n"
    "</script>\n";

/* Runs once for each WebSocket, on a coroutine of its own. */
static void
chat(struct shoal_request *req, void *arg)
{
	struct shoal_ws *ws = shoal_co_ws_upgrade(req, NULL);
	const struct shoal_message *msg; /* valid until the next recv */

	(void)arg;
	if (ws == NULL)
		return; /* the refusal has been answered */
	while (shoal_co_ws_recv(ws, &msg, SHOAL_FOREVER) > 0) {
		if (shoal_message_is(msg, "close"))
			break;
		shoal_co_ws_printf(ws, "Hello %.*s!", (int)msg->len, msg->data);
		shoal_co_ws_printf(
		    ws, "How are you, %.*s?", (int)msg->len, msg->data);
	}
	shoal_co_ws_close(ws, SHOAL_WS_NORMAL, NULL);
}

static void
page(struct shoal_request *req, void *arg)
{
	(void)arg;
	shoal_response_header(req, "Content-Type", "text/html; charset=utf-8");
	shoal_response_send(req, html, strlen(html));
}

int
main(int argc, char **argv)
{
	struct shoal_server *server = shoal_server_new();
	int status;

	if (server == NULL ||
	    shoal_server_route(
		server, "127.0.0.1:9502", "/websocket", chat, NULL) < 0 ||
	    shoal_server_route(server, "127.0.0.1:9502", "/", page, NULL) < 0)
		return 1;
	status = shoal_main(server, argc, argv);
	shoal_server_free(&server);
	return status;
}
