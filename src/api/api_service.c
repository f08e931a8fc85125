/* This file is <shoal/service.h>. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/co.h>
#include <shoal/service.h>
#include <shoal/ws.h>

#include "api/listen_options.h"
#include "api/service_routes.h"
#include "base/mem.h"
#include "base/panic.h"
#include "base/sock.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"
#include "io/timer.h"
#include "session/service.h"
#include "settings/settings.h"

enum {
	SERVICE_MAGIC = 0x73657276,
	FLAGS = SHOAL_SERVICE_CLOSE,
	/* from "end" to the cut */
	LINGER_MS = 2000,
	QUEUE_HIGH = 1 << 20,
	QUEUE_LOW = 1 << 18,
	STALL_MS = 30 * 1000
};

struct shoal_service {
	uint32_t magic;
	struct sh_loop *loop;
	struct sh_service *service;
	struct sh_route_copies *routes; /* NULL: none */
	struct sh_addr addr;
	char *name;
	int backlog;
	bool bound;  /* here, so it can be bound again */
	bool closed; /* the socket is */
	int64_t end_timer;
	struct sh_co *waiter; /* for the last connection to go, NULL */
};

static bool
are_valid(const struct shoal_service_options *options)
{
	const struct shoal_tcp_callbacks *callbacks = options->callbacks;

	if (options->size < sizeof(*options) ||
	    (options->address == NULL && options->listen_fd < 0) ||
	    (options->routes == NULL) != (options->route_count == 0) ||
	    (callbacks != NULL) + (options->serve != NULL) +
		    (options->routes != NULL) !=
		1)
		return false;
	if (callbacks != NULL &&
	    (callbacks->size < sizeof(*callbacks) ||
		callbacks->on_receive == NULL))
		return false;
	return options->listen == NULL ||
	    sh_listen_options_are_valid(options->listen);
}

