/*
 * This file is the one table of keys that a configuration may hold; it does
 * not read values.
 */
#include "config.h"

#include "settings/settings_schema.h"

#include <shoal/log.h>
#include <shoal/ws.h>

#include "base/attr.h"
#include "base/log.h"
#include "settings/settings.h"

#define MS ((int64_t)1)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define KIB ((int64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const struct sh_word auto_word[] = { { "auto", SH_AUTO }, { NULL, 0 } };
static const struct sh_word off_word[] = { { "off", SH_OFF }, { NULL, 0 } };
static const struct sh_word auto_or_off[] = { { "auto", SH_AUTO },
	{ "off", SH_OFF }, { NULL, 0 } };
static const struct sh_word log_targets[] = { { "auto", SH_AUTO },
	{ "stderr", 0 }, { NULL, 0 } };
static const struct sh_word log_levels[] = {
	{ "emerg", SHOAL_LOG_EMERG },
	{ "alert", SHOAL_LOG_ALERT },
	{ "crit", SHOAL_LOG_CRIT },
	{ "err", SHOAL_LOG_ERR },
	{ "warning", SHOAL_LOG_WARNING },
	{ "notice", SHOAL_LOG_NOTICE },
	{ "info", SHOAL_LOG_INFO },
	{ "debug", SHOAL_LOG_DEBUG },
	{ NULL, 0 },
};
static const struct sh_word log_formats[] = { { "auto", SH_AUTO },
	{ "text", SH_LOG_TEXT }, { "json", SH_LOG_JSON }, { NULL, 0 } };
static const struct sh_word broker_types[] = { { "none", SH_BROKER_NONE },
	{ "redis", SH_BROKER_REDIS }, { "nats", SH_BROKER_NATS }, { NULL, 0 } };
static const struct sh_word stack_needs[] = { { "required", SH_STACK_GUARDED },
	{ "preferred", SH_STACK_ANY }, { NULL, 0 } };
static const struct sh_word protocols[] = { { "tcp", SH_PROTOCOL_TCP },
	{ "http", SH_PROTOCOL_HTTP }, { NULL, 0 } };
/* 0 is "off" for who answers */
static const struct sh_word gzip_off[] = { { "off", 0 }, { NULL, 0 } };
static const struct sh_word no_bound[] = { { "off", 0 }, { NULL, 0 } };
static const struct sh_word truths[] = { { "false", 0 }, { "true", 1 },
	{ NULL, 0 } };
static const struct sh_word compressions[] = {
	{ "off", SHOAL_WS_COMPRESSION_OFF },
	{ "shared", SHOAL_WS_COMPRESSION_SHARED },
	{ "takeover", SHOAL_WS_COMPRESSION_TAKEOVER },
	{ "false", SHOAL_WS_COMPRESSION_OFF },
	{ "true", SHOAL_WS_COMPRESSION_SHARED },
	{ NULL, 0 },
};

static const struct sh_word full_policies[] = {
	{ "close", SHOAL_FULL_CLOSE },
	{ "drop_new", SHOAL_FULL_DROP_NEW },
	{ "drop_old", SHOAL_FULL_DROP_OLD },
	{ "conflate", SHOAL_FULL_CONFLATE },
	{ "pause", SHOAL_FULL_PAUSE },
	{ NULL, 0 },
};

static const struct sh_word framing_types[] = { { "auto", SH_AUTO },
	{ "raw", SHOAL_FRAMING_RAW },
	{ "terminator", SHOAL_FRAMING_TERMINATOR },
	{ "length", SHOAL_FRAMING_LENGTH }, { NULL, 0 } };
static const struct sh_word length_fields[] = { { "u8", SHOAL_LENGTH_U8 },
	{ "u16be", SHOAL_LENGTH_U16BE }, { "u16le", SHOAL_LENGTH_U16LE },
	{ "u24be", SHOAL_LENGTH_U24BE }, { "u24le", SHOAL_LENGTH_U24LE },
	{ "u32be", SHOAL_LENGTH_U32BE }, { "u32le", SHOAL_LENGTH_U32LE },
	{ "u64be", SHOAL_LENGTH_U64BE }, { "u64le", SHOAL_LENGTH_U64LE },
	{ NULL, 0 } };

