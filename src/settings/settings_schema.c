/*
 * This file is the one table of keys that a configuration may hold; it does
 * not read values.
 */
#include "config.h"

#include "settings/settings_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/log.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
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
static const struct sh_word stack_needs[] = { { "required", SH_STACK_GUARDED },
	{ "preferred", SH_STACK_ANY }, { NULL, 0 } };
static const struct sh_word protocols[] = { { "tcp", SH_PROTOCOL_TCP },
	{ NULL, 0 } };

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
	    .doc = "a connection silent this long is closed" },
	{ TOP("limits.send_queue.high", limits.queue_high), .type = SH_KEY_SIZE,
	    .min = 1, .max = 1024 * GIB, .fallback = "1M",
	    .doc = "bytes queued for a peer at which sending waits" },
	{ TOP("limits.send_queue.low", limits.queue_low), .type = SH_KEY_SIZE,
	    .max = 1024 * GIB, .fallback = "256k",
	    .doc = "bytes queued at which it goes on" },

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
	{ LISTENER("handler", handler), .type = SH_KEY_STRING,
	    .flags = SH_KEY_REQUIRED, .doc = "what serves the connections" },
	{ LISTENER("config", config), .type = SH_KEY_CONFIG,
	    .doc = "the handler's own keys" },
	{ LISTENER("framing.type", framing.type), .type = SH_KEY_WORD,
	    .words = framing_types, .fallback = "auto",
	    .doc = "what cuts bytes into packets; auto: the handler says" },
	{ LISTENER("framing.terminator", framing.terminator),
	    .type = SH_KEY_STRING, .fallback = "",
	    .doc = "1 to 8 bytes that a packet ends with" },
	{ LISTENER("framing.field", framing.field), .type = SH_KEY_WORD,
	    .words = length_fields, .fallback = "u32be",
	    .doc = "bits and byte order of a packet's length" },
	{ LISTENER("framing.offset", framing.offset), .type = SH_KEY_INT,
	    .max = 65535, .fallback = "0",
	    .doc = "bytes of a packet before its length" },
	{ LISTENER("framing.body", framing.body), .type = SH_KEY_INT,
	    .max = 65535, .words = auto_word, .fallback = "auto",
	    .doc = "bytes that the length leaves out; auto: up to its end" },
	{ LISTENER("framing.max", framing.max), .type = SH_KEY_SIZE, .min = 1,
	    .max = SHOAL_PACKET_MAX, .fallback = "2M",
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
	    .words = off_word, .flags = SH_KEY_INHERITS,
	    .doc = "as limits.idle_timeout, for this listener" },
	{ LISTENER("limits.send_queue.high", limits.queue_high),
	    .type = SH_KEY_SIZE, .min = 1, .max = 1024 * GIB,
	    .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.high, for this listener" },
	{ LISTENER("limits.send_queue.low", limits.queue_low),
	    .type = SH_KEY_SIZE, .max = 1024 * GIB, .flags = SH_KEY_INHERITS,
	    .doc = "as limits.send_queue.low, for this listener" },
	{ .path = NULL },
};

_Static_assert(SH_ARRAY_LEN(sh_keys) <= SH_KEYS_MAX, "raise SH_KEYS_MAX");

const struct sh_key *
sh_key_find(enum sh_key_scope scope, const char *path)
{
	const struct sh_key *key;

	for (key = sh_keys; key->path != NULL; key++)
		if (key->scope == scope && strcmp(key->path, path) == 0)
			return key;
	return NULL;
}

/* What stands behind "path." in a key's path, or NULL. */
static const char *
strip_group(const char *key_path, const char *path)
{
	size_t len = strlen(path);

	if (len == 0)
		return key_path;
	if (strncmp(key_path, path, len) != 0 || key_path[len] != '.')
		return NULL;
	return key_path + len + 1;
}

bool
sh_key_is_group(enum sh_key_scope scope, const char *path)
{
	const struct sh_key *key;

	for (key = sh_keys; key->path != NULL; key++)
		if (key->scope == scope && strip_group(key->path, path) != NULL)
			return true;
	return false;
}

static void
add_name(char **names, size_t *count, const char *name, size_t len)
{
	/* keys of a group stand together, so it is enough to look back once */
	if (*count != 0 && strlen(names[*count - 1]) == len &&
	    strncmp(names[*count - 1], name, len) == 0)
		return;
	names[(*count)++] = sh_xprintf("%.*s", (int)len, name);
}

char **
sh_key_names(enum sh_key_scope scope, const char *path)
{
	/* with the two lists and the end */
	char **names = sh_xcalloc(SH_KEYS_MAX + 3, sizeof(*names));
	const struct sh_key *key;
	size_t count = 0;

	for (key = sh_keys; key->path != NULL; key++) {
		const char *name =
		    key->scope == scope ? strip_group(key->path, path) : NULL;

		if (name != NULL)
			add_name(names, &count, name, strcspn(name, "."));
	}
	if (scope == SH_SCOPE_TOP && path[0] == '\0') {
		add_name(names, &count, "modules", 7);
		add_name(names, &count, "listeners", 9);
	}
	return names;
}

void
sh_key_names_free(char **names)
{
	size_t i;

	for (i = 0; names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

char *
sh_key_advice(enum sh_key_scope scope, const char *path, const char *wrong)
{
	char **names = sh_key_names(scope, path);
	const char *near = sh_word_nearest(wrong, (const char *const *)names);
	struct sh_buf text;
	size_t i;

	sh_buf_init(&text, 4096);
	if (near != NULL) {
		sh_buf_printf(&text, "; did you mean '%s'?", near);
	} else {
		for (i = 0; names[i] != NULL; i++)
			sh_buf_printf(&text, "%s%s",
			    i == 0 ? "; known here: " : ", ", names[i]);
	}
	sh_key_names_free(names);
	sh_buf_puts(&text, "");
	return sh_buf_take(&text);
}

const char *
sh_scope_prefix(enum sh_key_scope scope)
{
	static const char *const prefixes[] = { [SH_SCOPE_TOP] = "",
		[SH_SCOPE_MODULE] = "modules[].",
		[SH_SCOPE_LISTENER] = "listeners[]." };

	return prefixes[scope];
}

bool
sh_key_is_beside(const struct sh_key *a, const struct sh_key *b)
{
	const char *end_a = strchr(a->path, '.'), *end_b = strchr(b->path, '.');

	if (a->scope != b->scope || end_a == NULL || end_b == NULL)
		return a->scope == b->scope && end_a == end_b;
	return end_a - a->path == end_b - b->path &&
	    strncmp(a->path, b->path, (size_t)(end_a - a->path)) == 0;
}
