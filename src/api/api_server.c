/* This file is the public server: it puts the command line, the master, the
 * check and the workers together. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/shoal.h>

#include "api/listen_options.h"
#include "base/mem.h"
#include "base/panic.h"
#include "base/sock.h"
#include "check/check.h"
#include "cmd/cmd.h"
#include "handlers/builtin.h"
#include "io/loop.h"
#include "master/master.h"
#include "module/program.h"
#include "proto/framing.h"
#include "worker/worker.h"

struct shoal_server *
shoal_server_new(void)
{
	struct shoal_server *server = calloc(1, sizeof(*server));
	const struct shoal_handler *const *handler = sh_builtin_handlers;

	if (server == NULL)
		return NULL;
	server->magic = SH_SERVER_MAGIC;
	for (; *handler != NULL; handler++)
		if (shoal_server_add_handler(server, *handler) < 0) {
			shoal_server_free(&server);
			break;
		}
	return server;
}

static void
free_listener(struct sh_program_listener *listener)
{
	sh_server_free_routes(listener);
	free(listener->address);
	free(listener->name);
}

void
shoal_server_free(struct shoal_server **server)
{
	size_t i;

	if (server == NULL || *server == NULL)
		return;
	SH_CHECK(*server, SH_SERVER_MAGIC);
	for (i = 0; i < (*server)->listener_count; i++)
		free_listener(&(*server)->listeners[i]);
	free((*server)->listeners);
	free((*server)->handlers);
	(*server)->magic = 0;
	free(*server);
	*server = NULL;
}

static int
append_listener(
    struct shoal_server *server, const struct sh_program_listener *listener)
{
	size_t n = server->listener_count;
	struct sh_program_listener *list =
	    sh_try_grow(server->listeners, n + 1, sizeof(*list));

	if (list == NULL)
		return -SHOAL_ENOMEM;
	list[n] = *listener;
	server->listeners = list;
	server->listener_count++;
	return 0;
}

bool
sh_listen_options_are_valid(const struct shoal_listen_options *options)
{
	return options->size >= sizeof(*options) && options->backlog >= 0 &&
	    options->keepalive_idle_ms >= 0 &&
	    options->keepalive_interval_ms >= 0 &&
	    options->keepalive_count >= 0 && options->user_timeout_ms >= 0 &&
	    options->notsent_lowat >= -1 && options->idle_timeout_ms >= -1 &&
	    options->queue_low <= options->queue_high &&
	    (unsigned)options->when_full <= SHOAL_FULL_PAUSE &&
	    options->stall_timeout_ms >= -1 &&
	    options->stall_timeout_ms <= INT64_MAX / 2 &&
	    (options->framing == NULL ||
		sh_framing_check(options->framing, NULL) == 0);
}

struct sh_program_listener *
sh_server_find_listener(const struct shoal_server *server, const char *address)
{
	size_t i;

	for (i = 0; i < server->listener_count; i++)
		if (strcmp(server->listeners[i].address, address) == 0)
			return &server->listeners[i];
	return NULL;
}

/* What was asked for, as far as it makes sense. */
static int
check_listener(const struct shoal_server *server, const char *address,
    const struct shoal_listen_options *options)
{
	struct sh_addr parsed;
	const char *why;

	if (address == NULL || !sh_listen_options_are_valid(options) ||
	    sh_addr_parse(&parsed, address, &why) < 0)
		return -SHOAL_EINVAL;
	return sh_server_find_listener(server, address) != NULL ? -SHOAL_EEXIST
								: 0;
}

int
sh_server_add_listener(struct shoal_server *server, const char *address,
    const struct shoal_listen_options *options,
    struct sh_program_listener listener)
{
	static const struct shoal_listen_options none = { .size =
							      sizeof(none) };
	int r;

	SH_CHECK(server, SH_SERVER_MAGIC);
	options = options != NULL ? options : &none;
	r = check_listener(server, address, options);
	if (r < 0)
		return r;
	listener.options = *options;
	listener.options.name = NULL;
	listener.address = strdup(address);
	listener.name = strdup(options->name != NULL ? options->name : address);
	r = listener.address != NULL && listener.name != NULL
	    ? append_listener(server, &listener)
	    : -SHOAL_ENOMEM;
	if (r < 0)
		free_listener(&listener);
	return r;
}

int
shoal_server_listen_with(struct shoal_server *server, const char *address,
    const struct shoal_listen_options *options,
    const struct shoal_tcp_callbacks *callbacks, void *arg)
{
	struct sh_program_listener listener = { .arg = arg };

	if (callbacks == NULL || callbacks->size < sizeof(*callbacks) ||
	    callbacks->on_receive == NULL)
		return -SHOAL_EINVAL;
	listener.callbacks = *callbacks;
	return sh_server_add_listener(server, address, options, listener);
}

int
shoal_server_serve(struct shoal_server *server, const char *address,
    const struct shoal_listen_options *options, shoal_serve_fn *serve,
    void *arg)
{
	const struct sh_program_listener listener = { .serve = serve,
		.arg = arg };

	if (serve == NULL)
		return -SHOAL_EINVAL;
	return sh_server_add_listener(server, address, options, listener);
}

int
shoal_server_listen(struct shoal_server *server, const char *address,
    const struct shoal_tcp_callbacks *callbacks, void *arg)
{
	return shoal_server_listen_with(server, address, NULL, callbacks, arg);
}

int
shoal_server_add_handler(
    struct shoal_server *server, const struct shoal_handler *handler)
{
	const struct shoal_handler **list;
	struct sh_catalog catalog;

