/*
 * This file is the handler `greet_page': a page that talks to `greet' at
 * /websocket on the same host. It is part of the library, so it is there
 * wherever that is installed.
 */
#include <string.h>

#include <shoal/handler.h>
#include <shoal/response.h>

#include "handlers/builtin.h"

static void
show(struct shoal_request *req, void *arg)
{
	(void)arg;
	shoal_response_header(req, "Content-Type", "text/html; charset=utf-8");
	shoal_response_send(
	    req, sh_greet_page_html, strlen(sh_greet_page_html));
}

const struct shoal_handler sh_greet_page_handler = {
	.size = sizeof(struct shoal_handler),
	.name = "greet_page",
	.doc = "a page that tries the handler `greet' at /websocket",
	.request = show,
};
