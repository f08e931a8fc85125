/*
 * This file is the configuration as an immutable value: one flat block without
 * pointers, so that it can be handed to another process as bytes. Strings are
 * offsets into the block. It does not read files.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <shoal/framing.h>

enum {
	SH_SETTINGS_MAGIC = 0x53485331,
	SH_OFF = -1, /* "off" in a number, duration or size */
	SH_AUTO = -2 /* "auto": derived by the code that obeys the key */
};

/* A string: offset from the beginning of the block, 0 for "". */
struct sh_text {
	uint32_t off;
};

/* The `config' group of a listener, route or module, or a list of strings: a
 * run of items. */
struct sh_settings_group {
	uint32_t first, count;
};

enum sh_settings_type {
	SH_TYPE_BOOL,
	SH_TYPE_INT,
	SH_TYPE_FLOAT,
	SH_TYPE_STRING
};

/* One scalar of such a group; nested ones have a path such as "a.b[0]", those
 * of a list "[0]". */
struct sh_settings_item {
	struct sh_text path;
	struct sh_text origin; /* "file:line" */
	struct sh_text text;   /* STRING */
	uint32_t type;         /* enum sh_settings_type */
	int64_t number;        /* BOOL, INT */
	double real;           /* FLOAT */
};

struct sh_settings_queue {
	int64_t high, low;        /* bytes; low <= high */
	int64_t when_full;        /* enum shoal_when_full, not DEFAULT */
	int64_t close_code;       /* of WebSockets */
	int64_t stall_timeout_ms; /* or SH_OFF */
};

struct sh_settings_limits {
	int64_t idle_timeout_ms; /* or SH_OFF */
	struct sh_settings_queue queue;
};

/* What HTTP requests may take; numbers or SH_OFF. */
struct sh_settings_http {
	int64_t header_timeout_ms, body_timeout_ms, keepalive_timeout_ms;
	int64_t header_size, header_count; /* bytes; fields */
	int64_t body_size;                 /* bytes */
};

struct sh_settings_gzip {
	int64_t level;    /* 1 to 9; 0: off */
	int64_t min_size; /* bytes */
};

/* What carries topics to other machines. */
enum sh_broker_type { SH_BROKER_NONE, SH_BROKER_REDIS, SH_BROKER_NATS };

enum {
	SH_BROKER_REDIS_PORT = 6379,
	SH_BROKER_NATS_PORT = 4222,
	SH_BROKER_PASSWORD_MAX = 1023, /* bytes */
	SH_BROKER_PREFIX_MAX = 64
};

struct sh_settings_broker {
	int64_t type;                                 /* enum sh_broker_type */
	struct sh_settings_group url;                 /* of strings */
	struct sh_text user, password, password_file; /* "" for none */
	struct sh_text prefix;                        /* or "auto" */
	int64_t timeout_ms, backoff_first_ms, backoff_max_ms;
	int64_t queue; /* bytes */
};

struct sh_settings_module {
	struct sh_text name, file, origin;
	struct sh_settings_group config;
};

enum sh_protocol { SH_PROTOCOL_TCP, SH_PROTOCOL_HTTP };

/* Whether a coroutine may have a stack without a guard. */
enum sh_stack_need { SH_STACK_GUARDED, SH_STACK_ANY };

/* What a listener gets that no file describes; the schema says the same. */
enum {
	SH_DEFAULT_BACKLOG = 4096,
	SH_DEFAULT_NOTSENT_LOWAT = 65536,
	SH_DEFAULT_KEEPALIVE_INTERVAL_S = 60,
	SH_DEFAULT_KEEPALIVE_COUNT = 5
};

struct sh_settings_framing {
	int64_t type;         /* enum shoal_framing_type, SH_AUTO */
	int64_t field;        /* enum shoal_length_field */
	int64_t offset, body; /* bytes; body or SH_AUTO: behind the field */
	int64_t max;          /* bytes */
	struct sh_text terminator;
};

struct sh_settings_websocket {
	struct sh_settings_group origins, subprotocols;
	int64_t compression;          /* enum shoal_ws_compression */
	int64_t compression_min_size; /* bytes */
	int64_t message_size, fragments, control_rate; /* or SH_OFF */
	int64_t ping_ms, pong_timeout_ms;              /* or SH_OFF */
	int64_t close_timeout_ms;
};

struct sh_settings_route {
	struct sh_text path, host, handler;
	struct sh_text origin, handler_origin; /* "file:line" */
	int64_t exact;                         /* 0 or 1 */
	struct sh_settings_group methods, config;
	struct sh_settings_http limits; /* own over the listener's, resolved */
	struct sh_settings_gzip gzip;   /* likewise */
	struct sh_settings_queue queue; /* likewise, of its WebSockets */
	struct sh_settings_websocket websocket;
};

