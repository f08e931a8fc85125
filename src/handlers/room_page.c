/*
 * This file is the handler `room_page': a page to chat in the rooms of the handler
 * `room' at /room/ on the same host. It is part of the library, so it is there
 * wherever that is installed.
 */
#include "config.h"

#include <string.h>

#include <shoal/handler.h>
#include <shoal/response.h>

#include "handlers/builtin.h"

static void
show(struct shoal_request *req, void *arg)
{
	(void)arg;
	shoal_response_header(req, "Content-Type", "text/html; charset=utf-8");
	shoal_response_send(req, sh_room_page_html, strlen(sh_room_page_html));
}

const struct shoal_handler sh_room_page_handler = {
	.size = sizeof(struct shoal_handler),
	.name = "room_page",
	.doc = "a page to chat in the rooms of `room' at /room/",
	.request = show,
};
