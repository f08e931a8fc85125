/*
 * This program is an HTTP server on 127.0.0.1:9502:
 *
 *	/hello          greets the one that the query names: ?name=shoal
 *	/note           keeps what the form on it was filled in with
 *	/ticks          an event a second, as they come (server-sent events)
 *
 *	curl 'http://127.0.0.1:9502/hello?name=shoal'
 *	curl -d 'text=Feed the fish' http://127.0.0.1:9502/note
 *	curl -N http://127.0.0.1:9502/ticks
 */
#include <stdio.h>
#include <string.h>

#include <shoal/shoal.h>

static void
hello(struct shoal_request *req, void *arg)
{
	const char *name = shoal_request_param(req, "name");

	(void)arg;
	shoal_response_header(req, "Content-Type", "text/plain; charset=utf-8");
	shoal_response_printf(
	    req, "Hello %s!\n", name != NULL ? name : "world");
}

static void
show_form(struct shoal_request *req, void *arg)
{
	static const char form[] = "<!DOCTYPE html>\n"
				   "<meta charset=\"utf-8\">\n"
				   "<form method=\"post\">\n"
				   "<label>Note <input name=\"text\"></label>\n"
				   "<button>Keep</button>\n"
				   "</form>\n";

	(void)arg;
	shoal_response_header(req, "Content-Type", "text/html; charset=utf-8");
	shoal_response_send(req, form, strlen(form));
}

static void
take_form(struct shoal_request *req, void *arg)
{
	const char *text;
	int r = shoal_co_request_form(req, NULL, SHOAL_FOREVER);

	(void)arg;
	if (r < 0) {
		/* does nothing if the client has its answer already */
		shoal_response_error(req, r == -SHOAL_EINVAL ? 415 : 500);
		return;
	}
	text = shoal_request_field(req, "text");
	if (text == NULL) {
		shoal_response_error(req, 400);
		return;
	}
	/* as plain text: what a client sends is no part of a page */
	shoal_response_header(req, "Content-Type", "text/plain; charset=utf-8");
	shoal_response_printf(req, "Noted: %s\n", text);
}

static void
ticks(struct shoal_request *req, void *arg)
{
	char count[16];
	int i;

	(void)arg;
	for (i = 1; i <= 10; i++) {
		const struct shoal_event event = {
			.size = sizeof(event), .type = "tick", .data = count
		};

		snprintf(count, sizeof(count), "%d", i);
		/* fails when the client has gone */
		if (shoal_co_response_event(req, &event, SHOAL_FOREVER) < 0 ||
		    shoal_co_sleep(1000) < 0)
			break;
	}
	shoal_response_end(req);
}

int
main(int argc, char **argv)
{
	static const struct shoal_route routes[] = {
		{ .size = sizeof(routes[0]), .path = "/hello", .fn = hello },
		{ .size = sizeof(routes[0]),
		    .path = "/note",
		    .methods = "GET",
		    .fn = show_form },
		{ .size = sizeof(routes[0]),
		    .path = "/note",
		    .methods = "POST",
		    .fn = take_form },
		{ .size = sizeof(routes[0]), .path = "/ticks", .fn = ticks },
	};
	struct shoal_server *server = shoal_server_new();
	size_t i;
	int status;

	if (server == NULL)
		return 1;
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (shoal_server_route_with(
			server, "127.0.0.1:9502", &routes[i]) < 0)
			return 1;
	status = shoal_main(server, argc, argv);
	shoal_server_free(&server);
	return status;
}
