/*
 * This file is an HTTP service and its client in one process, for tests. It
 * holds no tests.
 */
#pragma once

#include <shoal/request.h>
#include <shoal/response.h>
#include <shoal/route.h>

#include "rig.h"
#include "session/route.h"

enum { HTTP_RIG_ROUTES = 8, HTTP_RIG_TEXT = 1 << 20 };

struct http_rig {
	struct rig rig;
	/* set before http_rig_open(): up to one without a path */
	struct sh_route routes[HTTP_RIG_ROUTES];
	struct shoal_http_limits limits; /* 0: defaults, of routes too */

	int fd;
	bool ended; /* by the service; error says how */
	int error;
	size_t len;
	char text[HTTP_RIG_TEXT]; /* what it has answered, with a NUL, and
				     with X for every byte of the date */
};

/** Serve the routes, and connect. The rig is large: a static one. */
void http_rig_open(struct http_rig *http);
/** Another connection in place of the one before, which is closed. */
void http_rig_connect(struct http_rig *http);
/** End everything. */
void http_rig_close(struct http_rig *http);
/** Send a request. */
void http_rig_send(struct http_rig *http, const char *text);
/** Read what is there; whether it is the text that is expected. */
bool http_rig_has(struct http_rig *http, const char *expected);
/** Take turns until the answers are this text; asserts that they are. */
void http_rig_expect(struct http_rig *http, const char *expected);
/** Likewise, and the end of the connection behind it. */
void http_rig_expect_end(struct http_rig *http, const char *expected);
/** What an answer of 200 without other fields is, for http_rig_expect(). */
#define HTTP_RIG_DATE "Date: XXXXXXXXXXXXXXXXXXXXXXXXXXXXX\r\n"
#define HTTP_RIG_OK(length, text)                                             \
	"HTTP/1.1 200 OK\r\n" HTTP_RIG_DATE "Content-Length: " #length "\r\n" \
	"Content-Type: text/html; charset=utf-8\r\n\r\n" text
/** One that shoal gives itself, and closes; length counts the page. */
#define HTTP_RIG_PAGE(status, length, fields)                              \
	"HTTP/1.1 " status "\r\n" HTTP_RIG_DATE "Content-Length: " #length \
	"\r\n" fields "\r\n" status "\n"