	SH_CHECK(server, SH_SERVER_MAGIC);
	if (handler == NULL || sh_handler_lacks(handler) != NULL ||
	    (handler->framing != NULL &&
		sh_framing_check(handler->framing, NULL) < 0))
		return -SHOAL_EINVAL;
	sh_catalog_init(&catalog, server);
	if (sh_catalog_find(&catalog, handler->name) != NULL)
		return -SHOAL_EEXIST;
	list = sh_try_grow(
	    server->handlers, server->handler_count + 1, sizeof(*list));
	if (list == NULL)
		return -SHOAL_ENOMEM;
	list[server->handler_count++] = handler;
	server->handlers = list;
	return 0;
}

int
shoal_server_set_hooks(struct shoal_server *server,
    const struct shoal_worker_hooks *hooks, void *arg)
{
	SH_CHECK(server, SH_SERVER_MAGIC);
	if (hooks == NULL || hooks->size < sizeof(*hooks))
		return -SHOAL_EINVAL;
	server->hooks = *hooks;
	server->hooks_arg = arg;
	return 0;
}

static struct sh_check_input
make_input(const struct shoal_server *server, const struct sh_cmd_line *line,
    bool daemon)
{
	return (struct sh_check_input){ .program = server,
		.name = line->name,
		.source = sh_cmd_source(line),
		.daemon = daemon };
}

static int
serve(const struct sh_cmd_line *line, bool daemon, int ready_fd, void *arg)
{
	struct sh_check_input input = make_input(arg, line, daemon);
	struct sh_master_options options = {
		.check = sh_check_main,
		.check_arg = &input,
		.worker = sh_worker_main,
		.worker_arg = arg,
		.ready_fd = ready_fd,
		.daemon = daemon,
		.start_timeout_ms = line->timeout_ms,
	};

	if (sh_loop_current() != NULL) {
		fputs("a server cannot run inside of shoal_run(): its workers "
		      "have loops of their own\n",
		    stderr);
		return SH_CMD_FAILED;
	}
	return sh_master_run(&options);
}

static void
print_findings(const struct sh_diagnostics *diags)
{
	struct sh_buf out;
	char *text;

	sh_buf_init(&out, 1 << 20);
	sh_diagnostics_format(diags, &out);
	text = sh_buf_take(&out);
	fputs(text != NULL ? text : "too many findings to show\n", stdout);
	free(text);
}

static int
test(const struct sh_cmd_line *line, void *arg)
{
	struct sh_check_input input = make_input(arg, line, false);
	struct sh_diagnostics diags = { 0 };
	struct sh_check_result result;
	int r = sh_check(&input, NULL, &result, &diags);

	if (!line->quiet && diags.count != 0)
		print_findings(&diags);
	if (!line->quiet && r == 0)
		printf("%s: the configuration is good: %u listener%s, "
		       "%u worker%s\n",
		    line->file != NULL ? line->file : line->name,
		    result.plan->address_count,
		    result.plan->address_count == 1 ? "" : "s",
		    result.plan->worker_count,
		    result.plan->worker_count == 1 ? "" : "s");
	sh_check_result_fini(&result);
	sh_diagnostics_fini(&diags);
	return r < 0 ? SH_CMD_CONFIG : SH_CMD_OK;
}

static void
print_handler(const char *name, const struct shoal_handler *handler,
    const struct sh_catalog_module *module, void *arg)
{
	const struct shoal_setting *setting;

	printf("%-20s %s%s%s  %s\n", name,
	    module != NULL ? module->module->name : "built in",
	    module != NULL ? " " : "",
	    module != NULL ? module->module->version : "",
	    handler->doc != NULL ? handler->doc : "");
	for (setting = handler->settings;
	     setting != NULL && setting->key != NULL; setting++)
		printf("    %-16s %s%s%s  %s\n", setting->key,
		    setting->fallback != NULL ? "default \"" : "required",
		    setting->fallback != NULL ? setting->fallback : "",
		    setting->fallback != NULL ? "\"" : "",
		    setting->doc != NULL ? setting->doc : "");
}

static int
modules(const struct sh_cmd_line *line, void *arg)
{
	struct sh_check_input input = make_input(arg, line, false);
	struct sh_diagnostics diags = { 0 };
	struct sh_check_result result;
	int r = sh_check(&input, NULL, &result, &diags);

	if (!line->quiet) {
		printf("module ABI %d, modules in %s\n", SHOAL_MODULE_ABI,
		    SH_MODULEDIR);
		sh_catalog_each(&result.catalog, print_handler, NULL);
		if (r < 0)
			print_findings(&diags);
	}
	sh_check_result_fini(&result);
	sh_diagnostics_fini(&diags);
	return r < 0 ? SH_CMD_CONFIG : SH_CMD_OK;
}

int
shoal_main(struct shoal_server *server, int argc, char **argv)
{
	struct sh_cmd_backend backend = {
		.serve = serve, .test = test, .modules = modules, .arg = server
	};

	SH_CHECK(server, SH_SERVER_MAGIC);
	backend.has_listeners = server->listener_count != 0;
	return sh_cmd_main(&backend, argc, argv);
}

int
shoal_server_run(struct shoal_server *server)
{
	struct sh_cmd_line line = { .name = program_invocation_short_name,
		.verb = "run",
		.timeout_ms = -1 };

	SH_CHECK(server, SH_SERVER_MAGIC);
	return serve(&line, false, -1, server);
}

const char *
shoal_version(void)
{
	return SHOAL_VERSION;
}