#define TOP(key, field)                     \
	.scope = SH_SCOPE_TOP, .path = key, \
	.offset = offsetof(struct sh_settings, field)
#define MODULE(key, field)                     \
	.scope = SH_SCOPE_MODULE, .path = key, \
	.offset = offsetof(struct sh_settings_module, field)
#define LISTENER(key, field)                     \
	.scope = SH_SCOPE_LISTENER, .path = key, \
	.offset = offsetof(struct sh_settings_listener, field)

#define ROUTE(key, field)                     \
	.scope = SH_SCOPE_ROUTE, .path = key, \
	.offset = offsetof(struct sh_settings_route, field)

#define HISTORY(key, field)                     \
	.scope = SH_SCOPE_HISTORY, .path = key, \
	.offset = offsetof(struct sh_settings_history, field)

/* What bounds of a request are the same at the top, for a listener, and for a
 * route. */
#define TIMEOUT \
	.type = SH_KEY_DURATION, .min = MS, .max = 365 * DAY, .words = off_word
#define BYTES \
	.type = SH_KEY_SIZE, .min = 1, .max = 1024 * GIB, .words = off_word
#define HEADER_SIZE .type = SH_KEY_SIZE, .min = 256, .max = 16 * MIB
#define HEADER_COUNT .type = SH_KEY_INT, .min = 1, .max = 10000
#define QUEUE_HIGH .type = SH_KEY_SIZE, .min = 1, .max = 1024 * GIB
#define QUEUE_LOW .type = SH_KEY_SIZE, .max = 1024 * GIB
#define WHEN_FULL .type = SH_KEY_WORD, .words = full_policies
#define CLOSE_CODE .type = SH_KEY_INT, .min = 1000, .max = 4999
#define GZIP_LEVEL .type = SH_KEY_INT, .min = 1, .max = 9, .words = gzip_off
#define GZIP_SIZE .type = SH_KEY_SIZE, .min = 1, .max = GIB

const struct sh_key_list sh_key_lists[] = {
	{ "topics.history", SH_SCOPE_TOP, SH_SCOPE_HISTORY },
	{ "modules", SH_SCOPE_TOP, SH_SCOPE_MODULE },
	{ "listeners", SH_SCOPE_TOP, SH_SCOPE_LISTENER },
	{ "routes", SH_SCOPE_LISTENER, SH_SCOPE_ROUTE },
	{ .name = NULL },
};

