/* This file knows what a route may say, and what stands for what it does not. */
#include "config.h"

#include "session/route.h"

#include <string.h>

#include "proto/http_route.h"
#include "proto/ws_frame.h"

enum { KIB = 1024, MIB = 1024 * 1024, GZIP_MIN_SIZE = KIB };

const struct shoal_http_limits sh_http_default_limits = {
	.header_timeout_ms = 10 * 1000,
	.body_timeout_ms = 60 * 1000,
	.keepalive_timeout_ms = 75 * 1000,
	.header_size = 16 * KIB,
	.header_count = 100,
	.body_size = MIB,
};

const struct shoal_ws_options sh_ws_default_options = {
	.size = sizeof(struct shoal_ws_options),
	.message_size = MIB,
	.fragments = 1024,
	.control_rate = 10,
	.ping_ms = 30 * 1000,
	.pong_timeout_ms = 10 * 1000,
	.close_timeout_ms = 5 * 1000,
	.compression_min_size = 256,
};

static void
fill(int64_t *value, int64_t fallback)
{
	if (*value == 0)
		*value = fallback;
}

void
sh_http_limits_resolve(
    struct shoal_http_limits *limits, const struct shoal_http_limits *defaults)
{
	fill(&limits->header_timeout_ms, defaults->header_timeout_ms);
	fill(&limits->body_timeout_ms, defaults->body_timeout_ms);
	fill(&limits->keepalive_timeout_ms, defaults->keepalive_timeout_ms);
	fill(&limits->header_size, defaults->header_size);
	fill(&limits->header_count, defaults->header_count);
	fill(&limits->body_size, defaults->body_size);
}

static void
resolve_queue(
    struct shoal_send_queue *queue, const struct shoal_send_queue *defaults)
{
	if (queue->high == 0) {
		queue->high = defaults->high;
		queue->low = defaults->low;
	}
	if (queue->when_full == SHOAL_FULL_DEFAULT)
		queue->when_full = defaults->when_full;
	if (queue->close_code == 0)
		queue->close_code = defaults->close_code;
	fill(&queue->stall_timeout_ms, defaults->stall_timeout_ms);
}

void
sh_ws_options_resolve(
    struct shoal_ws_options *options, const struct shoal_ws_options *defaults)
{
	if (options->origins == NULL)
		options->origins = defaults->origins;
	if (options->subprotocols == NULL)
		options->subprotocols = defaults->subprotocols;
	fill(&options->message_size, defaults->message_size);
	fill(&options->fragments, defaults->fragments);
	fill(&options->control_rate, defaults->control_rate);
	fill(&options->ping_ms, defaults->ping_ms);
	fill(&options->pong_timeout_ms, defaults->pong_timeout_ms);
	fill(&options->close_timeout_ms, defaults->close_timeout_ms);
	fill(&options->compression_min_size, defaults->compression_min_size);
	if (options->compression == SHOAL_WS_COMPRESSION_OFF)
		options->compression = defaults->compression;
	resolve_queue(&options->send_queue, &defaults->send_queue);
	options->stream = options->stream || defaults->stream;
	options->control = options->control || defaults->control;
}

/* Options built with an older header say less. */
static struct shoal_ws_options
known_part(const struct shoal_ws_options *asked)
{
	struct shoal_ws_options known = { 0 };

	if (asked != NULL)
		memcpy(&known, asked,
		    asked->size < sizeof(known) ? asked->size : sizeof(known));
	known.size = sizeof(known);
	return known;
}

struct sh_route
sh_route_from_public(const struct shoal_route *route,
    const struct shoal_http_limits *limits,
    const struct shoal_ws_options *websocket)
{
	struct sh_route to = {
		.path = route->path,
		.exact = route->exact,
		.methods = route->methods,
		.host = route->host,
		.fn = route->fn,
		.arg = route->arg,
		.handler = route->path,
		.limits = route->limits,
		.gzip_level = route->gzip_level,
		.gzip_min_size = route->gzip_min_size,
		.websocket = known_part(route->websocket),
	};

	fill(&to.gzip_min_size, GZIP_MIN_SIZE);
	sh_http_limits_resolve(&to.limits, limits);
	sh_ws_options_resolve(&to.websocket, websocket);
	return to;
}

/* A duration is added to the time of day. */
static bool
any_is_senseless(const int64_t *values, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (values[i] < -1 || values[i] > INT64_MAX / 2)
			return true;
	return false;
}

static const char *
list_lacks(const char *const *list, const char *(*lacks)(const char *))
{
	const char *wrong = NULL;

	for (; list != NULL && *list != NULL && wrong == NULL; list++)
		wrong = lacks(*list);
	return wrong;
}

static bool
queue_is_senseless(const struct shoal_send_queue *queue)
{
	return queue->high < 0 || queue->low < 0 || queue->low > queue->high ||
	    (unsigned)queue->when_full > SHOAL_FULL_PAUSE ||
	    (queue->close_code != 0 &&
		!sh_ws_code_is_allowed((unsigned)queue->close_code));
}

const char *
sh_ws_options_lack(const struct shoal_ws_options *asked)
{
	const struct shoal_ws_options known = known_part(asked);
	const struct shoal_ws_options *options = &known;
	const int64_t values[] = { options->message_size, options->fragments,
		options->control_rate, options->ping_ms,
		options->pong_timeout_ms, options->close_timeout_ms,
		options->compression_min_size,
		options->send_queue.stall_timeout_ms };

	if (asked->size == 0)
		return "websocket.size is not set";
	if (any_is_senseless(values, sizeof(values) / sizeof(values[0])))
		return "a number in websocket is below -1 or too large";
	if (queue_is_senseless(&options->send_queue))
		return "websocket.send_queue makes no sense";
	if (list_lacks(options->origins, sh_http_origin_lacks) != NULL)
		return "one of websocket.origins is malformed";
	if (list_lacks(options->subprotocols, sh_http_subprotocol_lacks) !=
	    NULL)
		return "one of websocket.subprotocols is malformed";
	return NULL;
}

const char *
sh_http_limits_lack(const struct shoal_http_limits *limits)
{
	const int64_t values[] = { limits->header_timeout_ms,
		limits->body_timeout_ms, limits->keepalive_timeout_ms,
		limits->body_size };

	if (any_is_senseless(values, sizeof(values) / sizeof(values[0])))
		return "a limit is below -1 or too large";
	if (limits->header_size < 0 || limits->header_count < 0)
		return "header_size or header_count is below 0";
	return NULL;
}

static const char *
numbers_lack(const struct shoal_route *route)
{
	if (route->gzip_level < 0 || route->gzip_level > 9)
		return "gzip_level is not 0 to 9";
	if (route->gzip_min_size < 0)
		return "gzip_min_size is below 0";
	return sh_http_limits_lack(&route->limits);
}

const char *
sh_route_lacks(const struct shoal_route *route)
{
	const char *wrong = NULL;

	if (route->size == 0)
		return "size is not set";
	if (route->path == NULL)
		return "path is missing";
	if (route->fn == NULL)
		return "fn is missing";
	if (sh_http_path_lacks(route->path) != NULL)
		return "path is malformed";
	if (route->methods != NULL &&
	    sh_http_methods_lack(route->methods) != NULL)
		return "methods are malformed";
	if (route->host != NULL &&
	    sh_http_route_host_lacks(route->host) != NULL)
		return "host is malformed";
	wrong = numbers_lack(route);
	if (wrong == NULL && route->websocket != NULL)
		wrong = sh_ws_options_lack(route->websocket);
	return wrong;
}
