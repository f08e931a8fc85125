/* This file is one listener with its callbacks in one worker. */
#include "config.h"

#include "session/service.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "io/group.h"
#include "io/listener.h"
#include "io/loop.h"
#include "session/http.h"
#include "session/tcp.h"
#include "session/ws.h"

struct sh_service {
	/* one of them */
	struct sh_tcp tcp;
	struct sh_http http;
	const char *name;
	struct sh_loop *loop;
	bool shared;
	struct sh_group *group;
	struct sh_listener *listener; /* NULL when it has been closed */
};

static void
on_accepted(int fd, const struct sh_addr *peer, void *arg)
{
	struct sh_service *service = arg;

	/* without memory for it, the peer sees the end at once */
	(void)sh_conn_open(service->group, fd, peer);
}

static void
copy_callbacks(struct sh_tcp *tcp, const struct shoal_tcp_callbacks *callbacks)
{
	size_t size = callbacks != NULL ? callbacks->size : 0;

	/* a handler built with an older header knows fewer of them */
	if (size > sizeof(tcp->callbacks))
		size = sizeof(tcp->callbacks);
	if (size != 0)
		memcpy(&tcp->callbacks, callbacks, size);
}

static void
set_up_tcp(struct sh_tcp *tcp, struct sh_loop *loop,
    const struct sh_service_options *options)
{
	copy_callbacks(tcp, options->callbacks);
	tcp->serve = options->serve;
	sh_assert(tcp->callbacks.on_receive != NULL || tcp->serve != NULL);
	tcp->framing = sh_framing_from_public(options->framing);
	tcp->arg = options->arg;
	tcp->listener = options->name;
	tcp->handler = options->handler;
	tcp->coroutines = sh_loop_coroutines(loop);
}

static int
set_up_http(struct sh_http *http, struct sh_loop *loop,
    const struct sh_service_options *options)
{
	http->loop = loop;
	http->routes = options->routes;
	http->limits = options->http_limits;
	sh_http_limits_resolve(&http->limits, &sh_http_default_limits);
	http->listener = options->name;
	return sh_http_init(http);
}

static int
set_up(struct sh_service *service, const struct sh_service_options *options)
{
	service->name = options->name;
	if (options->routes != NULL)
		return set_up_http(&service->http, service->loop, options);
	set_up_tcp(&service->tcp, service->loop, options);
	return 0;
}

static void
choose_session(struct sh_service *service,
    const struct sh_service_options *options, struct sh_group_options *group)
{
	if (options->routes != NULL) {
		group->ops = sh_http_ops();
		group->owner = &service->http;
		group->idle_timeout_ms =
		    service->http.limits.keepalive_timeout_ms;
		return;
	}
	group->ops = options->serve != NULL ? sh_tcp_coroutine_ops()
					    : sh_tcp_callback_ops();
	group->owner = &service->tcp;
	group->idle_timeout_ms = options->idle_timeout_ms;
}

static int
open_group(struct sh_service *service, const struct sh_service_options *options)
{
	struct sh_group_options group_options = {
		.queue_high = options->queue_high,
		.queue_low = options->queue_low,
		.when_full = options->when_full,
		.close_code = options->close_code,
		.stall_ms = options->stall_ms,
		.on_empty = options->on_empty,
		.on_empty_arg = options->on_empty_arg,
	};

	choose_session(service, options, &group_options);
	service->group = sh_group_new(service->loop, &group_options);
	return service->group != NULL ? 0 : -SHOAL_ENOMEM;
}

static void
close_socket(int listen_fd)
{
	if (listen_fd >= 0)
		close(listen_fd);
}

static int
open_listener(struct sh_service *service, int listen_fd)
{
	const struct sh_listener_options options = {
		.name = service->name,
		.shared = service->shared,
		.accepted = on_accepted,
		.arg = service,
	};

	return sh_listener_open(
	    service->loop, listen_fd, &options, &service->listener);
}

int
sh_service_open(struct sh_loop *loop, const struct sh_service_options *options,
    int listen_fd, struct sh_service **out)
{
	struct sh_service *service = sh_try_calloc(1, sizeof(*service));
	int r;

	if (service == NULL) {
		struct sh_routes *routes = options->routes;

		sh_routes_free(&routes);
		close_socket(listen_fd);
		return -SHOAL_ENOMEM;
	}
	service->loop = loop;
	service->shared = options->shared;
	r = set_up(service, options);
	if (r == 0)
		r = open_group(service, options);
	if (r < 0)
		close_socket(listen_fd);
	else if (listen_fd >= 0)
		r = open_listener(service, listen_fd);
	if (r < 0) {
		sh_service_free(&service);
		return r;
	}
	*out = service;
	return 0;
}

void
sh_service_pause_accepting(struct sh_service *service)
{
	if (service->listener != NULL)
		sh_listener_stop(service->listener);
}

bool
sh_service_resume_accepting(struct sh_service *service)
{
	service->http.closing = false;
	if (service->listener != NULL)
		sh_listener_start(service->listener);
	return service->listener != NULL;
}

int
sh_service_listen(struct sh_service *service, int listen_fd)
{
	service->http.closing = false;
	sh_service_accept_queued(service);
	sh_service_stop_accepting(service);
	return open_listener(service, listen_fd);
}

void
sh_service_stop_accepting(struct sh_service *service)
{
	sh_listener_close(&service->listener);
}

void
sh_service_accept_queued(struct sh_service *service)
{
	if (service->listener != NULL)
		sh_listener_accept_queued(service->listener);
}

size_t
sh_service_connections(const struct sh_service *service)
{
	return sh_group_connections(service->group);
}

void
sh_service_begin_drain(struct sh_service *service)
{
	service->http.closing = true;
}

/* What a drain is to do. */
struct drain {
	int64_t linger_ms;
	int code;
};

static void
drain_http(struct sh_conn *conn, void *arg)
{
	const struct drain *drain = arg;

	if (!sh_ws_go_away(conn, drain->code))
		sh_conn_drain(conn, drain->linger_ms);
}

void
sh_service_drain(struct sh_service *service, int64_t linger_ms, int code)
{
	struct drain drain = { .linger_ms = linger_ms, .code = code };

	if (service->http.routes != NULL)
		sh_group_each(service->group, drain_http, &drain);
	else
		sh_group_drain(service->group, linger_ms);
}

void
sh_service_abort(struct sh_service *service)
{
	sh_group_shutdown(service->group);
}

void
sh_service_free(struct sh_service **service)
{
	if (service == NULL || *service == NULL)
		return;
	sh_listener_close(&(*service)->listener);
	if ((*service)->group != NULL)
		sh_group_abandon((*service)->group);
	sh_group_free(&(*service)->group);
	sh_http_fini(&(*service)->http);
	free(*service);
	*service = NULL;
}