const struct sh_key sh_keys[] = {
	{ TOP("control.path", control.path), .type = SH_KEY_PATH,
	    .words = auto_word, .fallback = "auto", .flags = SH_KEY_RESTART,
	    .doc = "Unix socket that commands reach the master by" },
	{ TOP("control.mode", control.mode), .type = SH_KEY_MODE, .max = 0777,
	    .fallback = "0660", .flags = SH_KEY_RESTART,
	    .doc = "permissions of that socket" },
	{ TOP("control.group", control.group), .type = SH_KEY_STRING,
	    .fallback = "", .flags = SH_KEY_RESTART,
	    .doc = "group that owns that socket" },
	{ TOP("pid_file", pid_file), .type = SH_KEY_PATH, .words = auto_or_off,
	    .fallback = "auto", .flags = SH_KEY_RESTART,
	    .doc = "locked file with the master's process id" },

	{ TOP("workers.count", workers.count), .type = SH_KEY_INT, .min = 1,
	    .max = 512, .words = auto_word, .fallback = "auto",
	    .flags = SH_KEY_RESTART,
	    .doc = "worker processes; auto: one per CPU" },
	{ TOP("workers.user", workers.user), .type = SH_KEY_STRING,
	    .fallback = "", .flags = SH_KEY_RESTART,
	    .doc = "user that workers become" },
	{ TOP("workers.group", workers.group), .type = SH_KEY_STRING,
	    .fallback = "", .flags = SH_KEY_RESTART,
	    .doc = "group that workers become" },
	{ TOP("workers.chroot", workers.chroot), .type = SH_KEY_PATH,
	    .fallback = "", .flags = SH_KEY_RESTART,
	    .doc = "folder that workers see as /" },
	{ TOP("workers.nofile", workers.nofile), .type = SH_KEY_INT, .min = 64,
	    .max = 1048576, .words = auto_word, .fallback = "auto",
	    .doc = "file descriptors of a worker; auto: what may be had" },
	{ TOP("workers.max_connections", workers.max_connections),
	    .type = SH_KEY_INT, .min = 1, .max = 1000000, .words = auto_word,
	    .fallback = "auto",
	    .doc = "connections of a worker; auto: what nofile allows" },
	{ TOP("workers.stack_size", workers.stack_size), .type = SH_KEY_SIZE,
	    .min = 16 * KIB, .max = 16 * MIB, .fallback = "64k",
	    .doc = "stack of a coroutine" },
	{ TOP("workers.stack_guard", workers.stack_guard), .type = SH_KEY_WORD,
	    .words = stack_needs, .fallback = "required",
	    .doc = "preferred: rather a stack without a guard than none" },
	{ TOP("workers.watchdog", workers.watchdog_ms), .type = SH_KEY_DURATION,
	    .min = SECOND, .max = DAY, .words = off_word, .fallback = "10s",
	    .doc = "a worker stalled this long is killed and replaced" },
	{ TOP("workers.backoff.first", workers.backoff_first_ms),
	    .type = SH_KEY_DURATION, .min = MS, .max = HOUR,
	    .fallback = "100ms",
	    .doc = "first pause before a crashing worker is replaced" },
	{ TOP("workers.backoff.max", workers.backoff_max_ms),
	    .type = SH_KEY_DURATION, .min = MS, .max = DAY, .fallback = "30s",
	    .doc = "longest such pause" },

	{ TOP("reload.start_timeout", reload.start_timeout_ms),
	    .type = SH_KEY_DURATION, .min = MS, .max = DAY, .fallback = "30s",
	    .doc = "new workers must be ready within this" },
	{ TOP("reload.drain_timeout", reload.drain_timeout_ms),
	    .type = SH_KEY_DURATION, .max = 365 * DAY, .fallback = "10m",
	    .doc = "after a reload, old connections are cut after this" },
	{ TOP("reload.close_code", reload.close_code), .type = SH_KEY_INT,
	    .min = 1000, .max = 4999, .fallback = "1012",
	    .doc = "what WebSockets are closed with then" },
	{ TOP("reload.max_old", reload.max_old), .type = SH_KEY_INT, .min = 1,
	    .max = 16, .fallback = "3", .flags = SH_KEY_RESTART,
	    .doc = "old generations of workers alive at once" },

	{ TOP("stop.timeout", stop.timeout_ms), .type = SH_KEY_DURATION,
	    .max = 365 * DAY, .fallback = "30s",
	    .doc = "at a stop, connections are cut after this" },
	{ TOP("stop.orphan_grace", stop.orphan_grace_ms),
	    .type = SH_KEY_DURATION, .max = DAY, .fallback = "5s",
	    .doc = "time that workers have when the master is gone" },

	{ TOP("log.target", log.target), .type = SH_KEY_PATH,
	    .words = log_targets, .fallback = "auto",
	    .doc = "where lines go; auto: the journal or stderr, after `start' "
		   "NAME.log beside the control socket" },
	{ TOP("log.level", log.level), .type = SH_KEY_WORD, .words = log_levels,
	    .fallback = "info",
	    .doc = "least severe messages that are written" },
	{ TOP("log.format", log.format), .type = SH_KEY_WORD,
	    .words = log_formats, .fallback = "auto",
	    .doc = "how a line looks; auto: as suits the target" },

	{ TOP("limits.idle_timeout", limits.idle_timeout_ms),
	    .type = SH_KEY_DURATION, .min = MS, .max = 365 * DAY,
	    .words = off_word, .fallback = "off",
	    .doc = "TCP: a connection silent this long is closed" },
	{ TOP("limits.send_queue.high", limits.queue.high), QUEUE_HIGH,
	    .fallback = "1M",
	    .doc = "bytes queued for a peer at which sending waits" },
	{ TOP("limits.send_queue.low", limits.queue.low), QUEUE_LOW,
	    .fallback = "256k", .doc = "bytes queued at which it goes on" },
	{ TOP("limits.send_queue.when_full", limits.queue.when_full), WHEN_FULL,
	    .fallback = "close",
	    .doc = "what becomes of messages for many then" },
	{ TOP("limits.send_queue.close_code", limits.queue.close_code),
	    CLOSE_CODE, .fallback = "1013",
	    .doc = "what WebSockets are closed with then" },
	{ TOP("limits.send_queue.stall_timeout", limits.queue.stall_timeout_ms),
	    TIMEOUT, .fallback = "30s",
	    .doc = "a peer that takes nothing this long is cut" },
	{ TOP("limits.worker_queue", worker_queue), .type = SH_KEY_SIZE,
	    .min = 64 * KIB, .max = 1024 * GIB, .words = off_word,
	    .fallback = "256M",
	    .doc = "memory that all send queues of a worker may take" },
	{ TOP("limits.header_timeout", http.header_timeout_ms), TIMEOUT,
	    .fallback = "10s",
	    .doc = "HTTP: time for a head, from its first byte" },
	{ TOP("limits.body_timeout", http.body_timeout_ms), TIMEOUT,
	    .fallback = "60s", .doc = "HTTP: time for a whole body" },
	{ TOP("limits.keepalive_timeout", http.keepalive_timeout_ms), TIMEOUT,
	    .fallback = "75s",
	    .doc = "HTTP: silence between requests that ends a connection" },
	{ TOP("limits.header_size", http.header_size), HEADER_SIZE,
	    .fallback = "16k", .doc = "HTTP: bytes of a head" },
	{ TOP("limits.header_count", http.header_count), HEADER_COUNT,
	    .fallback = "100", .doc = "HTTP: header fields of a request" },
	{ TOP("limits.body_size", http.body_size), BYTES, .fallback = "1M",
	    .doc = "HTTP: bytes of a body" },
	{ TOP("limits.message_size", message_size), BYTES, .fallback = "1M",
	    .doc = "WebSocket: bytes of a message" },

	{ TOP("topics.ring", topics.ring), .type = SH_KEY_SIZE, .min = 64 * KIB,
	    .max = GIB, .fallback = "8M", .flags = SH_KEY_RESTART,
	    .doc = "bytes that a worker may be ahead of the others" },

	{ TOP("broker.type", broker.type), .type = SH_KEY_WORD,
	    .words = broker_types, .fallback = "none", .flags = SH_KEY_RESTART,
	    .doc = "what carries topics to other machines" },
	{ TOP("broker.url", broker.url), .type = SH_KEY_STRINGS,
	    .doc = "redis://[user@]host:port[/db], unix:/path; "
		   "nats://[user@]host:port, one or several" },
	{ TOP("broker.user", broker.user), .type = SH_KEY_STRING,
	    .fallback = "", .doc = "who shoal is there" },
	{ TOP("broker.password", broker.password), .type = SH_KEY_STRING,
	    .fallback = "", .flags = SH_KEY_SECRET,
	    .doc = "its password; is not shown" },
	{ TOP("broker.password_file", broker.password_file),
	    .type = SH_KEY_PATH, .fallback = "",
	    .doc = "file whose first line is the password" },
	{ TOP("broker.prefix", broker.prefix), .type = SH_KEY_STRING,
	    .words = auto_word, .fallback = "auto",
	    .doc = "begins all names there; auto: shoal: or shoal." },
	{ TOP("broker.timeout", broker.timeout_ms), .type = SH_KEY_DURATION,
	    .min = 100 * MS, .max = HOUR, .fallback = "5s",
	    .doc = "time to connect, to be answered, and to wait unsent" },
	{ TOP("broker.backoff.first", broker.backoff_first_ms),
	    .type = SH_KEY_DURATION, .min = MS, .max = HOUR,
	    .fallback = "100ms",
	    .doc = "first pause before it connects again" },
	{ TOP("broker.backoff.max", broker.backoff_max_ms),
	    .type = SH_KEY_DURATION, .min = MS, .max = HOUR, .fallback = "5s",
	    .doc = "longest such pause" },
	{ TOP("broker.queue", broker.queue), .type = SH_KEY_SIZE,
	    .min = 64 * KIB, .max = 1024 * GIB, .fallback = "4M",
	    .doc = "bytes of a worker that wait to be published" },

	{ HISTORY("filter", filter), .type = SH_KEY_STRING,
	    .flags = SH_KEY_REQUIRED,
	    .doc = "topics that keep a history, such as \"chat/#\"" },
	{ HISTORY("count", count), .type = SH_KEY_INT, .min = 1,
	    .max = 1000000000, .words = no_bound, .fallback = "off",
	    .doc = "messages that a topic keeps; 1: the last value" },
	{ HISTORY("bytes", bytes), .type = SH_KEY_SIZE, .min = 1,
	    .max = 64 * MIB, .words = no_bound, .fallback = "off",
	    .doc = "their bytes, and 64 for each" },
	{ HISTORY("age", age_ms), .type = SH_KEY_DURATION, .min = MS,
	    .max = 365 * DAY, .words = no_bound, .fallback = "off",
	    .doc = "after this a message is forgotten" },

	{ MODULE("name", name), .type = SH_KEY_STRING, .flags = SH_KEY_REQUIRED,
	    .doc = "first half of its handlers' names" },
	{ MODULE("file", file), .type = SH_KEY_STRING, .flags = SH_KEY_REQUIRED,
	    .doc = "shared object; without a / in the module folder" },
	{ MODULE("config", config), .type = SH_KEY_CONFIG,
	    .doc = "the module's own keys" },

	{ LISTENER("name", name), .type = SH_KEY_STRING,
	    .doc = "what it is called in messages and figures" },
	{ LISTENER("protocol", protocol), .type = SH_KEY_WORD,
	    .words = protocols, .fallback = "tcp",
	    .doc = "what is spoken on its connections" },
	{ LISTENER("address", address), .type = SH_KEY_STRING,
	    .flags = SH_KEY_REQUIRED,
	    .doc = "host:port, [v6]:port, *:port or unix:/path" },
	{ LISTENER("backlog", backlog), .type = SH_KEY_INT, .min = 1,
	    .max = 65535, .fallback = "4096",
	    .doc = "connections that may wait to be accepted" },
	{ LISTENER("handler", handler), .type = SH_KEY_STRING, .fallback = "",
	    .doc = "what serves the connections, unless there are routes" },
	{ LISTENER("config", config), .type = SH_KEY_CONFIG,
	    .doc = "the handler's own keys" },
	{ LISTENER("framing.type", framing.type), .type = SH_KEY_WORD,
	    .words = framing_types, .fallback = "auto", .flags = SH_KEY_TCP,
	    .doc = "what cuts bytes into packets; auto: the handler says" },
	{ LISTENER("framing.terminator", framing.terminator),
	    .type = SH_KEY_STRING, .fallback = "", .flags = SH_KEY_TCP,
	    .doc = "1 to 8 bytes that a packet ends with" },
	{ LISTENER("framing.field", framing.field), .type = SH_KEY_WORD,
	    .words = length_fields, .fallback = "u32be", .flags = SH_KEY_TCP,
	    .doc = "bits and byte order of a packet's length" },
	{ LISTENER("framing.offset", framing.offset), .type = SH_KEY_INT,
	    .max = 65535, .fallback = "0", .flags = SH_KEY_TCP,
	    .doc = "bytes of a packet before its length" },
	{ LISTENER("framing.body", framing.body), .type = SH_KEY_INT,
	    .max = 65535, .words = auto_word, .fallback = "auto",
	    .flags = SH_KEY_TCP,
	    .doc = "bytes that the length leaves out; auto: up to its end" },
	{ LISTENER("framing.max", framing.max), .type = SH_KEY_SIZE, .min = 1,
	    .max = SHOAL_PACKET_MAX, .fallback = "2M", .flags = SH_KEY_TCP,
	    .doc = "bytes of a packet" },
	{ LISTENER("keepalive.idle", keepalive_idle_ms),
	    .type = SH_KEY_DURATION, .min = SECOND, .max = 9 * HOUR,
	    .words = off_word, .fallback = "off",
	    .doc = "silence before TCP probes the peer" },
	{ LISTENER("keepalive.interval", keepalive_interval_ms),
	    .type = SH_KEY_DURATION, .min = SECOND, .max = 9 * HOUR,
	    .fallback = "60s", .doc = "pause between such probes" },
	{ LISTENER("keepalive.count", keepalive_count), .type = SH_KEY_INT,
	    .min = 1, .max = 127, .fallback = "5",
	    .doc = "probes without an answer that end a connection" },
	{ LISTENER("user_timeout", user_timeout_ms), .type = SH_KEY_DURATION,
	    .min = MS, .max = 24 * DAY, .words = off_word, .fallback = "off",
	    .doc = "sent data unconfirmed this long ends a connection" },
	{ LISTENER("notsent_lowat", notsent_lowat), .type = SH_KEY_SIZE,
	    .min = 1, .max = GIB, .words = off_word, .fallback = "64k",
	    .doc = "unsent bytes that the kernel may hold for a connection" },
	{ LISTENER("limits.idle_timeout", limits.idle_timeout_ms),
	    .type = SH_KEY_DURATION, .min = MS, .max = 365 * DAY,
	    .words = off_word, .flags = SH_KEY_INHERITS | SH_KEY_TCP,
	    .doc = "as limits.idle_timeout, for this listener" },
	{ LISTENER("limits.send_queue.high", limits.queue.high), QUEUE_HIGH,
	    .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.high, for this listener" },
	{ LISTENER("limits.send_queue.low", limits.queue.low), QUEUE_LOW,
	    .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.low, for this listener" },
	{ LISTENER("limits.send_queue.when_full", limits.queue.when_full),
	    WHEN_FULL, .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.when_full, for this listener" },
	{ LISTENER("limits.send_queue.close_code", limits.queue.close_code),
	    CLOSE_CODE, .flags = SH_KEY_INHERITS | SH_KEY_HTTP,
	    .doc = "as limits.send_queue.close_code, for this listener" },
	{ LISTENER(
	      "limits.send_queue.stall_timeout", limits.queue.stall_timeout_ms),
	    TIMEOUT, .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.stall_timeout, for this listener" },
	{ LISTENER("limits.header_timeout", http.header_timeout_ms), TIMEOUT,
	    .flags = SH_KEY_INHERITS | SH_KEY_HTTP,
	    .doc = "as limits.header_timeout, for this listener" },
	{ LISTENER("limits.body_timeout", http.body_timeout_ms), TIMEOUT,
	    .flags = SH_KEY_INHERITS | SH_KEY_HTTP,
	    .doc = "as limits.body_timeout, for this listener" },
	{ LISTENER("limits.keepalive_timeout", http.keepalive_timeout_ms),
	    TIMEOUT, .flags = SH_KEY_INHERITS | SH_KEY_HTTP,
	    .doc = "as limits.keepalive_timeout, for this listener" },
	{ LISTENER("limits.header_size", http.header_size), HEADER_SIZE,
	    .flags = SH_KEY_INHERITS | SH_KEY_HTTP,
	    .doc = "as limits.header_size, for this listener" },
	{ LISTENER("limits.header_count", http.header_count), HEADER_COUNT,
	    .flags = SH_KEY_INHERITS | SH_KEY_HTTP,
	    .doc = "as limits.header_count, for this listener" },
	{ LISTENER("limits.body_size", http.body_size), BYTES,
	    .flags = SH_KEY_INHERITS | SH_KEY_HTTP,
	    .doc = "as limits.body_size, for this listener" },
	{ LISTENER("limits.message_size", message_size), BYTES,
	    .flags = SH_KEY_INHERITS | SH_KEY_HTTP,
	    .doc = "as limits.message_size, for this listener" },
	{ LISTENER("gzip.level", gzip.level), GZIP_LEVEL, .fallback = "off",
	    .flags = SH_KEY_HTTP,
	    .doc = "how much texts are compressed: 1 fast, 9 small" },
	{ LISTENER("gzip.min_size", gzip.min_size), GZIP_SIZE, .fallback = "1k",
	    .flags = SH_KEY_HTTP, .doc = "bytes of a text worth it" },

	{ ROUTE("path", path), .type = SH_KEY_STRING, .flags = SH_KEY_REQUIRED,
	    .doc = "\"/a\", or \"/a/\" with all that is below" },
	{ ROUTE("exact", exact), .type = SH_KEY_WORD, .words = truths,
	    .fallback = "false", .doc = "nothing below \"/a/\" either" },
	{ ROUTE("methods", methods), .type = SH_KEY_STRINGS,
	    .doc = "GET, POST and the like; none: all" },
	{ ROUTE("host", host), .type = SH_KEY_STRING, .fallback = "",
	    .doc = "\"example.org\", \"*.example.org\"; empty: any" },
	{ ROUTE("handler", handler), .type = SH_KEY_STRING,
	    .flags = SH_KEY_REQUIRED, .doc = "what answers its requests" },
	{ ROUTE("config", config), .type = SH_KEY_CONFIG,
	    .doc = "the handler's own keys" },
	{ ROUTE("limits.body_timeout", limits.body_timeout_ms), TIMEOUT,
	    .flags = SH_KEY_INHERITS,
	    .doc = "as limits.body_timeout, for this route" },
	{ ROUTE("limits.body_size", limits.body_size), BYTES,
	    .flags = SH_KEY_INHERITS,
	    .doc = "as limits.body_size, for this route" },
	{ ROUTE("limits.send_queue.high", queue.high), QUEUE_HIGH,
	    .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.high, for its WebSockets" },
	{ ROUTE("limits.send_queue.low", queue.low), QUEUE_LOW,
	    .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.low, for its WebSockets" },
	{ ROUTE("limits.send_queue.when_full", queue.when_full), WHEN_FULL,
	    .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.when_full, for its WebSockets" },
	{ ROUTE("limits.send_queue.close_code", queue.close_code), CLOSE_CODE,
	    .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.close_code, for its WebSockets" },
	{ ROUTE("limits.send_queue.stall_timeout", queue.stall_timeout_ms),
	    TIMEOUT, .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.stall_timeout, for its WebSockets" },
	{ ROUTE("gzip.level", gzip.level), GZIP_LEVEL, .flags = SH_KEY_INHERITS,
	    .doc = "as gzip.level of the listener, for this route" },
	{ ROUTE("gzip.min_size", gzip.min_size), GZIP_SIZE,
	    .flags = SH_KEY_INHERITS,
	    .doc = "as gzip.min_size of the listener, for this route" },
	{ ROUTE("websocket.origins", websocket.origins), .type = SH_KEY_STRINGS,
	    .doc = "whose pages may connect; none: the server's own" },
	{ ROUTE("websocket.subprotocols", websocket.subprotocols),
	    .type = SH_KEY_STRINGS,
	    .doc = "what may be spoken, the best one first" },
	{ ROUTE("websocket.compression", websocket.compression),
	    .type = SH_KEY_WORD, .words = compressions, .fallback = "off",
	    .doc = "takeover: smaller, and memory for each connection" },
	{ ROUTE(
	      "websocket.compression_min_size", websocket.compression_min_size),
	    .type = SH_KEY_SIZE, .min = 1, .max = GIB, .fallback = "256",
	    .doc = "bytes of a message worth it" },
	{ ROUTE("websocket.message_size", websocket.message_size), BYTES,
	    .from = "limits.message_size", .flags = SH_KEY_INHERITS,
	    .doc = "bytes of a message" },
	{ ROUTE("websocket.fragments", websocket.fragments), .type = SH_KEY_INT,
	    .min = 1, .max = 1000000000, .words = off_word, .fallback = "1024",
	    .doc = "frames of a message" },
	{ ROUTE("websocket.control_rate", websocket.control_rate),
	    .type = SH_KEY_INT, .min = 1, .max = 1000000, .words = off_word,
	    .fallback = "10", .doc = "control frames in a second" },
	{ ROUTE("websocket.ping", websocket.ping_ms), TIMEOUT,
	    .fallback = "30s", .doc = "silence before a ping is sent" },
	{ ROUTE("websocket.pong_timeout", websocket.pong_timeout_ms), TIMEOUT,
	    .fallback = "10s", .doc = "silence after it that ends it" },
	{ ROUTE("websocket.close_timeout", websocket.close_timeout_ms),
	    .type = SH_KEY_DURATION, .min = MS, .max = DAY, .fallback = "5s",
	    .doc = "wait for the peer's close frame" },
	{ .path = NULL },
};

_Static_assert(SH_ARRAY_LEN(sh_keys) <= SH_KEYS_MAX, "raise SH_KEYS_MAX");
