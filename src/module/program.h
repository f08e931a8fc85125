/*
 * This file is what an embedding program has registered with its server:
 * listeners, handlers and hooks. It is filled before the first fork and only
 * read afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shoal/handler.h>
#include <shoal/route.h>
#include <shoal/server.h>
#include <shoal/worker.h>

enum { SH_SERVER_MAGIC = 0x53525652 };

struct sh_program_route {
	struct shoal_route route; /* its strings are copies */
	char *path, *methods, *host;
};

struct sh_program_listener {
	char *address;
	char *name; /* the address, when none was given */
	struct shoal_listen_options options; /* without a name */
	struct shoal_tcp_callbacks callbacks;
	shoal_serve_fn *serve; /* NULL: callback style */
	void *arg;
	bool http; /* then it has these in place of callbacks */
	struct shoal_http_limits limits;
	struct sh_program_route *routes;
	size_t route_count;
};

struct shoal_server {
	uint32_t magic;
	struct sh_program_listener *listeners;
	size_t listener_count;
	const struct shoal_handler **handlers; /* lent; built-in ones first */
	size_t handler_count;
	struct shoal_worker_hooks hooks;
	void *hooks_arg;
};