static int
listen_on(const struct shoal_service *service)
{
	int fd, r;

	r = sh_sock_remove_stale(&service->addr);
	if (r < 0)
		return r;
	fd = sh_sock_bind(&service->addr, false);
	if (fd < 0)
		return fd;
	if (listen(fd, service->backlog) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* The listening socket that options speak of. A descriptor or -errno. */
static int
get_socket(
    struct shoal_service *service, const struct shoal_service_options *options)
{
	const char *why;
	int fd;

	service->bound = options->address != NULL;
	if (!service->bound)
		fd = fcntl(options->listen_fd, F_DUPFD_CLOEXEC, 0);
	else if (sh_addr_parse(&service->addr, options->address, &why) < 0)
		return -SHOAL_EINVAL;
	else
		return listen_on(service);
	return fd < 0 ? -errno : fd;
}

static void
on_empty(void *arg)
{
	struct shoal_service *service = arg;

	if (service->waiter != NULL)
		sh_co_wake(service->waiter, 0);
}

static struct sh_service_options
make_options(
    struct shoal_service *service, const struct shoal_service_options *asked)
{
	const struct shoal_listen_options *listen = asked->listen;
	struct sh_service_options options = {
		.name = service->name,
		.handler = service->name,
		.callbacks = asked->callbacks,
		.serve = asked->serve,
		.arg = asked->arg,
		.queue_high = QUEUE_HIGH,
		.queue_low = QUEUE_LOW,
		.stall_ms = STALL_MS,
		.on_empty = on_empty,
		.on_empty_arg = service,
	};

	if (listen == NULL)
		return options;
	options.framing = listen->framing;
	options.idle_timeout_ms = listen->idle_timeout_ms;
	if (listen->queue_high != 0) {
		options.queue_high = listen->queue_high;
		options.queue_low = listen->queue_low;
	}
	options.when_full = listen->when_full;
	if (listen->stall_timeout_ms != 0)
		options.stall_ms = listen->stall_timeout_ms;
	return options;
}

/* Makes it HTTP, if there are routes. */
static int
open_with_routes(struct shoal_service *service,
    const struct shoal_service_options *asked,
    struct sh_service_options *options, int fd)
{
	int r = 0;

	if (asked->routes != NULL) {
		r = sh_route_copies_new(asked->routes, asked->route_count,
		    &service->routes, &options->routes);
		/* what counts before a route is known */
		options->http_limits = asked->routes[0].limits;
	}
	if (r < 0) {
		close(fd);
		return r;
	}
	return sh_service_open(service->loop, options, fd, &service->service);
}

static int
fill(struct shoal_service *service, const struct shoal_service_options *asked)
{
	const struct shoal_listen_options *listen = asked->listen;
	struct sh_service_options options;
	const char *name = listen != NULL ? listen->name : NULL;
	int fd;

	if (name == NULL)
		name = asked->address != NULL ? asked->address : "service";
	service->name = strdup(name);
	service->backlog = listen != NULL && listen->backlog != 0
	    ? listen->backlog
	    : SH_DEFAULT_BACKLOG;
	if (service->name == NULL)
		return -SHOAL_ENOMEM;
	fd = get_socket(service, asked);
	if (fd < 0)
		return fd;
	/* the port that port 0 has become, for later */
	(void)sh_sock_local(fd, &service->addr);
	options = make_options(service, asked);
	options.shared = sh_addr_is_unix(&service->addr);
	return open_with_routes(service, asked, &options, fd);
}

int
shoal_service_open(
    const struct shoal_service_options *options, struct shoal_service **out)
{
	struct sh_loop *loop = sh_loop_current();
	struct shoal_service *service;
	int r;

	if (loop == NULL)
		return -SHOAL_EPERM;
	if (options == NULL || !are_valid(options))
		return -SHOAL_EINVAL;
	service = sh_try_calloc(1, sizeof(*service));
	if (service == NULL)
		return -SHOAL_ENOMEM;
	service->magic = SERVICE_MAGIC;
	service->loop = loop;
	r = fill(service, options);
	if (r < 0) {
		sh_route_copies_free(&service->routes);
		free(service->name);
		free(service);
		return r;
	}
	*out = service;
	return 0;
}

static void
forget_end(struct shoal_service *service)
{
	if (service->end_timer > 0)
		sh_timer_stop(service->loop, service->end_timer);
	service->end_timer = 0;
}

static void
unlink_socket(const struct shoal_service *service)
{
	if (service->bound && sh_addr_is_unix(&service->addr))
		(void)unlink(service->addr.un.sun_path);
}

static void
on_cut(void *arg)
{
	struct shoal_service *service = arg;

	service->end_timer = 0;
	sh_service_abort(service->service);
}

static void
on_end(void *arg)
{
	struct shoal_service *service = arg;

	sh_service_drain(service->service, LINGER_MS, SHOAL_WS_GOING_AWAY);
	service->end_timer =
	    sh_timer_start(service->loop, LINGER_MS, 0, on_cut, service);
}

int
shoal_service_stop(
    struct shoal_service *service, unsigned flags, int deadline_ms)
{
	SH_CHECK(service, SERVICE_MAGIC);
	if ((flags & ~(unsigned)FLAGS) != 0 || deadline_ms < SHOAL_FOREVER)
		return -SHOAL_EINVAL;
	if (flags & SHOAL_SERVICE_CLOSE) {
		sh_service_accept_queued(service->service);
		sh_service_stop_accepting(service->service);
		if (!service->closed)
			unlink_socket(service);
		service->closed = true;
	} else {
		sh_service_pause_accepting(service->service);
	}
	forget_end(service);
	if (deadline_ms >= 0)
		service->end_timer = sh_timer_start(
		    service->loop, deadline_ms, 0, on_end, service);
	if (deadline_ms >= 0)
		sh_service_begin_drain(service->service);
	return 0;
}

int
shoal_service_start(struct shoal_service *service)
{
	int fd;

	SH_CHECK(service, SERVICE_MAGIC);
	if (!service->closed) {
		sh_service_resume_accepting(service->service);
		forget_end(service);
		return 0;
	}
	if (!service->bound)
		return -SHOAL_EINVAL;
	fd = listen_on(service);
	if (fd < 0)
		return fd;
	if (sh_service_listen(service->service, fd) < 0)
		return -SHOAL_ENOMEM;
	service->closed = false;
	forget_end(service);
	return 0;
}

int
shoal_co_service_wait(struct shoal_service *service, int timeout_ms)
{
	int64_t deadline_us = sh_deadline_us(timeout_ms);
	int r = 0;

	SH_CHECK(service, SERVICE_MAGIC);
	if (service->waiter != NULL)
		return -SHOAL_EBUSY;
	while (r == 0 && sh_service_connections(service->service) != 0) {
		service->waiter = sh_co_running();
		r = sh_await("shoal_co_service_wait", deadline_us);
		service->waiter = NULL;
	}
	return r;
}

void
shoal_co_service_free(struct shoal_service **service)
{
	struct shoal_service *s;

	if (service == NULL || *service == NULL)
		return;
	s = *service;
	SH_CHECK(s, SERVICE_MAGIC);
	*service = NULL;
	forget_end(s);
	sh_service_stop_accepting(s->service);
	if (!s->closed)
		unlink_socket(s);
	sh_service_abort(s->service);
	/* while one of its handlers runs, its connection has to be there */
	while (sh_service_connections(s->service) != 0) {
		s->waiter = sh_co_running();
		sh_await_firmly("shoal_co_service_free");
	}
	sh_service_free(&s->service);
	sh_route_copies_free(&s->routes);
	s->magic = 0;
	free(s->name);
	free(s);
}

size_t
shoal_service_connections(const struct shoal_service *service)
{
	SH_CHECK(service, SERVICE_MAGIC);
	return sh_service_connections(service->service);
}

const char *
shoal_service_address(
    const struct shoal_service *service, char *buf, size_t cap)
{
	SH_CHECK(service, SERVICE_MAGIC);
	return sh_addr_format(&service->addr, buf, cap);
}