struct sh_settings_listener {
	struct sh_text name, address, handler;
	struct sh_text origin, handler_origin; /* "file:line" */
	int64_t protocol;                      /* enum sh_protocol */
	int64_t backlog;
	int64_t keepalive_idle_ms; /* or SH_OFF: no keepalive */
	int64_t keepalive_interval_ms, keepalive_count;
	int64_t user_timeout_ms;          /* or SH_OFF */
	int64_t notsent_lowat;            /* bytes, or SH_OFF */
	struct sh_settings_limits limits; /* own over global, resolved */
	struct sh_settings_group config;
	struct sh_settings_framing framing;
	struct sh_settings_http http; /* own over global, resolved */
	int64_t message_size;         /* likewise; bytes, or SH_OFF */
	struct sh_settings_gzip gzip;
	/* Of HTTP, one at least: a handler without routes has one for all
	 * paths. */
	uint32_t first_route, route_count;
};

/* What topics keep; 0: no bound of that sort. */
struct sh_settings_history {
	struct sh_text filter, origin; /* "file:line" */
	int64_t count, bytes, age_ms;
};

struct sh_settings {
	uint32_t magic, size; /* of the whole block, bytes */
	struct {
		struct sh_text path, group; /* path may be "auto" */
		int64_t mode;
	} control;
	struct sh_text pid_file; /* path, "auto" or "off" */
	struct {
		int64_t count;                      /* or SH_AUTO */
		struct sh_text user, group, chroot; /* "" for none */
		int64_t nofile;                     /* or SH_AUTO */
		int64_t max_connections;            /* or SH_AUTO */
		int64_t stack_size;
		int64_t stack_guard; /* enum sh_stack_need */
		int64_t watchdog_ms; /* or SH_OFF */
		int64_t backoff_first_ms, backoff_max_ms;
	} workers;
	struct {
		int64_t start_timeout_ms, drain_timeout_ms, max_old;
		int64_t close_code; /* of WebSockets */
	} reload;
	struct {
		int64_t timeout_ms, orphan_grace_ms;
	} stop;
	struct {
		struct sh_text target; /* "auto", "stderr" or path */
		int64_t level;         /* enum shoal_log_level */
		int64_t format;        /* enum sh_log_format, SH_AUTO */
	} log;
	struct {
		int64_t ring; /* bytes, a power of two */
	} topics;
	struct sh_settings_broker broker;
	struct sh_settings_limits limits;
	struct sh_settings_http http;
	int64_t message_size;
	int64_t worker_queue; /* bytes of memory, or SH_OFF */
	uint32_t histories_off, history_count;
	uint32_t routes_off, route_count;
	uint32_t listeners_off, listener_count;
	uint32_t modules_off, module_count;
	uint32_t items_off, item_count;
};

static inline const char *
sh_settings_text(const struct sh_settings *settings, struct sh_text text)
{
	return text.off == 0 ? "" : (const char *)settings + text.off;
}

static inline const struct sh_settings_listener *
sh_settings_listener(const struct sh_settings *settings, uint32_t i)
{
	return (const struct sh_settings_listener *)(const void
		       *)((const char *)settings + settings->listeners_off) +
	    i;
}

/** A route of a listener. */
static inline const struct sh_settings_route *
sh_settings_route(const struct sh_settings *settings,
    const struct sh_settings_listener *listener, uint32_t i)
{
	return (const struct sh_settings_route *)(const void *)((const char *)
								    settings +
		   settings->routes_off) +
	    listener->first_route + i;
}

static inline const struct sh_settings_history *
sh_settings_history(const struct sh_settings *settings, uint32_t i)
{
	return (const struct sh_settings_history *)(const void *)((const char *)
								      settings +
		   settings->histories_off) +
	    i;
}

static inline const struct sh_settings_module *
sh_settings_module(const struct sh_settings *settings, uint32_t i)
{
	return (const struct sh_settings_module *)(const void *)((const char *)
								     settings +
		   settings->modules_off) +
	    i;
}

static inline const struct sh_settings_item *
sh_settings_item(const struct sh_settings *settings,
    struct sh_settings_group group, uint32_t i)
{
	return (const struct sh_settings_item *)(const void *)((const char *)
								   settings +
		   settings->items_off) +
	    group.first + i;
}

/** What a listener's `framing' asks for; its terminator is lent with the
 *  settings. False, with *framing_out untouched, when it leaves it to the
 *  handler. */
bool sh_settings_framing(const struct sh_settings *settings,
    const struct sh_settings_listener *listener,
    struct shoal_framing *framing_out);
