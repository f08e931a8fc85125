/* This file is an HTTP service and its client in one process, for tests. */
#include "config.h"

#include "http_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sh_routes *
make_routes(struct http_rig *http)
{
	struct sh_routes *routes;
	size_t count = 0;

	while (count < HTTP_RIG_ROUTES && http->routes[count].path != NULL) {
		struct sh_route *route = &http->routes[count++];

		if (route->handler == NULL)
			route->handler = route->path;
		sh_http_limits_resolve(&route->limits, &http->limits);
		sh_http_limits_resolve(&route->limits, &sh_http_default_limits);
	}
	routes = sh_routes_new(http->routes, count);
	ck_assert_ptr_nonnull(routes);
	return routes;
}

void
http_rig_open(struct http_rig *http)
{
	http->rig.options.routes = make_routes(http);
	http->rig.options.http_limits = http->limits;
	rig_open(&http->rig);
	http->fd = -1;
	http_rig_connect(http);
}

void
http_rig_connect(struct http_rig *http)
{
	if (http->fd >= 0)
		close(http->fd);
	http->fd = rig_connect_accepted(&http->rig);
	http->ended = false;
	http->len = 0;
	http->text[0] = '\0';
}

void
http_rig_close(struct http_rig *http)
{
	if (http->fd >= 0)
		close(http->fd);
	RIG_UNTIL(&http->rig, sh_loop_connections(http->rig.loop) == 0);
	rig_close(&http->rig);
	http->rig.options.routes = NULL;
}

void
http_rig_send(struct http_rig *http, const char *text)
{
	rig_write(http->fd, text, strlen(text));
}

static void
read_all(struct http_rig *http)
{
	ssize_t n;

	while ((n = read(http->fd, http->text + http->len,
		    sizeof(http->text) - 1 - http->len)) > 0)
		http->len += (size_t)n;
	if (n == 0 || errno != EAGAIN) {
		http->ended = true;
		http->error = n < 0 ? errno : 0;
	}
	http->text[http->len] = '\0';
}

/* It is another one every second. */
static void
hide_dates(struct http_rig *http)
{
	char *at = http->text;

	while (
	    (at = strstr(at, "\r\nDate: ")) != NULL && strlen(at) >= 8 + 29) {
		memset(at + 8, 'X', 29);
		at += 8 + 29;
	}
}

bool
http_rig_has(struct http_rig *http, const char *expected)
{
	read_all(http);
	hide_dates(http);
	return strcmp(http->text, expected) == 0;
}

static bool
is_over(struct http_rig *http, const char *expected)
{
	bool has = http_rig_has(http, expected);

	return has || http->ended || http->len > strlen(expected);
}

void
http_rig_expect(struct http_rig *http, const char *expected)
{
	int64_t end_ms = sh_clock_ms() + RIG_DEADLINE_MS;

	while (!is_over(http, expected) && sh_clock_ms() < end_ms)
		ck_assert_int_eq(sh_loop_turn(http->rig.loop), 0);
	ck_assert_str_eq(http->text, expected);
}

void
http_rig_expect_end(struct http_rig *http, const char *expected)
{
	http_rig_expect(http, expected);
	RIG_UNTIL(&http->rig, (http_rig_has(http, expected), http->ended));
	ck_assert_str_eq(http->text, expected);
	ck_assert_int_eq(http->error, 0);
}
